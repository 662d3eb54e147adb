//! What an epoch is: its manifest, written once, before anything else of it.

use futures_util::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use pra_core::{Code, EpochId, Error, Result, WriterId};
use serde::{Deserialize, Serialize};

use super::document::{Format, LONGEST};
use super::{Database, manifest_key};
use crate::Store;

const FORMAT: Format = Format { name: "mini-pra-epoch", version: 2 };

/// Manifests that are read at once.
const AT_ONCE: usize = 8;

/// What an epoch is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Its name.
    pub epoch: EpochId,
    /// When it was made.
    pub created_at: Timestamp,
    /// Of the database, in bytes; another one is another epoch.
    pub page_size: u32,
    /// What it goes on from; none where it began with nothing before it.
    pub parent: Option<Parent>,
    /// The epoch's only writer.
    pub writer: WriterId,
    /// Whether its LTX files are encrypted.
    pub encrypted: bool,
    /// The database whose history it is.
    #[serde(flatten)]
    pub database: Database,
}

/// Where another epoch was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// That epoch.
    pub epoch: EpochId,
    /// The last of its transactions that this history has; what it holds beyond is no part of it.
    pub txid: u64,
}

impl Manifest {
    fn decode(key: &str, text: &[u8], epoch: &EpochId) -> Result<Self> {
        let manifest: Self = FORMAT.decode(key, text)?;
        let damaged = |why: String| Error::new(Code::Damaged, format!("'{key}' {why}"));
        let Self { epoch: named, page_size, parent, .. } = &manifest;
        if named != epoch {
            return Err(damaged(format!("is of another epoch, '{named}'")).hint("an epoch's folder keeps its name"));
        }
        if !page_size.is_power_of_two() || !(512..=65_536).contains(page_size) {
            return Err(damaged(format!("gives a page size of {page_size} bytes")));
        }
        if parent.is_some_and(|parent| parent.epoch == *epoch) {
            return Err(damaged("names itself as its parent".to_owned()));
        }
        Ok(manifest)
    }
}

/// Writes the manifest of a new epoch.
///
/// # Errors
/// [`Code::Busy`] where there is another epoch of that name.
pub async fn create_epoch(store: &Store, manifest: &Manifest) -> Result<()> {
    let text = FORMAT.encode(manifest)?;
    // What could not be read again is not written.
    Manifest::decode(&manifest_key(&manifest.epoch), &text, &manifest.epoch)?;
    store.put_new(&manifest_key(&manifest.epoch), text, manifest.created_at.as_millisecond()).await?;
    Ok(())
}

/// All epochs of a store, in the order of their names.
///
/// # Errors
/// [`Code::Damaged`] where a manifest cannot be read, or is gone while the epoch still has files.
pub async fn list_epochs(store: &Store) -> Result<Vec<Manifest>> {
    let names = store.folders().await?.into_iter().filter_map(|name| name.parse().ok());
    let manifests: Vec<_> = futures_util::stream::iter(names)
        .map(|epoch| async move { read(store, &epoch).await })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    Ok(manifests.into_iter().flatten().collect())
}

async fn read(store: &Store, epoch: &EpochId) -> Result<Option<Manifest>> {
    let key = manifest_key(epoch);
    match store.read(&key, LONGEST).await {
        Ok((text, _)) => Manifest::decode(&key, &text, epoch).map(Some),
        // An empty folder is what remains of an epoch that was removed.
        Err(error) if error.code() == Code::NotFound && store.list(&epoch.to_string()).await?.is_empty() => Ok(None),
        Err(error) if error.code() == Code::NotFound => Err(Error::new(
            Code::Damaged,
            format!("the epoch '{epoch}' has no manifest"),
        )
        .because(error)
        .hint(format!(
            "its files say nothing without it: bring {key} back from where the store was copied to or from, or move \
                 '{epoch}' out of the replica, and begin anew with --new-epoch"
        ))),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "e/epoch.json";

    fn manifest() -> Manifest {
        Manifest {
            epoch: "20261125T202345Z-1a2b3c4d".parse().unwrap(),
            created_at: "2026-11-25T20:23:45.123Z".parse().unwrap(),
            page_size: 4096,
            parent: Some(Parent { epoch: "20261124T000000Z-00000001".parse().unwrap(), txid: 4711 }),
            writer: "0123456789abcdef0123456789abcdef".parse().unwrap(),
            encrypted: true,
            database: Database { id: "0000000000000000000000000000000d".parse().unwrap(), name: "app.db".to_owned() },
        }
    }

    fn changed(change: impl FnOnce(&mut serde_json::Value)) -> Result<Manifest> {
        let mut value = serde_json::from_slice(&FORMAT.encode(&manifest()).unwrap()).unwrap();
        change(&mut value);
        Manifest::decode(KEY, value.to_string().as_bytes(), &manifest().epoch)
    }

    #[test]
    fn a_manifest_reads_as_it_was_written() {
        let text = FORMAT.encode(&manifest()).unwrap();
        let shown = String::from_utf8(text.to_vec()).unwrap();
        assert!(shown.starts_with("{\n  \"format\": \"mini-pra-epoch\",\n  \"version\": 2,\n"), "{shown}");
        assert_eq!(Manifest::decode(KEY, &text, &manifest().epoch).unwrap(), manifest());
        assert!(changed(|value| value["later"] = "a field that this program does not know".into()).is_ok());
    }

    #[test]
    fn a_manifest_of_a_newer_version_is_refused_by_name() {
        let error = changed(|value| value["version"] = 3.into()).unwrap_err();
        assert_eq!(error.code(), Code::Damaged);
        let message = error.to_string();
        assert!(message.contains(KEY) && message.contains("version 3") && message.contains("version 2"), "{message}");
        assert!(error.hint_text().unwrap().contains("newer"));
        // Even where nothing else of it can be understood.
        let error =
            Manifest::decode(KEY, br#"{"format":"mini-pra-epoch","version":7}"#, &manifest().epoch).unwrap_err();
        assert!(error.to_string().contains("version 7"));
    }

    #[test]
    fn a_manifest_that_makes_no_sense_is_damage() {
        type Change = fn(&mut serde_json::Value);
        let changes: [Change; 8] = [
            |value| value["format"] = "mini-pra-lease".into(),
            |value| value["version"] = 0.into(),
            |value| value["epoch"] = "20261125T202345Z-00000000".into(),
            |value| value["page_size"] = 4097.into(),
            |value| value["page_size"] = 131_072.into(),
            |value| value["parent"]["epoch"] = value["epoch"].clone(),
            |value| value["writer"] = "me".into(),
            |value| value["encrypted"] = serde_json::Value::Null,
        ];
        for (n, change) in changes.into_iter().enumerate() {
            assert_eq!(changed(change).unwrap_err().code(), Code::Damaged, "change {n}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,80}") {
            prop_assert!(Manifest::decode(KEY, text.as_bytes(), &manifest().epoch).is_err());
        }
    }
}
