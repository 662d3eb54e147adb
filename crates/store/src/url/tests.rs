use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> ReplicaUrl {
    text.parse().unwrap_or_else(|error: Error| panic!("'{text}': {error}"))
}

#[test]
fn each_kind_of_store_has_its_url() {
    let s3 = parse("s3://my-bucket/events/prod/");
    assert_eq!((s3.scheme(), s3.bucket(), s3.prefix()), (Scheme::S3, "my-bucket", "events/prod"));
    assert_eq!(s3.folder(), None);
    assert_eq!((parse("gs://b-1.x").scheme(), parse("az://container/a").prefix()), (Scheme::Gs, "a"));
    assert_eq!(parse("file:///mnt/replica/").folder(), Some(PathBuf::from("/mnt/replica")));
    assert_eq!(parse("file:///a%20b%25").folder(), Some(PathBuf::from("/a b%")));
}

#[test]
fn a_url_with_a_secret_is_refused_and_not_repeated() {
    for text in [
        "s3://AKIA:hunter2@my-bucket/x",
        "s3://my-bucket/x?secret=hunter2",
        "s3://hunter2:9000/my-bucket",
        "s3://my-bucket/x#hunter2",
        "az://account:hunter2@container",
        "gs://my-bucket/hunter2@x",
        "https://hunter2@host/bucket",
    ] {
        let error = text.parse::<ReplicaUrl>().unwrap_err();
        assert_eq!(error.code(), Code::Usage, "{text}");
        assert!(error.hint_text().is_some(), "{text}");
        assert!(!format!("{error:?} {error}").contains("hunter2"), "{text}: {error:?}");
    }
}

#[test]
fn a_url_that_names_no_place_is_refused() {
    for text in [
        "",
        "s3://",
        "s3:///x",
        "s3://ab",
        "s3://b b b/x",
        "s3://bucket//x",
        "s3://bucket/a/../b",
        "s3://bucket/./b",
        "s3://-bucket",
        "s3://bucket/ä",
        "file://relative",
        "file:///",
        "file:///a/../b",
        "file:///a//b",
        "file:///%ff",
        "file:///a%00b",
        "/mnt/replica",
        "bucket",
        "S3://bucket",
    ] {
        assert!(text.parse::<ReplicaUrl>().is_err(), "'{text}' was accepted");
    }
}

#[test]
fn a_bare_path_gets_the_url_as_a_hint() {
    let error = "/mnt/replica".parse::<ReplicaUrl>().unwrap_err();
    assert_eq!(error.hint_text(), Some("for a folder, write file:///mnt/replica"));
}

#[test]
fn what_is_shown_of_a_wrong_url_holds_no_key() {
    let shown = |text: &str| safe_part(text).unwrap_or_default();
    assert_eq!(shown("ftp://host/path"), "'ftp://host'");
    assert_eq!(shown("s3://Bucket/a b"), "'s3://Bucket/a b'");
    for text in [
        "s3://AKIA:secret@bucket/x",
        "s3://bucket:secret/x",
        "https://host/secret",
        "s3://bucket/x?token=secret",
        "s3://bucket/x#secret",
        "s3://bucket/x@secret",
        "secret",
        "sec/ret://secret",
    ] {
        assert!(!shown(text).contains("secret"), "{text}: {}", shown(text));
    }
}

proptest! {
    #[test]
    fn what_is_shown_parses_back_to_the_same(
        text in "(s3|gs|az)://[a-z0-9]{3,12}(/[A-Za-z0-9_.=-]{1,8}){0,3}/?|file://(/[ -~ä]{1,10}){1,3}/?",
    ) {
        if let Ok(url) = text.parse::<ReplicaUrl>() {
            prop_assert_eq!(url.to_string().parse::<ReplicaUrl>().ok(), Some(url));
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,40}") {
        drop(text.parse::<ReplicaUrl>());
    }
}
