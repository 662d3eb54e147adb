//! The opaque cursor of `GET /events`.
//!
//! An id may be used again after a restore, so the cursor also knows the timestamp of the event that it points at: if
//! that is no longer the same event, the client gets 410 instead of silently skipping events.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 1 | format, 1 |
//! | 1 | 8 | id, big-endian |
//! | 9 | 8 | the first bytes of SHA-256(timestamp) |
//!
//! in base64url without padding: 23 characters.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

const FORMAT: u8 = 1;
const BYTES: usize = 17;

/// A position in the log: just at this event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The id of the event that it points at.
    pub(crate) id: i64,
    digest: [u8; 8],
}

impl Cursor {
    /// The cursor that points at this event.
    pub(crate) fn at(id: i64, timestamp: &str) -> Self {
        let hash = Sha256::digest(timestamp.as_bytes());
        let mut digest = [0; 8];
        for (to, from) in digest.iter_mut().zip(hash) {
            *to = from;
        }
        Self { id, digest }
    }

    /// Whether this event is the one that it points at.
    pub(crate) fn is_at(self, id: i64, timestamp: &str) -> bool {
        self == Self::at(id, timestamp)
    }

    /// The text of a cursor.
    pub(crate) fn encode(self) -> String {
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.push(FORMAT);
        bytes.extend(self.id.to_be_bytes());
        bytes.extend(self.digest);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The cursor of a text; `None` where we have never written such a one.
    pub(crate) fn decode(text: &str) -> Option<Self> {
        let bytes: [u8; BYTES] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let (format, rest) = bytes.split_first()?;
        let (id, digest) = rest.split_first_chunk::<8>()?;
        (*format == FORMAT).then_some(Self { id: i64::from_be_bytes(*id), digest: digest.try_into().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn another_event_with_the_same_id_is_noticed() {
        let cursor = Cursor::at(7, "2025-01-10T12:00:00.000Z");
        assert!(cursor.is_at(7, "2025-01-10T12:00:00.000Z"));
        assert!(!cursor.is_at(7, "2025-01-10T12:00:00.001Z"));
        assert!(!cursor.is_at(8, "2025-01-10T12:00:00.000Z"));
    }

    #[test]
    fn what_we_have_not_written_is_refused() {
        for text in ["", "7", "AQ", "////////////////////////", "AgAAAAAAAAAHAAAAAAAAAAA"] {
            assert_eq!(Cursor::decode(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(id: i64, timestamp: String) {
            let cursor = Cursor::at(id, &timestamp);
            prop_assert_eq!(cursor.encode().len(), 23);
            prop_assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
        }

        #[test]
        fn no_text_makes_it_panic(text: String) {
            prop_assert!(Cursor::decode(&text).is_none_or(|cursor| cursor.encode() == text));
        }
    }
}
