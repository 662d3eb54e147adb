//! The query of a request: `message=hello+world&limit=5`.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::Problem;

/// The parameters of a query, still encoded. Unknown parameters are ignored.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    pub(crate) fn new(query: &'a str) -> Self {
        Self(query)
    }

    /// A parameter, decoded; `None` where it is not given, empty where nothing follows its name.
    ///
    /// # Errors
    /// 400 where it is given twice or is not UTF-8.
    pub(crate) fn get(self, name: &str) -> Result<Option<String>, Problem> {
        let mut found = None;
        for pair in self.0.split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if decode(key).as_deref() != Some(name) {
                continue;
            }
            let bad = |what: &str| Problem::bad_request("bad-parameter", format!("the parameter '{name}' {what}"));
            if found.is_some() {
                return Err(bad("is given more than once"));
            }
            found = Some(decode(value).ok_or_else(|| bad("is not UTF-8"))?);
        }
        Ok(found)
    }
}

/// Form decoding: `+` is a space. `None` where the bytes are not UTF-8: guessing would change what is stored.
fn decode(text: &str) -> Option<String> {
    let spaced = if text.contains('+') { Cow::Owned(text.replace('+', " ")) } else { Cow::Borrowed(text) };
    percent_decode_str(&spaced).decode_utf8().ok().map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn get(query: &str) -> Result<Option<String>, u16> {
        Query::new(query).get("message").map_err(|problem| super::super::Response::from(problem).status)
    }

    #[test]
    fn a_parameter_is_decoded_as_a_form_is() {
        assert_eq!(get(""), Ok(None));
        assert_eq!(get("other=1"), Ok(None));
        assert_eq!(get("message"), Ok(Some(String::new())));
        assert_eq!(get("message="), Ok(Some(String::new())));
        assert_eq!(get("a=1&message=d%C3%A9j%C3%A0+vu%2B&b"), Ok(Some("déjà vu+".to_owned())));
        assert_eq!(get("mess%61ge=100%"), Ok(Some("100%".to_owned())));
        assert_eq!(get("message=a=b"), Ok(Some("a=b".to_owned())));
    }

    #[test]
    fn what_cannot_be_stored_as_it_was_meant_is_refused() {
        assert_eq!(get("message=%FF"), Err(400));
        assert_eq!(get("message=a&message=b"), Err(400));
        assert_eq!(get("other=%FF&message=a"), Ok(Some("a".to_owned())));
    }

    proptest! {
        #[test]
        fn any_text_comes_through(text: String) {
            let encoded = percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC);
            prop_assert_eq!(get(&format!("message={encoded}")), Ok(Some(text)));
        }
    }
}
