//! Runs the examples on a folder of their own and reads what they print.
#![allow(clippy::unwrap_used, reason = "it is a test")]

use std::path::{Path, PathBuf};
use std::process::Command;

use rusqlite::Connection;

/// Runs one of the examples; returns what it prints.
fn run<S: AsRef<std::ffi::OsStr>>(program: &str, arguments: &[S]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A database with so many rows.
fn database(folder: &Path, rows: u32) -> PathBuf {
    let path = folder.join("app.db");
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("PRAGMA journal_mode=WAL; CREATE TABLE t(x)").unwrap();
    insert(&path, rows);
    path
}

fn insert(database: &Path, rows: u32) {
    let connection = Connection::open(database).unwrap();
    for row in 0..rows {
        connection.execute("INSERT INTO t VALUES (?)", [row]).unwrap();
    }
}

fn rows(database: &Path) -> u32 {
    Connection::open(database).unwrap().query_row("SELECT count(*) FROM t", (), |row| row.get(0)).unwrap()
}

#[test]
fn a_backup_is_verified_and_listed() {
    let folder = tempfile::tempdir().unwrap();
    let (database, backups) = (database(folder.path(), 3), folder.path().join("backup"));
    std::fs::create_dir(&backups).unwrap();

    let printed = run(env!("CARGO_BIN_EXE_verified-backup"), &[&database, &backups]);

    let [made, listed] = printed.lines().collect::<Vec<_>>()[..] else { panic!("{printed}") };
    let name = made.strip_prefix("made ").and_then(|rest| rest.split(' ').next()).unwrap();
    assert_eq!(rows(&backups.join(name)), 3);
    assert!(listed.starts_with(name) && listed.ends_with(", verified, backup"), "{printed}");
}

#[test]
fn an_instant_of_a_replica_is_restored_into_another_file() {
    let folder = tempfile::tempdir().unwrap();
    let (database, replica) = (database(folder.path(), 3), folder.path().join("replica"));
    let [first, second, third] = ["first.db", "second.db", "third.db"].map(|name| folder.path().join(name));
    let program = env!("CARGO_BIN_EXE_replica-of-an-instant");

    let printed = run(program, &[&database, &replica, &first]);
    assert!(printed.contains("has transaction 1\n") && printed.contains("verified"), "{printed}");
    assert_eq!(rows(&first), 3);

    let instant = disk::clock::now();
    insert(&database, 2);
    run(program, &[&database, &replica, &second]);
    assert_eq!(rows(&second), 5);
    run(program, &[&database, &replica, &third, &instant.to_string().into()]);
    assert_eq!((rows(&third), rows(&database)), (3, 5));
}

#[test]
fn an_ltx_file_is_printed_and_a_damaged_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (database, replica) = (database(folder.path(), 3), folder.path().join("replica"));
    run(env!("CARGO_BIN_EXE_replica-of-an-instant"), &[&database, &replica, &folder.path().join("restored.db")]);
    let file = snapshot(&replica);

    let printed = run(env!("CARGO_BIN_EXE_read-ltx"), &[&file]);
    assert!(printed.contains(": snapshot\n  transactions 0000000000000001 to 0000000000000001\n"), "{printed}");
    assert_eq!(printed.lines().filter(|line| line.trim_start().starts_with("page ")).count(), 2, "{printed}");
    assert!(printed.ends_with(": verified\n"), "{printed}");

    let mut bytes = std::fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_read-ltx")).arg(&file).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("checksum"), "{output:?}");
}

/// The only LTX file in a replica.
fn snapshot(replica: &Path) -> PathBuf {
    let entries = |folder: PathBuf| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let epoch = entries(replica.to_path_buf()).find(|path| path.join("epoch.json").exists()).unwrap();
    let mut files = entries(epoch.join("ltx")).flat_map(entries).filter(|path| path.extension().unwrap() == "ltx");
    files.next().unwrap()
}
