//! Which database lies at a path once a restore point was put there.

use std::path::Path;

use pra_core::{DatabaseId, Result};

use crate::home;

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// The one with this id.
    Known(DatabaseId),
    /// A copy beside the original: a database of its own, with a new id.
    Copy,
    /// Nothing says which.
    Unknown,
}

impl Identity {
    /// What two sources say together; `None`: they are of two databases.
    pub fn and(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Known(one), Self::Known(other)) => (one == other).then_some(self),
            (Self::Copy, _) | (_, Self::Copy) => Some(Self::Copy),
            (Self::Unknown, other) => Some(other),
            (known, Self::Unknown) => Some(known),
        }
    }

    /// The database at `database` is this one from now on. To be called before it is there: a process that dies in between
    /// leaves a place whose backups and replica know it.
    ///
    /// # Errors
    /// Where its home cannot be written.
    pub fn adopt(self, database: &Path) -> Result<()> {
        match self {
            Self::Known(id) if home::known_id(database)? == Some(id) => Ok(()),
            Self::Known(id) => home::adopt(database, id),
            Self::Copy => home::id(database).map(drop),
            Self::Unknown => Ok(()),
        }
    }
}

/// Whether the database `id`, which was last seen at `original`, still lies there on this machine, and `database` is another
/// place: then what is restored at `database` is a copy.
///
/// # Errors
/// Where the folder of `database` cannot be looked at.
pub fn lies_elsewhere(id: DatabaseId, original: &Path, database: &Path) -> Result<bool> {
    Ok(original != home::absolute(database)? && home::known_id(original).ok().flatten() == Some(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_sources_agree_or_are_of_two_databases() {
        let (one, other) = (Identity::Known(DatabaseId::random()), Identity::Known(DatabaseId::random()));
        assert_eq!(one.and(one), Some(one));
        assert_eq!(one.and(other), None);
        assert_eq!(one.and(Identity::Unknown), Some(one));
        assert_eq!(Identity::Unknown.and(one), Some(one));
        assert_eq!(one.and(Identity::Copy), Some(Identity::Copy), "the other source has seen the original");
        assert_eq!(Identity::Unknown.and(Identity::Unknown), Some(Identity::Unknown));
    }

    #[test]
    fn a_copy_has_an_id_of_its_own_which_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (original, copy) = (folder.path().join("app.db"), folder.path().join("copy.db"));
        let id = home::id(&original).unwrap();
        Identity::Unknown.adopt(&copy).unwrap();
        assert_eq!(home::known_id(&copy).unwrap(), None);
        Identity::Copy.adopt(&copy).unwrap();
        let its_own = home::known_id(&copy).unwrap();
        assert!(its_own.is_some() && its_own != Some(id));
        Identity::Copy.adopt(&copy).unwrap();
        assert_eq!(home::known_id(&copy).unwrap(), its_own);
        assert!(lies_elsewhere(id, &original, &copy).unwrap());
        assert!(!lies_elsewhere(id, &original, &original).unwrap());
    }
}
