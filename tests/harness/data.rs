//! A data folder of a test's own.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::database::Database;

/// A data folder as `cargo xtask up` makes it: `data/app.db`, `backup/`, `runtime-config.toml`, and `log/` for the
/// processes that run on it. Removed when dropped, unless `PRA_KEEP` is set.
#[derive(Debug)]
pub struct Data {
    folder: TempDir,
}

impl Data {
    /// An empty data folder: no database yet, no backup.
    ///
    /// # Panics
    /// Where it cannot be made.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it touches the disk, which a default should not")]
    pub fn new() -> Self {
        let mut folder = tempfile::Builder::new().prefix("mini-pra-").tempdir().expect("failed to make a folder");
        folder.disable_cleanup(std::env::var_os("PRA_KEEP").is_some());
        let data = Self { folder };
        for name in ["data", "backup", "log"] {
            fs::create_dir(data.path().join(name)).expect("failed to make a folder");
        }
        data.write_runtime_config();
        data
    }

    fn write_runtime_config(&self) {
        let text = format!(
            "[sqlite_database.default]\ntype = \"spin\"\npath = \"{}\"\n\n\
             [sqlite_database.backups]\ntype = \"spin\"\npath = \"{}\"\n",
            self.database().display(),
            self.catalog().display()
        );
        fs::write(self.runtime_config(), text).expect("failed to write the runtime configuration");
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The live database.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.path().join("data/app.db")
    }

    /// The folder of the backups.
    #[must_use]
    pub fn backups(&self) -> PathBuf {
        self.path().join("backup")
    }

    /// The catalog of the backups.
    #[must_use]
    pub fn catalog(&self) -> PathBuf {
        self.backups().join("catalog.db")
    }

    /// What tells `host` where the two databases are.
    #[must_use]
    pub fn runtime_config(&self) -> PathBuf {
        self.path().join("runtime-config.toml")
    }

    /// Where the log of the process `name` goes.
    #[must_use]
    pub fn log(&self, name: &str) -> PathBuf {
        self.path().join("log").join(name)
    }

    /// The live database, opened beside the programs that use it.
    #[must_use]
    pub fn open(&self) -> Database {
        Database::open(&self.database())
    }

    /// The names in the backup folder, sorted.
    ///
    /// # Panics
    /// Where it cannot be listed.
    #[must_use]
    pub fn backup_names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.backups()).expect("failed to list the backup folder");
        let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("failed to list").file_name();
        let mut names: Vec<_> = entries.map(|entry| name(entry).into_string().expect("a name is not UTF-8")).collect();
        // Locks say who works, and nothing of what is there.
        names.retain(|name| !name.starts_with(".pra."));
        names.sort();
        names
    }
}
