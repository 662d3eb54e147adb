//! Replicates a database once into a folder, and restores an instant of the replica into another file.
//!
//! ```console
//! $ cargo run --release --package examples --bin replica-of-an-instant -- app.db replica restored.db 2025-01-10T12:00:00Z
//! ```
//! It shows the two sides of a replica: `follow` writes it, `engine` restores from it, first as a plan that changes nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::{Context, Result};
use engine::encrypted::Keys;
use engine::remote::Access;
use engine::restore::{self, LOCK_LIMIT, Mode};
use follow::{checkpointer, replicate};
use pra_core::Point;
use store::{ReplicaUrl, objects::StoreOptions, plan::Accept, retention::Retention};

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let mut path = || arguments.next().context("usage: replica-of-an-instant DATABASE STORE RESTORED [INSTANT]");
    let (database, store, restored) = (path()?, std::path::absolute(path()?)?, path()?);
    let url: ReplicaUrl = format!("file://{}", store.display()).parse()?;

    let report = replicate::run(&once(database, &store, url.clone()), &Arc::new(AtomicBool::new(false)))?;
    for store in report.stores {
        println!("{} has transaction {}", store.replica, store.txid);
    }

    let now = disk::clock::now();
    let instant = arguments.next().map(|text| text.to_string_lossy().parse()).transpose()?.unwrap_or(now);
    let (keys, accept, store) = (Keys::default(), Accept::default(), StoreOptions::default());
    let access = Access { replicas: vec![url], store, keys: keys.clone(), accept, epoch: None, backups: None };
    let prepared = restore::plan(&restore::Options {
        // A folder that must exist if `restored` does: the state before the restore is kept there.
        backups: restored.with_extension("backups"),
        database: restored,
        point: Point::Instant(instant),
        mode: Mode::Auto,
        accept_503: false,
        lock_limit: LOCK_LIMIT,
        wait: Duration::from_secs(5),
        now,
        keys,
        recipients: None,
        access: Some(access),
        accept_unreachable: false,
        adopt_backups: false,
    })?;
    println!("{}", prepared.plan());
    println!("{}", prepared.apply()?);
    Ok(())
}

/// One sync to the store, then the end. Without `once` the replicator follows the database until it is stopped.
fn once(database: PathBuf, store: &Path, url: ReplicaUrl) -> replicate::Options {
    let [second, minute, hour, day] = [1, 60, 3600, 86_400].map(Duration::from_secs);
    replicate::Options {
        checkpointer: checkpointer::Options { once: true, ..checkpointer::Options::new(database) },
        // The replicator tells the catalog of this folder how far the store is.
        backups: store.with_extension("backups"),
        metrics: None,
        replicas: vec![url],
        store: StoreOptions::default(),
        sync_interval: second,
        recipients: None,
        staging_limit: 64 << 20,
        levels: [minute / 2, 5 * minute, hour, day],
        retention: Retention::default(),
        tidy_every: 5 * minute,
        takeover: false,
        new_epoch: false,
        announce: false,
        namespace_uid: None,
        volume_uid: None,
    }
}
