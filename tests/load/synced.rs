//! What an answer promises, as the kernel sees it: the event is on the disk.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;

use mini_pra_tests::{Checkpointer, Client, Data, Host, Job, wait_until};

const CLIENTS: usize = 8;
const EVENTS_EACH: usize = 50;

/// Events are named `synced-1-023`: all the same length, so that none is part of another.
const NAME: &str = "synced-";
const NAME_LENGTH: usize = NAME.len() + "1-023".len();

#[test]
fn no_event_is_answered_before_the_log_that_holds_it_is_synced() {
    let data = Data::new();
    Job::new("init", &data).succeeds();
    let _checkpointer = Checkpointer::start(&data);
    let trace = data.path().join("trace");
    let mut host = Host::traced("pwrite64,fdatasync,fsync,write,writev,sendto,sendmsg", &trace).start(&data);
    let pid = host.process().pid().to_string();
    std::thread::scope(|scope| {
        for number in 0..CLIENTS {
            let client = Client::new(host.url());
            scope.spawn(move || {
                for turn in 0..EVENTS_EACH {
                    client.get(&format!("/add?message={NAME}{number}-{turn:03}")).expect(200);
                }
            });
        }
    });
    host.stop();
    let read = || String::from_utf8_lossy(&fs::read(&trace).unwrap()).into_owned();
    // Short process ids are padded.
    let end = |line: &str| line.split_once(' ').is_some_and(|(id, what)| id == pid && what.contains("+++ exited"));
    wait_until("the end of the trace", || read().lines().any(end));

    let mut seen = Seen::default();
    for (place, line) in read().lines().enumerate() {
        seen.line(place, line);
    }
    assert_eq!(seen.answered, CLIENTS * EVENTS_EACH, "each answer is seen");
    assert!(seen.early.is_empty(), "{} were answered before their sync: {:?}", seen.early.len(), seen.early);
    let marks: i64 = data.open().get("SELECT coalesce(max(generation), 0) FROM durability", []);
    assert!(marks > 0, "no two requests shared a sync, so that nothing was shown");
}

/// What a trace has told up to some line.
#[derive(Default)]
struct Seen {
    /// Events that are written but not synced, and the line of the write.
    unsynced: BTreeMap<String, usize>,
    /// All that are written.
    written: BTreeSet<String>,
    /// Where the syncs began that have not ended, by thread.
    syncing: HashMap<String, usize>,
    answered: usize,
    /// Those that were answered too early.
    early: Vec<String>,
}

impl Seen {
    /// A line of `strace -f`: `PID call(…) = result`, or, where another thread's comes between, two:
    /// `PID call(… <unfinished ...>` and `PID <... call resumed>…) = result`.
    fn line(&mut self, place: usize, line: &str) {
        let (thread, call) = line.split_once(' ').unwrap_or_default();
        let call = call.trim_start();
        if call.starts_with("pwrite64(") {
            for name in names(call) {
                if self.written.insert(name.to_owned()) {
                    self.unsynced.insert(name.to_owned(), place);
                }
            }
        } else if call.contains("sync(") && call.ends_with("<unfinished ...>") {
            self.syncing.insert(thread.to_owned(), place);
        } else if call.contains("sync(") || call.contains("sync resumed>") {
            assert!(call.ends_with("= 0"), "{line}");
            // Only what was written before the sync began.
            let began = self.syncing.remove(thread).unwrap_or(place);
            self.unsynced.retain(|_, written| *written > began);
        } else if !call.starts_with("<...") {
            for name in names(call) {
                self.answered += 1;
                if !self.written.contains(name) || self.unsynced.contains_key(name) {
                    self.early.push(name.to_owned());
                }
            }
        }
    }
}

/// The names of events in the data of a call.
fn names(call: &str) -> impl Iterator<Item = &str> {
    call.match_indices(NAME).filter_map(|(start, _)| call.get(start..start + NAME_LENGTH))
}
