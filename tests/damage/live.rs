//! The application, its checkpointer and its backups at work on one database.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use mini_pra_tests::{Checkpointer, Data, Database, Host, Job, backup_job, root, wait_until};
use rusqlite::{Connection, ErrorCode};
use serde_json::json;

use crate::museum::{add, application, beside, schema};

/// More than the 1,000 pages after which SQLite checkpoints by itself.
fn post_more_than_a_checkpoint(host: &Host) {
    let events: Vec<_> = (0..300).map(|i| json!({"message": format!("{i} {}", "y".repeat(5000))})).collect();
    for _ in 0..4 {
        let answer = host.client().post("/events", &json!(events));
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
}

/// SQLite 3.7.0 to 3.51.2 lose pages when a checkpoint races a writer that resets the WAL.
#[test]
fn the_sqlite_of_backup_job_has_the_fix_of_the_wal_reset_bug() {
    assert!(rusqlite::version_number() >= 3_051_003, "{}", rusqlite::version());
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    assert_eq!(lock.matches("name = \"libsqlite3-sys\"").count(), 1, "one SQLite for all of the workspace");
    let program = fs::read(backup_job()).unwrap();
    let version = format!("{}\0", rusqlite::version());
    assert!(program.windows(version.len()).any(|window| window == version.as_bytes()), "the program holds another one");
}

#[test]
fn the_application_never_checkpoints_beside_others() {
    // The trap: a connection with SQLite's defaults checkpoints after 1,000 pages, whatever other processes do.
    let trap = Data::new();
    let held = application(&trap);
    let before = fs::read(trap.database()).unwrap();
    let naive = Connection::open(trap.database()).unwrap();
    for _ in 0..1200 {
        naive.execute("INSERT INTO events (timestamp, message) VALUES ('t', ?)", ["z".repeat(5000)]).unwrap();
    }
    assert_ne!(fs::read(trap.database()).unwrap(), before, "the trap is not there");
    drop(held);

    let data = Data::new();
    let held = application(&data);
    held.get::<i64>("SELECT count(*) FROM events", []);
    let before = fs::read(data.database()).unwrap();
    let host = Host::start(&data);
    post_more_than_a_checkpoint(&host);
    assert_eq!(fs::read(data.database()).unwrap(), before, "all of it is in the WAL, while another has the database");
    assert_eq!(host.client().get_json("/count")["count"], 1200);
}

/// Without the checkpointer each request's close is the last one and removes the WAL: slower, and nothing is lost.
#[test]
fn without_the_checkpointer_nothing_is_lost_also_when_the_application_is_killed() {
    let data = Data::new();
    drop(application(&data));
    let host = Host::start(&data);
    for i in 0..20 {
        assert_eq!(host.client().get(&format!("/add?message={i}")).status, 200);
    }
    wait_until("the last close", || !beside(&data.database(), "-wal").exists());
    for i in 20..40 {
        assert_eq!(host.client().get(&format!("/add?message={i}")).status, 200);
    }
    host.kill();
    let expected: Vec<_> = (0..40).map(|i| i.to_string()).collect();
    assert_eq!(data.open().messages(), expected);
}

#[test]
fn the_checkpointer_bounds_a_wal_that_only_grows_without_it() {
    let data = Data::new();
    let held = application(&data);
    let host = Host::start(&data);
    let wal = || fs::metadata(beside(&data.database(), "-wal")).map_or(0, |meta| meta.len());
    post_more_than_a_checkpoint(&host);
    let once = wal();
    post_more_than_a_checkpoint(&host);
    assert!(wal() > once + (4 << 20), "the trap is not there");

    let checkpointer = Checkpointer::start(&data);
    for round in 0..4 {
        let before = first_salt(&data);
        post_more_than_a_checkpoint(&host);
        wait_until("the WAL to start over", || {
            // What is written back is overwritten by the next write, and by none before.
            assert_eq!(host.client().get("/add?message=next").status, 200);
            first_salt(&data) != before
        });
        // Six rounds of six MiB went through it.
        assert!(wal() < 24 << 20, "round {round}: {} bytes", wal());
    }
    drop(held);
    assert!(checkpointer.stop().success());
}

/// The WAL header's first salt, which is one more each time the WAL starts over.
fn first_salt(data: &Data) -> u32 {
    let wal = fs::read(beside(&data.database(), "-wal")).unwrap_or_default();
    wal.get(16..20).map_or(0, |salt| u32::from_be_bytes(salt.try_into().unwrap()))
}

/// A process that closes any descriptor of a database drops all its POSIX locks on it, SQLite's too.
#[test]
fn the_checkpointer_keeps_its_locks_through_its_work() {
    // The trap, in this process.
    let trap = Data::new();
    let database = application(&trap);
    database.run("PRAGMA journal_mode = DELETE; BEGIN IMMEDIATE");
    assert!(has_locks(&trap, std::process::id()));
    drop(fs::File::open(trap.database()).unwrap());
    assert!(!has_locks(&trap, std::process::id()), "the trap is not there");

    let data = Data::new();
    drop(application(&data));
    let mut checkpointer = Checkpointer::start(&data);
    let pid = checkpointer.process().pid();
    wait_until("the checkpointer to hold the database", || has_locks(&data, pid));
    let host = Host::start(&data);
    let before = fs::metadata(data.database()).unwrap().len();
    post_more_than_a_checkpoint(&host);
    wait_until("a checkpoint", || fs::metadata(data.database()).unwrap().len() > before);
    assert!(has_locks(&data, pid), "after a checkpoint");
    Job::new("backup", &data).succeeds();
    Job::new("restore", &data).args(&["--mode", "in-place", "--yes"]).succeeds();
    assert!(has_locks(&data, pid), "after a backup and a restore");
    assert!(checkpointer.stop().success());
}

/// Whether the process has a POSIX lock on the database, by the kernel's list.
fn has_locks(data: &Data, pid: u32) -> bool {
    let inode = format!(":{} ", fs::metadata(data.database()).unwrap().ino());
    let locks = fs::read_to_string("/proc/locks").unwrap();
    locks.lines().any(|line| line.contains("POSIX") && line.contains(&format!(" {pid} ")) && line.contains(&inode))
}

/// As Spin leaves it where the application sets no PRAGMA.
fn in_rollback_journal_mode(data: &Data) -> Database {
    let database = Database::create(&data.database());
    database.run(&schema());
    add(&database, "a", 20);
    assert_eq!(database.journal_mode(), "delete");
    database
}

#[test]
fn a_database_in_rollback_journal_mode_is_backed_up_and_restored_in_its_mode() {
    let data = Data::new();
    let database = in_rollback_journal_mode(&data);
    let point = Job::new("backup", &data).succeeds();
    assert_eq!(point["events"], 20);
    add(&database, "b", 20);
    drop(database);
    let report = Job::new("restore", &data).args(&["--mode", "in-place", "--yes"]).succeeds();
    assert_eq!(report["mode"], "in-place");
    assert_eq!(data.open().messages().len(), 20);
    assert_eq!(data.open().journal_mode(), "delete", "the mode is the database's own");
}

/// A read transaction that is held locks every writer out of a database in rollback-journal mode.
#[test]
fn the_checkpointer_of_a_database_in_rollback_journal_mode_locks_no_writer_out() {
    let data = Data::new();
    let database = in_rollback_journal_mode(&data);
    database.connection().busy_timeout(Duration::ZERO).unwrap();
    let reader = data.open();
    reader.run("BEGIN");
    reader.get::<i64>("SELECT count(*) FROM events", []);
    let write = || database.connection().execute("INSERT INTO events (timestamp, message) VALUES ('t', 'm')", []);
    assert_eq!(write().unwrap_err().sqlite_error_code(), Some(ErrorCode::DatabaseBusy), "the trap is not there");
    reader.run("COMMIT");

    let mut checkpointer = Checkpointer::start(&data);
    checkpointer.process().line("{");
    // A look takes a shared lock for a moment; none may last.
    for _ in 0..20 {
        wait_until("a write", || write().is_ok());
    }
    assert!(checkpointer.stop().success());
    assert_eq!(data.open().journal_mode(), "delete");
}
