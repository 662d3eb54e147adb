use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use disk::catalog::Catalog;

use super::*;

#[test]
fn a_restore_brings_back_the_content_and_can_be_undone_by_a_restore() {
    let scene = Scene::with_events(500);
    let then = scene.contents();
    let point = scene.backup();
    scene.run("DELETE FROM events WHERE id % 3 = 0; CREATE TABLE more(x); INSERT INTO more VALUES (1)");
    scene.add_events(300);
    let later = scene.contents();

    let report = scene.restore(&point);
    assert_eq!(scene.contents(), then);
    assert_eq!((report.mode, &*report.source, report.verified), (How::InPlace, "backup", true));
    assert!(report.pages_written > 0 && report.lock_seconds.is_some());
    assert_eq!(report.warnings, Vec::<String>::new());

    let copy = report.safety_copy.unwrap();
    let undone = scene.restore(&copy);
    assert_eq!(scene.contents(), later);
    assert_eq!((undone.point, &*undone.source), (copy, "safety-copy"));
    assert_eq!(scene.strange_files(), Vec::<String>::new());
}

#[test]
fn the_live_database_stays_in_wal_mode_and_its_open_connections_go_on() {
    let scene = Scene::with_events(50);
    let point = scene.backup();
    scene.add_events(50);
    let open = sqlite::open_live(&scene.database(), SECOND).unwrap();
    open.prepare_cached("SELECT count(*) FROM events").unwrap().query_row([], |row| row.get::<_, u32>(0)).unwrap();
    scene.restore(&point);
    assert_eq!(scene.pragma("journal_mode"), Value::Text("wal".to_owned()));
    let mut cached = open.prepare_cached("SELECT count(*) FROM events").unwrap();
    assert_eq!(cached.query_row([], |row| row.get::<_, u32>(0)).unwrap(), 50);
    open.execute("INSERT INTO events(message) VALUES ('after')", []).unwrap();
    assert_eq!(scene.events(), 51);
}

#[test]
fn a_connection_drops_the_schema_that_it_has_cached() {
    let scene = Scene::with_events(10);
    let point = scene.backup();
    scene.run("DROP TABLE events; CREATE TABLE other(x); CREATE TABLE events(message TEXT, id INTEGER, extra)");
    let open = sqlite::open_live(&scene.database(), SECOND).unwrap();
    let columns = || {
        let mut cached = open.prepare_cached("SELECT * FROM events").unwrap();
        cached.query([]).unwrap().next().unwrap();
        cached.column_count()
    };
    assert_eq!(columns(), 3);
    scene.restore(&point);
    assert_eq!(columns(), 2);
    assert_eq!(rows(&open, "SELECT count(*) FROM events"), ["[Integer(10)]"]);
    assert!(open.execute("INSERT INTO other VALUES (1)", []).is_err(), "the table is gone");
}

#[test]
fn a_reader_in_the_middle_keeps_its_snapshot() {
    let scene = Scene::with_events(100);
    let point = scene.backup();
    scene.add_events(100);
    let reader = sqlite::open_live(&scene.database(), SECOND).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM events").unwrap();
    scene.restore(&point);
    let seen = |c: &Connection| c.query_row("SELECT count(*) FROM events", [], |row| row.get::<_, u32>(0)).unwrap();
    assert_eq!(seen(&reader), 200);
    reader.execute_batch("COMMIT").unwrap();
    assert_eq!(seen(&reader), 100);
}

#[test]
fn a_database_that_is_there_already_gets_no_write_but_its_safety_copy() {
    let scene = Scene::with_events(100);
    let point = scene.backup();
    let report = scene.restore(&point);
    assert_eq!(report.pages_written, 0);
    assert_eq!(contents(&scene.backups().join(report.safety_copy.unwrap())), scene.contents());
}

#[test]
fn a_database_in_rollback_mode_is_restored_and_stays_in_it() {
    let scene = Scene::with_events(400);
    scene.run("PRAGMA journal_mode=DELETE");
    let then = scene.contents();
    let point = scene.backup();
    scene.add_events(4000);
    let later = scene.contents();
    let report = scene.restore(&point);
    assert_eq!(report.mode, How::InPlace);
    assert_eq!(scene.contents(), then);
    assert_eq!(scene.pragma("journal_mode"), Value::Text("delete".to_owned()));
    scene.restore(&report.safety_copy.unwrap());
    assert_eq!(scene.contents(), later);
}

/// They are cut off in the middle of the commit: a crash right after it must find them somewhere.
#[test]
fn the_pages_that_a_rollback_mode_restore_cuts_off_stand_in_the_journal() {
    let scene = Scene::with_events(20);
    scene.run("PRAGMA journal_mode=DELETE");
    let point = scene.backup();
    scene.add_events(2000);
    let later = scene.contents();
    let prepared = plan(&scene.options(&point)).unwrap();
    let writer = sqlite::open_live(&scene.database(), SECOND).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    let shape = sqlite::shape(&writer).unwrap().unwrap().0;
    let mut copy = safety_copy::SafetyCopy::create(&scene.options("latest"), "pre-restore-x.db", shape).unwrap();
    let difference = compare::pass(&writer, shape, &prepared.source, &mut copy).unwrap();
    write_pages::apply(&writer, &prepared.source, &difference).unwrap();
    let journal = fs::metadata(files::with_suffix(&scene.database(), "-journal")).unwrap().len();
    let cut_off = u64::from(shape.pages - prepared.source.shape.pages);
    assert!(cut_off > 100);
    assert!(journal >= cut_off * u64::from(shape.page_size), "{cut_off} pages, a journal of {journal} bytes");
    writer.execute_batch("ROLLBACK").unwrap();
    drop(writer);
    assert_eq!(scene.contents(), later);
}

#[test]
fn what_is_committed_between_the_comparison_and_the_lock_is_in_the_safety_copy() {
    let scene = Scene::with_events(300);
    let then = scene.contents();
    let point = scene.backup();
    scene.add_events(100);
    let prepared = plan(&scene.options(&point)).unwrap();
    let mut calls = 0;
    let report = prepared
        .in_place(&mut || {
            calls += 1;
            scene.run("UPDATE events SET message = 'changed' WHERE id = 7; DELETE FROM events WHERE id > 350; VACUUM");
            scene.add_events(5);
        })
        .unwrap();
    assert_eq!((calls, scene.contents()), (1, then));
    let kept = scene.backups().join(report.safety_copy.unwrap());
    let copy = sqlite::open_immutable(&kept).unwrap();
    assert_eq!(rows(&copy, "SELECT count(*) FROM events"), ["[Integer(355)]"]);
    assert_eq!(rows(&copy, "SELECT message FROM events WHERE id = 7"), ["[Text(\"changed\")]"]);
}

#[test]
fn a_long_log_is_not_looked_through_under_the_lock() {
    let scene = Scene::with_events(10);
    let point = scene.backup();
    let held = sqlite::open_live(&scene.database(), SECOND).unwrap();
    held.execute_batch("SELECT 1 FROM events").unwrap();
    scene.add_events(40_000);
    let wal = files::with_suffix(&scene.database(), "-wal");
    let long = fs::metadata(&wal).unwrap().len();
    let mut at_the_lock = None;
    let prepared = plan(&scene.options(&point)).unwrap();
    prepared.in_place(&mut || at_the_lock = Some(fs::metadata(&wal).unwrap().len())).unwrap();
    assert!(long > 2000 * 4096);
    assert_eq!(at_the_lock, Some(0));
    assert_eq!(scene.events(), 10);
}

/// The log starts over between the pass and the lock: with salts that say so, and with new ones.
#[test]
fn a_log_that_starts_over_in_between_costs_at_most_another_comparison() {
    for same_connection in [true, false] {
        let scene = Scene::with_events(300);
        let then = scene.contents();
        let point = scene.backup();
        let held = sqlite::open_live(&scene.database(), SECOND).unwrap();
        held.execute_batch("SELECT 1 FROM events; DELETE FROM events WHERE id < 100").unwrap();
        let prepared = plan(&scene.options(&point)).unwrap();
        let mut calls = 0;
        let report = prepared
            .in_place(&mut || {
                calls += 1;
                if calls == 1 {
                    held.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
                }
                let insert = "INSERT INTO events(message) VALUES ('late')";
                if same_connection { held.execute_batch(insert).unwrap() } else { scene.run(insert) }
            })
            .unwrap();
        assert_eq!(calls, if same_connection { 1 } else { 2 });
        assert_eq!(scene.contents(), then);
        let copy = sqlite::open_immutable(&scene.backups().join(report.safety_copy.unwrap())).unwrap();
        let late = rows(&copy, "SELECT count(*) FROM events WHERE message = 'late'");
        assert_eq!(late, [format!("[Integer({calls})]")]);
    }
}

#[test]
fn every_acknowledged_row_is_in_the_database_or_the_safety_copy_and_none_is_refused() {
    let scene = Scene::with_events(2000);
    let point = scene.backup();
    scene.add_events(2000);
    let stop = AtomicBool::new(false);
    let next = AtomicU32::new(1_000_000);
    let acknowledged = Mutex::new(BTreeSet::new());
    let report = std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let id = next.fetch_add(1, Ordering::Relaxed);
                    let connection = sqlite::open_live(&scene.database(), 5 * SECOND).unwrap();
                    connection.execute("INSERT INTO events VALUES (?1, hex(randomblob(300)))", [id]).unwrap();
                    acknowledged.lock().unwrap().insert(id);
                }
            });
        }
        let deadline = Instant::now() + 20 * SECOND;
        let enough = |count: usize| {
            while acknowledged.lock().unwrap().len() < count {
                assert!(Instant::now() < deadline, "the writers do not get on");
                std::thread::yield_now();
            }
        };
        enough(40);
        let report = run(&scene.options(&point));
        let so_far = acknowledged.lock().unwrap().len();
        enough(so_far + 40);
        stop.store(true, Ordering::Relaxed);
        report.unwrap()
    });
    let written = |path: &Path| -> BTreeSet<u32> {
        let connection = sqlite::open_live(path, SECOND).unwrap();
        let mut statement = connection.prepare("SELECT id FROM events WHERE id >= 1000000").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    };
    let before = written(&scene.backups().join(report.safety_copy.unwrap()));
    let after = written(&scene.database());
    assert!(!before.is_empty() && !after.is_empty());
    assert!(before.is_disjoint(&after), "what was written before the restore is gone, and only that");
    assert_eq!(before.union(&after).copied().collect::<BTreeSet<_>>(), acknowledged.into_inner().unwrap());
    scene.contents();
}

#[test]
fn a_lock_that_would_be_too_long_is_refused_and_leaves_nothing_behind() {
    let scene = Scene::with_events(100);
    let point = scene.backup();
    scene.add_events(3000);
    let later = scene.contents();
    for mode in ["WAL", "DELETE"] {
        scene.run(&format!("PRAGMA journal_mode={mode}"));
        let mut options = Options { lock_limit: Duration::from_nanos(1), ..scene.options(&point) };
        let error = run(&options).unwrap_err();
        assert_eq!(error.code(), Code::Usage);
        assert!(error.hint_text().unwrap().contains("--accept-503"));
        assert_eq!(scene.contents(), later);
        assert_eq!((scene.safety_copies(), scene.strange_files()), (vec![], vec![]));
        options.accept_503 = true;
        let undo = run(&options).unwrap().safety_copy.unwrap();
        scene.restore(&undo);
        assert_eq!(scene.contents(), later);
        scene.safety_copies().iter().for_each(|name| fs::remove_file(scene.backups().join(name)).unwrap());
    }
}

#[test]
fn a_database_that_stays_locked_is_busy_and_unchanged() {
    let scene = Scene::with_events(10);
    let point = scene.backup();
    scene.add_events(10);
    let writer = sqlite::open_live(&scene.database(), SECOND).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    let options = Options { wait: Duration::from_millis(50), ..scene.options(&point) };
    assert_eq!(run(&options).unwrap_err().code(), Code::Busy);
    writer.execute_batch("COMMIT").unwrap();
    assert_eq!((scene.events(), scene.safety_copies(), scene.strange_files()), (20, vec![], vec![]));
}

#[test]
fn a_damaged_restore_point_is_refused_by_the_name_of_the_next_good_one() {
    let scene = Scene::with_events(500);
    let good = scene.backup();
    scene.add_events(500);
    let bad = scene.backup();
    scene.add_events(1);
    flip_a_bit(&scene.backups().join(&bad));
    let error = run(&scene.options(&bad)).unwrap_err();
    assert_eq!(error.code(), Code::Damaged);
    assert!(error.hint_text().unwrap().contains(&good), "{error:?}");
    assert_eq!((scene.events(), scene.safety_copies()), (1001, vec![]));
}

#[test]
fn a_restore_point_that_changes_after_it_was_verified_is_not_used() {
    let scene = Scene::with_events(500);
    let point = scene.backup();
    scene.add_events(500);
    for mode in [Mode::InPlace, Mode::Replace] {
        let prepared = plan(&Options { mode, ..scene.options(&point) }).unwrap();
        flip_a_bit(&scene.backups().join(&point));
        assert_eq!(prepared.apply().unwrap_err().code(), Code::Damaged);
        flip_a_bit(&scene.backups().join(&point));
        assert_eq!((scene.events(), scene.safety_copies(), scene.strange_files()), (1000, vec![], vec![]));
    }
}

#[test]
fn a_restore_point_that_is_pruned_meanwhile_is_still_restored() {
    let scene = Scene::with_events(500);
    let then = scene.contents();
    let point = scene.backup();
    scene.add_events(500);
    let prepared = plan(&scene.options(&point)).unwrap();
    fs::remove_file(scene.backups().join(&point)).unwrap();
    prepared.apply().unwrap();
    assert_eq!(scene.contents(), then);
}

#[test]
fn the_safety_copy_is_in_the_catalog_verified() {
    let scene = Scene::with_events(20);
    let point = scene.backup();
    scene.add_events(7);
    let copy = scene.restore(&point).safety_copy.unwrap();
    let catalog = Catalog::read(&scene.backups()).unwrap();
    let row = catalog.points().iter().find(|row| row.file == copy).unwrap();
    assert!(row.is_verified());
    assert_eq!(row.events, Some(27));
}

#[test]
fn no_such_point_and_no_folder_have_their_own_codes() {
    let scene = Scene::with_events(1);
    assert_eq!(run(&scene.options("latest")).unwrap_err().code(), Code::NotFound);
    let nowhere = Options { backups: scene.folder.path().join("nowhere"), ..scene.options("latest") };
    assert_eq!(run(&nowhere).unwrap_err().code(), Code::OutOfReach);
}

#[test]
fn a_plan_changes_nothing_and_says_what_would_be_done() {
    let scene = Scene::with_events(200);
    let point = scene.backup();
    scene.add_events(200);
    let before = (scene.contents(), names(&scene.backups()).len());
    let prepared = plan(&scene.options("latest")).unwrap();
    assert_eq!((scene.contents(), names(&scene.backups()).len()), before);
    let plan = prepared.plan();
    assert_eq!((&plan.point, plan.mode), (&point, How::InPlace));
    assert!(plan.differing_pages.unwrap() > 0);
    let text = plan.to_string();
    assert!(text.contains(&point) && text.contains("in-place") && text.contains(plan.safety_copy.as_ref().unwrap()));
    let json = serde_json::to_value(plan).unwrap();
    assert_eq!(json["mode"], "in-place");
    assert!(json["steps"].as_array().unwrap().len() >= 3);
}
