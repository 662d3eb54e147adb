//! Processes that write, and their ledger.

use std::process::Command;
use std::time::Duration;

use mini_pra_tests::{Data, Entry, Ledger, Process, wait_until};
use nix::sys::signal::Signal;

/// How many there are.
const WRITERS: usize = 2;

pub(crate) struct Writers {
    processes: Vec<Process>,
}

impl Writers {
    /// Starts them, with `per_second` transactions altogether.
    #[track_caller]
    pub(crate) fn start(data: &Data, per_second: usize) -> Self {
        let process = |number: usize| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_sql-writer"));
            let (name, rate) = (format!("w{number}"), (per_second / WRITERS).to_string());
            command.arg(data.database()).arg(&name).arg(rate);
            Process::start(&mut command, &data.log(&name))
        };
        Self { processes: (0..WRITERS).map(process).collect() }
    }

    /// Waits until `count` more events are acknowledged.
    #[track_caller]
    pub(crate) fn wait_for_more(&mut self, count: usize) {
        let target = self.acknowledged() + count;
        wait_until("more acknowledged events", || {
            for process in &mut self.processes {
                assert!(process.ended().is_none(), "a writer has ended:\n{}", process.output());
            }
            self.acknowledged() >= target
        });
    }

    fn acknowledged(&self) -> usize {
        self.processes.iter().map(|process| process.output().matches("done ").count()).sum()
    }

    /// Kills them; what they had sent and what was acknowledged.
    pub(crate) fn kill(mut self) -> Ledger {
        self.processes.iter_mut().for_each(|process| process.signal(Signal::SIGKILL));
        let ledger = Ledger::default();
        for process in &mut self.processes {
            process.wait();
            entries(&process.output()).into_iter().for_each(|entry| ledger.note(entry));
        }
        ledger
    }
}

/// Of what `sql-writer` printed; a last line that was cut short counts for nothing.
fn entries(output: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for line in output.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
        let [what, key, ms] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("a writer said: {line}") };
        let (key, ms) = (key.to_owned(), ms.parse().unwrap());
        match (what, entries.last_mut()) {
            ("sent", _) => entries.push(Entry { key, sent_ms: ms, acknowledged_ms: None, took: Duration::ZERO }),
            ("done", Some(entry)) if entry.key == key => entry.acknowledged_ms = Some(ms),
            _ => panic!("a writer said: {line}"),
        }
    }
    entries
}
