use proptest::prelude::*;

use super::*;
use crate::checksum::POLYNOMIAL;

/// The CRC as its definition reads: bit by bit, without a table.
fn bitwise(bytes: &[u8]) -> u64 {
    !bytes.iter().fold(u64::MAX, |state, byte| {
        (0..8).fold(state ^ u64::from(*byte), |state, _| (state >> 1) ^ (POLYNOMIAL * (state & 1)))
    })
}

/// The definition, page by page; `each` is what becomes of a page checksum.
fn by_definition(pages: &[Vec<u8>], each: fn(u64) -> u64) -> u64 {
    (1_u32..).zip(pages).fold(CHECKSUM_FLAG, |sum, (number, page)| {
        CHECKSUM_FLAG | (sum ^ each(bitwise(&[&number.to_be_bytes()[..], page].concat())))
    })
}

fn sum(pages: &[Vec<u8>]) -> DatabaseChecksum {
    let mut sum = DatabaseChecksum::new(512);
    (1..).zip(pages).for_each(|(number, page)| sum.add(number, page));
    sum
}

fn database() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(any::<u8>(), 512), 1..12)
}

#[test]
fn the_crc_is_go_iso() {
    assert_eq!(bitwise(b"123456789"), 0xb909_56c7_75a4_1001);
    assert_eq!(crate::checksum(b"123456789"), 0xb909_56c7_75a4_1001);
    assert_eq!(page_checksum(0x3132_3334, b"56789"), 0xb909_56c7_75a4_1001, "1234 as the page number");
}

#[test]
fn the_mixer_is_that_of_splitmix64() {
    let first_output_of_seed_0 = mix(0x9e37_79b9_7f4a_7c15);
    assert_eq!(first_output_of_seed_0, 0xe220_a839_7b1d_cdaf);
}

#[test]
fn no_pages_give_the_flag_alone() {
    assert_eq!(DatabaseChecksum::new(4096).finish().ltx.to_string(), "8000000000000000");
}

#[test]
fn the_lock_page_is_the_one_at_one_gibibyte() {
    for exponent in 9..=16 {
        let size = 1_u32 << exponent;
        assert_eq!(u64::from(lock_page(size) - 1) * u64::from(size), 1 << 30);
    }
}

#[test]
fn the_lock_page_does_not_count() {
    let mut sum = DatabaseChecksum::new(65_536);
    sum.add(0x4001, &[7; 65_536]);
    assert_eq!(sum, DatabaseChecksum::new(65_536));
    sum.add(0x4002, &[7; 65_536]);
    assert_ne!(sum, DatabaseChecksum::new(65_536));
}

proptest! {
    #[test]
    fn pages_of_any_length_and_alignment_agree_with_the_bitwise_definition(
        number in any::<u32>(), bytes in prop::collection::vec(any::<u8>(), 0..3000), skip in 0..64_usize,
    ) {
        let page = &bytes[skip.min(bytes.len())..];
        prop_assert_eq!(page_checksum(number, page), bitwise(&[&number.to_be_bytes()[..], page].concat()));
    }

    #[test]
    fn a_database_agrees_with_the_definition(mut pages in database()) {
        let sums = sum(&pages).finish();
        prop_assert_eq!(sums.ltx.get(), by_definition(&pages, |sum| sum));
        header::mask(&mut pages[0]);
        prop_assert_eq!(sums.content.get(), by_definition(&pages, mix));
    }

    #[test]
    fn order_and_split_between_threads_do_not_matter(
        (pages, order) in database().prop_flat_map(|pages| {
            let numbers: Vec<usize> = (0..pages.len()).collect();
            (Just(pages), Just(numbers).prop_shuffle())
        }),
        cut in any::<prop::sample::Index>(),
    ) {
        let (mut left, mut right) = (DatabaseChecksum::new(512), DatabaseChecksum::new(512));
        let cut = cut.index(order.len());
        for (position, &index) in order.iter().enumerate() {
            let part = if position < cut { &mut left } else { &mut right };
            part.add(u32::try_from(index + 1).unwrap(), &pages[index]);
        }
        left.merge(&right);
        prop_assert_eq!(left, sum(&pages));
    }

    #[test]
    fn volatile_bytes_change_the_file_but_not_the_content(mut pages in database(), at in 0..18_usize) {
        let before = sum(&pages).finish();
        let byte = header::VOLATILE.into_iter().flatten().nth(at).unwrap();
        pages[0][byte] ^= 1;
        let after = sum(&pages).finish();
        prop_assert_eq!(before.content, after.content);
        prop_assert_ne!(before.ltx, after.ltx);
    }

    #[test]
    fn one_flipped_bit_anywhere_else_is_seen(mut pages in database(), page in any::<prop::sample::Index>(), byte in 0..512_usize, bit in 0..8_u8) {
        let before = sum(&pages).finish();
        let page = page.index(pages.len());
        prop_assume!(page != 0 || !header::VOLATILE.iter().any(|range| range.contains(&byte)));
        pages[page][byte] ^= 1_u8 << bit;
        prop_assert_ne!(sum(&pages).finish().content, before.content);
    }

    #[test]
    fn the_same_change_to_two_pages_is_seen_by_content_though_not_by_ltx(
        mut pages in database(), byte in 0..512_usize, change in 1..=u8::MAX,
    ) {
        prop_assume!(pages.len() > 2);
        let before = sum(&pages).finish();
        pages[1][byte] ^= change;
        pages[2][byte] ^= change;
        let after = sum(&pages).finish();
        prop_assert_eq!(before.ltx, after.ltx);
        prop_assert_ne!(before.content, after.content);
    }

    #[test]
    fn two_different_pages_swapped_are_seen(mut pages in database()) {
        prop_assume!(pages.len() > 2 && pages[1] != pages[2]);
        let before = sum(&pages).finish();
        pages.swap(1, 2);
        prop_assert_ne!(sum(&pages).finish().content, before.content);
    }
}
