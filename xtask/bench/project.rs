//! Where the programs under measurement are, and where databases may be made.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::options::Options;

/// The repository and its built programs.
pub(crate) struct Project {
    /// The application's manifest; it names the component.
    pub(crate) manifest: PathBuf,
    pub(crate) host: PathBuf,
    pub(crate) backup_job: PathBuf,
    pub(crate) component: PathBuf,
    /// The application's schema, as SQL.
    pub(crate) schema: String,
    pub(crate) scratch: Scratch,
    /// What is installed once, for every run.
    pub(crate) cache: PathBuf,
}

/// A folder of this run; removed with everything in it when dropped.
pub(crate) struct Scratch {
    folder: PathBuf,
}

impl Project {
    pub(crate) fn find(options: &Options) -> Result<Self> {
        let manifest_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = manifest_dir.parent().context("xtask has no parent folder")?;
        let target = root.join("target");
        let binaries = options.binaries.clone().unwrap_or_else(|| target.join("release"));
        let schema = root.join("components/events/schema.sql");
        let scratch = options.dir.clone().unwrap_or_else(|| target.join("bench"));
        Ok(Self {
            manifest: options.manifest.clone().unwrap_or_else(|| root.join("spin.toml")),
            host: binaries.join("host"),
            backup_job: binaries.join("backup-job"),
            component: target.join("wasm32-wasip2/release/events.wasm"),
            schema: std::fs::read_to_string(&schema)
                .with_context(|| format!("failed to read '{}'", schema.display()))?,
            scratch: Scratch::create(&scratch)?,
            cache: options.cache.clone().unwrap_or_else(|| target.join("bench")),
        })
    }
}

impl Scratch {
    fn create(parent: &Path) -> Result<Self> {
        let folder = parent.join(format!("run-{}", std::process::id()));
        std::fs::create_dir_all(&folder).with_context(|| format!("failed to create '{}'", folder.display()))?;
        // Programs that run elsewhere are given paths below it.
        let folder = folder.canonicalize().context("failed to resolve the scratch folder")?;
        Ok(Self { folder })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.folder
    }

    /// A new, empty folder of that name.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder).with_context(|| format!("failed to remove '{}'", folder.display()))?;
        }
        std::fs::create_dir_all(&folder).with_context(|| format!("failed to create '{}'", folder.display()))?;
        Ok(folder)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.folder) {
            eprintln!("failed to remove '{}': {error}", self.folder.display());
        }
    }
}
