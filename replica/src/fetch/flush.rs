//! Brings what is written to the disk while the rest is still on its way, so that the end has little to wait for.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use super::work::unwritten;
use crate::error::Result;

/// Bytes between two flushes. A smaller number costs more of the file system's own writes than it saves time.
const EVERY: u64 = 64 << 20;

/// A file that is written by several threads.
#[derive(Clone)]
pub(super) struct Written<'a> {
    file: &'a File,
    bytes: Arc<AtomicU64>,
    due: SyncSender<()>,
}

/// Flushes when it is due, until the last [`Written`] has gone.
pub(super) struct Flusher<'a> {
    file: &'a File,
    due: Receiver<()>,
}

/// Both ends for `file`.
pub(super) fn pair(file: &File) -> (Written<'_>, Flusher<'_>) {
    let (sender, due) = sync_channel(1);
    (Written { file, bytes: Arc::default(), due: sender }, Flusher { file, due })
}

impl Written<'_> {
    /// Writes `bytes` at `offset`.
    pub(super) fn write(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)?;
        let before = self.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        if before / EVERY != (before + bytes.len() as u64) / EVERY {
            match self.due.try_send(()) {
                // One that is at work and one to come are enough; one that failed says so in the end.
                Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
            }
        }
        Ok(())
    }
}

impl Flusher<'_> {
    /// Until all is written.
    ///
    /// # Errors
    /// What the disk says of what was written so far: it says so once, and whoever syncs later hears nothing of it.
    pub(super) fn run(self) -> Result<()> {
        self.due.iter().try_for_each(|()| self.file.sync_data().map_err(unwritten))
    }
}
