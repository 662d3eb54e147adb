//! Every metric of mini-pra, declared once: what `/metrics` of the component and of `backup-job replicate` give, what
//! the alarms and the Grafana dashboard may ask for, and the table in the documentation.
//!
//! Names follow Prometheus' conventions: base units (seconds, bytes), `_total` for counters, instants as
//! `_timestamp_seconds` since 1970. What is not known has no sample; it is never 0.
//!
//! Both pods of the application export the same gauges, since they read the same two databases: a query takes
//! `max by (…)`, never `sum`.

mod declared;
mod document;
mod samples;

pub use declared::*;
pub use document::markdown;
pub use samples::{CONTENT_TYPE, Samples};

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its whole name, as queries use it.
    pub name: &'static str,
    /// What it says, without a full stop.
    pub help: &'static str,
    /// Whether it only ever grows.
    pub kind: Kind,
    /// The names of its labels; their values are few: the configured stores, the volumes, the drills.
    pub labels: &'static [&'static str],
    /// Who exports it.
    pub exporters: &'static [Exporter],
}

/// Prometheus' type of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A value that goes up and down.
    Gauge,
    /// A sum since the process began.
    Counter,
}

/// Who exports a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exporter {
    /// The component's `/metrics`.
    Application,
    /// `backup-job replicate --metrics-addr`.
    Replicator,
}

impl Kind {
    /// Prometheus' word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
        }
    }
}

impl Exporter {
    /// The word in the documentation and in the label `exporter`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Replicator => "replicator",
        }
    }
}
