//! What a drill has measured: a pure function of what was noted down.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::account::{Account, Allowance, Why, longest_gap, recovery_point};
use super::course::{Mark, Phase, seconds, to_milliseconds};
use super::ledger::{Ledger, Refusal, Write};
use super::server_clock::ServerClock;
use super::timeline::{Slice, timeline};
use super::verdict::{Found, Promised, Verdict};

/// Which drill, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// `pod-crash`, `volume-loss`, `bad-write` or `cluster-loss`.
    pub drill: Cow<'static, str>,
    /// Which variant of it.
    pub how: Cow<'static, str>,
    /// Names this run; each of its messages begins with `drill-ID-`.
    pub id: String,
    /// The namespace.
    pub namespace: String,
    /// The application.
    pub app: String,
    /// The pods that it had.
    pub replicas: i32,
}

/// The restore point that a drill came back to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// The backup's file, or EPOCH/TRANSACTION of a replica.
    pub file: String,
    /// Everything that was committed before this instant is in it.
    pub created_at: Timestamp,
}

/// Everything that was noted down. Durations are times since the drill began.
#[derive(Debug, Clone)]
pub struct Notes {
    /// Which drill.
    pub subject: Subject,
    /// When it began.
    pub started_at: Timestamp,
    /// What was done.
    pub phases: Vec<Phase>,
    /// What happened.
    pub marks: Vec<Mark>,
    /// The disaster.
    pub disaster: Duration,
    /// The command that began the recovery, where there was one.
    pub recovery: Option<Duration>,
    /// The last instant at which there were writes.
    pub end: Duration,
    /// What was written.
    pub ledger: Ledger,
    /// The numbers of the writes that are there afterwards.
    pub found: Vec<u64>,
    /// What may be missing.
    pub allowance: Allowance,
    /// What was promised.
    pub promised: Promised,
    /// What was restored.
    pub restore_point: Option<Point>,
}

/// An acknowledged event that is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    /// The id that it had.
    pub id: i64,
    /// When it was written, by the server's clock.
    pub timestamp: Timestamp,
    /// Its message.
    pub message: String,
    /// Why it is gone.
    pub why: Cow<'static, str>,
}

/// Seconds from the instant at which a write was due to its acknowledgement.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Half of the writes took at most so long.
    pub p50: f64,
    /// 99 of 100 writes took at most so long.
    pub p99: f64,
    /// The slowest.
    pub max: f64,
}

/// What `-o json` prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Which drill.
    #[serde(flatten)]
    pub subject: Subject,
    /// When it began.
    pub started_at: Timestamp,
    /// From the disaster to the first acknowledged write that was sent after it, and after the first that was refused,
    /// and that stayed; null: never.
    pub rto_seconds: Option<f64>,
    /// The same from the recovery's command; null where there was none.
    pub recovery_seconds: Option<f64>,
    /// How far the oldest lost event lies before the disaster.
    pub rpo_seconds: f64,
    /// The longest time without an acknowledgement.
    pub longest_gap_seconds: f64,
    /// Requests sent, repeated ones too.
    pub requests: u64,
    /// Requests that failed, but for `kept_alive_cut`.
    pub refused: u64,
    /// The same by kind.
    pub refused_by_kind: BTreeMap<String, u64>,
    /// Requests on connections that had been used before, and were cut.
    pub kept_alive_cut: u64,
    /// Events sent.
    pub written: u64,
    /// Events acknowledged.
    pub acknowledged: u64,
    /// Of these, what is not there and not excluded by the restore point.
    pub lost: u64,
    /// Of these, what the restore point excludes.
    pub excluded: u64,
    /// Events that are there more than once.
    pub doubled: u64,
    /// Events that were never acknowledged and are there all the same.
    pub present_unacknowledged: u64,
    /// Those lost and those excluded, oldest first.
    pub lost_events: Vec<Gone>,
    /// How long writes took.
    pub latency_seconds: Latency,
    /// Time in each phase.
    pub phases: Vec<Phase>,
    /// What happened when.
    pub marks: Vec<Mark>,
    /// What was acknowledged and refused when.
    pub timeline: Vec<Slice>,
    /// What was restored.
    pub restore_point: Option<Point>,
    /// The server's clock minus ours: at least and at most.
    pub clock_offset_seconds: [f64; 2],
    /// Whether the promises were kept.
    pub verdict: Verdict,
}

impl Report {
    /// Reckons it up.
    pub fn new(notes: Notes) -> Self {
        let Notes { subject, started_at, phases, marks, disaster, recovery, end, ledger, found, .. } = notes;
        let server = ServerClock::new(started_at, &ledger);
        let account = Account::new(&ledger, &found);
        let gone: Vec<(&Write, Why, Gone)> = account
            .gone
            .iter()
            .filter_map(|write| {
                let acknowledged = write.acknowledged.as_ref()?;
                let why = notes.allowance.explain(write, acknowledged, &account, server);
                let event = Gone {
                    id: acknowledged.receipt.id,
                    timestamp: acknowledged.receipt.timestamp,
                    message: super::writers::message(&prefix(&subject.id), write.sequence),
                    why: why.words().into(),
                };
                Some((write, why, event))
            })
            .collect();
        let is_lost = |why: &Why| *why != Why::ExcludedByTheRestorePoint;
        let lost: Vec<&Write> = gone.iter().filter(|(_, why, _)| is_lost(why)).map(|(write, ..)| *write).collect();
        let between = |from: Duration, to: Duration| seconds(to.saturating_sub(from));
        let rpo = recovery_point(&lost, disaster, server);
        let rto = account.served_again(&ledger, disaster).map(|at| between(disaster, at));
        let recovery = recovery.and_then(|from| Some(between(from, account.first_served_since(from)?)));
        let mut refused_by_kind = BTreeMap::new();
        for refused in ledger.refusals() {
            *refused_by_kind.entry(refused.how.name()).or_insert(0) += 1;
        }
        let kept_alive_cut = refused_by_kind.remove(&Refusal::KeptAliveCut.name()).unwrap_or(0);
        let refused = refused_by_kind.values().sum();
        let verdict = Verdict::new(
            notes.promised,
            Found {
                broken: count(gone.iter().filter(|(_, why, _)| *why == Why::Broken)),
                gone: count(&gone),
                doubled: count(&account.doubled),
                refused,
                rto,
                recovery,
                rpo,
            },
        );
        Self {
            started_at,
            rto_seconds: rto,
            recovery_seconds: recovery,
            rpo_seconds: to_milliseconds(rpo),
            longest_gap_seconds: seconds(longest_gap(&ledger, end)),
            requests: ledger.requests(),
            refused,
            refused_by_kind,
            kept_alive_cut,
            written: count(ledger.writes()),
            acknowledged: count(ledger.acknowledgements()),
            lost: count(&lost),
            excluded: count(&gone) - count(&lost),
            doubled: count(&account.doubled),
            present_unacknowledged: account.present_unacknowledged,
            latency_seconds: latency(&ledger),
            timeline: timeline(&ledger, end),
            lost_events: gone.into_iter().map(|(.., event)| event).collect(),
            phases,
            marks,
            restore_point: notes.restore_point,
            clock_offset_seconds: [to_milliseconds(server.low), to_milliseconds(server.high)],
            subject,
            verdict,
        }
    }
}

/// What each message of a drill begins with.
pub fn prefix(id: &str) -> String {
    format!("drill-{id}-")
}

fn count<T>(items: impl IntoIterator<Item = T>) -> u64 {
    items.into_iter().map(|_| 1).sum()
}

fn latency(ledger: &Ledger) -> Latency {
    let took = ledger.acknowledgements().map(|(write, acknowledged)| acknowledged.at.saturating_sub(write.due));
    let mut took: Vec<Duration> = took.collect();
    took.sort_unstable();
    let at = |share: usize| took.get((took.len() * share).div_ceil(100).saturating_sub(1)).copied().unwrap_or_default();
    Latency { p50: seconds(at(50)), p99: seconds(at(99)), max: seconds(at(100)) }
}

#[cfg(test)]
mod tests;
