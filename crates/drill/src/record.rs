//! What a drill found, for those who ask `/status` and `/metrics` later: a row of the catalog.

use std::path::Path;

use disk::catalog::status::{self, Drill};
use pra_core::Result;

use super::report::Report;

/// Notes it in the catalog of the backup folder.
///
/// # Errors
/// As [`status::update`].
pub fn record(folder: &Path, report: &Report) -> Result<()> {
    status::update(folder, disk::clock::now(), |status| status.add_drill(row(report)))
}

fn row(report: &Report) -> Drill {
    Drill {
        at: report.started_at,
        kind: report.subject.drill.to_string(),
        kept: report.verdict.held,
        rto_seconds: report.rto_seconds,
        rpo_seconds: Some(report.rpo_seconds),
        acknowledged: report.acknowledged,
        lost: report.lost,
        refused: report.refused,
    }
}
