//! Objects at a provider, each operation tried again until it succeeded, was refused, or has failed too often.

use std::future::Future;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, GetOptions, GetRange, GetResult, ObjectMeta, PutMode, PutOptions, PutPayload, UpdateVersion,
};
use pra_core::{Code, Error, Result};

use super::connect::{Service, connect};
use super::content::Content;
use super::options::StoreOptions;
use super::refused::{Failure, Verdict};
use super::wire::Counters;
use super::{Object, Put, Revision, check_key, tmp_key};
use crate::buffers::Buffers;
use crate::url::{ReplicaUrl, Scheme};

/// The slowest connection that still counts as one: as much body as gets one more time-out.
const BODY_PER_TIMEOUT: u64 = 4 << 20;

/// What removing one object may take, in terms of the above: 256 of them in one more time-out.
const BODY_PER_DELETION: u64 = 16 << 10;

#[derive(Debug)]
pub(super) struct Remote {
    pub(super) url: ReplicaUrl,
    pub(super) options: StoreOptions,
    pub(super) service: Arc<dyn Service>,
    pub(super) counters: Arc<Counters>,
    buffers: Buffers,
}

impl Remote {
    pub(super) fn open(url: &ReplicaUrl, options: &StoreOptions) -> Result<Self> {
        let counters = Arc::<Counters>::default();
        let service = connect(url, options, Arc::clone(&counters))?;
        Ok(Self { url: url.clone(), options: options.clone(), service, counters, buffers: Buffers::default() })
    }

    /// Where in the bucket `key` is.
    pub(super) fn path(&self, key: &str) -> Result<Path> {
        check_key(key)?;
        self.joined(key)
    }

    /// Where in the bucket is what lies below `prefix`, which may be empty or end at a slash.
    fn joined(&self, prefix: &str) -> Result<Path> {
        let joined = format!("{}/{prefix}", self.url.prefix());
        Path::parse(joined.trim_matches('/')).map_err(|error| {
            Error::new(Code::Usage, format!("'{prefix}' cannot be the name of an object")).because(error)
        })
    }

    /// Waits for one answer, as long as `body` bytes may take.
    pub(super) async fn in_time<T>(
        &self,
        body: u64,
        answer: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let more = u32::try_from(body / BODY_PER_TIMEOUT).unwrap_or(u32::MAX);
        let limit = self.options.timeout.saturating_mul(more.saturating_add(1));
        let late = |_elapsed| Failure::new(Verdict::Transient, format!("no answer within {limit:?}"));
        tokio::time::timeout(limit, answer).await.unwrap_or_else(|elapsed| Err(late(elapsed)))
    }

    /// Calls until it worked, or trying again makes no sense. `body` bytes go over the wire each time.
    pub(super) async fn retried<T, F, Fut>(&self, operation: &str, key: &str, body: u64, call: F) -> Result<T, Failure>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<T, Failure>>,
    {
        let mut attempt = 1;
        loop {
            let failure = match self.in_time(body, call()).await {
                Ok(done) => return Ok(done),
                Err(failure) => failure,
            };
            if failure.verdict != Verdict::Transient || attempt >= self.options.retry.attempts {
                return Err(failure);
            }
            self.pause(operation, key, attempt, &failure).await;
            attempt += 1;
        }
    }

    pub(super) async fn pause(&self, operation: &str, key: &str, attempt: u32, failure: &Failure) {
        let pause = self.options.retry.pause(attempt, rand::random());
        let ms = pause.as_millis();
        tracing::warn!(store = %self.url, operation, key, attempt, pause_ms = ms, error = %failure, "trying again");
        tokio::time::sleep(pause).await;
    }

    /// For crash points.
    pub(super) fn before(&self, label: &'static str) -> Result<(), Failure> {
        let Some(before) = &self.options.before else { return Ok(()) };
        before(label).map_err(|error| Failure::new(Verdict::Failed, error))
    }

    /// What every failure of an operation on an object says.
    pub(super) fn failed(&self, action: &str, key: &str) -> impl FnOnce(Failure) -> Error {
        let what = format!("failed to {action} '{key}' in {}", self.url);
        |failure| failure.into_error(what)
    }

    /// Writes an object that must not be there.
    pub(super) async fn create(&self, key: &str, content: &Content, metadata: Attributes) -> Result<Put, Failure> {
        let len = usize::try_from(content.len()).map_err(|error| Failure::new(Verdict::Failed, error))?;
        let body = content.read(0, len).await.map_err(|error| Failure::new(Verdict::Failed, error))?;
        self.retried("put", key, content.len(), || async {
            let mode = if self.options.only_writer {
                if let Some(put) = self.look(key, content).await? {
                    return Ok(put);
                }
                PutMode::Overwrite
            } else {
                PutMode::Create
            };
            let options = PutOptions { mode, attributes: metadata.clone(), ..PutOptions::default() };
            let path = self.path(key).map_err(|error| Failure::new(Verdict::Failed, error))?;
            match self.service.put_opts(&path, PutPayload::from(body.clone()), options).await.map_err(Failure::from) {
                Ok(_) => Ok(Put::Created),
                // Is it ours, from an attempt whose answer was lost, or another writer's?
                Err(failure) if failure.verdict == Verdict::Exists => self.settled(key, content).await,
                Err(failure) => Err(failure),
            }
        })
        .await
    }

    /// What it means that the store says of our object that it exists.
    pub(super) async fn settled(&self, key: &str, content: &Content) -> Result<Put, Failure> {
        let gone = || Failure::new(Verdict::Transient, "the store says that it exists and that it does not");
        self.look(key, content).await?.ok_or_else(gone)
    }

    /// Whether the object is there with this content; with other content it is [`Verdict::Exists`].
    ///
    /// One attempt; each piece of the answer has its time.
    pub(super) async fn look(&self, key: &str, content: &Content) -> Result<Option<Put>, Failure> {
        let found = match self.request(key, None, None).await {
            Ok(found) => found,
            Err(failure) if failure.verdict == Verdict::Absent => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let other = || Failure::new(Verdict::Exists, "an object with other content has that name");
        if found.meta.size != content.len() {
            return Err(other());
        }
        let mut at = 0;
        let mut stream = found.into_stream();
        while let Some(chunk) = self.in_time(0, async { Ok(stream.try_next().await?) }).await? {
            let ours = content.read(at, chunk.len()).await.map_err(|_longer| other())?;
            if ours != chunk {
                return Err(other());
            }
            at += chunk.len() as u64;
        }
        if at == content.len() { Ok(Some(Put::Same)) } else { Err(cut_off()) }
    }

    /// One GET, of all or of a range, of any version or of this one.
    pub(super) async fn request(
        &self,
        key: &str,
        range: Option<Range<u64>>,
        revision: Option<&Revision>,
    ) -> Result<GetResult, Failure> {
        let if_match = revision.and_then(|revision| revision.e_tag.clone());
        let options = GetOptions { range: range.map(GetRange::Bounded), if_match, ..GetOptions::default() };
        let path = self.path(key).map_err(|error| Failure::new(Verdict::Failed, error))?;
        Ok(self.service.get_opts(&path, options).await?)
    }

    pub(super) async fn get_range(&self, key: &str, range: Range<u64>) -> Result<Bytes> {
        let len = range.end.saturating_sub(range.start);
        let room = usize::try_from(len).unwrap_or_default();
        let get = || async {
            let found = self.request(key, Some(range.clone()), None).await?;
            if found.meta.size < range.end {
                return Err(Failure::new(Verdict::TooShort, format!("it has {} bytes", found.meta.size)));
            }
            let mut bytes = self.buffers.with_capacity(room);
            let mut stream = found.into_stream();
            while let Some(chunk) = stream.try_next().await? {
                if bytes.len() + chunk.len() > room {
                    return Err(Failure::new(Verdict::Failed, "the answer is longer than what was asked for"));
                }
                bytes.extend_from_slice(&chunk);
            }
            if bytes.len() as u64 == len { Ok(bytes.into()) } else { Err(cut_off()) }
        };
        self.retried("get", key, len, get).await.map_err(self.failed("read", key))
    }

    /// All of an object that is at most `limit` bytes long, and what it is.
    pub(super) async fn read(&self, key: &str, limit: u64) -> Result<(Bytes, Object), Failure> {
        let get = || async {
            let found = self.request(key, None, None).await?;
            let object = self.object(&found.meta);
            if object.size > limit {
                return Err(Failure::new(Verdict::Failed, format!("{} bytes are too long for it", object.size)));
            }
            let bytes = found.bytes().await?;
            if bytes.len() as u64 == object.size { Ok((bytes, object)) } else { Err(cut_off()) }
        };
        self.retried("get", key, limit, get).await
    }

    /// All objects below `prefix`, which ends at a slash or is empty, or only the folders directly in it.
    pub(super) async fn list(&self, prefix: &str) -> Result<Vec<Object>> {
        let path = self.joined(prefix)?;
        let list = || async {
            let mut objects = Vec::new();
            let mut stream = self.service.list(Some(&path));
            // Each page has its time; all of them may take long.
            while let Some(meta) = self.in_time(0, async { Ok(stream.try_next().await?) }).await? {
                objects.push(self.object(&meta));
            }
            Ok(objects)
        };
        let mut objects = self.retried("list", prefix, u64::MAX, list).await.map_err(self.failed("list", prefix))?;
        objects.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        Ok(objects)
    }

    pub(super) async fn folders(&self) -> Result<Vec<String>> {
        let path = self.joined("")?;
        let list = || async { Ok(self.service.list_with_delimiter(Some(&path)).await?) };
        let found = self.retried("list", "", 0, list).await.map_err(self.failed("list", ""))?;
        let mut names: Vec<_> =
            found.common_prefixes.iter().filter_map(|path| path.filename()).map(str::to_owned).collect();
        names.sort_unstable();
        Ok(names)
    }

    pub(super) async fn delete(&self, keys: &[String]) -> Result<()> {
        let paths = keys.iter().map(|key| self.path(key)).collect::<Result<Vec<_>>>()?;
        let delete = || async {
            let paths = futures_util::stream::iter(paths.clone()).map(Ok).boxed();
            let mut done = self.service.delete_stream(paths).map_err(Failure::from);
            while let Some(one) = done.next().await {
                match one {
                    Err(failure) if failure.verdict != Verdict::Absent => return Err(failure),
                    _ => {}
                }
            }
            Ok(())
        };
        let shown = keys.first().map_or("", String::as_str);
        self.retried("delete", shown, keys.len() as u64 * BODY_PER_DELETION, delete)
            .await
            .map_err(self.failed("delete", shown))
    }

    /// Replaces an object, if the store can tell, only while it is still at `revision`.
    pub(super) async fn replace(
        &self,
        key: &str,
        body: &Bytes,
        revision: Option<&Revision>,
    ) -> Result<Revision, Failure> {
        let path = self.path(key).map_err(|error| Failure::new(Verdict::Failed, error))?;
        let replaced = self.retried("put", key, body.len() as u64, || async {
            let mode = match revision.filter(|_| !self.options.only_writer) {
                Some(Revision { e_tag, version }) => {
                    PutMode::Update(UpdateVersion { e_tag: e_tag.clone(), version: version.clone() })
                }
                None => PutMode::Overwrite,
            };
            let put = self.service.put_opts(&path, PutPayload::from(body.clone()), PutOptions::from(mode)).await;
            match put.map_err(Failure::from) {
                Ok(put) => Ok(Revision { e_tag: put.e_tag, version: put.version }),
                Err(failure) if failure.verdict == Verdict::Exists => {
                    // Ours, of an attempt whose answer was lost?
                    let found = self.request(key, None, None).await?;
                    let object = self.object(&found.meta);
                    if found.bytes().await? == *body { Ok(object.revision) } else { Err(failure) }
                }
                Err(failure) => Err(failure),
            }
        });
        replaced.await.map_err(|failure| match failure.verdict {
            Verdict::Absent => Failure::new(Verdict::Exists, "the object is gone"),
            _ => failure,
        })
    }

    /// Removes what has served its purpose. Keys that may write and not delete are a choice, so it may stay.
    pub(super) async fn discard(&self, key: &str) {
        if let Err(error) = self.delete(&[key.to_owned()]).await {
            tracing::warn!(store = %self.url, key, error = error.chain(), "a temporary object stays behind");
        }
    }

    /// The store's own time, in milliseconds since 1970: that of an object just written.
    pub(super) async fn now(&self) -> Result<i64> {
        let key = tmp_key("clock");
        let content = Content::from(Bytes::new());
        self.create(&key, &content, Attributes::new()).await.map_err(self.failed("write", &key))?;
        let read = self.read(&key, 0).await.map_err(self.failed("read", &key));
        self.discard(&key).await;
        Ok(read?.1.modified_ms)
    }

    /// Where and how Litestream looks for the time of an object.
    pub(super) fn metadata(&self, timestamp_ms: i64) -> Result<Attributes> {
        let time = jiff::Timestamp::from_millisecond(timestamp_ms)
            .map_err(|error| Error::new(Code::Usage, format!("{timestamp_ms} ms is no time")).because(error))?;
        // Azure takes no hyphen.
        let name = if self.url.scheme() == Scheme::Az { "litestreamtimestamp" } else { "litestream-timestamp" };
        Ok(Attributes::from_iter([(Attribute::Metadata(name.into()), time.to_string())]))
    }

    pub(super) fn object(&self, meta: &ObjectMeta) -> Object {
        let path = meta.location.as_ref();
        let key = path.strip_prefix(self.url.prefix()).unwrap_or(path).trim_start_matches('/');
        Object {
            key: key.to_owned(),
            size: meta.size,
            modified_ms: meta.last_modified.timestamp_millis(),
            revision: Revision { e_tag: meta.e_tag.clone(), version: meta.version.clone() },
        }
    }
}

/// The answer had fewer bytes than it said.
pub(super) fn cut_off() -> Failure {
    Failure::new(Verdict::Transient, "the answer was cut off")
}
