//! Maps errors of the layers below to HTTP; and checks who may write.

use crate::auth::{self, Verdict};
use crate::http::{Problem, Request};
use crate::platform::Platform;
use crate::store::StoreError;

/// Seconds after which a retry makes sense: a lock is soon free, …
const RETRY_BUSY: u32 = 1;
/// … a database that is missing or failing needs an operator first.
const RETRY_FAILING: u32 = 5;

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let (code, seconds) = match error {
            StoreError::Busy => ("database-locked", RETRY_BUSY),
            StoreError::Uninitialised => ("database-not-initialised", RETRY_FAILING),
            StoreError::BackupsExist => ("database-lost", RETRY_FAILING),
            StoreError::CatalogUnreadable(_) => ("catalog-unreadable", RETRY_FAILING),
            StoreError::Failing(_) => ("database-failing", RETRY_FAILING),
        };
        Self::unavailable(code, error.to_string(), seconds)
    }
}

/// Accepts a request that writes, or returns why not.
///
/// # Errors
/// 401; or 503 if the right token is unknown: then every request is refused.
pub(crate) fn authorise<P: Platform>(platform: &P, request: &Request) -> Result<(), Problem> {
    let configured = platform
        .variable("api_token")
        .map_err(|why| Problem::unavailable("configuration-failing", why, RETRY_FAILING))?;
    let (challenge, detail) = match auth::judge(&configured, request.header("authorization")) {
        Verdict::Allowed => return Ok(()),
        Verdict::Missing => ("Bearer realm=\"events\"", "writing needs 'Authorization: Bearer <token>'"),
        Verdict::Wrong => ("Bearer realm=\"events\", error=\"invalid_token\"", "this token is not the right one"),
    };
    Err(Problem::new(401, "unauthorised", detail).with_header("www-authenticate", challenge))
}
