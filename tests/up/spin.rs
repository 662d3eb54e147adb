//! `--spin`. There is no Spin here: a script takes its place, notes what it was told, and becomes `host`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use mini_pra_tests::{Data, host};

use crate::session::{start, up};

/// Makes a folder with a `spin` in it.
fn fake_spin(data: &Data) -> PathBuf {
    let folder = data.path().join("bin");
    fs::create_dir(&folder).unwrap();
    let script = format!(
        "#!/bin/sh\necho \"$@\" > '{}'\n[ \"$1\" = up ] || exit 64\nshift\nexec '{}' \"$@\"\n",
        data.path().join("told").display(),
        host().display()
    );
    let spin = folder.join("spin");
    fs::write(&spin, script).unwrap();
    fs::set_permissions(&spin, fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

#[test]
fn spin_is_run_with_absolute_paths_and_all_else_is_the_same() {
    let data = Data::new();
    let folder = data.path().join("var");
    let path = format!("{}:{}", fake_spin(&data).display(), std::env::var("PATH").unwrap());
    let (mut session, client) = start(&data, up(&folder).arg("--spin").env("PATH", path));
    client.get("/add").expect(200);
    session.line("backup-");
    assert!(session.stop().success(), "{}", session.output());
    let told = fs::read_to_string(data.path().join("told")).unwrap();
    let (manifest, config) = (mini_pra_tests::root().join("spin.toml"), folder.join("runtime-config.toml"));
    let expected = format!("up --from {} --runtime-config-file {} --listen", manifest.display(), config.display());
    assert!(told.starts_with(&expected), "{told}");
    let text = fs::read_to_string(config).unwrap();
    assert!(text.contains(&format!("\"{}\"", folder.join("data/app.db").display())), "{text}");
}

#[test]
fn a_spin_that_is_not_there_is_named() {
    let data = Data::new();
    let output = up(&data.path().join("var")).arg("--spin").env("PATH", "/nowhere").output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && words.contains("spin is not on the PATH"), "{words}");
}
