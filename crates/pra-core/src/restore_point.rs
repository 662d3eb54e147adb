//! A restore point: one whole database file on the backup volume, as a row of the catalog tells it.

use std::time::Duration;

use crate::ahead;
use jiff::Timestamp;

use super::age;
use super::checksum::{Checksum, Checksums};
use super::naming::{self, Kind};

/// One file in the backup folder and what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct RestorePoint {
    /// Name in the backup folder, without a path.
    pub file: String,
    /// Why it was made.
    pub kind: Kind,
    /// Instant of the snapshot by the clock of that moment, to the millisecond: everything committed before it is
    /// inside.
    pub created_at: Timestamp,
    /// Its place in the order in which they were made, which no clock can change; two are equal only where one was not
    /// recorded when it was made.
    pub sequence: u64,
    /// Size of the file.
    pub bytes: u64,
    /// 512 to 65,536, a power of two.
    pub page_size: u32,
    /// Size in pages, the lock page included.
    pub pages: u32,
    /// Rows of the table `events`; `None` where the database has no such table.
    pub events: Option<u64>,
    /// Checksum of what the file holds, the volatile header bytes left out: equal for equal content.
    pub content_checksum: Checksum,
    /// Database checksum of the file as it is, as LTX defines it. Not a proof that nothing changed.
    pub ltx_checksum: Checksum,
    /// When it was last read back and found good; `None`: never.
    pub verified_at: Option<Timestamp>,
    /// What the last verification found wrong; `None`: nothing.
    pub error: Option<String>,
    /// What SQLite's checks say of the data's logic, and what they could not look at: it is no damage.
    pub warnings: Vec<String>,
    /// How long it took to make.
    pub seconds: f64,
    /// The older file of which this one is a hard link, since nothing had changed.
    pub unchanged_since: Option<String>,
    /// Whether the file is encrypted: an age file with the database in it.
    pub encrypted: bool,
    /// Checksum of an encrypted file as it lies there.
    pub file_checksum: Option<Checksum>,
}

impl RestorePoint {
    /// A file of which only the name and the size are known: the catalog has no row for it yet.
    pub fn unrecorded(file: String, kind: Kind, created_at: Timestamp, bytes: u64) -> Self {
        let encrypted = naming::is_encrypted(&file);
        Self {
            file,
            kind,
            created_at,
            sequence: 0,
            bytes,
            page_size: 0,
            pages: 0,
            events: None,
            content_checksum: Checksum::NONE,
            ltx_checksum: Checksum::NONE,
            verified_at: None,
            error: None,
            warnings: Vec::new(),
            seconds: 0.0,
            unchanged_since: None,
            encrypted,
            file_checksum: None,
        }
    }

    /// Both checksums. Two files are the same only where both are: LTX's alone is blind to changes that cancel out,
    /// the content's to the header bytes that it masks.
    pub fn checksums(&self) -> Checksums {
        Checksums { ltx: self.ltx_checksum, content: self.content_checksum }
    }

    /// Whether its checksums were ever taken.
    pub fn is_recorded(&self) -> bool {
        self.ltx_checksum != Checksum::NONE
    }

    /// Whether the last verification succeeded: only such a one is ever chosen without being named.
    pub fn is_verified(&self) -> bool {
        self.verified_at.is_some() && self.error.is_none()
    }

    /// By how much its instant is ahead of the clock, where that is more than clocks may differ: then one of the two
    /// was wrong, and it is never chosen unasked.
    pub fn ahead(&self, now: Timestamp) -> Option<Duration> {
        ahead::ahead(self.created_at.as_millisecond(), now.as_millisecond())
    }

    /// What to say of one that is ahead of the clock.
    pub fn suspicion(&self, now: Timestamp) -> Option<String> {
        let by = self.ahead(now)?;
        Some(format!(
            "its clock was ahead by {}, or this one is behind",
            age::display(Duration::from_secs(by.as_secs()))
        ))
    }

    /// Time since the snapshot; zero where its instant is not over yet.
    pub fn age(&self, now: Timestamp) -> Duration {
        now.duration_since(self.created_at).try_into().unwrap_or_default()
    }

    /// What "newer" means everywhere: made later; where that is not known, the later instant, and then the longer name,
    /// since a name is only made longer where the shorter one was taken.
    pub fn recency(&self) -> (u64, Timestamp, usize, &str) {
        let stem = self.file.trim_end_matches(".age").trim_end_matches(".db");
        (self.sequence, self.created_at, stem.len(), &self.file)
    }
}

#[cfg(test)]
mod tests {
    use crate::RestorePoint;
    use crate::fixtures::backup;

    #[test]
    fn of_one_instant_the_name_that_found_the_others_taken_is_the_newer() {
        let named = |file: &str| RestorePoint { file: file.to_owned(), ..backup("2025-01-10T12:00:00Z") };
        let in_order = ["", "-00", "-00-2", "-00-10"].map(|rest| named(&format!("backup-2025-01-10-12-00{rest}.db")));
        let encrypted = named("backup-2025-01-10-12-00-00-11.db.age");
        assert!(in_order.iter().chain([&encrypted]).is_sorted_by_key(|point| point.recency()));
    }
}
