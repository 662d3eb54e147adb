//! The first page that an in-place restore writes: the restore point's, with what belongs to the live database.
//!
//! | bytes | from |
//! |---|---|
//! | 18–19 journal mode | the live database: another one would need every connection closed |
//! | 24–27, 92–99 change counter, SQLite version | the pager sets them when it writes |
//! | 28–31 size in pages | the restore point's real size |
//! | 40–43 schema cookie | the live database, at first: see [`next_schema_cookie`] |
//! | all else | the restore point |

use pra_core::header::{self, SCHEMA_COOKIE};

const SIZE_IN_PAGES: std::ops::Range<usize> = 28..32;
const LARGEST_ROOT_PAGE: std::ops::Range<usize> = 52..56;
const INCREMENTAL_VACUUM: std::ops::Range<usize> = 64..68;

/// The page to write so that `live` becomes `target` (of a database of `pages`).
pub(super) fn merge(target: &[u8], live: &[u8], pages: u32) -> Vec<u8> {
    let mut page = target.to_vec();
    // What differs where the content is equal stays as it is in the live database.
    for range in header::VOLATILE {
        page[range.clone()].copy_from_slice(&live[range]);
    }
    page[SIZE_IN_PAGES].copy_from_slice(&pages.to_be_bytes());
    page
}

/// A schema cookie that no connection has seen, so that every one drops the statements and the schema it has cached.
pub(super) fn next_schema_cookie(target: &[u8], live: &[u8]) -> u32 {
    u32_at(live, SCHEMA_COOKIE).max(u32_at(target, SCHEMA_COOKIE)).wrapping_add(1)
}

/// Whether two first pages hold the same, but for what SQLite changes on its own.
pub(super) fn same_content(one: &[u8], other: &[u8]) -> bool {
    let masked = |page: &[u8]| {
        let mut page = page.to_vec();
        header::mask(&mut page);
        page
    };
    masked(one) == masked(other)
}

/// Whether each commit moves pages so that none is free (`auto_vacuum = FULL`).
pub(super) fn vacuums_at_commit(page: &[u8]) -> bool {
    u32_at(page, LARGEST_ROOT_PAGE) != 0 && u32_at(page, INCREMENTAL_VACUUM) == 0
}

fn u32_at(page: &[u8], range: std::ops::Range<usize>) -> u32 {
    page[range].iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(cookie: u32, mode: u8, fill: u8) -> Vec<u8> {
        let mut page = vec![fill; 512];
        page[18..20].fill(mode);
        page[40..44].copy_from_slice(&cookie.to_be_bytes());
        page
    }

    #[test]
    fn the_journal_mode_stays_and_everything_else_is_the_restore_points() {
        let merged = merge(&page(3, 1, 7), &page(9, 2, 8), 42);
        assert_eq!(merged[18..20], [2, 2]);
        assert_eq!(merged[28..32], 42_u32.to_be_bytes());
        assert_eq!(merged[96..100], [8; 4]);
        assert_eq!(merged[100..], [7; 412]);
    }

    #[test]
    fn the_schema_cookie_is_one_that_no_connection_has_seen() {
        let cookie = |target, live| next_schema_cookie(&page(target, 1, 0), &page(live, 2, 0));
        assert_eq!(cookie(3, 9), 10);
        assert_eq!(cookie(9, 3), 10);
        assert_eq!(cookie(u32::MAX, 3), 0, "wraps as SQLite's own does");
    }

    #[test]
    fn only_what_sqlite_changes_on_its_own_is_overlooked() {
        let live = page(3, 2, 7);
        assert!(same_content(&merge(&page(8, 1, 7), &live, 0x0707_0707), &live));
        let mut other = live.clone();
        other[300] ^= 1;
        assert!(!same_content(&other, &live));
    }
}
