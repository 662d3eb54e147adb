//! Who may use what this program makes: never more than may use the database, and its owner where root makes it.

use std::fmt;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;

/// Only names in it may be removed by others: such a folder is shared, and its files are not.
const STICKY: u32 = 0o1000;

/// Mode and owner of a file to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rights {
    mode: u32,
    owner: u32,
    group: u32,
}

/// As `chown` takes it.
impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.owner, self.group)
    }
}

impl Rights {
    /// Those of the database at `database`; where there is none yet, of its folder.
    ///
    /// # Errors
    /// Where neither can be looked at.
    pub fn of(database: &Path) -> io::Result<Self> {
        match fs::metadata(database) {
            Ok(file) => Ok(Self { mode: file.mode() & 0o666, owner: file.uid(), group: file.gid() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::of_folder_of(database),
            Err(error) => Err(error),
        }
    }

    /// Those of a file that the users of its folder use.
    ///
    /// # Errors
    /// Where the folder cannot be looked at.
    pub fn of_folder_of(path: &Path) -> io::Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = fs::metadata(folder.unwrap_or_else(|| Path::new(".")))?;
        let mode = if folder.mode() & STICKY == 0 { folder.mode() & 0o666 } else { folder.mode() & 0o644 };
        Ok(Self { mode: mode | 0o600, owner: folder.uid(), group: folder.gid() })
    }

    /// For files that are replaced and never written again: only the owner need write them.
    #[must_use]
    pub fn to_read(self) -> Self {
        Self { mode: self.mode & 0o644, ..self }
    }

    /// For locks: who may read a lock's file may hold it, so only who may write it reads it.
    #[must_use]
    pub fn to_write(self) -> Self {
        let writers = self.mode & 0o222;
        Self { mode: writers | writers << 1, ..self }
    }

    /// The rights of a file for the owner only, even if others may use the database.
    #[must_use]
    pub fn to_owner(self) -> Self {
        Self { mode: 0o600, ..self }
    }

    /// Makes a new file that has at most these rights from the start.
    ///
    /// # Errors
    /// Where it exists, or cannot be made.
    pub fn create(self, path: &Path) -> io::Result<File> {
        let file = File::options().read(true).write(true).create_new(true).mode(self.mode & 0o600).open(path)?;
        self.give(&file, self.mode)?;
        Ok(file)
    }

    /// Makes a new folder, whose files may be found by those who may use them.
    ///
    /// # Errors
    /// Where it exists, or cannot be made.
    pub fn create_folder(self, path: &Path) -> io::Result<()> {
        fs::DirBuilder::new().mode(0o700).create(path)?;
        self.give(&File::open(path)?, self.mode | (self.mode & 0o444) >> 2 | 0o700)
    }

    /// Gives `file` these rights, as far as this user may; whether its owner and group are the right ones then.
    ///
    /// # Errors
    /// Where that fails otherwise.
    pub fn apply(self, file: &File) -> io::Result<bool> {
        self.give(file, self.mode)?;
        let now = file.metadata()?;
        Ok((now.uid(), now.gid()) == (self.owner, self.group))
    }

    /// Root gives it to the owner; any other user removes the group's rights if the group differs.
    fn give(self, file: &File, mode: u32) -> io::Result<()> {
        if file.metadata()?.uid() == 0 {
            match fchown(file, Some(self.owner), Some(self.group)) {
                // A container's root may lack the right, or know no such user.
                Err(error)
                    if !matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::InvalidInput) =>
                {
                    return Err(error);
                }
                _ => {}
            }
        }
        let has_the_group = file.metadata()?.gid() == self.group;
        file.set_permissions(Permissions::from_mode(if has_the_group { mode } else { mode & 0o707 }))
    }
}
