//! Objects as the files of a folder.
//!
//! `object_store` has such a store. It dates no file, replaces an existing one where a file came in parts, has no
//! conditional update, and leaves what a crash interrupted; so this is our own. A name appears by a hard link to a
//! file that is complete, dated and on the disk: never half, never a second time, and it stays when the power fails.

use std::fs::{self, File, FileTimes};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use disk::rights::Rights;
use nix::fcntl::OFlag;
use pra_core::{Code, Error, Result};

use super::content::Content;
use super::options::Before;
use super::{Object, Put, Revision, TMP, check_key, tmp_key};
use crate::buffers::Buffers;

pub(super) struct Folder {
    root: PathBuf,
    rights: Option<Rights>,
    before: Option<Before>,
    buffers: Buffers,
}

/// What was begun so long ago has been given up. In seconds.
const ABANDONED: i64 = 3600;

impl Folder {
    pub(super) fn new(root: PathBuf, rights: Option<Rights>, before: Option<Before>) -> Self {
        Self { root, rights, before, buffers: Buffers::default() }
    }

    fn step(&self, label: &'static str, path: &Path) -> Result<()> {
        let ask = |before: &Before| before(label);
        self.before.as_ref().map_or(Ok(()), ask).map_err(|error| crate::error::io(label, path, error))
    }

    fn path(&self, key: &str) -> Result<PathBuf> {
        check_key(key)?;
        Ok(self.root.join(key))
    }

    /// A folder that is not there is no empty store: it may be a volume that is not mounted.
    fn is_there(&self) -> Result<()> {
        let failed = |error: io::Error| {
            let error = Error::new(Code::OutOfReach, format!("the folder '{}' is out of reach", self.root.display()))
                .because(error);
            error.hint("mount the volume, or check the path")
        };
        if fs::metadata(&self.root).map_err(failed)?.is_dir() {
            return Ok(());
        }
        Err(failed(io::ErrorKind::NotADirectory.into()))
    }

    /// The error of an operation on an object, which is only an absence where the folder itself is there.
    fn failed(&self, action: &str, path: &Path, error: io::Error) -> Error {
        self.is_there().err().unwrap_or_else(|| crate::error::io(action, path, error))
    }

    /// Makes the folder, and clears away what crashes have left; then whether hard links do what they must.
    pub(super) fn probe(&self) -> Result<()> {
        self.step("folder-probe", &self.root)?;
        match self.create_dir(&self.root) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            // Nor is the folder above it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(crate::error::io("create", &self.root, error)),
            Ok(()) => sync_parent(&self.root)?,
        }
        self.is_there()?;
        self.sweep(self.now()? / 1000)?;
        let key = tmp_key("probe");
        let first = self.put_new(&key, &Content::from(b"1".to_vec()), 0)?;
        let second = self.put_new(&key, &Content::from(b"2".to_vec()), 0);
        self.delete(&key)?;
        match (first, second) {
            (Put::Created, Err(error)) if error.code() == Code::Busy => Ok(()),
            _ => {
                let root = self.root.display();
                Err(Error::new(Code::Usage, format!("the file system of '{root}' lets one file replace another")))
            }
        }
    }

    /// `now` in seconds since 1970.
    fn sweep(&self, now: i64) -> Result<()> {
        let folder = self.root.join(TMP);
        let failed = |error| crate::error::io("list", &folder, error);
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            // Not its mtime, which is the time of what it holds.
            let is_old = entry.metadata().is_ok_and(|file| file.is_file() && file.ctime() < now - ABANDONED);
            if is_old {
                remove(&entry.path());
            }
        }
        Ok(())
    }

    pub(super) fn put_new(&self, key: &str, content: &Content, timestamp_ms: i64) -> Result<Put> {
        let target = self.path(key)?;
        self.is_there()?;
        let staged = self.stage(content, timestamp_ms)?;
        let put = self.publish(&staged, &target, content);
        remove(&staged);
        put
    }

    fn create(&self, path: &Path) -> io::Result<File> {
        self.rights.map_or_else(|| File::create_new(path), |rights| rights.create(path))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.rights.map_or_else(|| fs::create_dir(path), |rights| rights.create_folder(path))
    }

    fn open_or_create(&self, path: &Path) -> io::Result<File> {
        match self.create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => File::options().append(true).open(path),
            created => created,
        }
    }

    /// Makes a folder and those above it, each of which is on the disk before the next is begun.
    fn create_dirs(&self, folder: &Path) -> Result<()> {
        match self.create_dir(folder) {
            Ok(()) => sync_parent(folder),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let Some(parent) = folder.parent() else { return Err(crate::error::io("create", folder, error)) };
                self.create_dirs(parent)?;
                self.create_dirs(folder)
            }
            Err(error) => Err(crate::error::io("create", folder, error)),
        }
    }

    /// Writes a complete file under a temporary name.
    fn stage(&self, content: &Content, timestamp_ms: i64) -> Result<PathBuf> {
        let milliseconds = u64::try_from(timestamp_ms)
            .map_err(|error| Error::new(Code::Usage, format!("{timestamp_ms} ms is no time")).because(error))?;
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds);
        let path = self.path(&tmp_key("staged"))?;
        self.create_dirs(&self.root.join(TMP))?;
        self.step("folder-write", &path)?;
        let write = || -> io::Result<()> {
            // An unchanging file on the same volume need not be copied.
            let file = match content.path().map(|from| fs::hard_link(from, &path)) {
                Some(Ok(())) => File::options().write(true).open(&path)?,
                _ => {
                    let mut file = self.create(&path)?;
                    content.pieces(|_, piece| file.write_all(piece))?;
                    file
                }
            };
            file.set_times(FileTimes::new().set_modified(time))?;
            file.sync_all()
        };
        write().map_err(|error| {
            remove(&path);
            crate::error::io("write", &path, error)
        })?;
        Ok(path)
    }

    fn publish(&self, staged: &Path, target: &Path, content: &Content) -> Result<Put> {
        self.create_dirs(target.parent().unwrap_or(&self.root))?;
        self.step("folder-link", target)?;
        let put = match fs::hard_link(staged, target) {
            Ok(()) => Put::Created,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if !is_same(target, content).map_err(|error| self.failed("compare", target, error))? {
                    let what = format!("'{}' exists, with other content", target.display());
                    return Err(Error::new(Code::Busy, what).because(error).hint(super::OTHER_WRITER));
                }
                Put::Same
            }
            Err(error) => {
                let lacks_links = matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied);
                let error = self.failed("link", target, error);
                return Err(if lacks_links { error.hint("a replica's folder needs hard links") } else { error });
            }
        };
        // Also if it existed: its writer may have died before this sync.
        self.step("folder-sync", target)?;
        sync_parent(target)?;
        Ok(put)
    }

    pub(super) fn open(&self, key: &str) -> Result<(Object, File)> {
        let path = self.path(key)?;
        let file = open_file(&path).map_err(|error| self.failed("open", &path, error))?;
        let meta = file.metadata().map_err(|error| self.failed("look at", &path, error))?;
        if !meta.is_file() && !meta.is_dir() {
            return Err(Error::new(Code::Usage, format!("'{}' is neither a file nor a folder", path.display()))
                .hint("remove it, or give the replica a folder of its own"));
        }
        if meta.is_dir() {
            return Err(Error::new(Code::NotFound, format!("'{}' is no file", path.display())));
        }
        Ok((object(key, &meta), file))
    }

    pub(super) fn get_range(&self, key: &str, offset: u64, len: usize) -> Result<Bytes> {
        let (object, file) = self.open(key)?;
        if offset.checked_add(len as u64).is_none_or(|end| end > object.size) {
            let what = format!("'{key}' has {} bytes, {len} from {offset} were asked for", object.size);
            return Err(Error::new(Code::Damaged, what));
        }
        let mut buffer = self.buffers.of_len(len);
        file.read_exact_at(&mut buffer, offset).map_err(|error| self.failed("read", &self.root.join(key), error))?;
        Ok(buffer.into())
    }

    pub(super) fn read(&self, key: &str, limit: u64) -> Result<(Bytes, Object)> {
        let (object, _) = self.open(key)?;
        let len = usize::try_from(object.size).ok().filter(|_| object.size <= limit);
        let len = len.ok_or_else(|| Error::new(Code::Failed, format!("'{key}' is too long for what it should be")))?;
        Ok((self.get_range(key, 0, len)?, object))
    }

    /// All objects below `prefix`, which ends with a slash or is empty. Everything that is not a folder is listed, also
    /// unreadable files and foreign names: an object that is not listed would count as absent.
    pub(super) fn list(&self, prefix: &str) -> Result<Vec<Object>> {
        self.is_there()?;
        let mut objects = Vec::new();
        self.walk(prefix.trim_end_matches('/'), &mut |name, meta| {
            objects.extend((!meta.is_dir() || name.contains(char::REPLACEMENT_CHARACTER)).then(|| object(name, meta)));
            Ok(meta.is_dir())
        })?;
        objects.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        Ok(objects)
    }

    /// The folders directly in the root.
    pub(super) fn folders(&self) -> Result<Vec<String>> {
        self.is_there()?;
        let mut names = Vec::new();
        self.walk("", &mut |name, meta| {
            names.extend(meta.is_dir().then(|| name.to_owned()));
            Ok(false)
        })?;
        names.sort_unstable();
        Ok(names)
    }

    /// Shows everything in `folder` to `visit`, which says whether to go into it.
    fn walk(&self, folder: &str, visit: &mut dyn FnMut(&str, &fs::Metadata) -> Result<bool>) -> Result<()> {
        let path = if folder.is_empty() { self.root.clone() } else { self.path(folder)? };
        let failed = |error| crate::error::io("list", &path, error);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            // The root was there: this is a prefix that nothing has, or was removed meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(error)),
        };
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            if folder.is_empty() && name == TMP {
                continue;
            }
            let shown = name.to_string_lossy();
            let key = if folder.is_empty() { shown.clone().into_owned() } else { format!("{folder}/{shown}") };
            // A link that leads nowhere is there all the same.
            match fs::metadata(entry.path()).or_else(|_| entry.metadata()) {
                Ok(meta) => {
                    // No name of ours is anything but UTF-8: such a folder is shown, and not gone into.
                    if visit(&key, &meta)? && name.to_str().is_some() {
                        self.walk(&key, visit)?;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(crate::error::io("look at", &entry.path(), error)),
            }
        }
        Ok(())
    }

    /// Whether it was there does not matter.
    pub(super) fn delete(&self, key: &str) -> Result<()> {
        let path = self.path(key)?;
        self.step("folder-remove", &path)?;
        match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.is_there(),
            Err(error) => Err(crate::error::io("remove", &path, error)),
            Ok(()) => Ok(()),
        }
    }

    /// Replaces an object, while it is still at `revision` where one is given.
    pub(super) fn replace(&self, key: &str, body: &Bytes, revision: Option<&Revision>) -> Result<Revision> {
        let target = self.path(key)?;
        self.is_there()?;
        let now = self.now()?;
        // Comparing and replacing must be one for all who do it.
        let lock = self.root.join(TMP).join("lock");
        let locked = self.open_or_create(&lock).and_then(|file| file.lock().map(|()| file));
        let _lock = locked.map_err(|error| crate::error::io("lock", &lock, error))?;
        if let Some(expected) = revision {
            let found = self.open(key).map(|(object, _)| object.revision);
            if !matches!(&found, Ok(found) if found == expected) {
                let error = Error::new(Code::Busy, format!("'{}' has changed", target.display()));
                return Err(error.hint(super::OTHER_WRITER));
            }
        }
        let staged = self.stage(&Content::Bytes(body.clone()), now)?;
        let replaced = self.step("folder-rename", &target).and_then(|()| {
            fs::rename(&staged, &target).map_err(|error| self.failed("replace", &target, error))?;
            sync_parent(&target)
        });
        if let Err(error) = replaced {
            remove(&staged);
            return Err(error);
        }
        Ok(self.open(key)?.0.revision)
    }

    /// The file system's own time, in milliseconds since 1970: that of a file just written.
    pub(super) fn now(&self) -> Result<i64> {
        self.is_there()?;
        let path = self.path(&tmp_key("clock"))?;
        self.create_dirs(&self.root.join(TMP))?;
        let meta = self.create(&path).and_then(|file| file.metadata());
        remove(&path);
        Ok(modified_ms(&meta.map_err(|error| crate::error::io("create", &path, error))?))
    }
}

impl std::fmt::Debug for Folder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Folder").field("root", &self.root).finish_non_exhaustive()
    }
}

/// Removes a temporary file. If that fails, the file does no harm and is swept later.
fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::debug!(path = %path.display(), %error, "a temporary file stays behind");
    }
}

fn object(key: &str, meta: &fs::Metadata) -> Object {
    let e_tag = format!("{:x}-{:x}-{:x}-{:x}", meta.dev(), meta.ino(), modified_ms(meta), meta.len());
    Object {
        key: key.to_owned(),
        size: meta.len(),
        modified_ms: modified_ms(meta),
        revision: Revision { e_tag: Some(e_tag), version: None },
    }
}

fn modified_ms(meta: &fs::Metadata) -> i64 {
    meta.mtime().saturating_mul(1000).saturating_add(meta.mtime_nsec() / 1_000_000)
}

/// Opens a file to read. A pipe that lies in its place does not hold the process up.
fn open_file(path: &Path) -> io::Result<File> {
    File::options().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)
}

fn is_same(path: &Path, content: &Content) -> io::Result<bool> {
    let file = open_file(path)?;
    let meta = file.metadata()?;
    if !meta.is_file() || meta.len() != content.len() {
        return Ok(false);
    }
    let (mut theirs, mut same) = (Vec::new(), true);
    content.pieces(|at, ours| {
        theirs.resize(ours.len(), 0);
        file.read_exact_at(&mut theirs, at)?;
        same &= theirs == ours;
        Ok(())
    })?;
    Ok(same)
}

fn sync_parent(path: &Path) -> Result<()> {
    let parent = path.parent().unwrap_or(path);
    File::open(parent).and_then(|folder| folder.sync_all()).map_err(|error| crate::error::io("sync", parent, error))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn a_name_that_is_not_utf8_and_a_link_that_leads_nowhere_are_listed() {
        let root = tempfile::tempdir().unwrap();
        let strange = |name: &[u8]| root.path().join(OsStr::from_bytes(name));
        fs::write(strange(b"dump-\xff.db"), "foreign").unwrap();
        fs::create_dir(strange(b"folder-\xff")).unwrap();
        std::os::unix::fs::symlink("/nowhere", strange(b"link")).unwrap();
        fs::create_dir(strange(b"empty")).unwrap();
        let listed = Folder::new(root.path().to_owned(), None, None).list("").unwrap();
        let keys: Vec<_> = listed.iter().map(|object| object.key.as_str()).collect();
        assert_eq!(keys, ["dump-\u{fffd}.db", "folder-\u{fffd}", "link"]);
    }

    #[test]
    fn a_pipe_in_the_place_of_an_object_is_an_error_and_holds_nothing_up() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::new(root.path().to_owned(), None, None);
        nix::unistd::mkfifo(&root.path().join("lease.json"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let error = folder.read("lease.json", 100).unwrap_err();
        assert!(error.code() == Code::Usage && error.to_string().contains("neither a file"), "{error}");
        assert_eq!(folder.put_new("lease.json", &Content::from(b"1".to_vec()), 0).unwrap_err().code(), Code::Busy);
    }

    #[test]
    fn what_a_crash_left_behind_is_swept_once_it_is_old() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::new(root.path().to_owned(), None, None);
        let (young, now) = (root.path().join("tmp/staged-1"), folder.now().unwrap() / 1000);
        fs::write(&young, "half").unwrap();
        folder.sweep(now).unwrap();
        assert!(young.exists());
        folder.sweep(now + ABANDONED + 60).unwrap();
        assert!(!young.exists());
    }
}
