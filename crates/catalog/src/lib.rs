//! The catalog: what is known about the backups, the replicas, the rehearsals, the drills and the restores of one database.
//!
//! It is one SQLite file, [`FILE`], in the backup folder. `backup-job` writes it whole and publishes it by rename (crate
//! `disk`); the application reads it on a read-only mount (`components/events`). A missing file, an empty one, and one without
//! tables all mean: no backup yet. This crate is what both share, and opens no file:
//!
//! ```text
//! schema.sql        the tables, version VERSION
//! record, point     the rows as types ◄── columns: how a row is read, by rusqlite or by Spin's SQLite
//! queries           the SQL that reads and writes them
//! thresholds        what is old, late, suspicious or full
//! verdict           could one recover now, what would be lost, and what to do
//! ```
//! The instant is always an argument.

pub mod columns;
pub mod point;
pub mod queries;
pub mod record;
pub mod thresholds;
pub mod verdict;

pub use columns::{Columns, Value};
pub use point::{Backup, Owner, Publication};
pub use queries::Query;
pub use record::{Drill, Forecast, FromRow, Lag, Outcome, Place, Rehearsal, Replica, Restore, ToRow, Volume};

/// Name of the catalog on the backup volume.
pub const FILE: &str = "catalog.db";

/// `PRAGMA user_version` of the catalogs that are written, and the newest that is read.
pub const VERSION: u32 = 5;

/// The statements that make the tables.
pub const SCHEMA: &str = include_str!("schema.sql");
