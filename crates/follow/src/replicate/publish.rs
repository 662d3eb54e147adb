//! Tells the catalog how the replicas are, so that the application can say it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use catalog::thresholds::REPLICATOR_SILENT;
use disk::catalog::status::{self, Place};
use jiff::Timestamp;
use pra_core::Result;

use super::watch::Watch;

/// Time between two looks: trouble is told at once.
const LOOK: Duration = Duration::from_millis(200);

/// Time between two publications while nothing happens. The application takes replicas that are not heard of for longer
/// than two of them for lost.
const HEARTBEAT: Duration = Duration::from_secs(2);
const _: () = assert!(REPLICATOR_SILENT.as_millis() > 2 * HEARTBEAT.as_millis());

/// Time between two lines about the same trouble.
const REPEAT: Duration = Duration::from_secs(60);

/// The thread that publishes, until it is told to stop.
#[derive(Debug)]
pub(super) struct Publisher {
    thread: JoinHandle<()>,
    stop: Arc<AtomicBool>,
}

impl Publisher {
    /// Starts it.
    pub(super) fn start(watch: Arc<Watch>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        Self { thread: std::thread::spawn(move || work(&watch, &told)), stop }
    }

    /// Publishes a last time, and ends.
    pub(super) fn finish(self) {
        self.stop.store(true, Ordering::Relaxed);
        if self.thread.join().is_err() {
            tracing::error!("the thread that publishes the replicas' state panicked");
        }
    }
}

/// How far each replica is, and what blocks it: a change is published at once.
type Told = Vec<(Option<String>, Option<String>)>;

fn work(watch: &Watch, stop: &AtomicBool) {
    let mut said: Option<(String, Instant)> = None;
    let mut last: Option<(Told, Instant)> = None;
    loop {
        let is_last = stop.load(Ordering::Relaxed);
        watch.look_at_the_clock();
        let now = disk::clock::now();
        let replicas = watch.replicas(now);
        let told: Told = replicas.iter().map(|one| (one.epoch.clone(), one.error.clone())).collect();
        let is_due = last.as_ref().is_none_or(|(before, at)| *before != told || at.elapsed() >= HEARTBEAT);
        // A checkpointer that has no replicas says so once.
        let is_due = is_due && (last.is_none() || !told.is_empty());
        if is_last || is_due {
            publish(watch, now, replicas).unwrap_or_else(|error| {
                let text = error.chain();
                if said.as_ref().is_none_or(|(before, at)| *before != text || at.elapsed() >= REPEAT) {
                    tracing::warn!(
                        error = text,
                        hint = error.hint_text(),
                        "the application is not told how the replicas are"
                    );
                    said = Some((text, Instant::now()));
                }
            });
            last = Some((told, Instant::now()));
        }
        if is_last {
            return;
        }
        std::thread::sleep(LOOK);
    }
}

fn publish(watch: &Watch, now: Timestamp, replicas: Vec<status::Replica>) -> Result<()> {
    // Without a backup folder there is no catalog.
    if !watch.backups.is_dir() || (replicas.is_empty() && status::read(&watch.backups)?.replicas.is_empty()) {
        return Ok(());
    }
    status::update(&watch.backups, now, |status| {
        status.set_replicas(replicas, now);
        status.note_room(Place::Data, &watch.database, now);
    })
}
