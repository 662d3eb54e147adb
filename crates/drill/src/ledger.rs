//! What was written, when, and what the application said to it. Loss is counted, not guessed.
//!
//! Every instant is a time since the drill began, by the monotonic clock; only a [`Receipt`] carries the server's.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

/// What the application answers to a write that it has committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The event's id. Not its name: ids are used again after a restore.
    pub id: i64,
    /// When, by the server's clock.
    pub timestamp: Timestamp,
}

/// The acknowledgement of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledgement {
    /// When the request that was acknowledged was sent.
    pub sent: Duration,
    /// When the answer was there.
    pub at: Duration,
    /// What it said.
    pub receipt: Receipt,
}

/// One event, sent under one key until it is acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Its number, which is in its message and in its key.
    pub sequence: u64,
    /// When it was due, independent of the requests before it.
    pub due: Duration,
    /// When it was first sent.
    pub first_try: Duration,
    /// How many requests it took, or has taken so far.
    pub tries: u32,
    /// `None`: never acknowledged, and it may be there or not.
    pub acknowledged: Option<Acknowledgement>,
}

/// How a request failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// No process listens on the port.
    ConnectionRefused,
    /// The connection was closed before the answer was complete.
    Reset,
    /// No answer in time.
    TimedOut,
    /// No route to the address.
    Unreachable,
    /// An answer, but not the one that acknowledges.
    Status(u16),
    /// A connection that had been used before was cut. A client that keeps connections has to expect that, so these are
    /// counted apart.
    KeptAliveCut,
    /// Anything else.
    Other,
}

impl Refusal {
    /// Its name in the report.
    pub fn name(self) -> String {
        match self {
            Self::ConnectionRefused => "connection-refused".to_owned(),
            Self::Reset => "reset".to_owned(),
            Self::TimedOut => "timed-out".to_owned(),
            Self::Unreachable => "unreachable".to_owned(),
            Self::Status(status) => format!("http-{status}"),
            Self::KeptAliveCut => "kept-alive-cut".to_owned(),
            Self::Other => "other".to_owned(),
        }
    }
}

/// A request that was not acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// When it was sent.
    pub sent: Duration,
    /// When it had failed.
    pub at: Duration,
    /// How.
    pub how: Refusal,
}

/// All writes of a drill.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    writes: BTreeMap<u64, Write>,
    refused: Vec<Refused>,
}

impl Ledger {
    /// Notes a request that is being sent for the write `sequence`, which was due at `due`.
    pub fn tried(&mut self, sequence: u64, due: Duration, at: Duration) {
        let new = Write { sequence, due, first_try: at, tries: 0, acknowledged: None };
        self.writes.entry(sequence).or_insert(new).tries += 1;
    }

    /// Notes a request that failed.
    pub fn refused(&mut self, refused: Refused) {
        self.refused.push(refused);
    }

    /// Notes that a write is acknowledged; the first acknowledgement counts.
    pub fn acknowledged(&mut self, sequence: u64, acknowledgement: Acknowledgement) {
        if let Some(write) = self.writes.get_mut(&sequence) {
            write.acknowledged.get_or_insert(acknowledgement);
        }
    }

    /// All writes, in their order.
    pub fn writes(&self) -> impl Iterator<Item = &Write> {
        self.writes.values()
    }

    /// Those that were acknowledged, with the acknowledgement.
    pub fn acknowledgements(&self) -> impl Iterator<Item = (&Write, &Acknowledgement)> {
        self.writes().filter_map(|write| Some((write, write.acknowledged.as_ref()?)))
    }

    /// All requests that failed, in the order in which that was known.
    pub fn refusals(&self) -> &[Refused] {
        &self.refused
    }

    /// How many requests were sent.
    pub fn requests(&self) -> u64 {
        self.writes().map(|write| u64::from(write.tries)).sum()
    }

    /// Whether a write that was first sent at or after `from` is acknowledged.
    pub fn has_acknowledged_since(&self, from: Duration) -> bool {
        self.acknowledgements().any(|(write, _)| write.first_try >= from)
    }

    /// When the first of the failed requests that were sent at or after `from` was sent.
    pub fn first_refused_since(&self, from: Duration) -> Option<Duration> {
        self.refused.iter().map(|refused| refused.sent).filter(|sent| *sent >= from).min()
    }
}
