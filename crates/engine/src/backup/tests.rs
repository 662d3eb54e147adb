use super::*;

struct Place {
    _folder: tempfile::TempDir,
    live: Connection,
    options: Options,
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("app.db");
    let backups = folder.path().join("backup");
    std::fs::create_dir(&backups).unwrap();
    let live = Connection::open(&database).unwrap();
    live.execute_batch(
        "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; \
         CREATE TABLE events(id INTEGER PRIMARY KEY, message TEXT); INSERT INTO events(message) VALUES ('one')",
    )
    .unwrap();
    let now = at("2025-01-10T12:00:07Z");
    let options = Options {
        database,
        backups,
        keep: None,
        wait: Duration::ZERO,
        now,
        dry_run: false,
        recipients: None,
        adopt_backups: false,
    };
    Place { _folder: folder, live, options }
}

impl Place {
    fn take(&mut self, now: &str) -> Result<Report> {
        self.options.now = at(now);
        take(&self.options)
    }

    fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(&self.options.backups)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.starts_with(".pra.") && name != catalog::FILE)
            .collect();
        names.sort();
        names
    }

    fn inode(&self, name: &str) -> u64 {
        use std::os::unix::fs::MetadataExt;
        std::fs::metadata(self.options.backups.join(name)).unwrap().ino()
    }
}

#[test]
fn a_backup_holds_what_was_committed_is_verified_and_is_in_the_catalog() {
    let mut place = place();
    let report = place.take("2025-01-10T12:00:07Z").unwrap();
    assert_eq!(report.file, "backup-2025-01-10-12-00.db");
    assert_eq!(report.events, Some(1));
    assert!(report.verified && !report.unchanged);
    let catalog = Catalog::read(&place.options.backups).unwrap();
    assert_eq!(catalog.newest_backup().unwrap().created_at, at("2025-01-10T12:00:07Z"));
    read_back::against(&place.options.backups.join(&report.file), catalog.newest_backup().unwrap(), &Progress::none())
        .unwrap();
}

#[test]
fn an_unchanged_database_costs_a_link_and_a_changed_one_a_copy() {
    let mut place = place();
    let first = place.take("2025-01-10T12:00:00Z").unwrap();
    let second = place.take("2025-01-10T12:01:00Z").unwrap();
    assert!(second.unchanged);
    assert_eq!(place.inode(&first.file), place.inode(&second.file));
    let rows = Catalog::read(&place.options.backups).unwrap();
    assert_eq!(rows.newest_backup().unwrap().unchanged_since.as_deref(), Some(first.file.as_str()));

    place.live.execute_batch("INSERT INTO events(message) VALUES ('two')").unwrap();
    let third = place.take("2025-01-10T12:02:00Z").unwrap();
    assert!(!third.unchanged);
    assert_eq!(third.events, Some(2));
    assert_ne!(place.inode(&first.file), place.inode(&third.file));
}

#[test]
fn a_checkpoint_alone_is_no_change() {
    let mut place = place();
    place.take("2025-01-10T12:00:00Z").unwrap();
    place.live.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    assert!(place.take("2025-01-10T12:01:00Z").unwrap().unchanged);
}

#[test]
fn a_write_of_the_same_content_is_no_change_and_the_link_verifies() {
    let mut place = place();
    place.live.execute_batch("PRAGMA journal_mode=DELETE").unwrap();
    place.take("2025-01-10T12:00:00Z").unwrap();
    place.live.execute_batch("UPDATE events SET message = message").unwrap();
    let second = place.take("2025-01-10T12:01:00Z").unwrap();
    assert!(second.unchanged, "only the change counter moved");
    let catalog = Catalog::read(&place.options.backups).unwrap();
    let point = catalog.newest_backup().unwrap();
    read_back::against(&place.options.backups.join(&second.file), point, &Progress::none()).unwrap();
}

#[test]
fn a_backup_that_has_rotted_is_not_linked_again() {
    let mut place = place();
    let first = place.take("2025-01-10T12:00:00Z").unwrap();
    let path = place.options.backups.join(&first.file);
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let second = place.take("2025-01-10T12:01:00Z").unwrap();
    assert!(!second.unchanged, "the damage would be certified anew");
    assert_ne!(place.inode(&first.file), place.inode(&second.file));
}

#[test]
fn two_backups_in_one_minute_have_two_names() {
    let mut place = place();
    place.take("2025-01-10T12:00:07Z").unwrap();
    place.live.execute_batch("INSERT INTO events(message) VALUES ('two')").unwrap();
    assert_eq!(place.take("2025-01-10T12:00:09Z").unwrap().file, "backup-2025-01-10-12-00-09.db");
    assert_eq!(place.files().len(), 2);
}

#[test]
fn a_dry_run_leaves_nothing() {
    let mut place = place();
    place.options.dry_run = true;
    place.take("2025-01-10T12:00:00Z").unwrap();
    assert_eq!(place.files(), [""; 0]);
    assert!(Catalog::read(&place.options.backups).unwrap().points().is_empty());
}

#[test]
fn an_empty_database_never_becomes_the_newest_backup() {
    let mut place = place();
    place.take("2025-01-10T12:00:00Z").unwrap();
    std::fs::write(place.options.database.with_file_name("empty.db"), "").unwrap();
    place.options.database = place.options.database.with_file_name("empty.db");
    place.options.adopt_backups = true;
    let error = place.take("2025-01-10T12:01:00Z").unwrap_err();
    assert!(error.to_string().contains("no tables"), "{error}");
    assert_eq!(place.files(), ["backup-2025-01-10-12-00.db"]);
}

#[test]
fn a_damaged_database_is_told_and_its_copy_is_not_kept() {
    let mut place = place();
    place.live.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let mut bytes = std::fs::read(&place.options.database).unwrap();
    bytes[4096..4200].fill(0xAA);
    std::fs::write(&place.options.database, bytes).unwrap();
    let error = place.take("2025-01-10T12:01:00Z").unwrap_err();
    assert_eq!(error.code(), Code::Damaged);
    assert_eq!(place.files(), [""; 0]);
}

#[test]
fn a_missing_database_and_a_missing_folder_are_told_apart() {
    let mut place = place();
    place.options.backups = place.options.backups.join("missing");
    assert_eq!(place.take("2025-01-10T12:00:00Z").unwrap_err().code(), Code::OutOfReach);
    let mut place = self::place();
    place.options.database = place.options.database.with_file_name("other.db");
    let error = place.take("2025-01-10T12:00:00Z").unwrap_err();
    assert!(error.to_string().contains("no database at"), "{error}");
    assert!(!place.options.database.exists(), "looking must not make a file");
}

#[test]
fn what_a_killed_run_left_is_removed_by_the_next() {
    let mut place = place();
    std::fs::write(catalog::temporary(&place.options.backups, "backup-2025-01-10-11-59.db"), "half").unwrap();
    place.take("2025-01-10T12:00:00Z").unwrap();
    assert_eq!(place.files(), ["backup-2025-01-10-12-00.db"]);
}

#[test]
fn retention_runs_after_each_backup_and_keeps_what_the_rules_keep() {
    let mut place = place();
    place.options.keep = Some(Keep { last: 2, ..Keep::none() });
    for minute in 0..4 {
        place.live.execute_batch("INSERT INTO events(message) VALUES ('more')").unwrap();
        place.take(&format!("2025-01-10T12:0{minute}:00Z")).unwrap();
    }
    assert_eq!(place.files(), ["backup-2025-01-10-12-02.db", "backup-2025-01-10-12-03.db"]);
}

#[test]
fn no_table_is_added_to_the_schema() {
    let mut place = place();
    let schema = |place: &Place| -> String {
        place.live.query_row("SELECT group_concat(sql) FROM sqlite_schema", [], |row| row.get(0)).unwrap()
    };
    let before = schema(&place);
    place.take("2025-01-10T12:00:00Z").unwrap();
    assert_eq!(schema(&place), before);
}
