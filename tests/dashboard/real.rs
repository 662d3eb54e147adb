//! The page beside what really writes the catalog: the replicator and a rehearsal.

use std::fs;

use mini_pra_tests::{Data, Host, Job};

use crate::browser::Browser;

#[test]
fn a_replicator_at_work_and_a_rehearsal_make_it_safe_and_what_stops_is_seen() {
    let data = Data::new();
    let host = Host::start(&data);
    host.client().get("/add?message=first").expect(200);
    Job::new("backup", &data).succeeds();
    // A disk that is not there: a missing folder on one that is would be made again.
    let (disk, away) = (data.path().join("disk"), data.path().join("away"));
    fs::create_dir(&disk).unwrap();
    let replica = format!("file://{}", disk.join("replica").display());
    let mut replicator = Job::new("replicate", &data).args(&["--replica", &replica]).start(&data);
    replicator.line(&format!(r#"{{"replica":"{replica}""#));
    let browser = Browser::start(&data);
    browser.open(host.url());
    let wait_for_level = |level: &str| {
        browser.wait_for_text("#level", |text| text == level);
        browser.text("#sentence")
    };
    assert!(wait_for_level("Needs attention").contains("no restore has been rehearsed yet"));
    Job::new("rehearse", &data).args(&["--replica", &replica]).succeeds();
    wait_for_level("Safe");
    let row = browser.wait_for_text("#replicas tbody", |text| text.contains("✓ well"));
    assert!(row.contains(&replica), "{row}");
    assert!(browser.text("#rehearsals tbody").contains("✓ good"));

    fs::rename(&disk, &away).unwrap();
    host.client().get("/add?message=second").expect(200);
    assert!(wait_for_level("Needs attention").contains("is not followed: "));
    fs::rename(&away, &disk).unwrap();
    wait_for_level("Safe");
    replicator.kill();
    assert!(wait_for_level("Needs attention").contains("nothing was heard of the replica"));
    assert!(browser.text("#reasons").contains("What to do: replicator-silent"));
}
