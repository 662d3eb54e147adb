//! Whose a replica is, and what it must not be taken for.

use super::*;

#[test]
fn two_databases_never_share_a_replica_nor_restore_from_each_others() {
    let scene = Scene::new();
    scene.insert(5);
    scene.once(&["one"]).unwrap();
    let auxiliary = |scene: &Scene, takeover: bool| {
        let mut options = scene.options(&["one"]);
        options.checkpointer.database = scene.path("auxiliary.db");
        options.checkpointer.once = true;
        options.takeover = takeover;
        replicate::run(&options, &Arc::new(AtomicBool::new(false)))
    };
    let connection = Connection::open(scene.path("auxiliary.db")).unwrap();
    connection.execute_batch("PRAGMA journal_mode=WAL; CREATE TABLE t(id INTEGER PRIMARY KEY, x)").unwrap();
    drop(connection);
    disk::home::id(&scene.path("auxiliary.db")).unwrap();
    for takeover in [false, true] {
        let error = auxiliary(&scene, takeover).unwrap_err();
        assert_eq!(error.code(), Code::Usage, "{}", error.chain());
        assert!(error.chain().contains("'auxiliary.db'") && error.chain().contains("'app.db'"), "{}", error.chain());
    }
    assert_eq!(scene.epochs("one").len(), 1);

    let mut restoring = restoring(&scene, access(&scene, "one"), "latest");
    restoring.database = scene.path("auxiliary.db");
    std::fs::create_dir_all(scene.path("backup")).unwrap();
    let error = restore::run(&restoring).unwrap_err();
    assert_eq!(error.code(), Code::Usage, "{}", error.chain());
    assert_eq!(rows(&scene.path("auxiliary.db")), 0);
}

#[test]
fn a_volume_that_is_restored_has_the_id_that_its_replica_names() {
    let scene = Scene::new();
    history(&scene, "one");
    let id = disk::home::id(&scene.path("app.db")).unwrap();
    lose(&scene);
    std::fs::remove_dir_all(scene.path(".app.db.pra")).unwrap();
    restore(&scene, access(&scene, "one"), "latest").unwrap();
    assert_eq!(disk::home::known_id(&scene.path("app.db")).unwrap(), Some(id));
    scene.insert(1);
    scene.once(&["one"]).unwrap();
}

#[test]
fn a_replica_and_a_backup_folder_of_two_databases_are_not_restored_together() {
    let scene = Scene::new();
    history(&scene, "one");
    lose(&scene);
    std::fs::remove_dir_all(scene.path(".app.db.pra")).unwrap();
    let other = scene.path("other");
    std::fs::create_dir_all(&other).unwrap();
    std::fs::create_dir_all(scene.path("backup")).unwrap();
    let mut catalog = disk::catalog::Catalog::default();
    disk::catalog::owner::take_up(&mut catalog, &other.join("app.db"), disk::identity::Identity::Unknown).unwrap();
    catalog.publish(&scene.path("backup"), Timestamp::now()).unwrap();
    std::fs::remove_dir_all(other).unwrap();
    let error = restore(&scene, access(&scene, "one"), "latest").unwrap_err();
    assert!(error.code() == Code::Usage && error.chain().contains("of two databases"), "{}", error.chain());
    assert!(!scene.path("app.db").exists());
}

#[test]
fn foreign_objects_are_no_empty_replica() {
    let scene = Scene::new();
    let folder = scene.path("one/ltx/0");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("0000000000000001-0000000000000001.ltx"), "LTX1").unwrap();
    let named = |error: pra_core::Error| {
        assert_eq!(error.code(), Code::Usage, "{}", error.chain());
        assert!(error.chain().contains("a replica of Litestream"), "{}", error.chain());
    };
    named(scene.once(&["one"]).unwrap_err());
    named(restore(&scene, access(&scene, "one"), "latest").unwrap_err());
    named(access(&scene, "one").surveys(false).unwrap_err());
    assert_eq!(
        std::fs::read_dir(scene.path("one")).unwrap().flatten().filter(|entry| entry.path().is_file()).count(),
        0
    );
}

#[test]
fn a_newest_state_from_the_future_is_taken_only_where_it_is_named() {
    let scene = Scene::new();
    history(&scene, "one");
    lose(&scene);
    let now = Timestamp::now().checked_sub(jiff::SignedDuration::from_hours(72)).unwrap();
    let access = access(&scene, "one");
    let survey = access.surveys(false).unwrap().remove(0);
    let error = choose(&access, &survey, &Point::Latest, now).unwrap_err();
    assert_eq!(error.code(), Code::Damaged, "{}", error.chain());
    assert!(error.hint_text().unwrap().contains("/0000000000000003"), "{:?}", error.hint_text());
    let named: Point = error.hint_text().unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    assert_eq!(choose(&access, &survey, &named, now).unwrap().unwrap().txid, 3);
}

/// Restores the newest state of "one" at `database`, and replicates that to "one" once.
fn restore_and_replicate(scene: &Scene, database: &str) -> Result<follow::replicate::Report> {
    let database = scene.path(database);
    std::fs::create_dir_all(database.parent().unwrap()).unwrap();
    std::fs::create_dir_all(scene.path("backup")).unwrap();
    let mut options = restoring(scene, access(scene, "one"), "latest");
    options.database = database.clone();
    restore::run(&options).unwrap();
    let mut options = scene.options_once(&["one"]);
    options.checkpointer.database = database;
    replicate::run(&options, &Arc::new(AtomicBool::new(false)))
}

#[test]
fn a_copy_restored_on_the_originals_machine_never_takes_over_its_replica() {
    for copy in ["elsewhere/app.db", "look.db"] {
        let scene = Scene::new();
        history(&scene, "one");
        let id = disk::home::id(&scene.path("app.db")).unwrap();
        let error = restore_and_replicate(&scene, copy).unwrap_err();
        assert_eq!(error.code(), Code::Usage, "{copy}: {}", error.chain());
        assert!(error.chain().contains("the replica is of the database"), "{copy}: {}", error.chain());
        assert_ne!(disk::home::known_id(&scene.path(copy)).unwrap(), Some(id));
        scene.insert(1);
        scene.once(&["one"]).unwrap();
        assert_eq!(scene.epochs("one").len(), 1, "{copy}: the original goes on");
    }
}

#[test]
fn a_database_that_moved_on_its_machine_goes_on_with_its_replica() {
    let scene = Scene::new();
    history(&scene, "one");
    let id = disk::home::id(&scene.path("app.db")).unwrap();
    lose(&scene);
    std::fs::remove_dir_all(scene.path(".app.db.pra")).unwrap();
    restore_and_replicate(&scene, "elsewhere/app.db").unwrap();
    assert_eq!(disk::home::known_id(&scene.path("elsewhere/app.db")).unwrap(), Some(id));
    assert_eq!(scene.epochs("one").len(), 2);
}
