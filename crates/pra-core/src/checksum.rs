//! The checksums of a database as values: the crate `ltx` computes them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A database checksum; text and JSON are 16 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Checksum(u64);

impl Checksum {
    /// Not taken. No database has it, since every checksum has its top bit set.
    pub const NONE: Self = Self(0);

    /// The number itself.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl From<u64> for Checksum {
    fn from(value: u64) -> Self {
        Self(value)
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checksum({self})")
    }
}

impl From<Checksum> for String {
    fn from(checksum: Checksum) -> Self {
        checksum.to_string()
    }
}

/// A text that is not 16 lower-case hex digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a checksum of 16 lower-case hex digits")]
pub struct ParseChecksumError(String);

impl FromStr for Checksum {
    type Err = ParseChecksumError;

    fn from_str(text: &str) -> Result<Self, ParseChecksumError> {
        let exact = text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        match u64::from_str_radix(text, 16) {
            Ok(value) if exact => Ok(Self(value)),
            _ => Err(ParseChecksumError(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Checksum {
    type Error = ParseChecksumError;

    fn try_from(text: String) -> Result<Self, ParseChecksumError> {
        text.parse()
    }
}

/// Both checksums of one database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Checksums {
    /// Of the file as it is, for those who speak LTX. Not a proof that nothing changed.
    pub ltx: Checksum,
    /// Of what the file holds: equal for a live database, its backup and what is restored from it.
    pub content: Checksum,
}

impl fmt::Display for Checksums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (content {})", self.ltx, self.content)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_is_16_lower_case_hex_digits_and_nothing_else() {
        let checksum = Checksum::from(0x8000_0000_0000_00af);
        assert_eq!(checksum.to_string(), "80000000000000af");
        assert_eq!(serde_json::to_string(&checksum).unwrap(), "\"80000000000000af\"");
        assert_eq!(serde_json::from_str::<Checksum>("\"80000000000000af\"").unwrap(), checksum);
        assert_eq!(format!("{checksum:?}"), "Checksum(80000000000000af)");
        for wrong in
            ["", "80000000000000AF", "0x800000000000af", "+8000000000000af", "80000000000000a", "80000000000000aff"]
        {
            assert_eq!(wrong.parse::<Checksum>(), Err(ParseChecksumError(wrong.to_owned())));
        }
    }

    proptest! {
        #[test]
        fn text_reads_back(value in any::<u64>()) {
            prop_assert_eq!(Checksum::from(value).to_string().parse(), Ok(Checksum::from(value)));
        }
    }
}
