use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use disk::sqlite;
use pra_core::{Code, Result};
use rusqlite::Connection;

use super::scene::{Scene, copy_all, start, until};
use super::service::run;

#[test]
fn once_brings_the_present_state_to_every_replica() {
    let scene = Scene::new();
    scene.insert(20);
    scene.once(&["one", "two"]).unwrap();
    scene.insert(3);
    scene.once(&["one", "two"]).unwrap();
    // Nothing has changed: no object more.
    scene.once(&["one", "two"]).unwrap();
    for replica in ["one", "two"] {
        assert_eq!(scene.image(replica).rows(), 23);
        assert_eq!(scene.image(replica).txid, 2);
        assert_eq!(scene.epochs(replica).len(), 1);
    }
}

#[test]
fn a_new_replica_gets_everything_that_the_others_have() {
    let scene = Scene::new();
    scene.insert(5);
    scene.once(&["one"]).unwrap();
    scene.insert(5);
    scene.once(&["one", "two"]).unwrap();
    assert_eq!(scene.image("two").rows(), 10);
    assert_eq!(scene.epochs("one").last().unwrap().file_name(), scene.epochs("two").last().unwrap().file_name());
}

#[test]
fn writers_and_the_checkpointer_go_on_while_everything_is_shipped() {
    let scene = Scene::new();
    let running = start(scene.options(&["one"]));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| scene.insert(400));
        }
    });
    let live = sqlite::open_live(&scene.path("app.db"), Duration::from_secs(5)).unwrap();
    let rows: u64 = live.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 1200);
    drop(live);
    let report = running.end().unwrap();
    let image = scene.image("one");
    assert_eq!(image.rows(), 1200, "the last state is shipped before the end");
    assert_eq!(report.stores[0].txid, image.txid);
    assert!(report.checkpointer.checkpoints > 0, "the WAL was bounded meanwhile: {:?}", report.checkpointer);
    assert!(image.files.len() > 3, "many small files: {}", image.files.len());
    let staged = scene.path(".app.db.pra/replica").join(scene.epochs("one")[0].file_name().unwrap());
    let left = std::fs::read_dir(staged).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let left: Vec<String> = left.filter(|name| name != "map" && !name.ends_with(".part")).collect();
    assert!(left.is_empty(), "what every replica has is staged no more: {left:?}");
}

#[test]
fn a_store_that_is_away_holds_up_no_other_and_is_caught_up() {
    let scene = Scene::new();
    scene.insert(5);
    // A file is in the place of the folder.
    std::fs::write(scene.path("two"), "not a folder").unwrap();
    let running = start(scene.options(&["one", "two"]));
    scene.insert(50);
    until("the first replica's copy", || {
        scene.path("one").exists()
            && !scene.epochs("one").is_empty()
            && scene.image("one").txid > 0
            && scene.image("one").rows() == 55
    });
    std::fs::remove_file(scene.path("two")).unwrap();
    until("the second replica's copy", || {
        scene.path("two").exists()
            && !scene.epochs("two").is_empty()
            && scene.image("two").txid > 0
            && scene.image("two").rows() == 55
    });
    running.end().unwrap();
}

#[test]
fn once_says_which_replica_is_behind() {
    let scene = Scene::new();
    scene.insert(5);
    std::fs::write(scene.path("two"), "not a folder").unwrap();
    let error = scene.once(&["one", "two"]).unwrap_err();
    assert_ne!(error.code(), Code::Usage, "{}", error.chain());
    assert_eq!(scene.image("one").rows(), 5);
}

#[test]
fn a_second_writer_is_told_who_the_first_is_and_the_firsts_data_restores() {
    let scene = Scene::new();
    scene.insert(5);
    let running = start(scene.options(&["one"]));
    until("the first writer's copy", || {
        scene.path("one").exists() && !scene.epochs("one").is_empty() && scene.image("one").txid > 0
    });
    let other = Scene::new();
    other.insert(1);
    let mut options = other.options(&[]);
    options.checkpointer.once = true;
    options.replicas = scene.options(&["one"]).replicas;
    let error = run(&options, &Arc::new(AtomicBool::new(false))).unwrap_err();
    assert_eq!(error.code(), Code::Busy);
    assert!(error.to_string().contains("is being written by writer"), "{error}");
    scene.insert(2);
    running.end().unwrap();
    assert_eq!(scene.image("one").rows(), 7);
    assert_eq!(scene.epochs("one").len(), 1);

    // The lease was released, but the other database has nothing to do with what is there.
    let error = run(&options, &Arc::new(AtomicBool::new(false))).unwrap_err();
    assert!(error.to_string().contains("was not restored from it"), "{error}");
    options.takeover = true;
    run(&options, &Arc::new(AtomicBool::new(false))).unwrap();
    assert_eq!(scene.epochs("one").len(), 2);
    let manifest = std::fs::read_to_string(scene.epochs("one")[1].join("epoch.json")).unwrap();
    let first = scene.epochs("one")[0].file_name().unwrap().to_str().unwrap().to_owned();
    assert!(manifest.contains(&first), "{manifest}");

    // And the first, who comes back, is not to go on as if nothing had happened.
    let error = scene.once(&["one"]).unwrap_err();
    assert_eq!(error.code(), Code::Busy);
    let mut takeover = scene.options(&["one"]);
    takeover.takeover = true;
    takeover.checkpointer.once = true;
    run(&takeover, &Arc::new(AtomicBool::new(false))).unwrap();
    assert_eq!(scene.epochs("one").len(), 3);
    assert_eq!(scene.image("one").rows(), 7);
}

#[test]
fn a_second_replicator_of_one_database_is_refused_and_writes_nothing() {
    let scene = Scene::new();
    scene.insert(5);
    let running = start(scene.options(&["one"]));
    until("the first copy", || {
        scene.path("one").exists() && !scene.epochs("one").is_empty() && scene.image("one").txid > 0
    });
    scene.insert(3);
    let error = scene.once(&["one", "two"]).unwrap_err();
    assert_eq!(error.code(), Code::Busy, "{}", error.chain());
    assert!(error.chain().contains(&format!("process {}", std::process::id())), "{}", error.chain());
    assert!(!scene.path("two").exists());
    running.end().unwrap();
    assert_eq!(scene.image("one").rows(), 8);
    assert_eq!(scene.epochs("one").len(), 1);
    scene.once(&["one", "two"]).unwrap();
}

#[test]
fn a_volume_that_was_set_back_is_refused_at_each_start_and_makes_nothing() {
    let scene = Scene::new();
    scene.insert(5);
    scene.once(&["one", "two"]).unwrap();
    let kept = scene.path("kept");
    scene.keep(&kept);
    for _ in 0..3 {
        scene.insert(5);
        scene.once(&["one", "two"]).unwrap();
    }
    scene.set_back(&kept);
    let before = (scene.objects("one"), scene.objects("two"), scene.made());
    for start in 0..10 {
        // The application goes on with what it has.
        scene.insert(1);
        let error = scene.once(&["one", "two"]).unwrap_err();
        assert_eq!(error.code(), Code::Busy, "start {start}: {}", error.chain());
        assert!(error.hint_text().unwrap().contains("--takeover"), "start {start}: {error}");
        assert_eq!((scene.objects("one"), scene.objects("two"), scene.made()), before, "start {start}");
    }

    let mut takeover = scene.options(&["one", "two"]);
    takeover.takeover = true;
    takeover.checkpointer.once = true;
    run(&takeover, &Arc::new(AtomicBool::new(false))).unwrap();
    for (replica, objects) in [("one", &before.0), ("two", &before.1)] {
        let after = scene.objects(replica);
        assert!(objects.iter().all(|object| after.contains(object)), "{replica}: nothing in the store has changed");
        assert_eq!(scene.epochs(replica).len(), 2);
        assert_eq!(scene.image(replica).rows(), 15);
    }
    scene.insert(1);
    scene.once(&["one", "two"]).unwrap();
    assert_eq!(scene.image("two").rows(), 16);
}

#[test]
fn a_refusal_holds_where_the_store_is_out_of_reach() {
    let scene = Scene::new();
    scene.insert(5);
    scene.once(&["one"]).unwrap();
    let kept = scene.path("kept");
    scene.keep(&kept);
    scene.insert(5);
    scene.once(&["one"]).unwrap();
    scene.set_back(&kept);
    assert_eq!(scene.once(&["one"]).unwrap_err().code(), Code::Busy);
    std::fs::rename(scene.path("one"), scene.path("away")).unwrap();
    std::fs::write(scene.path("one"), "not a folder").unwrap();
    let made = scene.made();
    let error = start(scene.options(&["one"])).ends().unwrap_err();
    assert_eq!(error.code(), Code::Busy, "{}", error.chain());
    assert!(error.chain().contains("could not be asked again"), "{}", error.chain());
    assert_eq!(scene.made(), made);
}

#[test]
fn a_volume_set_back_by_one_sync_is_told_by_the_bytes_of_the_last_file() {
    let scene = Scene::new();
    scene.insert(5);
    scene.once(&["one"]).unwrap();
    let kept = scene.path("kept");
    scene.keep(&kept);
    scene.insert(5);
    scene.once(&["one"]).unwrap();
    // The first copy has the same number in both, and another content.
    let epoch = scene.epochs("one").remove(0);
    scene.set_back(&kept);
    std::fs::remove_file(epoch.join("ltx/0/0000000000000002-0000000000000002.ltx")).unwrap();
    let first = epoch.join("ltx/9/0000000000000001-0000000000000001.ltx");
    let mut bytes = std::fs::read(&first).unwrap();
    let end = bytes.len() - 1;
    bytes[end] ^= 1;
    std::fs::write(&first, bytes).unwrap();
    let error = scene.once(&["one"]).unwrap_err();
    assert_eq!(error.code(), Code::Busy, "{}", error.chain());
    assert!(error.to_string().contains("another"), "{error}");
}

#[test]
fn an_object_that_was_sent_and_not_noted_is_known_by_its_staged_file() {
    let scene = Scene::new();
    scene.insert(5);
    scene.once(&["one"]).unwrap();
    let kept = scene.path("kept");
    copy_all(&scene.path(".app.db.pra/replica"), &kept);
    scene.insert(5);
    // Killed right after the object came to be: the file is still staged, and only the note is from before.
    std::fs::write(scene.path("two"), "not a folder").unwrap();
    drop(scene.once(&["one", "two"]));
    for entry in std::fs::read_dir(&kept).unwrap().map(Result::unwrap) {
        if entry.file_name().to_string_lossy().starts_with("sent-") {
            std::fs::copy(entry.path(), scene.path(".app.db.pra/replica").join(entry.file_name())).unwrap();
        }
    }
    scene.once(&["one"]).unwrap();
    assert_eq!(scene.epochs("one").len(), 1);
    assert_eq!(scene.image("one").rows(), 10);
}

#[test]
fn once_ends_where_the_database_has_no_tables() {
    let scene = Scene::new();
    let connection = Connection::open(scene.path("app.db")).unwrap();
    connection.execute_batch("DROP TABLE t; VACUUM").unwrap();
    drop(connection);
    let error = scene.once(&["one"]).unwrap_err();
    assert_eq!(error.code(), Code::Failed);
    assert!(error.to_string().contains("has no tables"), "{error}");
}
