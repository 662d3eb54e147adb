//! `sql-writer DATABASE NAME PER_SECOND`: adds events `NAME-0`, `NAME-1`, … until it is killed. It prints when each was
//! sent and when its transaction had ended: `sent NAME-0 MS`, `done NAME-0 MS`, in milliseconds since 1970.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "the test that started it sees it end")]

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use mini_pra_tests::{Database, now_ms};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [database, name, per_second] = arguments.as_slice() else {
        panic!("usage: sql-writer DATABASE NAME PER_SECOND")
    };
    let pace = Duration::from_secs(1) / per_second.parse().expect("PER_SECOND is no number");
    let database = Database::open(Path::new(database));
    database.run("PRAGMA synchronous = NORMAL");
    // Unlike `println`, nothing stays in a buffer when this process is killed: each line is one write.
    let mut out = std::io::stdout().lock();
    let mut next = Instant::now();
    for number in 0_u64.. {
        let key = format!("{name}-{number}");
        out.write_all(format!("sent {key} {}\n", now_ms()).as_bytes()).unwrap();
        database.add([key.as_str()]);
        out.write_all(format!("done {key} {}\n", now_ms()).as_bytes()).unwrap();
        next += pace;
        // Its load, and no wait for anything. One that was held up makes up for it.
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}
