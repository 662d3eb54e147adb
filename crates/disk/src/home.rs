//! The folder beside a database that holds what this program knows of it, and the place that a database has.
//!
//! ```text
//! app.db
//! .app.db.pra/lock, wanted, restore   who may do what at once: `crate::lock`
//!             identity.json           which database this is
//!             replica/                what its replicator knows: `crate::replicate`
//! ```
//! It belongs to one database by its name, so that several can lie in one folder.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use pra_core::{Code, DatabaseId, Error, Result};

use crate::rights::Rights;
use serde::{Deserialize, Serialize};

use crate::files::{self, folder_of};

const LABEL: &str = "home";
const IDENTITY: &str = "identity.json";

/// Longest file name of a database, in bytes. File systems allow 255; what is made beside it adds to its name.
const LONGEST_NAME: usize = 190;

/// Links that are followed before it is taken for a circle, as in Linux.
const MOST_LINKS: usize = 40;

/// The database at this place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Identity {
    id: DatabaseId,
    /// Its path when it got this id, without symbolic links.
    path: PathBuf,
}

/// The file that `database` means: where it is a symbolic link, the one at its end, which need not exist. SQLite names
/// its log and its locks after that file.
///
/// # Errors
/// [`Code::Usage`] where the links go in a circle, or the name is too long or none at all.
pub fn resolve(database: &Path) -> Result<PathBuf> {
    let mut path = database.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&path) {
            Ok(target) => path = folder_of(&path).join(target),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidInput) => {
                require_name(&path)?;
                return Ok(path);
            }
            Err(error) => return Err(Error::io("look at", &path, error)),
        }
    }
    Err(Error::new(Code::Usage, format!("the symbolic links from '{}' go in a circle", database.display())))
}

/// Fails where the file has several names (hard links): SQLite's log and locks are beside the name that it was opened
/// by, so what is committed through one name is not seen through another.
///
/// # Errors
/// [`Code::Usage`] where it has.
pub fn require_one_name(database: &Path) -> Result<()> {
    match fs::metadata(database) {
        Ok(file) if file.is_file() && file.nlink() > 1 => Err(Error::new(
            Code::Usage,
            format!("'{}' has {} names (hard links)", database.display(), file.nlink()),
        )
        .hint("what is written through another name is not seen here: remove the other names (`find … -samefile`)")),
        // The verb reports a missing file.
        _ => Ok(()),
    }
}

fn require_name(database: &Path) -> Result<()> {
    let Some(name) = database.file_name() else {
        return Err(Error::new(Code::Usage, format!("'{}' is not the name of a file", database.display())));
    };
    if name.len() <= LONGEST_NAME {
        return Ok(());
    }
    Err(Error::new(
        Code::Usage,
        format!("the name of the database has {} bytes, at most {LONGEST_NAME} are possible", name.len()),
    )
    .hint("files beside it are named after it: give it a shorter name"))
}

/// The folder of `database`, whether or not it is there.
///
/// # Errors
/// [`Code::Usage`] where the path names no file.
pub fn folder(database: &Path) -> Result<PathBuf> {
    require_name(database)?;
    Ok(files::with_suffix(&files::beside(database, ".")?, ".pra"))
}

/// The folder of `database`, made if it is missing. The users of the database's folder can use it.
///
/// # Errors
/// As [`folder`], and where it cannot be made.
pub fn make(database: &Path) -> Result<PathBuf> {
    let home = folder(database)?;
    files::require_no_link(&home)?;
    if home.is_dir() {
        return Ok(home);
    }
    // Only users of the folder around it may use it; made by root in a user's folder, it belongs to that user.
    files::make_shared(&home, Rights::create_folder).map_err(|e| {
        Error::io("create", &home, e).hint("make the folder around it, or name the right one with --database")
    })?;
    Ok(home)
}

/// The id of the database that lies at `database`; `None` where it has none yet.
///
/// # Errors
/// [`Code::Usage`] where this is a copy of another that still lies where it was; [`Code::Failed`] where the record
/// cannot be read.
pub fn known_id(database: &Path) -> Result<Option<DatabaseId>> {
    let record = folder(database)?.join(IDENTITY);
    let Some(identity) = read(&record)? else { return Ok(None) };
    let here = absolute(database)?;
    let original = folder(&identity.path)?.join(IDENTITY);
    if identity.path != here
        && !is_same_file(&original, &record)
        && read(&original).ok().flatten().is_some_and(|other| other.id == identity.id)
    {
        return Err(Error::new(
            Code::Usage,
            format!("'{}' is a copy of '{}', which still lies there", here.display(), identity.path.display()),
        )
        .hint(format!(
            "if the copy is to be a database of its own, remove '{}'; then give it a backup folder and a replica of its own",
            folder(database)?.display()
        )));
    }
    Ok(Some(identity.id))
}

/// The id that lies beside `database`, also where it is a copy of another database.
///
/// # Errors
/// Where the record cannot be read.
pub fn recorded_id(database: &Path) -> Result<Option<DatabaseId>> {
    Ok(read(&folder(database)?.join(IDENTITY))?.map(|identity| identity.id))
}

/// The id of the database that lies at `database`, or is to; a new one where it has none yet.
///
/// # Errors
/// As [`known_id`], and where a new one cannot be written.
pub fn id(database: &Path) -> Result<DatabaseId> {
    match known_id(database)? {
        Some(id) => Ok(id),
        None => {
            let id = DatabaseId::random();
            adopt(database, id)?;
            Ok(id)
        }
    }
}

/// The database at `database` is the one with this id: it was restored from its copies into an empty place.
///
/// # Errors
/// Where that cannot be written.
pub fn adopt(database: &Path, id: DatabaseId) -> Result<()> {
    let path = make(database)?.join(IDENTITY);
    let identity = Identity { id, path: absolute(database)? };
    files::write_json(LABEL, &path, &identity)?;
    files::sync_folder_of(LABEL, folder_of(&path))
}

fn read(path: &Path) -> Result<Option<Identity>> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| {
            Error::new(Code::Failed, format!("'{}' is damaged", path.display()))
                .because(error)
                .hint("it says which database this is: remove it, and the next backup or replicator gives it a new id")
        }),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(Error::io("read", path, error)),
    }
}

/// Where it lies, without symbolic links; it need not exist, its folder must.
///
/// # Errors
/// Where the folder cannot be looked at.
pub fn absolute(database: &Path) -> Result<PathBuf> {
    let folder = folder_of(database);
    let folder = fs::canonicalize(folder).map_err(|e| Error::io("look at the folder", folder, e))?;
    Ok(database.file_name().map_or_else(|| folder.clone(), |name| folder.join(name)))
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    match (fs::metadata(one), fs::metadata(other)) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_link_leads_to_its_file_whether_or_not_that_exists() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("real")).unwrap();
        let (first, second) = (folder.path().join("first.db"), folder.path().join("second.db"));
        symlink("real/app.db", &first).unwrap();
        symlink(&first, &second).unwrap();
        assert_eq!(resolve(&second).unwrap(), folder.path().join("real/app.db"));
        fs::write(folder.path().join("real/app.db"), "x").unwrap();
        assert_eq!(resolve(&second).unwrap(), folder.path().join("real/app.db"));
    }

    #[test]
    fn a_file_with_several_names_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("app.db");
        assert!(require_one_name(&database).is_ok(), "what is missing is the verb's to say");
        fs::write(&database, "x").unwrap();
        assert!(require_one_name(&database).is_ok());
        fs::hard_link(&database, folder.path().join("link.db")).unwrap();
        assert_eq!(require_one_name(&database).unwrap_err().code(), Code::Usage);
    }

    #[test]
    fn nothing_is_written_through_a_link_in_the_home() {
        let folder = tempfile::tempdir().unwrap();
        let (database, secret) = (folder.path().join("app.db"), folder.path().join("secret"));
        fs::write(&database, "x").unwrap();
        fs::write(&secret, "not ours").unwrap();
        fs::create_dir(folder.path().join("elsewhere")).unwrap();
        symlink(folder.path().join("elsewhere"), super::folder(&database).unwrap()).unwrap();
        assert_eq!(make(&database).unwrap_err().code(), Code::Usage);
        fs::remove_file(super::folder(&database).unwrap()).unwrap();
        symlink(&secret, make(&database).unwrap().join("lock")).unwrap();
        assert_eq!(crate::lock::shared(&database, std::time::Duration::ZERO).unwrap_err().code(), Code::Usage);
        assert_eq!(fs::read_to_string(&secret).unwrap(), "not ours");
    }

    #[test]
    fn links_in_a_circle_and_names_that_are_too_long_are_wrong_usage() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("app.db");
        symlink("app.db", &link).unwrap();
        assert_eq!(resolve(&link).unwrap_err().code(), Code::Usage);
        assert_eq!(resolve(&folder.path().join("x".repeat(191))).unwrap_err().code(), Code::Usage);
        assert!(resolve(&folder.path().join("x".repeat(190))).is_ok());
        assert_eq!(resolve(Path::new("/")).unwrap_err().code(), Code::Usage);
    }

    #[test]
    fn two_databases_in_one_folder_have_two_ids_which_stay() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("data.db"), folder.path().join("auxiliary.db"));
        assert_eq!(known_id(&one).unwrap(), None);
        let ids = (id(&one).unwrap(), id(&two).unwrap());
        assert_ne!(ids.0, ids.1);
        assert_eq!((id(&one).unwrap(), id(&two).unwrap()), ids);
    }

    #[test]
    fn a_copy_beside_the_original_is_told_and_one_that_was_moved_is_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let (here, there) = (folder.path().join("here"), folder.path().join("there"));
        fs::create_dir(&here).unwrap();
        let first = id(&here.join("app.db")).unwrap();
        fs::rename(&here, &there).unwrap();
        assert_eq!(id(&there.join("app.db")).unwrap(), first);
        fs::create_dir(&here).unwrap();
        adopt(&here.join("app.db"), first).unwrap();
        let copy = fs::read(folder_of(&here).join("here/.app.db.pra/identity.json")).unwrap();
        fs::write(there.join(".app.db.pra/identity.json"), copy).unwrap();
        let error = id(&there.join("app.db")).unwrap_err();
        assert_eq!(error.code(), Code::Usage);
        assert!(error.to_string().contains("is a copy of"), "{error}");
    }
}
