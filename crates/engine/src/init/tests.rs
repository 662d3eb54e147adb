use std::fs;

use disk::files;
use rusqlite::Connection;

use super::*;
use crate::backup;
use crate::encrypted::Keys;
use crate::restore::remove_leftovers;

const SECOND: Duration = Duration::from_secs(1);

struct Scene {
    folder: tempfile::TempDir,
}

impl Scene {
    /// A backup folder and no database.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("backup")).unwrap();
        Self { folder }
    }

    /// Backups of a database with so many events, which is lost then.
    fn with_backups_of(events: &[u32]) -> (Self, Vec<String>) {
        let scene = Self::new();
        init(&scene.options()).unwrap();
        let files = events
            .iter()
            .map(|events| {
                scene.set_events(*events);
                scene.backup()
            })
            .collect();
        scene.lose();
        (scene, files)
    }

    fn options(&self) -> Options {
        Options {
            database: self.database(),
            backups: self.backups(),
            schema: Some(EVENTS_SCHEMA.to_owned()),
            keep_journal_mode: false,
            accept_older: false,
            wait: 5 * SECOND,
            now: Timestamp::now(),
            dry_run: false,
            keys: Keys::default(),
            access: None,
            accept_unreachable: false,
            first_install: false,
            adopt_backups: false,
        }
    }

    fn database(&self) -> PathBuf {
        self.folder.path().join("app.db")
    }

    fn backups(&self) -> PathBuf {
        self.folder.path().join("backup")
    }

    fn open(&self) -> Connection {
        sqlite::open_live(&self.database(), SECOND).unwrap()
    }

    fn set_events(&self, events: u32) {
        let sql = format!(
            "DELETE FROM events; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {events}) \
             INSERT INTO events(timestamp, message) SELECT 'now', hex(randomblob(99)) FROM n"
        );
        self.open().execute_batch(&sql).unwrap();
    }

    fn events(&self) -> Option<u64> {
        sqlite::count_events(&self.open()).unwrap()
    }

    fn backup(&self) -> String {
        let options = backup::Options {
            database: self.database(),
            backups: self.backups(),
            keep: None,
            wait: SECOND,
            now: Timestamp::now(),
            dry_run: false,
            recipients: None,
            adopt_backups: false,
        };
        backup::take(&options).unwrap().file
    }

    fn lose(&self) {
        for suffix in ["", "-wal", "-shm"] {
            files::remove("test", &files::with_suffix(&self.database(), suffix)).unwrap();
        }
    }

    fn damage(&self, file: &str) {
        let path = self.backups().join(file);
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 1000]).unwrap();
    }
}

fn init(options: &Options) -> Result<Report> {
    run(options)
}

#[test]
fn a_first_installation_gets_the_schema_in_wal_mode() {
    let scene = Scene::new();
    let report = init(&scene.options()).unwrap();
    assert_eq!((report.outcome, scene.events()), (Outcome::Created, Some(0)));
    assert_eq!(journal_mode(&scene.open()).unwrap(), "wal");
    assert_eq!(init(&scene.options()).unwrap().outcome, Outcome::Kept);
}

#[test]
fn without_a_schema_a_first_installation_is_left_to_the_application() {
    let scene = Scene::new();
    let options = Options { schema: None, ..scene.options() };
    fs::write(files::with_suffix(&scene.database(), "-wal"), "of another database").unwrap();
    assert_eq!(init(&options).unwrap().outcome, Outcome::Left);
    assert!(!scene.database().exists());
    assert!(!files::with_suffix(&scene.database(), "-wal").exists(), "SQLite would replay it");
    let (scene, _) = Scene::with_backups_of(&[70]);
    let options = Options { schema: None, ..scene.options() };
    assert_eq!(init(&options).unwrap().outcome, Outcome::Restored);
}

#[test]
fn a_lost_database_is_restored_from_the_newest_backup() {
    let (scene, files) = Scene::with_backups_of(&[3, 500]);
    let report = init(&scene.options()).unwrap();
    assert_eq!((report.outcome, report.point.as_ref()), (Outcome::Restored, files.last()));
    assert_eq!((scene.events(), report.events), (Some(500), Some(500)));
    assert_eq!(journal_mode(&scene.open()).unwrap(), "wal");
}

#[test]
fn a_file_of_0_bytes_that_another_process_has_open_is_filled_in_place() {
    let (scene, _) = Scene::with_backups_of(&[70]);
    fs::write(scene.database(), "").unwrap();
    let open = scene.open();
    open.execute_batch("SELECT count(*) FROM sqlite_schema").unwrap();
    assert_eq!(init(&scene.options()).unwrap().outcome, Outcome::Restored);
    assert_eq!(sqlite::count_events(&open).unwrap(), Some(70), "the open connection sees it");
}

#[test]
fn a_database_without_tables_is_restored_into_whatever_its_page_size() {
    let (scene, _) = Scene::with_backups_of(&[70]);
    let connection = Connection::open(scene.database()).unwrap();
    connection
        .execute_batch("PRAGMA page_size=1024; PRAGMA journal_mode=WAL; CREATE TABLE t(x); DROP TABLE t")
        .unwrap();
    drop(connection);
    assert_eq!(init(&scene.options()).unwrap().outcome, Outcome::Restored);
    assert_eq!(scene.events(), Some(70));
}

#[test]
fn a_database_with_tables_is_kept_and_switched_to_wal_unless_told_otherwise() {
    let (scene, _) = Scene::with_backups_of(&[70]);
    let other = Connection::open(scene.database()).unwrap();
    other.execute_batch("CREATE TABLE other(x)").unwrap();
    let options = Options { keep_journal_mode: true, ..scene.options() };
    assert_eq!(init(&options).unwrap().journal_mode, "delete");
    let report = init(&scene.options()).unwrap();
    assert_eq!((report.outcome, report.journal_mode.as_str(), scene.events()), (Outcome::Kept, "wal", None));
}

#[test]
fn a_database_in_use_is_kept_at_once_although_it_cannot_be_switched() {
    let scene = Scene::new();
    init(&Options { keep_journal_mode: true, ..scene.options() }).unwrap();
    let writer = scene.open();
    writer.execute_batch("PRAGMA journal_mode=DELETE; BEGIN IMMEDIATE").unwrap();
    let report = init(&Options { wait: Duration::from_millis(20), ..scene.options() }).unwrap();
    assert_eq!((report.outcome, report.warnings.len()), (Outcome::Kept, 1));
}

#[test]
fn backups_out_of_reach_never_make_an_empty_application() {
    let scene = Scene::new();
    let options = Options { backups: scene.folder.path().join("not-mounted"), ..scene.options() };
    assert_eq!(init(&options).unwrap_err().code(), Code::OutOfReach);
    assert!(!scene.database().exists());
}

#[test]
fn damaged_backups_never_make_an_empty_application() {
    let (scene, files) = Scene::with_backups_of(&[5, 500]);
    files.iter().for_each(|file| scene.damage(file));
    let options = Options { accept_older: true, ..scene.options() };
    assert_eq!(init(&options).unwrap_err().code(), Code::Damaged);
    assert!(!scene.database().exists());
}

#[test]
fn an_older_backup_is_taken_only_where_the_loss_is_accepted() {
    let (scene, files) = Scene::with_backups_of(&[300, 500]);
    scene.damage(&files[1]);
    let error = init(&scene.options()).unwrap_err();
    assert_eq!(error.code(), Code::Damaged);
    assert!(error.hint_text().unwrap().contains("--accept-older"));
    assert!(!scene.database().exists());
    let report = init(&Options { accept_older: true, ..scene.options() }).unwrap();
    assert_eq!((report.point.as_ref(), scene.events()), (files.first(), Some(300)));
    assert_eq!(report.skipped[0].file, files[1]);
}

#[test]
fn a_safety_copy_alone_is_no_first_installation() {
    let (scene, files) = Scene::with_backups_of(&[5]);
    let backups = scene.backups();
    fs::rename(backups.join(&files[0]), backups.join("pre-restore-2025-01-10-12-00.db")).unwrap();
    assert_eq!(init(&scene.options()).unwrap_err().code(), Code::Damaged);
}

#[test]
fn a_damaged_database_is_not_overwritten_without_being_asked() {
    let (scene, _) = Scene::with_backups_of(&[5]);
    let garbage = b"what is left of a database".repeat(100);
    fs::write(scene.database(), &garbage).unwrap();
    assert_eq!(init(&scene.options()).unwrap_err().code(), Code::Damaged);
    assert_eq!(fs::read(scene.database()).unwrap(), garbage);
}

#[test]
fn a_stale_log_beside_a_lost_database_is_not_replayed() {
    let (scene, _) = Scene::with_backups_of(&[5]);
    let wal = files::with_suffix(&scene.database(), "-wal");
    init(&scene.options()).unwrap();
    let live = scene.open();
    live.execute_batch("UPDATE events SET message = 'stale'").unwrap();
    let stale = fs::read(&wal).unwrap();
    drop(live);
    scene.lose();
    fs::write(&wal, stale).unwrap();
    init(&scene.options()).unwrap();
    let wrong: u32 =
        scene.open().query_row("SELECT count(*) FROM events WHERE message = 'stale'", [], |row| row.get(0)).unwrap();
    assert_eq!((scene.events(), wrong), (Some(5), 0));
}

#[test]
fn of_two_inits_at_once_one_restores_and_the_other_keeps() {
    let (scene, _) = Scene::with_backups_of(&[200]);
    let mut outcomes: Vec<Outcome> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..2).map(|_| scope.spawn(|| init(&scene.options()).unwrap().outcome)).collect();
        running.into_iter().map(|one| one.join().unwrap()).collect()
    });
    outcomes.sort_by_key(|outcome| *outcome == Outcome::Kept);
    assert_eq!((outcomes, scene.events()), (vec![Outcome::Restored, Outcome::Kept], Some(200)));
}

#[test]
fn a_dry_run_says_what_would_be_done_and_changes_nothing() {
    let (scene, files) = Scene::with_backups_of(&[5]);
    let options = Options { dry_run: true, ..scene.options() };
    let report = init(&options).unwrap();
    assert_eq!((report.outcome, report.point.as_ref()), (Outcome::Restored, files.first()));
    fs::remove_file(scene.backups().join(&files[0])).unwrap();
    assert_eq!(init(&options).unwrap().outcome, Outcome::Created);
    assert!(!scene.database().exists());
}

#[test]
fn what_a_killed_restore_left_is_removed() {
    let (scene, _) = Scene::with_backups_of(&[5]);
    let left = scene.folder.path().join(".pra-tmp-restore-app.db");
    fs::write(&left, "half").unwrap();
    init(&scene.options()).unwrap();
    assert!(!left.exists());
    remove_leftovers(&scene.database()).unwrap();
}
