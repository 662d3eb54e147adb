//! A store goes away and comes back.

use std::time::Duration;

use mini_pra_tests::{Data, Job, Minio, Store, wait_for_within, wait_until};

use crate::content::assert_same;
use crate::replicator::Replicator;
use crate::writers::Writers;

/// The longest pause between two tries is half a minute, and each may take as long.
const COMES_BACK: Duration = Duration::from_secs(180);

#[test]
fn a_store_that_was_away_is_caught_up_without_a_new_snapshot_and_holds_up_no_other() {
    let mut minio = Minio::start();
    let data = Data::new();
    Job::new("init", &data).succeeds();
    let (folder, s3) = (Store::folder(&data, "replica"), minio.store("away"));
    let mut writers = Writers::start(&data, 100);
    let replicator = Replicator::start(&data, &[&folder, &s3], &["--sync-interval", "100ms"]);
    wait_until("both stores follow", || folder.newest() > 1 && s3.newest() > 1);

    minio.kill();
    let at = folder.newest();
    wait_until("the other store goes on", || folder.newest() > at + 20);
    writers.wait_for_more(100);
    assert!(s3.newest() < folder.newest(), "it was away");

    minio.come_back();
    let at = folder.newest();
    wait_for_within(COMES_BACK, "the store catches up", || (s3.newest() > at).then_some(()));
    let ledger = writers.kill();
    replicator.stop();

    assert_eq!((folder.count(9), s3.count(9)), (1, 1), "whole copies");
    ledger.account(&data.open().messages()).assert_even();
    for store in [&folder, &s3] {
        assert_same(&store.restored(&[]).database(), &data.database());
    }
}
