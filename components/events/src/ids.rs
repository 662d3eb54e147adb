//! A list of event ids as a short text: inclusive runs in the list's order, `17-1016` or `5,9-12`.

/// The text of a list.
pub(crate) fn encode(ids: &[i64]) -> String {
    let mut text = String::new();
    for run in ids.chunk_by(|a, b| a.checked_add(1) == Some(*b)) {
        let (Some(first), Some(last)) = (run.first(), run.last()) else {
            continue;
        };
        let comma = if text.is_empty() { "" } else { "," };
        text.push_str(comma);
        text.push_str(&if first == last { first.to_string() } else { format!("{first}-{last}") });
    }
    text
}

/// The list of a text; `None` where it is no such text, or longer than `most`.
pub(crate) fn decode(text: &str, most: usize) -> Option<Vec<i64>> {
    let mut ids = Vec::new();
    for run in text.split(',') {
        // The first character may be a sign: the dash is looked for after it.
        let dash = run.char_indices().skip(1).find(|(_, c)| *c == '-');
        let (first, last) = match dash {
            Some((at, _)) => (run.get(..at)?, run.get(at + 1..)?),
            None => (run, run),
        };
        let (first, last): (i64, i64) = (first.parse().ok()?, last.parse().ok()?);
        let length = usize::try_from(last.checked_sub(first)?).ok()?;
        if ids.len() + length >= most {
            return None;
        }
        ids.extend(first..=last);
    }
    Some(ids)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_batch_is_one_run() {
        let batch: Vec<i64> = (17..=1_016).collect();
        assert_eq!(encode(&batch), "17-1016");
        assert_eq!(decode("17-1016", 1_000), Some(batch));
    }

    #[test]
    fn a_run_longer_than_any_batch_is_refused_before_it_is_made() {
        assert_eq!(decode("1-9223372036854775807", 10_000), None);
        assert_eq!(decode("9-1", 10_000), None);
        assert_eq!(decode("", 10_000), None);
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(ids in proptest::collection::vec(any::<i64>(), 1..50)) {
            prop_assert_eq!(decode(&encode(&ids), 50), Some(ids));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[0-9,-]{0,40}") {
            let decoded = decode(&text, 100);
            prop_assert!(decoded.is_none_or(|ids| ids.len() <= 100));
        }
    }
}
