//! The ledger held against what is there after the drill.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::ledger::{Acknowledgement, Ledger, Write};
use super::server_clock::ServerClock;

/// What a disaster and its recovery may take away.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Allowance {
    /// Nothing that was acknowledged.
    Nothing,
    /// What was written after this instant of the server's clock: the last backup.
    After(Timestamp),
    /// What was written after the backup that is restored, and before the restore was done (by our clock).
    Between(Timestamp, Duration),
    /// What the replica lacked: written after the instant at which it was seen to follow, and newer than everything
    /// that was written before the recovery began (by our clock) and is still there. A replica lacks the end of a
    /// history, never its middle.
    Tail(Option<Timestamp>, Duration),
}

/// Why an acknowledged event is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It came after the last backup.
    AfterTheBackup,
    /// The replica did not have it yet.
    LackedByTheReplica,
    /// It came between the restore point and the restore.
    ExcludedByTheRestorePoint,
    /// It should be there.
    Broken,
}

impl Why {
    /// For the report.
    pub fn words(self) -> &'static str {
        match self {
            Self::AfterTheBackup => "written after the last backup",
            Self::LackedByTheReplica => "newer than what the replica had",
            Self::ExcludedByTheRestorePoint => "written between the restore point and the restore",
            Self::Broken => "it should be there",
        }
    }
}

impl Allowance {
    /// Why this write, which `account` says is gone, may be so.
    pub fn explain(self, write: &Write, acknowledged: &Acknowledgement, account: &Account, server: ServerClock) -> Why {
        match self {
            Self::Tail(seen, recovery)
                if !seen.is_some_and(|seen| server.is_before(acknowledged.at, seen))
                    && account.newest_id_until(recovery).is_none_or(|kept| acknowledged.receipt.id > kept) =>
            {
                Why::LackedByTheReplica
            }
            Self::After(backup) if !server.is_before(acknowledged.at, backup) => Why::AfterTheBackup,
            Self::Between(backup, restored)
                if !server.is_before(acknowledged.at, backup) && write.first_try <= restored =>
            {
                Why::ExcludedByTheRestorePoint
            }
            Self::Nothing | Self::After(_) | Self::Between(..) | Self::Tail(..) => Why::Broken,
        }
    }
}

/// What became of the writes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// Acknowledged and not there, oldest first.
    pub gone: Vec<Write>,
    /// Acknowledged and there.
    pub present: Vec<Write>,
    /// There more than once.
    pub doubled: Vec<u64>,
    /// There although never acknowledged: the answer was lost, not the event.
    pub present_unacknowledged: u64,
}

impl Account {
    /// Holds the ledger against the numbers of the events that are there.
    pub fn new(ledger: &Ledger, found: &[u64]) -> Self {
        let mut times: BTreeMap<u64, u64> = BTreeMap::new();
        for sequence in found {
            *times.entry(*sequence).or_default() += 1;
        }
        let mut account = Self::default();
        for write in ledger.writes() {
            match (write.acknowledged.is_some(), times.contains_key(&write.sequence)) {
                (true, true) => account.present.push(write.clone()),
                (true, false) => account.gone.push(write.clone()),
                (false, true) => account.present_unacknowledged += 1,
                (false, false) => {}
            }
        }
        account.doubled = times.into_iter().filter(|(_, times)| *times > 1).map(|(sequence, _)| sequence).collect();
        account
    }

    /// When the first write was acknowledged that was first sent at or after `from` and is still there: what an
    /// application says while it dies is no recovery.
    pub fn first_served_since(&self, from: Duration) -> Option<Duration> {
        let since = self.present.iter().filter(|write| write.first_try >= from);
        since.filter_map(|write| Some(write.acknowledged.as_ref()?.at)).min()
    }

    /// The highest id of what was acknowledged before `until` and is there. Ids rise with each commit, until an older
    /// state is restored.
    pub fn newest_id_until(&self, until: Duration) -> Option<i64> {
        let acknowledged = self.present.iter().filter_map(|write| write.acknowledged.as_ref());
        acknowledged.filter(|one| one.at < until).map(|one| one.receipt.id).max()
    }

    /// When the application served again after a disaster. It may live on for a moment, so what counts is the first
    /// write after the first refused one; where none was refused, the first one after the disaster.
    pub fn served_again(&self, ledger: &Ledger, disaster: Duration) -> Option<Duration> {
        self.first_served_since(ledger.first_refused_since(disaster).unwrap_or(disaster))
    }
}

/// The longest time without an acknowledgement, up to `end`.
pub fn longest_gap(ledger: &Ledger, end: Duration) -> Duration {
    let instants: BTreeSet<Duration> = ledger.acknowledgements().map(|(_, acknowledged)| acknowledged.at).collect();
    let mut longest = Duration::ZERO;
    let mut last = Duration::ZERO;
    for at in instants.into_iter().chain([end]) {
        longest = longest.max(at.saturating_sub(last));
        last = at;
    }
    longest
}

/// How far the oldest of the lost events lies before the disaster, in seconds; 0 where none is lost, or only such as
/// were acknowledged while the application died.
pub fn recovery_point(lost: &[&Write], disaster: Duration, server: ServerClock) -> f64 {
    let oldest = lost.iter().filter_map(|write| Some(write.acknowledged.as_ref()?.receipt.timestamp)).min();
    oldest.map_or(0.0, |oldest| (disaster.as_secs_f64() - server.to_ours(oldest)).max(0.0))
}

#[cfg(test)]
mod tests;
