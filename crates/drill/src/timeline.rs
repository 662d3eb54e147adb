//! What happened when: the drill in equal slices of time.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ledger::Ledger;

/// The length of a slice.
pub const SLICE: Duration = Duration::from_millis(250);

/// One slice.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    /// Where it begins.
    pub at_seconds: f64,
    /// Writes that were acknowledged in it.
    pub acknowledged: u64,
    /// Requests that failed in it.
    pub refused: u64,
}

/// The slices from the beginning to `end`, the empty ones too.
pub fn timeline(ledger: &Ledger, end: Duration) -> Vec<Slice> {
    let last = index(end);
    let empty = |number: usize| Slice {
        at_seconds: (SLICE * u32::try_from(number).unwrap_or(u32::MAX)).as_secs_f64(),
        acknowledged: 0,
        refused: 0,
    };
    let mut slices: Vec<Slice> = (0..=last).map(empty).collect();
    for (_, acknowledged) in ledger.acknowledgements() {
        if let Some(slice) = slices.get_mut(index(acknowledged.at)) {
            slice.acknowledged += 1;
        }
    }
    for refused in ledger.refusals() {
        if let Some(slice) = slices.get_mut(index(refused.at)) {
            slice.refused += 1;
        }
    }
    slices
}

fn index(at: Duration) -> usize {
    usize::try_from(at.as_millis() / SLICE.as_millis()).unwrap_or(usize::MAX)
}
