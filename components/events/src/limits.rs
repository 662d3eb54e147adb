//! The limits of the API. The OpenAPI document states them; a test compares the two.

/// The largest body that is read, in bytes. More is answered 413 without being read.
pub const BODY_BYTES: usize = 4 * 1024 * 1024;

/// The longest message, in Unicode characters, as JSON Schema counts them.
pub const MESSAGE_CHARACTERS: usize = 65_536;

/// The longest message of `GET /add`, in Unicode characters: a URL of the servers that we run on has at most 65,534
/// bytes, and a character takes up to twelve of them.
pub const URL_MESSAGE_CHARACTERS: usize = 4_096;

/// The most events of one request.
pub const BATCH_EVENTS: usize = 10_000;

/// The longest `Idempotency-Key`, in visible ASCII characters.
pub const KEY_CHARACTERS: usize = 255;

/// How long an `Idempotency-Key` is remembered, in milliseconds: 24 hours. The schema's purge has the same figure.
pub const KEY_LIFE_MS: i64 = 86_400_000;

/// How many events a page has where `limit` is not given.
pub const PAGE_EVENTS_DEFAULT: usize = 100;

/// The most events of a page.
pub const PAGE_EVENTS_MAX: usize = 1_000;

/// A page ends early once its messages have this many bytes, so that its size is bounded. A page is in
/// memory several times over on its way: as rows of the host and of ours, and as JSON that grows.
pub const PAGE_BYTES: i64 = 1024 * 1024;

/// How many events `/consultation` shows.
pub const CONSULTATION_EVENTS: usize = 50;

/// How many backups `/recovery` has at most: the newest.
pub const RECOVERY_BACKUPS: i64 = 500;

/// How many rehearsals `/recovery` has at most, of all sources.
pub const RECOVERY_REHEARSALS: i64 = 50;

/// How many drills `/recovery` has at most.
pub const RECOVERY_DRILLS: i64 = 20;

/// How many restores, and how many safety copies, `/recovery` has at most.
pub const RECOVERY_RESTORES: i64 = 20;

/// How many lags `/recovery` has at most: three hours of three replicas.
pub const RECOVERY_LAGS: i64 = 540;
