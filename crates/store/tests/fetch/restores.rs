//! What is fetched is the state that was shipped.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use proptest::prelude::*;
use store::fetch::{Fetched, Object, Open, Options};

use crate::fixture::{Database, Memory, Turned, databases};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_chain_restores_its_last_state(
        (database, chain) in databases(), requests in 1..5_usize, piece in prop_oneof![7..400_u64, Just(1 << 20)],
        workers in 1..4_usize, encrypted in any::<bool>(),
    ) {
        let store = Memory::default();
        let objects = store.add_chain(&database, &chain);
        let open: Option<Open> = encrypted.then(|| -> Open { Arc::new(|reader| Ok(Box::new(Turned(reader)))) });
        if encrypted {
            store.objects.lock().unwrap().values_mut().flatten().for_each(|byte| *byte = !*byte);
        }
        let piece = if database.page_size == 512 { piece } else { piece * 100 };
        let (fetched, bytes) = store.fetch(&objects, open, &Options { requests, piece, workers })?;
        let last = database.states.len() as u64;
        prop_assert!(bytes == database.bytes(last));
        prop_assert_eq!(fetched, Fetched {
            page_size: database.page_size,
            pages: database.state(last).len() as u32,
            txid: last,
            timestamp_ms: 1_764_000_000_000 + last as i64,
            checksum: database.checksum(last),
            checksum_carried: true,
        });
    }
}

#[test]
fn pages_that_were_cut_off_do_not_come_back() {
    let database = Database::new(512, &[(9, vec![]), (2, vec![]), (9, vec![3])]);
    let store = Memory::default();
    let objects = store.add_chain(&database, &[(1, 1), (2, 2), (3, 3)]);
    let (_, bytes) = store.fetch(&objects, None, &Options::default()).unwrap();
    assert!(bytes == database.bytes(3));
}

#[test]
fn an_object_is_requested_in_pieces_and_no_byte_twice() {
    let database = Database::new(4096, &[(40, vec![])]);
    let store = Memory::default();
    let objects = store.add_chain(&database, &[(1, 1)]);
    let options = Options { piece: 100, ..Options::default() };
    store.fetch(&objects, None, &options).unwrap();
    assert_eq!(store.requests.load(Ordering::Relaxed) as u64, objects[0].size.div_ceil(100));
}

/// See `crates/ltx/tests/golden/README.md`.
#[test]
fn what_litestream_shipped_is_restored_and_said_to_carry_no_database_checksum() {
    for version in ["0.5.15", "0.5.17"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ltx/tests/golden").join(version);
        let store = Memory::default();
        let file = |txid| {
            let name = ltx::FileName { min: txid, max: txid }.to_string();
            store.add(txid, txid, std::fs::read(folder.join(name)).unwrap())
        };
        let objects: Vec<Object> = (1..=3).map(file).collect();
        let (fetched, bytes) = store.fetch(&objects, None, &Options::default()).unwrap();
        assert!(bytes == std::fs::read(folder.join("restored.db")).unwrap());
        assert_eq!((fetched.txid, fetched.checksum_carried), (3, false));
    }
}
