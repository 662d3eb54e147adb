//! Restores and backups beside other processes: confirmation, open databases, permissions.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use mini_pra_tests::{Data, Database, Job, wait_until};
use nix::sys::signal::Signal;

/// A database in rollback-journal mode.
fn make(data: &Data) {
    Database::create(&data.database())
        .run("CREATE TABLE plain (id INTEGER PRIMARY KEY); INSERT INTO plain VALUES (1), (2), (3)");
}

fn rows(data: &Data) -> i64 {
    data.open().get("SELECT count(*) FROM plain", [])
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_restore_without_a_terminal_and_without_yes_changes_nothing() {
    let data = Data::new();
    make(&data);
    Job::new("backup", &data).succeeds();
    data.open().run("DELETE FROM plain");
    let answer = Job::new("restore", &data).fails_with(2);
    assert!(answer.stdout.contains("--yes"), "{}", answer.stdout);
    assert_eq!(rows(&data), 0);
}

/// In rollback-journal mode an idle connection holds no lock: SQLite does not tell that it is there.
#[test]
fn a_file_that_somebody_has_open_is_not_replaced_in_rollback_journal_mode() {
    let data = Data::new();
    make(&data);
    Job::new("backup", &data).succeeds();
    let mut shell =
        Command::new("sqlite3").arg(data.database()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = shell.stdin.take().unwrap();
    input.write_all(b"SELECT count(*) FROM plain;\n").unwrap();
    let mut line = String::new();
    BufReader::new(shell.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "3\n");
    let answer = Job::new("restore", &data).args(&["--yes", "--mode", "replace"]).fails_with(5);
    assert!(answer.message().contains("sqlite3"), "{}", answer.message());
    drop(input);
    shell.wait().unwrap();
    Job::new("restore", &data).args(&["--yes", "--mode", "replace"]).succeeds();
}

#[test]
fn copies_of_a_database_that_is_for_its_owner_alone_are_so_too() {
    let data = Data::new();
    make(&data);
    fs::set_permissions(data.database(), fs::Permissions::from_mode(0o600)).unwrap();
    Job::new("backup", &data).succeeds();
    for way in ["in-place", "replace"] {
        data.open().run("DELETE FROM plain");
        Job::new("restore", &data).args(&["--yes", "--mode", way, "--point", "latest"]).succeeds();
        assert_eq!((rows(&data), mode(&data.database())), (3, 0o600), "{way}");
    }
    let copies: Vec<_> = data.backup_names().into_iter().filter(|name| name != "catalog.db").collect();
    assert_eq!(copies.len(), 3, "{copies:?}");
    for name in copies {
        assert_eq!(mode(&data.backups().join(&name)), 0o600, "{name}");
    }
}

#[test]
fn ctrl_c_ends_a_backup_that_waits_with_143_and_leaves_nothing() {
    let data = Data::new();
    make(&data);
    Job::new("backup", &data).succeeds();
    let before = data.backup_names();
    let lock = fs::File::open(data.backups().join(".pra.lock")).unwrap();
    lock.lock().unwrap();
    let mut waiting = Job::new("backup", &data).args(&["--wait", "5m"]).start(&data);
    let descriptors = format!("/proc/{}/fd", waiting.pid());
    wait_until("the backup to wait for the lock", || {
        let open = fs::read_dir(&descriptors).into_iter().flatten().flatten();
        open.filter_map(|one| fs::read_link(one.path()).ok()).any(|path| path.ends_with(".pra.lock"))
    });
    waiting.signal(Signal::SIGINT);
    assert_eq!(waiting.wait().code(), Some(143), "{}", waiting.output());
    drop(lock);
    assert_eq!(data.backup_names(), before);
}

#[test]
fn what_a_killed_replacement_left_goes_with_the_next_backup() {
    let data = Data::new();
    make(&data);
    let left = data.path().join("data/.pra-tmp-restore-app.db");
    fs::write(&left, "half of a database").unwrap();
    Job::new("backup", &data).succeeds();
    assert!(!left.exists());
}

#[test]
fn ctrl_c_in_the_middle_of_a_copy_leaves_nothing_and_says_so() {
    let data = Data::new();
    Database::create(&data.database()).run("CREATE TABLE large AS SELECT randomblob(100000000) AS x");
    let begun = || fs::read_dir(data.backups()).unwrap().flatten().any(|file| file.metadata().unwrap().len() > 1 << 20);
    let mut copying = Job::new("backup", &data).start(&data);
    wait_until("a part of the copy", begun);
    copying.signal(Signal::SIGINT);
    assert_eq!(copying.wait().code(), Some(143), "{}", copying.output());
    assert_eq!(data.backup_names(), Vec::<String>::new());
    assert!(copying.output().contains("stopped"), "{}", copying.output());
}
