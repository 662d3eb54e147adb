//! What may be deleted, and above all what may not.

use std::time::Duration;

use proptest::prelude::*;
use store::history::{File, History};
use store::plan::{Accept, Goal, plan};
use store::retention::Retention;

use crate::model::{Step, World, steps};

const MINUTE: i64 = 60_000;

fn retention() -> Retention {
    Retention::default()
}

fn delete(world: &mut World) -> Vec<File> {
    let deleted = retention().deletable(&world.files, world.now_ms);
    world.files.retain(|file| !deleted.contains(file));
    deleted
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_a_kept_file_leads_to_stays_restorable(
        steps in steps(60), lost in prop::collection::vec(any::<prop::sample::Index>(), 0..3), times in 1..4_usize,
    ) {
        let mut world = World::after(&steps);
        world.lose(&lost);
        for _ in 0..times {
            let before = world.history();
            delete(&mut world);
            let after = world.history();
            for txid in after.states() {
                prop_assert_eq!(before.can_restore(txid), after.can_restore(txid));
                if let Some(chain) = after.chain(txid) {
                    prop_assert!(world.chain_restores(&chain, txid));
                }
            }
            prop_assert_eq!(before.restorable().next_back(), after.restorable().next_back());
            let has_base = |history: &History| history.files().any(|file| file.is_base());
            prop_assert_eq!(has_base(&before), has_base(&after));
            world.now_ms += 600 * MINUTE;
        }
    }

    #[test]
    fn every_instant_within_the_retention_stays_restorable(steps in steps(60)) {
        let mut world = World::after(&[]);
        for step in &steps {
            world.step(step);
            delete(&mut world);
        }
        let begin = (world.now_ms - 24 * 60 * MINUTE).max(world.time_of(1));
        let history = world.history();
        // One run without a hole.
        prop_assert_eq!(history.windows().len(), 1);
        for part in 0..=50 {
            let instant_ms = begin + (world.now_ms - begin) / 50 * part;
            let goal = Goal::Instant { instant_ms, found: world.find(&history, instant_ms).0 };
            let plan = plan(&history, goal, Some(world.shipped()), Accept::default())?;
            prop_assert!(world.chain_restores(&plan.files, plan.txid));
        }
    }

    #[test]
    fn single_syncs_stay_for_the_fine_window_and_compactions_for_all_of_it(steps in steps(60)) {
        let mut world = World::after(&[]);
        let mut made = world.files.clone();
        for step in &steps {
            world.step(step);
            made.extend(world.files.iter().filter(|file| !made.contains(file)).copied().collect::<Vec<_>>());
            delete(&mut world);
        }
        let history = world.history();
        for file in made {
            let window = if file.level == 0 { 5 * MINUTE } else { 24 * 60 * MINUTE };
            if file.stored_ms > world.now_ms - window {
                prop_assert!(history.can_restore(file.max), "{:?}", file);
            }
        }
    }

    #[test]
    fn a_restore_that_has_planned_finds_its_files(before in steps(40), during in steps(20), pick in any::<prop::sample::Index>()) {
        let mut world = World::after(&[]);
        for step in &before {
            world.step(step);
            delete(&mut world);
        }
        let history = world.history();
        let states: Vec<_> = history.restorable().collect();
        let state = states[pick.index(states.len())];
        let planned = history.chain(state).unwrap();
        // All that is still in its window, or has none: the newest base.
        let day = world.now_ms - 24 * 60 * MINUTE;
        let anchor = history.files().filter(|file| file.is_base() && file.stored_ms <= day).map(|file| file.max).max();
        let compacted = |file: &File| world.files.iter().any(|other| {
            let holds = other.min <= file.min && other.max >= file.max && (1..9).contains(&other.level);
            holds && other.stored_ms <= world.now_ms - 5 * MINUTE
        });
        prop_assume!(Some(state) >= anchor && !planned.iter().any(|file| file.level == 0 && compacted(file)));
        let end = world.now_ms + 5 * MINUTE;
        for step in &during {
            let mut next = world.clone();
            next.step(step);
            if next.now_ms >= end {
                break;
            }
            world = next;
            let deleted = delete(&mut world);
            prop_assert!(planned.iter().all(|file| !deleted.contains(file)), "{:?} of {:?}", deleted, planned);
        }
    }
}

#[test]
fn a_long_history_keeps_a_bounded_number_of_files() {
    let mut world = World::after(&[]);
    let commit = Step::Commit { pages: vec![1], size: 5, shipped: true };
    // Four days of a commit each two minutes.
    for minute in 1..=4 * 24 * 60 {
        world.now_ms += MINUTE;
        let due = |every: i64| minute % every == 0;
        let mut step = |due: bool, step: &Step| {
            if due {
                world.step(step)
            }
        };
        step(due(2), &commit);
        step(due(4), &Step::Compact(1));
        step(due(30), &Step::Compact(2));
        step(due(60), &Step::Compact(3));
        step(due(24 * 60), &Step::Snapshot);
        if due(15) {
            delete(&mut world);
        }
    }
    let count = |level| world.files.iter().filter(|file| file.level == level).count();
    // At most: a snapshot and the files that depend on it for twice the retention, and single files until they are
    // compacted.
    assert!(count(0) <= 15, "{}", count(0));
    assert!((360..=2 * 360 + 10).contains(&count(1)), "{}", count(1));
    assert!((24..=2 * 24 + 1).contains(&count(3)), "{}", count(3));
    assert_eq!(count(9), 3);
}

#[test]
fn the_fine_window_can_be_as_long_as_one_likes() {
    let policy = Retention { fine: Duration::MAX, snapshots: Duration::MAX, ..retention() };
    let file = |level, min, max| File { level, min, max, size: 1, stored_ms: 0 };
    let files = [file(0, 1, 1), file(0, 2, 2), file(1, 1, 2), file(9, 1, 2)];
    assert_eq!(policy.deletable(&files, 1_764_000_000_000), []);
    assert!(!retention().deletable(&files, 1_764_000_000_000).is_empty());
}

#[test]
fn the_only_base_is_never_deleted() {
    let base = File { level: 9, min: 1, max: 4, size: 1, stored_ms: 0 };
    let next = File { level: 0, min: 5, max: 5, ..base };
    assert_eq!(retention().deletable(&[base, next], i64::MAX), []);
    assert_eq!(retention().deletable(&[next], i64::MAX), []);
}
