//! The page with the real writers of the catalog: the replicator and a rehearsal.

use std::fs;

use mini_pra_tests::{Data, Host, Job, wait_until};

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
    // The disk of this machine may be full enough for a reason of its own.
    let wait_for_reasons = |wanted: &str| {
        let reasons = "return [...document.querySelectorAll('#reasons li')].map((reason) => reason.textContent)
            .filter((text) => !text.includes('volume-full')).join('; ')";
        wait_until(wanted, || {
            let told = browser.run(reasons);
            let told = told.as_str().unwrap_or_default();
            if wanted.is_empty() { told.is_empty() } else { told.contains(wanted) }
        });
    };
    wait_for_reasons("no restore has been rehearsed yet");
    Job::new("rehearse", &data).args(&["--replica", &replica]).succeeds();
    wait_for_reasons("");
    let row = browser.wait_for_text("#replicas tbody", |text| text.contains("✓ well"));
    assert!(row.contains(&replica), "{row}");
    assert!(browser.text("#rehearsals tbody").contains("✓ good"));

    fs::rename(&disk, &away).unwrap();
    host.client().get("/add?message=second").expect(200);
    wait_for_reasons("is not followed: ");
    fs::rename(&away, &disk).unwrap();
    wait_for_reasons("");
    replicator.kill();
    wait_for_reasons("nothing was heard of the replica");
    assert!(browser.text("#reasons").contains("What to do: replicator-silent"));
}
