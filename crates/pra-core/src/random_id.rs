//! Random numbers that name something for ever: 128 bits, written as 32 hexadecimal digits.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Code, Error, Result};

macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name(u128);

        impl $name {
            /// One like no other.
            pub fn random() -> Self {
                Self(rand::random())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", self.0)
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self> {
                let wrong = || Error::new(Code::Damaged, concat!($what, "'s id is 32 hexadecimal digits"));
                let id = u128::from_str_radix(text, 16).map(Self).map_err(|error| wrong().because(error))?;
                if id.to_string() == text { Ok(id) } else { Err(wrong()) }
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

random_id! {
    /// A writer: it lies beside the database, and so goes where the volume goes.
    WriterId, "a writer"
}

random_id! {
    /// A database: it lies beside the database, in each backup folder and in each store that has copies of it, and a
    /// restore into an empty place brings it back.
    DatabaseId, "a database"
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_id_reads_as_it_was_written_and_nothing_else_is_one(id in "[0-9a-fA-F+]{0,40}", number: u128) {
            if let Ok(parsed) = id.parse::<DatabaseId>() {
                prop_assert_eq!(parsed.to_string(), id);
            }
            let id = DatabaseId(number);
            prop_assert_eq!(id.to_string().parse::<DatabaseId>().unwrap(), id);
        }
    }
}
