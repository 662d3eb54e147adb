//! Restore points for the tests of every module.

#![allow(missing_docs, clippy::unwrap_used, reason = "it is part of tests")]

use std::collections::BTreeSet;

use jiff::Timestamp;
use proptest::prelude::*;

use super::{Checksum, Kind, RestorePoint, naming};

/// A present that tests agree on.
pub fn now() -> Timestamp {
    at("2025-01-10T12:00:00Z")
}

/// An instant from its text.
pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A verified restore point that is named for its instant.
pub fn verified(kind: Kind, created_at: Timestamp) -> RestorePoint {
    RestorePoint {
        file: naming::name(kind, created_at, false, |_| false).unwrap(),
        kind,
        created_at,
        sequence: 0,
        bytes: 8192,
        page_size: 4096,
        pages: 2,
        events: Some(12),
        content_checksum: Checksum::from(1 << 63),
        ltx_checksum: Checksum::from(1 << 63),
        verified_at: Some(created_at),
        error: None,
        warnings: Vec::new(),
        seconds: 0.1,
        unchanged_since: None,
        encrypted: false,
        file_checksum: None,
    }
}

/// A verified backup.
pub fn backup(created_at: &str) -> RestorePoint {
    verified(Kind::Backup, at(created_at))
}

/// The same, found damaged later.
pub fn damaged(created_at: &str) -> RestorePoint {
    RestorePoint { error: Some("a flipped bit".to_owned()), ..backup(created_at) }
}

/// The same, never verified.
pub fn unverified(created_at: &str) -> RestorePoint {
    RestorePoint { verified_at: None, ..backup(created_at) }
}

/// A folder's restore points: kinds, states, and instants from seconds to years before [`now`], some
/// of them equal and a few ahead of it; names are unique.
pub fn folder() -> impl Strategy<Value = Vec<RestorePoint>> {
    let before = prop_oneof![
        (-1000..1000_i64).prop_map(|steps| steps * 20_000),
        (0..1_200_000_i64).prop_map(|minutes| minutes * 60_000),
        0..90_000_000_000_i64,
    ];
    let kind = prop_oneof![4 => Just(Kind::Backup), 1 => Just(Kind::PreRestore)];
    let state = prop_oneof![6 => Just((true, false)), 1 => Just((true, true)), 1 => Just((false, false))];
    prop::collection::vec((before, kind, state), 0..120).prop_map(|all| {
        let mut taken = BTreeSet::new();
        let mut make = |(before, kind, (checked, wrong)): (i64, Kind, (bool, bool))| {
            let created_at = Timestamp::from_millisecond(now().as_millisecond() - before).unwrap();
            let mut point = verified(kind, created_at);
            point.file = naming::name(kind, created_at, false, |name| taken.contains(name)).unwrap();
            taken.insert(point.file.clone());
            point.verified_at = checked.then_some(created_at);
            point.error = wrong.then(|| "a flipped bit".to_owned());
            point
        };
        all.into_iter().map(&mut make).collect()
    })
}
