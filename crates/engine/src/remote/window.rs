//! What a store can restore, for `list`.

use jiff::Timestamp;
use pra_core::{EpochId, Result};
use serde::{Deserialize, Serialize};

use super::choose::timestamp;
use super::survey::Survey;
use super::{Access, run};

/// An unbroken stretch of instants that can be restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The store.
    pub replica: String,
    /// The epoch.
    pub epoch: EpochId,
    /// The first and the last transaction.
    pub transactions: (u64, u64),
    /// The first instant.
    pub from: Timestamp,
    /// The last one.
    pub to: Timestamp,
    /// Whether its files are encrypted.
    pub encrypted: bool,
    /// Bytes that lie there for the epoch.
    pub bytes: u64,
    /// The first and the last transaction of what is missing right after it, though it was shipped.
    pub missing: Option<(u64, u64)>,
}

/// The windows of a store, newest first.
///
/// # Errors
/// Where a file's time cannot be read.
pub(crate) fn windows(access: &Access, survey: &Survey) -> Result<Vec<Window>> {
    run(|| async {
        let mut windows = Vec::new();
        for step in &survey.steps {
            let bytes = step.history.files().map(|file| file.size).sum();
            // What is to follow a window: the next one, or what was shipped last.
            let mut following = step.head.map(|head| head + 1);
            for window in step.history.windows().into_iter().rev() {
                let missing = following.filter(|next| *next > window.last + 1).map(|next| (window.last + 1, next - 1));
                following = Some(window.first);
                let mut encrypted = false;
                let mut times = [Timestamp::UNIX_EPOCH; 2];
                for (time, txid) in times.iter_mut().zip([window.first, window.last]) {
                    if let Some(file) = step.history.smallest(txid) {
                        encrypted |= step.key(&file)?.encrypted;
                        let ms = timestamp(access, survey, step, &file).await?;
                        *time = Timestamp::from_millisecond(ms).unwrap_or_default();
                    }
                }
                windows.push(Window {
                    replica: survey.store.url().to_string(),
                    epoch: step.epoch,
                    transactions: (window.first, window.last),
                    from: times[0],
                    to: times[1],
                    encrypted,
                    bytes,
                    missing,
                });
            }
        }
        Ok(windows)
    })
}
