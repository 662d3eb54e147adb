//! Which transactions a file in the store holds, and since when it is there.
//!
//! The times in the files' headers do not say: Litestream takes the clock after it has read the WAL, so that a commit in
//! between is dated before a file that lacks it. Instead each transaction writes its number into one page, and each file
//! is decoded and searched for the newest of them. A replica is a prefix of the transactions, so a file that holds number
//! n holds, with those before it, all up to n. This is the same for both replicators, and so it is fair.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

/// What a mark begins with; its number follows, in as many digits as make all marks equally long, so that SQLite writes
/// one over the other and leaves none behind.
const MARK: &str = "#commit:";
const DIGITS: usize = 12;

/// Nothing else in a database looks like this.
pub(super) fn mark(number: u64) -> String {
    format!("{MARK}{number:0DIGITS$}")
}

/// The greatest number of the marks in `bytes`.
pub(super) fn newest_mark(bytes: &[u8]) -> Option<u64> {
    let marks = bytes.windows(MARK.len() + DIGITS).filter(|window| window.starts_with(MARK.as_bytes()));
    marks.filter_map(|mark| std::str::from_utf8(&mark[MARK.len()..]).ok()?.parse().ok()).max()
}

/// A file that has appeared.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    pub(super) at: Instant,
    /// The newest transaction in it.
    pub(super) mark: u64,
}

/// A folder of a replica, watched.
pub(super) struct Watch {
    folder: PathBuf,
    inotify: Inotify,
}

impl Watch {
    pub(super) fn begin(folder: PathBuf) -> Result<Self> {
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
        // One renames what it has written to its final name, the other links it there.
        let flags = AddWatchFlags::IN_MOVED_TO | AddWatchFlags::IN_CREATE;
        inotify.add_watch(&folder, flags).with_context(|| format!("failed to watch '{}'", folder.display()))?;
        Ok(Self { folder, inotify })
    }

    /// The files that have appeared since the last look.
    pub(super) fn look(&self) -> Result<Vec<Arrival>> {
        let events = match self.inotify.read_events() {
            Err(Errno::EAGAIN) => return Ok(Vec::new()),
            events => events.context("failed to read what has happened in the folder")?,
        };
        let at = Instant::now();
        let mut arrivals = Vec::new();
        for name in events.into_iter().filter_map(|event| event.name) {
            let file = self.folder.join(name);
            if file.extension().is_some_and(|ending| ending == "ltx")
                && let Some(mark) = newest_in(&file).with_context(|| format!("failed to read '{}'", file.display()))?
            {
                arrivals.push(Arrival { at, mark });
            }
        }
        Ok(arrivals)
    }
}

fn newest_in(file: &Path) -> Result<Option<u64>> {
    let mut decoder = ltx::Decoder::new(BufReader::new(File::open(file)?))?;
    let (mut page, mut newest) = (Vec::new(), None);
    while decoder.next_page(&mut page)?.is_some() {
        newest = newest.max(newest_mark(&page));
    }
    Ok(newest)
}

/// How long each transaction that was committed after `from` was in no file, ascending; `commits[0]` has the mark 1.
/// Those that never arrived are left out.
pub(super) fn lags(commits: &[Instant], arrivals: &[Arrival], from: Instant) -> Vec<Duration> {
    let mut lags = Vec::new();
    let mut arrivals = arrivals.iter().peekable();
    for (number, commit) in (1..).zip(commits) {
        while arrivals.next_if(|arrival| arrival.mark < number).is_some() {}
        if let Some(arrival) = arrivals.peek().filter(|_| *commit >= from) {
            // A sync may see a commit before the writer is told of it.
            lags.push(arrival.at.saturating_duration_since(*commit));
        }
    }
    lags.sort_unstable();
    lags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_mark_of_a_page_is_found_among_other_bytes() {
        let page = [b"\0\xff#commit:", mark(7).as_bytes(), b"x", mark(1_234).as_bytes(), b"#commit:12"].concat();
        assert_eq!(newest_mark(&page), Some(1_234));
        assert_eq!(newest_mark(b"#commit:"), None);
    }

    #[test]
    fn a_lag_ends_with_the_first_file_that_holds_the_commit_or_a_later_one() {
        let begin = Instant::now();
        let at = |ms| begin + Duration::from_millis(ms);
        let commits = [at(0), at(10), at(20), at(30), at(40)];
        let arrivals =
            [Arrival { at: at(15), mark: 1 }, Arrival { at: at(35), mark: 3 }, Arrival { at: at(36), mark: 4 }];
        let ms = |ms: &[u64]| ms.iter().map(|ms| Duration::from_millis(*ms)).collect::<Vec<_>>();
        assert_eq!(lags(&commits, &arrivals, begin), ms(&[6, 15, 15, 25]));
        assert_eq!(lags(&commits, &arrivals, at(20)), ms(&[6, 15]));
    }
}
