use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use disk::{files, sqlite};
use rusqlite::Connection;
use store::encryption::{NewKey, Recipients};
use store::objects::{Put, Store, StoreOptions};

use super::engine::{Engine, Options};
use super::epoch::Epoch;
use super::image::Image;
use super::levels::{Level, SNAPSHOT};
use super::outbox::{Next, Outbox};
use super::scene::until;

fn options(database: PathBuf) -> Options {
    Options {
        database,
        sync_interval: Duration::from_secs(1),
        recipients: None,
        levels: Vec::new(),
        takeover: false,
        new_epoch: false,
        alone: None,
        ledgers: Vec::new(),
        once: false,
    }
}

struct Followed {
    folder: tempfile::TempDir,
    outbox: Arc<Outbox>,
    engine: Engine,
    image: Image,
}

impl Followed {
    fn new(pragmas: &str) -> Self {
        Self::with_levels(pragmas, Vec::new())
    }

    fn with_levels(pragmas: &str, levels: Vec<Level>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.db");
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch(&format!("{pragmas}; CREATE TABLE t(id INTEGER PRIMARY KEY, x)")).unwrap();
        let outbox = Arc::new(Outbox::new(1, 64 << 20));
        let engine = Engine::new(Options { levels, ..options(path) }, Arc::clone(&outbox), Arc::default());
        Self { folder, outbox, engine, image: Image::default() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("app.db")
    }

    fn execute(&self, statements: &str) {
        let connection = sqlite::open_live(&self.path(), Duration::from_secs(5)).unwrap();
        connection.execute_batch(statements).unwrap();
    }

    fn insert(&self, rows: u32) {
        self.execute(&format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) \
             INSERT INTO t(x) SELECT randomblob(300) FROM n"
        ));
    }

    fn sync(&mut self) {
        assert!(self.engine.sync().unwrap());
        let position = self.image.txid;
        if self.outbox.positions().0[0].position.is_none() {
            self.outbox.connected(0, self.outbox.epoch().0.unwrap().epoch, position, 0);
        }
        self.image.drain(&self.outbox);
    }

    fn assert_same(&self) {
        let live = sqlite::open_live(&self.path(), Duration::from_secs(5)).unwrap();
        let rows: u64 = live.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
        assert_eq!(self.image.rows(), rows);
    }

    fn options(&self) -> Options {
        options(self.path())
    }

    /// As if the process had been killed and started again.
    fn restart(&mut self) {
        self.outbox = Arc::new(Outbox::new(1, 64 << 20));
        self.engine = Engine::new(self.options(), Arc::clone(&self.outbox), Arc::default());
    }
}

#[test]
fn each_sync_ships_what_changed_and_nothing_where_nothing_did() {
    for pragmas in
        ["PRAGMA journal_mode=WAL", "PRAGMA journal_mode=DELETE", "PRAGMA page_size=65536; PRAGMA journal_mode=WAL"]
    {
        let mut followed = Followed::new(pragmas);
        followed.insert(1000);
        followed.sync();
        followed.assert_same();
        followed.sync();
        assert_eq!(followed.image.txid, 1, "an idle database makes no file");
        followed.execute("DELETE FROM t WHERE id = 7");
        followed.sync();
        assert_eq!(followed.image.txid, 2);
        followed.assert_same();
        followed.execute("DELETE FROM t WHERE id > 10; VACUUM");
        followed.sync();
        followed.insert(500);
        followed.sync();
        followed.assert_same();
        assert_eq!(followed.image.files.len(), 4, "{pragmas}");
    }
}

#[test]
fn a_large_first_file_is_seen_while_it_is_made_and_whole_only_when_it_is_staged() {
    let mut followed = Followed::new("PRAGMA journal_mode=WAL");
    followed.insert(30_000);
    let (outbox, mut changes) = (Arc::clone(&followed.outbox), followed.outbox.subscribe());
    let stores = tempfile::tempdir().unwrap();
    let url = format!("file://{}", stores.path().display()).parse().unwrap();
    let store = Store::open(&url, &StoreOptions::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let put = runtime.spawn(async move {
        while outbox.early().is_none() {
            changes.changed().await.unwrap();
        }
        let early = outbox.early().unwrap();
        let put = store.put_new("early", early.file, 0).await.unwrap();
        (put, early.name, outbox.positions().1)
    });
    assert!(followed.engine.sync().unwrap());
    let (put, name, txid) = runtime.block_on(put).unwrap();
    assert_eq!((put, name.level, name.max, txid), (Put::Created, SNAPSHOT, 1, 1));
    assert!(followed.outbox.early().is_none());
    followed.outbox.connected(0, followed.outbox.epoch().0.unwrap().epoch, 0, 0);
    let Next::File(staged) = followed.outbox.next(0) else { panic!("nothing is staged") };
    let whole = std::fs::read(staged.path).unwrap();
    assert!(whole.len() as u64 > store::objects::PART);
    assert!(std::fs::read(stores.path().join("early")).unwrap() == whole, "the store has other bytes");
}

#[test]
fn an_epoch_that_was_told_of_with_another_page_size_is_not_written() {
    let followed = Followed::new("PRAGMA journal_mode=WAL");
    let options = followed.options();
    let open = || {
        Epoch::open(&options, &followed.outbox).unwrap();
        Epoch::open(&options, &followed.outbox).unwrap()
    };
    let mut epoch = open();
    let first = epoch.state.epoch;
    epoch.require_page_size(4096, &options, &followed.outbox).unwrap();
    assert_eq!(epoch.state.epoch, first, "no page size was known");
    drop(epoch);
    let mut epoch = open();
    epoch.require_page_size(4096, &options, &followed.outbox).unwrap();
    assert_eq!(epoch.state.epoch, first);
    epoch.require_page_size(8192, &options, &followed.outbox).unwrap();
    let told = followed.outbox.epoch().0.unwrap();
    assert_ne!(told.epoch, first);
    assert_eq!((told.page_size, told.is_successor), (8192, true));
}

#[test]
fn a_restart_ships_only_what_changed_while_it_was_away() {
    let mut followed = Followed::new("PRAGMA journal_mode=WAL");
    followed.insert(1000);
    followed.sync();
    followed.engine = Engine::new(
        Options { sync_interval: Duration::ZERO, ..followed.options() },
        Arc::new(Outbox::new(1, 0)),
        Arc::default(),
    );
    followed.insert(1);
    followed.restart();
    followed.sync();
    assert_eq!(followed.image.files.len(), 2);
    assert_eq!(followed.image.txid, 2);
    followed.assert_same();
}

#[test]
fn a_store_that_has_lost_its_place_gets_all_it_missed_in_one_file() {
    let mut followed = Followed::new("PRAGMA journal_mode=WAL");
    followed.insert(300);
    followed.sync();
    // Files are made and let go: the limit is nothing.
    followed.restart();
    followed.outbox = Arc::new(Outbox::new(1, 0));
    let options = Options { sync_interval: Duration::ZERO, ..followed.options() };
    followed.engine = Engine::new(options, Arc::clone(&followed.outbox), Arc::default());
    for _ in 0..3 {
        followed.insert(50);
        followed.engine.sync().unwrap();
    }
    followed.outbox.connected(0, followed.outbox.epoch().0.unwrap().epoch, 1, 0);
    followed.sync();
    assert_eq!(followed.image.txid, 4);
    assert_eq!(followed.image.files[1], "0-0000000000000002-0000000000000004.ltx");
    followed.assert_same();
}

#[test]
fn a_map_that_is_missing_or_another_file_begins_a_child_epoch() {
    let mut followed = Followed::new("PRAGMA journal_mode=WAL");
    followed.insert(10);
    followed.sync();
    let first = followed.outbox.epoch().0.unwrap();
    let home = followed.folder.path().join(".app.db.pra/replica");
    std::fs::remove_file(home.join(first.epoch.to_string()).join("map")).unwrap();
    followed.restart();
    followed.image = Image::default();
    followed.sync();
    let second = followed.outbox.epoch().0.unwrap();
    assert_ne!(first.epoch, second.epoch);
    assert_eq!(first.writer, second.writer);
    followed.assert_same();

    // A restore by replacing: the path names another file now.
    let copy = files::with_suffix(&followed.path(), ".copy");
    followed.execute(&format!("VACUUM INTO '{}'", copy.display()));
    followed.engine = Engine::new(
        Options { sync_interval: Duration::ZERO, ..options(copy.clone()) },
        Arc::new(Outbox::new(1, 0)),
        Arc::default(),
    );
    for sidecar in ["-wal", "-shm"] {
        drop(std::fs::remove_file(files::with_suffix(&followed.path(), sidecar)));
    }
    std::fs::rename(&copy, followed.path()).unwrap();
    followed.restart();
    followed.image = Image::default();
    followed.sync();
    let third = followed.outbox.epoch().0.unwrap();
    assert_eq!(third.parent.unwrap().epoch, second.epoch);
    followed.assert_same();
}

#[test]
fn a_page_size_that_changes_begins_a_child_epoch() {
    let mut followed = Followed::new("PRAGMA journal_mode=DELETE");
    followed.insert(100);
    followed.sync();
    followed.execute("PRAGMA page_size=8192; VACUUM");
    followed.image = Image::default();
    followed.engine.sync().unwrap();
    followed.outbox.connected(0, followed.outbox.epoch().0.unwrap().epoch, 0, 0);
    followed.image.drain(&followed.outbox);
    assert_eq!(followed.image.page_size, 8192);
    followed.assert_same();
}

#[test]
fn an_emptied_file_is_never_shipped_as_the_successor_of_something() {
    let mut followed = Followed::new("PRAGMA journal_mode=WAL");
    followed.insert(10);
    followed.sync();
    followed.execute("DROP TABLE t");
    let error = followed.engine.sync().unwrap_err();
    assert!(error.to_string().contains("no tables any more"), "{error}");
    followed.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, x)");
    followed.sync();
    followed.assert_same();
}

#[test]
fn compacted_files_and_snapshots_are_made_beside_the_transactions() {
    let every = Duration::from_millis(1);
    let levels = vec![Level { number: 1, every }, Level { number: SNAPSHOT, every }];
    let mut followed = Followed::with_levels("PRAGMA journal_mode=WAL", levels);
    followed.insert(100);
    followed.sync();
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    let has = |followed: &Followed, prefix: &str| followed.image.files.iter().any(|file| file.starts_with(prefix));
    while !(has(&followed, "1-") && has(&followed, "9-0000000000000001-000000000000000"))
        || followed.image.files.len() < 6
    {
        assert!(std::time::Instant::now() < deadline, "{:?}", followed.image.files);
        followed.insert(3);
        followed.sync();
    }
    followed.assert_same();
}

#[test]
fn a_staged_file_that_was_cut_off_or_changed_is_never_shipped() {
    for damage in ["cut off", "changed", "of another level"] {
        let mut followed = Followed::new("PRAGMA journal_mode=WAL");
        followed.insert(500);
        followed.sync();
        let epoch = followed.outbox.epoch().0.unwrap().epoch;
        let folder = followed.folder.path().join(".app.db.pra/replica").join(epoch.to_string());
        followed.insert(100);
        followed.engine.sync().unwrap();
        let second = folder.join("0-0000000000000002-0000000000000002.ltx");
        let mut bytes = std::fs::read(&second).unwrap();
        std::fs::remove_file(&second).unwrap();
        let part = match damage {
            "cut off" => {
                bytes.truncate(bytes.len() / 2);
                files::with_suffix(&second, ".part")
            }
            "changed" => {
                let middle = bytes.len() / 2;
                bytes[middle..].fill(0);
                files::with_suffix(&second, ".part")
            }
            // A compacted file that was being made.
            _ => folder.join("1-0000000000000002-0000000000000002.ltx.part"),
        };
        std::fs::write(&part, bytes).unwrap();
        followed.restart();
        followed.sync();
        // What the store has missed is made anew.
        followed.sync();
        assert!(!part.exists(), "{damage}");
        assert_eq!(followed.image.files.len(), 2, "{damage}: {:?}", followed.image.files);
        followed.assert_same();
    }
}

#[test]
fn a_process_that_dies_at_any_point_of_a_commit_ships_each_transaction_once() {
    let mut followed = Followed::new("PRAGMA journal_mode=WAL");
    followed.insert(10);
    followed.sync();
    let epoch = followed.outbox.epoch().0.unwrap().epoch;
    let folder = followed.folder.path().join(".app.db.pra/replica").join(epoch.to_string());
    followed.insert(5);
    followed.engine.sync().unwrap();
    let second = "0-0000000000000002-0000000000000002.ltx";
    // It died before the file got its name: the record is there.
    std::fs::rename(folder.join(second), folder.join(format!("{second}.part"))).unwrap();
    // And one more was being written.
    std::fs::write(folder.join("0-0000000000000003-0000000000000003.ltx.part"), "half").unwrap();
    std::fs::write(folder.join("9-0000000000000001-0000000000000002.ltx.part"), "half").unwrap();
    followed.restart();
    followed.sync();
    assert_eq!(followed.image.files.last().unwrap(), second);
    followed.insert(5);
    followed.sync();
    assert_eq!(followed.image.txid, 3);
    followed.assert_same();
}

#[cfg(feature = "crash-points")]
#[test]
fn a_clock_that_was_ahead_ends_its_epoch_and_the_child_has_the_right_time() {
    use disk::clock;
    use jiff::SignedDuration;
    use pra_core::ahead::ahead;

    let day = SignedDuration::from_hours(24);
    for (wrong_by, begins) in [(day, true), (SignedDuration::from_mins(4), false), (-day, false)] {
        let mut followed = Followed::new("PRAGMA journal_mode=WAL");
        followed.insert(10);
        clock::wrong::set(wrong_by);
        followed.sync();
        let (first, made_at) = (followed.outbox.epoch().0.unwrap(), followed.image.timestamp_ms);
        clock::wrong::set(SignedDuration::ZERO);
        // Also where nothing is written: what is restored by its time is to be right from now on.
        assert!(followed.engine.sync().unwrap());
        let second = followed.outbox.epoch().0.unwrap();
        assert_eq!(second.epoch != first.epoch, begins, "{wrong_by:#}");
        if begins {
            assert_eq!(second.parent.map(|parent| (parent.epoch, parent.txid)), Some((first.epoch, 1)));
            followed.image = Image::default();
            followed.outbox.connected(0, second.epoch, 0, 0);
            followed.image.drain(&followed.outbox);
        }
        followed.insert(1);
        followed.sync();
        followed.assert_same();
        let now_ms = clock::now().as_millisecond();
        assert_eq!(ahead(followed.image.timestamp_ms, now_ms), None, "{wrong_by:#}");
        assert!(begins || followed.image.timestamp_ms >= made_at, "within an epoch no time decreases");
    }
}

#[test]
fn what_is_copied_over_a_live_database_is_noticed_though_its_counters_are_higher() {
    for mode in ["WAL", "DELETE"] {
        copied_over(mode);
    }
}

/// Copies a database in that journal mode over one that is followed.
fn copied_over(mode: &str) {
    let mut followed = Followed::new("PRAGMA journal_mode=WAL");
    followed.insert(200);
    followed.sync();
    // The same application elsewhere went on, and nothing of it goes through this log.
    let elsewhere = followed.folder.path().join("elsewhere.db");
    followed.execute(&format!("PRAGMA wal_checkpoint(TRUNCATE); VACUUM INTO '{}'", elsewhere.display()));
    let other = Connection::open(&elsewhere).unwrap();
    other.execute_batch(&format!("PRAGMA journal_mode={mode}")).unwrap();
    for _ in 0..20 {
        other.execute_batch("UPDATE t SET x = randomblob(300); CREATE TABLE IF NOT EXISTS other(x)").unwrap();
    }
    drop(other);
    followed.sync();
    let first = followed.outbox.epoch().0.unwrap();
    // As `cp` does it: the same inode.
    let bytes = std::fs::read(&elsewhere).unwrap();
    std::fs::write(followed.path(), &bytes).unwrap();
    // Comparisons that a file's change causes are bounded in time.
    until("another history has another epoch", || {
        followed.engine.sync().unwrap() && followed.outbox.epoch().0.unwrap().epoch != first.epoch
    });
    let second = followed.outbox.epoch().0.unwrap();
    assert_eq!(second.parent.map(|parent| parent.epoch), Some(first.epoch));
    followed.image = Image::default();
    followed.outbox.connected(0, second.epoch, 0, 0);
    followed.image.drain(&followed.outbox);
    followed.assert_same();
    followed.insert(5);
    followed.sync();
    assert_eq!(followed.outbox.epoch().0.unwrap().epoch, second.epoch, "once");
    followed.assert_same();
}

#[test]
fn what_is_written_beside_sqlite_without_a_log_is_shipped_though_its_counter_stays() {
    let mut followed = Followed::new("PRAGMA journal_mode=DELETE");
    followed.insert(50);
    followed.sync();
    let file = std::fs::File::options().read(true).write(true).open(followed.path()).unwrap();
    let last = file.metadata().unwrap().len() - 1;
    for txid in 2..5 {
        let mut byte = [0];
        file.read_exact_at(&mut byte, last).unwrap();
        file.write_all_at(&[!byte[0]], last).unwrap();
        followed.sync();
        followed.sync();
        assert_eq!(followed.image.txid, txid, "once");
    }
}

#[test]
fn the_checkpoints_of_others_change_nothing() {
    let mut followed = Followed::new("PRAGMA journal_mode=WAL");
    followed.insert(200);
    followed.sync();
    let epoch = followed.outbox.epoch().0.unwrap().epoch;
    let application = sqlite::open_live(&followed.path(), Duration::from_secs(5)).unwrap();
    for _ in 0..5 {
        application.execute_batch("UPDATE t SET x = randomblob(300); PRAGMA wal_checkpoint(PASSIVE)").unwrap();
        followed.sync();
        application.execute_batch("INSERT INTO t(x) VALUES (1); PRAGMA wal_checkpoint(PASSIVE)").unwrap();
    }
    followed.sync();
    assert_eq!(followed.outbox.epoch().0.unwrap().epoch, epoch);
    followed.assert_same();
}

#[test]
fn other_recipients_begin_another_epoch() {
    let mut followed = Followed::new("PRAGMA journal_mode=WAL");
    followed.insert(5);
    let keys = [NewKey::generate(), NewKey::generate()].map(|key| key.recipient());
    let mut epochs = Vec::new();
    for recipients in [&keys[..1], &keys[..1], &keys[1..], &keys[..], &[]] {
        followed.restart();
        let recipients =
            (!recipients.is_empty()).then(|| Recipients::parse(recipients.iter().map(|key| &**key)).unwrap());
        followed.engine = Engine::new(
            Options { recipients: recipients.map(Arc::new), ..followed.options() },
            Arc::clone(&followed.outbox),
            Arc::default(),
        );
        followed.insert(1);
        assert!(followed.engine.sync().unwrap());
        epochs.push(followed.outbox.epoch().0.unwrap().epoch);
    }
    let distinct: std::collections::BTreeSet<_> = epochs.iter().collect();
    assert_eq!((epochs[0], distinct.len()), (epochs[1], 4), "{epochs:?}");
}

#[cfg(feature = "crash-points")]
#[test]
fn a_clock_of_before_1970_begins_no_epoch_and_is_forgotten_when_it_is_right_again() {
    let mut followed = Followed::new("PRAGMA journal_mode=WAL");
    followed.insert(10);
    followed.sync();
    let epoch = followed.outbox.epoch().0.unwrap().epoch;
    disk::clock::wrong::set(jiff::SignedDuration::from_hours(-24 * 365 * 70));
    followed.insert(1);
    let error = followed.engine.sync().unwrap_err();
    assert!(error.to_string().contains("this machine's clock"), "{error}");
    disk::clock::wrong::set(jiff::SignedDuration::ZERO);
    followed.sync();
    assert_eq!(followed.outbox.epoch().0.unwrap().epoch, epoch);
    followed.assert_same();
}
