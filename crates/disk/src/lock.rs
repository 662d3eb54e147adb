//! Which operations exclude each other: `flock` on files in the database's [`home`].
//!
//! ```text
//! lock          shared: backup, checkpointer, an init that finds tables    exclusive: init that must restore or create, replace
//! wanted        held while waiting for the exclusive lock: the checkpointer sees it at its next tick and lets go
//! restore       held by a restore in a cluster from its first step to its last, so that there is only one
//! replicator    held by the replicator that feeds the stores, from before it reads its state to its end
//! .pra.catalog  in the backup folder: held while the catalog or an announcement is written, beside the folder's own .pra.lock
//! ```
//! The kernel frees these locks when their holder dies, and they hold across the containers of one node, so they fence
//! even a pod that starts in the middle of a restore. They do not hold across machines or on network file systems,
//! and neither does SQLite's shared memory: such places are refused.

use std::fs;
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg, OFlag};
use nix::sys::statfs::{FsType, statfs};
use pra_core::{Code, Error, Result};

use crate::files::{self, folder_of};
use crate::home;

const LOCK: &str = "lock";
const WANTED: &str = "wanted";
const RESTORE: &str = "restore";
const REPLICATOR: &str = "replicator";
const BACKUPS: &str = ".pra.lock";
const PUBLICATION: &str = ".pra.catalog";
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Time between two tries for a lock.
const RETRY: Duration = Duration::from_millis(20);

/// After so long the holder is logged.
const SILENCE: Duration = Duration::from_secs(1);

/// How long a held lock file may carry another kernel's signature: the new holder signs it a moment after it takes the
/// lock, and until then the file names the holder before the node's restart.
const SIGNING: Duration = Duration::from_secs(1);

/// A lock that is held until this is dropped or the process ends.
#[derive(Debug)]
pub struct Lock {
    lock: Flock<fs::File>,
    path: PathBuf,
    _wanted: Option<Flock<fs::File>>,
}

impl Lock {
    /// Whether its file still has its name. If not, another process could hold a new file's lock.
    pub fn is_in_place(&self) -> Result<bool> {
        is_in_place(&self.lock, &self.path)
    }
}

/// Locks `database` together with others that only read or write through SQLite.
///
/// # Errors
/// [`Code::Busy`] where a restore holds it for longer than `wait`; [`Code::Usage`] where locks do not hold.
pub fn shared(database: &Path, wait: Duration) -> Result<Lock> {
    require_local(database)?;
    acquire(home::make(database)?.join(LOCK), FlockArg::LockSharedNonblock, wait)
}

/// Locks `database` exclusively, and asks the checkpointer to let go.
///
/// # Errors
/// As [`shared`].
pub fn exclusive(database: &Path, wait: Duration) -> Result<Lock> {
    require_local(database)?;
    let wanted = acquire(home::make(database)?.join(WANTED), FlockArg::LockExclusiveNonblock, wait)?;
    let lock = acquire(home::make(database)?.join(LOCK), FlockArg::LockExclusiveNonblock, wait)?;
    Ok(Lock { _wanted: Some(wanted.lock), ..lock })
}

/// Whether a process waits for the exclusive lock of `database`, or holds it.
pub fn is_wanted(database: &Path) -> Result<bool> {
    let path = home::folder(database)?.join(WANTED);
    let file = match fs::File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(Error::io("open", &path, error)),
    };
    match Flock::lock(file, FlockArg::LockSharedNonblock) {
        Ok(_) => Ok(false),
        Err((_, nix::errno::Errno::EWOULDBLOCK)) => Ok(true),
        Err((_, errno)) => Err(Error::io("lock", &path, errno.into())),
    }
}

/// Locks out every other restore in a cluster of `database`; backups, checkpointer and application go on.
///
/// # Errors
/// [`Code::Busy`] where another one holds it; [`Code::Usage`] where locks do not hold.
pub fn restore(database: &Path) -> Result<Lock> {
    require_local(database)?;
    acquire(home::make(database)?.join(RESTORE), FlockArg::LockExclusiveNonblock, Duration::ZERO)
}

/// Locks out every other replicator of `database`; all others go on.
///
/// # Errors
/// [`Code::Busy`] where another one is at work; [`Code::Usage`] where locks do not hold.
pub fn replicator(database: &Path) -> Result<Lock> {
    require_local(database)?;
    let path = home::make(database)?.join(REPLICATOR);
    acquire(path, FlockArg::LockExclusiveNonblock, Duration::ZERO).map_err(|error| {
        if error.code() != Code::Busy {
            return error;
        }
        Error::new(Code::Busy, format!("another replicator of '{}' is at work", database.display()))
            .because(error.to_string())
            .hint("it feeds the replicas: leave it to it, or stop it first")
    })
}

/// Locks `folder` for one writer of backups and catalog at a time.
///
/// # Errors
/// [`Code::Busy`] where another one works there for longer than `wait`.
pub fn backups(folder: &Path, wait: Duration) -> Result<Lock> {
    acquire(folder.join(BACKUPS), FlockArg::LockExclusiveNonblock, wait)
}

/// Locks the catalog in `folder` for the moment in which it is written anew.
///
/// # Errors
/// As [`backups`].
pub fn publication(folder: &Path, wait: Duration) -> Result<Lock> {
    acquire(folder.join(PUBLICATION), FlockArg::LockExclusiveNonblock, wait)
}

fn acquire(path: PathBuf, how: FlockArg, wait: Duration) -> Result<Lock> {
    let lock = wait_for(&path, how, wait)?;
    Ok(Lock { lock, path, _wanted: None })
}

fn wait_for(path: &Path, how: FlockArg, wait: Duration) -> Result<Flock<fs::File>> {
    let started = Instant::now();
    let mut said = false;
    let mut file = open(path)?;
    loop {
        match Flock::lock(file, how) {
            // Removed meanwhile: the next process would make a new file and lock that.
            Ok(lock) if !is_in_place(&lock, path)? => file = open(path)?,
            Ok(mut lock) => {
                sign(&mut lock, path)?;
                return Ok(lock);
            }
            Err((mut refused, nix::errno::Errno::EWOULDBLOCK)) => {
                let waited = started.elapsed();
                let other_machine = other_machine(&mut refused)?;
                if let Some(theirs) = &other_machine
                    && waited >= SIGNING
                {
                    return Err(on_another_machine(path, theirs));
                }
                if waited >= SILENCE && !said {
                    tracing::info!(lock = %path.display(), holder = holder(&mut refused), "waiting for a lock");
                    said = true;
                }
                if waited >= wait && other_machine.is_none() {
                    return Err(Error::new(
                        Code::Busy,
                        format!("the lock '{}' is held by {}", path.display(), holder(&mut refused)),
                    )
                    .hint("another backup or restore is at work here: wait for it to end, then run this again"));
                }
                crate::stop::check()?;
                file = refused;
                std::thread::sleep(RETRY);
            }
            Err((_, errno)) => return Err(Error::io("lock", path, errno.into())),
        }
    }
}

/// Every user of the folder may take the lock, even if another user made its file.
fn open(path: &Path) -> Result<fs::File> {
    let failed = |e| Error::io("open the lock file", path, e);
    loop {
        files::require_no_link(path)?;
        match fs::OpenOptions::new().read(true).write(true).custom_flags(OFlag::O_NOFOLLOW.bits()).open(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                files::make_shared(path, |rights, path| rights.to_write().create(path).map(drop)).map_err(failed)?;
            }
            opened => return opened.map_err(failed),
        }
    }
}

/// Whether `path` still names the file that is locked.
fn is_in_place(locked: &fs::File, path: &Path) -> Result<bool> {
    let ours = locked.metadata().map_err(|e| Error::io("look at the lock file", path, e))?;
    match fs::metadata(path) {
        Ok(found) => Ok((found.dev(), found.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::io("look at the lock file", path, error)),
    }
}

/// Writes who holds the lock: the kernel's boot id and the process id. For people, and to notice a second machine.
fn sign(lock: &mut Flock<fs::File>, path: &Path) -> Result<()> {
    let text = format!("{}\n{}\n", boot_id()?, std::process::id());
    let write = |file: &mut fs::File| -> std::io::Result<()> {
        file.rewind()?;
        file.write_all(text.as_bytes())?;
        file.set_len(text.len() as u64)
    };
    write(lock).map_err(|e| Error::io("write the lock file", path, e))
}

fn read(file: &mut fs::File) -> String {
    let mut text = String::new();
    let whole = file.rewind().and_then(|()| file.take(256).read_to_string(&mut text));
    // An unreadable signature only costs a name in a message.
    if whole.is_err() { String::new() } else { text }
}

fn holder(file: &mut fs::File) -> String {
    match read(file).lines().nth(1) {
        Some(pid) if !pid.is_empty() => format!("process {pid}"),
        _ => "another process".to_owned(),
    }
}

/// The boot id in a lock file, where it is not ours.
fn other_machine(file: &mut fs::File) -> Result<Option<String>> {
    let ours = boot_id()?;
    let text = read(file);
    Ok(text.lines().next().filter(|theirs| !theirs.is_empty() && *theirs != ours).map(str::to_owned))
}

fn on_another_machine(path: &Path, theirs: &str) -> Error {
    Error::new(Code::Usage, format!("the lock '{}' is held on another machine (boot id {theirs})", path.display()))
        .hint("SQLite's locks and shared memory do not hold across machines: run everything on the node of the volume")
}

fn boot_id() -> Result<String> {
    let path = Path::new(BOOT_ID);
    let text = fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
    Ok(text.trim().to_owned())
}

/// File systems on which `flock`, POSIX locks or shared memory do not hold between all who can write.
/// Magic numbers: `statfs(2)`.
const REFUSED: [(FsType, &str); 7] = [
    (FsType(0x6969), "NFS"),
    (FsType(0x517b), "SMB"),
    (FsType(0xff53_4d42), "CIFS"),
    (FsType(0xfe53_4d42), "SMB2"),
    (FsType(0x0102_1997), "9p"),
    (FsType(0x00c3_6400), "Ceph"),
    (FsType(0x6573_5546), "FUSE"),
];

fn require_local(database: &Path) -> Result<()> {
    let folder = folder_of(database);
    let stat = statfs(folder).map_err(|e| {
        Error::io("look at the folder", folder, e.into()).hint("make the folder, or name the right one with --database")
    })?;
    match refused_name(stat.filesystem_type()) {
        None => Ok(()),
        Some(name) => Err(Error::new(
            Code::Usage,
            format!("'{}' is on {name}, where SQLite's locks do not hold", folder.display()),
        )
        .hint("put the database on a volume of the node itself or a block device")),
    }
}

fn refused_name(kind: FsType) -> Option<&'static str> {
    REFUSED.iter().find(|(refused, _)| *refused == kind).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The signature of a process under another kernel.
    const OTHER: &str = "0000-other-boot\n7\n";

    fn database() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.db");
        (folder, path)
    }

    #[test]
    fn shared_locks_go_together_and_an_exclusive_one_waits_for_them() {
        let (_folder, path) = database();
        let one = shared(&path, Duration::ZERO).unwrap();
        let two = shared(&path, Duration::ZERO).unwrap();
        assert_eq!(exclusive(&path, Duration::ZERO).unwrap_err().code(), Code::Busy);
        drop((one, two));
        exclusive(&path, Duration::ZERO).unwrap();
    }

    #[test]
    fn who_wants_the_exclusive_lock_is_seen_while_he_waits_and_no_longer() {
        let (_folder, path) = database();
        assert!(!is_wanted(&path).unwrap());
        let held = exclusive(&path, Duration::ZERO).unwrap();
        assert!(is_wanted(&path).unwrap());
        drop(held);
        assert!(!is_wanted(&path).unwrap());
    }

    #[test]
    fn a_lock_held_on_another_machine_is_refused_however_long_one_would_wait() {
        let (_folder, path) = database();
        let _held = shared(&path, Duration::ZERO).unwrap();
        fs::write(home::folder(&path).unwrap().join(LOCK), OTHER).unwrap();
        for wait in [Duration::ZERO, Duration::from_secs(60)] {
            let error = exclusive(&path, wait).unwrap_err();
            assert_eq!(error.code(), Code::Usage);
            assert!(error.to_string().contains("another machine"));
        }
    }

    #[test]
    fn what_another_kernel_left_in_a_lock_file_is_no_obstacle() {
        let (_folder, path) = database();
        let file = home::make(&path).unwrap().join(LOCK);
        fs::write(&file, OTHER).unwrap();
        let held = exclusive(&path, Duration::ZERO).unwrap();
        // One that is held and not signed yet is waited for.
        let signature = fs::read(&file).unwrap();
        fs::write(&file, OTHER).unwrap();
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| shared(&path, Duration::from_secs(60)));
            fs::write(&file, signature).unwrap();
            drop(held);
            waits.join().unwrap().unwrap();
        });
    }

    #[test]
    fn the_locks_of_two_databases_in_one_folder_are_two() {
        let (folder, path) = database();
        let _held = exclusive(&path, Duration::ZERO).unwrap();
        exclusive(&folder.path().join("auxiliary.db"), Duration::ZERO).unwrap();
    }

    #[test]
    fn a_lock_whose_file_was_removed_excludes_no_process_and_is_not_kept() {
        let (_folder, path) = database();
        let _of_a_removed_file = exclusive(&path, Duration::ZERO).unwrap();
        fs::remove_dir_all(home::folder(&path).unwrap()).unwrap();
        let _held = exclusive(&path, Duration::ZERO).unwrap();
        assert_eq!(exclusive(&path, Duration::ZERO).unwrap_err().code(), Code::Busy);
    }

    #[test]
    fn a_database_has_one_replicator_whatever_else_is_at_work() {
        let (_folder, path) = database();
        let _beside = shared(&path, Duration::ZERO).unwrap();
        let held = replicator(&path).unwrap();
        let error = replicator(&path).unwrap_err();
        assert_eq!(error.code(), Code::Busy);
        assert!(error.chain().contains(&format!("process {}", std::process::id())), "{}", error.chain());
        assert!(held.is_in_place().unwrap());
        fs::remove_dir_all(home::folder(&path).unwrap()).unwrap();
        assert!(!held.is_in_place().unwrap());
    }

    #[test]
    fn a_lock_is_held_only_by_users_who_may_write_in_its_folder() {
        use std::os::unix::fs::PermissionsExt;
        for (folder_mode, lock_mode) in [(0o755, 0o600), (0o775, 0o660), (0o777, 0o666), (0o1777, 0o600)] {
            let folder = tempfile::tempdir().unwrap();
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(folder_mode)).unwrap();
            let _held = backups(folder.path(), Duration::ZERO).unwrap();
            let mode = fs::metadata(folder.path().join(BACKUPS)).unwrap().mode() & 0o777;
            assert_eq!(mode, lock_mode, "{folder_mode:o}");
        }
    }

    #[test]
    fn network_file_systems_are_refused_by_name() {
        assert_eq!(refused_name(FsType(0x6969)), Some("NFS"));
        assert_eq!(refused_name(FsType(0xef53)), None, "ext4");
    }
}
