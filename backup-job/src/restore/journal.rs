//! The catalog says that a restore is at work, and how the last one ended: for the application's status and the alarms.

use std::path::Path;

use super::{Plan, Prepared, Report};
use crate::catalog::status::{self, Restore};
use crate::error::Result;

impl Prepared {
    /// As [`Prepared::apply`], and the catalog says so. One that cannot be written holds up no restore.
    ///
    /// # Errors
    /// As [`Prepared::apply`].
    pub fn apply_and_tell(self) -> Result<Report> {
        let backups = self.options.backups.clone();
        let began = begun(&self.plan);
        tell(&backups, began.clone());
        let report = self.apply();
        tell(&backups, ended(began, report.as_ref()));
        report
    }
}

fn begun(plan: &Plan) -> Restore {
    Restore {
        began: crate::clock::now(),
        ended: None,
        point: plan.point.clone(),
        mode: Some(plan.mode.as_str().to_owned()),
        seconds: None,
        error: None,
    }
}

fn ended(began: Restore, report: Result<&Report, &crate::error::Error>) -> Restore {
    let now = crate::clock::now();
    match report {
        Ok(report) => Restore { ended: Some(now), seconds: Some(report.seconds), ..began },
        Err(error) => Restore { ended: Some(now), error: Some(error.chain()), ..began },
    }
}

fn tell(backups: &Path, restore: Restore) {
    // On an empty cluster there is no backup volume yet.
    if !backups.is_dir() {
        return;
    }
    if let Err(error) = status::update(backups, restore.began, |status| status.restore = Some(restore)) {
        tracing::warn!(error = error.chain(), "the catalog does not say that a restore is at work");
    }
}
