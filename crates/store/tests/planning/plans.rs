//! A plan restores exactly what it says, or there is the error that says why not.

use proptest::prelude::*;
use store::history::{File, History};
use store::plan::{Accept, Error, Goal, check_instant, plan};

use crate::model::{World, steps};

const ALL: Accept = Accept { gap: true, missing_tail: true };

/// Whether the history after `state` goes on without a hole, past `wanted`: then nothing was lost but detail.
fn only_detail_is_lost(files: &[File], state: u64, wanted: u64) -> bool {
    files.iter().any(|file| file.level < 9 && file.continues(state) && file.max >= wanted)
}

/// Any instant around the database's life.
fn instant(world: &World, position: f64) -> i64 {
    let (first, last) = (world.time_of(1) - 1000, world.now_ms + 1000);
    first + ((last - first) as f64 * position) as i64
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn every_state_that_a_file_leads_to_is_restored_exactly(steps in steps(40)) {
        let world = World::after(&steps);
        let history = world.history();
        for txid in 1..=world.newest() {
            match plan(&history, Goal::Txid(txid), None, Accept::default()) {
                Ok(plan) => prop_assert!(plan.txid == txid && world.chain_restores(&plan.files, txid)),
                Err(Error::NotKept { .. } | Error::Beyond { .. }) => {
                    prop_assert!(world.files.iter().all(|file| file.max != txid));
                }
                Err(other) => prop_assert!(false, "{txid}: {other}"),
            }
        }
        let latest = plan(&history, Goal::Latest, Some(world.shipped()), Accept::default())?;
        prop_assert!(world.chain_restores(&latest.files, world.shipped()));
    }

    #[test]
    fn an_instant_is_the_newest_state_that_is_not_after_it(steps in steps(40), position in 0.0..1.0) {
        let world = World::after(&steps);
        let history = world.history();
        let instant_ms = instant(&world, position);
        let (found, read) = world.find(&history, instant_ms);
        let goal = Goal::Instant { instant_ms, found };
        let newest = history.states().rev().find(|txid| world.time_of(*txid) <= instant_ms);
        match plan(&history, goal, Some(world.shipped()), Accept::default()) {
            Ok(plan) => {
                prop_assert_eq!(Some(plan.txid), newest);
                prop_assert!(world.chain_restores(&plan.files, plan.txid));
            }
            Err(Error::BeforeFirst { .. }) => prop_assert_eq!(newest, None),
            Err(other) => prop_assert!(false, "{}", other),
        }
        prop_assert!(read <= 2 + (history.states().count() as f64).log2().ceil() as usize);
    }

    #[test]
    fn a_lost_file_never_makes_an_older_state_the_latest(
        steps in steps(40), lost in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let mut world = World::after(&steps);
        let head = world.shipped();
        world.lose(&lost);
        let history = world.history();
        match plan(&history, Goal::Latest, Some(head), Accept::default()) {
            Ok(plan) => prop_assert!(plan.txid == head && world.chain_restores(&plan.files, head)),
            Err(Error::Gap { before, missing }) => {
                let present = |txid| world.files.iter().any(|file| file.level < 9 && (file.min..=file.max).contains(&txid));
                prop_assert!(before.is_none() || !present(missing.0), "{:?} {:?}", before, missing);
                prop_assert!(!history.can_restore(history.states().next_back().unwrap()));
            }
            Err(Error::MissingTail { newest, head: said }) => {
                prop_assert!(said == head && newest.is_none_or(|newest| newest < head));
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
        match plan(&history, Goal::Latest, Some(head), ALL) {
            Ok(plan) => {
                prop_assert_eq!(Some(plan.txid), history.restorable().next_back());
                prop_assert!(world.chain_restores(&plan.files, plan.txid));
            }
            Err(Error::Empty | Error::Gap { before: None, .. }) => {
                prop_assert!(world.files.iter().all(|file| !file.is_base()));
            }
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn a_lost_file_never_makes_an_instant_silently_older(
        steps in steps(40), lost in prop::collection::vec(any::<prop::sample::Index>(), 0..4), position in 0.0..1.0,
    ) {
        let mut world = World::after(&steps);
        let head = world.shipped();
        let instant_ms = instant(&world, position);
        let truth = world.history().states().rev().find(|txid| world.time_of(*txid) <= instant_ms);
        world.lose(&lost);
        let history = world.history();
        let goal = Goal::Instant { instant_ms, found: world.find(&history, instant_ms).0 };
        if let Ok(plan) = plan(&history, goal, Some(head), Accept::default()) {
            let truth = truth.unwrap();
            prop_assert!(world.chain_restores(&plan.files, plan.txid));
            prop_assert!(plan.txid == truth || only_detail_is_lost(&world.files, plan.txid, truth));
        }
        if let Ok(plan) = plan(&history, goal, Some(head), ALL) {
            prop_assert!(world.chain_restores(&plan.files, plan.txid));
            prop_assert!(world.time_of(plan.txid) <= instant_ms);
        }
    }

    #[test]
    fn a_chain_is_as_short_as_any(steps in steps(30)) {
        let world = World::after(&steps);
        let history = world.history();
        for txid in history.restorable() {
            let chain = history.chain(txid).unwrap();
            let base = chain[0];
            prop_assert!(world.files.iter().all(|file| !file.is_base() || file.max > txid || file.max <= base.max));
            prop_assert!(chain.windows(2).all(|pair| pair[1].continues(pair[0].max)));
            // No file could have been left out.
            prop_assert!(chain.windows(3).all(|three| !three[2].continues(three[0].max)));
        }
    }

    #[test]
    fn windows_hold_every_restorable_state_once(steps in steps(40), keep in prop::collection::vec(any::<bool>(), 60)) {
        let mut world = World::after(&steps);
        let mut keep = keep.into_iter();
        world.files.retain(|_| keep.next().unwrap_or(true));
        let history = world.history();
        let windows = history.windows();
        prop_assert_eq!(windows.iter().map(|window| window.states).sum::<usize>(), history.restorable().count());
        for window in windows {
            let instants = window.first..window.last;
            for txid in instants.filter(|txid| history.can_restore(*txid)) {
                // An instant between this state and the next is within the window: no error.
                let found = world.find(&history, world.time_of(txid) + 1).0;
                let goal = Goal::Instant { instant_ms: world.time_of(txid) + 1, found };
                prop_assert_eq!(plan(&history, goal, None, Accept::default()).map(|plan| plan.txid), Ok(txid));
            }
        }
    }
}

fn file(level: u8, min: u64, max: u64) -> File {
    File { level, min, max, size: 100, stored_ms: 0 }
}

#[test]
fn errors_name_what_is_missing_and_the_flag() {
    let history = History::new([file(9, 1, 4), file(0, 5, 5), file(0, 8, 8)]);
    let error = |goal, head| plan(&history, goal, head, Accept::default()).unwrap_err().to_string();
    assert_eq!(
        error(Goal::Latest, None),
        "transactions 0000000000000006 to 0000000000000007 are missing: --accept-gap restores the state after \
         0000000000000005"
    );
    assert_eq!(
        error(Goal::Txid(12), Some(12)),
        "transactions 0000000000000009 to 000000000000000c were shipped and are missing: --accept-missing-tail \
         restores the state after 0000000000000008"
    );
    assert_eq!(
        error(Goal::Txid(12), None),
        "transaction 000000000000000c has not been shipped; the newest is 0000000000000008"
    );
    assert_eq!(
        check_instant(2_000_000_000_000, 1_764_000_000_000).unwrap_err().to_string(),
        "2033-05-18T03:33:20.000Z lies in the future"
    );
}

#[test]
fn a_history_without_a_base_restores_nothing() {
    let history = History::new([file(0, 2, 2), file(0, 3, 3)]);
    let error = plan(&history, Goal::Latest, None, ALL).unwrap_err();
    assert_eq!(error, Error::Gap { before: None, missing: (1, 1) });
    assert_eq!(history.windows(), []);
}

#[test]
fn between_two_snapshots_alone_lies_a_hole() {
    let history = History::new([file(9, 1, 40), file(9, 1, 50)]);
    assert_eq!(history.windows().len(), 2);
    let error = plan(&history, Goal::Txid(45), None, Accept::default()).unwrap_err();
    assert_eq!(error, Error::Gap { before: Some(40), missing: (41, 49) });
}

#[test]
fn the_stores_times_may_be_anything() {
    let steps = vec![crate::model::Step::Commit { pages: vec![0], size: 3, shipped: true }; 30];
    let mut world = World::after(&steps);
    for wrong in [0, i64::MAX] {
        world.files.iter_mut().for_each(|file| file.stored_ms = wrong);
        let found = world.find(&world.history(), world.time_of(17)).0.unwrap();
        assert_eq!((found.txid, found.timestamp_ms), (17, world.time_of(17)));
    }
}
