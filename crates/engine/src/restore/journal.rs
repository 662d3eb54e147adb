//! The catalog says that a restore is at work, and how the last one ended: for the application's status and the alarms.

use std::path::Path;

use disk::catalog::status::{self, Place, Restore};
use pra_core::Result;

use super::{Plan, Prepared, Report};

impl Prepared {
    /// As [`Prepared::apply`], and the catalog says so. One that cannot be written holds up no restore.
    ///
    /// # Errors
    /// As [`Prepared::apply`].
    pub fn apply_and_tell(self) -> Result<Report> {
        let (backups, database) = (self.options.backups.clone(), self.options.database.clone());
        let began = begun(&self.plan);
        tell(&backups, &database, began.clone());
        let report = self.apply();
        tell(&backups, &database, ended(began, report.as_ref()));
        report
    }
}

fn begun(plan: &Plan) -> Restore {
    Restore {
        began: disk::clock::now(),
        ended: None,
        point: plan.point.clone(),
        mode: Some(plan.mode.as_str().to_owned()),
        seconds: None,
        error: None,
    }
}

fn ended(began: Restore, report: Result<&Report, &pra_core::Error>) -> Restore {
    let now = disk::clock::now();
    match report {
        Ok(report) => Restore { ended: Some(now), seconds: Some(report.seconds), ..began },
        Err(error) => Restore { ended: Some(now), error: Some(error.chain()), ..began },
    }
}

fn tell(backups: &Path, database: &Path, restore: Restore) {
    // On an empty cluster there is no backup volume yet.
    if !backups.is_dir() {
        return;
    }
    let now = disk::clock::now();
    let told = status::update(backups, now, |status| {
        status.add_restore(restore);
        status.note_room(Place::Data, database, now);
    });
    if let Err(error) = told {
        tracing::warn!(error = error.chain(), "the catalog does not say that a restore is at work");
    }
}
