//! Moves the WAL into the database while eight writers overlap.
//!
//! A passive checkpoint alone never lets a busy WAL restart: while it copies, new frames arrive, and the WAL grows by
//! megabytes a second. So:
//!
//! 1. passive, without any lock: moves nearly everything, blocks no reader or writer;
//! 2. `BEGIN IMMEDIATE` on a second connection, taken with our own short retry (no writer waits meanwhile), then
//!    passive once more: nothing can arrive, so all is moved; released at once. The next writer restarts the WAL,
//!    unless a reader still looks at it; A companion that holds a reader moves it on before that pass, so that it hides
//!    no frame, and once more after it: a reader that finds the log moved completely keeps it from nothing;
//! 3. not restarted: again within 100 ms. Still not after [`TRIES`] times: TRUNCATE, which waits for the readers with
//!    the writers locked out, for no more than [`LOCK_WAIT`], and each time after a longer pause.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use disk::{files, sqlite};
use pra_core::{Error, Result};
use rusqlite::Connection;

use super::rewrite::Rewriter;
use super::{Companion, Options, Stats};

/// Longest wait for the write lock, and for readers in a TRUNCATE.
pub(super) const LOCK_WAIT: Duration = Duration::from_millis(200);

/// Pause after which a WAL that has not restarted is looked at again.
const AGAIN: Duration = Duration::from_millis(100);

/// Rounds without a restart before the readers are waited for.
const TRIES: u32 = 5;

/// Longest pause between two TRUNCATEs that a long reader defeats.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Passive passes before the lock is asked for: each leaves what was written during the one before.
const PASSES: u32 = 3;

/// Frames that may be left for the pass under the lock.
const FEW_FRAMES: i64 = 256;

/// The two connections and what was tried so far.
#[derive(Debug)]
pub(super) struct Checkpoint {
    checkpointing: Connection,
    locking: Connection,
    rewriter: Rewriter,
    database: PathBuf,
    wal: PathBuf,
    tries: u32,
    truncate_after: Instant,
    pause: Duration,
}

/// How far the WAL has got. -1 both in rollback-journal mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Progress {
    frames: i64,
    moved: i64,
}

impl Checkpoint {
    pub(super) fn new(checkpointing: Connection, database: &Path, log_is_doubtful: bool) -> Result<Self> {
        Ok(Self {
            checkpointing,
            locking: sqlite::open_live(database, LOCK_WAIT)?,
            rewriter: Rewriter::new(database, log_is_doubtful),
            database: database.to_owned(),
            wal: files::with_suffix(database, "-wal"),
            tries: 0,
            truncate_after: Instant::now(),
            pause: AGAIN,
        })
    }

    /// Whether the log is to be written anew before anything is moved from it.
    pub(super) fn log_is_doubtful(&self) -> bool {
        self.rewriter.is_doubtful()
    }

    pub(super) fn connections(&self) -> [&Connection; 2] {
        [&self.checkpointing, &self.locking]
    }

    /// Brings the WAL below its limit where it is above; gives the time until the next look.
    pub(super) fn bound(
        &mut self,
        options: &Options,
        stats: &mut Stats,
        companion: &mut dyn Companion,
    ) -> Result<Duration> {
        self.rewriter.look(&self.locking, &self.checkpointing)?;
        let size = self.wal_size()?;
        stats.wal = size;
        stats.largest_wal = stats.largest_wal.max(size);
        if self.log_is_doubtful() || size <= options.wal_limit && !options.once {
            self.tries = 0;
            return Ok(options.tick);
        }
        let before = self.checkpoint("NOOP")?;
        let page_size: u64 = self.pragma("page_size")?;
        let used = u64::try_from(before.frames).unwrap_or(0) * (page_size + 24);
        if used <= options.wal_limit && !options.once {
            self.tries = 0;
            self.pause = AGAIN;
            // The WAL has restarted, but its file keeps the size of its worst moment (a restore's, for example).
            if size > 4 * options.wal_limit {
                self.under_the_lock(stats, companion)?;
                self.truncate(stats)?;
            }
            return Ok(options.tick);
        }
        self.round(before, stats, companion)?;
        Ok(AGAIN.min(options.tick))
    }

    fn round(&mut self, mut now: Progress, stats: &mut Stats, companion: &mut dyn Companion) -> Result<()> {
        let mut passes = 0;
        while now.frames - now.moved > 0 && passes < PASSES && (passes == 0 || now.frames - now.moved > FEW_FRAMES) {
            companion.advance();
            now = self.checkpoint("PASSIVE")?;
            passes += 1;
        }
        stats.checkpoints += u64::from(passes > 0);
        self.tries += 1;
        self.under_the_lock(stats, companion)?;
        if self.tries > TRIES { self.truncate(stats) } else { Ok(()) }
    }

    /// Moves the rest while no frame can arrive.
    fn under_the_lock(&mut self, stats: &mut Stats, companion: &mut dyn Companion) -> Result<()> {
        match self.locking.execute_batch("BEGIN IMMEDIATE") {
            Ok(()) => {}
            // The writers were quicker: the next look tries again.
            Err(error) if sqlite::is_busy(&error) => return Ok(()),
            Err(error) => return Err(disk::sqlite::failed("lock", &self.database, error)),
        }
        let since = Instant::now();
        companion.advance();
        let moved = self.checkpoint("PASSIVE");
        companion.advance();
        let released = self.locking.execute_batch("ROLLBACK");
        stats.longest_hold = stats.longest_hold.max(since.elapsed());
        moved?;
        released.map_err(|e| disk::sqlite::failed("unlock", &self.database, e))
    }

    /// Waits for the readers too, and gives the file's room back.
    fn truncate(&mut self, stats: &mut Stats) -> Result<()> {
        if Instant::now() < self.truncate_after {
            return Ok(());
        }
        let since = Instant::now();
        self.checkpoint("TRUNCATE")?;
        stats.longest_hold = stats.longest_hold.max(since.elapsed());
        if self.wal_size()? == 0 {
            self.tries = 0;
            self.pause = AGAIN;
        } else {
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
            tracing::debug!(pause_ms = self.pause.as_millis(), "a long reader keeps the WAL from restarting");
        }
        self.truncate_after = Instant::now() + self.pause;
        Ok(())
    }

    fn checkpoint(&mut self, mode: &str) -> Result<Progress> {
        let progress = self
            .checkpointing
            .query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
                Ok(Progress { frames: row.get(1)?, moved: row.get(2)? })
            })
            .or_else(|error| match sqlite::is_busy(&error) {
                // Another connection checkpoints (a close of the last connection): as good.
                true => Ok(Progress { frames: 0, moved: 0 }),
                false => Err(disk::sqlite::failed("checkpoint", &self.database, error)),
            });
        if let Err(error) = &progress {
            self.rewriter.heed(error);
        }
        progress
    }

    fn pragma(&self, name: &str) -> Result<u64> {
        self.checkpointing
            .pragma_query_value(None, name, |row| row.get(0))
            .map_err(|e| disk::sqlite::failed("read", &self.database, e))
    }

    fn wal_size(&self) -> Result<u64> {
        match std::fs::metadata(&self.wal) {
            Ok(metadata) => Ok(metadata.len()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(Error::io("look at", &self.wal, error)),
        }
    }
}
