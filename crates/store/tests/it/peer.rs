//! What we encrypt, `age` opens, and the other way round.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use store::encryption::{Identities, NewKey, Recipients, encrypt, open};

use crate::places::noise;

/// `PRA_AGE` names the program; `cargo xtask test` sees to that.
fn age() -> PathBuf {
    let age = std::env::var_os("PRA_AGE").map(PathBuf::from);
    age.expect("PRA_AGE must name age: `cargo xtask test` sees to that")
}

fn run(age: &Path, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = Command::new(age);
    let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "{arguments:?}");
    output.stdout
}

#[test]
fn age_opens_what_we_encrypt_and_we_open_what_age_encrypts() {
    let age = age();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("identity.txt");
    let key = NewKey::generate();
    key.write(&file, "2026-11-25T20:23:45Z".parse().unwrap()).unwrap();
    let identities = Identities::read(&file).unwrap();
    let recipients = Recipients::parse([key.recipient().as_str(), &NewKey::generate().recipient()]).unwrap();
    for len in [0, 1, 65_536, 300_000] {
        let plain = noise(len, 1);
        let mut encrypting = encrypt(&recipients, Vec::new()).unwrap();
        encrypting.write_all(&plain).unwrap();
        let encrypted = encrypting.finish().unwrap();
        assert!(run(&age, &["--decrypt", "--identity", file.to_str().unwrap()], &encrypted) == plain, "{len}");
        let encrypted = run(&age, &["--encrypt", "--recipient", &key.recipient()], &plain);
        let mut opened = Vec::new();
        open(&identities, encrypted.as_slice()).unwrap().read_to_end(&mut opened).unwrap();
        assert!(opened == plain, "{len}");
    }
}
