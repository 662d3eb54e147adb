//! A sync of the log fails, and then the power: each acknowledged event is there afterwards.
//!
//! strace makes syncs fail and writes down what was written and synced. After a failed sync the kernel marks what
//! it could not write as written, so only data that is written *again* can still reach the disk.

use std::collections::BTreeSet;
use std::fs;

use mini_pra_tests::{Checkpointer, Client, Data, Database, Host, Job, wait_until};

const CLIENTS: usize = 16;
const EVENTS_EACH: usize = 60;

#[test]
fn after_a_failed_sync_and_a_power_loss_every_acknowledged_event_is_there() {
    let data = Data::new();
    Job::new("init", &data).succeeds();
    // Held open, so that no close moves the log into the database.
    let holder = data.open();
    assert_eq!(holder.journal_mode(), "wal");
    let trace = data.path().join("trace");
    let failing =
        ["--seccomp-bpf", "-e", "trace=pwrite64,fdatasync,fsync", "-e", "inject=fsync,fdatasync:error=EIO:when=15"];
    let host = Host::traced_with(&failing, &trace).start(&data);
    let acknowledged = load(host.url());
    // No client writes any more: this is what a power loss would take.
    let crashed = Data::new();
    let log = data.path().join("data/app.db-wal");
    let mut bytes = fs::read(&log).unwrap();
    fs::copy(data.database(), crashed.database()).unwrap();

    // The application accepts writes as soon as the checkpointer has rewritten the log.
    let checkpointer = Checkpointer::start(&data);
    let client = Client::new(host.url());
    wait_until("the application writes again", || client.get("/add?message=again").status == 200);
    host.kill();
    checkpointer.stop();
    let lines = || String::from_utf8_lossy(&fs::read(&trace).unwrap()).into_owned();
    wait_until("the end of the trace", || lines().contains("+++ killed by SIGKILL +++"));

    let disk = Disk::after(&lines(), bytes.len());
    assert!(disk.failed > 0, "no sync failed, so that nothing was shown");
    for (place, byte) in bytes.iter_mut().enumerate() {
        if disk.is_lost(place) {
            *byte = 0;
        }
    }
    fs::write(crashed.path().join("data/app.db-wal"), bytes).unwrap();
    let there = Database::open(&crashed.database()).messages();
    let lost: Vec<_> = acknowledged.iter().filter(|message| !there.contains(message)).collect();
    assert!(acknowledged.len() > CLIENTS, "{} were acknowledged", acknowledged.len());
    assert!(
        lost.is_empty(),
        "{} of {} acknowledged events are lost: {:?}",
        lost.len(),
        acknowledged.len(),
        lost.first()
    );
}

/// Adds events from many clients, each until it is refused; returns what was acknowledged.
fn load(url: &str) -> Vec<String> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CLIENTS)
            .map(|number| {
                scope.spawn(move || {
                    let client = Client::new(url);
                    (0..EVENTS_EACH)
                        .map(|turn| format!("failed-{number}-{turn}"))
                        .take_while(|message| client.get(&format!("/add?message={message}")).status == 200)
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

/// What of the log is on the disk, byte by byte.
struct Disk {
    /// Written, and not synced yet.
    dirty: Vec<bool>,
    /// Written before a sync that failed, and not written since.
    dropped: Vec<bool>,
    failed: usize,
}

impl Disk {
    /// As a trace tells it, for the first `length` bytes of the log. What comes after the clients have ended is left out:
    /// the one event that shows that the application is back, with what has made it so.
    fn after(trace: &str, length: usize) -> Self {
        let mut disk = Self { dirty: vec![false; length], dropped: vec![false; length], failed: 0 };
        // A call that is interrupted by one of another thread takes two lines, and the second one names no file.
        let mut syncing = BTreeSet::new();
        for line in trace.lines().take_while(|line| !line.contains("again")) {
            let thread = line.split(' ').next().unwrap_or_default();
            let of_the_log = line.contains("app.db-wal>");
            if of_the_log && line.contains("pwrite64(") {
                let (start, size) = place(line);
                for at in start.min(length)..(start + size).min(length) {
                    (disk.dirty[at], disk.dropped[at]) = (true, false);
                }
            } else if of_the_log && line.contains("sync(") && line.contains("<unfinished") {
                syncing.insert(thread);
            } else if of_the_log && line.contains("sync(") || line.contains("sync resumed>") && syncing.remove(thread) {
                let failed = line.contains("(INJECTED)");
                disk.failed += usize::from(failed);
                for (dirty, dropped) in disk.dirty.iter_mut().zip(&mut disk.dropped) {
                    *dropped |= std::mem::take(dirty) && failed;
                }
            }
        }
        disk
    }

    fn is_lost(&self, place: usize) -> bool {
        self.dirty[place] || self.dropped[place]
    }
}

/// Offset and size of `pwrite64(5<…>, "…"..., SIZE, OFFSET) = …`, or of one that is not finished.
fn place(line: &str) -> (usize, usize) {
    let end = line.find(" <unfinished").or_else(|| line.rfind(") = ")).unwrap();
    let mut numbers = line[..end].rsplit(", ");
    let offset = numbers.next().unwrap().parse().unwrap();
    (offset, numbers.next().unwrap().parse().unwrap())
}

#[test]
fn the_disk_of_a_trace_keeps_what_was_synced_and_what_was_written_again() {
    let line = |call: &str, end: &str| format!("1 {call}(5</d/app.db-wal>{end}\n");
    let write = |at: usize| line("pwrite64", &format!(", \"x\"..., 10, {at}) = 10"));
    let (good, bad) = (line("fdatasync", ") = 0"), line("fdatasync", ") = -1 EIO (Input/output error) (INJECTED)"));
    let disk = Disk::after(&[write(0), good.clone(), write(10), bad, write(20), good, write(30)].concat(), 40);
    let lost: Vec<_> = [0, 10, 20, 30].into_iter().filter(|at| disk.is_lost(*at)).collect();
    assert_eq!((lost, disk.failed), (vec![10, 30], 1));
}
