use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::*;

struct Key {
    recipient: String,
    secret: String,
    identities: Identities,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

fn key() -> Key {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("identity.txt");
    let new = NewKey::generate();
    new.write(&path, "2026-11-25T20:23:45Z".parse().unwrap()).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let secret = text.lines().last().unwrap().to_owned();
    assert!(secret.starts_with("AGE-SECRET-KEY-1"));
    assert!(!format!("{new:?}").contains(&secret));
    Key { recipient: new.recipient(), secret, identities: Identities::read(&path).unwrap(), path, _folder: folder }
}

fn encrypted(recipients: &[&Key], bytes: &[u8]) -> Vec<u8> {
    let recipients = Recipients::parse(recipients.iter().map(|key| key.recipient.as_str())).unwrap();
    let mut encrypting = encrypt(&recipients, Vec::new()).unwrap();
    encrypting.write_all(bytes).unwrap();
    encrypting.finish().unwrap()
}

fn opened(key: &Key, bytes: &[u8]) -> Result<std::io::Result<Vec<u8>>> {
    let mut opener = open(&key.identities, bytes)?;
    let mut plain = Vec::new();
    Ok(opener.read_to_end(&mut plain).map(|_| plain))
}

#[test]
fn each_recipient_decrypts_what_was_encrypted_to_several_and_no_other_key_does() {
    let (first, second, stranger) = (key(), key(), key());
    for len in [0, 1, 65_536, 65_537, 1_000_000] {
        let plain: Vec<u8> = (0..len).map(|n| (n % 251) as u8).collect();
        let encrypted = encrypted(&[&first, &second], &plain);
        assert!(is_encrypted(&encrypted) && !is_encrypted(&plain));
        assert_eq!(opened(&first, &encrypted).unwrap().unwrap(), plain);
        assert_eq!(opened(&second, &encrypted).unwrap().unwrap(), plain);
        let error = opened(&stranger, &encrypted).unwrap_err();
        assert_eq!(error.code(), Code::Usage);
        assert!(error.hint_text().unwrap().contains("--identity"));
    }
}

#[test]
fn what_was_cut_off_or_changed_anywhere_does_not_open() {
    let key = key();
    let whole = encrypted(&[&key], &[7; 200_000]);
    let fails = |bytes: &[u8]| !matches!(opened(&key, bytes), Ok(Ok(_)));
    for len in (0..whole.len()).step_by(997).chain(whole.len() - 40..whole.len()).chain(0..300) {
        assert!(fails(&whole[..len]), "the first {len} bytes opened");
    }
    for at in (0..whole.len()).step_by(997).chain(0..300) {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        assert!(fails(&changed), "it opened with byte {at} changed");
    }
    let longer = [whole.as_slice(), b"x"].concat();
    assert!(fails(&longer), "it opened with a byte more");
}

#[test]
fn what_was_never_finished_does_not_open() {
    let key = key();
    let recipients = Recipients::parse([key.recipient.as_str()]).unwrap();
    let mut bytes = Vec::new();
    let mut encrypting = encrypt(&recipients, &mut bytes).unwrap();
    encrypting.write_all(&[1; 100_000]).unwrap();
    encrypting.flush().unwrap();
    drop(encrypting);
    assert!(!matches!(opened(&key, &bytes), Ok(Ok(_))));
}

#[test]
fn who_encrypts_reads_back_this_one_file_and_its_header_holds_the_recipients_alone() {
    let key = key();
    let recipients = Recipients::parse([key.recipient.as_str()]).unwrap();
    let write = |plain: &[u8]| {
        let (mut encrypting, read_back) = encrypt_to_read_back(&recipients, Vec::new()).unwrap();
        encrypting.write_all(plain).unwrap();
        (encrypting.finish().unwrap(), read_back)
    };
    let plain = vec![7; 200_000];
    let ((one, read_back), (other, _)) = (write(&plain), write(&plain));
    let mut read = Vec::new();
    read_back.open(one.as_slice()).unwrap().read_to_end(&mut read).unwrap();
    assert_eq!(read, plain);
    assert_eq!(opened(&key, &one).unwrap().unwrap(), plain);
    let stanzas = one.windows(10).filter(|window| window == b"-> X25519 ").count();
    assert_eq!(stanzas, 1, "no other recipient opens it");
    assert_eq!(read_back.open(other.as_slice()).unwrap_err().code(), Code::Damaged);
    for at in [0, 60, one.len() / 2, one.len() - 1] {
        let mut changed = one.clone();
        changed[at] ^= 1;
        let read = read_back.open(changed.as_slice()).map(|mut opener| opener.read_to_end(&mut Vec::new()));
        assert!(!matches!(read, Ok(Ok(_))), "it opened with byte {at} changed");
    }
}

#[test]
fn plaintext_is_damage_where_encryption_is_expected() {
    for bytes in [b"LTX1 plain text".as_slice(), b"", b"age-encryption.org/v2\n"] {
        assert_eq!(opened(&key(), bytes).unwrap_err().code(), Code::Damaged, "{bytes:?}");
    }
}

#[test]
fn what_the_store_says_of_its_failure_comes_through() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other(Error::new(Code::OutOfReach, "no answer")))
        }
    }
    let error = open(&key().identities, Broken).unwrap_err();
    assert_eq!((error.code(), error.to_string().as_str()), (Code::OutOfReach, "no answer"));
}

#[test]
fn a_key_file_is_the_owners_alone_and_is_never_replaced() {
    let key = key();
    assert_eq!(std::fs::metadata(&key.path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(NewKey::generate().write(&key.path, jiff::Timestamp::UNIX_EPOCH).is_err());
    let text = std::fs::read_to_string(&key.path).unwrap();
    let recipient = &key.recipient;
    assert_eq!(text, format!("# created: 2026-11-25T20:23:45Z\n# public key: {recipient}\n{}\n", key.secret));
}

#[test]
fn no_error_and_no_debug_shows_a_secret() {
    let key = key();
    let secret = key.secret.as_str();
    let half = key.path.with_file_name("half");
    std::fs::write(&half, format!("# a comment\n{}\n", &secret[..60])).unwrap();
    let errors = [
        Recipients::parse([secret]).unwrap_err(),
        Recipients::parse([secret.to_lowercase().as_str()]).unwrap_err(),
        Recipients::read(&key.path).unwrap_err(),
        Identities::read(std::path::Path::new(secret)).unwrap_err(),
        Identities::read(&half).unwrap_err(),
    ];
    let shown = errors.iter().map(|error| format!("{error:?} {}", error.chain())).collect::<String>();
    let shown = format!("{shown} {:?}", key.identities).to_uppercase();
    assert!(!shown.contains(&secret[..30]) && !shown.contains(&secret[30..60]), "{shown}");
    assert!(errors[4].chain().contains("line 2"), "{}", errors[4].chain());
}

#[test]
fn keys_come_from_files_with_comments_and_each_counts_once() {
    let (first, second) = (key(), key());
    let path = first.path.with_file_name("recipients");
    let text = format!("# both\n\n{}\r\n{}\n{}\n", first.recipient, second.recipient, first.recipient);
    std::fs::write(&path, text).unwrap();
    let recipients = Recipients::read(&path).unwrap();
    let mut each_once = [first.recipient.clone(), second.recipient.clone()];
    each_once.sort();
    assert_eq!(recipients.shown(), each_once);
    assert!(format!("{recipients:?}").contains(&second.recipient));
    let both = first.path.with_file_name("both");
    std::fs::write(&both, format!("{}\n{}\n", first.secret, second.secret)).unwrap();
    let encrypted = encrypted(&[&second], b"x");
    let mut plain = String::new();
    open(&Identities::read(&both).unwrap(), encrypted.as_slice()).unwrap().read_to_string(&mut plain).unwrap();
    assert_eq!(plain, "x");
}

#[test]
fn without_a_recipient_or_an_identity_there_is_an_error_and_no_silence() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "# nothing\n").unwrap();
    assert_eq!(Recipients::parse([]).unwrap_err().code(), Code::Usage);
    assert_eq!(Recipients::parse(["", " "]).unwrap_err().code(), Code::Usage);
    assert_eq!(Recipients::parse(["age1nonsense"]).unwrap_err().code(), Code::Usage);
    assert_eq!(Recipients::read(&empty).unwrap_err().code(), Code::Usage);
    assert_eq!(Identities::read(&empty).unwrap_err().code(), Code::Usage);
    assert_eq!(Identities::read(&folder.path().join("missing")).unwrap_err().code(), Code::Usage);
    std::fs::write(&empty, "age-encryption.org/v1\n-> scrypt x\n").unwrap();
    assert!(Identities::read(&empty).unwrap_err().hint_text().unwrap().contains("age -d"));
}
