//! A list of restore points, as it is printed.

use std::time::Duration;

use disk::progress;
use engine::listing::{Database, Listed};
use pra_core::Result;

use crate::output::{self, Answer};

/// The list as table, JSON and names.
///
/// # Errors
/// As [`Answer::new`].
pub fn answer(listed: &[Listed]) -> Result<Answer> {
    let rows = listed.iter().map(|row| {
        [
            row.point.clone(),
            row.source.clone(),
            row.age_seconds.map_or_else(|| "-".to_owned(), words),
            progress::size(row.bytes),
            output::or_dash(row.events),
            state(row),
        ]
    });
    let table = if listed.is_empty() {
        "no restore points yet".to_owned()
    } else {
        let table = output::table(["POINT", "SOURCE", "AGE", "SIZE", "EVENTS", "STATE"], rows);
        match listed.iter().find_map(|row| row.database.as_ref()) {
            Some(Database { id, path, host }) => format!("backups of {} on {host} ({id})\n{table}", path.display()),
            None => table,
        }
    };
    let table = match listed.iter().find(|row| row.unknown) {
        Some(row) => format!(
            "{table}\nunknown files may be another database's: they are never chosen unless they are named, and never \
             pruned; `backup-job verify {} --adopt-backups` takes one over",
            row.point
        ),
        None => table,
    };
    Answer::new(&listed, table, listed.iter().map(|row| row.point.clone()).collect())
}

fn words(seconds: u64) -> String {
    pra_core::age::display(Duration::from_secs(seconds))
}

fn state(row: &Listed) -> String {
    match row.ahead_seconds {
        Some(ahead) => format!("{}; its clock was ahead by {}, or this one is behind", found(row), words(ahead)),
        None => found(row),
    }
}

fn found(row: &Listed) -> String {
    let encrypted = match (row.encrypted, row.warnings.len()) {
        (false, 0) => String::new(),
        (true, 0) => ", encrypted".to_owned(),
        (false, warnings) => format!(", {warnings} warnings"),
        (true, warnings) => format!(", encrypted, {warnings} warnings"),
    };
    if let Some(from) = row.from {
        let window = format!("any instant since {from:.0}{encrypted}");
        return match row.missing {
            Some((first, last)) => format!(
                "{window}; what was shipped after {:.0} is missing (transactions {first:016x} to {last:016x})",
                row.created_at
            ),
            None => window,
        };
    }
    if row.unknown {
        return format!("unknown{encrypted}: not in the catalog");
    }
    match (&row.error, row.verified, &row.unchanged_since) {
        // A read-back names the file, which the row does too.
        (Some(error), _, _) => {
            format!("damaged: {}", error.split_once(" is damaged: ").map_or(&**error, |(_, why)| why))
        }
        (None, false, _) => format!("not verified{encrypted}"),
        (None, true, Some(since)) => format!("verified{encrypted}, same as {since}"),
        (None, true, None) => format!("verified{encrypted}"),
    }
}
