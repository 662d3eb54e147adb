//! What must hold after a death, and after the run that follows it.

use std::fs;
use std::path::Path;

use mini_pra_tests::{Job, JobAnswer};
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

use crate::death::Death;
use crate::key;
use crate::place::{Operation, Place, State, state};
use crate::scenario::Scenario;
use crate::template::{TEMPLATE, files};

/// What is wrong.
pub(crate) type Check = Result<(), String>;

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Check {
    if holds { Ok(()) } else { Err(what()) }
}

/// After a run that was to die or to fail at `operation`.
pub(crate) fn after(
    place: &Place,
    scenario: &Scenario,
    death: Death,
    operation: &Operation,
    answer: &JobAnswer,
) -> Check {
    if answer.code == Some(99) {
        return Err(format!("the crash layer gave up: {}", answer.stderr));
    }
    let found = place.database();
    ensure(found == scenario.old || found == scenario.new, || format!("the database is {}", words(&found)))?;
    if answer.code == Some(0) || operation.is_the_end() {
        // What failed can be done without (a hard link, a removal); then all the rest must have been done.
        ensure(found == scenario.new, || format!("it says done, but the database is {}", words(&found)))?;
    } else if death.is_an_error() {
        let message = serde_json::from_str::<Value>(&answer.stdout).ok().and_then(|json| {
            let message = json["error"]["message"].as_str()?;
            Some(message.to_owned())
        });
        ensure(message.is_some_and(|text| !text.is_empty()), || format!("no error in words: {}", answer.stdout))?;
    } else {
        ensure(answer.code.is_none(), || format!("it did not die: {:?} {}", answer.code, answer.stderr))?;
    }
    backups(place, scenario)?;
    catalog(place)?;
    if scenario.verb == "init" && found == scenario.new {
        backup_works(place, scenario)?;
    }
    let acknowledged = operation.is_the_end().then(|| answer.json());
    list(place, scenario, acknowledged.as_ref())
}

/// The application starts on what is there, and its next backup needs no flag: whose the backups are is known.
fn backup_works(place: &Place, scenario: &Scenario) -> Check {
    let job = Job::new("backup", &place.data).arg("--no-prune");
    let answer = if scenario.encrypted { key::encrypting(job) } else { job }.run();
    ensure(answer.code == Some(0), || format!("then backup fails: {}{}", answer.stdout, answer.stderr))
}

/// After the next run of the same command, which nothing disturbs.
pub(crate) fn after_the_next(place: &Place, scenario: &Scenario, answer: &JobAnswer) -> Check {
    ensure(answer.code == Some(0), || format!("the next run fails: {}{}", answer.stdout, answer.stderr))?;
    let found = place.database();
    ensure(found == scenario.new, || format!("after the next run the database is {}", words(&found)))?;
    backups(place, scenario)?;
    catalog(place)?;
    nothing_left_behind(place)?;
    let verify = Job::new("verify", &place.data);
    let verified = if scenario.encrypted { key::opening(verify, &place.data).run() } else { verify.run() };
    // The bytes of a database that could not be read are kept as they are, and never verified.
    let code =
        if scenario.old == State::Damaged { verified.code.filter(|code| [0, 4].contains(code)) } else { Some(0) };
    ensure(verified.code == code, || format!("then verify fails: {}{}", verified.stdout, verified.stderr))
}

/// Every backup that was there still is, to the byte; every other one is whole and holds a known state.
fn backups(place: &Place, scenario: &Scenario) -> Check {
    let folder = place.data.backups();
    for name in scenario.backups_before() {
        let before = TEMPLATE.file(&format!("backup/{name}"));
        match fs::read(folder.join(name)) {
            Ok(bytes) => ensure(bytes == before, || format!("'{name}' is not what it was"))?,
            Err(_) if scenario.removes_backups => (),
            Err(error) => return Err(format!("'{name}': {error}")),
        }
    }
    for path in files(&folder) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if scenario.encrypted
            && !name.contains("catalog.db")
            && !scenario.backups_before().iter().any(|one| one == name)
        {
            ensure(!holds_plaintext(&path), || format!("'{name}' is plaintext on the backup volume"))?;
        }
        if name.starts_with("backup-") || name.starts_with("pre-restore-") {
            let found = if name.ends_with(".age") { key::opened(&place.data, name) } else { copied(&path) };
            ensure(scenario.is_known(&found), || format!("'{name}' is {}", words(&found)))?;
        }
    }
    Ok(())
}

/// What every event and every SQLite file holds.
fn holds_plaintext(path: &Path) -> bool {
    let bytes = fs::read(path).unwrap();
    [b"xxxxxxxxxxxxxxxx".as_slice(), b"SQLite format 3"]
        .iter()
        .any(|word| bytes.windows(word.len()).any(|w| w == *word))
}

/// What the file is, looked at in a copy.
fn copied(path: &Path) -> State {
    let copy = tempfile::NamedTempFile::new().unwrap();
    fs::copy(path, copy.path()).unwrap();
    state(copy.path())
}

/// The application reads the catalog, as Spin opens it on a read-only mount.
fn catalog(place: &Place) -> Check {
    let path = place.data.catalog();
    if !path.exists() {
        return Ok(());
    }
    for suffix in ["-wal", "-journal"] {
        let stray = crate::place::suffixed(&path, suffix);
        ensure(!stray.exists(), || format!("'{}' makes the catalog unreadable", stray.display()))?;
    }
    rows(&path).map_err(|error| format!("the catalog does not read: {error}"))
}

fn rows(path: &Path) -> rusqlite::Result<()> {
    let catalog = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let check: String = catalog.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    assert_eq!(check, "ok");
    catalog.query_row("SELECT count(*) FROM restore_points", [], |row| row.get::<_, i64>(0)).map(drop)
}

/// `list` answers, and what was verified and is still there is listed so. So is what the run has `acknowledged`.
fn list(place: &Place, scenario: &Scenario, acknowledged: Option<&Value>) -> Check {
    let answer = Job::new("list", &place.data).run();
    ensure(answer.code == Some(0), || format!("list fails: {}{}", answer.stdout, answer.stderr))?;
    let listed = answer.json();
    let listed = listed.as_array().ok_or("list prints no array")?;
    let made = ["file", "safety_copy"].iter().find_map(|key| acknowledged?[*key].as_str());
    if let Some(name) = made {
        let row = listed.iter().find(|row| row["point"] == *name);
        ensure(row.is_some(), || format!("'{name}' was acknowledged and is not listed"))?;
    }
    for name in scenario.backups_before() {
        if place.data.backups().join(name).exists() {
            let row = listed.iter().find(|row| row["point"] == **name);
            ensure(row.is_some_and(|row| row["verified"] == true), || format!("'{name}' is listed as {row:?}"))?;
        }
    }
    Ok(())
}

/// No temporary file, no stray name.
fn nothing_left_behind(place: &Place) -> Check {
    let database = place.data.database();
    for path in files(database.parent().unwrap()).into_iter().chain(files(&place.data.backups())) {
        let name = path.file_name().unwrap().to_str().unwrap();
        let known = [
            "app.db",
            "app.db-wal",
            "app.db-shm",
            ".app.db.pra",
            ".pra.lock",
            ".pra.catalog",
            ".pra.announced",
            "catalog.db",
        ]
        .contains(&name)
            || ((name.starts_with("backup-") || name.starts_with("pre-restore-"))
                && name.trim_end_matches(".age").ends_with(".db"));
        ensure(known, || format!("'{name}' is left behind"))?;
    }
    Ok(())
}

fn words(state: &State) -> String {
    match state {
        State::Nothing => "no database".to_owned(),
        State::Damaged => "damaged".to_owned(),
        State::Events(messages) => {
            let round = |round: &str| messages.iter().filter(|message| message.starts_with(round)).count();
            format!("one with {} a, {} b, {} c of {} events", round("a"), round("b"), round("c"), messages.len())
        }
    }
}
