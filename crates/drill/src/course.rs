//! How a drill goes: its clock, its phases, its marks.

use std::borrow::Cow;
use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use pra_core::Result;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// Time since the drill began, by the monotonic clock.
#[derive(Debug, Clone, Copy)]
pub struct Clock(Instant);

impl Clock {
    /// One that begins now.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since it began.
    pub fn now(self) -> Duration {
        self.0.elapsed()
    }

    /// The instant so long after it began.
    pub fn instant(self, at: Duration) -> Instant {
        self.0 + at
    }
}

/// For a report: seconds, to the millisecond.
pub fn seconds(length: Duration) -> f64 {
    to_milliseconds(length.as_secs_f64())
}

/// The same of seconds that are a number already.
pub fn to_milliseconds(seconds: f64) -> f64 {
    (seconds * 1_000.0).round() / 1_000.0
}

/// A phase that is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// What was done or awaited.
    pub name: Cow<'static, str>,
    /// When it began, since the drill began.
    pub at_seconds: f64,
    /// How long it took.
    pub seconds: f64,
}

/// An instant that has a name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// What happened.
    pub name: Cow<'static, str>,
    /// When, since the drill began.
    pub at_seconds: f64,
}

/// What has been done so far.
#[derive(Debug)]
pub struct Course {
    /// The drill's clock.
    pub clock: Clock,
    /// The same instant by the calendar.
    pub started_at: Timestamp,
    log: Mutex<(Vec<Phase>, Vec<Mark>)>,
}

impl Course {
    /// A drill that begins now.
    pub fn start() -> Self {
        Self { clock: Clock::start(), started_at: disk::clock::now(), log: Mutex::default() }
    }

    /// Does `work` as a phase.
    ///
    /// # Errors
    /// The work's own.
    pub async fn phase<T>(&self, name: &'static str, work: impl Future<Output = Result<T>>) -> Result<T> {
        let at = self.clock.now();
        tracing::info!(at = %format_args!("{:.1} s", at.as_secs_f64()), "{name}");
        let done = work.await;
        let took = self.clock.now() - at;
        self.log().0.push(Phase { name: name.into(), at_seconds: seconds(at), seconds: seconds(took) });
        done
    }

    /// Marks an instant, and returns it.
    pub fn mark(&self, name: &'static str) -> Duration {
        let at = self.clock.now();
        self.mark_at(name, at);
        at
    }

    /// Marks an instant that has passed.
    pub fn mark_at(&self, name: &'static str, at: Duration) {
        tracing::info!(at = %format_args!("{:.1} s", at.as_secs_f64()), "{name}");
        self.log().1.push(Mark { name: name.into(), at_seconds: seconds(at) });
    }

    /// The phases and marks, in the order in which they began.
    pub fn log_so_far(&self) -> (Vec<Phase>, Vec<Mark>) {
        let (mut phases, mut marks) = self.log().clone();
        phases.sort_by(|one, other| one.at_seconds.total_cmp(&other.at_seconds));
        marks.sort_by(|one, other| one.at_seconds.total_cmp(&other.at_seconds));
        (phases, marks)
    }

    fn log(&self) -> std::sync::MutexGuard<'_, (Vec<Phase>, Vec<Mark>)> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
