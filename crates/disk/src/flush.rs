//! Writes large files: what is written goes to the disk while the rest is still on its way, so that the end has little
//! to wait for.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// Bytes between two flushes. A smaller number costs more of the file system's own writes than it saves time.
const EVERY: u64 = 64 << 20;

/// Bytes that are written at a time. For its copy the system looks for as much memory in one piece as a write is long;
/// where memory has been in use for a while there are only smaller ones, and a virtual machine then has to ask its host
/// for whole blocks, which costs ten times what the write does.
const STEP: u64 = 64 << 10;

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
    /// Writes all of `bytes` at `offset` of `file`; any thread may.
    ///
    /// # Errors
    /// Where the file cannot be written, or the thread not be given it.
    pub fn write(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        let (mut rest, mut at) = (bytes, offset);
        while !rest.is_empty() {
            // To the next multiple of a step.
            let room = usize::try_from(STEP - at % STEP).unwrap_or(usize::MAX);
            let (step, behind) = rest.split_at(room.min(rest.len()));
            file.write_all_at(step, at)?;
            at += step.len() as u64;
            rest = behind;
        }
        self.wrote(file, bytes.len())
    }

    /// Flushes where so many bytes more make it due.
    fn wrote(&self, file: &File, bytes: usize) -> io::Result<()> {
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
    /// The disk's error for what was written: the kernel reports it once, and a later sync does not return it again.
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
    fn every_byte_is_where_it_belongs_wherever_a_write_begins_and_ends() {
        let (flusher, file) = (Flusher::default(), tempfile::tempfile().unwrap());
        let step = STEP as usize;
        let bytes: Vec<u8> = (0..3 * step + 5).map(|at| (at % 251) as u8).collect();
        let ends = [0, 1, step - 1, step - 1, 2 * step + 7, 3 * step, bytes.len()];
        for (start, end) in ends.iter().zip(&ends[1..]) {
            flusher.write(&file, &bytes[*start..*end], *start as u64).unwrap();
        }
        let mut read = vec![0; bytes.len()];
        file.read_exact_at(&mut read, 0).unwrap();
        assert!(read == bytes);
        assert_eq!(file.metadata().unwrap().len(), bytes.len() as u64);
    }

    #[test]
    fn a_disk_error_in_between_is_returned_at_the_end_and_small_files_need_no_thread() {
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
