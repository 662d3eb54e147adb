//! The body of `POST /events`: counted while it arrives, then read as one object, an array or NDJSON.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::error::Category;

use crate::limits;

/// The part of a body that has arrived, never more than the limit.
#[derive(Debug, Default)]
pub(crate) struct Received(Vec<u8>);

/// The body has more than [`limits::BODY_BYTES`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

impl Received {
    /// Adds what has arrived.
    ///
    /// # Errors
    /// Where that would be more than the limit; the rest need not be read.
    pub(crate) fn push(&mut self, chunk: &[u8]) -> Result<(), TooLarge> {
        if chunk.len() > limits::BODY_BYTES - self.0.len() {
            return Err(TooLarge);
        }
        self.0.extend_from_slice(chunk);
        Ok(())
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// An event as a client sends it. Unknown keys are refused, so that a misspelt key is not silently ignored.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewEvent<'a> {
    #[serde(borrow)]
    message: Cow<'a, str>,
}

/// What is wrong with a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BadBody {
    /// It is not JSON.
    Syntax(String),
    /// It is JSON, but not events.
    Content(String),
}

/// The messages of a body, in order: at least one.
pub(crate) fn messages(body: &[u8]) -> Result<Vec<Cow<'_, str>>, BadBody> {
    let events: Vec<NewEvent<'_>> = if body.trim_ascii_start().first() == Some(&b'[') {
        serde_json::from_slice(body).map_err(|error| explain(&error))?
    } else {
        // One object is NDJSON of one line; a pretty-printed one is read just as well.
        let stream = serde_json::Deserializer::from_slice(body).into_iter();
        stream.collect::<Result<_, _>>().map_err(|error| explain(&error))?
    };
    if events.is_empty() {
        return Err(if body.trim_ascii().is_empty() {
            BadBody::Syntax("the body is empty".to_owned())
        } else {
            BadBody::Content("there is no event in the body".to_owned())
        });
    }
    let most = limits::BATCH_EVENTS;
    if events.len() > most {
        return Err(BadBody::Content(format!("a request has at most {most} events, this one has {}", events.len())));
    }
    let messages: Vec<_> = events.into_iter().map(|event| event.message).collect();
    match messages.iter().position(|message| !is_within(message, limits::MESSAGE_CHARACTERS)) {
        Some(at) => {
            let most = limits::MESSAGE_CHARACTERS;
            Err(BadBody::Content(format!("the message of event {at}, counted from 0, has more than {most} characters")))
        }
        None => Ok(messages),
    }
}

/// Whether a message has at most so many characters.
pub(crate) fn is_within(message: &str, most: usize) -> bool {
    // A character has at least one byte: most messages need not be counted.
    message.len() <= most || message.chars().count() <= most
}

fn explain(error: &serde_json::Error) -> BadBody {
    match error.classify() {
        Category::Data => BadBody::Content(format!("not an event: {error}")),
        Category::Syntax | Category::Eof | Category::Io => BadBody::Syntax(format!("not JSON: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_object_an_array_and_ndjson_are_the_same() {
        assert_eq!(messages(br#"{"message":"a"}"#).unwrap(), ["a"]);
        assert_eq!(messages(b"{\n  \"message\": \"a\"\n}\n").unwrap(), ["a"]);
        assert_eq!(messages(br#" [{"message":"a"},{"message":""}]"#).unwrap(), ["a", ""]);
        assert_eq!(messages(b"{\"message\":\"a\"}\r\n\n{\"message\":\"b\"}\n").unwrap(), ["a", "b"]);
    }

    #[test]
    fn what_is_not_json_is_told_from_what_is_not_an_event() {
        let bad = [&b""[..], b"  ", b"{", b"hello", b"[{", b"{\"message\":\"\\ud800\"}", b"{\"message\":\"\xff\"}"];
        for syntax in bad {
            assert!(matches!(messages(syntax), Err(BadBody::Syntax(_))), "{syntax:?}");
        }
        for content in ["[]", "{}", "null", "7", r#"{"message":null}"#, r#"{"message":"a","id":1}"#, "[[]]"] {
            assert!(matches!(messages(content.as_bytes()), Err(BadBody::Content(_))), "{content}");
        }
    }

    #[test]
    fn a_batch_has_an_end() {
        let batch = |n| format!("[{}]", vec![r#"{"message":"x"}"#; n].join(","));
        assert_eq!(messages(batch(limits::BATCH_EVENTS).as_bytes()).map(|batch| batch.len()), Ok(limits::BATCH_EVENTS));
        assert!(matches!(messages(batch(limits::BATCH_EVENTS + 1).as_bytes()), Err(BadBody::Content(_))));
    }

    #[test]
    fn a_message_is_counted_in_characters() {
        assert!(is_within("éé", 2));
        assert!(!is_within("ééé", 2));
        let long = format!(r#"[{{"message":"a"}},{{"message":"{}"}}]"#, "a".repeat(limits::MESSAGE_CHARACTERS + 1));
        assert!(matches!(messages(long.as_bytes()), Err(BadBody::Content(text)) if text.contains("event 1,")));
    }

    #[test]
    fn a_body_over_the_limit_is_refused_before_it_is_kept() {
        let mut body = Received::default();
        assert_eq!(body.push(&vec![b' '; limits::BODY_BYTES]), Ok(()));
        assert_eq!(body.push(b"x"), Err(TooLarge));
        assert_eq!(body.bytes().len(), limits::BODY_BYTES);
    }

    proptest! {
        #[test]
        fn any_message_comes_through(expected in proptest::collection::vec(".*", 1..8)) {
            let lines: Vec<_> = expected.iter().map(|message| serde_json::json!({"message": message}).to_string()).collect();
            let (ndjson, array) = (lines.join("\n"), format!("[{}]", lines.join(",")));
            prop_assert_eq!(&messages(ndjson.as_bytes()).unwrap(), &expected);
            prop_assert_eq!(&messages(array.as_bytes()).unwrap(), &expected);
        }

        #[test]
        fn no_body_makes_it_panic(body in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(messages(&body).is_ok_and(|messages| !messages.is_empty()) || messages(&body).is_err());
        }
    }
}
