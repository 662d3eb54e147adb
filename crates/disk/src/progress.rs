//! Progress of what takes longer than a moment: a bar on a terminal, a line every ten seconds elsewhere.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Time between two lines where there is no terminal.
const SAY_EVERY: Duration = Duration::from_secs(10);

/// Bytes as people read them.
pub fn size(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}

/// One count of bytes. Shared by reference between threads.
#[derive(Debug)]
pub struct Progress {
    title: &'static str,
    bar: ProgressBar,
    /// When a line was last said; `None` where there is a terminal, or nothing to be said.
    said: Option<Mutex<Instant>>,
}

impl Progress {
    /// Shows nothing.
    pub fn none() -> Self {
        Self { title: "", bar: ProgressBar::hidden(), said: None }
    }

    /// A count up to `total` bytes, on stderr.
    pub fn bytes(title: &'static str, total: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        let style = "{msg:>10} {bar:30} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta}";
        // A style that does not parse would only look plain.
        bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_message(title);
        let said = bar.is_hidden().then(|| Mutex::new(Instant::now()));
        if said.is_none() {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Self { title, bar, said }
    }

    /// So many bytes more.
    pub fn add(&self, bytes: u64) {
        self.bar.inc(bytes);
        // A thread that finds it locked lets the other thread print the line.
        let Some(mut said) = self.said.as_ref().and_then(|said| said.try_lock().ok()) else { return };
        if said.elapsed() >= SAY_EVERY {
            *said = Instant::now();
            self.say();
        }
    }

    fn say(&self) {
        let (done, total) = (self.bar.position(), self.bar.length().unwrap_or(0));
        let seconds = self.bar.elapsed().as_secs_f64();
        let left_seconds = left(done, total, seconds);
        let (seconds, left_seconds) = (seconds.round(), left_seconds.round());
        tracing::info!(done_bytes = done, total_bytes = total, seconds, left_seconds, "{}", self.title);
    }

    /// Removes the bar.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// Seconds that are left, at the rate until now.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn left(done: u64, total: u64, seconds: f64) -> f64 {
    if done == 0 { 0.0 } else { total.saturating_sub(done) as f64 * seconds / done as f64 }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_told_by_the_rate_until_now() {
        assert!((left(25, 100, 10.0) - 30.0).abs() < 1e-9);
        assert!(left(0, 100, 10.0).abs() < 1e-9, "nothing is known yet");
        assert!(left(120, 100, 10.0).abs() < 1e-9, "it was more than was expected");
    }
}
