//! Large files, in parts, and still only where there is none of that name.
//!
//! S3 can refuse to complete an upload when the object exists. The others cannot: there the parts become an object
//! under another name, which is then copied, and a copy can be refused.

use std::sync::Arc;

use futures_util::future::ready;
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::multipart::PartId;
use object_store::path::Path;
use object_store::{Attributes, CopyMode, CopyOptions, PutMultipartOptions, PutPayload};

use super::content::Content;
use super::refused::{Failure, Verdict};
use super::remote::Remote;
use super::{Put, tmp_key};
use crate::buffers::Buffers;
use crate::url::Scheme;

/// What is longer, in bytes, goes to a provider in parts, of the least size that S3 takes. A part is held in memory.
pub const PART: u64 = 5 << 20;

/// S3 takes no more of them.
const MOST_PARTS: u64 = 10_000;

/// At once: enough to fill a line whose answers take their time, little enough memory.
const AT_ONCE: usize = 2;

/// The size of the parts of so many bytes.
fn part_size(len: u64) -> u64 {
    PART.max(len.div_ceil(MOST_PARTS))
}

impl Remote {
    pub(super) async fn upload(&self, key: &str, content: &Content, metadata: Attributes) -> Result<Put, Failure> {
        // It may be there since before a crash: then nothing needs to be sent. What is not whole never was anywhere.
        let look = || self.look(key, content);
        if !matches!(content, Content::Growing(_))
            && let Some(put) = self.retried("get", key, u64::MAX, look).await?
        {
            return Ok(put);
        }
        if self.url.scheme() == Scheme::S3 {
            return self.upload_to(key, content, metadata, true).await;
        }
        let staged = tmp_key("upload");
        let uploaded = self.upload_to(&staged, content, metadata, false).await;
        let put = match uploaded {
            Ok(_) => self.copy(&staged, key, content).await,
            Err(failure) => Err(failure),
        };
        self.discard(&staged).await;
        put
    }

    async fn copy(&self, from: &str, to: &str, content: &Content) -> Result<Put, Failure> {
        let failed = |error| Failure::new(Verdict::Failed, error);
        let (source, target) = (self.path(from).map_err(failed)?, self.path(to).map_err(failed)?);
        let mode = if self.options.only_writer { CopyMode::Overwrite } else { CopyMode::Create };
        self.retried("copy", to, content.len(), || async {
            let options = CopyOptions::new().with_mode(mode);
            match self.service.copy_opts(&source, &target, options).await.map_err(Failure::from) {
                Ok(()) => Ok(Put::Created),
                Err(failure) if failure.verdict == Verdict::Exists => self.settled(to, content).await,
                Err(failure) => Err(failure),
            }
        })
        .await
    }

    /// `conditional`: completing it is refused where the object exists.
    pub(super) async fn upload_to(
        &self,
        key: &str,
        content: &Content,
        metadata: Attributes,
        conditional: bool,
    ) -> Result<Put, Failure> {
        let path = self.path(key).map_err(|error| Failure::new(Verdict::Failed, error))?;
        // Azure takes metadata with the list of parts, which this interface does not.
        let attributes = if self.url.scheme() == Scheme::Az { Attributes::new() } else { metadata };
        let begin = || async {
            let options = PutMultipartOptions { attributes: attributes.clone(), ..PutMultipartOptions::default() };
            Ok(self.service.create_multipart_opts(&path, options).await?)
        };
        let id: Arc<str> = self.retried("begin", key, 0, begin).await?.into();
        let done = match self.send_parts(key, &path, &id, content).await {
            Ok(parts) => self.complete(key, &path, &id, parts, content, conditional).await,
            Err(failure) => Err(failure),
        };
        if !matches!(done, Ok(Put::Created)) {
            self.abort(key, &path, &id).await;
        }
        done
    }

    /// Parts appear in no listing, and cost money until a rule of the bucket removes them.
    async fn abort(&self, key: &str, path: &Path, id: &str) {
        let id = id.to_owned();
        let abort = async { Ok(self.service.abort_multipart(path, &id).await?) };
        if let Err(error) = self.in_time(0, abort).await {
            tracing::debug!(store = %self.url, key, %error, "the parts of an upload stay behind");
        }
    }

    async fn send_parts(&self, key: &str, path: &Path, id: &str, content: &Content) -> Result<Vec<PartId>, Failure> {
        let id = id.to_owned();
        let buffers = Buffers::default();
        let size = part_size(content.bound());
        // How many there are is known when there is nothing left.
        let parts = stream::iter(0..).map(|number| {
            let (id, buffers) = (&id, &buffers);
            async move {
                let body = content.part(buffers, number as u64 * size, size).await;
                let body = body.map_err(|error| Failure::new(Verdict::Failed, error))?;
                if body.is_empty() {
                    return Ok(None);
                }
                self.before("store-part")?;
                let send = || async {
                    let payload = PutPayload::from(body.clone());
                    Ok(self.service.put_part(path, id, number, payload).await?)
                };
                self.retried("part", key, body.len() as u64, send).await.map(Some)
            }
        });
        let sent = parts.buffered(AT_ONCE).try_take_while(|part| ready(Ok(part.is_some())));
        sent.try_filter_map(|part| ready(Ok(part))).try_collect().await
    }

    async fn complete(
        &self,
        key: &str,
        path: &Path,
        id: &str,
        parts: Vec<PartId>,
        content: &Content,
        conditional: bool,
    ) -> Result<Put, Failure> {
        self.before("store-complete")?;
        let id = id.to_owned();
        // The store puts the parts together before it answers.
        self.retried("complete", key, content.len(), || async {
            match self.service.complete_multipart(path, &id, parts.clone()).await.map_err(Failure::from) {
                Ok(_) => Ok(Put::Created),
                Err(failure) if conditional && failure.verdict == Verdict::Exists => self.settled(key, content).await,
                // The upload is no more: completed by an attempt whose answer was lost?
                Err(failure) if failure.verdict == Verdict::Absent => {
                    let lost = Failure::new(Verdict::Failed, "the store has forgotten the parts of the upload");
                    self.look(key, content).await?.ok_or(lost)
                }
                Err(failure) => Err(failure),
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_part_is_too_small_and_there_are_not_too_many(len in 1_u64..5 << 40) {
            prop_assert!(part_size(len) >= PART);
            prop_assert!(len.div_ceil(part_size(len)) <= MOST_PARTS);
        }
    }
}
