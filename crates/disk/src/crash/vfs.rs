//! SQLite's own file operations, as crash points: a VFS that wraps the unix one.
//!
//! ```text
//! ShimFile (what SQLite sees)          real unix file, in the same allocation
//! ┌──────────────┬──────────────┐┌──────────────────────────┐
//! │ sqlite3_file │ *mut Opened  ││ sqlite3_file of unix VFS │
//! └──────────────┴──────────────┘└──────────────────────────┘
//! ```
//! Writes, truncations, syncs, creations and removals ask the layer first; locks and shared memory pass through.
//! Memory-mapped access is off (interface version 2): it would write past us.
#![allow(unsafe_code, reason = "SQLite's VFS is a C interface; nothing else shows its writes and syncs")]

use std::ffi::{c_char, c_int, c_void};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Once;

use rusqlite::ffi::{self, sqlite3_file, sqlite3_int64, sqlite3_io_methods, sqlite3_vfs};

use super::{Event, Image, ask, give_up, opened};
use crate::files::folder_of;
use crate::vfs;

/// The file as SQLite sees it; the unix VFS's own file follows it in memory.
#[repr(C)]
struct ShimFile {
    base: sqlite3_file,
    opened: *mut Opened,
}

/// What is known of an open file.
struct Opened {
    methods: sqlite3_io_methods,
    label: &'static str,
    path: Option<PathBuf>,
    inode: u64,
    real: *mut sqlite3_file,
    /// The unix VFS syncs the folder with the first sync of a journal or WAL that it might have made, and of no other
    /// file.
    sync_folder: bool,
}

extern "C" fn at_exit() {
    // The process ends: an error cannot be reported any more.
    let _unreported = ask("exit", &Event::Exit);
}

/// Makes the wrapping VFS SQLite's default one, and the end of the process the last operation: what it has said to
/// have done must survive a power loss just after. Connections that are open already keep their VFS.
pub fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let code = vfs::register(c"crash-points", true, |real, shim| {
            shim.iVersion = shim.iVersion.min(2);
            shim.szOsFile += size_of::<ShimFile>() as c_int;
            // The other functions of the unix VFS find their file methods through this field of the VFS they are given,
            // which is why they are given the real one below.
            shim.pAppData = real.cast();
            shim.xOpen = Some(open);
            shim.xDelete = Some(delete);
        });
        if code != ffi::SQLITE_OK {
            give_up("failed to register the VFS");
        }
        // SAFETY: the handler is a plain function that neither unwinds nor ends the process in another way than by a
        // signal.
        if unsafe { nix::libc::atexit(at_exit) } != 0 {
            give_up("failed to register for the end of the process");
        }
    });
}

unsafe fn real_vfs(shim: *mut sqlite3_vfs) -> *mut sqlite3_vfs {
    // SAFETY: `install` has put the unix VFS there.
    unsafe { (*shim).pAppData.cast() }
}

fn label_of(flags: c_int) -> &'static str {
    if flags & ffi::SQLITE_OPEN_MAIN_DB != 0 {
        "sqlite:main"
    } else if flags & ffi::SQLITE_OPEN_WAL != 0 {
        "sqlite:wal"
    } else if flags & (ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_SUPER_JOURNAL) != 0 {
        "sqlite:journal"
    } else {
        "sqlite:other"
    }
}

fn label_of_name(path: &Path) -> &'static str {
    let name = path.as_os_str().as_bytes();
    if name.ends_with(b"-wal") {
        "sqlite:wal"
    } else if name.ends_with(b"-journal") {
        "sqlite:journal"
    } else {
        "sqlite:other"
    }
}

fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

unsafe extern "C" fn open(
    ours: *mut sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives `szOsFile` bytes at `file`: room for the shim and, behind it, for the unix VFS's file; both
    // are aligned to 8. The name is valid until xClose, as the unix VFS requires.
    unsafe {
        let shim = file.cast::<ShimFile>();
        (*shim).base.pMethods = std::ptr::null();
        (*shim).opened = std::ptr::null_mut();
        // A file that is deleted when it is closed counts as never on the disk: no later process can see it.
        let temporary = flags & ffi::SQLITE_OPEN_DELETEONCLOSE != 0;
        let path = vfs::path_of(name).filter(|_| !temporary).map(Path::to_path_buf);
        let label = label_of(flags);
        let new = path.as_deref().filter(|path| flags & ffi::SQLITE_OPEN_CREATE != 0 && !is_there(path));
        if let Some(path) = new
            && ask(label, &Event::Create(path)).is_err()
        {
            return ffi::SQLITE_CANTOPEN;
        }
        let syncs_folder = ffi::SQLITE_OPEN_WAL | ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_SUPER_JOURNAL;
        let sync_folder = flags & ffi::SQLITE_OPEN_CREATE != 0 && flags & syncs_folder != 0;

        let real = shim.add(1).cast::<sqlite3_file>();
        let code = vfs::open(real_vfs(ours), name, real, flags, out_flags);
        if (*real).pMethods.is_null() {
            return code;
        }
        if let Some(path) = &path
            && flags & ffi::SQLITE_OPEN_MAIN_DB != 0
        {
            opened(path);
        }
        let inode = path.as_ref().and_then(|path| path.symlink_metadata().ok()).map_or(0, |meta| meta.ino());
        let methods = wrap(&*(*real).pMethods);
        let opened = Box::into_raw(Box::new(Opened { methods, label, path, inode, real, sync_folder }));
        (*shim).opened = opened;
        (*shim).base.pMethods = &raw const (*opened).methods;
        code
    }
}

unsafe extern "C" fn delete(ours: *mut sqlite3_vfs, name: *const c_char, sync_folder: c_int) -> c_int {
    // SAFETY: SQLite calls with the VFS that `install` registered and a name that ends with a zero byte.
    unsafe {
        let unix = real_vfs(ours);
        let Some(delete) = (*unix).xDelete else { return ffi::SQLITE_IOERR_DELETE };
        let Some(path) = vfs::path_of(name).filter(|path| is_there(path)) else {
            return delete(unix, name, sync_folder);
        };
        let label = label_of_name(path);
        if ask(label, &Event::Remove(path)).is_err() {
            return ffi::SQLITE_IOERR_DELETE;
        }
        let code = delete(unix, name, 0);
        if code != ffi::SQLITE_OK || sync_folder == 0 {
            return code;
        }
        let folder = folder_of(path);
        let synced = ask(label, &Event::SyncFolder(folder)).and_then(|()| std::fs::File::open(folder)?.sync_all());
        if synced.is_ok() { ffi::SQLITE_OK } else { ffi::SQLITE_IOERR_DIR_FSYNC }
    }
}

/// The methods of a file: ours, which call `real`, where the unix VFS has one.
fn wrap(real: &sqlite3_io_methods) -> sqlite3_io_methods {
    sqlite3_io_methods {
        iVersion: real.iVersion.min(2),
        xClose: real.xClose.and(Some(close)),
        xRead: real.xRead.and(Some(read)),
        xWrite: real.xWrite.and(Some(write)),
        xTruncate: real.xTruncate.and(Some(truncate)),
        xSync: real.xSync.and(Some(sync)),
        xFileSize: real.xFileSize.and(Some(file_size)),
        xLock: real.xLock.and(Some(lock)),
        xUnlock: real.xUnlock.and(Some(unlock)),
        xCheckReservedLock: real.xCheckReservedLock.and(Some(check_reserved_lock)),
        xFileControl: real.xFileControl.and(Some(file_control)),
        xSectorSize: real.xSectorSize.and(Some(sector_size)),
        xDeviceCharacteristics: real.xDeviceCharacteristics.and(Some(device_characteristics)),
        xShmMap: real.xShmMap.and(Some(shm_map)),
        xShmLock: real.xShmLock.and(Some(shm_lock)),
        xShmBarrier: real.xShmBarrier.and(Some(shm_barrier)),
        xShmUnmap: real.xShmUnmap.and(Some(shm_unmap)),
        xFetch: None,
        xUnfetch: None,
    }
}

/// The open file, its real file and the unix VFS's method; where that has none, `$none` is the answer.
macro_rules! real {
    ($file:ident, $method:ident, $none:expr) => {{
        let opened = &mut *(*$file.cast::<ShimFile>()).opened;
        let Some(method) = (*(*opened.real).pMethods).$method else { return $none };
        (opened, method)
    }};
}

/// Methods that pass through unchanged.
macro_rules! pass {
    ($($name:ident = $method:ident($($arg:ident: $type:ty),*);)*) => {$(
        unsafe extern "C" fn $name(file: *mut sqlite3_file $(, $arg: $type)*) -> c_int {
            // SAFETY: SQLite calls a file's methods between xOpen and xClose only, so `file` is a ShimFile with its
            // `opened`; the arguments are passed on as they came.
            unsafe {
                let (opened, method) = real!(file, $method, ffi::SQLITE_IOERR);
                method(opened.real $(, $arg)*)
            }
        }
    )*};
}

pass! {
    read = xRead(buffer: *mut c_void, len: c_int, offset: sqlite3_int64);
    file_size = xFileSize(size: *mut sqlite3_int64);
    lock = xLock(level: c_int);
    unlock = xUnlock(level: c_int);
    check_reserved_lock = xCheckReservedLock(out: *mut c_int);
    file_control = xFileControl(op: c_int, argument: *mut c_void);
    sector_size = xSectorSize();
    device_characteristics = xDeviceCharacteristics();
    shm_map = xShmMap(page: c_int, size: c_int, extend: c_int, out: *mut *mut c_void);
    shm_lock = xShmLock(offset: c_int, n: c_int, flags: c_int);
    shm_unmap = xShmUnmap(delete: c_int);
}

unsafe extern "C" fn shm_barrier(file: *mut sqlite3_file) {
    // SAFETY: as for the methods that pass through.
    unsafe {
        let opened = &*(*file.cast::<ShimFile>()).opened;
        if let Some(barrier) = (*(*opened.real).pMethods).xShmBarrier {
            barrier(opened.real);
        }
    }
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    // SAFETY: as above; SQLite does not use the file after this call, so what `open` has leaked is taken back.
    unsafe {
        let (opened, method) = real!(file, xClose, ffi::SQLITE_IOERR_CLOSE);
        let code = method(opened.real);
        (*file).pMethods = std::ptr::null();
        drop(Box::from_raw(opened));
        code
    }
}

unsafe extern "C" fn write(file: *mut sqlite3_file, buffer: *const c_void, len: c_int, offset: sqlite3_int64) -> c_int {
    // SAFETY: as above; `buffer` has `len` bytes, none of them negative in number.
    unsafe {
        let (opened, method) = real!(file, xWrite, ffi::SQLITE_IOERR_WRITE);
        if let Some(path) = &opened.path {
            let bytes = std::slice::from_raw_parts(buffer.cast::<u8>(), len as usize);
            let event = Event::Write { image: opened, path, offset: offset as u64, bytes };
            if let Err(error) = ask(opened.label, &event) {
                return code_of(&error, ffi::SQLITE_IOERR_WRITE);
            }
        }
        method(opened.real, buffer, len, offset)
    }
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, size: sqlite3_int64) -> c_int {
    // SAFETY: as above.
    unsafe {
        let (opened, method) = real!(file, xTruncate, ffi::SQLITE_IOERR_TRUNCATE);
        if let Some(path) = &opened.path {
            let event = Event::Truncate { image: opened, path, len: size as u64 };
            if let Err(error) = ask(opened.label, &event) {
                return code_of(&error, ffi::SQLITE_IOERR_TRUNCATE);
            }
        }
        method(opened.real, size)
    }
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: as above.
    unsafe {
        let (opened, method) = real!(file, xSync, ffi::SQLITE_IOERR_FSYNC);
        if let Some(path) = &opened.path {
            if let Err(error) = ask(opened.label, &Event::Sync(path)) {
                return code_of(&error, ffi::SQLITE_IOERR_FSYNC);
            }
            let folder = std::mem::take(&mut opened.sync_folder).then(|| folder_of(path));
            // The unix VFS takes no notice of an error here either.
            let _same_without = folder.map(|folder| ask(opened.label, &Event::SyncFolder(folder)));
        }
        method(opened.real, flags)
    }
}

fn code_of(error: &io::Error, other: c_int) -> c_int {
    match error.kind() {
        io::ErrorKind::StorageFull => ffi::SQLITE_FULL,
        _ => other,
    }
}

fn checked(code: c_int) -> io::Result<()> {
    match code {
        // SQLite has filled the rest with zeros.
        ffi::SQLITE_OK | ffi::SQLITE_IOERR_SHORT_READ => Ok(()),
        code => Err(io::Error::other(format!("SQLite says {code}"))),
    }
}

fn missing() -> io::Error {
    io::Error::from(io::ErrorKind::Unsupported)
}

impl Image for Opened {
    fn inode(&self) -> io::Result<u64> {
        Ok(self.inode)
    }

    fn len(&self) -> io::Result<u64> {
        let mut size = 0;
        // SAFETY: an image is used within a method of its file, which is open.
        unsafe {
            let method = (*(*self.real).pMethods).xFileSize.ok_or_else(missing)?;
            checked(method(self.real, &raw mut size))?;
        }
        Ok(size as u64)
    }

    fn read(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        // SAFETY: as above; the buffer has as many bytes as are asked for.
        unsafe {
            let method = (*(*self.real).pMethods).xRead.ok_or_else(missing)?;
            let bytes = buffer.as_mut_ptr().cast();
            checked(method(self.real, bytes, buffer.len() as c_int, offset as sqlite3_int64))
        }
    }

    fn write(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        // SAFETY: as above; the slice has as many bytes as are written.
        unsafe {
            let method = (*(*self.real).pMethods).xWrite.ok_or_else(missing)?;
            checked(method(self.real, bytes.as_ptr().cast(), bytes.len() as c_int, offset as sqlite3_int64))
        }
    }
}
