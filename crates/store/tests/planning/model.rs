//! A database as page versions, and a writer that ships, compacts and makes snapshots as ours does.

use std::collections::BTreeMap;

use proptest::prelude::*;
use store::history::{File, History, SNAPSHOT_LEVEL};
use store::instant::{Found, InstantSearch};

/// What happens next.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A transaction that writes some pages and sets the size.
    Commit {
        pages: Vec<usize>,
        size: usize,
        shipped: bool,
    },
    /// A compacted file from the end of the last one of its level.
    Compact(u8),
    Snapshot,
    Wait {
        minutes: i64,
    },
}

pub(crate) fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let commit = (prop::collection::vec(0..12_usize, 0..4), 1..12_usize, prop::bool::weighted(0.9));
    let step = prop_oneof![
        8 => commit.prop_map(|(pages, size, shipped)| Step::Commit { pages, size, shipped }),
        3 => (1..=3_u8).prop_map(Step::Compact),
        1 => Just(Step::Snapshot),
        3 => prop_oneof![1..5_i64, 60..900_i64].prop_map(|minutes| Step::Wait { minutes }),
    ];
    prop::collection::vec(step, 1..most)
}

/// The TXID of the transaction that wrote each page.
type Pages = Vec<u64>;

/// The database, its history, and the epoch's files.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    pub(crate) now_ms: i64,
    pub(crate) files: Vec<File>,
    /// By TXID, from 1.
    states: Vec<(Pages, i64)>,
}

impl World {
    pub(crate) fn after(steps: &[Step]) -> Self {
        let mut world = Self { now_ms: 1_764_000_000_000, ..Self::default() };
        world.step(&Step::Commit { pages: vec![], size: 5, shipped: true });
        steps.iter().for_each(|step| world.step(step));
        world
    }

    pub(crate) fn step(&mut self, step: &Step) {
        self.now_ms += 7;
        match step {
            Step::Commit { pages, size, shipped } => {
                let txid = self.newest() + 1;
                let mut state = self.states.last().map_or_else(Vec::new, |(pages, _)| pages.clone());
                // Pages that come again after a shrinking are new.
                state.resize(*size, txid);
                pages.iter().filter_map(|page| state.get_mut(*page).map(|version| *version = txid)).count();
                self.states.push((state, self.now_ms));
                if *shipped {
                    self.add(0);
                }
            }
            // A store is caught up before it gets what is compacted.
            Step::Compact(level) => [0, *level].into_iter().for_each(|level| self.add(level)),
            Step::Snapshot => [0, SNAPSHOT_LEVEL].into_iter().for_each(|level| self.add(level)),
            Step::Wait { minutes } => self.now_ms += minutes * 60_000,
        }
    }

    fn add(&mut self, level: u8) {
        let last = self.files.iter().filter(|file| file.level == level).map(|file| file.max).max();
        let min = if level == SNAPSHOT_LEVEL { 1 } else { last.unwrap_or(0) + 1 };
        let max = self.newest();
        if min <= max && last != Some(max) {
            self.files.push(File { level, min, max, size: max - min, stored_ms: self.now_ms });
        }
    }

    /// Files go astray.
    pub(crate) fn lose(&mut self, which: &[prop::sample::Index]) {
        for index in which {
            if !self.files.is_empty() {
                self.files.remove(index.index(self.files.len()));
            }
        }
    }

    /// The newest transaction.
    pub(crate) fn newest(&self) -> u64 {
        self.states.len() as u64
    }

    /// The newest transaction that any file holds.
    pub(crate) fn shipped(&self) -> u64 {
        self.files.iter().map(|file| file.max).max().unwrap_or(0)
    }

    pub(crate) fn history(&self) -> History {
        History::new(self.files.iter().copied())
    }

    pub(crate) fn time_of(&self, txid: u64) -> i64 {
        self.states[txid as usize - 1].1
    }

    fn state(&self, txid: u64) -> &Pages {
        &self.states[txid as usize - 1].0
    }

    /// The pages in a file, from 0: those written since its smallest transaction, as they were at its largest.
    fn content(&self, file: &File) -> BTreeMap<usize, u64> {
        let pages = self.state(file.max).iter().copied().enumerate();
        pages.filter(|(_, version)| *version >= file.min).collect()
    }

    /// Applies `chain` and holds the outcome against the state of `txid`.
    pub(crate) fn chain_restores(&self, chain: &[File], txid: u64) -> bool {
        let mut database: Vec<Option<u64>> = Vec::new();
        for file in chain {
            database.resize(self.state(file.max).len(), None);
            self.content(file).into_iter().for_each(|(page, version)| database[page] = Some(version));
        }
        let expected: Vec<_> = self.state(txid).iter().copied().map(Some).collect();
        chain.last().is_some_and(|file| file.max == txid) && database == expected
    }

    /// What a search finds, and how many headers it read.
    pub(crate) fn find(&self, history: &History, instant_ms: i64) -> (Option<Found>, usize) {
        let mut search = InstantSearch::new(history, instant_ms);
        let mut read = 0;
        while let Some(file) = search.asks() {
            search.tell(self.time_of(file.max));
            read += 1;
        }
        (search.found(), read)
    }
}
