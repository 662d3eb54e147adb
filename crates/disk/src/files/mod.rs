//! Every operation on files that this program makes for itself, each with a label.
//!
//! All writing goes through here (SQLite's own goes through its VFS), so that there is one place for durability
//! and one for crash points: with the feature `crash-points` each operation first asks [`crate::crash`] whether the
//! process is to die, the disk to be full, or the power to fail at it.
//!
//! Durable publish is one function, [`publish`]: the temporary file is synced, renamed into place, and the folder is
//! synced. A name is always either the old file or the new one, whole.

mod id;

use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use pra_core::{Code, Error, Result};

use crate::flush::Flusher;
use crate::rights::Rights;

use crate::stop;

pub use id::FileId;

/// What is about to be done; the crash layer decides on it and keeps what is needed to undo it.
#[derive(Debug)]
pub enum Op<'a> {
    /// A new file.
    Create(&'a Path),
    /// These bytes at `offset` of a file.
    Write {
        /// Open for reading too, for the old content.
        file: &'a fs::File,
        /// Its name.
        path: &'a Path,
        /// Where the first byte goes.
        offset: u64,
        /// What is written.
        bytes: &'a [u8],
    },
    /// A new length.
    Truncate {
        /// Open for reading too, for what is cut off.
        file: &'a fs::File,
        /// Its name.
        path: &'a Path,
        /// The length to be, in bytes.
        len: u64,
    },
    /// The file's content goes to the disk.
    Sync(&'a Path),
    /// The second name becomes the first one's file.
    Rename(&'a Path, &'a Path),
    /// The second name is a further one of the first one's file.
    Link(&'a Path, &'a Path),
    /// The name is removed.
    Remove(&'a Path),
    /// The folder's names go to the disk.
    SyncFolder(&'a Path),
    /// A call on an object store, or on the folder that is one: another machine's, as far as a power loss goes.
    Store,
}

/// Called before each operation on an object store.
#[cfg(feature = "crash-points")]
pub fn before_store(label: &'static str) -> io::Result<()> {
    before(label, &Op::Store)
}

#[cfg(feature = "crash-points")]
fn before(label: &'static str, op: &Op<'_>) -> io::Result<()> {
    crate::crash::before(label, op)
}

#[cfg(not(feature = "crash-points"))]
#[inline]
#[expect(clippy::unnecessary_wraps, reason = "the crash layer's signature")]
fn before(_label: &'static str, _op: &Op<'_>) -> io::Result<()> {
    Ok(())
}

/// A file that is written under a label.
#[derive(Debug)]
pub struct Writer {
    file: fs::File,
    path: PathBuf,
    label: &'static str,
    flusher: Flusher,
}

impl Writer {
    /// Makes a new file; one of that name must not exist.
    pub fn create(label: &'static str, path: &Path) -> Result<Self> {
        let file = before(label, &Op::Create(path))
            .and_then(|()| fs::OpenOptions::new().read(true).write(true).create_new(true).open(path))
            .map_err(|e| Error::io("create", path, e))?;
        Ok(Self { file, path: path.to_owned(), label, flusher: Flusher::default() })
    }

    /// Makes a new file that only users who can read the database `like` can read: it has its mode from the start, and
    /// its owner where this user may give it away. Where there is no database yet, it has the folder's mode and owner.
    pub fn create_like(label: &'static str, path: &Path, like: &Path) -> Result<Self> {
        let rights = Rights::of(like).map_err(|e| Error::io("look at", like, e))?;
        Self::create_with(label, path, rights)
    }

    /// Makes a new file that all users of its folder can read.
    pub fn create_shared(label: &'static str, path: &Path) -> Result<Self> {
        let rights = Rights::of_folder_of(path).map_err(|e| Error::io("look at the folder", folder_of(path), e))?;
        Self::create_with(label, path, rights.to_read())
    }

    fn create_with(label: &'static str, path: &Path, rights: Rights) -> Result<Self> {
        let file = before(label, &Op::Create(path))
            .and_then(|()| rights.create(path))
            .map_err(|e| Error::io("create", path, e))?;
        Ok(Self { file, path: path.to_owned(), label, flusher: Flusher::default() })
    }

    /// Opens an existing file for writing in place.
    pub fn open(label: &'static str, path: &Path) -> Result<Self> {
        require_no_link(path)?;
        let file = fs::OpenOptions::new().read(true).write(true).open(path).map_err(|e| Error::io("open", path, e))?;
        Ok(Self { file, path: path.to_owned(), label, flusher: Flusher::default() })
    }

    /// Writes all of `bytes` at `offset`.
    pub fn write_at(&self, bytes: &[u8], offset: u64) -> Result<()> {
        stop::check()?;
        before(self.label, &Op::Write { file: &self.file, path: &self.path, offset, bytes })
            .and_then(|()| self.flusher.write(&self.file, bytes, offset))
            .map_err(|e| Error::io("write", &self.path, e))
    }

    /// Fills `buffer` from `offset`.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<()> {
        self.file.read_exact_at(buffer, offset).map_err(|e| Error::io("read", &self.path, e))
    }

    /// Sets the length in bytes.
    pub fn truncate(&self, len: u64) -> Result<()> {
        before(self.label, &Op::Truncate { file: &self.file, path: &self.path, len })
            .and_then(|()| self.file.set_len(len))
            .map_err(|e| Error::io("set the length of", &self.path, e))
    }

    /// Returns once the content is on the disk.
    pub fn sync(&self) -> Result<()> {
        before(self.label, &Op::Sync(&self.path))
            .and_then(|()| self.flusher.finish())
            .and_then(|()| self.file.sync_all())
            .map_err(|e| Error::io("sync", &self.path, e))
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The open file, for reading and for advice to the kernel.
    pub fn file(&self) -> &fs::File {
        &self.file
    }
}

/// Fails if `path` is a symbolic link: a user who may write its folder could make another user, such as root, write to
/// a place that only that other user may write.
pub(crate) fn require_no_link(path: &Path) -> Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => {
            Err(Error::new(Code::Usage, format!("'{}' is a symbolic link, which is never made here", path.display()))
                .hint("see where it leads and who made it, and remove it"))
        }
        // A path that cannot be inspected cannot be used either.
        _ => Ok(()),
    }
}

/// Makes a folder for files like the database `like`, where it is missing.
pub fn make_folder_like(folder: &Path, like: &Path) -> Result<()> {
    require_no_link(folder)?;
    let made = Rights::of(like).and_then(|rights| rights.create_folder(folder));
    existing_or(made).map_err(|e| Error::io("create", folder, e))
}

/// Makes a file or folder for all who use the folder that it is in, where it is missing; one that root makes too.
pub(crate) fn make_shared(path: &Path, make: impl FnOnce(Rights, &Path) -> io::Result<()>) -> io::Result<()> {
    existing_or(Rights::of_folder_of(path).and_then(|rights| make(rights, path)))
}

fn existing_or(made: io::Result<()>) -> io::Result<()> {
    match made {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

/// Publishes `from` as `to` durably: sync, rename, sync of the folder. Both are in one folder.
pub fn publish(label: &'static str, from: Writer, to: &Path) -> Result<()> {
    from.sync()?;
    let source = from.path.clone();
    drop(from);
    rename(label, &source, to)
}

/// Writes `value` as JSON under the name `path`, durably.
pub fn write_json(label: &'static str, path: &Path, value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_vec_pretty(value)
        .map_err(|e| Error::new(Code::Failed, format!("failed to write '{}'", path.display())).because(e))?;
    let temporary = with_suffix(path, ".new");
    remove(label, &temporary)?;
    let file = Writer::create_shared(label, &temporary)?;
    file.write_at(&text, 0)?;
    publish(label, file, path)
}

/// Renames a file whose content is on the disk already, and syncs the folder.
pub fn rename(label: &'static str, from: &Path, to: &Path) -> Result<()> {
    before(label, &Op::Rename(from, to))
        .and_then(|()| fs::rename(from, to))
        .map_err(|e| Error::io("rename a file to", to, e))?;
    sync_folder_of(label, to)
}

/// Gives the file `from` the further name `to`, and syncs the folder. The error is the system's own: the caller
/// decides what to do where hard links are not to be had.
pub fn hard_link(label: &'static str, from: &Path, to: &Path) -> io::Result<()> {
    before(label, &Op::Link(from, to))?;
    fs::hard_link(from, to)?;
    let folder = folder_of(to);
    before(label, &Op::SyncFolder(folder))?;
    fs::File::open(folder)?.sync_all()
}

/// Removes a file; `false` where there was none. The folder is not synced.
pub fn remove(label: &'static str, path: &Path) -> Result<bool> {
    if let Err(error) = fs::symlink_metadata(path) {
        return match error.kind() {
            io::ErrorKind::NotFound => Ok(false),
            _ => Err(Error::io("look at", path, error)),
        };
    }
    match before(label, &Op::Remove(path)).and_then(|()| fs::remove_file(path)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::io("remove", path, error)),
    }
}

/// Syncs the folder that holds `path`.
pub fn sync_folder_of(label: &'static str, path: &Path) -> Result<()> {
    let folder = folder_of(path);
    before(label, &Op::SyncFolder(folder))
        .and_then(|()| fs::File::open(folder)?.sync_all())
        .map_err(|e| Error::io("sync the folder", folder, e))
}

/// The folder that holds `path`; the current one for a bare name.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// What is in `folder`: complete, or an error.
pub fn entries(folder: &Path) -> Result<Vec<fs::DirEntry>> {
    fs::read_dir(folder).and_then(Iterator::collect).map_err(|e| Error::io("list the folder", folder, e))
}

/// `path` with `suffix` appended to its name: SQLite's sidecars are `app.db-wal`, `-shm`, `-journal`.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// What SQLite may leave beside a database.
pub const SIDECARS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Removes the sidecars of the database at `path` and syncs the folder. Nothing ties a WAL to its database: one that
/// is left behind is replayed into whatever file takes the name, and `integrity_check` finds nothing wrong with it.
pub fn remove_sidecars(label: &'static str, path: &Path) -> Result<()> {
    let mut removed = false;
    for suffix in SIDECARS {
        removed |= remove(label, &with_suffix(path, suffix))?;
    }
    if removed { sync_folder_of(label, path) } else { Ok(()) }
}

/// Room on the volume of `folder`, in bytes, for this user.
pub fn free_bytes(folder: &Path) -> Result<u64> {
    Ok(room(folder)?.1)
}

/// Size of the volume of `folder`, and what this user may still write, in bytes.
pub fn room(folder: &Path) -> Result<(u64, u64)> {
    let stat =
        nix::sys::statvfs::statvfs(folder).map_err(|e| Error::io("ask for the free room of", folder, e.into()))?;
    let bytes = |blocks: u64| blocks.saturating_mul(stat.fragment_size() as u64);
    Ok((bytes(stat.blocks() as u64), bytes(stat.blocks_available() as u64)))
}

/// The name of a file beside `database`: its own, after `prefix`.
pub fn beside(database: &Path, prefix: &str) -> Result<PathBuf> {
    let Some(name) = database.file_name() else {
        return Err(Error::new(Code::Usage, format!("'{}' is not the name of a file", database.display())));
    };
    let mut file_name = std::ffi::OsString::from(prefix);
    file_name.push(name);
    Ok(folder_of(database).join(file_name))
}

/// Fails before anything is written where `folder` has less than `bytes` of room (and a little to spare).
pub fn require_room(folder: &Path, bytes: u64, what: &str) -> Result<()> {
    require_free(folder, bytes, 1 << 20, what)
}

/// The same to the byte, where SQLite itself fails well on a full disk.
pub fn require_bare_room(folder: &Path, bytes: u64, what: &str) -> Result<()> {
    require_free(folder, bytes, 0, what)
}

fn require_free(folder: &Path, bytes: u64, spare: u64, what: &str) -> Result<()> {
    let free = free_bytes(folder)?;
    if free >= bytes.saturating_add(spare) {
        return Ok(());
    }
    Err(Error::new(
        Code::Failed,
        format!(
            "not enough room in '{}': {what} needs {}{}, {} are free",
            folder.display(),
            indicatif::BinaryBytes(bytes),
            if spare > 0 { format!(" and {} to spare", indicatif::BinaryBytes(spare)) } else { String::new() },
            indicatif::BinaryBytes(free)
        ),
    )
    .hint("free some room or enlarge the volume, then run this again; nothing was changed"))
}
