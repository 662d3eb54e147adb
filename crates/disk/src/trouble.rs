//! Trouble that is tried again: when it is said, and in which words.

use std::path::Path;
use std::time::{Duration, Instant};

use pra_core::{Code, Error};

/// Time between two lines about the same trouble.
pub(crate) const REPEAT: Duration = Duration::from_secs(60);

/// Others at work are no trouble for so long.
const PATIENCE: Duration = Duration::from_secs(3);

/// One kind of trouble.
#[derive(Debug, Default)]
pub struct Trouble {
    since: Option<Instant>,
    said: Option<(String, Instant)>,
}

impl Trouble {
    /// It is over.
    pub fn over(&mut self) {
        *self = Self::default();
    }

    /// The words for `error`, if it is time to say them.
    pub fn words(&mut self, error: &Error) -> Option<String> {
        let since = *self.since.get_or_insert_with(Instant::now);
        if error.code() == Code::Busy && since.elapsed() < PATIENCE {
            return None;
        }
        let text = error.chain();
        if self.said.as_ref().is_some_and(|(said, at)| *said == text && at.elapsed() < REPEAT) {
            return None;
        }
        self.said = Some((text.clone(), Instant::now()));
        Some(text)
    }
}

/// What it means that SQLite finds `database` locked each time.
pub fn explained(error: Error, database: &Path) -> Error {
    if error.code() != Code::Busy || crate::sqlite::cause_of(&error).is_none() {
        return error;
    }
    Error::new(Code::Busy, format!("'{}' is held exclusively by another connection", database.display()))
        .because(error.chain())
        .hint(
            "end its transaction, or let the application open it without PRAGMA locking_mode=EXCLUSIVE: nothing can be \
             read beside it",
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_is_said_once_and_others_at_work_not_at_once() {
        let mut trouble = Trouble::default();
        let failed = Error::new(Code::Failed, "failed to read");
        assert_eq!(trouble.words(&failed).as_deref(), Some("failed to read"));
        assert_eq!(trouble.words(&failed), None);
        trouble.over();
        assert!(trouble.words(&failed).is_some());
        trouble.over();
        assert_eq!(trouble.words(&Error::new(Code::Busy, "locked")), None);
    }
}
