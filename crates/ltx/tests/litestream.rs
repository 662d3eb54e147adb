//! Stock Litestream restores what we write, to the byte. `cargo xtask test --only litestream` installs it; by hand:
//! `LITESTREAM=/path/to/litestream cargo test --release -p ltx --test litestream -- --ignored`

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

use ltx::{CHECKSUM_FLAG, Decoder, Encoder, FileName, Header, NO_CHECKSUM, page_checksum};

const PAGE_SIZE: usize = 512;

/// The database after transactions 1, 2 and 3.
fn states() -> Vec<Vec<u8>> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/0.5.17");
    let mut database = Vec::new();
    let mut state = |txid| {
        let file = std::fs::read(golden.join(FileName { min: txid, max: txid }.to_string())).unwrap();
        let mut decoder = Decoder::new(file.as_slice()).unwrap();
        database.resize(decoder.header().commit as usize * PAGE_SIZE, 0);
        let mut page = Vec::new();
        while let Some(number) = decoder.next_page(&mut page).unwrap() {
            database[(number as usize - 1) * PAGE_SIZE..][..PAGE_SIZE].copy_from_slice(&page);
        }
        database.clone()
    };
    (1..=3).map(&mut state).collect()
}

fn pages(database: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    (1..).zip(database.chunks(PAGE_SIZE))
}

fn checksum(database: &[u8]) -> u64 {
    pages(database).fold(0, |sum, (number, page)| sum ^ page_checksum(number, page)) | CHECKSUM_FLAG
}

/// The file that leads from `before` to `after`; a snapshot where its smallest TXID is 1.
fn file(name: FileName, flags: u32, before: &[u8], after: &[u8]) -> Vec<u8> {
    let header = Header {
        flags,
        page_size: PAGE_SIZE as u32,
        commit: (after.len() / PAGE_SIZE) as u32,
        min_txid: name.min,
        max_txid: name.max,
        timestamp_ms: 1_764_000_000_000 + name.max as i64,
        post_apply_checksum: if flags == NO_CHECKSUM { checksum(after) } else { 0 },
        pre_apply_checksum: if flags == 0 && name.min > 1 { checksum(before) } else { 0 },
        ..Header::default()
    };
    let mut encoder = Encoder::new(Vec::new(), &header).unwrap();
    for (number, page) in pages(after) {
        let old = before.chunks(PAGE_SIZE).nth(number as usize - 1);
        if header.is_snapshot() || old != Some(page) {
            encoder.page(number, page).unwrap();
        }
    }
    encoder.finish(checksum(after)).unwrap().0
}

/// A replica in a folder, one epoch below a prefix.
struct Replica {
    folder: tempfile::TempDir,
    states: Vec<Vec<u8>>,
    flags: u32,
}

impl Replica {
    fn new(flags: u32) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), states: states(), flags }
    }

    fn epoch(&self) -> PathBuf {
        self.folder.path().join("some/prefix/20261125T202345Z-1a2b3c4d")
    }

    /// Adds transactions `min` to `max` at `level`.
    fn add(&self, level: u8, min: u64, max: u64) {
        let name = FileName { min, max };
        let before: &[u8] = if min == 1 { &[] } else { &self.states[min as usize - 2] };
        let folder = self.epoch().join(format!("ltx/{level}"));
        std::fs::create_dir_all(&folder).unwrap();
        let file = file(name, self.flags, before, &self.states[max as usize - 1]);
        std::fs::write(folder.join(name.to_string()), file).unwrap();
    }

    /// What Litestream makes of it, or says.
    fn restore(&self) -> Result<Vec<u8>, String> {
        let binary = std::env::var_os("LITESTREAM").expect("LITESTREAM must name the program");
        let output = self.folder.path().join("restored.db");
        let url = format!("file://{}", self.epoch().display());
        let result = Command::new(binary).args(["restore", "-o"]).arg(&output).arg(&url).output().unwrap();
        if result.status.success() {
            return Ok(std::fs::read(&output).unwrap());
        }
        Err(String::from_utf8_lossy(&result.stderr).into_owned())
    }

    /// Litestream must restore the last state, to the byte.
    fn must_restore(&self) {
        let restored = self.restore().unwrap();
        assert!(restored == self.states[2], "restored {} bytes, but not the last state", restored.len());
    }
}

#[test]
#[ignore = "needs LITESTREAM"]
fn litestream_restores_one_file_for_each_transaction() {
    let replica = Replica::new(NO_CHECKSUM);
    (1..=3).for_each(|txid| replica.add(0, txid, txid));
    replica.must_restore();
}

/// Why ours have them in the header: see `ltx::Header`.
#[test]
#[ignore = "needs LITESTREAM"]
fn litestream_0_5_17_refuses_database_checksums_where_ltx_has_a_place_for_them() {
    let replica = Replica::new(0);
    (1..=3).for_each(|txid| replica.add(0, txid, txid));
    let refused = replica.restore().unwrap_err();
    assert!(refused.contains("post-apply checksum not allowed"), "{refused}");
}

#[test]
#[ignore = "needs LITESTREAM"]
fn litestream_restores_level_0_files_of_several_transactions() {
    let replica = Replica::new(NO_CHECKSUM);
    replica.add(0, 1, 1);
    replica.add(0, 2, 3);
    replica.must_restore();
}

#[test]
#[ignore = "needs LITESTREAM"]
fn litestream_restores_a_snapshot_that_level_0_continues() {
    let replica = Replica::new(NO_CHECKSUM);
    replica.add(9, 1, 2);
    replica.add(0, 3, 3);
    replica.must_restore();
}

#[test]
#[ignore = "needs LITESTREAM"]
fn litestream_restores_a_snapshot_that_a_longer_file_overlaps() {
    let replica = Replica::new(NO_CHECKSUM);
    replica.add(9, 1, 2);
    replica.add(1, 2, 3);
    replica.must_restore();
}

#[test]
#[ignore = "needs LITESTREAM"]
fn litestream_restores_compacted_files_beside_those_that_they_replace() {
    let replica = Replica::new(NO_CHECKSUM);
    (1..=3).for_each(|txid| replica.add(0, txid, txid));
    replica.add(1, 2, 3);
    replica.add(2, 2, 3);
    replica.add(9, 1, 1);
    replica.must_restore();
}
