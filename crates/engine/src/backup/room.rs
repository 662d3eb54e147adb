//! A word in time where the backup volume is too small for what the rules come to keep.

use std::path::Path;

use disk::files;
use jiff::Timestamp;
use pra_core::Result;
use pra_core::restore_point::RestorePoint;
use pra_core::retention::{Forecast, Keep, forecast};

/// What to say of the room in `backups`; `None` where it is enough, or too few backups were made to tell.
pub(super) fn warning(backups: &Path, points: &[RestorePoint], keep: &Keep, now: Timestamp) -> Result<Option<String>> {
    let free = files::free_bytes(backups)?;
    Ok(forecast(points, keep, now).filter(|forecast| forecast.to_come() > free).map(|forecast| words(forecast, free)))
}

fn words(forecast: Forecast, free: u64) -> String {
    format!(
        "the backup volume fills up: if backups go on like the last ones, the rules keep {} files of {}; {} more are to \
         come, and {} are free. Enlarge the volume, or keep fewer (--keep-…)",
        forecast.files,
        disk::progress::size(forecast.bytes / forecast.files.max(1)),
        disk::progress::size(forecast.to_come()),
        disk::progress::size(free)
    )
}
