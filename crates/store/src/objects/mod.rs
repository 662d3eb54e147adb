//! Objects in any kind of store: written once, whole or not at all, and listed completely or not at all.
//!
//! | | at a provider | in a folder |
//! |---|---|---|
//! | create if absent | `If-None-Match: *`, or a copy that is refused | hard link |
//! | update if unchanged | `If-Match` | lock file |
//! | durable | when the answer says so | file and folder are synced |
//! | its own clock | the time of an object just written | the time of a file just written |
//! | tried again | with pauses, as [`Retry`] says | no |
//!
//! Objects below `tmp/` are temporary: they appear in no listing.

mod connect;
mod content;
mod download;
mod folder;
mod growing;
mod options;
mod probe;
mod refused;
mod remote;
mod upload;
mod wire;

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

pub use content::{Content, SourceFile};
pub use download::{Download, Reader};
pub use growing::{Grower, GrowingFile};
pub use options::{Before, Environment, Retry, Setting, StoreOptions, setting};
pub use upload::PART;
pub use wire::Traffic;

use crate::url::ReplicaUrl;
use folder::Folder;
use pra_core::{Code, Error, Result};
use remote::Remote;

/// Where things lie that are no objects yet, or none for long.
const TMP: &str = "tmp";

const OTHER_WRITER: &str = "another writer has written there: one writer to each replica";

fn tmp_key(what: &str) -> String {
    format!("{TMP}/{what}-{:016x}", rand::random::<u64>())
}

/// # Errors
/// Where a name could lead out of the store, or does not mean the same everywhere.
fn check_key(key: &str) -> Result<()> {
    let is_plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\0', '\\']);
    if key.split('/').all(is_plain) {
        return Ok(());
    }
    Err(Error::new(Code::Usage, format!("'{key}' cannot be the name of an object")))
}

/// What became of an object that was to be created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It was created.
    Created,
    /// It was there, with the same content: an earlier attempt of ours had succeeded.
    Same,
}

/// One state of an object, as the store tells it from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    e_tag: Option<String>,
    version: Option<String>,
}

/// What a listing says of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its name below the replica's URL.
    pub key: String,
    /// In bytes.
    pub size: u64,
    /// By the store's clock at a provider; in a folder the time that it was given. Milliseconds since 1970.
    pub modified_ms: i64,
    /// This state of it.
    pub revision: Revision,
}

/// A store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    url: ReplicaUrl,
    options: Arc<StoreOptions>,
    backend: Backend,
}

#[derive(Debug, Clone)]
enum Backend {
    Remote(Arc<Remote>),
    Folder(Arc<Folder>),
}

impl Store {
    /// Makes ready; nothing is sent or written yet.
    ///
    /// # Errors
    /// [`Code::Usage`] where the settings make no sense.
    pub fn open(url: &ReplicaUrl, options: &StoreOptions) -> Result<Self> {
        let backend = match url.folder() {
            Some(folder) => Backend::Folder(Arc::new(Folder::new(folder, options.rights, options.before.clone()))),
            None => Backend::Remote(Arc::new(Remote::open(url, options)?)),
        };
        Ok(Self { url: url.clone(), options: Arc::new(options.clone()), backend })
    }

    /// Where it is.
    pub fn url(&self) -> &ReplicaUrl {
        &self.url
    }

    /// Whether it is given the parts of a file while that is still written.
    pub fn takes_parts(&self) -> bool {
        matches!(self.backend, Backend::Remote(_))
    }

    /// What has gone over the wire.
    pub fn traffic(&self) -> Traffic {
        match &self.backend {
            Backend::Remote(remote) => remote.counters.traffic(),
            Backend::Folder(_) => Traffic::default(),
        }
    }

    /// Whether one writer can be kept from writing over another; to be asked before anything is written. The folder
    /// is made where the one above it is there.
    ///
    /// # Errors
    /// [`Code::Usage`] where the store replaces an object that it was told to create.
    pub async fn probe(&self) -> Result<()> {
        self.before("store-probe")?;
        match &self.backend {
            Backend::Remote(remote) => remote.probe().await,
            Backend::Folder(folder) => blocking(folder, Folder::probe).await,
        }
    }

    /// Writes an object that is not there yet. `timestamp_ms`, milliseconds since 1970, is when its content was the
    /// database's. Of a file that is still written, a provider is given the parts that are there, and the object comes
    /// to be once the file is whole.
    ///
    /// # Errors
    /// [`Code::Busy`] where it is there with other content. After any other error it is either there, whole, or
    /// not there.
    pub async fn put_new(&self, key: &str, content: impl Into<Content>, timestamp_ms: i64) -> Result<Put> {
        self.before("store-put")?;
        let (key, content) = (key.to_owned(), content.into());
        match &self.backend {
            Backend::Remote(remote) => {
                let metadata = remote.metadata(timestamp_ms)?;
                let put = if content.bound() > PART {
                    remote.upload(&key, &content, metadata).await
                } else {
                    remote.create(&key, &content, metadata).await
                };
                put.map_err(remote.failed("write", &key))
            }
            Backend::Folder(folder) => {
                let content = content.whole().await.map_err(|error| {
                    Error::new(Code::Failed, format!("failed to write '{key}' in {}", self.url)).because(error)
                })?;
                blocking(folder, move |folder| folder.put_new(&key, &content, timestamp_ms)).await
            }
        }
    }

    /// Begins to read an object.
    ///
    /// # Errors
    /// [`Code::NotFound`] only where the store itself says so.
    pub async fn get(&self, key: &str) -> Result<Download> {
        self.before("store-get")?;
        match &self.backend {
            Backend::Remote(remote) => Download::of_remote(Arc::clone(remote), key).await,
            Backend::Folder(folder) => {
                let key = key.to_owned();
                let (object, file) = blocking(folder, move |folder| folder.open(&key)).await?;
                Ok(Download::of_file(object, file))
            }
        }
    }

    /// Reads a part of an object.
    ///
    /// # Errors
    /// [`Code::Damaged`] where it is shorter than that.
    pub async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes> {
        self.before("store-get")?;
        let wrong = || Error::new(Code::Usage, format!("{range:?} is no range to be read at once"));
        let len = range.end.checked_sub(range.start).and_then(|len| usize::try_from(len).ok()).ok_or_else(wrong)?;
        match &self.backend {
            _ if len == 0 => Ok(Bytes::new()),
            Backend::Remote(remote) => remote.get_range(key, range).await,
            Backend::Folder(folder) => {
                let key = key.to_owned();
                blocking(folder, move |folder| folder.get_range(&key, range.start, len)).await
            }
        }
    }

    /// Reads a small object whole: at most `limit` bytes.
    ///
    /// # Errors
    /// As [`Self::get`]; also where it is longer.
    pub async fn read(&self, key: &str, limit: u64) -> Result<(Bytes, Object)> {
        self.before("store-get")?;
        match &self.backend {
            Backend::Remote(remote) => remote.read(key, limit).await.map_err(remote.failed("read", key)),
            Backend::Folder(folder) => {
                let key = key.to_owned();
                blocking(folder, move |folder| folder.read(&key, limit)).await
            }
        }
    }

    /// All objects below `prefix`, a folder's name or empty for all, in the order of their keys.
    ///
    /// # Errors
    /// Where the listing would not be complete.
    pub async fn list(&self, prefix: &str) -> Result<Vec<Object>> {
        self.before("store-list")?;
        let mut objects = match &self.backend {
            Backend::Remote(remote) => remote.list(prefix).await?,
            Backend::Folder(folder) => {
                let prefix = prefix.to_owned();
                blocking(folder, move |folder| folder.list(&prefix)).await?
            }
        };
        objects.retain(|object| object.key.split('/').next() != Some(TMP));
        Ok(objects)
    }

    /// The names directly below the URL that have objects below them.
    ///
    /// # Errors
    /// As [`Self::list`].
    pub async fn folders(&self) -> Result<Vec<String>> {
        self.before("store-list")?;
        let mut names = match &self.backend {
            Backend::Remote(remote) => remote.folders().await?,
            Backend::Folder(folder) => blocking(folder, Folder::folders).await?,
        };
        names.retain(|name| name != TMP);
        Ok(names)
    }

    /// Removes objects. Whether they are there does not matter.
    ///
    /// # Errors
    /// Where some may still be there.
    pub async fn delete(&self, keys: &[String]) -> Result<()> {
        self.before("store-delete")?;
        match &self.backend {
            _ if keys.is_empty() => Ok(()),
            Backend::Remote(remote) => remote.delete(keys).await,
            Backend::Folder(folder) => {
                let keys = keys.to_vec();
                blocking(folder, move |folder| keys.iter().try_for_each(|key| folder.delete(key))).await
            }
        }
    }

    /// Replaces a small object, whose every state has a content of its own; with a revision only while it is still
    /// that one (where the store cannot tell, in any case).
    ///
    /// # Errors
    /// [`Code::Busy`] where it is another one.
    pub async fn put_lease(&self, key: &str, body: Bytes, revision: Option<&Revision>) -> Result<Revision> {
        self.before("store-lease")?;
        match &self.backend {
            Backend::Remote(remote) => {
                remote.replace(key, &body, revision).await.map_err(remote.failed("replace", key))
            }
            Backend::Folder(folder) => {
                let (key, revision) = (key.to_owned(), revision.cloned());
                blocking(folder, move |folder| folder.replace(&key, &body, revision.as_ref())).await
            }
        }
    }

    /// The store's own time, in milliseconds since 1970. It writes an object and removes it again.
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub async fn now(&self) -> Result<i64> {
        self.before("store-clock")?;
        match &self.backend {
            Backend::Remote(remote) => remote.now().await,
            Backend::Folder(folder) => blocking(folder, Folder::now).await,
        }
    }

    fn before(&self, label: &'static str) -> Result<()> {
        let Some(before) = &self.options.before else { return Ok(()) };
        before(label)
            .map_err(|error| Error::new(Code::Failed, format!("failed at {label} of {}", self.url)).because(error))
    }
}

/// Runs what may block on a thread that may.
async fn blocking<T: Send + 'static>(
    folder: &Arc<Folder>,
    work: impl FnOnce(&Folder) -> Result<T> + Send + 'static,
) -> Result<T> {
    let folder = Arc::clone(folder);
    let done = tokio::task::spawn_blocking(move || work(&folder)).await;
    done.map_err(|error| Error::new(Code::Failed, "a thread of the folder store died").because(error))?
}
