//! Brings what is written to a large file to the disk while the rest is still on its way, so that the end has little to
//! wait for.

use std::fs::File;
use std::io;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// Bytes between two flushes. A smaller number costs more of the file system's own writes than it saves time.
const EVERY: u64 = 64 << 20;

/// Flushes one file, on a thread of its own that begins when there is something to do.
#[derive(Debug, Default)]
pub struct Flusher(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Written since [`Flusher::finish`].
    bytes: u64,
    at_work: Option<(SyncSender<()>, JoinHandle<io::Result<()>>)>,
}

impl Flusher {
    /// So many bytes were written to `file`, by any thread.
    ///
    /// # Errors
    /// Where the thread cannot be given the file.
    pub fn wrote(&self, file: &File, bytes: usize) -> io::Result<()> {
        let mut state = self.lock();
        let before = state.bytes;
        state.bytes += bytes as u64;
        if before / EVERY == state.bytes / EVERY {
            return Ok(());
        }
        let (due, _) = match &mut state.at_work {
            Some(at_work) => at_work,
            none => none.insert(start(file.try_clone()?)),
        };
        match due.try_send(()) {
            // One that is at work and one to come are enough; one that failed says so in the end.
            Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => Ok(()),
        }
    }

    /// Waits for what is under way. To be called before the file is synced.
    ///
    /// # Errors
    /// What the disk said of what was written: it says so once, and whoever syncs afterwards hears nothing of it.
    pub fn finish(&self) -> io::Result<()> {
        let State { bytes: _, at_work } = std::mem::take(&mut *self.lock());
        let Some((due, thread)) = at_work else { return Ok(()) };
        drop(due);
        thread.join().map_err(|_panic| io::Error::other("the thread that flushes has panicked"))?
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change is whole before it can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn start(file: File) -> (SyncSender<()>, JoinHandle<io::Result<()>>) {
    let (due, dues) = sync_channel(1);
    (due, std::thread::spawn(move || dues.iter().try_for_each(|()| file.sync_data())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_disk_says_in_between_is_said_in_the_end_and_a_small_file_costs_no_thread() {
        let (flusher, fine) = (Flusher::default(), tempfile::tempfile().unwrap());
        flusher.wrote(&fine, 1000).unwrap();
        assert!(flusher.lock().at_work.is_none());
        flusher.wrote(&fine, EVERY as usize).unwrap();
        assert!(flusher.lock().at_work.is_some());
        flusher.finish().unwrap();
        // What was synced is no reason to flush again.
        flusher.wrote(&fine, EVERY as usize - 1).unwrap();
        assert!(flusher.lock().at_work.is_none());
        flusher.finish().unwrap();

        // No device can be synced that is not a disk.
        let null = std::fs::OpenOptions::new().write(true).open("/dev/null").unwrap();
        flusher.wrote(&null, EVERY as usize).unwrap();
        assert_eq!(flusher.finish().unwrap_err().kind(), io::ErrorKind::InvalidInput);
        flusher.finish().unwrap();
    }
}
