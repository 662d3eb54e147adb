//! Epochs and their parents → the line of histories that a restore follows, newest first.
//!
//! ```text
//! 20261101T…-a ──at 40──► 20261102T…-b ──at 7──► 20261103T…-c      the line of c: c, b until 7, a until 40
//!      │
//!      └ 41 … 52: shipped by a writer that did not know of b; ignored, and reported
//!
//! 20261104T…-d      without parent, though others existed: an empty volume or a mistake; only when named
//! ```
//!
//! Names of epochs begin with the time of their begin, so they sort by it.

use std::collections::{BTreeMap, BTreeSet};

use crate::epoch::Manifest;

/// Where an epoch continues another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parent {
    /// The other one's name.
    pub epoch: String,
    /// The last of its transactions that counts.
    pub txid: u64,
}

/// What must be known of an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// Its name.
    pub name: String,
    /// What it continues.
    pub parent: Option<Parent>,
}

/// What the manifests say of it.
pub fn epochs(manifests: &[Manifest]) -> Vec<Epoch> {
    let epoch = |manifest: &Manifest| Epoch {
        name: manifest.epoch.to_string(),
        parent: manifest.parent.map(|parent| Parent { epoch: parent.epoch.to_string(), txid: parent.txid }),
    };
    manifests.iter().map(epoch).collect()
}

/// One epoch of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The epoch's name.
    pub epoch: String,
    /// Its last transaction that counts; `None`: all do.
    pub until: Option<u64>,
}

/// The histories that a restore may choose from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Newest first. The first that has a state at or before the wanted one is the one to restore from.
    pub steps: Vec<Step>,
    /// The parent of the last step, where its manifest is not there: deleted, or not listed.
    pub missing: Option<String>,
    /// Newer epochs that were passed over, since they go back to one without parent that was not the first. To be
    /// reported.
    pub passed_over: Vec<String>,
}

/// Why there is no line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No epoch at all.
    #[error("the replica holds no epochs")]
    Empty,
    /// The named one is not there.
    #[error("the replica has no epoch '{0}'")]
    Unknown(String),
    /// An epoch continues itself, which no writer does.
    #[error("epoch '{0}' is its own ancestor")]
    Cycle(String),
}

/// The line that ends in the epoch `named`, or in the newest that nothing continues and that belongs to the first.
///
/// # Errors
/// See [`Error`].
pub fn line(epochs: &[Epoch], named: Option<&str>) -> Result<Line, Error> {
    let by_name: BTreeMap<_, _> = epochs.iter().map(|epoch| (epoch.name.as_str(), epoch)).collect();
    if let Some(named) = named {
        let (steps, root) = ancestors(&by_name, named)?;
        return Ok(Line { steps, missing: parent(root), passed_over: Vec::new() });
    }
    // The names of parent and child need not be in order: clocks differ.
    let parents: BTreeSet<_> = epochs.iter().filter_map(|epoch| Some(epoch.parent.as_ref()?.epoch.as_str())).collect();
    let mut ends = Vec::new();
    for name in by_name.keys().rev().filter(|name| !parents.contains(**name)) {
        ends.push(ancestors(&by_name, name)?);
    }
    let first = ends.iter().map(|(_, root)| root.name.as_str()).min();
    let mut passed_over = Vec::new();
    for (steps, root) in ends {
        if root.parent.is_some() || Some(root.name.as_str()) == first {
            return Ok(Line { steps, missing: parent(root), passed_over });
        }
        passed_over.extend(steps.into_iter().map(|step| step.epoch).next());
    }
    Err(epochs.first().map_or(Error::Empty, |epoch| Error::Cycle(epoch.name.clone())))
}

fn parent(epoch: &Epoch) -> Option<String> {
    epoch.parent.as_ref().map(|parent| parent.epoch.clone())
}

/// The steps from `name` to its root, and the root.
fn ancestors<'a>(epochs: &BTreeMap<&str, &'a Epoch>, name: &str) -> Result<(Vec<Step>, &'a Epoch), Error> {
    let unknown = || Error::Unknown(name.to_owned());
    let mut epoch = *epochs.get(name).ok_or_else(unknown)?;
    let mut steps = vec![Step { epoch: epoch.name.clone(), until: None }];
    while let Some(parent) = &epoch.parent {
        let Some(next) = epochs.get(parent.epoch.as_str()) else { break };
        if steps.len() > epochs.len() {
            return Err(Error::Cycle(name.to_owned()));
        }
        steps.push(Step { epoch: parent.epoch.clone(), until: Some(parent.txid) });
        epoch = next;
    }
    Ok((steps, epoch))
}

/// The transactions of a step's epoch that do not count, `newest` being its newest state: to be reported.
pub fn ignored(step: &Step, newest: Option<u64>) -> u64 {
    step.until.zip(newest).map_or(0, |(until, newest)| newest.saturating_sub(until))
}
