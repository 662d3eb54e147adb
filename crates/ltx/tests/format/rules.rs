//! What may not be written, and may not be read either.

use ltx::{CHECKSUM_FLAG, Encoder, Error, FileName, Header, NO_CHECKSUM, compress, lock_page};

use crate::support::{Contents, decode};

fn header() -> Header {
    let pre_apply_checksum = CHECKSUM_FLAG | 5;
    Header { page_size: 512, commit: 9, min_txid: 2, max_txid: 2, pre_apply_checksum, ..Header::default() }
}

fn encoder(header: Header) -> Encoder<Vec<u8>> {
    Encoder::new(Vec::new(), &header).unwrap()
}

#[test]
fn a_header_that_litestream_refuses_is_refused() {
    let good = header();
    let bad = [
        Header { flags: 1, ..good },
        Header { page_size: 0, ..good },
        Header { page_size: 256, ..good },
        Header { page_size: 1000, ..good },
        Header { page_size: 131_072, ..good },
        Header { min_txid: 0, ..good },
        Header { min_txid: 3, ..good },
        Header { pre_apply_checksum: 0, ..good },
        Header { pre_apply_checksum: 5, ..good },
        Header { flags: NO_CHECKSUM, ..good },
        Header { min_txid: 1, ..good },
        Header { post_apply_checksum: CHECKSUM_FLAG, ..good },
        Header { wal_offset: u64::MAX, ..good },
        Header { wal_size: 1, ..good },
        Header { wal_salt2: 1, ..good },
    ];
    assert!(good.validate().is_ok());
    for bad in bad {
        assert!(matches!(bad.validate(), Err(Error::Header { .. })), "{bad:?}");
        assert!(Encoder::new(Vec::new(), &bad).is_err());
        let foreign = Header { post_apply_checksum: 0, ..bad };
        assert!(foreign == good || Header::decode(&foreign.encode()).is_err());
    }
}

#[test]
fn pages_ascend_within_the_database() {
    let mut encoder = encoder(header());
    encoder.page(3, &[0; 512]).unwrap();
    assert!(matches!(encoder.page(3, &[0; 512]), Err(Error::PageOrder { page: 3, after: 3 })));
    assert!(matches!(encoder.page(0, &[0; 512]), Err(Error::PageOrder { page: 0, .. })));
    assert!(matches!(encoder.page(10, &[0; 512]), Err(Error::PageBeyond { page: 10, commit: 9 })));
    assert!(matches!(encoder.page(4, &[0; 511]), Err(Error::PageSize { page: 4, .. })));
    encoder.page(4, &[0; 512]).unwrap();
}

#[test]
fn the_lock_page_is_in_no_file() {
    let lock = lock_page(65_536);
    let mut encoder = encoder(Header { page_size: 65_536, commit: lock + 1, ..header() });
    assert!(matches!(encoder.page(lock, &[0; 65_536]), Err(Error::LockPage { page: 16_385 })));
    encoder.page(lock + 1, &[0; 65_536]).unwrap();
}

#[test]
fn a_snapshot_has_every_page() {
    let header = Header { min_txid: 1, commit: 2, pre_apply_checksum: 0, ..header() };
    assert!(matches!(encoder(header).page(2, &[0; 512]), Err(Error::PageMissing { page: 1 })));
    let mut one = encoder(header);
    one.page(1, &[0; 512]).unwrap();
    assert!(matches!(one.finish(CHECKSUM_FLAG), Err(Error::PageMissing { page: 2 })));
}

#[test]
fn a_snapshot_beyond_the_lock_page_skips_it() {
    let lock = lock_page(65_536);
    let header = Header { page_size: 65_536, min_txid: 1, commit: lock + 1, pre_apply_checksum: 0, ..header() };
    let mut encoder = encoder(header);
    let (page, mut frame) = (vec![0; 65_536], Vec::new());
    let mut checksum = 0;
    for number in (1..=lock + 1).filter(|number| *number != lock) {
        frame.clear();
        compress(number, &page, &mut frame).unwrap();
        encoder.compressed_page(number, &page, &frame).unwrap();
        checksum ^= ltx::page_checksum(number, &page);
    }
    let (file, _) = encoder.finish(checksum | CHECKSUM_FLAG).unwrap();
    assert_eq!(decode(file.as_slice()).unwrap().pages.len(), lock as usize);
}

#[test]
fn a_snapshot_has_the_checksum_of_its_pages() {
    let mut contents = Contents::snapshot(512, 1, vec![vec![1; 512], vec![2; 512]]);
    contents.post_apply_checksum ^= 1;
    assert!(matches!(contents.encode(), Err(Error::DatabaseChecksum { .. })));
}

#[test]
fn a_trailer_goes_with_its_header() {
    let finish = |header, checksum| encoder(header).finish(checksum).map(|_| ());
    let unsummed = Header { flags: NO_CHECKSUM, pre_apply_checksum: 0, ..header() };
    assert!(matches!(finish(header(), 0), Err(Error::Trailer { .. })));
    assert!(matches!(finish(header(), 5), Err(Error::Trailer { .. })));
    assert!(matches!(finish(unsummed, CHECKSUM_FLAG), Err(Error::Trailer { .. })));
    assert!(matches!(finish(Header { commit: 0, ..header() }, CHECKSUM_FLAG | 1), Err(Error::Trailer { .. })));
    let ours = Header { post_apply_checksum: CHECKSUM_FLAG | 7, ..unsummed };
    assert!(matches!(finish(ours, CHECKSUM_FLAG | 6), Err(Error::Trailer { .. })));
    finish(ours, CHECKSUM_FLAG | 7).unwrap();
    finish(header(), CHECKSUM_FLAG | 5).unwrap();
    finish(unsummed, 0).unwrap();
}

#[test]
fn a_frame_of_another_page_is_refused() {
    let mut frame = Vec::new();
    compress(4, &[0; 512], &mut frame).unwrap();
    let mut encoder = encoder(header());
    assert!(matches!(encoder.compressed_page(3, &[0; 512], &frame), Err(Error::NotOneFrame { page: 3 })));
    frame.extend(frame.clone());
    assert!(matches!(encoder.compressed_page(4, &[0; 512], &frame), Err(Error::NotOneFrame { page: 4 })));
}

#[test]
fn only_exact_names_are_names() {
    let name: FileName = "0000000000000001-00000000000000ff.ltx".parse().unwrap();
    assert_eq!(name, FileName { min: 1, max: 255 });
    for bad in [
        "",
        "0000000000000001-00000000000000ff",
        "0000000000000001-00000000000000ff.ltx.age",
        "0000000000000001-00000000000000FF.ltx",
        "0000000000000002-0000000000000001.ltx",
        "0000000000000000-0000000000000001.ltx",
        "+000000000000001-0000000000000001.ltx",
        "1-2.ltx",
    ] {
        assert!(bad.parse::<FileName>().is_err(), "{bad}");
    }
}
