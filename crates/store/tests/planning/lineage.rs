//! Which epochs a restore follows.

use proptest::prelude::*;
use store::lineage::{Epoch, Error, Parent, Step, ignored, line};

fn epoch(name: &str, parent: Option<(&str, u64)>) -> Epoch {
    Epoch { name: name.into(), parent: parent.map(|(epoch, txid)| Parent { epoch: epoch.into(), txid }) }
}

fn step(epoch: &str, until: Option<u64>) -> Step {
    Step { epoch: epoch.into(), until }
}

#[test]
fn the_line_goes_from_the_newest_to_the_first() {
    let epochs = [epoch("3", Some(("2", 7))), epoch("1", None), epoch("2", Some(("1", 40)))];
    let line = line(&epochs, None).unwrap();
    assert_eq!(line.steps, [step("3", None), step("2", Some(7)), step("1", Some(40))]);
    assert_eq!((line.missing, line.passed_over), (None, vec![]));
}

#[test]
fn an_epoch_that_began_alone_where_others_exist_is_not_the_newest_unless_named() {
    let epochs = [epoch("1", None), epoch("2", Some(("1", 3))), epoch("3", None), epoch("4", Some(("3", 1)))];
    let newest = line(&epochs, None).unwrap();
    assert_eq!(newest.steps[0], step("2", None));
    assert_eq!(newest.passed_over, ["4"]);
    let named = line(&epochs, Some("4")).unwrap();
    assert_eq!(named.steps, [step("4", None), step("3", Some(1))]);
}

#[test]
fn a_child_whose_clock_is_behind_is_still_the_newest() {
    let epochs = [epoch("5", None), epoch("3", Some(("5", 3)))];
    assert_eq!(line(&epochs, None).unwrap().steps, [step("3", None), step("5", Some(3))]);
}

#[test]
fn a_deleted_parent_ends_the_line_and_is_told() {
    let epochs = [epoch("2", Some(("1", 3))), epoch("3", None)];
    let line = line(&epochs, None).unwrap();
    assert_eq!(line.steps, [step("2", None)]);
    assert_eq!(line.missing.as_deref(), Some("1"));
}

#[test]
fn what_a_parent_holds_past_its_child_is_counted() {
    assert_eq!(ignored(&step("1", Some(40)), Some(52)), 12);
    assert_eq!(ignored(&step("1", Some(40)), Some(40)), 0);
    assert_eq!(ignored(&step("1", None), Some(52)), 0);
}

#[test]
fn what_cannot_be_is_an_error() {
    assert_eq!(line(&[], None), Err(Error::Empty));
    assert_eq!(line(&[epoch("1", None)], Some("2")), Err(Error::Unknown("2".into())));
    let cycle = [epoch("1", Some(("2", 1))), epoch("2", Some(("1", 1)))];
    assert_eq!(line(&cycle, None), Err(Error::Cycle("1".into())));
}

proptest! {
    #[test]
    fn a_line_is_always_found_or_an_error(parents in prop::collection::vec(prop::option::of(0..12_usize), 1..10)) {
        let epochs: Vec<_> = (0..).zip(&parents).map(|(at, parent): (usize, _)| {
            let parent = parent.map(|parent| Parent { epoch: format!("{parent:02}"), txid: 1 });
            Epoch { name: format!("{at:02}"), parent }
        }).collect();
        match line(&epochs, None) {
            Ok(line) => {
                let root = epochs.iter().find(|epoch| epoch.name == line.steps.last().unwrap().epoch).unwrap();
                let end = &line.steps[0].epoch;
                prop_assert!(epochs.iter().all(|epoch| epoch.parent.as_ref().is_none_or(|parent| parent.epoch != *end)));
                let older = epochs.iter().filter(|epoch| epoch.parent.is_none() && epoch.name < root.name).count();
                prop_assert!(older == 0 || line.missing.is_some());
                prop_assert_eq!(line.missing, root.parent.as_ref().map(|parent| parent.epoch.clone()));
                prop_assert!(line.passed_over.iter().all(|name| *name > line.steps[0].epoch));
            }
            Err(error) => prop_assert!(matches!(error, Error::Cycle(_))),
        }
    }
}
