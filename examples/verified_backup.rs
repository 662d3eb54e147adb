//! Makes a verified backup of a database, and lists the backup folder.
//!
//! ```console
//! $ cargo run --release --package examples --bin verified-backup -- app.db backup
//! ```
//! It shows that each verb of `backup-job` is a function of `engine`: options in, report out. The application may go on
//! writing. The copy gets its name only after it was read back from the disk and checked, so `take` returns a verified
//! backup or an error. The time is an argument: a test can choose it.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use engine::{backup, listing};
use pra_core::Keep;

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let database = arguments.next().context("usage: verified-backup DATABASE FOLDER")?;
    let backups = arguments.next().context("usage: verified-backup DATABASE FOLDER")?;
    let now = disk::clock::now();

    let report = backup::take(&backup::Options {
        database,
        backups: backups.clone(),
        // After the copy is published, older ones are removed by these rules.
        keep: Some(Keep { last: 60, ..Keep::default() }),
        // Another backup or a restore may hold the lock: this is the longest wait for it.
        wait: Duration::from_secs(5),
        now,
        dry_run: false,
        // With recipients, the copy is an age file, and no plain copy is ever written.
        recipients: None,
        adopt_backups: false,
    })?;
    println!("made {report}");

    for point in listing::list(&backups, now)? {
        let verified = if point.verified { "verified" } else { "not verified" };
        println!("{} {} bytes, {verified}, {}", point.point, point.bytes, point.source);
    }
    Ok(())
}
