use std::io::Cursor;

use proptest::prelude::*;

use super::*;

const SALTS: (u32, u32) = (0x1234_5678, 0x9abc_def0);

/// A frame of the model: page, commit size, and whether it belongs to this run of the log.
type Frame = (u32, u32, bool);

fn log(page_size: u32, frames: &[Frame]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut put = |numbers: &[u32]| numbers.iter().for_each(|n| bytes.extend(n.to_be_bytes()));
    put(&[MAGIC | 1, VERSION, page_size, 9, SALTS.0, SALTS.1, 0, 0]);
    for &(page, commit, current) in frames {
        let salt = if current { SALTS.0 } else { SALTS.0 - 1 };
        put(&[page, commit, salt, SALTS.1, 0, 0]);
        put(&vec![page; page_size as usize / 4]);
    }
    bytes
}

/// What the model says of the frames whose headers are whole.
fn expected(frames: &[Frame]) -> (Vec<u32>, Option<u32>) {
    let current = || frames.iter().filter(|(page, _, current)| *current && *page != 0);
    let pages: std::collections::BTreeSet<u32> = current().map(|(page, ..)| *page).collect();
    (pages.into_iter().collect(), current().map(|(_, commit, _)| *commit).filter(|commit| *commit != 0).max())
}

#[test]
fn the_header_is_read_from_its_places() {
    let bytes = log(4096, &[]);
    let header = WalHeader::parse(bytes.first_chunk().unwrap()).unwrap();
    assert_eq!(header, WalHeader { page_size: 4096, checkpoint_seq: 9, salts: SALTS, big_endian_checksums: true });
}

#[test]
fn a_log_that_is_empty_or_ends_within_its_header_changes_nothing() {
    for length in [0, 1, 31] {
        let changed = changed_pages(&mut Cursor::new(&log(4096, &[])[..length]), 4096).unwrap();
        assert_eq!(changed, Changed::default());
    }
}

#[test]
fn what_is_no_log_of_this_database_is_an_error_and_never_no_change() {
    let mut other = log(4096, &[(2, 2, true)]);
    assert!(matches!(
        changed_pages(&mut Cursor::new(&other), 8192),
        Err(WalError::OtherPageSize { expected: 8192, found: 4096 })
    ));
    other[5] ^= 1;
    assert!(matches!(changed_pages(&mut Cursor::new(&other), 4096), Err(WalError::NotALog)));
    assert!(matches!(changed_pages(&mut Cursor::new([0; 64]), 4096), Err(WalError::NotALog)));
}

#[test]
fn frames_of_this_run_are_found_behind_older_ones() {
    let bytes = log(512, &[(5, 0, true), (6, 0, false), (2, 9, true), (2, 7, true), (8, 99, false)]);
    let changed = changed_pages(&mut Cursor::new(bytes), 512).unwrap();
    assert_eq!((changed.pages, changed.largest_commit, changed.frames), (vec![2, 5], Some(9), 3));
}

#[test]
fn memory_follows_the_pages_not_the_frames() {
    let mut pages = Vec::new();
    for round in 0..10_u32 {
        pages.extend((0..1000).map(|n| (n * 7 + round) % 1000));
        sort(&mut pages);
        assert_eq!(pages.len(), 1000);
    }
}

#[test]
fn a_failing_disk_is_an_error_and_never_the_end_of_the_log() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("bad sector"))
        }
    }
    impl Seek for Failing {
        fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
            Ok(0)
        }
    }
    assert!(matches!(changed_pages(&mut Failing, 4096), Err(WalError::Read(_))));
}

proptest! {
    #[test]
    fn all_that_was_written_is_found_wherever_the_file_ends(
        page_size in prop::sample::select(vec![512, 1024, 4096]),
        frames in prop::collection::vec((0..40_u32, prop_oneof![Just(0), 1..50_u32], prop::bool::weighted(0.8)), 0..30),
        end in any::<prop::sample::Index>(),
    ) {
        let mut bytes = log(page_size, &frames);
        bytes.truncate(end.index(bytes.len() + 1));
        let whole = bytes.len().saturating_sub(WAL_HEADER_SIZE + FRAME_HEADER_SIZE);
        let readable = if bytes.len() < WAL_HEADER_SIZE + FRAME_HEADER_SIZE {
            0
        } else {
            whole / (FRAME_HEADER_SIZE + page_size as usize) + 1
        };
        let changed = changed_pages(&mut Cursor::new(&bytes), page_size).unwrap();
        prop_assert_eq!(changed.header.is_some(), bytes.len() >= WAL_HEADER_SIZE);
        prop_assert_eq!((changed.pages, changed.largest_commit), expected(&frames[..readable.min(frames.len())]));
    }

    #[test]
    fn no_bytes_make_the_parser_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..4000), magic in any::<bool>()) {
        if magic && bytes.len() >= 12 {
            bytes[..12].copy_from_slice(&log(512, &[])[..12]);
        }
        if let Ok(changed) = changed_pages(&mut Cursor::new(&bytes), 512) {
            prop_assert!(changed.pages.is_sorted_by(|a, b| a < b));
        }
    }
}
