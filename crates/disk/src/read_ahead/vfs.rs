//! The VFS over [`ReadAhead`]: a database that is opened read-only is taken to be immutable, so that no locks and no
//! sidecars are looked at or made. Every other file (a sorter's temporary one) is the default VFS's.
//!
//! ```text
//! ReadFile (what SQLite sees)
//! ┌──────────────┬────────────────┐
//! │ sqlite3_file │ *mut ReadAhead │
//! └──────────────┴────────────────┘
//! ```

use std::ffi::{CStr, c_int, c_void};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};

use rusqlite::ffi::{self, sqlite3_file, sqlite3_int64, sqlite3_io_methods, sqlite3_vfs};

use super::ReadAhead;
use crate::vfs;

const NAME: &CStr = c"read-ahead";

/// What was the default VFS when ours was registered.
static DEFAULT: AtomicPtr<sqlite3_vfs> = AtomicPtr::new(std::ptr::null_mut());

/// A file as SQLite sees it.
#[repr(C)]
struct ReadFile {
    base: sqlite3_file,
    read_ahead: *mut ReadAhead,
}

/// Makes the VFS known to SQLite, once a process; returns the name to open with. The default VFS stays the default.
///
/// # Errors
/// Where SQLite has no VFS at all, or no memory.
pub(crate) fn register() -> rusqlite::Result<&'static CStr> {
    static REGISTERED: OnceLock<c_int> = OnceLock::new();
    // The other functions find what they need through fields that were copied along.
    let code = *REGISTERED.get_or_init(|| {
        vfs::register(NAME, false, |default, ours| {
            DEFAULT.store(default, Ordering::Release);
            ours.szOsFile = ours.szOsFile.max(size_of::<ReadFile>() as c_int);
            ours.xOpen = Some(open);
        })
    });
    match code {
        ffi::SQLITE_OK => Ok(NAME),
        code => Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)),
    }
}

unsafe extern "C" fn open(
    _vfs: *mut sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives `szOsFile` bytes at `file`, aligned to 8: room for ours and for the default VFS's. The name
    // is null or ends with a zero byte, and `out_flags` is null or can be written.
    unsafe {
        (*file).pMethods = std::ptr::null();
        let ours = ffi::SQLITE_OPEN_MAIN_DB | ffi::SQLITE_OPEN_READONLY;
        let Some(path) = vfs::path_of(name).filter(|_| flags & ours == ours) else {
            return vfs::open(DEFAULT.load(Ordering::Acquire), name, file, flags, out_flags);
        };
        let Ok(read_ahead) = ReadAhead::open(path) else { return ffi::SQLITE_CANTOPEN };
        (*file.cast::<ReadFile>()).read_ahead = Box::into_raw(Box::new(read_ahead));
        (*file).pMethods = &raw const METHODS;
        if !out_flags.is_null() {
            *out_flags = flags;
        }
        ffi::SQLITE_OK
    }
}

static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    iVersion: 1,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(fine),
    xFileSize: Some(file_size),
    xLock: Some(fine),
    xUnlock: Some(fine),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: None,
    xShmLock: None,
    xShmBarrier: None,
    xShmUnmap: None,
    xFetch: None,
    xUnfetch: None,
};

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: SQLite calls a file's methods between xOpen and xClose only, so that `file` is a ReadFile; it is not used
    // after this call, so that what `open` has leaked is taken back.
    unsafe {
        drop(Box::from_raw((*file.cast::<ReadFile>()).read_ahead));
        (*file).pMethods = std::ptr::null();
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(file: *mut sqlite3_file, buffer: *mut c_void, len: c_int, offset: sqlite3_int64) -> c_int {
    let (Ok(len), Ok(offset)) = (usize::try_from(len), u64::try_from(offset)) else { return ffi::SQLITE_IOERR_READ };
    // SAFETY: as for `close`; SQLite uses one file by one thread at a time, and `buffer` has `len` bytes, which are
    // set before they are seen as a slice.
    let (read_ahead, buffer) = unsafe {
        let buffer = buffer.cast::<u8>();
        (&mut *(*file.cast::<ReadFile>()).read_ahead, std::slice::from_raw_parts_mut(buffer, len))
    };
    match read_ahead.read(buffer, offset) {
        Ok(read) if read == len => ffi::SQLITE_OK,
        Ok(read) => {
            buffer[read..].fill(0);
            ffi::SQLITE_IOERR_SHORT_READ
        }
        Err(_the_code_says_it) => ffi::SQLITE_IOERR_READ,
    }
}

unsafe extern "C" fn file_size(file: *mut sqlite3_file, size: *mut sqlite3_int64) -> c_int {
    // SAFETY: as for `close`; `size` can be written.
    unsafe {
        let Ok(len) = sqlite3_int64::try_from((*(*file.cast::<ReadFile>()).read_ahead).len()) else {
            return ffi::SQLITE_IOERR_FSTAT;
        };
        *size = len;
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn check_reserved_lock(_file: *mut sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: `out` can be written.
    unsafe { *out = 0 };
    ffi::SQLITE_OK
}

unsafe extern "C" fn write(_: *mut sqlite3_file, _: *const c_void, _: c_int, _: sqlite3_int64) -> c_int {
    ffi::SQLITE_READONLY
}

unsafe extern "C" fn truncate(_: *mut sqlite3_file, _: sqlite3_int64) -> c_int {
    ffi::SQLITE_READONLY
}

/// Locks, unlocks and syncs do nothing: the file has no other user and no unsynced data.
unsafe extern "C" fn fine(_: *mut sqlite3_file, _: c_int) -> c_int {
    ffi::SQLITE_OK
}

unsafe extern "C" fn file_control(_: *mut sqlite3_file, _: c_int, _: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_: *mut sqlite3_file) -> c_int {
    4096
}

/// What makes SQLite leave out locks and sidecars.
unsafe extern "C" fn device_characteristics(_: *mut sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_IMMUTABLE
}
