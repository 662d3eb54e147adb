//! One threshold for one question, wherever it is asked: the numbers of the crate `catalog`.

use std::time::Duration;

use catalog::thresholds::{
    BACKUP_OLD, BACKUP_TOO_OLD, CLOCK_TOLERANCE, LAG_LONG, LAG_TOO_LONG, REHEARSAL_OLD, REPLICATOR_TOO_SILENT,
    RESTORE_TOO_LONG, VOLUME_FULL, VOLUME_LOW_PERCENT, WAL_TOO_LARGE,
};
use serde_json::Value;

use crate::repository::read;
use crate::rules::{Rule, rules};

#[track_caller]
fn alarm(name: &str) -> Rule {
    rules().into_iter().find(|rule| rule.name == name).unwrap_or_else(|| panic!("there is no {name}"))
}

fn minutes(length: Duration) -> u64 {
    length.as_secs() / 60
}

fn hours(length: Duration) -> u64 {
    minutes(length) / 60
}

#[test]
fn the_alarms_fire_where_the_dashboard_says_danger() {
    let wanted = [
        ("PraBackupTooOld", format!("> {}", BACKUP_TOO_OLD.as_secs())),
        ("PraReplicaBehind", format!("> {}", LAG_TOO_LONG.as_secs())),
        ("PraReplicaDown", format!("> {}", REPLICATOR_TOO_SILENT.as_secs())),
        ("PraReplicatorSilent", format!("> {}", REPLICATOR_TOO_SILENT.as_secs())),
        ("PraRehearsalTooOld", format!("> {} * 3600", hours(REHEARSAL_OLD))),
        ("PraDataVolumeNearlyFull", format!("< 0.{VOLUME_LOW_PERCENT}")),
        ("PraBackupVolumeNearlyFull", format!("< 0.{VOLUME_LOW_PERCENT}")),
        ("PraWalTooLarge", format!("> {} * 1024 * 1024", WAL_TOO_LARGE >> 20)),
    ];
    for (name, threshold) in wanted {
        let rule = alarm(name);
        let expression = format!("{} ", rule.text("/expr"));
        assert!(expression.contains(&format!("{threshold} ")), "{name}: {expression} has no '{threshold}'");
    }
    assert_eq!(alarm("PraRestoreRunningTooLong").text("/for"), format!("{}m", minutes(RESTORE_TOO_LONG)));
    assert_eq!(alarm("PraRehearsalNever").text("/for"), format!("{}h", hours(REHEARSAL_OLD)));
}

#[test]
fn grafana_turns_yellow_and_red_where_the_application_does() {
    let dashboard: Value = serde_json::from_str(&read("k8s/components/monitoring/dashboard.json")).unwrap();
    let steps = |title: &str| -> Vec<u64> {
        let panel = dashboard["panels"].as_array().unwrap().iter().find(|panel| panel["title"] == title);
        let panel = panel.unwrap_or_else(|| panic!("there is no panel '{title}'"));
        let steps = panel.pointer("/fieldConfig/defaults/thresholds/steps").and_then(Value::as_array).unwrap();
        steps.iter().filter_map(|step| step["value"].as_u64()).collect()
    };
    assert_eq!(steps("Newest verified backup"), [BACKUP_OLD, BACKUP_TOO_OLD].map(|length| length.as_secs()));
    assert_eq!(steps("Replica lag"), [LAG_LONG, LAG_TOO_LONG].map(|length| length.as_secs()));
    assert_eq!(steps("Last good rehearsal"), [REHEARSAL_OLD.as_secs()]);
}

#[test]
fn the_documents_name_the_same_numbers() {
    let ten = minutes(BACKUP_TOO_OLD);
    assert!(
        ten == 10 && minutes(LAG_TOO_LONG) == 1 && hours(REHEARSAL_OLD) == 36,
        "docs/monitoring.md says other ones"
    );
    let monitoring = read("docs/monitoring.md").replace('\n', " ");
    for said in ["a backup a minute (alarm at ten)", "(alarm at one minute)", "(alarm after a day and a half)"] {
        assert!(monitoring.contains(said), "docs/monitoring.md does not say '{said}'");
    }
    let dashboard = read("docs/dashboard.md");
    for said in [
        format!("no verified backup for {ten} minutes"),
        format!("no verified backup for {} minutes", minutes(BACKUP_OLD)),
        format!("or {} s behind", LAG_LONG.as_secs()),
        format!("no good rehearsal for {} hours", hours(REHEARSAL_OLD)),
        format!("less than {} MiB", VOLUME_FULL >> 20),
    ] {
        assert!(dashboard.contains(&said), "docs/dashboard.md does not say '{said}'");
    }
    assert_eq!(minutes(BACKUP_OLD), 3);
    let ready = "reported within the last three minutes that the data volume has less than 1 MiB";
    assert!(read("docs/architecture.md").split_whitespace().collect::<Vec<_>>().join(" ").contains(ready));
    assert_eq!(VOLUME_LOW_PERCENT, 10);
    assert!(dashboard.contains("less than a tenth of a volume free"));
    assert_eq!(minutes(CLOCK_TOLERANCE), 5);
    assert!(read("docs/runbook/clock-wrong.md").contains("more than five minutes ahead of the clock"));
    assert_eq!(REPLICATOR_TOO_SILENT.as_secs(), 30);
    assert!(read("docs/runbook/replicator-silent.md").contains("for half a minute"));
}
