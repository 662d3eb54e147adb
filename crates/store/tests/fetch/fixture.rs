//! Databases, the files that lead to them, and a store in memory.

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use ltx::{CHECKSUM_FLAG, Encoder, Header, NO_CHECKSUM, page_checksum};
use pra_core::{Code, Error, Result};
use proptest::prelude::*;
use store::fetch::{Fetched, Object, Objects, Open, Options, fetch};

/// The pages after one transaction, each with the transaction that wrote it.
pub(crate) type State = Vec<(u64, Vec<u8>)>;

/// The states after transactions 1, 2, …
#[derive(Clone, Debug)]
pub(crate) struct Database {
    pub(crate) page_size: u32,
    pub(crate) states: Vec<State>,
}

impl Database {
    /// Each transaction sets a size and writes some pages.
    pub(crate) fn new(page_size: u32, transactions: &[(usize, Vec<usize>)]) -> Self {
        let mut states = Vec::<State>::new();
        for (txid, (size, pages)) in (1..).zip(transactions) {
            let page = |number: usize| {
                let mut page = vec![txid as u8; page_size as usize];
                page[..8].copy_from_slice(&(number as u64 * 1_000_003 + txid).to_be_bytes());
                (txid, page)
            };
            let mut state = states.last().cloned().unwrap_or_default();
            state.truncate(*size);
            while state.len() < *size {
                state.push(page(state.len()));
            }
            for number in pages.iter().filter(|number| **number < *size) {
                state[*number] = page(*number);
            }
            states.push(state);
        }
        Self { page_size, states }
    }

    pub(crate) fn state(&self, txid: u64) -> &State {
        &self.states[txid as usize - 1]
    }

    pub(crate) fn bytes(&self, txid: u64) -> Vec<u8> {
        self.state(txid).iter().flat_map(|(_, page)| page.clone()).collect()
    }

    pub(crate) fn checksum(&self, txid: u64) -> u64 {
        let pages = (1..).zip(self.state(txid));
        pages.fold(0, |sum, (number, (_, page))| sum ^ page_checksum(number, page)) | CHECKSUM_FLAG
    }

    /// The file of the transactions `min` to `max`.
    pub(crate) fn file(&self, min: u64, max: u64, post_apply_checksum: u64) -> Vec<u8> {
        let state = self.state(max);
        let header = Header {
            flags: NO_CHECKSUM,
            page_size: self.page_size,
            commit: state.len() as u32,
            min_txid: min,
            max_txid: max,
            timestamp_ms: 1_764_000_000_000 + max as i64,
            post_apply_checksum,
            ..Header::default()
        };
        let mut encoder = Encoder::new(Vec::new(), &header).unwrap();
        for (number, (_, page)) in (1..).zip(state).filter(|(_, (txid, _))| *txid >= min) {
            encoder.page(number, page).unwrap();
        }
        encoder.finish(post_apply_checksum).unwrap().0
    }
}

/// A database, and the ends of the files of a chain to its last state.
pub(crate) fn databases() -> impl Strategy<Value = (Database, Vec<(u64, u64)>)> {
    let transaction = (1..40_usize, prop::collection::vec(0..40_usize, 0..10));
    let transactions = prop::collection::vec(transaction, 1..9);
    let step = (1..4_u64, 0..3_u64);
    let sizes = prop_oneof![Just(512), Just(4096), Just(65_536)];
    (sizes, transactions, prop::collection::vec(step, 9)).prop_map(|(page_size, transactions, steps)| {
        let database = Database::new(page_size, &transactions);
        let last = database.states.len() as u64;
        let (mut reached, mut chain) = (0, Vec::new());
        for (length, overlap) in steps {
            if reached < last {
                let max = last.min(reached + length);
                chain.push(((reached + 1).saturating_sub(overlap).max(1), max));
                reached = max;
            }
        }
        if reached < last {
            chain.push((reached + 1, last));
        }
        (database, chain)
    })
}

/// Objects in memory.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) objects: Mutex<BTreeMap<String, Vec<u8>>>,
    pub(crate) requests: AtomicUsize,
}

#[async_trait]
impl Objects for Memory {
    async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        // As a network would, let others go first.
        tokio::task::yield_now().await;
        let objects = self.objects.lock().unwrap();
        let object = objects.get(key).ok_or_else(|| Error::new(Code::NotFound, format!("there is no '{key}'")))?;
        let end = (range.end as usize).min(object.len());
        Ok(Bytes::copy_from_slice(object.get(range.start as usize..end).unwrap_or_default()))
    }
}

impl Memory {
    pub(crate) fn add(&self, min: u64, max: u64, file: Vec<u8>) -> Object {
        let key = format!("epoch/{}", ltx::FileName { min, max });
        let size = file.len() as u64;
        self.objects.lock().unwrap().insert(key.clone(), file);
        Object { key, size, transactions: (min, max) }
    }

    /// The files of `chain`, with their checksums.
    pub(crate) fn add_chain(&self, database: &Database, chain: &[(u64, u64)]) -> Vec<Object> {
        let file = |(min, max): &(u64, u64)| self.add(*min, *max, database.file(*min, *max, database.checksum(*max)));
        chain.iter().map(file).collect()
    }

    pub(crate) fn fetch(&self, chain: &[Object], open: Option<Open>, options: &Options) -> Result<(Fetched, Vec<u8>)> {
        let file = tempfile::tempfile().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let fetched = runtime.block_on(fetch(self, chain, open, file.try_clone().unwrap(), options))?;
        let mut bytes = vec![0; file.metadata().unwrap().len() as usize];
        file.read_exact_at(&mut bytes, 0).unwrap();
        Ok((fetched, bytes))
    }
}

/// Encryption that turns every bit round.
pub(crate) struct Turned(pub(crate) Box<dyn Read>);

impl Read for Turned {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.0.read(buffer)?;
        buffer[..length].iter_mut().for_each(|byte| *byte = !*byte);
        Ok(length)
    }
}
