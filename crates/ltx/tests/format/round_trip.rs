//! What was written is read back, whatever it was.

use lz4_flex::frame::FrameInfo;
use proptest::prelude::*;

use crate::support::{Contents, crc, database_checksum, decode, decode_in_batches};
use ltx::{CHECKSUM_FLAG, FileName, Header, NO_CHECKSUM, decode_frame, lock_page, page_checksum, read_index};

fn page_size() -> impl Strategy<Value = u32> {
    (9_u32..=16).prop_map(|bits| 1 << bits)
}

/// Pages as databases have them: empty, text, noise.
fn page(page_size: u32) -> impl Strategy<Value = Vec<u8>> {
    let length = page_size as usize;
    prop_oneof![
        any::<u8>().prop_map(move |byte| vec![byte; length]),
        "[a-d ]{1,40}".prop_map(move |text| text.bytes().cycle().take(length).collect()),
        any::<u64>().prop_map(move |seed| noise(seed, length)),
        (any::<u64>(), 0..=length).prop_map(move |(seed, zeros)| {
            let mut page = noise(seed, length);
            page[length - zeros..].fill(0);
            page
        }),
    ]
}

fn noise(mut state: u64, length: usize) -> Vec<u8> {
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

fn snapshot() -> impl Strategy<Value = Contents> {
    (page_size(), any::<u64>(), 0_usize..12)
        .prop_flat_map(|(size, max, pages)| (Just(size), Just(max.max(1)), prop::collection::vec(page(size), pages)))
        .prop_map(|(size, max, pages)| Contents::snapshot(size, max, pages))
}

/// Some pages of a large database, around the lock page too.
fn change() -> impl Strategy<Value = Contents> {
    let pages = page_size().prop_flat_map(|size| {
        let number = prop_oneof![1_u32..40, lock_page(size) - 3..lock_page(size) + 3, any::<u32>()];
        (Just(size), prop::collection::btree_map(number, page(size), 0..12))
    });
    let header = (2..=u64::MAX, any::<u64>(), any::<i64>(), 0..3, any::<u64>(), any::<u64>());
    (pages, header).prop_map(|((page_size, mut pages), (min_txid, max, timestamp_ms, sums, node_id, checksum))| {
        pages.retain(|number, _| *number != 0 && *number != lock_page(page_size));
        let commit = pages.keys().last().map_or(1, |last| last.saturating_add((node_id % 3) as u32));
        let checksum = checksum | CHECKSUM_FLAG;
        // No checksum, ours, LTX's.
        let (flags, pre_apply_checksum, in_header, post_apply_checksum) = match sums {
            0 => (NO_CHECKSUM, 0, 0, 0),
            1 => (NO_CHECKSUM, 0, checksum, checksum),
            _ => (0, !checksum | CHECKSUM_FLAG, 0, checksum),
        };
        let header = Header {
            flags,
            page_size,
            commit,
            min_txid,
            max_txid: max.max(min_txid),
            timestamp_ms,
            pre_apply_checksum,
            post_apply_checksum: in_header,
            node_id,
            wal_offset: 32,
            wal_size: 4_152,
            wal_salt1: 1,
            wal_salt2: 2,
        };
        Contents { header, pages: pages.into_iter().collect(), post_apply_checksum }
    })
}

fn contents() -> impl Strategy<Value = Contents> {
    prop_oneof![snapshot(), change()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_file_is_read_as_it_was_written(contents in contents()) {
        let file = contents.encode()?;
        prop_assert_eq!(decode(file.as_slice())?, contents);
    }

    #[test]
    fn a_file_is_read_in_batches_as_in_one(contents in contents(), frames in 1_usize..6) {
        let file = contents.encode()?;
        prop_assert_eq!(decode_in_batches(&file, frames)?, contents);
    }

    #[test]
    fn a_file_with_pages_in_lz4_frames_is_read(
        contents in contents(), block in any::<bool>(), content in any::<bool>(), size in any::<bool>(),
    ) {
        let size = size.then_some(contents.header.page_size.into());
        let info = FrameInfo::new().block_checksums(block).content_checksum(content).content_size(size);
        let file = contents.encode_with_lz4_frames(&info);
        prop_assert_eq!(decode_in_batches(&file, 2)?, contents.clone());
        prop_assert_eq!(decode(file.as_slice())?, contents);
    }

    #[test]
    fn the_index_finds_each_page(contents in contents(), shorter in 1_usize..20) {
        let file = contents.encode()?;
        let entries = read_index(&file, file.len() as u64)?;
        let mut found = Vec::new();
        for entry in &entries {
            let frame = &file[entry.offset as usize..][..entry.size as usize];
            let mut page = Vec::new();
            let number = decode_frame(frame, contents.header.page_size, &mut page)?;
            prop_assert_eq!(number, entry.page);
            found.push((number, page));
        }
        prop_assert_eq!(&found, &contents.pages);

        // A tail that is too short says how long it has to be, which is then enough.
        let mut tail = shorter;
        let mut asked = 0;
        let again = loop {
            match read_index(&file[file.len() - tail.min(file.len())..], file.len() as u64) {
                Err(ltx::Error::IndexLonger { needed }) => tail = needed as usize,
                other => break other?,
            }
            asked += 1;
            prop_assert!(asked <= 2);
        };
        prop_assert_eq!(again, entries);
    }

    #[test]
    fn a_header_is_read_as_it_was_written(contents in contents()) {
        let header = contents.header;
        prop_assert_eq!(Header::decode(&header.encode())?, header);
    }

    #[test]
    fn a_name_is_read_as_it_was_written(a in 1_u64.., b in 1_u64..) {
        let name = FileName { min: a.min(b), max: a.max(b) };
        prop_assert_eq!(name.to_string().parse::<FileName>()?, name);
    }

    #[test]
    fn checksums_are_those_of_a_plain_implementation(number in any::<u32>(), seed in any::<u64>(), length in 0_usize..700) {
        let page = noise(seed, length);
        let mut all = number.to_be_bytes().to_vec();
        all.extend(&page);
        prop_assert_eq!(page_checksum(number, &page), crc(&all));
    }
}

#[test]
fn the_checksum_is_crc_64_go_iso() {
    assert_eq!(crc(b"123456789"), 0xb909_56c7_75a4_1001);
}

#[test]
fn an_empty_database_has_a_snapshot() {
    let contents = Contents::snapshot(4096, 7, Vec::new());
    assert_eq!(contents.post_apply_checksum, database_checksum(&[]));
    assert_eq!(decode(contents.encode().unwrap().as_slice()).unwrap(), contents);
}
