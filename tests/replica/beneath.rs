//! What is written into the database's file beside SQLite.

use std::fs;

use mini_pra_tests::{Data, Job, Store, wait_until};

use crate::content::assert_same;
use crate::replicator::Replicator;

#[test]
fn a_database_copied_over_the_live_one_reaches_the_replica() {
    let data = Data::new();
    let store = Store::folder(&data, "replica");
    Job::new("init", &data).succeeds();
    let application = data.open();
    application.add(["one", "two"]);
    let other = Data::new();
    Job::new("init", &other).succeeds();
    other.open().add(["another one"]);
    other.open().run("PRAGMA wal_checkpoint(TRUNCATE)");

    let mut replicator = Replicator::start(&data, &[&store], &[]);
    replicator.reaches(&store);
    wait_until("the log is empty", || {
        let busy = application.connection().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
        busy == Ok(0) && fs::metadata(data.database().with_extension("db-wal")).is_ok_and(|log| log.len() == 0)
    });
    let before = store.epochs().len();
    // As `cp` does it: into the same file, which SQLite is not told of.
    fs::copy(other.database(), data.database()).unwrap();
    wait_until("an epoch of what was copied begins", || {
        store.epochs().len() > before && store.restored(&[]).open().messages() == ["another one"]
    });
    replicator.stop();
    drop(application);
    assert_same(&store.restored(&[]).database(), &data.database());
}
