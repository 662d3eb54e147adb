use std::fmt::Write as _;
use std::path::Path;

use mini_pra_tests::{Data, Job};

use crate::{assert_is, program};

/// What a user gets wrong. `[DATA]` is a folder with a database and a backup.
const CALLS: &[&str] = &[
    "backup --database [DATA]/data/nothing.db --backups [DATA]/backup",
    "backup --database [DATA]/data/app.db --backups [DATA]/nothing",
    "backup --database [DATA]/data/app.db --backups [DATA]/backup --keep-last 0",
    "backup --database [DATA]/data/app.db --backups [DATA]/backup --recipient age1wrong",
    "list --backups [DATA]/nothing",
    "restore --database [DATA]/data/app.db --backups [DATA]/backup --point yesterday",
    "restore --database [DATA]/data/app.db --backups [DATA]/backup --point 2025-01-10",
    "restore --database [DATA]/data/app.db --backups [DATA]/backup --point 2025-01-10T12:00:00",
    "restore --database [DATA]/data/app.db --backups [DATA]/backup --point 2001-01-01T00:00:00Z",
    "restore --database [DATA]/data/app.db --backups [DATA]/backup --point backup-2001-01-01-00-00.db",
    "restore --database [DATA]/nothing/app.db --backups [DATA]/backup",
    "verify --backups [DATA]/nothing",
    "rehearse --backups [DATA]/nothing",
    "rehearse --backups [DATA]/backup --scratch /proc/nothing",
    "prune --backups [DATA]/nothing",
    "replicate --database [DATA]/data/app.db --once --replica nonsense",
    "replicate --database [DATA]/data/app.db --once --replica ftp://host/path",
    "list --backups [DATA]/backup --replica s3://AKIA:secret@bucket/prefix",
    "list --backups [DATA]/backup --replica s3://bucket//prefix",
    "replicate --database [DATA]/data/app.db --once --replica file:///proc/nothing",
    "replicate --database [DATA]/data/nothing.db --once --replica file://[DATA]/replica",
    "replicate --database [DATA]/data/app.db --once --replica file://[DATA]/one --replica file://[DATA]/one",
    "list --backups [DATA]/backup --replica file://[DATA]/lost",
    "replicate --database [DATA]/data/app.db --metrics-addr nowhere",
    "restore --database [DATA]/data/app.db --backups [DATA]/backup --replica file://[DATA]/replica --identity [DATA]/none",
    "keygen -o /proc/nothing/key",
    "keygen -o [DATA]/data/app.db",
    "restore --database [DATA]/data/app.db --backups [DATA]/backup --point 9999-12-31T23:59:59Z",
    "frobnicate",
];

#[test]
fn every_error_says_what_failed_on_what_and_what_to_do() {
    let data = Data::new();
    Job::new("init", &data).succeeds();
    Job::new("backup", &data).succeeds();
    // A replica of which only a file is left.
    let left = data.path().join("lost/20250110T120000Z-1a2b3c4d/ltx/0");
    std::fs::create_dir_all(&left).unwrap();
    std::fs::write(left.join("0000000000000001-0000000000000001.ltx"), "LTX1").unwrap();
    let mut said = String::new();
    for call in CALLS {
        let arguments = call.replace("[DATA]", &data.path().display().to_string());
        let output = program("backup-job").args(arguments.split(' ')).output().unwrap();
        let code = output.status.code().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        writeln!(said, "$ backup-job {call}\n{}exit code {code}\n", told(&stderr, data.path())).unwrap();
    }
    assert_is(said, "errors.txt");
}

#[test]
fn a_program_that_asked_for_json_gets_json_whatever_was_wrong() {
    for call in ["frobnicate -o json", "list --bakups /x -ojson", "restore --point 9999-12-31T23:59:59Z --output=json"]
    {
        let output = program("backup-job").args(call.split(' ')).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{call}");
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let error = &answer["error"];
        assert_eq!(error["code"], "usage", "{call}");
        let message = error["message"].as_str().unwrap();
        assert!(!message.is_empty() && !message.starts_with("error: ") && !message.contains('\n'), "{call}: {message}");
        assert!(error["hint"].is_string(), "{call}");
    }
    let output = program("kubectl-pra").args(["restore", "-o", "json"]).output().unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &answer["error"]["code"]), (Some(2), &"usage".into()));
}

#[test]
fn a_full_disk_under_stdout_is_an_error_and_a_reader_who_leaves_is_none() {
    let data = Data::new();
    Job::new("init", &data).succeeds();
    Job::new("backup", &data).succeeds();
    let backups = data.backups();
    let list = |format: &str| {
        let mut program = program("backup-job");
        program.args(["list", "-o", format, "--backups"]).arg(&backups).env("PRA_LOG", "off");
        program
    };
    for format in ["table", "json", "name"] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = list(format).stdout(full).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{format}: {stderr}");
        assert!(stderr.contains("failed to write to stdout: No space left on device"), "{format}: {stderr}");

        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = list(format).stdout(writer).output().unwrap();
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]), "{format}");
    }
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = program("backup-job").args(["list", "-o", "json", "--backups", "/nowhere"]).stdout(writer).output();
    assert_eq!(output.unwrap().status.code(), Some(6), "the code says how it went");
}

/// Without what is another one in each run: the folder, the minute's backup, the time, the process.
fn told(stderr: &str, data: &Path) -> String {
    let text = stderr.replace(&data.display().to_string(), "[DATA]");
    text.lines().map(|line| line.split(' ').map(word).collect::<Vec<_>>().join(" ") + "\n").collect()
}

fn word(word: &str) -> &str {
    let is_given = CALLS.iter().any(|call| call.contains(word.trim_matches(|c: char| !c.is_ascii_alphanumeric())));
    match word {
        _ if is_given => word,
        _ if word.starts_with("backup-20") => "[BACKUP]",
        // That of the examples stays.
        _ if word.starts_with("20") && word.ends_with('Z') && !word.starts_with("2025-01-10") => "[TIME]",
        _ if word.contains(".pra-rehearsal-") => "'[SCRATCH]':",
        _ => word,
    }
}
