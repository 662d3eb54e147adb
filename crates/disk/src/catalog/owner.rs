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

/// The database at `database`, which has this id, on this machine.
fn owner(database: &Path, id: DatabaseId) -> Result<Owner> {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = Some(host.trim()).filter(|host| !host.is_empty()).unwrap_or("an unknown machine").to_owned();
    Ok(Owner { id, path: home::absolute(database)?, host })
}

/// Fails where the backup folder is the database's own: what is cleared away in the one would be missed in the other.
///
/// # Errors
/// [`Code::Usage`].
pub fn require_apart(database: &Path, backups: &Path) -> Result<()> {
    let (Ok(beside), Ok(folder)) = (fs::canonicalize(folder_of(database)), fs::canonicalize(backups)) else {
        // What is not there is another error's.
        return Ok(());
    };
    if beside != folder {
        return Ok(());
    }
    Err(Error::new(Code::Usage, format!("the backup folder '{}' is the database's own folder", backups.display()))
        .hint("name another one with --backups, on another volume where there is one"))
}

/// The id of `database`, which is there and may be backed up into the folder of `catalog`, or restored from it; `None`
/// where neither has one yet. `insists`: somebody says that the backups are its own.
///
/// # Errors
/// [`Code::Usage`] where the folder is another database's.
pub fn require(catalog: &Catalog, database: &Path, backups: &Path, insists: bool) -> Result<Option<DatabaseId>> {
    let known = home::known_id(database)?;
    match (known, catalog.owner()) {
        (known, None) => Ok(known),
        (Some(id), Some(owner)) if owner.id == id || insists => Ok(Some(id)),
        // Where theirs still lies, this is another one, which gets an id of its own: two with one would be mixed from now on.
        (None, Some(owner)) if insists => Ok(if lies_elsewhere(owner, database)? { None } else { Some(owner.id) }),
        (None, Some(owner)) if owner.path == home::absolute(database)? => {
            Err(without_identity(backups, database, owner))
        }
        (known, Some(owner)) => Err(of_another(backups, database, known, owner)),
    }
}

/// As [`require`], for a database that is not there yet: the id that it has once it is restored, and `None` where it is
/// a copy, which gets one of its own.
///
/// # Errors
/// As [`require`]; [`Code::Usage`] where `is_copy_refused` and the folder's database has another name.
pub fn require_for_empty(
    catalog: &Catalog,
    database: &Path,
    backups: &Path,
    insists: bool,
    is_copy_refused: bool,
) -> Result<Option<DatabaseId>> {
    let Some(owner) = catalog.owner() else { return home::known_id(database) };
    if home::known_id(database)?.is_some() {
        return require(catalog, database, backups, insists);
    }
    let here = home::absolute(database)?;
    match owner.path.file_name() == here.file_name() {
        true if lies_elsewhere(owner, database)? => Ok(None),
        true => Ok(Some(owner.id)),
        false if insists => Ok(Some(owner.id)),
        false if is_copy_refused => Err(of_another(backups, database, None, owner)),
        false => Ok(None),
    }
}

/// Whether the owner still lies where it did, and `database` is somewhere else.
fn lies_elsewhere(owner: &Owner, database: &Path) -> Result<bool> {
    Ok(owner.path != home::absolute(database)? && home::known_id(&owner.path).ok().flatten() == Some(owner.id))
}

/// As [`require`], for who looks after backups, also on a machine where no database lies at `database`: then there is none
/// whose they are not.
///
/// # Errors
/// As [`require`].
pub fn require_unless_away(catalog: &Catalog, database: &Path, backups: &Path, insists: bool) -> Result<()> {
    match fs::metadata(database) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && home::known_id(database)?.is_none() => Ok(()),
        _ => require(catalog, database, backups, insists).map(drop),
    }
}

/// The folder becomes the database's where it is nobody's. What lies in it without a word about whose it is stays
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

/// The database at `database` has this id, or a new one, and the folder of `catalog` is its own.
///
/// # Errors
/// Where its home cannot be written.
pub fn take_up(catalog: &mut Catalog, database: &Path, id: Option<DatabaseId>) -> Result<()> {
    let id = match id {
        Some(id) => adopt(database, id).map(|()| id)?,
        None => home::id(database)?,
    };
    catalog.owner = Some(owner(database, id)?);
    Ok(())
}

/// The database at `database` has this id from now on.
///
/// # Errors
/// Where its home cannot be written.
pub fn adopt(database: &Path, id: DatabaseId) -> Result<()> {
    if home::known_id(database)? == Some(id) {
        return Ok(());
    }
    home::adopt(database, id)
}

/// It lies where theirs did, and does not know that it is the one: it may be a new one that an application made where a
/// volume was lost.
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
            take_up(&mut catalog, &folder.path().join("app.db"), None).unwrap();
            Self { folder, catalog }
        }

        fn path(&self, name: &str) -> PathBuf {
            let path = self.folder.path().join(name);
            fs::create_dir_all(folder_of(&path)).unwrap();
            path
        }

        fn require(&self, name: &str, insists: bool) -> Result<Option<DatabaseId>> {
            require(&self.catalog, &self.path(name), Path::new("/backup"), insists)
        }

        fn empty(&self, name: &str, is_copy_refused: bool) -> Result<Option<DatabaseId>> {
            require_for_empty(&self.catalog, &self.path(name), Path::new("/backup"), false, is_copy_refused)
        }

        fn id(&self) -> Option<DatabaseId> {
            self.catalog.owner().map(|owner| owner.id)
        }
    }

    #[test]
    fn a_database_that_is_not_the_folders_own_is_refused_by_name() {
        let scene = Scene::new();
        assert_eq!(scene.require("app.db", false).unwrap(), scene.id());
        let error = scene.require("auxiliary.db", false).unwrap_err();
        assert_eq!(error.code(), Code::Usage);
        let words = error.to_string();
        assert!(words.contains("app.db") && words.contains("auxiliary.db"), "{words}");
        let other = home::id(&scene.path("other.db")).unwrap();
        assert_eq!(scene.require("other.db", false).unwrap_err().code(), Code::Usage);
        assert_eq!(scene.require("other.db", true).unwrap(), Some(other));
        assert_eq!(
            scene.require("auxiliary.db", true).unwrap(),
            None,
            "theirs still lies there: one id is not for two"
        );
        fs::remove_dir_all(scene.path(".app.db.pra")).unwrap();
        assert_eq!(scene.require("auxiliary.db", true).unwrap(), scene.id(), "it was moved");
    }

    #[test]
    fn a_database_without_an_identity_is_not_taken_for_the_one_that_lay_there() {
        let scene = Scene::new();
        fs::remove_dir_all(scene.path(".app.db.pra")).unwrap();
        let error = scene.require("app.db", false).unwrap_err();
        assert_eq!(error.code(), Code::Usage);
        assert!(error.to_string().contains("has no identity"), "{error}");
        assert_eq!(scene.require("app.db", true).unwrap(), scene.id());
    }

    #[test]
    fn an_empty_place_takes_the_id_by_the_name_of_the_file_and_a_copy_gets_one_of_its_own() {
        let scene = Scene::new();
        assert_eq!(scene.empty("look.db", false).unwrap(), None);
        assert_eq!(scene.empty("look.db", true).unwrap_err().code(), Code::Usage);
        assert_eq!(scene.empty("elsewhere/app.db", true).unwrap(), None, "the original is still there");
        fs::remove_dir_all(scene.path(".app.db.pra")).unwrap();
        assert_eq!(scene.empty("elsewhere/app.db", true).unwrap(), scene.id());
    }
}
