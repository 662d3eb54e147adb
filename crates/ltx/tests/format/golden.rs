//! Files that Litestream wrote: see `tests/golden/README.md`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ltx::{FileName, NO_CHECKSUM, lock_page, read_index};

use crate::support::{Contents, decode, decode_in_batches};

fn folder(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(version)
}

/// The files of `version` by transaction.
fn files(version: &str) -> BTreeMap<FileName, Vec<u8>> {
    let files = folder(version).read_dir().unwrap().map(|file| file.unwrap().path());
    let name = |path: &PathBuf| path.file_name()?.to_str()?.parse().ok();
    files.filter_map(|path| Some((name(&path)?, std::fs::read(&path).unwrap()))).collect()
}

/// The database after `files`.
fn apply(files: &[Contents]) -> Vec<u8> {
    let mut database = Vec::new();
    for Contents { header, pages, .. } in files {
        let page_size = header.page_size as usize;
        database.resize(header.commit as usize * page_size, 0);
        for (number, page) in pages {
            database[(*number as usize - 1) * page_size..][..page_size].copy_from_slice(page);
        }
    }
    database
}

fn restores(version: &str) {
    let files = files(version);
    assert_eq!(files.keys().map(|name| name.max).collect::<Vec<_>>(), [1, 2, 3], "{version}");
    let contents: Vec<_> = files.values().map(|file| decode(file.as_slice()).unwrap()).collect();
    for ((name, file), contents) in files.iter().zip(&contents) {
        let header = contents.header;
        assert_eq!((header.min_txid, header.max_txid), (name.min, name.max));
        assert_eq!((header.flags, header.page_size), (NO_CHECKSUM, 512));
        assert_eq!(decode_in_batches(file, 3).unwrap(), *contents);
        let index: Vec<_> = read_index(file, file.len() as u64).unwrap().iter().map(|entry| entry.page).collect();
        let pages: Vec<_> = contents.pages.iter().map(|(number, _)| *number).collect();
        assert_eq!(index, pages);
        assert!(!pages.contains(&lock_page(512)));
        // And ours says the same.
        assert_eq!(decode(contents.encode().unwrap().as_slice()).unwrap(), *contents);
    }
    let restored = std::fs::read(folder(version).join("restored.db")).unwrap();
    assert!(apply(&contents) == restored, "{version}: another database than Litestream restores");
}

#[test]
fn what_litestream_writes_is_read() {
    restores("0.5.17");
}

#[test]
fn what_litestream_wrote_before_0_5_16_is_read() {
    restores("0.5.15");
}

#[test]
fn both_kinds_of_pages_are_what_they_are_said_to_be() {
    let flags = |version| files(version).into_values().map(|file| file[105]).collect::<Vec<_>>();
    assert_eq!((flags("0.5.17"), flags("0.5.15")), (vec![1; 3], vec![0; 3]));
}
