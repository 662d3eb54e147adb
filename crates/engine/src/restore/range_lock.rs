//! SQLite's own locks on a file that SQLite itself cannot open, or that is not there yet under its name.
//!
//! Every connection that reads or writes holds a shared lock on 510 bytes from 0x4000_0002 (SQLite, `os_unix.c`:
//! `SHARED_FIRST`, `SHARED_SIZE`), in WAL mode for as long as it is open. An exclusive lock there keeps all of them
//! out. Open-file-description locks are used: unlike POSIX locks they are not lost when the process closes another
//! descriptor of the file.

use std::fs::File;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use pra_core::{Code, Error, Result};

const SHARED_FIRST: i64 = 0x4000_0002;
const SHARED_SIZE: i64 = 510;

/// Keeps SQLite out of `file` until `file` is closed.
///
/// # Errors
/// [`Code::Busy`] where a connection has it open.
pub(super) fn keep_out(file: &File, path: &Path) -> Result<()> {
    match fcntl(file, FcntlArg::F_OFD_SETLK(&range())) {
        Ok(_) => Ok(()),
        Err(Errno::EAGAIN | Errno::EACCES) => Err(busy(path)),
        Err(errno) => Err(Error::io("lock", path, errno.into())),
    }
}

/// Fails where a connection has the file at `path` open. Changes nothing. No connection of this process may have it
/// open: closing the descriptor would drop its locks.
pub(super) fn require_unused(path: &Path) -> Result<()> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::io("open", path, error)),
    };
    let mut found = range();
    fcntl(&file, FcntlArg::F_OFD_GETLK(&mut found)).map_err(|e| Error::io("look at the locks of", path, e.into()))?;
    if i32::from(found.l_type) == libc::F_UNLCK { Ok(()) } else { Err(busy(path)) }
}

/// The error for a database that another process has open.
pub(super) fn busy(path: &Path) -> Error {
    Error::new(Code::Busy, format!("the database '{}' is open elsewhere", path.display()))
        .hint("stop the application, then run this again; --mode in-place restores while it runs")
}

fn range() -> libc::flock {
    // F_WRLCK and SEEK_SET are small constants.
    libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: SHARED_FIRST,
        l_len: SHARED_SIZE,
        l_pid: 0,
    }
}
