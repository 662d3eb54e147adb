//! The replica beside Litestream, each with its own defaults, on the same store, under the same load, in turn.
//!
//! ```text
//! whole   first sync, restore to the latest and to an instant, from a folder and from S3
//! lag     from a commit until a file in the store holds it; processor time and memory meanwhile
//! load    what eight writers notice
//! day     requests and bytes to S3
//! ```

mod day;
mod lag;
mod load;
mod place;
mod probe;
mod replicator;
mod whole;
mod writer;

pub(crate) use day::measure as day;
pub(crate) use lag::measure as lag;
pub(crate) use load::measure as load;
pub(crate) use whole::{folder, s3};
