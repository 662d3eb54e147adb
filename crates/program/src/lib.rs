//! What the programs share: how they print, log, and say what is wrong with a command line.

pub mod drill_answer;
pub mod generate;
pub mod listing;
pub mod logging;
pub mod output;
pub mod usage;
