//! Where replicas go: a folder, or MinIO on this machine.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::minio::{BUCKET, Minio};

/// A place for any number of stores.
pub(super) struct Place {
    root: PathBuf,
    minio: Option<Minio>,
    stores: Cell<u32>,
}

/// What one replica is given; removed with all that is in it when dropped.
pub(super) struct Store {
    pub(super) url: String,
    /// Litestream is told of a server in the URL.
    pub(super) litestream_url: String,
    environment: Vec<(&'static str, String)>,
    folder: PathBuf,
}

impl Place {
    pub(super) fn folder(root: PathBuf) -> Self {
        Self { root, minio: None, stores: Cell::new(0) }
    }

    pub(super) fn s3(minio: Minio) -> Self {
        Self { root: minio.bucket(), minio: Some(minio), stores: Cell::new(0) }
    }

    pub(super) fn name(&self) -> &'static str {
        if self.minio.is_some() { "S3" } else { "a folder" }
    }

    pub(super) fn minio(&self) -> Option<&Minio> {
        self.minio.as_ref()
    }

    /// A store under a name that was never used.
    pub(super) fn store(&self) -> Store {
        let number = self.stores.get();
        self.stores.set(number + 1);
        let prefix = format!("replica-{number}");
        let folder = self.root.join(&prefix);
        match &self.minio {
            None => {
                let url = format!("file://{}", folder.display());
                Store { litestream_url: url.clone(), url, environment: Vec::new(), folder }
            }
            Some(minio) => {
                let url = format!("s3://{BUCKET}/{prefix}");
                let server = format!("endpoint={}&region=us-east-1&forcePathStyle=true", minio.endpoint());
                let litestream_url = format!("{url}?{server}");
                Store { url, litestream_url, environment: minio.environment(), folder }
            }
        }
    }
}

impl Store {
    /// Gives `command` what it needs to use the store.
    pub(super) fn known_to<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        // Litestream 0.5.17 does not start where this is set, and the server speaks plain HTTP.
        command.env_remove("AWS_CA_BUNDLE").envs(self.environment.iter().map(|(name, value)| (name, value)))
    }

    /// Megabytes that lie there. MinIO adds a few kilobytes to each object.
    pub(super) fn stored_mb(&self) -> Result<f64> {
        Ok(bytes_below(&self.folder)? as f64 / 1e6)
    }

    /// Whether it has a file of a replica.
    pub(super) fn has_begun(&self) -> bool {
        // It may not be there, or change while it is looked at: then it is looked at again.
        parent_of_ltx(&self.folder, &|_| true).is_some()
    }

    /// The folder of the files as they are first shipped, once there is one.
    pub(super) fn level_0(&self) -> Option<PathBuf> {
        parent_of_ltx(&self.folder, &|folder| folder.ends_with("ltx/0"))
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.folder) {
            eprintln!("{error:#}");
        }
    }
}

/// A folder at or below `folder` that is `wanted` and has an `.ltx` (which MinIO keeps as a folder).
fn parent_of_ltx(folder: &Path, wanted: &dyn Fn(&Path) -> bool) -> Option<PathBuf> {
    let entries: Vec<PathBuf> = std::fs::read_dir(folder).ok()?.filter_map(|e| Some(e.ok()?.path())).collect();
    if wanted(folder) && entries.iter().any(|path| path.extension().is_some_and(|ending| ending == "ltx")) {
        return Some(folder.to_owned());
    }
    entries.iter().find_map(|entry| parent_of_ltx(entry, wanted))
}

fn bytes_below(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder).with_context(|| format!("failed to list '{}'", folder.display()))? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { bytes_below(&entry.path())? } else { metadata.len() };
    }
    Ok(bytes)
}

/// Removes a file or a folder with all that is in it, where it is there.
pub(super) fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("failed to remove '{}'", path.display()))
        }
        _ => Ok(()),
    }
}
