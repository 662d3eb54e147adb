//! Is it safe now? The verdict on the evidence, with its reasons. Each names the page of `docs/runbook` to read.

use jiff::Timestamp;
use serde::Serialize;

use crate::point::Backup;
use crate::record::{Forecast, Outcome, Place, Rehearsal, Replica, Restore, Volume, seconds_between};
use crate::thresholds::{self, is_backup_old};

mod commands;

pub use commands::Commands;

const BACKUP_TOO_OLD: f64 = thresholds::BACKUP_TOO_OLD.as_secs_f64();
const LAG_LONG: f64 = thresholds::LAG_LONG.as_secs_f64();
const LAG_TOO_LONG: f64 = thresholds::LAG_TOO_LONG.as_secs_f64();
const REHEARSAL_OLD: f64 = thresholds::REHEARSAL_OLD.as_secs_f64();

/// What is known now.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// The clock.
    pub now: Timestamp,
    /// Why the application cannot serve: a page of the runbook, and the words.
    pub not_ready: Option<(&'static str, String)>,
    /// What the catalog records, or why it cannot be read.
    pub record: Result<&'a Record, &'a str>,
}

/// What the catalog records, as far as the verdict needs it.
#[derive(Debug, Default)]
pub struct Record {
    /// The newest backup of all.
    pub newest: Option<Backup>,
    /// The newest good one that is not ahead of the clock.
    pub newest_good: Option<Backup>,
    /// The newest that is ahead of the clock.
    pub ahead: Option<Backup>,
    /// The stores that the database is followed into.
    pub replicas: Vec<Replica>,
    /// The newest of each source.
    pub rehearsals: Vec<Rehearsal>,
    /// The newest good one of all.
    pub good_rehearsal: Option<Rehearsal>,
    /// The last restore.
    pub restore: Option<Restore>,
    /// How full the volumes are.
    pub volumes: Vec<Volume>,
    /// What the rules of the last backup will keep, if that is known.
    pub forecast: Option<Forecast>,
}

/// How safe it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Nothing is missing.
    Safe,
    /// A recovery would succeed; something is not as it should be.
    Warning,
    /// A recovery would fail, or lose more than it may.
    Danger,
}

/// The answer.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// That of the worst reason.
    pub level: Level,
    /// The answer for people.
    pub sentence: String,
    /// Worst first.
    pub reasons: Vec<Reason>,
    /// What would be lost if the data were gone now.
    pub loss_seconds: Option<f64>,
    /// What the newest good rehearsal took.
    pub recovery_seconds: Option<f64>,
}

/// Something that is not as it should be.
#[derive(Debug, Serialize)]
pub struct Reason {
    /// How bad it is.
    pub level: Level,
    /// What it is, for people.
    pub text: String,
    /// The page of `docs/runbook`, without its ending.
    pub page: &'static str,
    /// What helps, as one types it.
    pub command: Option<String>,
}

impl Reason {
    fn new(level: Level, text: String, page: &'static str) -> Self {
        Self { level, text, page, command: None }
    }

    fn with(self, command: String) -> Self {
        Self { command: Some(command), ..self }
    }
}

/// Judges the evidence.
pub fn judge(evidence: &Evidence<'_>) -> Verdict {
    let Evidence { now, not_ready, record } = evidence;
    let mut reasons = Vec::new();
    if let Some((page, why)) = not_ready {
        reasons.push(Reason::new(Level::Danger, format!("the application is not ready: {why}"), page));
    }
    let (mut loss_seconds, mut recovery_seconds) = (None, None);
    match record {
        Err(why) => {
            let text = format!("the catalog of backups cannot be read: {why}");
            reasons.push(Reason::new(Level::Danger, text, "no-backup"));
        }
        Ok(record) => {
            let judged = Judged { now: *now, record, commands: Commands::new(&record.volumes) };
            judged.volumes(&mut reasons);
            judged.backups(&mut reasons);
            judged.replicas(&mut reasons);
            judged.rehearsals(&mut reasons);
            judged.restore(&mut reasons);
            loss_seconds = judged.loss_seconds();
            recovery_seconds = record.good_rehearsal.as_ref().map(|rehearsal| rehearsal.seconds);
        }
    }
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.level));
    let level = reasons.first().map_or(Level::Safe, |worst| worst.level);
    let sentence = sentence(&reasons, loss_seconds, recovery_seconds);
    Verdict { level, sentence, reasons, loss_seconds, recovery_seconds }
}

fn sentence(reasons: &[Reason], loss_seconds: Option<f64>, recovery_seconds: Option<f64>) -> String {
    let loss = loss_seconds.map(|seconds| format!("at most {} of changes would be lost", words(seconds)));
    let loss = loss.unwrap_or_else(|| "it is unknown how much would be lost".to_owned());
    match reasons.first() {
        Some(Reason { level: Level::Danger, text, .. }) => format!("No: {text}."),
        Some(Reason { text, .. }) => format!("You could recover now, and {loss}; but {text}."),
        None => match recovery_seconds {
            Some(seconds) => format!("Yes: {loss}, and the last rehearsed restore took {}.", words(seconds)),
            None => format!("Yes: {loss}."),
        },
    }
}

struct Judged<'a> {
    now: Timestamp,
    record: &'a Record,
    commands: Commands,
}

impl Judged<'_> {
    fn age(&self, then: Timestamp) -> f64 {
        seconds_between(then, self.now)
    }

    /// The age of the newest good backup; without one it is beyond all bounds.
    fn backup_age(&self) -> f64 {
        self.record.newest_good.as_ref().map_or(f64::INFINITY, |backup| self.age(backup.created_at))
    }

    /// The lag of a replica; where nothing is in the store it is beyond all bounds.
    fn lag(&self, replica: &Replica) -> f64 {
        replica.lag_seconds(self.now).unwrap_or(f64::INFINITY)
    }

    fn loss_seconds(&self) -> Option<f64> {
        let well = self.record.replicas.iter().filter(|replica| replica.is_well(self.now));
        let least = well.map(|replica| self.lag(replica)).fold(self.backup_age(), f64::min);
        least.is_finite().then_some(least)
    }

    fn backups(&self, reasons: &mut Vec<Reason>) {
        // What is wrong with its bytes is in the JSON of the backup; here is what it means.
        if let Some(Backup { file, created_at, error: Some(_), .. }) = &self.record.newest {
            let text = format!("the newest backup, {file}, is damaged");
            reasons.push(match &self.record.newest_good {
                Some(good) => {
                    let older = words(seconds_between(good.created_at, *created_at));
                    let text = format!("{text}; the newest good one is {older} older");
                    Reason::new(Level::Danger, text, "backup-not-verified").with(self.commands.restore(&good.file))
                }
                None => Reason::new(Level::Danger, text, "backup-not-verified").with(self.commands.backup()),
            });
        }
        if let Some(Backup { file, created_at, .. }) = &self.record.ahead {
            let by = words(seconds_between(self.now, *created_at));
            let text = format!("a clock was or is wrong: the backup {file} is {by} ahead of it");
            reasons.push(Reason::new(Level::Warning, text, "clock-wrong"));
        }
        let age = self.backup_age();
        if !is_backup_old(age) {
            return;
        }
        let (text, page) = if age.is_finite() {
            (format!("the newest verified backup is {} old", words(age)), "backups-old")
        } else {
            ("there is no verified backup".to_owned(), "no-backup")
        };
        let replaced = |replica: &Replica| replica.is_well(self.now) && self.lag(replica) <= LAG_LONG;
        let severe = age > BACKUP_TOO_OLD && !self.record.replicas.iter().any(replaced);
        let level = if severe { Level::Danger } else { Level::Warning };
        reasons.push(Reason::new(level, text, page).with(self.commands.backup()));
    }

    /// A volume without room: what is there is safe, and nothing more gets there, no backup and no restore either.
    fn volumes(&self, reasons: &mut Vec<Reason>) {
        for volume in &self.record.volumes {
            let name = volume.place.as_str();
            let free = format!("{} of {} are free", size(volume.free), size(volume.total));
            let next = self.record.newest.as_ref().map_or(0, |backup| backup.bytes);
            let (level, text) = if volume.is_full() {
                let fails =
                    if volume.place == Place::Data { "writes and restores fail" } else { "backups and restores fail" };
                (Level::Danger, format!("the {name} volume is full, and {fails}: {free}"))
            } else if volume.place == Place::Backup && volume.free < next {
                (Level::Danger, format!("the {name} volume has no room for another backup: {free}"))
            } else if volume.is_low() {
                (Level::Warning, format!("the {name} volume is nearly full: {free}"))
            } else {
                reasons.extend(self.forecast(volume));
                continue;
            };
            reasons.push(Reason::new(level, text, "volume-full"));
        }
    }

    /// A word in time: the rules come to keep more than there is room for.
    fn forecast(&self, volume: &Volume) -> Option<Reason> {
        let forecast = self.record.forecast.as_ref().filter(|_| volume.place == Place::Backup)?;
        let wanted = forecast.wanted(volume)?;
        let Forecast { files, bytes, rules, .. } = forecast;
        let (come, free) = (size(forecast.to_come()), size(volume.free));
        let text = format!(
            "the backup volume fills up: the rules come to keep {files} backups of {} in all, {come} more than now, and \
             {free} are free",
            size(*bytes)
        );
        let command = self.commands.make_room(wanted, rules.as_deref());
        Some(Reason { command, ..Reason::new(Level::Warning, text, "volume-full") })
    }

    fn replicas(&self, reasons: &mut Vec<Reason>) {
        for replica in &self.record.replicas {
            let (url, lag) = (&replica.url, self.lag(replica));
            let (text, page) = if let Some(error) = &replica.error {
                (format!("the replica {url} is not followed: {error}"), "replica-lags")
            } else if !replica.is_well(self.now) {
                let silence = words(self.age(replica.seen));
                (format!("nothing was heard of the replica {url} for {silence}"), "replicator-silent")
            } else if !lag.is_finite() {
                (format!("nothing is in the replica {url} yet"), "replica-lags")
            } else if lag > LAG_LONG {
                (format!("the replica {url} lags by {}", words(lag)), "replica-lags")
            } else {
                continue;
            };
            let severe = lag > LAG_TOO_LONG && is_backup_old(self.backup_age());
            let level = if severe { Level::Danger } else { Level::Warning };
            reasons.push(Reason::new(level, text, page));
        }
    }

    fn rehearsals(&self, reasons: &mut Vec<Reason>) {
        for Rehearsal { at, source, outcome, error, .. } in &self.record.rehearsals {
            // A store that is followed no more is not rehearsed any more either.
            let counts = self.is_source(source) || self.age(*at) <= REHEARSAL_OLD;
            if *outcome == Outcome::Failed && counts {
                let why = error.as_deref().unwrap_or("it is not said why");
                let text = format!("the last rehearsed restore from {source} failed: {why}");
                reasons.push(Reason::new(Level::Danger, text, "rehearsal-failed").with(self.commands.rehearse()));
            }
        }
        let text = match &self.record.good_rehearsal {
            None => "no restore has been rehearsed yet".to_owned(),
            Some(good) if self.age(good.at) > REHEARSAL_OLD => {
                format!("the last good rehearsal of a restore is {} old", words(self.age(good.at)))
            }
            Some(_) => return,
        };
        reasons.push(Reason::new(Level::Warning, text, "rehearsal-old").with(self.commands.rehearse()));
    }

    /// Whether this is where data would come from now.
    fn is_source(&self, source: &str) -> bool {
        source == Rehearsal::BACKUP || self.record.replicas.iter().any(|replica| replica.url == source)
    }

    fn restore(&self, reasons: &mut Vec<Reason>) {
        if let Some(restore) = self.record.restore.as_ref().filter(|restore| restore.is_running()) {
            let age = words(self.age(restore.began));
            let text = format!("a restore of {} began {age} ago and is at work, or was killed", restore.point);
            reasons.push(Reason::new(Level::Warning, text, "restore-stuck"));
        }
    }
}

/// A duration for people: `0.4 s`, `42 s`, `5 min`, `3 h`, `2 days`.
fn words(seconds: f64) -> String {
    match seconds {
        ..10.0 => format!("{seconds:.1} s"),
        ..120.0 => format!("{seconds:.0} s"),
        ..7_200.0 => format!("{:.0} min", seconds / 60.0),
        ..172_800.0 => format!("{:.0} h", seconds / 3_600.0),
        _ => format!("{:.0} days", seconds / 86_400.0),
    }
}

/// A size for people: `512 B`, `20.0 KiB`, `1.5 GiB`.
#[allow(clippy::cast_precision_loss)]
fn size(bytes: u64) -> String {
    let mut units = ["B", "KiB", "MiB", "GiB", "TiB"].iter();
    let mut number = bytes as f64;
    while number >= 1_024.0 && units.len() > 1 {
        number /= 1_024.0;
        units.next();
    }
    let unit = units.next().unwrap_or(&"B");
    if *unit == "B" { format!("{bytes} B") } else { format!("{number:.1} {unit}") }
}

#[cfg(test)]
mod tests;
