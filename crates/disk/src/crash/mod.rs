//! Crash points: every operation on files may be the last one. Compiled for the tests only (feature `crash-points`).
//!
//! ```text
//! files::Writer, rename, …  ──► before() ─┐
//!                                         ├─► Layer: count, trace ─► go on | fail with an errno | die
//! SQLite ──► vfs (wraps unix) ──► ask() ──┘          │
//!                                                    └─► PowerJournal: what a power loss would take back
//! ```
//! Controlled by the environment, read once:
//!
//! | variable | meaning |
//! |---|---|
//! | `PRA_CRASH_TRACE=FILE` | append one line for each operation: number, kind, label, path, separated by tabs |
//! | `PRA_CRASH_AT=N` | kill this process just before operation N (from 1) |
//! | `PRA_CRASH_TORN=1` | if that is a write, its first half is written first |
//! | `PRA_CRASH_MODE=kill\|power` | with `power`, all that is not synced is lost before the process dies |
//! | `PRA_CRASH_SUBSET=SEED` | with `power`, each thing that is not synced is lost or kept by itself, as on real disks |
//! | `PRA_CRASH_SIDE=DIR` | with `power`: an empty folder on the same volume, for the files that may have to come back |
//! | `PRA_CRASH_DEAF=KIND` | with `power`: a disk that only pretends to do `sync` or `sync-folder`, so that tests can fail |
//! | `PRA_FAIL_AT=N:ERROR` | operation N fails with `ENOSPC`, `EIO` or `EROFS`; `N+:ERROR`: and so does every change after it |

mod plan;
mod power;
pub mod sabotage;
mod vfs;

#[cfg(test)]
mod tests;

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::{LazyLock, Mutex, PoisonError};

use crate::files::Op;
use plan::{Death, Plan};
use power::PowerJournal;

pub use vfs::install;

/// The open file of an operation, opened by SQLite or by this project's code.
trait Image {
    fn inode(&self) -> io::Result<u64>;
    fn len(&self) -> io::Result<u64>;
    /// Fills the buffer from `offset`; what lies beyond the end reads as zeros.
    fn read(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
    fn write(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
}

impl Image for fs::File {
    fn inode(&self) -> io::Result<u64> {
        Ok(self.metadata()?.ino())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let mut filled = 0;
        while filled < buffer.len() {
            let read = self.read_at(&mut buffer[filled..], offset + filled as u64)?;
            if read == 0 {
                break;
            }
            filled += read;
        }
        buffer[filled..].fill(0);
        Ok(())
    }

    fn write(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }
}

/// An operation as the layer sees it, from [`Op`] or from SQLite.
enum Event<'a> {
    Create(&'a Path),
    Write { image: &'a dyn Image, path: &'a Path, offset: u64, bytes: &'a [u8] },
    Truncate { image: &'a dyn Image, path: &'a Path, len: u64 },
    Sync(&'a Path),
    Rename(&'a Path, &'a Path),
    Link(&'a Path, &'a Path),
    Remove(&'a Path),
    SyncFolder(&'a Path),
    Store,
    Exit,
}

impl Event<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Self::Create(_) => "create",
            Self::Write { .. } => "write",
            Self::Truncate { .. } => "truncate",
            Self::Sync(_) => "sync",
            Self::Rename(..) => "rename",
            Self::Link(..) => "link",
            Self::Remove(_) => "remove",
            Self::SyncFolder(_) => "sync-folder",
            Self::Store => "store",
            Self::Exit => "exit",
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Create(path) | Self::Sync(path) | Self::Remove(path) | Self::SyncFolder(path) => path,
            Self::Write { path, .. } | Self::Truncate { path, .. } => path,
            Self::Rename(_, to) | Self::Link(_, to) => to,
            Self::Store | Self::Exit => Path::new("."),
        }
    }
}

/// Called before each operation of [`crate::files`]: counts it, and fails or dies where the environment says so.
///
/// # Errors
/// The injected one.
pub fn before(label: &'static str, op: &Op<'_>) -> io::Result<()> {
    let event = match *op {
        Op::Create(path) => Event::Create(path),
        Op::Write { file, path, offset, bytes } => Event::Write { image: file, path, offset, bytes },
        Op::Truncate { file, path, len } => Event::Truncate { image: file, path, len },
        Op::Sync(path) => Event::Sync(path),
        Op::Rename(from, to) => Event::Rename(from, to),
        Op::Link(from, to) => Event::Link(from, to),
        Op::Remove(path) => Event::Remove(path),
        Op::SyncFolder(path) => Event::SyncFolder(path),
        Op::Store => Event::Store,
    };
    ask(label, &event)
}

static LAYER: LazyLock<Mutex<Layer>> = LazyLock::new(|| Mutex::new(Layer::new(Plan::from_env())));

fn ask(label: &'static str, event: &Event<'_>) -> io::Result<()> {
    LAYER.lock().unwrap_or_else(PoisonError::into_inner).ask(label, event)
}

/// Says that SQLite has `database` open: its shared memory is gone after a power loss.
fn opened(database: &Path) {
    let mut layer = LAYER.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(journal) = &mut layer.journal {
        journal.opened(database);
    }
}

struct Layer {
    plan: Plan,
    count: u64,
    trace: Option<fs::File>,
    journal: Option<PowerJournal>,
}

impl Layer {
    fn new(plan: Plan) -> Self {
        let trace = plan.trace.as_ref().map(|path| {
            let file = fs::OpenOptions::new().create(true).append(true).open(path);
            file.unwrap_or_else(|e| give_up(&format!("failed to open the trace '{}': {e}", path.display())))
        });
        let journal = plan.side.clone().map(PowerJournal::new);
        Self { plan, count: 0, trace, journal }
    }

    fn ask(&mut self, label: &str, event: &Event<'_>) -> io::Result<()> {
        self.count += 1;
        if let Some(trace) = &mut self.trace {
            writeln!(trace, "{}\t{}\t{label}\t{}", self.count, event.kind(), event.path().display())?;
        }
        if let Some(error) = self.plan.failure(self.count, event) {
            return Err(error);
        }
        if self.plan.death.as_ref().is_some_and(|death| death.at == self.count) {
            self.die(event);
        }
        match &mut self.journal {
            Some(journal) if !self.plan.is_deaf_to(event) => {
                journal.record(event).or_else(|e| give_up(&format!("failed to record {}: {e}", event.kind())))
            }
            _ => Ok(()),
        }
    }

    fn die(&mut self, event: &Event<'_>) -> ! {
        let Some(Death { torn, subset, .. }) = self.plan.death else { give_up("no death is planned") };
        if torn && let Event::Write { image, offset, bytes, .. } = *event {
            if let Some(journal) = &mut self.journal
                && let Err(e) = journal.record(event)
            {
                give_up(&format!("failed to record the last write: {e}"));
            }
            if let Err(e) = image.write(&bytes[..bytes.len() / 2], offset) {
                give_up(&format!("failed to tear the last write: {e}"));
            }
        }
        if let Some(journal) = self.journal.take() {
            let mut dice = plan::dice(subset, self.count);
            if let Err(e) = journal.lose_power(&mut dice) {
                give_up(&format!("failed to lose power: {e}"));
            }
        }
        kill_self()
    }
}

/// SIGKILL cannot be caught, so nothing that would tidy up on another way out runs.
fn kill_self() -> ! {
    use nix::sys::signal::{Signal, kill};
    if let Err(errno) = kill(nix::unistd::Pid::this(), Signal::SIGKILL) {
        give_up(&format!("failed to kill this process: {errno}"));
    }
    loop {
        std::thread::park();
    }
}

/// A fault of the test's set-up, told apart from everything that the program itself does by its exit code.
fn give_up(message: &str) -> ! {
    eprintln!("crash points: {message}");
    std::process::exit(99)
}
