//! Where the programs under test are.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The repository's root.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are in a folder of the repository")
}

/// The native program `name`: in `PRA_BIN_DIR`, else in the folder that cargo built this test into.
///
/// # Panics
/// Where it is missing, with the command that builds it.
#[must_use]
pub fn bin(name: &str) -> PathBuf {
    let folder = env::var_os("PRA_BIN_DIR").map_or_else(own_folder, PathBuf::from);
    existing(folder.join(name))
}

/// target/release for a test in target/release/deps.
fn own_folder() -> PathBuf {
    let test = env::current_exe().expect("failed to find the path of this test");
    test.ancestors().nth(2).expect("a test is two folders deep").to_path_buf()
}

#[track_caller]
fn existing(path: PathBuf) -> PathBuf {
    assert!(path.is_file(), "'{}' is missing: `cargo xtask test --only build` builds it", path.display());
    path
}

/// The program that is not ours and that the variable names.
///
/// # Panics
/// Where it names none.
#[must_use]
#[track_caller]
pub fn named(variable: &str) -> PathBuf {
    let path = env::var_os(variable);
    PathBuf::from(path.unwrap_or_else(|| panic!("{variable} must name a program: `cargo xtask test` sees to that")))
}

/// `backup-job`.
#[must_use]
pub fn backup_job() -> PathBuf {
    bin("backup-job")
}

/// `backup-job` whose file operations can kill it or fail (feature `crash-points`).
#[must_use]
pub fn backup_job_with_crash_points() -> PathBuf {
    bin("backup-job-crash-points")
}

/// `host`.
#[must_use]
pub fn host() -> PathBuf {
    bin("host")
}

/// `xtask`, the program behind `cargo xtask`.
#[must_use]
pub fn xtask() -> PathBuf {
    bin("xtask")
}

/// The component.
#[must_use]
pub fn component() -> PathBuf {
    existing(root().join("target/wasm32-wasip2/release/events.wasm"))
}

/// What the `sqlite3` program of the system answers to `sql`, without the last line's end. An oracle: another SQLite
/// than the one that the programs under test hold.
///
/// # Panics
/// Where it is missing or fails.
#[must_use]
#[track_caller]
pub fn sqlite3(database: &Path, sql: &str) -> String {
    let output = Command::new("sqlite3").arg("-batch").arg(database).arg(sql).output().expect("sqlite3 is missing");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "sqlite3 '{}': {errors}", database.display());
    String::from_utf8(output.stdout).expect("sqlite3 printed invalid UTF-8").trim_end().to_owned()
}
