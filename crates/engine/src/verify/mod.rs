//! Verifies restore points: files of a backup folder, and what a replica holds.

pub mod points;
pub mod replicas;
