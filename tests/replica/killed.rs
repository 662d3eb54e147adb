//! The replicator is killed again and again.

use mini_pra_tests::{Data, Job, Minio, Store};

use crate::content::assert_same;
use crate::random;
use crate::replicator::Replicator;
use crate::writers::Writers;

const KILLS: usize = 20;

#[test]
fn twenty_kills_under_load_lose_nothing_and_begin_no_new_epoch() {
    let minio = Minio::start();
    let data = Data::new();
    Job::new("init", &data).succeeds();
    let stores = [Store::folder(&data, "replica"), minio.store("killed")];
    let [folder, s3] = &stores;
    let mut writers = Writers::start(&data, 500);
    let start = || Replicator::start(&data, &[folder, s3], &["--sync-interval", "20ms", "--levels", "1s,2s,4s"]);
    for kill in 0..KILLS {
        let mut replicator = start();
        // One in four is killed before it has reached its stores.
        if kill % 4 > 0 {
            stores.iter().for_each(|store| replicator.reaches(store));
        }
        writers.wait_for_more(1 + random(300));
        replicator.kill();
    }
    let ledger = writers.kill();
    // What waits for a slow store may take longer than a replicator has that is asked to end.
    let job = stores.iter().fold(Job::new("replicate", &data), |job, store| store.given_to(job));
    let answer = job.arg("--once").run();
    assert_eq!(answer.code, Some(0), "{}{}", answer.stdout, answer.stderr);

    ledger.account(&data.open().messages()).assert_even();
    for store in &stores {
        assert_eq!(store.epochs().len(), 1, "{:?}", store.epochs());
        assert_same(&store.restored(&[]).database(), &data.database());
    }
}
