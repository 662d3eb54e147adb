//! An application with everything to show, and a browser that looks at it.

use std::fs;

use mini_pra_tests::{Data, Database, Host, Job, now_ms};

use crate::browser::Browser;

/// The application, its data, and a browser.
pub(crate) struct Scene {
    pub(crate) browser: Browser,
    pub(crate) host: Host,
    pub(crate) data: Data,
    /// The name of the backup.
    pub(crate) backup: String,
}

impl Scene {
    /// All is well: a verified backup of now, a replica without lag, rehearsals and drills that were good. The page is open
    /// and has its first answer.
    #[track_caller]
    pub(crate) fn safe() -> Self {
        let data = Data::new();
        let host = Host::start(&data);
        host.client().get("/add?message=first").expect(200);
        let backup = Job::new("backup", &data).succeeds()["file"].as_str().unwrap().to_owned();
        publish(&data, &all_is_well());
        let browser = Browser::start(&data);
        let scene = Self { browser, host, data, backup };
        scene.browser.open(scene.host.url());
        scene.browser.wait_for_text("#level", |level| level == "Safe");
        scene
    }

    /// Changes the catalog.
    pub(crate) fn publish(&self, sql: &str) {
        publish(&self.data, sql);
    }

    /// Waits until the verdict is this one, and returns its sentence.
    #[track_caller]
    pub(crate) fn wait_for_level(&self, level: &str) -> String {
        self.browser.wait_for_text("#level", |text| text == level);
        self.browser.text("#sentence")
    }
}

/// Changes the catalog as `backup-job` does: a copy, renamed into place.
fn publish(data: &Data, sql: &str) {
    let draft = data.backups().join("catalog.tmp");
    fs::copy(data.catalog(), &draft).unwrap();
    Database::open(&draft).run(sql);
    fs::rename(draft, data.catalog()).unwrap();
}

/// Rows that say so for the next minutes: a test has no replicator that would renew them.
fn all_is_well() -> String {
    let (now, seen) = (now_ms(), now_ms() + 600_000);
    format!(
        // The disk of this machine may be fuller than that.
        "UPDATE volumes SET total_bytes = 1073741824, free_bytes = 536870912;
         INSERT INTO replicas VALUES
             ('file:///replica', {seen}, 'e1', 17, {seen} - 400, {now} - 3600000, 0, 0, 0, NULL, '');
         INSERT INTO rehearsals VALUES
             ({now} - 3600000, 'backup', 'good', 'backup-1.db', {now} - 3601000, 1.5, 4096, 3, NULL);
         INSERT INTO drills VALUES ({now} - 7200000, 'volume-loss', 1, 8.5, 0.4, 100, 0, 7);
         INSERT INTO restores VALUES ({now} - 60000, {now} - 59000, 'backup-1.db', 'in-place', 0.5, NULL);"
    )
}
