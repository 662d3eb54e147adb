//! What a power loss takes back: all that was not synced when it happened.
//!
//! Two things are kept apart, as file systems do:
//! - **content**, by inode: for each block that was written since the file's last sync, what the disk still has, and
//!   the length that the disk still has. A sync of the file makes it permanent.
//! - **names**, by folder: what each name meant at the folder's last sync, and what happened to it since. Only a sync
//!   of the folder makes that permanent; the sync of a new file does not (the worst that POSIX allows).
//!
//! Every file that may have to come back has a second name in the side folder, since a removed inode has no way back.
//! No descriptor is opened before the end: closing one of a live database would drop SQLite's locks.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::thread::{self, ThreadId};

use super::{Event, Image};
use crate::files::{folder_of, with_suffix};

/// What the page cache writes back at once. Smaller than some page sizes, so that database pages can tear.
const BLOCK: u64 = 4096;

type Inode = u64;

#[derive(Debug)]
struct Content {
    /// Length on the disk.
    len: u64,
    /// Blocks that were written since, with what the disk has there; `None` beyond its length.
    dirty: BTreeMap<u64, Option<Box<[u8]>>>,
}

/// A change of names that is not on the disk.
#[derive(Debug)]
enum Change {
    Set(PathBuf, Inode),
    Clear(PathBuf),
    Move { from: PathBuf, to: PathBuf, inode: Inode },
}

#[derive(Debug, Default)]
struct Folder {
    /// What each name means on the disk.
    base: BTreeMap<PathBuf, Option<Inode>>,
    changes: Vec<Change>,
}

#[derive(Debug)]
pub(super) struct PowerJournal {
    side: PathBuf,
    contents: BTreeMap<Inode, Content>,
    folders: BTreeMap<PathBuf, Folder>,
    /// Files that a thread was about to make: their inodes are known once it comes back.
    coming: Vec<(ThreadId, PathBuf)>,
    databases: Vec<PathBuf>,
}

impl PowerJournal {
    pub(super) fn new(side: PathBuf) -> Self {
        Self { side, contents: BTreeMap::new(), folders: BTreeMap::new(), coming: Vec::new(), databases: Vec::new() }
    }

    pub(super) fn opened(&mut self, database: &Path) {
        if !self.databases.iter().any(|known| known == database) {
            self.databases.push(database.to_owned());
        }
    }

    /// Notes what `event`, which is about to happen, does to what is on the disk.
    pub(super) fn record(&mut self, event: &Event<'_>) -> io::Result<()> {
        self.settle(Some(thread::current().id()))?;
        match *event {
            Event::Write { image, path, offset, bytes } => {
                self.keep(path)?;
                let end = offset + bytes.len() as u64;
                if end > offset {
                    self.touch(image, offset / BLOCK..end.div_ceil(BLOCK))?;
                }
            }
            Event::Truncate { image, path, len } => {
                self.keep(path)?;
                self.touch(image, len / BLOCK..image.len()?.div_ceil(BLOCK))?;
            }
            Event::Sync(path) => {
                self.contents.remove(&inode(path)?);
            }
            Event::Create(path) => {
                let (folder, path) = place(path)?;
                self.folder(folder).base.entry(path.clone()).or_insert(None);
                self.coming.push((thread::current().id(), path));
            }
            Event::Rename(from, to) => self.rename(from, to)?,
            Event::Link(from, to) => {
                let inode = self.keep(from)?;
                let (folder, to) = place(to)?;
                let folder = self.folder(folder);
                folder.base.entry(to.clone()).or_insert(None);
                folder.changes.push(Change::Set(to, inode));
            }
            Event::Remove(path) => {
                let inode = self.keep(path)?;
                let (folder, path) = place(path)?;
                let folder = self.folder(folder);
                folder.base.entry(path.clone()).or_insert(Some(inode));
                folder.changes.push(Change::Clear(path));
            }
            Event::SyncFolder(folder) => {
                self.folders.remove(&fs::canonicalize(folder)?);
            }
            Event::Store | Event::Exit => (),
        }
        Ok(())
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let inode = self.keep(from)?;
        let displaced = if fs::symlink_metadata(to).is_ok() { Some(self.keep(to)?) } else { None };
        let ((from_folder, from), (to_folder, to)) = (place(from)?, place(to)?);
        if from_folder != to_folder {
            return Err(io::Error::other("a rename from one folder to another cannot be made durable"));
        }
        let folder = self.folder(to_folder);
        folder.base.entry(from.clone()).or_insert(Some(inode));
        folder.base.entry(to.clone()).or_insert(displaced);
        folder.changes.push(Change::Move { from, to, inode });
        Ok(())
    }

    fn folder(&mut self, folder: PathBuf) -> &mut Folder {
        self.folders.entry(folder).or_default()
    }

    /// Learns the inodes of the files that `thread`, or any thread, has made since.
    fn settle(&mut self, thread: Option<ThreadId>) -> io::Result<()> {
        let (done, coming) =
            std::mem::take(&mut self.coming).into_iter().partition(|(id, _)| thread.is_none_or(|thread| thread == *id));
        self.coming = coming;
        let done: Vec<(ThreadId, PathBuf)> = done;
        for (_, path) in done {
            // A file that is not there was refused, or is made later by a thread that dies with this one.
            if fs::symlink_metadata(&path).is_ok() {
                let inode = self.keep(&path)?;
                let (folder, path) = place(&path)?;
                self.folder(folder).changes.push(Change::Set(path, inode));
            }
        }
        Ok(())
    }

    /// Gives the file at `path` a name in the side folder.
    fn keep(&self, path: &Path) -> io::Result<Inode> {
        let inode = inode(path)?;
        match fs::hard_link(path, self.kept(inode)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(inode),
        }
    }

    fn kept(&self, inode: Inode) -> PathBuf {
        self.side.join(inode.to_string())
    }

    /// Keeps what the disk has of `blocks`.
    fn touch(&mut self, image: &dyn Image, blocks: std::ops::Range<u64>) -> io::Result<()> {
        let len = image.len()?;
        let content = match self.contents.entry(image.inode()?) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(Content { len, dirty: BTreeMap::new() }),
        };
        for block in blocks {
            if let Entry::Vacant(entry) = content.dirty.entry(block) {
                let on_disk = block * BLOCK < content.len;
                let before = on_disk.then(|| {
                    let mut bytes = vec![0; BLOCK as usize].into_boxed_slice();
                    image.read(&mut bytes, block * BLOCK).map(|()| bytes)
                });
                entry.insert(before.transpose()?);
            }
        }
        Ok(())
    }

    /// Puts the disk into the state after a power loss; `keep` says for each thing that is not synced whether it had
    /// reached the disk all the same.
    pub(super) fn lose_power(mut self, keep: &mut dyn FnMut() -> bool) -> io::Result<()> {
        self.settle(None)?;
        for (inode, content) in &self.contents {
            let file = fs::OpenOptions::new().write(true).open(self.kept(*inode))?;
            content.fall_back(&file, keep)?;
        }
        for folder in std::mem::take(&mut self.folders).into_values() {
            for (path, meaning) in folder.after(keep) {
                self.name(&path, meaning)?;
            }
        }
        // Shared memory is not on the disk; who comes next builds it from the WAL.
        for database in &self.databases {
            remove_if_there(&with_suffix(database, "-shm"))?;
        }
        for entry in fs::read_dir(&self.side)? {
            fs::remove_file(entry?.path())?;
        }
        Ok(())
    }

    fn name(&self, path: &Path, meaning: Option<Inode>) -> io::Result<()> {
        if meaning.is_some() && inode(path).ok() == meaning {
            return Ok(());
        }
        remove_if_there(path)?;
        match meaning {
            Some(inode) => fs::hard_link(self.kept(inode), path),
            None => Ok(()),
        }
    }
}

impl Content {
    fn fall_back(&self, file: &fs::File, keep: &mut dyn FnMut() -> bool) -> io::Result<()> {
        let now = file.metadata()?.len();
        let keep_len = now == self.len || keep();
        for (block, before) in &self.dirty {
            let offset = block * BLOCK;
            let cut_off = offset + BLOCK > now;
            // Where the truncation is lost, so is what it cut off: both are one change of the file's metadata.
            if keep() && (keep_len || !cut_off) {
                continue;
            }
            match before {
                Some(bytes) => file.write_all_at(bytes, offset)?,
                None => file.write_all_at(&[0; BLOCK as usize], offset)?,
            }
        }
        file.set_len(if keep_len { now } else { self.len })
    }
}

impl Folder {
    /// What each name means on the disk after the power loss.
    fn after(self, keep: &mut dyn FnMut() -> bool) -> BTreeMap<PathBuf, Option<Inode>> {
        let mut names = self.base;
        for change in self.changes {
            if !keep() {
                continue;
            }
            match change {
                Change::Set(path, inode) => {
                    names.insert(path, Some(inode));
                }
                Change::Clear(path) => {
                    names.insert(path, None);
                }
                Change::Move { from, to, inode } => {
                    names.insert(from, None);
                    names.insert(to, Some(inode));
                }
            }
        }
        names
    }
}

fn inode(path: &Path) -> io::Result<Inode> {
    Ok(fs::symlink_metadata(path)?.ino())
}

/// The folder of `path`, and `path` itself, under names that do not depend on how they were given.
fn place(path: &Path) -> io::Result<(PathBuf, PathBuf)> {
    let folder = fs::canonicalize(folder_of(path))?;
    let name = path.file_name().ok_or_else(|| io::Error::other("a path without a name"))?;
    let path = folder.join(name);
    Ok((folder, path))
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
