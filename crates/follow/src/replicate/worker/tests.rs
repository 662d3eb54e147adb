use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use store::epoch::{self, Writer};
use store::objects::StoreOptions;

use super::*;

/// A worker that has a folder, and what happens to its lease there.
struct Scene {
    _folder: tempfile::TempDir,
    worker: Worker,
    state: State,
    held: Held,
    renewals: Arc<AtomicUsize>,
    is_away: Arc<AtomicBool>,
}

impl Scene {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (renewals, is_away) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let (counted, away) = (Arc::clone(&renewals), Arc::clone(&is_away));
        let before = move |label| {
            if label != "store-lease" {
                return Ok(());
            }
            counted.fetch_add(1, Ordering::Relaxed);
            if away.load(Ordering::Relaxed) { Err(io::Error::other("away")) } else { Ok(()) }
        };
        let url = format!("file://{}", folder.path().display()).parse().unwrap();
        let store =
            Store::open(&url, &StoreOptions { before: Some(Arc::new(before)), ..StoreOptions::default() }).unwrap();
        let state = State::sample();
        let worker = Worker {
            id: 0,
            store,
            outbox: Arc::new(Outbox::new(1, 0)),
            health: Arc::new(Health::new([url.to_string()], false)),
            identity: Identity {
                host: "here".to_owned(),
                namespace_uid: None,
                volume_uid: None,
                database: "app.db".to_owned(),
                path: folder.path().join("app.db"),
            },
            takeover: Takeover::Never,
            database: folder.path().join("app.db"),
            ledger: Ledger::new(&folder.path().join("app.db"), &url).unwrap(),
            tidy: tidy::Options {
                every: Duration::MAX,
                retention: store::retention::Retention::default(),
                clock: Arc::default(),
            },
            stop: watch::channel(false).1,
        };
        let id = worker.owner(false).await.unwrap();
        let (held, _) = epoch::acquire(&worker.store, &worker.writer(&state, id), false).await.unwrap();
        renewals.store(0, Ordering::Relaxed);
        Self { _folder: folder, worker, state, held, renewals, is_away }
    }

    /// Work of so many seconds; what came of it, and how often it was tried to renew the lease.
    async fn work(&mut self, seconds: u64) -> (pra_core::Result<()>, usize) {
        let mut due = Instant::now() + RENEW_EVERY;
        let work = async {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            Ok(())
        };
        let done = self.worker.holding(&self.state, &mut self.held, &mut due, work).await;
        (done, self.renewals.swap(0, Ordering::Relaxed))
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_does_not_expire_during_a_long_upload() {
    let mut scene = Scene::new().await;
    assert!(matches!(scene.work(1000).await, (Ok(()), 33)));
    assert!(matches!(scene.work(29).await, (Ok(()), 0)));
}

#[tokio::test(start_paused = true)]
async fn an_upload_goes_on_where_the_lease_cannot_be_renewed() {
    let mut scene = Scene::new().await;
    scene.is_away.store(true, Ordering::Relaxed);
    let (done, tried) = scene.work(1000).await;
    assert!(done.is_ok());
    assert!(tried >= 33, "{tried}");
}

#[tokio::test(start_paused = true)]
async fn an_upload_ends_where_the_lease_is_lost() {
    let mut scene = Scene::new().await;
    let other = Writer { id: pra_core::WriterId::random(), ..scene.held.lease().writer.clone() };
    epoch::acquire(&scene.worker.store, &other, true).await.unwrap();
    let (done, _) = scene.work(1000).await;
    assert_eq!(done.unwrap_err().code(), Code::Busy);
}
