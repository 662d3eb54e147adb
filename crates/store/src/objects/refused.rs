//! What a store's refusal means.

use std::error::Error as StdError;

use object_store::client::HttpError;
use pra_core::{Code, Error};

/// An answer that is not a success, cut down to what may be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the store answered {status}{}{code}{}{message}", if code.is_empty() { "" } else { " " }, if message.is_empty() { "" } else { ": " })]
pub(super) struct Refused {
    pub(super) status: u16,
    /// The provider's word for it, such as `NoSuchBucket`; empty where it gave none.
    pub(super) code: String,
    pub(super) message: String,
}

/// No provider's message needs more.
const LONGEST_TEXT: usize = 200;

impl Refused {
    /// From an answer's body: XML with `Code` and `Message` at all three providers.
    pub(super) fn parse(status: u16, body: &str) -> Self {
        let element = |name: &str| {
            let (_, rest) = body.split_once(&format!("<{name}>"))?;
            let (text, _) = rest.split_once('<')?;
            let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
            Some(plain.take(LONGEST_TEXT).collect::<String>())
        };
        Self { status, code: element("Code").unwrap_or_default(), message: element("Message").unwrap_or_default() }
    }
}

/// What the caller has to make of a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The store says that there is no such object.
    Absent,
    /// A condition did not hold: the object is there, or is another one.
    Exists,
    /// We may not.
    Denied,
    /// There is no such bucket.
    NoBucket,
    /// Not this store.
    Unsupported,
    /// Less is there than was asked for.
    TooShort,
    /// It may have been done or not, and may succeed when tried again.
    Transient,
    /// Trying again makes no difference.
    Failed,
}

/// A failed call and what to make of it.
#[derive(Debug, thiserror::Error)]
#[error("{source}")]
pub(super) struct Failure {
    pub(super) verdict: Verdict,
    source: Box<dyn StdError + Send + Sync>,
}

impl Failure {
    pub(super) fn new(verdict: Verdict, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { verdict, source: source.into() }
    }

    /// For the caller of the store; `what` reads "failed to … 'key' in s3://bucket".
    pub(super) fn into_error(self, what: String) -> Error {
        let text = |hint: &'static str| Some(hint);
        let (kind, hint) = match self.verdict {
            Verdict::Absent => (Code::NotFound, None),
            Verdict::Exists => (Code::Busy, text(super::OTHER_WRITER)),
            Verdict::Denied => (Code::OutOfReach, text(self.hint_on_denial())),
            Verdict::NoBucket => (Code::OutOfReach, text("make the bucket first, or check its name and the endpoint")),
            Verdict::Unsupported => (Code::Failed, text("this store lacks an operation that replicas need")),
            Verdict::TooShort => (Code::Damaged, None),
            Verdict::Transient => (Code::OutOfReach, text("check the network and the endpoint, then try again")),
            Verdict::Failed => (Code::Failed, None),
        };
        let error = Error::new(kind, what).because(self.source);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }

    fn hint_on_denial(&self) -> &'static str {
        match self.refused().map_or("", |refused| refused.code.as_str()) {
            "RequestTimeTooSkewed" => "this machine's clock is wrong: set it",
            "AuthorizationHeaderMalformed" | "PermanentRedirect" => "the bucket is in another region: set AWS_REGION",
            "ExpiredToken" => "the session token has expired: get a new one",
            _ => "check the keys and what they are allowed to do: list, read, write and delete below the prefix",
        }
    }

    fn refused(&self) -> Option<&Refused> {
        find(self.source.as_ref())
    }
}

impl From<object_store::Error> for Failure {
    fn from(error: object_store::Error) -> Self {
        use object_store::Error as E;
        // Only what we know to say nothing secret goes on: the store's refusal, or what the network said.
        if let Some(refused) = find::<Refused>(&error) {
            return Self::new(judge(refused), refused.clone());
        }
        if let Some(http) = find::<HttpError>(&error) {
            return Self::new(Verdict::Transient, innermost(http).to_string());
        }
        match error {
            E::NotFound { .. } => Self::new(Verdict::Absent, "no such object"),
            E::AlreadyExists { .. } | E::Precondition { .. } | E::NotModified { .. } => {
                Self::new(Verdict::Exists, "the object exists")
            }
            E::NotImplemented { .. } | E::NotSupported { .. } => Self::new(Verdict::Unsupported, error.to_string()),
            // Answers that make no sense, and keys that cannot be got.
            _ => Self::new(Verdict::Transient, innermost(&error).to_string()),
        }
    }
}

fn judge(refused: &Refused) -> Verdict {
    let code = refused.code.as_str();
    match refused.status {
        404 if matches!(code, "NoSuchBucket" | "ContainerNotFound") => Verdict::NoBucket,
        // Without a word of the store's own it may be any server: an absence must not be made of that.
        404 if matches!(code, "NoSuchKey" | "BlobNotFound" | "ResourceNotFound" | "NoSuchUpload") => Verdict::Absent,
        404 => Verdict::NoBucket,
        304 | 409 | 412 => Verdict::Exists,
        400 if matches!(code, "ExpiredToken" | "InvalidToken" | "AuthorizationHeaderMalformed") => Verdict::Denied,
        // What a damaged or cut-off request gets.
        400 if matches!(code, "RequestTimeout" | "IncompleteBody" | "BadDigest" | "XAmzContentSHA256Mismatch") => {
            Verdict::Transient
        }
        301 | 302 | 307 | 308 | 401 | 403 => Verdict::Denied,
        416 => Verdict::TooShort,
        408 | 429 => Verdict::Transient,
        501 => Verdict::Unsupported,
        status if status >= 500 => Verdict::Transient,
        _ => Verdict::Failed,
    }
}

/// An error and its causes.
fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let this = next?;
        next = this.source();
        Some(this)
    })
}

fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    causes(error).find_map(|error| error.downcast_ref())
}

fn innermost<'a>(error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    causes(error).last().unwrap_or(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: &str) -> Refused {
        Refused { status, code: code.to_owned(), message: String::new() }
    }

    fn kind(status: u16, code: &str) -> Code {
        let refused = refused(status, code);
        Failure::new(judge(&refused), refused).into_error("failed".to_owned()).code()
    }

    #[test]
    fn only_a_store_that_names_the_missing_object_makes_an_absence() {
        assert_eq!(kind(404, "NoSuchKey"), Code::NotFound);
        assert_eq!(kind(404, "BlobNotFound"), Code::NotFound);
        for (status, code) in
            [(404, "NoSuchBucket"), (404, "ContainerNotFound"), (404, ""), (403, "AccessDenied"), (401, ""), (503, "")]
        {
            assert_eq!(kind(status, code), Code::OutOfReach, "{status} {code}");
        }
    }

    #[test]
    fn a_broken_condition_is_a_conflict_and_a_cut_off_request_is_tried_again() {
        assert_eq!((kind(412, "PreconditionFailed"), kind(409, "")), (Code::Busy, Code::Busy));
        for (status, code) in [(500, ""), (503, "SlowDown"), (429, ""), (400, "RequestTimeout"), (408, "")] {
            assert_eq!(judge(&refused(status, code)), Verdict::Transient, "{status} {code}");
        }
        assert_eq!(judge(&refused(501, "NotImplemented")), Verdict::Unsupported);
    }

    #[test]
    fn of_an_answer_only_code_and_message_are_kept() {
        let body = "<?xml?><Error><Code>SignatureDoesNotMatch</Code><Message>Check\nyour key</Message>\
            <AWSAccessKeyId>AKIA</AWSAccessKeyId><StringToSign>hunter2</StringToSign></Error>";
        let refused = Refused::parse(403, body);
        assert_eq!(refused.to_string(), "the store answered 403 SignatureDoesNotMatch: Check your key");
        assert_eq!(Refused::parse(404, "<html>no").to_string(), "the store answered 404");
        let long = format!("<Message>{}</Message>", "ä".repeat(5000));
        assert_eq!(Refused::parse(500, &long).message.chars().count(), LONGEST_TEXT);
    }
}
