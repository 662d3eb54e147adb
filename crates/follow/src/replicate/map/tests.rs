use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const FLAG: u64 = 1 << 63;

/// The content of the map: each page's checksum, and the XOR of all.
fn expected(deltas: &[Delta]) -> (BTreeMap<u32, (u64, u64)>, u64) {
    let mut pages = BTreeMap::new();
    for delta in deltas {
        pages.retain(|number, _| *number <= delta.commit);
        pages.extend(delta.pages.iter().map(|(number, sum)| (*number, (*sum, delta.txid))));
    }
    let sum = pages.values().fold(0, |sum, (page, _)| sum ^ page) | FLAG;
    (pages, sum)
}

fn history() -> impl Strategy<Value = Vec<Delta>> {
    let one = (1..40_u32).prop_flat_map(|commit| {
        (Just(commit), proptest::collection::btree_map(1..=commit, any::<u64>().prop_map(|sum| sum | FLAG), 0..12))
    });
    proptest::collection::vec(one, 1..12).prop_map(|all| {
        (1..)
            .zip(all)
            .map(|(txid, (commit, pages))| Delta {
                txid,
                timestamp_ms: txid * 1000,
                commit,
                pages: pages.into_iter().collect(),
                counters: Counters { changes: commit, schema: commit / 2 },
                file: Content { bytes: txid * 100, checksum: txid | FLAG },
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn the_map_says_what_a_replay_of_all_transactions_gives(deltas in history()) {
        let mut map = PageMap::new(4096);
        for delta in &deltas {
            let foretold = map.checksum_after(delta);
            map.apply(delta);
            prop_assert_eq!(map.checksum(), foretold);
        }
        let (pages, sum) = expected(&deltas);
        prop_assert_eq!(map.checksum(), sum);
        for number in 1..45 {
            let page = pages.get(&number);
            prop_assert!(!map.differs(number, page.map_or(0, |(sum, _)| *sum)));
        }
        for txid in 1..14 {
            let since: Vec<u32> = pages.iter().filter(|(_, (_, at))| *at >= txid).map(|(n, _)| *n).collect();
            prop_assert_eq!(map.since(txid), since);
        }
    }

    #[test]
    fn what_is_read_from_the_log_is_what_was_written(deltas in history(), rewrite_after in 0..12_usize) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map");
        let mut map = PageMap::new(4096);
        let mut log = MapLog::create(&path, "epoch", &map).unwrap();
        for (index, delta) in deltas.iter().enumerate() {
            log.append(delta).unwrap();
            map.apply(delta);
            if index == rewrite_after {
                log = MapLog::create(&path, "epoch", &map).unwrap();
            }
        }
        drop(log);
        let (_, read) = MapLog::open(&path, "epoch").unwrap().unwrap();
        prop_assert_eq!(read, map);
    }

    #[test]
    fn a_log_that_ends_anywhere_gives_the_transactions_that_are_whole(deltas in history(), cut in 0..2000_usize) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map");
        let mut maps = vec![PageMap::new(4096)];
        let mut log = MapLog::create(&path, "epoch", &maps[0]).unwrap();
        let mut lengths = vec![std::fs::metadata(&path).unwrap().len()];
        for delta in &deltas {
            log.append(delta).unwrap();
            let mut next = maps[maps.len() - 1].clone();
            next.apply(delta);
            maps.push(next);
            lengths.push(std::fs::metadata(&path).unwrap().len());
        }
        let whole = lengths[lengths.len() - 1];
        let cut = lengths[0] + cut as u64 % (whole - lengths[0] + 1);
        std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(cut).unwrap();
        let (mut log, read) = MapLog::open(&path, "epoch").unwrap().unwrap();
        let last = lengths.iter().rposition(|length| *length <= cut).unwrap();
        prop_assert_eq!(&read, &maps[last]);
        // What is written after it is found again.
        let next =
            Delta { txid: read.txid() + 1, commit: 1, pages: vec![(1, FLAG | 5)], ..Delta::default() };
        log.append(&next).unwrap();
        let (_, again) = MapLog::open(&path, "epoch").unwrap().unwrap();
        prop_assert_eq!(again.txid(), next.txid);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map");
        std::fs::write(&path, bytes).unwrap();
        prop_assert!(MapLog::open(&path, "epoch").unwrap().is_none());
    }
}

#[test]
fn a_log_of_another_epoch_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("map");
    MapLog::create(&path, "one", &PageMap::new(4096)).unwrap();
    assert!(MapLog::open(&path, "two").unwrap().is_none());
    assert!(MapLog::open(&folder.path().join("none"), "one").unwrap().is_none());
}
