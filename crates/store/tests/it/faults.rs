//! After every network fault: one object with our bytes, or an error. Never half an object, and never one of ours taken
//! for another writer's.

use std::sync::Arc;
use std::time::Duration;

use pra_core::Code;
use store::objects::{Put, Retry, Store, StoreOptions};

use crate::minio::{Minio, minio, options, url};
use crate::places::noise;
use crate::proxy::Fault::{
    BusyAfter, BusyBefore, DropAfter, DropBefore, HalfRequest, Pass, Repeat, SilentAfter, SilentBefore, Truncate,
};
use crate::proxy::{Fault, Proxy};

const FAULTS: [Fault; 8] =
    [DropBefore, DropAfter, HalfRequest, Truncate(0), Truncate(40), Repeat, BusyBefore, BusyAfter];

/// More than goes in one piece.
const LARGE: usize = (8 << 20) + 12_345;

struct Stage {
    proxy: Proxy,
    /// Through the proxy.
    store: Store,
    /// Past it.
    direct: Store,
    _minio: Arc<Minio>,
}

async fn stage(change: impl FnOnce(&mut StoreOptions)) -> Stage {
    let minio = minio().await;
    let proxy = Proxy::start(minio.address()).await;
    let mut through = options(proxy.address());
    through.retry = Retry { attempts: 6, first: Duration::from_millis(1), longest: Duration::from_millis(4) };
    change(&mut through);
    let url = url(&format!("f-{:016x}", rand::random::<u64>()));
    let store = Store::open(&url, &through).unwrap();
    let direct = Store::open(&url, &minio.options()).unwrap();
    Stage { proxy, store, direct, _minio: minio }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_survives_any_two_faults_in_a_row() {
    let stage = stage(|_| {}).await;
    for (n, first) in FAULTS.into_iter().enumerate() {
        for (m, second) in FAULTS.into_iter().enumerate() {
            let (key, bytes) = (format!("{n}-{m}"), noise(5000, n as u64));
            stage.proxy.plan(&[first, second]);
            let put = stage.store.put_new(&key, bytes.clone(), 0).await;
            assert!(put.is_ok(), "{first:?} {second:?}: {}", put.unwrap_err().chain());
            assert_eq!(stage.direct.read(&key, 1 << 20).await.unwrap().0, bytes, "{first:?} {second:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_object_survives_a_fault_at_any_of_its_requests() {
    let stage = stage(|_| {}).await;
    let bytes = noise(LARGE, 5);
    // Look, begin, two parts, complete.
    for at in 0..5 {
        for fault in [DropBefore, DropAfter, HalfRequest, Truncate(40), Repeat, BusyAfter] {
            let key = format!("large-{at}-{fault:?}").replace(['(', ')'], "-");
            let mut plan = vec![Pass; at];
            plan.push(fault);
            stage.proxy.plan(&plan);
            let put = stage.store.put_new(&key, bytes.clone(), 0).await;
            assert!(put.is_ok(), "{at} {fault:?}: {}\n{:#?}", put.unwrap_err().chain(), stage.proxy.seen());
            let object = stage.direct.read(&key, 1 << 30).await.unwrap();
            assert!(object.0 == bytes, "{at} {fault:?}");
            stage.direct.delete(&[key]).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_ends_with_the_time_out_and_the_object_is_there_once() {
    let stage = stage(|options| options.timeout = Duration::from_secs(2)).await;
    for (n, plan) in [[SilentBefore, Pass], [SilentAfter, Pass], [SilentAfter, SilentBefore]].iter().enumerate() {
        let (key, bytes) = (format!("silent-{n}"), noise(5000, n as u64));
        stage.proxy.plan(plan);
        stage.store.put_new(&key, bytes.clone(), 0).await.unwrap();
        assert_eq!(stage.direct.read(&key, 1 << 20).await.unwrap().0, bytes, "{plan:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_never_answers_is_out_of_reach_and_each_attempt_was_made() {
    let stage = stage(|_| {}).await;
    for fault in [DropBefore, BusyBefore, Truncate(40)] {
        stage.proxy.plan(&[fault; 20]);
        for error in [
            stage.store.list("").await.unwrap_err(),
            stage.store.read("lease.json", 10).await.unwrap_err(),
            stage.store.get("lease.json").await.unwrap_err(),
        ] {
            assert_eq!(error.code(), Code::OutOfReach, "{fault:?} {}", error.chain());
        }
        assert_eq!(stage.proxy.seen().len(), 18, "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_not_taken_for_another_writer_nor_another_writer_for_us() {
    let stage = stage(|_| {}).await;
    stage.proxy.plan(&[DropAfter]);
    assert_eq!(stage.store.put_new("ours", b"ours".to_vec(), 0).await.unwrap(), Put::Same);
    stage.direct.put_new("theirs", b"theirs".to_vec(), 0).await.unwrap();
    for fault in FAULTS {
        stage.proxy.plan(&[fault]);
        let error = stage.store.put_new("theirs", b"ours--".to_vec(), 0).await.unwrap_err();
        assert_eq!(error.code(), Code::Busy, "{fault:?} {}", error.chain());
    }
    assert_eq!(stage.direct.read("theirs", 10).await.unwrap().0, "theirs");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_renewed_through_any_fault_and_lost_to_another_writer() {
    let stage = stage(|_| {}).await;
    stage.direct.put_new("lease.json", b"0".to_vec(), 0).await.unwrap();
    let mut revision = stage.direct.read("lease.json", 100).await.unwrap().1.revision;
    for (n, fault) in FAULTS.into_iter().enumerate() {
        stage.proxy.plan(&[fault]);
        let body = format!("{n} {fault:?}");
        let renewed = stage.store.put_lease("lease.json", body.clone().into(), Some(&revision)).await;
        revision = renewed.unwrap_or_else(|error| panic!("{fault:?} {}", error.chain()));
        assert_eq!(stage.direct.read("lease.json", 100).await.unwrap().0, body);
    }
    stage.direct.put_lease("lease.json", "theirs".into(), Some(&revision)).await.unwrap();
    for fault in FAULTS {
        stage.proxy.plan(&[fault]);
        let error = stage.store.put_lease("lease.json", "ours".into(), Some(&revision)).await.unwrap_err();
        assert_eq!(error.code(), Code::Busy, "{fault:?} {}", error.chain());
    }
    assert_eq!(stage.direct.read("lease.json", 100).await.unwrap().0, "theirs");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_goes_on_where_it_broke_off() {
    let stage = stage(|_| {}).await;
    let bytes = noise(3 << 20, 6);
    stage.direct.put_new("big", bytes.clone(), 0).await.unwrap();
    stage.proxy.plan(&[Truncate(1 << 20), DropBefore, Truncate(900_000), BusyBefore]);
    let mut download = stage.store.get("big").await.unwrap();
    let mut read = Vec::new();
    while let Some(piece) = download.next().await.unwrap() {
        read.extend_from_slice(&piece);
    }
    assert!(read == bytes);
    assert!(stage.proxy.seen().len() >= 5, "{:?}", stage.proxy.seen());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_of_an_object_that_was_replaced_is_an_error() {
    let stage = stage(|_| {}).await;
    stage.direct.put_lease("big", noise(3 << 20, 7).into(), None).await.unwrap();
    stage.proxy.plan(&[Truncate(1 << 20)]);
    let mut download = stage.store.get("big").await.unwrap();
    stage.direct.put_lease("big", noise(3 << 20, 8).into(), None).await.unwrap();
    let error = loop {
        match download.next().await {
            Ok(piece) => assert!(piece.is_some(), "it was read to its end"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.code(), Code::Busy, "{}", error.chain());
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_and_bytes_are_counted() {
    let stage = stage(|_| {}).await;
    let before = stage.store.traffic();
    stage.proxy.plan(&[DropBefore]);
    stage.store.put_new("counted", noise(5000, 1), 0).await.unwrap();
    stage.store.read("counted", 5000).await.unwrap();
    let after = stage.store.traffic();
    assert_eq!((after.requests - before.requests, after.sent - before.sent), (3, 10_000));
    assert_eq!(after.received - before.received, 5000);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_keys_a_missing_bucket_and_a_closed_port_are_out_of_reach_and_never_empty() {
    let minio = minio().await;
    let wrong_keys = {
        let pairs = [
            ("AWS_ENDPOINT_URL", format!("http://{}", minio.address())),
            ("AWS_ACCESS_KEY_ID", "replica-tests".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "hunter2-hunter2".to_owned()),
        ];
        let environment = pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        StoreOptions { environment, ..minio.options() }
    };
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let here = url("x");
    let elsewhere = "s3://no-such-bucket/x".parse().unwrap();
    for (url, options) in [(&here, wrong_keys), (&elsewhere, minio.options()), (&here, options(closed))] {
        let store = Store::open(url, &options).unwrap();
        for error in [
            store.list("").await.unwrap_err(),
            store.folders().await.unwrap_err(),
            store.read("lease.json", 10).await.unwrap_err(),
            store.get("lease.json").await.unwrap_err(),
            store.put_new("x", b"x".to_vec(), 0).await.unwrap_err(),
            store.now().await.unwrap_err(),
            store.probe().await.unwrap_err(),
        ] {
            let shown = format!("{error:?} {}", error.chain());
            assert_eq!(error.code(), Code::OutOfReach, "{url} {shown}");
            assert!(error.hint_text().is_some() && !shown.contains("hunter2"), "{shown}");
        }
        assert!(!format!("{store:?}").contains("hunter2"), "{store:?}");
    }
}
