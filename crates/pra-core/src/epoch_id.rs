//! The name of an epoch: when it began and a random number, `20261125T202345Z-1a2b3c4d`. Names sort by time.

use std::fmt;
use std::str::FromStr;

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};

use crate::error::{Code, Error, Result};

/// The name of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EpochId {
    began: civil::DateTime,
    random: u32,
}

const TIME: &str = "%Y%m%dT%H%M%SZ";

impl EpochId {
    /// One that begins at `now`, and is like no other.
    pub fn begin(now: Timestamp) -> Self {
        let began = TimeZone::UTC.to_datetime(now);
        // The name has whole seconds, and years of four digits.
        let began = began.with().subsec_nanosecond(0).build().unwrap_or(began);
        Self { began, random: rand::random() }
    }

    /// When it began, to the second.
    pub fn began(&self) -> Timestamp {
        TimeZone::UTC.to_timestamp(self.began).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

impl fmt::Display for EpochId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:08x}", self.began.strftime(TIME), self.random)
    }
}

impl FromStr for EpochId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::new(Code::Usage, "an epoch's name reads like 20261125T202345Z-1a2b3c4d");
        let (time, random) = text.split_once('-').ok_or_else(wrong)?;
        let began = civil::DateTime::strptime(TIME, time).map_err(|error| wrong().because(error))?;
        let random = u32::from_str_radix(random, 16).map_err(|error| wrong().because(error))?;
        let id = Self { began, random };
        // One name for each: no sign, no capitals, no other length.
        if id.to_string() == text { Ok(id) } else { Err(wrong()) }
    }
}

impl serde::Serialize for EpochId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for EpochId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_says_when_its_epoch_began() {
        let id = EpochId { random: 0x1a2b_3c4d, ..EpochId::begin("2026-11-25T20:23:45.9Z".parse().unwrap()) };
        assert_eq!(id.to_string(), "20261125T202345Z-1a2b3c4d");
        assert_eq!(id.began().to_string(), "2026-11-25T20:23:45Z");
        assert_eq!(id.to_string().parse::<EpochId>().unwrap(), id);
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in [
            "",
            "tmp",
            "20261125T202345Z",
            "20261125T202345Z-",
            "20261125T202345Z-1A2B3C4D",
            "20261125T202345Z-+1a2b3c4",
            "20261125T202345Z-1a2b3c4d5",
            "20261325T202345Z-1a2b3c4d",
            "20261125T202345-1a2b3c4d",
            "2026-11-25T20:23:45Z-1a2b3c4d",
        ] {
            assert!(text.parse::<EpochId>().is_err(), "'{text}'");
        }
    }

    proptest! {
        #[test]
        fn names_parse_back_and_sort_by_time(a in 0_i64..200_000_000_000, b in 0_i64..200_000_000_000) {
            let id = |second| EpochId::begin(Timestamp::from_second(second).unwrap());
            let (first, second) = (id(a), id(b));
            prop_assert_eq!(first.to_string().parse::<EpochId>().unwrap(), first);
            prop_assert_eq!(first.began().as_second(), a);
            if a != b {
                prop_assert_eq!(first < second, a < b);
                prop_assert_eq!(first.to_string() < second.to_string(), a < b);
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,30}|[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}") {
            drop(text.parse::<EpochId>());
        }
    }
}
