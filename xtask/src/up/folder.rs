//! The one folder that holds everything of a running application.
//!
//! ```text
//! DIR/data/app.db           the database
//! DIR/backup/               the backups and catalog.db
//! DIR/runtime-config.toml   tells host or spin where the two are; rewritten at each start
//! DIR/server.pid            the process that serves, while it does
//! DIR/.up.lock              held by the xtask that runs on this folder
//! ```

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// A data folder, locked until dropped.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folders that are missing, takes the lock and writes the runtime configuration.
    ///
    /// # Errors
    /// Where another xtask runs on it, or it cannot be written to.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        for folder in [path.to_path_buf(), path.join("data"), path.join("backup")] {
            fs::create_dir_all(&folder).with_context(|| format!("failed to make the folder '{}'", folder.display()))?;
        }
        let path = path.canonicalize().with_context(|| format!("failed to resolve '{}'", path.display()))?;
        let folder = Self { _lock: lock(&path)?, path };
        folder.forget_server()?;
        let config = folder.runtime_config();
        fs::write(&config, folder.runtime_config_text()?)
            .with_context(|| format!("failed to write '{}'", config.display()))?;
        Ok(folder)
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path.join("data/app.db")
    }

    pub(crate) fn backups(&self) -> PathBuf {
        self.path.join("backup")
    }

    pub(crate) fn runtime_config(&self) -> PathBuf {
        self.path.join("runtime-config.toml")
    }

    /// Writes the id of the process that serves, for a person who wants to kill it.
    pub(crate) fn note_server(&self, process: u32) -> Result<()> {
        let name = self.server_pid();
        fs::write(&name, format!("{process}\n")).with_context(|| format!("failed to write '{}'", name.display()))
    }

    /// The server has ended: its process id may soon be another process's.
    pub(crate) fn forget_server(&self) -> Result<()> {
        let name = self.server_pid();
        match fs::remove_file(&name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("failed to remove '{}'", name.display()))
            }
            _ => Ok(()),
        }
    }

    fn server_pid(&self) -> PathBuf {
        self.path.join("server.pid")
    }

    fn runtime_config_text(&self) -> Result<String> {
        let default = toml_string(&self.database())?;
        let backups = toml_string(&self.backups().join("catalog.db"))?;
        Ok(format!(
            "[sqlite_database.default]\ntype = \"spin\"\npath = {default}\n\n\
             [sqlite_database.backups]\ntype = \"spin\"\npath = {backups}\n"
        ))
    }
}

fn lock(path: &Path) -> Result<File> {
    let name = path.join(".up.lock");
    let file = File::create(&name).with_context(|| format!("failed to make '{}'", name.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            bail!("'{}' is in use by another `cargo xtask up` (another folder: --data DIR)", path.display())
        }
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("failed to lock '{}'", name.display())),
    }
}

/// A TOML basic string. JSON's escapes are a part of TOML's.
fn toml_string(path: &Path) -> Result<String> {
    let text = path.to_str().with_context(|| format!("'{}' is not valid UTF-8", path.display()))?;
    Ok(serde_json::Value::from(text).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("mini-pra-xtask-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        path
    }

    #[test]
    fn a_folder_belongs_to_one_at_a_time() {
        let path = scratch("lock");
        let first = Folder::open(&path).unwrap();
        let error = Folder::open(&path).unwrap_err().to_string();
        assert!(error.contains("in use"), "{error}");
        drop(first);
        Folder::open(&path).unwrap();
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn the_runtime_config_names_absolute_paths_even_with_quotes_in_them() {
        let path = scratch("a \"quoted\" name");
        let folder = Folder::open(&path).unwrap();
        let text = fs::read_to_string(folder.runtime_config()).unwrap();
        assert!(text.contains(r#"a \"quoted\" name/data/app.db""#), "{text}");
        assert!(text.contains("path = \"/"), "{text}");
        fs::remove_dir_all(path).unwrap();
    }
}
