//! Volumes that are full or read-only: a clear error, nothing half done, and the next run succeeds.

use std::fs;
use std::path::Path;

use mini_pra_tests::{Data, Host, Job, JobAnswer, ReadOnly, bind, small, wait_until};

use crate::museum::{Museum, add, of};

#[track_caller]
fn says(answer: &JobAnswer, words: &str) {
    assert_eq!(answer.code, Some(1), "{}{}", answer.stdout, answer.stderr);
    let json = answer.json();
    let (message, hint) = (json["error"]["message"].to_string(), json["error"]["hint"].to_string());
    assert!(message.contains(words) || hint.contains(words), "{json}");
}

fn fill(folder: &Path) -> fs::File {
    let ballast = fs::File::create(folder.join("ballast")).unwrap();
    let mut free = 16 << 20;
    while free >= 4096 {
        use std::os::unix::fs::FileExt;
        let at = ballast.metadata().unwrap().len();
        // As much as there is room for, and then less and less.
        if ballast.write_all_at(&vec![1; free], at).is_err() {
            free /= 2;
        }
    }
    ballast
}

#[test]
fn a_backup_volume_without_room_is_said_before_anything_is_written() {
    let museum = Museum::new();
    let stored: Vec<_> =
        museum.data.backup_names().iter().map(|name| (name.clone(), fs::read(museum.path(name)).unwrap())).collect();
    let _volume = small(&museum.data.backups(), 1024);
    for (name, bytes) in stored {
        fs::write(museum.path(&name), bytes).unwrap();
    }
    // The lock files are there: it was used before.
    Job::new("verify", &museum.data).succeeds();
    let ballast = fill(&museum.data.backups());
    says(&Job::new("backup", &museum.data).run(), "not enough room");
    assert_eq!(Job::new("list", &museum.data).succeeds().as_array().unwrap().len(), 2);
    ballast.set_len(0).unwrap();
}

/// Where the room runs out in the middle, all the same (another process writes there too).
#[test]
fn a_disk_that_fills_up_during_a_backup_leaves_no_half_of_it() {
    let museum = Museum::new();
    let fails = Job::with_crash_points("backup", &museum.data).env("PRA_FAIL_AT", "3+:ENOSPC");
    says(&fails.run(), "the disk is full");
    assert_eq!(museum.data.backup_names().len(), 3, "{:?}", museum.data.backup_names());
    Job::new("backup", &museum.data).succeeds();
}

#[test]
fn a_full_data_volume_refuses_a_restore_in_place_and_keeps_the_data() {
    let museum = Museum::new();
    let database = museum.data.open();
    database.run("PRAGMA wal_checkpoint(TRUNCATE)");
    drop(database);
    let bytes = fs::read(museum.data.database()).unwrap();
    let folder = museum.data.path().join("data");
    let identity = folder.join(".app.db.pra/identity.json");
    let id = fs::read(&identity).unwrap();
    let _volume = small(&folder, 512);
    fs::write(museum.data.database(), &bytes).unwrap();
    fs::create_dir(folder.join(".app.db.pra")).unwrap();
    fs::write(&identity, &id).unwrap();
    let held = museum.data.open();
    add(&held, "d", 1);
    let ballast = fill(&folder);
    let answer =
        Job::new("restore", &museum.data).args(&["--mode", "in-place", "--point", &museum.older, "--yes"]).run();
    assert_eq!(answer.code, Some(1), "{}{}", answer.stdout, answer.stderr);
    assert!(answer.stdout.contains("full") || answer.stdout.contains("room"), "{}", answer.stdout);
    assert_eq!(museum.live(), of(&[("a", 15), ("b", 5), ("c", 3), ("d", 1)]), "the old data is whole");
    ballast.set_len(0).unwrap();
    Job::new("restore", &museum.data).args(&["--mode", "in-place", "--point", &museum.older, "--yes"]).succeeds();
    assert_eq!(museum.live(), of(&[("a", 15)]));
}

#[test]
fn a_read_only_backup_folder_is_read_and_not_written() {
    let museum = Museum::new();
    let mount = ReadOnly::mount(&museum.data.backups());
    says(&Job::new("backup", &museum.data).run(), "read-only");
    assert_eq!(Job::new("list", &museum.data).succeeds().as_array().unwrap().len(), 2);
    assert_eq!(Job::new("verify", &museum.data).succeeds()[0]["verified"], true);

    // A database that is missing needs no safety copy: the folder has only to be read.
    for suffix in ["", "-wal"] {
        fs::remove_file(crate::museum::beside(&museum.data.database(), suffix)).unwrap();
    }
    Job::new("restore", &museum.data).arg("--yes").succeeds();
    assert_eq!(museum.live(), of(&[("a", 15), ("b", 5)]));
    drop(mount);
    Job::new("backup", &museum.data).succeeds();
}

/// As an init container mounts it: what starts the application has nothing to write there.
#[test]
fn init_restores_from_a_read_only_backup_folder_and_list_reads_it() {
    let museum = Museum::new();
    for suffix in ["", "-wal"] {
        fs::remove_file(crate::museum::beside(&museum.data.database(), suffix)).unwrap();
    }
    // Its record is gone, and what a killed backup leaves lies there: neither is a reason to write.
    fs::remove_file(museum.path("catalog.db")).unwrap();
    fs::write(museum.path(".pra-tmp-backup-2025-01-10-12-00.db"), "half a copy").unwrap();
    let _mount = ReadOnly::mount(&museum.data.backups());
    assert_eq!(Job::new("list", &museum.data).succeeds()[0]["point"], museum.newer.as_str());
    let report = Job::new("init", &museum.data).succeeds();
    assert_eq!((&report["outcome"], &report["point"]), (&"restored".into(), &museum.newer.as_str().into()));
    assert_eq!(museum.live(), of(&[("a", 15), ("b", 5)]));
    assert_eq!(Job::new("init", &museum.data).succeeds()["outcome"], "kept");
}

#[test]
fn a_read_only_data_folder_is_named() {
    let museum = Museum::new();
    let before = museum.live();
    let mount = ReadOnly::mount(&museum.data.path().join("data"));
    for verb in ["restore", "backup"] {
        let job = Job::new(verb, &museum.data);
        let answer = if verb == "restore" { job.arg("--yes") } else { job }.run();
        if answer.code != Some(0) {
            says(&answer, "read-only");
        }
    }
    drop(mount);
    assert_eq!(museum.live(), before);
}

/// As a container gets one file of a folder: the rename over it fails, and its log would lie on another volume.
#[test]
fn a_database_that_is_mounted_as_a_single_file_is_refused_before_anything_is_written() {
    let museum = Museum::new();
    let folder = museum.data.path().join("data");
    let names = || -> Vec<_> { fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect() };
    let (before, backups) = (names(), museum.data.backup_names());
    let mounted = bind(&museum.data.database());
    for verb in ["backup", "restore", "rehearse", "init", "replicate"] {
        let answer = Job::new(verb, &museum.data).fails_with(2);
        let said = format!("{}{}", answer.stdout, answer.stderr);
        assert!(said.contains("is mounted as a single file"), "{verb}: {said}");
        assert!(said.contains("mount the folder"), "{verb}: {said}");
    }
    assert_eq!((names(), museum.data.backup_names()), (before, backups));
    drop(mounted);
    Job::new("backup", &museum.data).succeeds();
}

/// Before it is full, and not once it is. The dashboard says it too, and what it says to type helps.
#[test]
fn a_backup_volume_that_the_rules_will_fill_is_said_with_every_backup() {
    let data = Data::new();
    Job::new("init", &data).succeeds();
    let _volume = small(&data.backups(), 8192);
    let database = data.open();
    let mut reports = Vec::new();
    for round in ["a", "b", "c"] {
        add(&database, round, 20);
        reports.push(Job::new("backup", &data).args(&["--keep-minutely", "1000"]).succeeds());
    }
    let said = reports[2]["room"].as_str().unwrap();
    assert!(said.contains("the rules keep 1000 files") && said.contains("are free"), "{said}");
    let host = Host::start(&data);
    let fills = || {
        let recovery = host.client().get_json("/recovery");
        let reasons = recovery["verdict"]["reasons"].as_array().unwrap().iter();
        reasons.filter(|reason| reason["text"].as_str().unwrap().contains("fills up")).cloned().collect::<Vec<_>>()
    };
    let [reason] = &fills()[..] else { panic!("{:?}", fills()) };
    assert!(reason["text"].as_str().unwrap().contains("the rules come to keep 1000 backups"), "{reason}");
    let command = reason["command"].as_str().unwrap();
    let flags: Vec<_> = command.strip_prefix("backup-job backup ").unwrap().split(' ').collect();
    assert!(
        flags.contains(&"--keep-minutely") && said.ends_with(&flags[flags.len() - 2..].join(" ")),
        "{command}\n{said}"
    );
    add(&database, "d", 20);
    let enough = Job::new("backup", &data).args(&flags).succeeds();
    assert_eq!(enough["room"], serde_json::Value::Null);
    assert_eq!(fills(), Vec::<serde_json::Value>::new());
}

#[test]
fn a_replicator_that_could_not_stage_what_was_written_says_so_with_its_exit_code() {
    let data = Data::new();
    let folder = data.database().parent().unwrap().to_owned();
    // The replicator leaves 64 MiB of it to the database.
    let _volume = small(&folder, 48 << 10);
    Job::new("init", &data).succeeds();
    let replica = format!("file://{}", data.path().join("replica").display());
    let mut replicator = Job::new("replicate", &data).args(&["--replica", &replica]).start(&data);
    wait_until("it says that nothing was shipped", || replicator.output().contains("nothing was shipped"));
    assert_eq!(replicator.stop().code(), Some(1), "{}", replicator.output());
    assert!(replicator.output().contains("it is in the database alone"), "{}", replicator.output());
}
