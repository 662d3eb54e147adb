//! Names of files: the transactions that they hold.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;

/// `0000000000000001-000000000000000a.ltx`: the smallest and the largest TXID, 16 lower-case hex digits each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName {
    /// The first transaction, from 1.
    pub min: u64,
    /// The last transaction, not below `min`.
    pub max: u64,
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{:016x}.ltx", self.min, self.max)
    }
}

impl FromStr for FileName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        parse(text).ok_or_else(|| Error::FileName(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<FileName> {
    let (min, max) = text.strip_suffix(".ltx")?.split_once('-')?;
    let (min, max) = (txid(min)?, txid(max)?);
    (1..=max).contains(&min).then_some(FileName { min, max })
}

fn txid(text: &str) -> Option<u64> {
    let exact = text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if exact { u64::from_str_radix(text, 16).ok() } else { None }
}
