//! A database that has not changed costs no second copy: a hard link of the backup before.

use std::path::Path;

use super::{LABEL, Made};
use crate::backup::source::Source;
use crate::catalog::Catalog;
use crate::error::Result;
use crate::files;
use crate::model::checksum::Checksum;
use crate::model::restore_point::RestorePoint;
use crate::progress::Progress;
use crate::{snapshot, verify};

/// Links the newest backup under `name` where the database's files look as they did then and its content is the same.
/// `None`: copy.
pub(super) fn link(
    source: &Source,
    catalog: &Catalog,
    backups: &Path,
    name: &str,
    dry_run: bool,
) -> Result<Option<Made>> {
    let Some(newest) = catalog.newest_backup().filter(|_| catalog.source() == Some(&source.stamp)) else {
        return Ok(None);
    };
    if newest.page_size != source.shape.page_size || newest.pages != source.shape.pages {
        return Ok(None);
    }
    let progress = Progress::bytes("comparing", source.shape.bytes());
    let now = snapshot::checksums(&source.connection, source.shape, &progress)?;
    if now.content != newest.content_checksum || !(dry_run || make_link(backups, newest, name)?) {
        return Ok(None);
    }
    let checked =
        verify::Checked { shape: source.shape, checksums: newest.checksums(), events: newest.events, problem: None };
    Ok(Some(Made { checked, unchanged_since: Some(origin(newest)) }))
}

/// The newest backup, where it has this content.
pub(super) fn same_content(catalog: &Catalog, content: Checksum) -> Option<&RestorePoint> {
    catalog.newest_backup().filter(|newest| newest.content_checksum == content)
}

/// Gives the file of `point` the further name `name`, after reading it back: a copy that has rotted since must not be
/// certified again. `false` where it has, or where the volume has no hard links: then a copy is due.
pub(super) fn make_link(backups: &Path, point: &RestorePoint, name: &str) -> Result<bool> {
    let path = backups.join(&point.file);
    let sound = match verify::checksums(&path, &Progress::none()) {
        Ok(checksums) => checksums == point.checksums(),
        Err(_) => false,
    };
    if !sound {
        tracing::warn!(file = point.file, "the backup before is damaged; making a whole copy");
        return Ok(false);
    }
    match files::hard_link(LABEL, &path, &backups.join(name)) {
        Ok(()) => Ok(true),
        Err(error) => {
            tracing::debug!(%error, "no hard link; making a whole copy");
            Ok(false)
        }
    }
}

/// The file that holds the content first.
pub(super) fn origin(point: &RestorePoint) -> String {
    point.unchanged_since.clone().unwrap_or_else(|| point.file.clone())
}
