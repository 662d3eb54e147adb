//! Removes from a store what retention lets go.
//!
//! ```text
//! c ──at──► b ──at──► a     an epoch goes, files first and its manifest last, once the one that goes on from it can
//!                           give every instant that is still to be kept
//! ```

use std::sync::Arc;
use std::time::Duration;

use disk::clock::{Reading, Steps};
use pra_core::EpochId;
use pra_core::latest::Latest;
use store::epoch::{list_epochs, manifest_key, read_lease};
use store::history::{File, History};
use store::layout::{self, FileKey};
use store::lineage;
use store::objects::Store;
use store::retention::{self, Retention};

/// How often, and what stays.
#[derive(Debug, Clone)]
pub(super) struct Options {
    /// Time between two looks: each costs a listing of every epoch.
    pub(super) every: Duration,
    pub(super) retention: Retention,
    /// What is known of this machine's clock.
    pub(super) clock: Arc<Latest<Steps>>,
}

impl Options {
    /// One look at `epoch` and those that it goes on from. Returns since when every instant can be restored, by the
    /// store's clock, in ms since 1970.
    pub(super) async fn run(&self, store: &Store, epoch: &EpochId) -> pra_core::Result<Option<i64>> {
        let age = self.retention.snapshots.saturating_add(self.retention.grace);
        let local_ms = match Reading::take() {
            Some(reading) => self.clock.get().for_deleting(reading, age).as_millisecond(),
            // Where it cannot be told whether the clock has leapt, nothing is old.
            None => i64::MIN,
        };
        self.run_at(store, epoch, local_ms).await
    }

    /// The same, where this machine's clock says `local_ms`. It may be wrong: nothing is deleted that is not old enough by
    /// the store's clock too.
    async fn run_at(&self, store: &Store, epoch: &EpochId, local_ms: i64) -> pra_core::Result<Option<i64>> {
        let now_ms = local_ms.min(store_ms(store).await?);
        let manifests = list_epochs(store).await?;
        // A line that cannot be followed is a restore's trouble; what is written now is not touched by it.
        let Ok(line) = lineage::line(&lineage::epochs(&manifests), Some(&epoch.to_string())) else { return Ok(None) };
        let mut window = Reach::default();
        let mut is_over = false;
        let mut steps = Vec::with_capacity(line.steps.len());
        let mut newest_ms = None;
        for step in line.steps.into_iter().rev() {
            let epoch: EpochId = step.epoch.parse()?;
            let mut listed = layout::files(&store.list(&step.epoch).await?, store.url().scheme(), &epoch);
            let mut files: Vec<File> = listed.iter().map(|(_, file)| *file).collect();
            newest_ms = retention::in_order(&mut files, newest_ms, now_ms);
            listed.iter_mut().zip(files).for_each(|((_, file), in_order)| *file = in_order);
            steps.push((epoch, listed, step.until));
        }
        for (epoch, listed, until) in steps.into_iter().rev() {
            if is_over {
                remove_epoch(store, &epoch, &listed).await?;
                continue;
            }
            let files: Vec<File> = listed.iter().map(|(_, file)| *file).collect();
            is_over = self.retention.needs_nothing_before(&files, now_ms);
            let gone = self.retention.deletable(&files, now_ms);
            let (removed, kept): (Vec<_>, Vec<_>) = listed.into_iter().partition(|(_, file)| gone.contains(file));
            remove(store, &epoch, &removed).await?;
            window.extend(&History::new(kept.iter().map(|(_, file)| *file)), until);
        }
        Ok(window.from_ms)
    }
}

/// The store's clock: as it was when the lease was renewed, at most half a minute ago, which costs no request that writes.
async fn store_ms(store: &Store) -> pra_core::Result<i64> {
    match read_lease(store).await? {
        Some((_, object)) => Ok(object.modified_ms),
        None => store.now().await,
    }
}

/// How far back the line of epochs reaches without a hole.
#[derive(Debug, Default)]
struct Reach {
    from_ms: Option<i64>,
    /// Whether what is older cannot belong to it any more.
    ends: bool,
}

impl Reach {
    /// The next older epoch, of which everything up to `until` counts.
    fn extend(&mut self, history: &History, until: Option<u64>) {
        let history = until.map_or_else(|| history.clone(), |until| history.until(until));
        let windows = history.windows();
        let Some(window) = windows.last().filter(|window| until.is_none_or(|until| window.last == until)) else {
            self.ends = true;
            return;
        };
        if !self.ends {
            self.from_ms = history.smallest(window.first).map(|file| file.stored_ms);
            self.ends = windows.len() > 1;
        }
    }
}

async fn remove_epoch(store: &Store, epoch: &EpochId, files: &[(FileKey, File)]) -> pra_core::Result<()> {
    remove(store, epoch, files).await?;
    store.delete(&[manifest_key(epoch)]).await?;
    tracing::info!(replica = %store.url(), %epoch, "an epoch before this one is not needed any more");
    Ok(())
}

async fn remove(store: &Store, epoch: &EpochId, files: &[(FileKey, File)]) -> pra_core::Result<()> {
    let keys: Vec<String> = files.iter().map(|(key, _)| key.key(store.url().scheme(), epoch)).collect();
    store.delete(&keys).await?;
    if !keys.is_empty() {
        tracing::info!(replica = %store.url(), %epoch, objects = keys.len(), "tidied");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use store::epoch::{Database, Manifest, Parent};

    use super::*;
    use disk::clock;

    const HOUR_MS: i64 = 3_600_000;

    fn file(level: u8, min: u64, max: u64, stored_ms: i64) -> File {
        File { level, min, max, size: 1, stored_ms }
    }

    fn history(files: &[File]) -> History {
        History::new(files.iter().copied())
    }

    #[test]
    fn the_window_goes_on_in_the_epoch_before_where_nothing_is_missing_between() {
        let child = history(&[file(9, 1, 1, 500), file(0, 2, 2, 600)]);
        let parent = history(&[file(9, 1, 1, 100), file(0, 2, 2, 200), file(0, 3, 3, 300)]);
        let mut reach = Reach::default();
        reach.extend(&child, None);
        assert_eq!(reach.from_ms, Some(500));
        reach.extend(&parent, Some(2));
        assert_eq!(reach.from_ms, Some(100));

        let mut reach = Reach::default();
        reach.extend(&child, None);
        reach.extend(&parent, Some(4));
        assert_eq!(reach.from_ms, Some(500), "the parent lacks its last transaction");
        reach.extend(&parent, Some(2));
        assert_eq!(reach.from_ms, Some(500), "what is before the hole does not count");
    }

    #[test]
    fn a_hole_within_an_epoch_ends_the_window() {
        let epoch = history(&[file(9, 1, 1, 100), file(0, 3, 3, 300), file(9, 1, 4, 400), file(0, 5, 5, 500)]);
        let mut reach = Reach::default();
        reach.extend(&epoch, None);
        assert_eq!(reach.from_ms, Some(400));
    }

    /// Level, first and last transaction, and how many hours ago it was stored, by the clock of then.
    type Shipped = (u8, u64, u64, i64);

    /// A store with these epochs, each the child of the one before.
    async fn store(folder: &Path, epochs: &[(EpochId, &[Shipped])], now_ms: i64) -> Store {
        let url = format!("file://{}", folder.display()).parse().unwrap();
        let store = Store::open(&url, &store::objects::StoreOptions::default()).unwrap();
        store.probe().await.unwrap();
        let mut parent = None;
        for (epoch, files) in epochs {
            let manifest = Manifest {
                epoch: *epoch,
                created_at: epoch.began(),
                page_size: 4096,
                parent,
                writer: pra_core::WriterId::random(),
                encrypted: false,
                database: Database { id: pra_core::DatabaseId::random(), name: "app.db".to_owned() },
            };
            store::epoch::create_epoch(&store, &manifest).await.unwrap();
            for &(level, min, max, hours_ago) in *files {
                let key = FileKey { level, min, max, encrypted: false }.key(url.scheme(), epoch);
                store.put_new(&key, vec![level], now_ms - hours_ago * HOUR_MS).await.unwrap();
                parent = Some(Parent { epoch: *epoch, txid: max });
            }
        }
        store
    }

    fn options() -> Options {
        Options { every: Duration::MAX, retention: Retention::default(), clock: Arc::default() }
    }

    async fn objects(store: &Store, epoch: &EpochId) -> usize {
        store.list(&epoch.to_string()).await.unwrap().len()
    }

    fn hours_ago(now_ms: i64, hours: i64) -> EpochId {
        EpochId::begin(jiff::Timestamp::from_millisecond(now_ms - hours * HOUR_MS).unwrap())
    }

    #[tokio::test]
    async fn a_clock_that_is_ahead_removes_nothing_that_a_right_one_keeps() {
        let (folder, now_ms) = (tempfile::tempdir().unwrap(), clock::now().as_millisecond());
        let epoch = hours_ago(now_ms, 2);
        let files = [(9, 1, 1, 0), (0, 2, 2, 0), (0, 3, 3, 0), (1, 2, 3, 0), (9, 1, 3, 0), (0, 4, 4, 0)];
        let store = store(folder.path(), &[(epoch, &files)], now_ms).await;
        let before = objects(&store, &epoch).await;
        options().run_at(&store, &epoch, now_ms + 72 * HOUR_MS).await.unwrap();
        assert_eq!(objects(&store, &epoch).await, before);
    }

    #[tokio::test]
    async fn an_epoch_of_a_clock_that_was_behind_does_not_let_go_of_the_one_before() {
        let (folder, now_ms) = (tempfile::tempdir().unwrap(), clock::now().as_millisecond());
        const YEAR: i64 = 365 * 24;
        let (first, behind) = (hours_ago(now_ms, 2), hours_ago(now_ms, YEAR));
        let files: [&[_]; 2] = [&[(9, 1, 1, 2), (0, 2, 2, 1)], &[(9, 1, 1, YEAR), (0, 2, 2, YEAR), (0, 3, 3, 0)]];
        let store = store(folder.path(), &[(first, files[0]), (behind, files[1])], now_ms).await;
        let before = objects(&store, &first).await;
        let reaches_back = options().run_at(&store, &behind, now_ms).await.unwrap();
        assert_eq!((objects(&store, &first).await, objects(&store, &behind).await), (before, 4));
        assert_eq!(reaches_back, Some(now_ms - 2 * HOUR_MS));
    }
}
