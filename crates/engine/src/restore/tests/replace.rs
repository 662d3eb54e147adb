use std::os::unix::fs::{MetadataExt, PermissionsExt};

use disk::catalog::Catalog;
use follow::checkpointer;

use super::*;

fn replacing(scene: &Scene, point: &str) -> Result<Report> {
    run(&Options { mode: Mode::Replace, wait: Duration::from_millis(300), ..scene.options(point) })
}

fn lose(scene: &Scene) {
    for suffix in ["", "-wal", "-shm"] {
        files::remove("test", &files::with_suffix(&scene.database(), suffix)).unwrap();
    }
}

#[test]
fn a_lost_database_comes_back_in_wal_mode() {
    let scene = Scene::with_events(300);
    let then = scene.contents();
    let point = scene.backup();
    lose(&scene);
    let report = scene.restore("latest");
    assert_eq!((report.point.as_str(), report.mode, report.safety_copy), (point.as_str(), How::Replace, None));
    assert_eq!(scene.contents(), then);
    assert_eq!(scene.pragma("journal_mode"), Value::Text("wal".to_owned()));
}

/// Nothing ties a log to its database, and `integrity_check` finds nothing wrong with the wrong rows.
#[test]
fn a_stale_log_is_not_replayed_into_the_restored_database() {
    let scene = Scene::with_events(50);
    let point = scene.backup();
    let wal = files::with_suffix(&scene.database(), "-wal");
    let live = sqlite::open_live(&scene.database(), SECOND).unwrap();
    live.execute_batch("UPDATE events SET message = 'from the stale log'").unwrap();
    let stale = fs::read(&wal).unwrap();
    drop(live);
    let wrong = "SELECT count(*) FROM events WHERE message = 'from the stale log'";
    let count = |path: &Path| rows(&sqlite::open_live(path, SECOND).unwrap(), wrong);

    // The trap: the backup copied into place, beside the log of what was lost.
    lose(&scene);
    let mut copied = fs::read(scene.backups().join(&point)).unwrap();
    copied[18..20].fill(2);
    fs::write(scene.database(), copied).unwrap();
    fs::write(&wal, &stale).unwrap();
    assert_eq!(count(&scene.database()), ["[Integer(50)]"]);

    lose(&scene);
    for suffix in files::SIDECARS {
        fs::write(files::with_suffix(&scene.database(), suffix), &stale).unwrap();
    }
    scene.restore(&point);
    assert_eq!(count(&scene.database()), ["[Integer(0)]"]);
}

#[test]
fn another_page_size_is_replaced_and_the_last_state_kept() {
    let scene = Scene::with_events(300);
    let point = scene.backup();
    let then = scene.contents();
    lose(&scene);
    scene.run("PRAGMA page_size=8192; PRAGMA journal_mode=WAL; CREATE TABLE events(id INTEGER PRIMARY KEY, message)");
    scene.add_events(40);
    let later = scene.contents();
    let in_place = Options { mode: Mode::InPlace, ..scene.options(&point) };
    assert_eq!(run(&in_place).unwrap_err().code(), Code::Usage);
    let report = scene.restore(&point);
    assert_eq!(report.mode, How::Replace);
    assert_eq!(scene.contents(), then);
    scene.restore(&report.safety_copy.unwrap());
    assert_eq!(scene.contents(), later);
}

#[test]
fn a_database_that_is_open_elsewhere_is_busy_and_unchanged() {
    let scene = Scene::with_events(30);
    let point = scene.backup();
    scene.add_events(30);
    let open = sqlite::open_live(&scene.database(), SECOND).unwrap();
    open.execute_batch("SELECT count(*) FROM events").unwrap();
    let inode = fs::metadata(scene.database()).unwrap().ino();
    let error = replacing(&scene, &point).unwrap_err();
    assert_eq!(error.code(), Code::Busy);
    assert_eq!(fs::metadata(scene.database()).unwrap().ino(), inode);
    assert_eq!((scene.events(), scene.safety_copies(), scene.strange_files()), (60, vec![], vec![]));
    assert_eq!(scene.pragma("journal_mode"), Value::Text("wal".to_owned()));
    assert!(!names(scene.folder.path()).iter().any(|name| name.contains("tmp")));
}

#[test]
fn a_replace_that_cannot_keep_the_present_state_puts_everything_back() {
    let scene = Scene::with_events(30);
    let point = scene.backup();
    scene.add_events(30);
    let _other_writer = disk::lock::backups(&scene.backups(), Duration::ZERO).unwrap();
    assert_eq!(replacing(&scene, &point).unwrap_err().code(), Code::Busy);
    assert_eq!((scene.events(), scene.safety_copies()), (60, vec![]));
    assert_eq!(scene.pragma("journal_mode"), Value::Text("wal".to_owned()));
    assert!(!names(scene.folder.path()).iter().any(|name| name.contains("tmp")));
}

#[test]
fn what_is_no_database_is_replaced_and_kept_byte_for_byte() {
    let scene = Scene::with_events(30);
    let then = scene.contents();
    let point = scene.backup();
    let whole = fs::read(scene.database()).unwrap();
    let damaged: [(&str, Vec<u8>); 3] = [
        ("garbage", b"no database at all, but longer than a header ".repeat(40)),
        ("truncated", whole[..whole.len() / 2].to_vec()),
        ("a header's piece", whole[..50].to_vec()),
    ];
    for (what, bytes) in damaged {
        lose(&scene);
        fs::write(scene.database(), &bytes).unwrap();
        let report = scene.restore(&point);
        assert_eq!((report.mode, scene.contents()), (How::Replace, then.clone()), "{what}");
        let kept = report.safety_copy.unwrap();
        assert_eq!(fs::read(scene.backups().join(&kept)).unwrap(), bytes, "{what}");
        let catalog = Catalog::read(&scene.backups()).unwrap();
        let row = catalog.points().iter().find(|row| row.file == kept).unwrap();
        assert!(!row.is_verified() && row.error.is_some(), "{what}");
        assert!(report.warnings[0].contains(&kept), "{what}");
    }
}

#[test]
fn a_file_of_0_bytes_is_filled_and_nothing_is_kept_of_it() {
    let scene = Scene::with_events(30);
    scene.backup();
    lose(&scene);
    fs::write(scene.database(), "").unwrap();
    assert_eq!(scene.restore("latest").safety_copy, None);
    assert_eq!(scene.events(), 30);
}

#[test]
fn what_a_killed_restore_left_is_removed() {
    let scene = Scene::with_events(30);
    scene.backup();
    lose(&scene);
    let left = scene.folder.path().join(".pra-tmp-restore-app.db");
    fs::write(&left, "half").unwrap();
    let other = scene.folder.path().join(".pra-tmp-backup-of-another");
    fs::write(&other, "not ours").unwrap();
    scene.restore("latest");
    assert!(!left.exists());
    assert!(other.exists());
}

#[test]
fn the_restored_file_has_the_mode_of_the_one_that_it_replaces() {
    let scene = Scene::with_events(30);
    let point = scene.backup();
    fs::set_permissions(scene.database(), fs::Permissions::from_mode(0o640)).unwrap();
    replacing(&scene, &point).unwrap();
    assert_eq!(fs::metadata(scene.database()).unwrap().mode() & 0o777, 0o640);
}

#[test]
fn the_checkpointer_lets_go_for_a_replace_and_comes_back() {
    let scene = Scene::with_events(30);
    let then = scene.contents();
    let point = scene.backup();
    scene.add_events(5);
    let stop = std::sync::atomic::AtomicBool::new(false);
    let options =
        checkpointer::Options { tick: Duration::from_millis(5), ..checkpointer::Options::new(scene.database()) };
    let stats = std::thread::scope(|scope| {
        let keeping = scope.spawn(|| checkpointer::run(&options, &stop));
        let held = || disk::lock::exclusive(&scene.database(), Duration::ZERO).is_err();
        let until_held = || {
            let deadline = Instant::now() + 20 * SECOND;
            while !held() {
                assert!(Instant::now() < deadline, "the checkpointer does not hold the database");
                std::thread::sleep(Duration::from_millis(5));
            }
        };
        until_held();
        run(&Options { mode: Mode::Replace, wait: 20 * SECOND, ..scene.options(&point) }).unwrap();
        until_held();
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        keeping.join().unwrap().unwrap()
    });
    assert!(stats.opened >= 2);
    assert_eq!(scene.contents(), then);
}

#[test]
fn a_connection_left_on_the_replaced_file_is_refused_its_writes() {
    let scene = Scene::with_events(30);
    scene.run("PRAGMA journal_mode=DELETE");
    let point = scene.backup();
    let left = sqlite::open_live(&scene.database(), SECOND).unwrap();
    left.execute_batch("SELECT count(*) FROM events").unwrap();
    replacing(&scene, &point).unwrap();
    let error = left.execute("INSERT INTO events(message) VALUES ('lost')", []).unwrap_err();
    assert_eq!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::ReadOnly));
}

#[test]
fn a_link_to_the_database_is_followed_and_stays() {
    let scene = Scene::with_events(30);
    let then = scene.contents();
    let point = scene.backup();
    scene.add_events(3);
    let real = scene.folder.path().join("real.db");
    fs::rename(scene.database(), &real).unwrap();
    std::os::unix::fs::symlink(&real, scene.database()).unwrap();
    replacing(&scene, &point).unwrap();
    assert!(fs::symlink_metadata(scene.database()).unwrap().is_symlink());
    assert_eq!(contents(&real), then);
}

#[test]
fn a_safety_copy_that_a_killed_restore_began_in_another_minute_is_removed() {
    for mode in [Mode::InPlace, Mode::Replace] {
        let scene = Scene::with_events(10);
        let backup = scene.backup();
        let begun = scene.backups().join(".pra-tmp-pre-restore-2001-01-01-00-00.db");
        fs::write(&begun, "half of it").unwrap();
        run(&Options { mode, ..scene.options(&backup) }).unwrap();
        assert!(!begun.exists(), "{mode:?}");
    }
}
