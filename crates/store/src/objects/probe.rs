//! Whether a provider keeps two writers apart: asked before anything is written.

use object_store::Attributes;
use pra_core::{Code, Error, Result};

use super::content::Content;
use super::refused::{Failure, Verdict};
use super::remote::Remote;
use super::tmp_key;
use crate::url::Scheme;

impl Remote {
    pub(super) async fn probe(&self) -> Result<()> {
        let key = tmp_key("probe");
        let probed = self.probe_with(&key).await;
        self.discard(&key).await;
        probed
    }

    async fn probe_with(&self, key: &str) -> Result<()> {
        let (first, second) = (Content::from(b"1".to_vec()), Content::from(b"2".to_vec()));
        match self.create(key, &first, Attributes::new()).await {
            Ok(_) => {}
            Err(failure) if failure.verdict == Verdict::Unsupported => {
                return Err(self.no_conditions("a PUT").because(failure));
            }
            Err(failure) => return Err(self.failed("write", key)(failure)),
        }
        if self.options.only_writer {
            return Ok(());
        }
        let put = self.create(key, &second, Attributes::new()).await;
        self.must_be_refused(key, "a PUT", put)?;
        if self.url.scheme() == Scheme::S3 {
            let upload = self.upload_to(key, &second, Attributes::new(), true).await;
            self.must_be_refused(key, "an upload in parts", upload)?;
        }
        Ok(())
    }

    fn must_be_refused<T>(&self, key: &str, what: &str, done: Result<T, Failure>) -> Result<()> {
        match done {
            Ok(_) => Err(self.no_conditions(what)),
            Err(failure) if failure.verdict == Verdict::Exists => Ok(()),
            Err(failure) if failure.verdict == Verdict::Unsupported => Err(self.no_conditions(what).because(failure)),
            Err(failure) => Err(self.failed("write", key)(failure)),
        }
    }

    fn no_conditions(&self, what: &str) -> Error {
        let message = format!("{} does not honour 'If-None-Match: *' at {what}", self.url);
        Error::new(Code::Usage, message).hint(
            "two writers could destroy each other's work: use another store, or say --i-am-the-only-writer and make \
             sure of it",
        )
    }
}
