//! Decoding of what the database holds.

use crate::platform::Value;

/// A text column that was read as BLOB. What is not valid UTF-8 shows as U+FFFD: a damaged or foreign row must not
/// hide the others.
pub(crate) fn decode(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Blob(bytes) => match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        },
    }
}

/// An integer column. Anything else reads as nothing.
pub(crate) fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Integer(number) => Some(*number),
        Value::Null | Value::Real(_) | Value::Blob(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_not_utf8_is_shown_and_not_refused() {
        assert_eq!(decode(Value::Blob(vec![0xff, 0x41])), "\u{fffd}A");
        assert_eq!(decode(Value::Blob("déjà".into())), "déjà");
        assert_eq!(decode(Value::Null), "");
    }
}
