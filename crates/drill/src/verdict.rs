//! Whether what was promised was kept.

use serde::{Deserialize, Serialize};

/// One promise, and what was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Promise {
    /// What is promised.
    pub promise: String,
    /// Whether it was kept.
    pub kept: bool,
    /// What was measured.
    pub found: String,
    /// Whether it is about time. Such a one is reported and fails no drill: another machine is slower.
    pub timing: bool,
}

/// All promises of a drill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whether all were kept but for those about time.
    pub held: bool,
    /// In a sentence.
    pub words: String,
    /// Each.
    pub promises: Vec<Promise>,
}

/// Which time a promise is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// From the disaster.
    Rto,
    /// From the command that begins the recovery.
    Recovery,
}

/// How far behind the disaster what is restored may lie, in seconds.
const LAG: f64 = catalog::thresholds::LAG_PROMISED.as_secs_f64();

/// What is measured of a replica's lag.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Lag {
    /// How far the oldest lost event lies before the disaster.
    Lost,
    /// How far the restore point lies before the wrong events, in seconds.
    Point(f64),
}

/// What a scenario promises.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Promised {
    /// What may be lost, in words.
    pub loss: &'static str,
    /// Whether no request may be refused.
    pub no_refusal: bool,
    /// The longest time, in seconds.
    pub within: Option<(Measure, f64)>,
    /// Where there is a replica: what lies behind by at most what a replica may.
    pub lag: Option<Lag>,
    /// For bad writes: how many of them are still there.
    pub bad_left: Option<u64>,
}

/// What was found, as far as promises are about it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    /// Acknowledged events that should be there and are not.
    pub broken: u64,
    /// All acknowledged events that are not there.
    pub gone: u64,
    /// Events that are there more than once.
    pub doubled: u64,
    /// Refused requests, but for cut connections that had been used before.
    pub refused: u64,
    /// Seconds from the disaster.
    pub rto: Option<f64>,
    /// Seconds from the recovery's command.
    pub recovery: Option<f64>,
    /// Seconds from the oldest lost event to the disaster.
    pub rpo: f64,
}

impl Verdict {
    /// Holds what was found against what was promised.
    pub fn new(promised: Promised, found: Found) -> Self {
        let Promised { loss, no_refusal, within, lag, bad_left } = promised;
        let counted = |promise: &str, kept: bool, found: String| Promise {
            promise: promise.to_owned(),
            kept,
            found,
            timing: false,
        };
        let mut promises = vec![
            counted(loss, found.broken == 0, format!("{} gone, {} of them should be there", found.gone, found.broken)),
            counted("no event twice", found.doubled == 0, format!("{} twice", found.doubled)),
        ];
        if no_refusal {
            promises.push(counted(
                "no request refused on a new connection",
                found.refused == 0,
                format!("{} refused", found.refused),
            ));
        }
        if let Some(left) = bad_left {
            promises.push(counted("the bad events are gone", left == 0, format!("{left} are still there")));
        }
        if let Some((measure, limit)) = within {
            let (name, seconds) = match measure {
                Measure::Rto => ("disaster", found.rto),
                Measure::Recovery => ("recovery command", found.recovery),
            };
            promises.push(Promise {
                promise: format!("from the {name} to the next acknowledged write under {limit} s"),
                kept: seconds.is_some_and(|seconds| seconds < limit),
                found: seconds.map_or_else(|| "never".to_owned(), |seconds| format!("{seconds:.2} s")),
                timing: true,
            });
        }
        if let Some(lag) = lag {
            let (what, seconds) = match lag {
                Lag::Lost => ("lost: at most the last", found.rpo),
                Lag::Point(behind) => ("the wrong events are later than the restore point by at most", behind),
            };
            promises.push(Promise {
                promise: format!("{what} {LAG} s, where the store's writes take at most 0.3 s"),
                kept: seconds <= LAG,
                found: format!("{seconds:.2} s"),
                timing: true,
            });
        }
        let held = promises.iter().all(|promise| promise.kept || promise.timing);
        let broken: Vec<String> = promises
            .iter()
            .filter(|promise| !promise.kept)
            .map(|promise| format!("{} ({})", promise.promise, promise.found))
            .collect();
        let words = match (held, broken.is_empty()) {
            (_, true) => "all promises were kept".to_owned(),
            (true, false) => format!("slower than promised: {}", broken.join("; ")),
            (false, false) => format!("not kept: {}", broken.join("; ")),
        };
        Self { held, words, promises }
    }
}
