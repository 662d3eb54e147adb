use proptest::prelude::*;

use super::*;

#[test]
fn lengths_are_read_as_people_type_them() {
    for (text, seconds) in [
        ("90s", 90),
        ("15m", 900),
        ("2h", 7200),
        ("1h30m", 5400),
        ("1d", 86_400),
        ("2w", 1_209_600),
        ("1d12h", 129_600),
        ("0s", 0),
    ] {
        assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
    }
}

#[test]
fn what_is_no_length_is_refused_with_what_to_type_instead() {
    type Refusal = fn(String) -> AgeError;
    let cases: [(&str, Refusal); 12] = [
        ("15", AgeError::NoUnit),
        ("-15m", AgeError::Negative),
        ("15m ago", AgeError::Negative),
        ("1mo", AgeError::NoFixedLength),
        ("2y", AgeError::NoFixedLength),
        ("", AgeError::NotALength),
        ("m", AgeError::NotALength),
        ("fifteen", AgeError::NotALength),
        ("15m!", AgeError::NotALength),
        ("1x", AgeError::NotALength),
        ("99999999999999999999s", AgeError::NotALength),
        ("1m1h", AgeError::NotALength),
    ];
    for (text, kind) in cases {
        let error = parse(text).unwrap_err();
        assert_eq!(error, kind(text.to_owned()));
        assert!(!error.hint().is_empty());
    }
    assert_eq!(parse("15").unwrap_err().hint(), "add a unit: 15s, 15m, 15h or 15d");
}

#[test]
fn lengths_are_written_short() {
    for (seconds, text) in
        [(0, "0s"), (90, "1m30s"), (5400, "1h30m"), (86_400, "1d"), (604_800, "7d"), (90_000, "1d1h")]
    {
        assert_eq!(display(Duration::from_secs(seconds)), text);
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(seconds in 0..10_000_000_000_u64, nanoseconds in prop_oneof![Just(0), 0..1_000_000_000_u32]) {
        let length = Duration::new(seconds, nanoseconds);
        prop_assert_eq!(parse(&display(length)), Ok(length));
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC*", number in any::<u64>(), unit in "[a-zA-Z]{1,3}") {
        parse(&text).ok();
        parse(&format!("{number}{unit}")).ok();
    }
}
