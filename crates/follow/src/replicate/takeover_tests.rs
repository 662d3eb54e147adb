use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use disk::catalog::status;

use super::scene::{Scene, until};
use super::service::{Options, run};

/// A lease that another holds, its time far ahead of the store's clock.
fn lease_from_the_future(scene: &Scene, replica: &str) {
    let path = scene.path(replica).join("lease.json");
    let mut lease: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    (lease["host"], lease["released"]) = ("elsewhere".into(), false.into());
    lease["writer"] = "0000000000000000000000000000000f".into();
    std::fs::write(&path, lease.to_string()).unwrap();
    let year = Duration::from_secs(365 * 86_400);
    std::fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(std::time::SystemTime::now() + year)
        .unwrap();
}

#[test]
fn who_is_stopped_while_a_lease_is_observed_does_not_wait_for_it_to_expire() {
    let scene = Scene::new();
    scene.insert(5);
    scene.once(&["one"]).unwrap();
    std::fs::create_dir(scene.path("backup")).unwrap();
    let before = scene.objects("one");
    lease_from_the_future(&scene, "one");
    let (ended, told) = std::sync::mpsc::channel();
    let stop = Arc::new(AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| ended.send(run(&scene.options(&["one"]), &stop)).unwrap());
        let told_of = || status::read(&scene.path("backup")).unwrap().replicas;
        until("it waits for the lease", || told_of().iter().any(|replica| replica.error.is_some()));
        stop.store(true, Ordering::Relaxed);
        // A lease expires after 90 s.
        told.recv_timeout(Duration::from_secs(60)).expect("it waits for the lease").unwrap();
    });
    assert_eq!(scene.objects("one"), before);
}

#[test]
fn a_takeover_that_has_nothing_to_take_over_goes_on_with_the_epoch() {
    let scene = Scene::new();
    scene.insert(5);
    let takeover = || Options { takeover: true, ..scene.options_once(&["one"]) };
    let once = |options: &Options| run(options, &Arc::new(AtomicBool::new(false))).unwrap();
    for rows in 0..3 {
        scene.insert(rows);
        once(&takeover());
    }
    assert_eq!((scene.epochs("one").len(), scene.image("one").rows()), (1, 8));
    // Where another has the replica it acts, once.
    lease_from_the_future(&scene, "one");
    for rows in 1..3 {
        scene.insert(rows);
        once(&takeover());
    }
    assert_eq!((scene.epochs("one").len(), scene.image("one").rows()), (2, 11));
}

#[test]
fn after_a_refused_first_start_a_takeover_continues_no_epoch_without_a_transaction() {
    let scene = Scene::new();
    scene.insert(5);
    scene.once(&["one"]).unwrap();
    std::fs::remove_dir_all(scene.path(".app.db.pra/replica")).unwrap();
    scene.once(&["one"]).unwrap_err();
    run(&Options { takeover: true, ..scene.options_once(&["one"]) }, &Arc::default()).unwrap();
    let state = std::fs::read(scene.path(".app.db.pra/replica/state.json")).unwrap();
    let state: serde_json::Value = serde_json::from_slice(&state).unwrap();
    assert_ne!(state["parent"]["txid"], 0, "{state}");
    let epochs = scene.epochs("one");
    let manifest = std::fs::read(epochs[1].join("epoch.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest["parent"]["epoch"], epochs[0].file_name().unwrap().to_str().unwrap());
    assert_eq!((epochs.len(), manifest["parent"]["txid"].as_u64()), (2, Some(1)), "{manifest}");
}
