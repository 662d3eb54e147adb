//! Whose backups a folder holds: it belongs to one database, which its catalog names.

use std::fs;
use std::path::Path;
use std::time::Duration;

use ::catalog::Owner;
use pra_core::{Code, DatabaseId, Error, Result};

use super::Catalog;
use super::alike::Tables;
use crate::files::folder_of;
use crate::home;
use crate::identity::{Identity, lies_elsewhere};

/// The database at `database`, which has this id, on this machine.
fn owner(database: &Path, id: DatabaseId) -> Result<Owner> {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = Some(host.trim()).filter(|host| !host.is_empty()).unwrap_or("an unknown machine").to_owned();
    Ok(Owner { id, path: home::absolute(database)?, host })
}

/// Which database is at `database`, which has no id yet and gets one of the owner's restore points.
fn becomes(owner: &Owner, database: &Path) -> Result<Identity> {
    // Two databases with one id would be mixed from now on.
    Ok(if lies_elsewhere(owner.id, &owner.path, database)? { Identity::Copy } else { Identity::Known(owner.id) })
}

/// Fails if the backup folder is the database's own: files removed from the one would be missing in the other.
///
/// # Errors
/// [`Code::Usage`].
pub fn require_apart(database: &Path, backups: &Path) -> Result<()> {
    let (Ok(beside), Ok(folder)) = (fs::canonicalize(folder_of(database)), fs::canonicalize(backups)) else {
        // A missing folder is reported elsewhere.
        return Ok(());
    };
    if beside != folder {
        return Ok(());
    }
    Err(Error::new(Code::Usage, format!("the backup folder '{}' is the database's own folder", backups.display()))
        .hint("name another one with --backups, on another volume where there is one"))
}

/// Which database `database` is, which is there and may be backed up into the folder of `catalog`, or restored from it.
/// `insists`: the caller states that the backups belong to it.
///
/// # Errors
/// [`Code::Usage`] where the folder is another database's.
pub fn require(catalog: &Catalog, database: &Path, backups: &Path, insists: bool) -> Result<Identity> {
    let known = home::known_id(database)?;
    match (known, catalog.owner()) {
        (None, None) => Ok(Identity::Unknown),
        (Some(id), None) => Ok(Identity::Known(id)),
        (Some(id), Some(owner)) if owner.id == id || insists => Ok(Identity::Known(id)),
        // Where theirs still lies, this is another one, which gets an id of its own: two with one would be mixed from now on.
        (None, Some(owner)) if insists => becomes(owner, database),
        (None, Some(owner)) if owner.path == home::absolute(database)? => {
            Err(without_identity(backups, database, owner))
        }
        (known, Some(owner)) => Err(of_another(backups, database, known, owner)),
    }
}

/// As [`require`], for a database that is not there yet: which it is once it is restored.
///
/// # Errors
/// As [`require`]; [`Code::Usage`] where `is_copy_refused` and the folder's database has another name.
pub fn require_for_empty(
    catalog: &Catalog,
    database: &Path,
    backups: &Path,
    insists: bool,
    is_copy_refused: bool,
) -> Result<Identity> {
    let Some(owner) = catalog.owner() else {
        return Ok(home::known_id(database)?.map_or(Identity::Unknown, Identity::Known));
    };
    if home::known_id(database)?.is_some() {
        return require(catalog, database, backups, insists);
    }
    let here = home::absolute(database)?;
    match owner.path.file_name() == here.file_name() {
        true => becomes(owner, database),
        false if insists => becomes(owner, database),
        false if is_copy_refused => Err(of_another(backups, database, None, owner)),
        false => Ok(Identity::Copy),
    }
}

/// As [`require`], for verbs on backups, also on a machine without a database at `database`: then none contradicts the
/// owner.
///
/// # Errors
/// As [`require`].
pub fn require_unless_away(catalog: &Catalog, database: &Path, backups: &Path, insists: bool) -> Result<()> {
    match fs::metadata(database) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && home::known_id(database)?.is_none() => Ok(()),
        _ => require(catalog, database, backups, insists).map(drop),
    }
}

/// A folder without an owner becomes the database's. A file in it that is not recorded as the database's stays
/// unknown where it has no table that the database has; encrypted files tell nothing, and are taken.
///
/// # Errors
/// Where the database cannot be read.
pub fn take_over(catalog: &mut Catalog, database: &Path, backups: &Path, wait: Duration) -> Result<()> {
    if catalog.owner().is_some() || catalog.points().is_empty() {
        return Ok(());
    }
    let tables = Tables::of_live(database, wait)?;
    catalog.set_aside(|point| point.encrypted || tables.meet(&backups.join(&point.file)));
    Ok(())
}

/// The database at `database` is this one, with a new id where it has none, and the folder of `catalog` is its own.
///
/// # Errors
/// Where its home cannot be written.
pub fn take_up(catalog: &mut Catalog, database: &Path, identity: Identity) -> Result<()> {
    identity.adopt(database)?;
    catalog.owner = Some(owner(database, home::id(database)?)?);
    Ok(())
}

/// It has the owner's path but no id: it may be a new database that an application made after its volume was lost.
fn without_identity(backups: &Path, database: &Path, owner: &Owner) -> Error {
    Error::new(
        Code::Usage,
        format!(
            "'{}' holds the backups of {owner}, and the database that lies there now has no identity: it is a new one, or the \
             folder '.….pra' beside it was removed",
            backups.display()
        ),
    )
    .hint(format!(
        "if it is the same database, say --adopt-backups; if it is new, restore what was there (`backup-job restore --adopt-backups`), or give \
         '{}' a backup folder of its own",
        database.display()
    ))
}

fn of_another(backups: &Path, database: &Path, known: Option<DatabaseId>, owner: &Owner) -> Error {
    let id = known.map(|id| format!(" ({id})")).unwrap_or_default();
    Error::new(
        Code::Usage,
        format!("'{}' holds the backups of {owner}, and not of '{}'{id}", backups.display(), database.display()),
    )
    .hint(
        "give each database a backup folder of its own with --backups; if it is the same database, which was moved or \
         renamed, say --adopt-backups",
    )
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    struct Scene {
        folder: tempfile::TempDir,
        catalog: Catalog,
    }

    impl Scene {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let mut catalog = Catalog::default();
            take_up(&mut catalog, &folder.path().join("app.db"), Identity::Unknown).unwrap();
            Self { folder, catalog }
        }

        fn path(&self, name: &str) -> PathBuf {
            let path = self.folder.path().join(name);
            fs::create_dir_all(folder_of(&path)).unwrap();
            path
        }

        fn require(&self, name: &str, insists: bool) -> Result<Identity> {
            require(&self.catalog, &self.path(name), Path::new("/backup"), insists)
        }

        fn empty(&self, name: &str, is_copy_refused: bool) -> Result<Identity> {
            require_for_empty(&self.catalog, &self.path(name), Path::new("/backup"), false, is_copy_refused)
        }

        fn original(&self) -> Identity {
            self.catalog.owner().map_or(Identity::Unknown, |owner| Identity::Known(owner.id))
        }
    }

    #[test]
    fn a_database_that_is_not_the_folders_own_is_refused_by_name() {
        let scene = Scene::new();
        assert_eq!(scene.require("app.db", false).unwrap(), scene.original());
        let error = scene.require("auxiliary.db", false).unwrap_err();
        assert_eq!(error.code(), Code::Usage);
        let words = error.to_string();
        assert!(words.contains("app.db") && words.contains("auxiliary.db"), "{words}");
        let other = home::id(&scene.path("other.db")).unwrap();
        assert_eq!(scene.require("other.db", false).unwrap_err().code(), Code::Usage);
        assert_eq!(scene.require("other.db", true).unwrap(), Identity::Known(other));
        assert_eq!(
            scene.require("auxiliary.db", true).unwrap(),
            Identity::Copy,
            "theirs still lies there: one id is not for two"
        );
        fs::remove_dir_all(scene.path(".app.db.pra")).unwrap();
        assert_eq!(scene.require("auxiliary.db", true).unwrap(), scene.original(), "it was moved");
    }

    #[test]
    fn a_database_without_an_identity_is_not_taken_for_the_one_that_lay_there() {
        let scene = Scene::new();
        fs::remove_dir_all(scene.path(".app.db.pra")).unwrap();
        let error = scene.require("app.db", false).unwrap_err();
        assert_eq!(error.code(), Code::Usage);
        assert!(error.to_string().contains("has no identity"), "{error}");
        assert_eq!(scene.require("app.db", true).unwrap(), scene.original());
    }

    #[test]
    fn an_empty_place_takes_the_id_by_the_name_of_the_file_and_a_copy_gets_one_of_its_own() {
        let scene = Scene::new();
        assert_eq!(scene.empty("look.db", false).unwrap(), Identity::Copy);
        assert_eq!(scene.empty("look.db", true).unwrap_err().code(), Code::Usage);
        assert_eq!(scene.empty("elsewhere/app.db", true).unwrap(), Identity::Copy, "the original is still there");
        fs::remove_dir_all(scene.path(".app.db.pra")).unwrap();
        assert_eq!(scene.empty("elsewhere/app.db", true).unwrap(), scene.original());
    }
}
