//! A warning in time if the backup volume is too small for what the retention rules will keep.

use std::path::Path;

use disk::catalog::status;
use disk::{files, progress};
use jiff::Timestamp;
use pra_core::restore_point::RestorePoint;
use pra_core::retention::{Forecast, Keep, Pace};
use pra_core::{Result, age};

/// What the retention rules will keep in `backups`, for the catalog, and a warning if that is more than there is room
/// for. `None` if there are too few backups to estimate it, or they do not grow.
pub(super) fn forecast(
    backups: &Path,
    points: &[RestorePoint],
    keep: &Keep,
    now: Timestamp,
) -> Result<Option<(status::Forecast, Option<String>)>> {
    let free = files::free_bytes(backups)?;
    Ok(Pace::of(points, now).map(|pace| look(pace, keep, free, now)))
}

fn look(pace: Pace, keep: &Keep, free: u64, now: Timestamp) -> (status::Forecast, Option<String>) {
    let forecast = pace.forecast(keep);
    let is_too_much = forecast.to_come() > free;
    let rules = pace.rules_for(keep, free).filter(|_| is_too_much).as_ref().map(flags);
    let said = is_too_much.then(|| words(forecast, free, rules.as_deref()));
    let Forecast { files, bytes, present } = forecast;
    (status::Forecast { at: now, files, bytes, present, rules }, said)
}

fn words(forecast: Forecast, free: u64, rules: Option<&str>) -> String {
    format!(
        "the backup volume fills up: if backups go on like the last ones, the rules keep {} files of {}; {} more are to \
         come, and {} are free. Enlarge the volume, or keep fewer{}",
        forecast.files,
        progress::size(forecast.bytes / forecast.files.max(1)),
        progress::size(forecast.to_come()),
        progress::size(free),
        rules.map(|rules| format!(": {rules}")).unwrap_or_default()
    )
}

/// The rules as flags.
fn flags(keep: &Keep) -> String {
    let Keep { last, minutely, hourly, daily, weekly, monthly, yearly, within, keep_pre_restore } = keep;
    let counts = [
        ("last", last),
        ("minutely", minutely),
        ("hourly", hourly),
        ("daily", daily),
        ("weekly", weekly),
        ("monthly", monthly),
        ("yearly", yearly),
    ];
    let counts = counts.into_iter().filter(|(_, count)| **count > 0);
    let mut flags: Vec<String> = counts.map(|(name, count)| format!("--keep-{name} {count}")).collect();
    flags.extend(within.map(|within| format!("--keep-within {}", age::display(within))));
    if *keep_pre_restore != Keep::none().keep_pre_restore {
        flags.push(format!("--keep-pre-restore {}", age::display(*keep_pre_restore)));
    }
    flags.join(" ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::ToSpan;

    use super::*;
    use pra_core::fixtures::{now, verified};
    use pra_core::naming::Kind;

    fn pace() -> Pace {
        let made = |minutes: i64| RestorePoint {
            bytes: 1 << 20,
            ..verified(Kind::Backup, now().checked_sub(minutes.minutes()).unwrap())
        };
        Pace::of(&[made(0), made(1), made(2)], now()).unwrap()
    }

    #[test]
    fn rules_that_fit_are_named_only_where_those_given_do_not() {
        let (roomy, said) = look(pace(), &Keep::default(), 1 << 40, now());
        assert_eq!((roomy.files, roomy.rules, said), (113, None, None));
        let (small, said) = look(pace(), &Keep::default(), 60 << 20, now());
        let rules = "--keep-last 10 --keep-minutely 15 --keep-hourly 24 --keep-daily 15";
        assert_eq!(small.rules.as_deref(), Some(rules));
        let said = said.unwrap();
        assert!(said.contains("113 files of 1.00 MiB; 110.00 MiB more are to come, and 60.00 MiB are free"), "{said}");
        assert!(said.ends_with(&format!("keep fewer: {rules}")), "{said}");
        let (full, said) = look(pace(), &Keep::default(), 0, now());
        assert!(full.rules.is_some() && said.is_some(), "what is there has room");
    }

    #[test]
    fn all_rules_are_told_as_flags() {
        let keep = Keep {
            weekly: 2,
            within: Some(Duration::from_hours(48)),
            keep_pre_restore: Duration::from_hours(24),
            ..Keep::none()
        };
        assert_eq!(flags(&keep), "--keep-weekly 2 --keep-within 2d --keep-pre-restore 1d");
    }
}
