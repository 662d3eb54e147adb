//! The keys of an epoch's files: `<min>-<max>.ltx` in their level's folder, where Litestream looks for them. An
//! encrypted one ends in `.ltx.age`.

use ltx::FileName;
use pra_core::EpochId;

use crate::encryption;
use crate::epoch::level_folder;
use crate::history::{File, SNAPSHOT_LEVEL};
use crate::objects::Object;
use crate::url::Scheme;

/// A file of an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileKey {
    /// 0 as shipped, 1 to 3 compacted, 9 a snapshot.
    pub level: u8,
    /// The first transaction.
    pub min: u64,
    /// The last transaction.
    pub max: u64,
    /// Whether it is an age file.
    pub encrypted: bool,
}

impl FileKey {
    /// The object's key below the URL.
    pub fn key(&self, scheme: Scheme, epoch: &EpochId) -> String {
        let Self { level, min, max, encrypted } = *self;
        let ending = if encrypted { format!(".{}", encryption::EXTENSION) } else { String::new() };
        format!("{}/{}{ending}", level_folder(scheme, epoch, level), FileName { min, max })
    }

    /// Reads a key; `None` for what is no file of `epoch`.
    pub fn parse(key: &str, scheme: Scheme, epoch: &EpochId) -> Option<Self> {
        let (folder, name) = key.rsplit_once('/')?;
        let level = (0..=SNAPSHOT_LEVEL).find(|level| level_folder(scheme, epoch, *level) == folder)?;
        let (name, encrypted) = match name.strip_suffix(encryption::EXTENSION).and_then(|name| name.strip_suffix('.')) {
            Some(name) => (name, true),
            None => (name, false),
        };
        let FileName { min, max } = name.parse().ok()?;
        Some(Self { level, min, max, encrypted })
    }
}

/// The files of `epoch` among the objects of a listing.
pub fn files(objects: &[Object], scheme: Scheme, epoch: &EpochId) -> Vec<(FileKey, File)> {
    let file = |object: &Object| {
        let key = FileKey::parse(&object.key, scheme, epoch)?;
        let FileKey { level, min, max, encrypted: _ } = key;
        Some((key, File { level, min, max, size: object.size, stored_ms: object.modified_ms }))
    };
    objects.iter().filter_map(file).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: &str = "20261125T202345Z-1a2b3c4d";

    #[test]
    fn a_key_reads_back_and_lies_where_litestream_looks() {
        let epoch = EPOCH.parse().unwrap();
        for (scheme, folder) in [(Scheme::S3, "0009"), (Scheme::File, "ltx/9")] {
            for (encrypted, end) in [(false, "ltx"), (true, "ltx.age")] {
                let file = FileKey { level: 9, min: 1, max: 0x1f, encrypted };
                let key = file.key(scheme, &epoch);
                assert_eq!(key, format!("{EPOCH}/{folder}/0000000000000001-000000000000001f.{end}"));
                assert_eq!(FileKey::parse(&key, scheme, &epoch), Some(file));
            }
        }
    }

    #[test]
    fn what_is_no_file_of_the_epoch_is_none() {
        let epoch = EPOCH.parse().unwrap();
        let other = "20261125T202345Z-00000000/ltx/0/0000000000000001-0000000000000001.ltx";
        let short = format!("{EPOCH}/ltx/0/1-1.ltx");
        let high = format!("{EPOCH}/ltx/10/0000000000000001-0000000000000001.ltx");
        for key in ["lease.json", other, &short, &high, EPOCH, &format!("{EPOCH}/epoch.json")] {
            assert_eq!(FileKey::parse(key, Scheme::File, &epoch), None, "{key}");
        }
    }
}
