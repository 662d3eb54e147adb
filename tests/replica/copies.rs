//! Two replicators that write to the same replica.

use std::fs;
use std::path::Path;
use std::process::Command;

use mini_pra_tests::{Data, Job, Store};
use serde_json::Value;

use crate::content::assert_same;
use crate::replicator::Replicator;

/// An application of its own, with one event.
fn application(message: &str) -> Data {
    let data = Data::new();
    Job::new("init", &data).succeeds();
    data.open().add([message]);
    data
}

/// Who writes, as the store's lease has it.
fn lease(store: &Store) -> Value {
    serde_json::from_slice(&fs::read(store.folder.join("lease.json")).unwrap()).unwrap()
}

/// The volume of `data`, copied while no process uses it.
fn copied(data: &Data) -> Data {
    let copy = Data::new();
    let folder = |data: &Data| data.database().parent().map(Path::to_path_buf).unwrap();
    fs::remove_dir(folder(&copy)).unwrap();
    let status = Command::new("cp").arg("-a").arg(folder(data)).arg(folder(&copy)).status().unwrap();
    assert!(status.success());
    copy
}

#[test]
fn the_second_writer_ends_and_names_the_first_whose_data_is_unharmed() {
    let (first, second) = (application("first"), application("second"));
    let store = Store::folder(&first, "replica");
    let mut replicator = Replicator::start(&first, &[&store], &[]);
    replicator.reaches(&store);

    let refused = store.given_to(Job::new("replicate", &second)).fails_with(5);
    let writer = lease(&store)["writer"].as_str().unwrap().to_owned();
    assert!(refused.message().contains(&writer), "{} does not name {writer}", refused.message());
    assert!(refused.stdout.contains("--takeover"), "{}", refused.stdout);

    first.open().add(["and more"]);
    replicator.stop();
    assert_eq!(store.epochs().len(), 1);
    assert_same(&store.restored(&[]).database(), &first.database());
}

#[test]
fn a_copied_volume_is_told_so_and_takes_over_only_when_it_is_told_to() {
    let original = application("before the copy");
    let store = Store::folder(&original, "replica");
    let mine = ["--sync-interval", "50ms", "--volume-uid", "original"];
    let answer = store.given_to(Job::new("replicate", &original)).args(&mine).arg("--once").run();
    assert_eq!(answer.code, Some(0), "{}{}", answer.stdout, answer.stderr);
    let copy = copied(&original);
    let mut replicator = Replicator::start(&original, &[&store], &mine);
    replicator.reaches(&store);

    let refused = store.given_to(Job::new("replicate", &copy)).args(&["--volume-uid", "copy"]).fails_with(5);
    assert!(refused.message().contains("this is a copy"), "{}", refused.message());
    assert!(refused.stdout.contains("--takeover"), "{}", refused.stdout);
    assert_eq!(store.epochs().len(), 1);

    copy.open().add(["from the copy"]);
    let mut taken = Replicator::start(&copy, &[&store], &["--volume-uid", "copy", "--takeover"]);
    taken.reaches(&store);
    // The original does not know yet, and what it writes now counts no more.
    original.open().add(["from the original, too late"]);
    let (code, output) = replicator.end();
    assert_eq!(code, Some(5), "{output}");
    taken.stop();

    assert_eq!(store.epochs().len(), 2);
    let restored = store.restored(&[]);
    assert_eq!(restored.open().messages(), ["before the copy", "from the copy"]);
    assert_same(&restored.database(), &copy.database());
}
