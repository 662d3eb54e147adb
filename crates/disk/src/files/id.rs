//! Which file a path names.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::UNIX_EPOCH;

use pra_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// A file, told from one that took its inode after it was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileId {
    device: u64,
    inode: u64,
    /// When it was made, in ns since 1970, where the file system keeps that.
    born: Option<u64>,
}

impl FileId {
    /// Of the file at `path`, without opening it; `None` where there is none.
    pub fn of(path: &Path) -> Result<Option<Self>> {
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("look at", path, error)),
        };
        let born = metadata.created().ok().and_then(|born| born.duration_since(UNIX_EPOCH).ok());
        let born = born.and_then(|born| u64::try_from(born.as_nanos()).ok());
        Ok(Some(Self { device: metadata.dev(), inode: metadata.ino(), born }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_keeps_its_id_when_it_is_written_or_renamed_and_a_new_one_has_another() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        assert_eq!(FileId::of(&one).unwrap(), None);
        fs::write(&one, "1").unwrap();
        let id = FileId::of(&one).unwrap();
        fs::write(&one, "longer").unwrap();
        assert_eq!(FileId::of(&one).unwrap(), id);
        fs::rename(&one, &two).unwrap();
        assert_eq!(FileId::of(&two).unwrap(), id);
        // Often with the same inode.
        fs::remove_file(&two).unwrap();
        fs::write(&two, "new").unwrap();
        assert_ne!(FileId::of(&two).unwrap(), id);
    }
}
