//! The bearer token for requests that write.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The verdict on an `Authorization` header.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Go on.
    Allowed,
    /// There was no bearer token.
    Missing,
    /// It was a wrong token.
    Wrong,
}

/// Checks an `Authorization` header against the configured token; an empty token allows every request.
pub(crate) fn judge(configured: &str, header: Option<&[u8]>) -> Verdict {
    if configured.is_empty() {
        return Verdict::Allowed;
    }
    let Some(given) = header.and_then(bearer) else {
        return Verdict::Missing;
    };
    if same(configured.as_bytes(), given) { Verdict::Allowed } else { Verdict::Wrong }
}

/// The credentials of a `Bearer` header; the scheme's name is case-insensitive.
fn bearer(header: &[u8]) -> Option<&[u8]> {
    let (scheme, credentials) = header.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(credentials.trim_ascii())
}

/// Compares in constant time. Hashed first, so that not even the length shows in the time taken.
fn same(a: &[u8], b: &[u8]) -> bool {
    Sha256::digest(a).as_slice().ct_eq(Sha256::digest(b).as_slice()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_configured_token_everybody_may_write() {
        assert_eq!(judge("", None), Verdict::Allowed);
        assert_eq!(judge("", Some(b"Bearer x")), Verdict::Allowed);
    }

    #[test]
    fn only_the_very_token_opens() {
        assert_eq!(judge("secret", Some(b"Bearer secret")), Verdict::Allowed);
        assert_eq!(judge("secret", Some(b"bearer  secret ")), Verdict::Allowed);
        for wrong in [&b"Bearer secre"[..], b"Bearer secrets", b"Bearer ", b"Bearer SECRET"] {
            assert_eq!(judge("secret", Some(wrong)), Verdict::Wrong);
        }
        for missing in [&b""[..], b"Bearer", b"Basic c2VjcmV0", b"secret"] {
            assert_eq!(judge("secret", Some(missing)), Verdict::Missing);
        }
        assert_eq!(judge("secret", None), Verdict::Missing);
    }
}
