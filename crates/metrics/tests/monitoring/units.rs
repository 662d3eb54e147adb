//! The systemd units: systemd accepts them, and their commands exist.

use std::fs;
use std::process::Command;

use crate::repository::{path, read};

fn units(ending: &str) -> Vec<String> {
    let entries = fs::read_dir(path("docs")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("mini-pra-") && name.ends_with(ending)).collect()
}

#[test]
fn backups_and_rehearsals_have_a_timer_and_every_timer_a_service() {
    let timers = units(".timer");
    for wanted in ["mini-pra-backup.timer", "mini-pra-rehearse.timer"] {
        assert!(timers.iter().any(|timer| timer == wanted), "{timers:?}");
    }
    let documented = read("docs/replica.md");
    for unit in timers.iter().chain(&units(".service")) {
        assert!(documented.contains(&format!("({unit})")), "docs/replica.md does not say what {unit} is for");
    }
    for timer in timers {
        let service = timer.replace(".timer", ".service");
        assert!(read(&format!("docs/{service}")).contains("Type=oneshot"), "{service}");
        assert!(read(&format!("docs/{timer}")).contains("OnCalendar="), "{timer}");
    }
}

#[test]
fn each_service_runs_a_verb_that_exists_as_the_applications_user() {
    for service in units(".service") {
        let text = read(&format!("docs/{service}"));
        let command = text.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/local/bin/backup-job ")).unwrap();
        let verb = command.split(' ').next().unwrap();
        assert!(path(&format!("tests/words/help/backup-job-{verb}.txt")).is_file(), "{service}: {verb}");
        for line in ["User=spin", "UMask=0077", "NoNewPrivileges=true", "ProtectSystem=strict"] {
            assert!(text.lines().any(|other| other == line), "{service} has no {line}");
        }
    }
}

/// Where this machine has systemd; its only complaint may be that the program is not installed here.
#[test]
fn systemd_accepts_every_unit() {
    for unit in units(".service").into_iter().chain(units(".timer")) {
        let verified = Command::new("systemd-analyze").arg("verify").arg(path("docs").join(&unit)).output();
        let Ok(output) = verified else { return };
        let words = String::from_utf8(output.stderr).unwrap();
        let complaints: Vec<_> = words
            .lines()
            .filter(|line| line.contains("mini-pra-") && !line.contains("backup-job is not executable"))
            .collect();
        assert!(complaints.is_empty(), "{unit}: {complaints:#?}");
    }
}
