//! A file that goes to a store while it is still written.
//!
//! Only an epoch's first copy does, which is as large as the database: reading, encrypting and sending it overlap, so that
//! the first sync of a large database does not take the sum of the three.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use pra_core::Result;
use tokio::sync::watch;

use super::content::SourceFile;

/// What there is of the file.
#[derive(Clone, Copy, Debug, Default)]
struct Growth {
    /// In bytes, from its start on.
    len: u64,
    is_whole: bool,
}

/// The one who writes the file: what has been reported does not change any more. Dropped before [`Self::end`], the file
/// is given up, and so is what a store has of it.
#[derive(Debug)]
pub struct Grower(watch::Sender<Growth>);

/// The file as those see it who read it.
#[derive(Clone, Debug)]
pub struct GrowingFile {
    /// As if it were whole, with the bound for its length.
    pub(super) source: SourceFile,
    growth: watch::Receiver<Growth>,
}

impl Grower {
    /// Of the file at `path`, which will have about `bound` bytes.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub fn open(path: &Path, bound: u64) -> Result<(Self, GrowingFile)> {
        let file = File::open(path).map_err(|error| crate::error::io("open", path, error))?;
        let source = SourceFile { path: path.to_owned(), file: Arc::new(file), len: bound };
        let (sender, growth) = watch::channel(Growth::default());
        Ok((Self(sender), GrowingFile { source, growth }))
    }

    /// Its first `len` bytes are written.
    pub fn grown(&self, len: u64) {
        self.0.send_modify(|growth| growth.len = len);
    }

    /// All of it is: it may become an object.
    pub fn end(self) {
        self.0.send_modify(|growth| growth.is_whole = true);
    }
}

impl GrowingFile {
    /// In bytes, so far.
    pub(super) fn len(&self) -> u64 {
        self.growth.borrow().len
    }

    /// Whether it will never be whole.
    pub fn is_given_up(&self) -> bool {
        let is_left = self.growth.has_changed().is_err();
        is_left && !self.growth.borrow().is_whole
    }

    /// Waits until it is `len` bytes long, or whole; returns its length.
    pub(super) async fn reach(&self, len: u64) -> io::Result<u64> {
        let mut growth = self.growth.clone();
        let reached = growth.wait_for(|growth| growth.is_whole || growth.len >= len).await;
        reached.map(|growth| growth.len).map_err(|_given_up| io::Error::other("the file was given up"))
    }

    /// Waits until all of it is there.
    pub(super) async fn whole(&self) -> io::Result<SourceFile> {
        let len = self.reach(u64::MAX).await?;
        Ok(SourceFile { len, ..self.source.clone() })
    }
}
