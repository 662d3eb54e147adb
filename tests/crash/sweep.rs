//! Every operation of a scenario, every way to die at it.

use crate::check;
use crate::death::Death;
use crate::place::{Operation, Place};
use crate::scenario::Scenario;

/// More operations than that are sampled: all that are no writes, and so many of the writes.
const LIMIT: usize = 300;

/// Failures that are shown.
const SHOWN: usize = 12;

/// Runs `scenario` once for each operation and each death.
pub(crate) fn run(scenario: &Scenario) {
    let operations = operations(scenario);
    let mut failures = Vec::new();
    let mut runs = 0;
    for (index, operation) in sampled(&operations) {
        for death in Death::ALL.into_iter().filter(|death| death.applies_to(operation)) {
            runs += 1;
            if let Err(what) = one(scenario, index + 1, operation, death) {
                failures.push(format!("{death:?} at {} ({operation}): {what}", index + 1));
            }
        }
    }
    println!("{}: {} operations, {runs} runs", scenario.name, operations.len());
    let (count, shown) = (failures.len(), failures.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("\n"));
    assert_eq!(count, 0, "{}: {count} of {runs} runs fail:\n{shown}", scenario.name);
}

fn operations(scenario: &Scenario) -> Vec<Operation> {
    let place = Place::new(scenario);
    assert_eq!(place.database(), scenario.old, "{}: the state before", scenario.name);
    let (answer, operations) = place.trace(scenario);
    check::after_the_next(&place, scenario, &answer).unwrap_or_else(|what| panic!("{}: {what}", scenario.name));
    assert!(!operations.is_empty(), "{}: no operation was traced", scenario.name);
    operations
}

fn sampled(operations: &[Operation]) -> impl Iterator<Item = (usize, &Operation)> {
    let every = operations.len().div_ceil(LIMIT);
    operations.iter().enumerate().filter(move |(index, operation)| operation.kind != "write" || index % every == 0)
}

fn one(scenario: &Scenario, number: usize, operation: &Operation, death: Death) -> check::Check {
    let place = Place::new(scenario);
    let answer = place.run_until(scenario, number, death);
    check::after(&place, scenario, death, operation, &answer)?;
    check::after_the_next(&place, scenario, &place.run(scenario))
}

/// Whether some power loss breaks a promise on a disk that only pretends to do operations of `kind`.
pub(crate) fn fails_on_a_disk_deaf_to(scenario: &Scenario, kind: &str) -> bool {
    let death = Death::Power;
    operations(scenario).iter().enumerate().any(|(index, operation)| {
        let place = Place::new(scenario);
        let answer = place.run_on_a_disk_deaf_to(kind, scenario, index + 1, death);
        check::after(&place, scenario, death, operation, &answer).is_err()
    })
}
