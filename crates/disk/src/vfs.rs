//! What our VFSes for SQLite share: each is a copy of the default one with a few functions of its own, which call that
//! one for the rest.
#![allow(unsafe_code, reason = "SQLite's VFS is a C interface")]

use std::ffi::{CStr, OsStr, c_char, c_int};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rusqlite::ffi::{self, sqlite3_file, sqlite3_vfs};

/// Registers a copy of the default VFS under `name`, after `change`, which is given the default one and the copy;
/// `default`: it becomes the default one. Returns SQLite's code.
pub(crate) fn register(
    name: &'static CStr,
    default: bool,
    change: impl FnOnce(*mut sqlite3_vfs, &mut sqlite3_vfs),
) -> c_int {
    // SAFETY: a null name asks for the default VFS, which SQLite registers at initialisation and never frees; the copy
    // of it that is registered here is leaked, so it outlives every connection.
    unsafe {
        let old = ffi::sqlite3_vfs_find(std::ptr::null());
        if old.is_null() {
            return ffi::SQLITE_ERROR;
        }
        let mut new = *old;
        new.pNext = std::ptr::null_mut();
        new.zName = name.as_ptr();
        change(old, &mut new);
        ffi::sqlite3_vfs_register(Box::into_raw(Box::new(new)), c_int::from(default))
    }
}

/// Opens a file with `vfs`.
///
/// # Safety
/// As for the xOpen of `vfs`: there are its `szOsFile` bytes at `file`, and the rest is as SQLite gave it.
pub(crate) unsafe fn open(
    vfs: *mut sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe {
        let Some(open) = (*vfs).xOpen else { return ffi::SQLITE_CANTOPEN };
        open(vfs, name, file, flags, out_flags)
    }
}

/// The path that SQLite names; `None` for a temporary file without a name.
///
/// # Safety
/// `name` is null, or ends with a zero byte and lives as long as the path.
pub(crate) unsafe fn path_of<'a>(name: *const c_char) -> Option<&'a Path> {
    if name.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    let name = unsafe { CStr::from_ptr(name) };
    Some(Path::new(OsStr::from_bytes(name.to_bytes())))
}
