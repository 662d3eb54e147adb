use proptest::prelude::*;

use super::*;

/// A header as SQLite writes it for an empty WAL database of 4,096-byte pages.
fn header() -> [u8; HEADER_SIZE] {
    let mut bytes = [0; HEADER_SIZE];
    bytes[..16].copy_from_slice(MAGIC);
    bytes[16..24].copy_from_slice(&[0x10, 0, 2, 2, 0, 64, 32, 32]);
    bytes[24..28].copy_from_slice(&7_u32.to_be_bytes());
    bytes[28..32].copy_from_slice(&3_u32.to_be_bytes());
    bytes[40..44].copy_from_slice(&5_u32.to_be_bytes());
    bytes[56..60].copy_from_slice(&1_u32.to_be_bytes());
    bytes[60..64].copy_from_slice(&(-2_i32).to_be_bytes());
    bytes[68..72].copy_from_slice(&0x0F05_5112_u32.to_be_bytes());
    bytes[92..96].copy_from_slice(&7_u32.to_be_bytes());
    bytes
}

#[test]
fn each_field_is_read_from_its_place() {
    let expected = Header {
        page_size: 4096,
        write_version: 2,
        read_version: 2,
        reserved: 0,
        change_counter: 7,
        pages: 3,
        schema_cookie: 5,
        version_valid_for: 7,
        text_encoding: 1,
        user_version: -2,
        application_id: 0x0F05_5112,
    };
    assert_eq!(Header::parse(&header()), Ok(expected));
    assert!(expected.is_wal());
}

#[test]
fn what_is_no_database_says_what_it_is() {
    assert_eq!(Header::parse(&[]), Err(HeaderError::Empty));
    assert_eq!(Header::parse(&header()[..99]), Err(HeaderError::TooShort(99)));
    assert_eq!(Header::parse(&header()[..3]), Err(HeaderError::TooShort(3)));
    assert_eq!(Header::parse(b"PK"), Err(HeaderError::NotADatabase));
    assert_eq!(Header::parse(&[0; 4096]), Err(HeaderError::NotADatabase));
}

#[test]
fn values_that_sqlite_refuses_are_refused() {
    let with = |at: usize, value: u8| {
        let mut bytes = header();
        bytes[at] = value;
        Header::parse(&bytes)
    };
    let bad = |field, value| Err(HeaderError::BadField { field, value });
    assert_eq!(with(16, 0x30), Err(HeaderError::BadPageSize(0x3000)));
    assert_eq!(with(16, 1), Err(HeaderError::BadPageSize(256)));
    assert_eq!(with(16, 0), Err(HeaderError::BadPageSize(0)));
    assert_eq!(with(19, 3), bad("read version", 3));
    assert_eq!(with(22, 31), bad("payload fractions", 31));
    let mut narrow = header();
    narrow[16..18].copy_from_slice(&512_u16.to_be_bytes());
    narrow[20] = 33;
    assert_eq!(Header::parse(&narrow), bad("reserved bytes", 33));
    assert!(with(18, 3).is_ok(), "a newer write version makes it read-only, not unreadable");
}

#[test]
fn every_page_size_is_read() {
    for exponent in 9..=16 {
        let size = 1_u32 << exponent;
        let mut bytes = header();
        let stored = u16::try_from(size).unwrap_or(1);
        bytes[16..18].copy_from_slice(&stored.to_be_bytes());
        assert_eq!(Header::parse(&bytes).unwrap().page_size, size);
    }
}

#[test]
fn the_size_in_the_header_counts_only_for_its_own_change_counter() {
    assert_eq!(Header::parse(&header()).unwrap().valid_pages(), Some(3));
    let mut stale = header();
    stale[95] = 6;
    assert_eq!(Header::parse(&stale).unwrap().valid_pages(), None);
    let mut unset = header();
    unset[28..32].fill(0);
    assert_eq!(Header::parse(&unset).unwrap().valid_pages(), None);
}

#[test]
fn the_journal_mode_is_set_and_nothing_else() {
    for wal in [false, true] {
        let mut page = header();
        set_journal_mode(&mut page, wal);
        let parsed = Header::parse(&page).unwrap();
        assert_eq!((parsed.is_wal(), parsed.write_version), (wal, parsed.read_version));
        page[JOURNAL_MODE].copy_from_slice(&[2, 2]);
        assert_eq!(page, header());
    }
    let mut short = [9; 19];
    set_journal_mode(&mut short, true);
    assert_eq!(short, [9; 19]);
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), magic in any::<bool>()) {
        if magic && bytes.len() >= 24 {
            bytes[..16].copy_from_slice(MAGIC);
            bytes[21..24].copy_from_slice(&[64, 32, 32]);
        }
        if let Ok(header) = Header::parse(&bytes) {
            prop_assert!(header.page_size.is_power_of_two() && (512..=65_536).contains(&header.page_size));
            prop_assert!(bytes.len() >= HEADER_SIZE);
        }
    }

    #[test]
    fn masking_changes_the_volatile_bytes_only(page in prop::collection::vec(1..=u8::MAX, 0..600)) {
        let mut masked = page.clone();
        mask(&mut masked);
        for (at, (before, after)) in page.iter().zip(&masked).enumerate() {
            let volatile = [18, 19, 24, 25, 26, 27, 40, 41, 42, 43, 92, 93, 94, 95, 96, 97, 98, 99].contains(&at);
            prop_assert_eq!(*after, if volatile { 0 } else { *before }, "byte {}", at);
        }
    }
}
