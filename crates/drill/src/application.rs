//! The event API, as a client uses it.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use jiff::Timestamp;
use pra_core::{Code, Error, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::http::{Answer, Ask, Target};
use super::ledger::{Receipt, Refusal};

/// How long a write may take. One that takes longer is sent again with the same key.
pub const WRITE_LIMIT: Duration = Duration::from_secs(2);

/// How long reading a page may take.
const READ_LIMIT: Duration = Duration::from_secs(10);

/// Tries of a read, and the pause between them.
const READS: u32 = 20;
const READ_PAUSE: Duration = Duration::from_millis(500);

/// Events of a page; the API's largest.
const PAGE: u32 = 1_000;

/// What takes a write: the application, or a test's own.
pub trait Writable: Send + Sync + 'static {
    /// Adds one event under its message as key, at most once however often it is called.
    fn write(&self, message: &str) -> impl Future<Output = Result<Receipt, Refusal>> + Send;
}

/// The application at a URL.
#[derive(Debug)]
pub struct Application(Target);

/// What its backups look like from inside.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Status {
    /// The newest backup's file.
    pub last_backup_file: Option<String>,
    /// Everything that was committed before this instant is in it.
    pub last_backup_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Added {
    ids: Vec<i64>,
    timestamp: Timestamp,
}

#[derive(Deserialize)]
struct Page {
    events: Vec<Event>,
    next: Option<String>,
    last: Option<String>,
}

#[derive(Deserialize)]
struct Event {
    message: String,
}

impl Application {
    /// The application that a target leads to.
    pub fn new(target: Target) -> Self {
        Self(target)
    }

    /// Sees to it that our token is the right one, with a write of nothing.
    ///
    /// # Errors
    /// [`Code::Usage`] where it is not.
    pub async fn lets_us_write(&self) -> Result<()> {
        let body = Bytes::from_static(b"[]");
        let ask = Ask { method: Method::POST, path: "/events".to_owned(), key: None, body };
        match self.0.ask(&ask, READ_LIMIT).await {
            Ok(Answer { status: 401, .. }) => Err(Error::new(
                Code::Usage,
                "the application wants a token of who writes, and ours is not the right one",
            )
            .hint("give its api_token: --api-token-file FILE or, in a Job, PRA_API_TOKEN from its Secret")),
            // Whether it takes writes at all is seen before anything happens to it.
            _ => Ok(()),
        }
    }

    /// Adds many events in one transaction, under a key.
    ///
    /// # Errors
    /// [`Code::OutOfReach`] where they are not acknowledged after several tries.
    pub async fn write_all(&self, key: &str, messages: &[String]) -> Result<Receipt> {
        let events: Vec<_> = messages.iter().map(|message| json!({ "message": message })).collect();
        let body = Bytes::from(serde_json::Value::from(events).to_string());
        let ask = Ask { method: Method::POST, path: "/events".to_owned(), key: Some(key.to_owned()), body };
        for _ in 0..READS {
            if let Ok(answer) = self.0.ask(&ask, READ_LIMIT).await
                && let Ok(receipt) = receipt(&answer)
            {
                return Ok(receipt);
            }
            tokio::time::sleep(READ_PAUSE).await;
        }
        Err(out_of_reach("POST /events"))
    }

    /// `GET /status`.
    ///
    /// # Errors
    /// [`Code::OutOfReach`] where there is no good answer after several tries.
    pub async fn status(&self) -> Result<Status> {
        self.read("/status").await.map(|status| status.ok_or_else(|| out_of_reach("GET /status")))?
    }

    /// The cursor of the newest event; `None` where there is none.
    ///
    /// # Errors
    /// As [`Self::status`].
    pub async fn newest(&self) -> Result<Option<String>> {
        let path = "/events?order=desc&limit=1";
        let page: Page = self.read(path).await?.ok_or_else(|| out_of_reach("GET /events"))?;
        Ok(page.last)
    }

    /// The messages of all events after the cursor that begin with `prefix`. Where the cursor's event is not the same
    /// any more, because an older state was restored, of all events.
    ///
    /// # Errors
    /// As [`Self::status`].
    pub async fn messages(&self, cursor: Option<&str>, prefix: &str) -> Result<Vec<String>> {
        let mut found = Vec::new();
        let mut after = cursor.map(str::to_owned);
        loop {
            let from = after.as_deref().map(|after| format!("&after={after}")).unwrap_or_default();
            let Some(page) = self.read::<Page>(&format!("/events?limit={PAGE}{from}")).await? else {
                if after.is_none() {
                    return Err(out_of_reach("GET /events"));
                }
                found.clear();
                after = None;
                continue;
            };
            found.extend(page.events.into_iter().map(|event| event.message).filter(|one| one.starts_with(prefix)));
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(found),
            }
        }
    }

    /// Reads JSON, with several tries. `None`: 410, the cursor is of another history.
    async fn read<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>> {
        let ask = Ask { method: Method::GET, path: path.to_owned(), key: None, body: Bytes::new() };
        let mut why = String::new();
        for _ in 0..READS {
            match self.0.ask(&ask, READ_LIMIT).await {
                Ok(Answer { status: 410, .. }) => return Ok(None),
                Ok(Answer { status: 200, body }) => match serde_json::from_slice(&body) {
                    Ok(value) => return Ok(Some(value)),
                    Err(error) => why = error.to_string(),
                },
                Ok(Answer { status, .. }) => why = Refusal::Status(status).name(),
                Err(refusal) => why = refusal.name(),
            }
            tokio::time::sleep(READ_PAUSE).await;
        }
        Err(out_of_reach(&format!("GET {path}")).because(why))
    }
}

impl Writable for Application {
    async fn write(&self, message: &str) -> Result<Receipt, Refusal> {
        let ask = Ask {
            method: Method::POST,
            path: "/events".to_owned(),
            key: Some(message.to_owned()),
            body: Bytes::from(json!({ "message": message }).to_string()),
        };
        receipt(&self.0.ask(&ask, WRITE_LIMIT).await?)
    }
}

/// Only a 201 with an id acknowledges.
fn receipt(answer: &Answer) -> Result<Receipt, Refusal> {
    let refused = Refusal::Status(answer.status);
    if answer.status != 201 {
        return Err(refused);
    }
    let Ok(Added { ids, timestamp }) = serde_json::from_slice::<Added>(&answer.body) else {
        return Err(refused);
    };
    ids.first().map(|id| Receipt { id: *id, timestamp }).ok_or(refused)
}

fn out_of_reach(what: &str) -> Error {
    Error::new(Code::OutOfReach, format!("the application does not answer {what} as an event API does"))
        .hint("check --url, and that its pods are ready: `kubectl get pods`")
}
