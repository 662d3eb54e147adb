//! Damages files at random, for as long as it is told, and holds what is read of them against what must be.
//! `cargo run --release -p ltx --example fuzz -- SECONDS [SEED]`
//!
//! No input may panic. What is read in one piece, in parts and through the index must be the same. A file that is
//! accepted is written again and must be read as the same.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a finding is a panic")]
#![allow(dead_code, reason = "the tests use more of it")]

#[path = "../tests/format/support.rs"]
mod support;

use std::time::{Duration, Instant};

use ltx::{Error, FileName, decode_frame, read_index};
use lz4_flex::frame::FrameInfo;

use support::{Contents, decode, decode_in_batches};

fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>().unwrap());
    let time = Duration::from_secs(arguments.next().unwrap_or(10));
    let seed = arguments.next().unwrap_or(1);
    let corpus = corpus();
    let (begin, mut inputs, mut accepted) = (Instant::now(), 0_u64, 0_u64);
    while begin.elapsed() < time {
        for _ in 0..1000 {
            let mut random = Random(seed.wrapping_add(inputs).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let mut file = corpus[random.below(corpus.len())].clone();
            for _ in 0..=random.below(4) {
                damage(&mut file, &mut random);
            }
            let outcome = std::panic::catch_unwind(|| check(file));
            accepted +=
                u64::from(outcome.unwrap_or_else(|_| panic!("found by 'fuzz 1 {}'", seed.wrapping_add(inputs))));
            inputs += 1;
        }
    }
    println!("{inputs} inputs from seed {seed}, {accepted} of them accepted, none wrong");
}

/// Small files of every kind.
fn corpus() -> Vec<Vec<u8>> {
    let text = |length| b"a row of a table ".iter().copied().cycle().take(length).collect::<Vec<u8>>();
    let noise = |length| (0..length as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect::<Vec<u8>>();
    let plain = FrameInfo::new();
    let checked = FrameInfo::new().block_checksums(true).content_checksum(true).content_size(Some(512));
    let mut files = Vec::new();
    for size in [512, 65_536] {
        let mut contents =
            Contents::snapshot(size, 3, vec![text(size as usize), vec![0; size as usize], noise(size as usize)]);
        files.extend([contents.encode().unwrap(), contents.encode_with_lz4_frames(&plain)]);
        if size == 512 {
            files.push(contents.encode_with_lz4_frames(&checked));
        }
        contents.header.flags = ltx::NO_CHECKSUM;
        contents.header.min_txid = 2;
        contents.header.post_apply_checksum = contents.post_apply_checksum;
        contents.pages.remove(1);
        files.push(contents.encode().unwrap());
    }
    for version in ["0.5.15", "0.5.17"] {
        let folder = format!("{}/tests/golden/{version}", env!("CARGO_MANIFEST_DIR"));
        let names = (1..=3).map(|txid| FileName { min: txid, max: txid });
        files.extend(names.map(|name| std::fs::read(format!("{folder}/{name}")).unwrap()));
    }
    files
}

fn damage(file: &mut Vec<u8>, random: &mut Random) {
    const NUMBERS: [u64; 10] = [0, 1, 2, 0x7f, 0x80, 0xffff, 0x7fff_ffff, 0xffff_ffff, 1 << 63, u64::MAX];
    if file.is_empty() {
        return;
    }
    let (at, length) = (random.below(file.len()), 1 + random.below(16));
    let end = (at + length).min(file.len());
    match random.below(9) {
        0 => file[at] ^= 1 << random.below(8),
        1 => file[at] = random.next() as u8,
        2 => file.truncate(at),
        3 => drop(file.drain(at..end)),
        4 => drop(file.splice(at..at, (0..length).map(|_| random.next() as u8))),
        5 => {
            let part = file[at..end].to_vec();
            let to = random.below(file.len());
            drop(file.splice(to..to, part));
        }
        6 => {
            let number = NUMBERS[random.below(NUMBERS.len())].wrapping_add(random.next() % 3).to_be_bytes();
            let width = (1 << random.below(4)).min(file.len() - at);
            file[at..at + width].copy_from_slice(&number[8 - width..]);
        }
        // The fields of the header, and what follows the frames.
        7 => file[random.below(106).min(end - 1)] ^= 1 << random.below(8),
        _ => {
            let length = file.len();
            file[length - 1 - random.below(48).min(length - 1)] ^= 1 << random.below(8);
        }
    }
}

/// Whether the file was accepted, perhaps after its checksum was set right.
fn check(mut file: Vec<u8>) -> bool {
    let mut found = decode(file.as_slice());
    if let Err(Error::FileChecksum { found: sum, .. }) = found {
        let length = file.len();
        file[length - 8..].copy_from_slice(&sum.to_be_bytes());
        found = decode(file.as_slice());
        assert!(!matches!(found, Err(Error::FileChecksum { .. })), "a sum of its own does not fit");
    }
    for frames in [1, 3] {
        match (&found, decode_in_batches(&file, frames)) {
            (Ok(whole), Ok(parts)) => assert_eq!(*whole, parts),
            (Err(_), Err(_)) => {}
            (whole, parts) => panic!("{whole:?} in one piece, {parts:?} in batches"),
        }
    }
    let index = read_index(&file, file.len() as u64);
    let Ok(contents) = found else { return false };
    let mut page = Vec::new();
    let pages = index.unwrap().into_iter().map(|entry| {
        let frame = &file[entry.offset as usize..][..entry.size as usize];
        assert_eq!(decode_frame(frame, contents.header.page_size, &mut page).unwrap(), entry.page);
        (entry.page, page.clone())
    });
    assert_eq!(pages.collect::<Vec<_>>(), contents.pages);
    assert_eq!(decode(contents.encode().unwrap().as_slice()).unwrap(), contents);
    true
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0, below `limit`.
    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}
