//! Writes events at a steady rate, each by a task of its own, so that none waits for another; what is refused is sent
//! again under the same key until it is acknowledged.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pra_core::{Code, Error, Result};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, sleep_until, timeout};

use super::application::Writable;
use super::course::Clock;
use super::ledger::{Acknowledgement, Ledger, Refused};
use super::schedule::Schedule;

/// Pause before a refused write is sent again: the first, doubled each time up to the last. (The next write of the
/// schedule notices a recovery earlier than any retry.) One line doubles them: a crate would not make it shorter.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// How many requests that are sent again may be under way at once. First requests never wait; but all of a long outage
/// sent again at once would keep down what has just come back.
const RETRIES: usize = 8;

/// Time between two looks at the ledger.
const LOOK: Duration = Duration::from_millis(20);

/// Writers at work.
#[derive(Debug)]
pub struct Writers {
    ledger: Arc<Mutex<Ledger>>,
    stop: watch::Sender<bool>,
    driver: JoinHandle<JoinSet<()>>,
}

impl Writers {
    /// Begins to write. The message of a write is `prefix` and its number.
    pub fn start<W: Writable>(service: Arc<W>, schedule: Schedule, clock: Clock, prefix: String) -> Self {
        let ledger = Arc::new(Mutex::new(Ledger::default()));
        let (stop, mut stopping) = watch::channel(false);
        let book = Arc::clone(&ledger);
        let begin = clock.now();
        let retries = Semaphore::new(RETRIES);
        let writer = Arc::new(Writer { service, ledger: book, clock, prefix, retries });
        let driver = tokio::spawn(async move {
            let mut writes = JoinSet::new();
            for sequence in 0_u64.. {
                let due = begin + schedule.due(sequence);
                tokio::select! {
                    biased;
                    // An error means that the drill is gone.
                    _ = stopping.changed() => break,
                    () = sleep_until(clock.instant(due)) => {}
                }
                let writer = Arc::clone(&writer);
                writes.spawn(async move { writer.write(sequence, due).await });
                while writes.try_join_next().is_some() {}
            }
            writes
        });
        Self { ledger, stop, driver }
    }

    /// The ledger as it is now.
    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }

    /// Waits until a write that was first sent at or after `from` is acknowledged.
    ///
    /// # Errors
    /// [`Code::OutOfReach`] where none is after `limit`.
    pub async fn acknowledged_since(&self, from: Duration, limit: Duration) -> Result<()> {
        let wait = async {
            while !self.ledger().has_acknowledged_since(from) {
                sleep(LOOK).await;
            }
        };
        timeout(limit, wait).await.map_err(|elapsed| {
            let ledger = self.ledger();
            let last = ledger.refusals().last().map(|refused| format!(" (last: {})", refused.how.name()));
            let last = last.unwrap_or_default();
            Error::new(Code::OutOfReach, format!("no write was acknowledged for {} s{last}", limit.as_secs()))
                .hint("check --url, and that the application's pods are ready: `kubectl get pods`")
                .because(elapsed)
        })
    }

    /// Sends no new write, gives those that are under way `grace` to be acknowledged, and returns the ledger.
    ///
    /// # Errors
    /// Where the writers have failed, which is a fault of this program.
    pub async fn finish(self, grace: Duration) -> Result<Ledger> {
        let Self { ledger, stop, driver } = self;
        stop.send_replace(true);
        let failed = |e| Error::new(Code::Failed, "the writers failed").because(e);
        let mut writes = driver.await.map_err(failed)?;
        let all = async {
            while let Some(ended) = writes.join_next().await {
                ended.map_err(failed)?;
            }
            Ok::<(), Error>(())
        };
        if let Ok(ended) = timeout(grace, all).await {
            ended?;
        }
        writes.shutdown().await;
        let ledger = lock(&ledger).clone();
        Ok(ledger)
    }
}

fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the tasks of all writes share.
struct Writer<W> {
    service: Arc<W>,
    ledger: Arc<Mutex<Ledger>>,
    clock: Clock,
    prefix: String,
    retries: Semaphore,
}

impl<W: Writable> Writer<W> {
    /// Sends one write until it is acknowledged.
    async fn write(&self, sequence: u64, due: Duration) {
        let message = message(&self.prefix, sequence);
        let (mut pause, longest) = PAUSES;
        if self.try_once(sequence, due, &message).await {
            return;
        }
        loop {
            sleep(pause).await;
            pause = (pause * 2).min(longest);
            // Never closed, so there is always a turn.
            let _turn = self.retries.acquire().await;
            if self.try_once(sequence, due, &message).await {
                return;
            }
        }
    }

    /// Sends one request. Whether it was acknowledged.
    async fn try_once(&self, sequence: u64, due: Duration, message: &str) -> bool {
        let sent = self.clock.now();
        lock(&self.ledger).tried(sequence, due, sent);
        let answer = self.service.write(message).await;
        let at = self.clock.now();
        match answer {
            Ok(receipt) => lock(&self.ledger).acknowledged(sequence, Acknowledgement { sent, at, receipt }),
            Err(how) => {
                lock(&self.ledger).refused(Refused { sent, at, how });
                return false;
            }
        }
        true
    }
}

/// The message and key of a write.
pub fn message(prefix: &str, sequence: u64) -> String {
    format!("{prefix}{sequence:06}")
}

/// The number of a message that [`message`] made.
pub fn sequence(prefix: &str, message: &str) -> Option<u64> {
    message.strip_prefix(prefix)?.parse().ok()
}

#[cfg(test)]
mod tests;
