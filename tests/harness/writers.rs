//! Writers that send event after event, each until it is acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::{Body, Client};
use crate::ledger::{Entry, Ledger, Refusal};
use crate::wait::{DEADLINE, now_ms, wait_until};

/// How long a writer waits before it tries again.
const PAUSE: Duration = Duration::from_millis(5);

/// Running writers.
#[derive(Debug)]
pub struct Writers {
    stopping: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    ledger: Arc<Ledger>,
}

impl Writers {
    /// Starts `count` writers, whose events are named `NAME-WRITER-NUMBER`.
    #[must_use]
    pub fn start(client: &Client, name: &str, count: usize) -> Self {
        let stopping = Arc::new(AtomicBool::new(false));
        let ledger = Arc::new(Ledger::default());
        let threads = (0..count).map(|number| {
            // Not a clone: each has a connection of its own, as separate users have.
            let client = Client::new(client.url());
            let (name, stopping, ledger) = (format!("{name}-{number}"), Arc::clone(&stopping), Arc::clone(&ledger));
            std::thread::spawn(move || {
                for turn in 0_u64.. {
                    if stopping.load(Ordering::SeqCst) {
                        break;
                    }
                    send(&client, format!("{name}-{turn}"), &ledger);
                }
            })
        });
        let threads = threads.collect();
        Self { stopping, threads, ledger }
    }

    /// What they have sent so far.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Waits until `count` more events are acknowledged: that they are at work, or at work again.
    #[track_caller]
    pub fn wait_for_more(&self, count: usize) {
        let target = self.ledger.acknowledged() + count;
        wait_until("more acknowledged events", || self.ledger.acknowledged() >= target);
    }

    /// Lets each writer finish its event and returns the ledger.
    ///
    /// # Panics
    /// Where a writer has.
    #[must_use]
    pub fn stop(mut self) -> Arc<Ledger> {
        self.stopping.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            thread.join().expect("a writer panicked");
        }
        Arc::clone(&self.ledger)
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
    }
}

/// Sends one event until it is acknowledged, or [`DEADLINE`] has passed.
fn send(client: &Client, key: String, ledger: &Ledger) {
    let body = json!({ "message": key });
    let mut entry = Entry { key, sent_ms: now_ms(), acknowledged_ms: None, took: Duration::ZERO };
    let start = Instant::now();
    while start.elapsed() < DEADLINE {
        let attempt = Instant::now();
        let request = client.request("POST", "/events").header("idempotency-key", &entry.key);
        let what = match request.try_send(Body::Json(&body)) {
            Ok(answer) if answer.status == 201 => {
                entry.acknowledged_ms = Some(now_ms());
                entry.took = attempt.elapsed();
                break;
            }
            Ok(answer) => format!("{} {}", answer.status, answer.text()),
            Err(error) => error.to_string(),
        };
        ledger.refuse(Refusal { at_ms: now_ms(), what });
        std::thread::sleep(PAUSE);
    }
    ledger.note(entry);
}
