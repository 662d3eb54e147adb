//! What a stranger may do to the volumes, for the tests on a cluster: its images have no shell.
//!
//! | command | does |
//! |---|---|
//! | `sabotage damage FILE` | turns one byte in the middle of the file |
//! | `sabotage environment NAME` | prints the variable, or that it is not set |
//! | `sabotage folder DIR MODE` | makes the folder, where it is missing, and sets its mode (octal) |
//! | `sabotage hold FILE BOOT_ID` | locks the file as a process under another kernel would, until killed |
//! | `sabotage read DATABASE` | holds a read transaction, until killed |

use std::ffi::OsString;
use std::fs;
use std::io::{self, Error, Write as _};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::ExitCode;

use nix::fcntl::{Flock, FlockArg};

/// Does what the command line asks for, if that is `sabotage`.
pub fn asked_for(arguments: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    let arguments: Vec<String> = arguments.skip(1).map(|one| one.to_string_lossy().into_owned()).collect();
    let (first, rest) = arguments.split_first()?;
    if first != "sabotage" {
        return None;
    }
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    Some(match run(&rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    })
}

fn run(arguments: &[&str]) -> io::Result<()> {
    match *arguments {
        ["damage", file] => damage(file.as_ref()),
        ["environment", name] => {
            match std::env::var(name) {
                Ok(value) => println!("{name}={value}"),
                Err(error) => println!("{name}: {error}"),
            }
            Ok(())
        }
        ["folder", folder, mode] => {
            let mode = u32::from_str_radix(mode, 8).map_err(Error::other)?;
            fs::create_dir_all(folder)?;
            fs::set_permissions(folder, fs::Permissions::from_mode(mode))
        }
        ["hold", file, boot_id] => {
            let mut file = fs::OpenOptions::new().create(true).truncate(true).write(true).open(file)?;
            file.write_all(format!("{boot_id}\n1\n").as_bytes())?;
            let _held = Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| Error::from(errno))?;
            until_killed()
        }
        ["read", database] => {
            let connection = rusqlite::Connection::open(database).map_err(Error::other)?;
            connection.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema").map_err(Error::other)?;
            until_killed()
        }
        _ => Err(Error::other(format!("unknown sabotage {arguments:?}"))),
    }
}

fn damage(path: &Path) -> io::Result<()> {
    let file = fs::OpenOptions::new().read(true).write(true).open(path)?;
    let middle = file.metadata()?.len() / 2;
    let mut byte = [0];
    file.read_exact_at(&mut byte, middle)?;
    file.write_all_at(&[!byte[0]], middle)
}

fn until_killed() -> io::Result<()> {
    println!("holding");
    loop {
        std::thread::park();
    }
}
