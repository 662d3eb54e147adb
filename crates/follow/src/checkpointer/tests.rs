use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::JoinHandle;

use disk::sqlite;
use rusqlite::Connection;

use super::*;

struct Kept {
    folder: tempfile::TempDir,
    stop: Arc<AtomicBool>,
    gauges: Arc<Latest<Stats>>,
    thread: Option<JoinHandle<Result<Stats>>>,
}

fn database(folder: &Path) -> PathBuf {
    folder.join("app.db")
}

fn fill(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; CREATE TABLE IF NOT EXISTS t(x)")
        .unwrap();
    connection
}

fn keep(folder: tempfile::TempDir) -> Kept {
    let stop = Arc::new(AtomicBool::new(false));
    let options =
        Options { tick: Duration::from_millis(10), wal_limit: 256 << 10, ..Options::new(database(folder.path())) };
    let (flag, gauges) = (Arc::clone(&stop), Arc::clone(&options.gauges));
    let thread = std::thread::spawn(move || run(&options, &flag));
    Kept { folder, stop, gauges, thread: Some(thread) }
}

impl Kept {
    fn end(&mut self) -> Stats {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap().unwrap()
    }

    fn path(&self) -> PathBuf {
        database(self.folder.path())
    }

    fn lock_is_held(&self) -> bool {
        lock::exclusive(&self.path(), Duration::ZERO).is_err()
    }
}

fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "{what} did not happen");
        std::thread::yield_now();
    }
}

#[test]
fn the_wal_is_bounded_while_writers_overlap_and_every_row_stays() {
    const ROW: u64 = 8000;
    let folder = tempfile::tempdir().unwrap();
    fill(&database(folder.path()));
    let mut kept = keep(folder);
    let path = kept.path();
    let (rows, largest) = (AtomicU64::new(0), AtomicU64::new(0));
    let deadline = Instant::now() + Duration::from_secs(60);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                // Until four times as much was written as the WAL ever grew to, which never comes without the
                // checkpointer.
                let outgrown = || {
                    let wal = fs::metadata(files_wal(&path)).map_or(0, |metadata| metadata.len());
                    let largest = largest.fetch_max(wal, Ordering::Relaxed).max(wal);
                    rows.load(Ordering::Relaxed) * ROW > (4 * largest).max(4 << 20)
                };
                while !outgrown() {
                    assert!(Instant::now() < deadline, "the WAL grows with what is written");
                    let connection = sqlite::open_live(&path, Duration::from_secs(20)).unwrap();
                    connection.pragma_update(None, "synchronous", "OFF").unwrap();
                    connection.execute("INSERT INTO t VALUES (randomblob(?1))", [ROW]).unwrap();
                    rows.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let stats = kept.end();
    let connection = Connection::open(&path).unwrap();
    let found: u64 = connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
    assert_eq!(found, rows.into_inner());
    assert!(stats.checkpoints > 0);
}

#[test]
fn the_wal_outlives_the_applications_closes_while_the_checkpointer_holds_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let first = fill(&database(folder.path()));
    let mut kept = keep(folder);
    // It has the lock before it has the WAL.
    until("the checkpointer's first look", || kept.gauges.get().holds);
    drop(first);
    let wal = files_wal(&kept.path());
    let connection = sqlite::open_live(&kept.path(), Duration::from_secs(5)).unwrap();
    connection.execute_batch("INSERT INTO t VALUES (1)").unwrap();
    drop(connection);
    assert!(fs::metadata(&wal).unwrap().len() > 0, "the last close would have removed it");
    kept.end();
    assert!(!wal.exists(), "nothing holds it any more");
}

fn files_wal(path: &Path) -> PathBuf {
    disk::files::with_suffix(path, "-wal")
}

#[test]
fn it_lets_go_for_who_wants_the_database_alone_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    fill(&database(folder.path()));
    let mut kept = keep(folder);
    until("the checkpointer's lock", || kept.lock_is_held());
    let alone = lock::exclusive(&kept.path(), Duration::from_secs(20)).unwrap();
    drop(alone);
    until("the checkpointer's return", || kept.lock_is_held());
    assert_eq!(kept.end().opened, 2);
}

#[test]
fn it_holds_nothing_while_there_is_no_database_and_takes_the_one_that_comes() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(folder.path());
    fs::write(&path, "").unwrap();
    let mut kept = keep(folder);
    lock::exclusive(&path, Duration::ZERO).unwrap();
    fill(&path);
    until("the checkpointer's lock", || kept.lock_is_held());
    assert_eq!(kept.end().opened, 1);
}

#[test]
fn it_opens_what_took_the_databases_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(folder.path());
    fill(&path);
    let other = path.with_file_name("other.db");
    fill(&other).execute_batch("PRAGMA journal_mode=DELETE; CREATE TABLE other(x)").unwrap();
    let mut kept = keep(folder);
    let inode = |path: &Path| fs::metadata(path).unwrap().ino();
    let (first, second) = (inode(&path), inode(&other));
    until("the first opening", || open_descriptors().contains(&first));
    fs::rename(&other, &path).unwrap();
    until("the second opening", || {
        let open = open_descriptors();
        open.contains(&second) && !open.contains(&first)
    });
    assert_eq!(kept.end().opened, 2);
}

/// Inodes of this process's open files.
fn open_descriptors() -> Vec<u64> {
    fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| fs::metadata(entry.ok()?.path()).ok())
        .map(|metadata| metadata.ino())
        .collect()
}

#[test]
fn a_database_in_rollback_mode_is_never_locked_against_its_writers() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(folder.path());
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE t(x)").unwrap();
    let mut kept = keep(folder);
    until("the checkpointer's lock", || kept.lock_is_held());
    // The checkpointer reads once when it opens the database; a reader that it held would outlast this wait.
    let writer = sqlite::open_live(&path, Duration::from_secs(5)).unwrap();
    for _ in 0..50 {
        writer.execute_batch("BEGIN EXCLUSIVE; INSERT INTO t VALUES (1); COMMIT").unwrap();
    }
    kept.end();
}

#[test]
fn one_look_moves_everything_and_returns() {
    let folder = tempfile::tempdir().unwrap();
    let path = database(folder.path());
    let live = fill(&path);
    live.execute_batch("INSERT INTO t VALUES (randomblob(100000))").unwrap();
    let options = Options { once: true, ..Options::new(path) };
    let stats = run(&options, &AtomicBool::new(false)).unwrap();
    assert!(stats.checkpoints > 0);
    let (frames, moved): (i64, i64) =
        live.query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| Ok((row.get(1)?, row.get(2)?))).unwrap();
    assert_eq!(frames, moved);
}
