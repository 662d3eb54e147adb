//! In-place restores between databases of every page size, larger and smaller, with free pages and without.

use super::*;

const PAGE_SIZES: [u32; 8] = [512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536];

fn scene(setup: &str) -> Scene {
    let scene = Scene::empty();
    scene.run(&format!(
        "{setup}; PRAGMA journal_mode=WAL; CREATE TABLE events(id INTEGER PRIMARY KEY, message TEXT); \
         CREATE INDEX by_message ON events(message)"
    ));
    scene
}

/// Restores the state after `then` from the state after `later`, and back.
fn there_and_back(setup: &str, then: (u32, &str), later: (u32, &str)) {
    let scene = scene(setup);
    let state = |(rows, sql): (u32, &str)| {
        scene.add_events(rows);
        scene.run(sql);
        (scene.contents(), scene.pragma("page_count"), scene.pragma("freelist_count"))
    };
    let first = state(then);
    let point = scene.backup();
    let second = state(later);
    let report = scene.restore(&point);
    assert_eq!(report.mode, How::InPlace, "{setup}");
    let now = (scene.contents(), scene.pragma("page_count"), scene.pragma("freelist_count"));
    assert_eq!(now, first, "{setup}, there");
    scene.restore(&report.safety_copy.unwrap());
    let now = (scene.contents(), scene.pragma("page_count"), scene.pragma("freelist_count"));
    assert_eq!(now, second, "{setup}, and back");
    // The page allocator works on what it finds.
    scene.add_events(300);
    scene.contents();
}

#[test]
fn every_page_size_grows_and_shrinks() {
    for page_size in PAGE_SIZES {
        let setup = format!("PRAGMA page_size={page_size}");
        there_and_back(&setup, (700, ""), (2000, ""));
        there_and_back(&setup, (2000, ""), (0, "DELETE FROM events WHERE id > 50; VACUUM"));
    }
}

#[test]
fn free_pages_come_and_go() {
    there_and_back("", (2000, "DELETE FROM events WHERE id % 2"), (0, "VACUUM"));
    there_and_back("", (2000, ""), (0, "DELETE FROM events WHERE id < 1900"));
}

#[test]
fn auto_vacuum_does_not_move_the_restored_pages() {
    for mode in ["FULL", "INCREMENTAL"] {
        let setup = format!("PRAGMA auto_vacuum={mode}");
        there_and_back(&setup, (2000, "DELETE FROM events WHERE id % 2"), (500, ""));
        there_and_back(&setup, (500, ""), (2000, "DELETE FROM events WHERE id % 2"));
    }
}

/// The commit of a database with full vacuum moves pages as long as the header counts free ones.
#[test]
fn free_pages_survive_in_a_database_that_vacuums_at_each_commit() {
    let scene = scene("PRAGMA auto_vacuum=INCREMENTAL");
    scene.add_events(2000);
    scene.run("DELETE FROM events WHERE id % 2");
    let then = (scene.contents(), scene.pragma("freelist_count"));
    assert_ne!(then.1, Value::Integer(0));
    let point = scene.backup();
    scene.run("PRAGMA auto_vacuum=FULL; DELETE FROM events WHERE id % 4 = 0");
    assert_eq!(scene.pragma("freelist_count"), Value::Integer(0));
    scene.restore(&point);
    assert_eq!((scene.contents(), scene.pragma("freelist_count")), then);
    assert_eq!(scene.pragma("auto_vacuum"), Value::Integer(2));
}

#[test]
fn rollback_mode_grows_and_shrinks_too() {
    for (then, later) in [(300, 3000), (3000, 0)] {
        let scene = scene("");
        scene.run("PRAGMA journal_mode=DELETE");
        scene.add_events(then);
        let first = scene.contents();
        let point = scene.backup();
        scene.add_events(later);
        scene.run(if later == 0 { "DELETE FROM events WHERE id > 9; VACUUM" } else { "" });
        let second = scene.contents();
        let copy = scene.restore(&point).safety_copy.unwrap();
        assert_eq!(scene.contents(), first);
        scene.restore(&copy);
        assert_eq!(scene.contents(), second);
    }
}

#[test]
fn another_text_encoding_is_replaced_and_not_mixed() {
    let scene = scene("PRAGMA encoding='UTF-16le'");
    scene.add_events(10);
    let then = scene.contents();
    let point = scene.backup();
    for suffix in ["", "-wal", "-shm"] {
        files::remove("test", &files::with_suffix(&scene.database(), suffix)).unwrap();
    }
    scene.run("PRAGMA journal_mode=WAL; CREATE TABLE other(x)");
    assert_eq!(scene.restore(&point).mode, How::Replace);
    assert_eq!(scene.contents(), then);
}
