//! So many clients at once, each sending its next request as soon as the last is answered.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use crate::http::Client;
use crate::measure::Sample;

/// Connections are made and caches are warm after this long; it is not counted.
const WARM_UP: Duration = Duration::from_millis(300);

/// What to ask, and whom.
pub(crate) struct Load<'a> {
    pub(crate) address: SocketAddr,
    pub(crate) clients: usize,
    /// The bytes of one request, as [`crate::http::get`] makes them.
    pub(crate) request: &'a [u8],
}

/// What came of it.
pub(crate) struct Outcome {
    /// Of the requests answered with 2xx, in microseconds, ascending.
    pub(crate) latencies: Vec<u32>,
    /// Any other answer, and connections that failed.
    pub(crate) refused: u64,
    /// From the first request to the last answer.
    pub(crate) elapsed: Duration,
}

impl Load<'_> {
    /// Runs for `duration` after a warm-up.
    pub(crate) fn run(&self, duration: Duration) -> Result<Outcome> {
        self.until(|begin| begin.elapsed() >= WARM_UP)?;
        self.until(|begin| begin.elapsed() >= duration)
    }

    /// Runs until `stop` is set.
    pub(crate) fn run_until(&self, stop: &AtomicBool) -> Result<Outcome> {
        self.until(|_| stop.load(Ordering::Relaxed))
    }

    fn until(&self, done: impl Fn(Instant) -> bool + Sync) -> Result<Outcome> {
        let begin = Instant::now();
        let parts = std::thread::scope(|scope| {
            let clients: Vec<_> = (0..self.clients).map(|_| scope.spawn(|| self.one_client(|| done(begin)))).collect();
            clients
                .into_iter()
                .map(|client| client.join().map_err(|_panic| anyhow!("a client panicked")))
                .collect::<Result<Vec<_>>>()
        })?;
        let elapsed = begin.elapsed();
        let refused = parts.iter().map(|(_, refused)| refused).sum();
        let mut latencies: Vec<u32> = parts.into_iter().flat_map(|part| part.0).collect();
        latencies.sort_unstable();
        Ok(Outcome { latencies, refused, elapsed })
    }

    fn one_client(&self, done: impl Fn() -> bool) -> (Vec<u32>, u64) {
        let mut client = Client::new(self.address);
        let (mut latencies, mut refused) = (Vec::new(), 0);
        while !done() {
            let begin = Instant::now();
            match client.exchange(self.request) {
                Ok(200..300) => latencies.push(microseconds(begin.elapsed())),
                Ok(_) | Err(_) => refused += 1,
            }
        }
        (latencies, refused)
    }
}

/// Saturates at 71 minutes, which no request takes.
pub(crate) fn microseconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}

impl Outcome {
    /// `each` things are done by one request.
    pub(crate) fn sample(&self, each: u32) -> Sample {
        let mut sample = latency_sample(&self.latencies);
        let answered = self.latencies.len() as f64;
        sample.insert("per_second", answered * f64::from(each) / self.elapsed.as_secs_f64());
        sample.insert("refused", self.refused as f64);
        sample
    }
}

/// Percentiles in milliseconds of ascending microseconds; no keys where nothing was answered.
pub(crate) fn latency_sample(ascending: &[u32]) -> Sample {
    let mut sample = Sample::new();
    for (key, part) in [("p50_ms", 0.5), ("p99_ms", 0.99), ("max_ms", 1.0)] {
        if let Some(microseconds) = percentile(ascending, part) {
            sample.insert(key, f64::from(microseconds) / 1000.0);
        }
    }
    sample
}

/// The nearest-rank percentile, `part` from 0 to 1.
fn percentile(ascending: &[u32], part: f64) -> Option<u32> {
    let rank = (ascending.len() as f64 * part).ceil() as usize;
    ascending.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_was_seen() {
        let values: Vec<u32> = (1..=200).collect();
        assert_eq!(percentile(&values, 0.5), Some(100));
        assert_eq!(percentile(&values, 0.99), Some(198));
        assert_eq!(percentile(&values, 1.0), Some(200));
        assert_eq!(percentile(&[], 0.5), None);
    }
}
