//! Each kind of source, and a restore of it that dies at each of its requests: in each of its phases.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use engine::remote::Access;
use follow::{checkpointer, replicate};
use store::encryption::{NewKey, Recipients};
use store::objects::StoreOptions;
use store::plan::Accept;

use super::deaths::every_death_is_survived_by;
use super::*;

/// What the restore point is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    SafetyCopy,
    Replica,
    Encrypted,
}

fn access(scenario: &Scenario, source: Source) -> Access {
    let folder = scenario.folder.path();
    Access {
        replicas: vec![format!("file://{}", folder.join("replica").display()).parse().unwrap()],
        store: StoreOptions::default(),
        keys: Keys::new((source == Source::Encrypted).then(|| folder.join("pra.key")), false),
        accept: Accept::default(),
        epoch: None,
        backups: None,
    }
}

/// One sync to the replica.
fn ship(scenario: &Scenario, source: Source, recipient: Option<&str>) {
    let options = replicate::Options {
        checkpointer: checkpointer::Options { once: true, ..checkpointer::Options::new(scenario.database()) },
        backups: scenario.folder.path().join("backup"),
        metrics: None,
        replicas: access(scenario, source).replicas,
        store: StoreOptions::default(),
        sync_interval: Duration::from_millis(50),
        recipients: recipient.map(|recipient| Recipients::parse([recipient]).unwrap()),
        staging_limit: 64 << 20,
        levels: [Duration::from_secs(1 << 40); 4],
        retention: store::retention::Retention::default(),
        tidy_every: SECOND,
        takeover: false,
        new_epoch: false,
        announce: false,
        namespace_uid: None,
        volume_uid: None,
    };
    // It has a runtime of its own.
    std::thread::scope(|scope| scope.spawn(|| replicate::run(&options, &Arc::new(AtomicBool::new(false)))).join())
        .unwrap()
        .unwrap();
}

/// A lost database of 5 events, whose source has the state with 3 as well; and the point that names that state.
fn lost(source: Source, names: impl Fn(&Scenario, Timestamp) -> String) -> Scenario {
    let scenario = Scenario::new("latest");
    if source == Source::SafetyCopy {
        let copy = scenario.backup.replace("backup-", "pre-restore-");
        let folder = scenario.folder.path().join("backup");
        fs::copy(folder.join(&scenario.backup), folder.join(&copy)).unwrap();
        let scenario = scenario.lost();
        scenario.api.change(CONFIGMAP, &json!({ "data": { "point": copy } }));
        return scenario;
    }
    let key = NewKey::generate();
    let recipient = (source == Source::Encrypted).then(|| key.recipient());
    if recipient.is_some() {
        key.write(&scenario.folder.path().join("pra.key"), Timestamp::now()).unwrap();
        // A plain backup is not taken where an identity is given.
        fs::remove_dir_all(scenario.folder.path().join("backup")).unwrap();
        fs::create_dir(scenario.folder.path().join("backup")).unwrap();
    }
    scenario.sql("DELETE FROM events WHERE id > 3");
    ship(&scenario, source, recipient.as_deref());
    let at = Timestamp::now();
    while Timestamp::now().as_millisecond() <= at.as_millisecond() {
        std::thread::yield_now();
    }
    scenario.sql("INSERT INTO events(message) VALUES ('d'), ('e')");
    ship(&scenario, source, recipient.as_deref());
    let point = names(&scenario, at);
    let scenario = scenario.lost();
    scenario.api.change(CONFIGMAP, &json!({ "data": { "point": point } }));
    scenario
}

fn instant(_scenario: &Scenario, at: Timestamp) -> String {
    at.to_string()
}

/// The replica's first transaction, by its name.
fn transaction(scenario: &Scenario, _at: Timestamp) -> String {
    let epochs = fs::read_dir(scenario.folder.path().join("replica")).unwrap();
    let epoch = epochs.map(|one| one.unwrap().path()).find(|path| path.join("epoch.json").exists()).unwrap();
    format!("{}/{:016x}", epoch.file_name().unwrap().to_str().unwrap(), 1)
}

async fn is_survived(next: &str, source: Source, names: fn(&Scenario, Timestamp) -> String) {
    let options = |scenario: &Scenario, job: &str| {
        let mut options = scenario.options(job);
        if source != Source::SafetyCopy {
            let access = access(scenario, source);
            options.restore.keys = access.keys.clone();
            options.restore.access = Some(access);
        }
        options
    };
    every_death_is_survived_by(next, || lost(source, names), options).await;
}

#[tokio::test(start_paused = true)]
async fn a_restore_of_a_safety_copy_that_dies_anywhere_is_resumed() {
    is_survived("1", Source::SafetyCopy, instant).await;
}

#[tokio::test(start_paused = true)]
async fn a_restore_of_a_replicas_instant_that_dies_anywhere_is_resumed() {
    is_survived("1", Source::Replica, instant).await;
}

#[tokio::test(start_paused = true)]
async fn a_restore_of_a_replicas_transaction_that_dies_anywhere_is_resumed() {
    is_survived("1", Source::Replica, transaction).await;
}

#[tokio::test(start_paused = true)]
async fn a_restore_of_an_encrypted_replica_that_dies_anywhere_is_resumed() {
    is_survived("1", Source::Encrypted, instant).await;
}
