//! A database that has not changed costs no second copy: a hard link of the backup before.
//!
//! The stamp in the catalog says how the live files looked at the newest backup, which recipients that has, and which
//! file it is. A backup that was encrypted for other recipients (or not at all) is never linked: a removed recipient
//! could still read it.

use std::path::Path;

use disk::catalog::{Catalog, SourceStamp};
use disk::progress::Progress;
use disk::{files, read_back, snapshot};
use pra_core::Result;
use pra_core::checksum::Checksum;
use pra_core::restore_point::RestorePoint;
use store::encryption::Recipients;

use super::{LABEL, Made, Options};
use crate::backup::source::Source;
use crate::encrypted;

/// Between the parts of a stamp.
const BETWEEN: &str = " | ";

/// The recipients, in a stamp.
fn encrypt(recipients: Option<&Recipients>) -> String {
    match recipients {
        None => "plain".to_owned(),
        Some(recipients) => recipients.shown().join(","),
    }
}

/// The stamp for the backup `name` of `source`.
pub(super) fn stamp(source: &Source, recipients: Option<&Recipients>, name: &str) -> SourceStamp {
    SourceStamp([source.files.as_str(), &encrypt(recipients), name].join(BETWEEN))
}

/// The newest backup, where it is encrypted as this run's would be, and how the live files looked then.
fn linkable<'a>(catalog: &'a Catalog, recipients: Option<&Recipients>) -> Option<(&'a RestorePoint, &'a str)> {
    let newest = catalog.newest_backup()?;
    let (files, rest) = catalog.source()?.0.split_once(BETWEEN)?;
    (rest == [encrypt(recipients).as_str(), &newest.file].join(BETWEEN)).then_some((newest, files))
}

/// Links the newest backup under `name` where the database's files look as they did then and its content is the same.
/// `None`: copy.
pub(super) fn link(source: &Source, catalog: &Catalog, options: &Options, name: &str) -> Result<Option<Made>> {
    let Options { backups, recipients, dry_run, now, .. } = options;
    let newest = match linkable(catalog, recipients.as_ref()) {
        Some((newest, files)) if files == source.files => newest,
        _ => return Ok(None),
    };
    if newest.page_size != source.shape.page_size || newest.pages != source.shape.pages {
        return Ok(None);
    }
    let progress = Progress::bytes("comparing", source.shape.bytes());
    let found = snapshot::checksums(&source.connection, source.shape, &progress)?;
    if found.content != newest.content_checksum {
        return Ok(None);
    }
    if !*dry_run {
        catalog.announce(backups, name, *now)?;
        if !make_link(backups, newest, name)? {
            return Ok(None);
        }
    }
    let checked = read_back::Checked {
        shape: source.shape,
        checksums: newest.checksums(),
        events: newest.events,
        problem: None,
        warnings: newest.warnings.clone(),
    };
    Ok(Some(Made::linked(checked, newest)))
}

/// The newest backup, where it has this content and is encrypted as this run's would be.
pub(super) fn same_content<'a>(
    catalog: &'a Catalog,
    recipients: Option<&Recipients>,
    content: Checksum,
) -> Option<&'a RestorePoint> {
    linkable(catalog, recipients).map(|(newest, _)| newest).filter(|newest| newest.content_checksum == content)
}

/// Gives the file of `point` the further name `name`, after reading it back: a copy that has rotted since must not be
/// certified again. `false` where it has, or where the volume has no hard links: then a copy is due.
pub(super) fn make_link(backups: &Path, point: &RestorePoint, name: &str) -> Result<bool> {
    let path = backups.join(&point.file);
    let sound = if point.encrypted {
        matches!(encrypted::require_unchanged(&path, point, &Progress::none()), Ok(true))
    } else {
        read_back::checksums(&path, &Progress::none()).is_ok_and(|checksums| checksums == point.checksums())
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
