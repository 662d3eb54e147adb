use std::path::PathBuf;

use proptest::prelude::*;
use store::objects::Grower;

use super::*;

fn epoch() -> EpochId {
    State::sample().epoch
}

fn file(level: u8, min: u64, max: u64) -> Staged {
    Staged { name: Name { level, min, max, encrypted: false }, path: PathBuf::new(), bytes: 10, timestamp_ms: max }
}

fn outbox(stores: usize, limit: u64) -> Outbox {
    let outbox = Outbox::new(stores, limit);
    outbox.begin(&State::sample(), 0, 0, Vec::new());
    outbox.looked(1);
    outbox
}

#[test]
fn a_store_that_is_down_holds_up_no_other() {
    let outbox = outbox(2, 1000);
    outbox.connected(0, epoch(), 0, 0);
    outbox.add(file(SNAPSHOT, 1, 1), None);
    outbox.add(file(0, 2, 2), None);
    assert_eq!(outbox.next(1), Next::Nothing, "its listing is not known yet");
    assert_eq!(outbox.next(0), Next::File(file(SNAPSHOT, 1, 1)));
    assert!(outbox.delivered(0, epoch(), file(SNAPSHOT, 1, 1).name, 1).is_empty(), "the other store waits for it");
    assert_eq!(outbox.next(0), Next::File(file(0, 2, 2)));
    outbox.delivered(0, epoch(), file(0, 2, 2).name, 2);
    assert_eq!(outbox.next(0), Next::Nothing);
    assert!(!outbox.is_settled());
    let dropped = outbox.connected(1, epoch(), 2, 0);
    assert_eq!(dropped.len(), 2, "it has them already");
    assert!(outbox.is_settled());
}

#[test]
fn what_is_being_made_is_for_the_stores_until_it_is_there_or_given_up() {
    let outbox = outbox(1, 1000);
    let being_made = tempfile::NamedTempFile::new().unwrap();
    let announce = || {
        let (grower, file) = Grower::open(being_made.path(), 10).unwrap();
        outbox.announce(Early { name: file_name(), file, timestamp_ms: 1 });
        grower
    };
    assert!(outbox.early().is_none());
    drop(announce());
    assert!(outbox.early().is_none(), "it was given up");
    let grower = announce();
    assert_eq!(outbox.early().unwrap().name, file_name());
    outbox.connected(0, epoch(), 0, 0);
    outbox.add(file(SNAPSHOT, 1, 1), None);
    assert!(outbox.early().is_none());
    grower.end();
    assert!(!outbox.is_settled());
    outbox.delivered(0, epoch(), file_name(), 1);
    assert!(outbox.is_settled());

    let _grower = announce();
    outbox.begin(&State::sample(), 0, 0, Vec::new());
    assert!(outbox.early().is_none(), "it was another epoch's");
}

fn file_name() -> Name {
    file(SNAPSHOT, 1, 1).name
}

#[test]
fn above_the_limit_files_go_and_a_catch_up_is_asked_for() {
    let outbox = outbox(1, 25);
    outbox.connected(0, epoch(), 1, 0);
    for txid in 1..=3 {
        outbox.add(file(0, txid, txid), None);
    }
    assert_eq!(outbox.next(0), Next::CatchUp);
    assert_eq!(outbox.catch_ups(), [(0, 2)]);
    outbox.add(file(0, 2, 3), Some(BTreeSet::from([0])));
    assert_eq!(outbox.next(0), Next::File(file(0, 2, 3)));
    outbox.delivered(0, epoch(), file(0, 2, 3).name, 3);
    assert!(outbox.is_settled());
}

#[test]
fn nothing_of_an_epoch_that_has_ended_counts() {
    let outbox = outbox(1, 1000);
    outbox.connected(0, EpochId::begin(jiff::Timestamp::UNIX_EPOCH), 7, 0);
    assert_eq!(outbox.positions().0[0].position, None);
}

proptest! {
    /// Whatever goes up, goes down and is let go: every store ends with everything, and never skips a transaction.
    #[test]
    fn every_store_gets_an_unbroken_history(
        actions in proptest::collection::vec((0..4_u8, 0..3_usize), 1..200),
        limit in 10..200_u64,
    ) {
        let outbox = outbox(3, limit);
        let mut txid = 0;
        let mut has = [None::<u64>; 3];
        let deliver = |store: usize, has: &mut Option<u64>, txid: u64| -> Result<(), TestCaseError> {
            match outbox.next(store) {
                Next::Nothing => {}
                Next::CatchUp => {
                    let min = has.unwrap_or(0) + 1;
                    let level = if min == 1 { SNAPSHOT } else { 0 };
                    outbox.add(file(level, min, txid), Some(BTreeSet::from([store])));
                }
                Next::File(staged) => {
                    let name = staged.name;
                    let before = has.unwrap_or(0);
                    prop_assert!(name.min <= before + 1, "a hole: {name} after {before}");
                    outbox.delivered(store, epoch(), name, 0);
                    *has = Some(before.max(name.max));
                }
            }
            Ok(())
        };
        for (action, store) in actions {
            match action {
                0 => {
                    txid += 1;
                    outbox.add(file(if txid == 1 { SNAPSHOT } else { 0 }, txid, txid), None);
                }
                1 if txid > 1 => {
                    outbox.add(file(1, 2, txid), None);
                }
                2 => {
                    if has[store].is_none() {
                        outbox.connected(store, epoch(), 0, 0);
                        has[store] = Some(0);
                    }
                }
                _ => deliver(store, &mut has[store], txid)?,
            }
        }
        for (store, has) in has.iter_mut().enumerate() {
            if has.is_none() {
                outbox.connected(store, epoch(), 0, 0);
                *has = Some(0);
            }
        }
        for _ in 0..500 {
            for (store, has) in has.iter_mut().enumerate() {
                deliver(store, has, txid)?;
            }
        }
        prop_assert!(outbox.is_settled());
        prop_assert_eq!(has, [Some(txid); 3]);
    }
}

#[test]
fn a_file_that_is_staged_no_more_is_not_waited_for() {
    let outbox = outbox(1, 100);
    outbox.looked(1);
    outbox.connected(0, epoch(), 1, 0);
    outbox.add(file(0, 2, 2), None);
    outbox.gone(0, file(0, 2, 2).name);
    assert_eq!(outbox.next(0), Next::CatchUp, "what was in it is made anew");
    outbox.add(file(0, 2, 2), Some(BTreeSet::from([0])));
    outbox.delivered(0, epoch(), file(0, 2, 2).name, 2);
    outbox.add(file(1, 2, 2), None);
    outbox.gone(0, file(1, 2, 2).name);
    assert_eq!(outbox.next(0), Next::Nothing);
    assert!(outbox.is_settled());
}
