//! `Idempotency-Key`: what makes a retry harmless. The decisions; `store::append` has the SQL.

use sha2::{Digest, Sha256};

use crate::limits;

/// A key that a client has sent, with the request that it identifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// The header's value.
    pub(crate) name: String,
    /// SHA-256 of the route and the body.
    pub(crate) request_hash: [u8; 32],
}

/// What the database says about a key that is already there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// The same request has been answered before: answer the same.
    Same,
    /// The key was used for another request: refuse.
    Other,
}

impl Key {
    /// The key for a request; `route` keeps two routes' keys apart.
    pub(crate) fn new(name: String, route: &str, body: &[u8]) -> Self {
        let hash = Sha256::new().chain_update(route.as_bytes()).chain_update([0]).chain_update(body).finalize();
        Self { name, request_hash: hash.into() }
    }

    /// What a stored hash makes of this request.
    pub(crate) fn compare(&self, stored_hash: &[u8]) -> Known {
        if self.request_hash == stored_hash { Known::Same } else { Known::Other }
    }
}

/// The instant before which keys are forgotten, in ms since the epoch.
pub(crate) fn forgotten_before(now_ms: i64) -> i64 {
    now_ms.saturating_sub(limits::KEY_LIFE_MS)
}

/// Reads the header. `None` where there is none.
///
/// # Errors
/// What is wrong with it, in words.
pub(crate) fn read_header(values: &[&[u8]]) -> Result<Option<String>, String> {
    let value = match values {
        [] => return Ok(None),
        [one] => *one,
        _ => return Err("there is more than one Idempotency-Key".to_owned()),
    };
    let most = limits::KEY_CHARACTERS;
    if value.is_empty() || value.len() > most || !value.iter().all(u8::is_ascii_graphic) {
        return Err(format!("an Idempotency-Key is 1 to {most} visible ASCII characters"));
    }
    Ok(Some(String::from_utf8_lossy(value).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_body_under_the_same_key_is_the_same_request() {
        let key = Key::new("k".to_owned(), "POST /events", b"{}");
        assert_eq!(key.compare(&Key::new("k".to_owned(), "POST /events", b"{}").request_hash), Known::Same);
        assert_eq!(key.compare(&Key::new("k".to_owned(), "POST /events", b"{ }").request_hash), Known::Other);
        assert_eq!(key.compare(&Key::new("k".to_owned(), "GET /add", b"{}").request_hash), Known::Other);
        assert_eq!(key.compare(b""), Known::Other);
    }

    #[test]
    fn a_key_is_short_and_visible() {
        assert_eq!(read_header(&[]), Ok(None));
        assert_eq!(read_header(&[b"6d1-\"x\""]), Ok(Some("6d1-\"x\"".to_owned())));
        assert_eq!(read_header(&[&[b'a'; 255]]).map(|key| key.map(|key| key.len())), Ok(Some(255)));
        for bad in [&b""[..], b"a b", b"caf\xc3\xa9", b"\x7f", &[b'a'; 256]] {
            assert!(read_header(&[bad]).is_err());
        }
        assert!(read_header(&[b"a", b"a"]).is_err());
    }
}
