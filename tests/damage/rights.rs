//! Permissions: copies are no wider than the database, and files that root makes belong to its owner.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mini_pra_tests::{Data, Database, Job, Minio, Store, backup_job};

/// The application's user, and its group.
const USER: u32 = 65_532;

/// A data folder that belongs to the application's user, and a program that the user can reach.
struct Owned {
    data: Data,
    program: PathBuf,
    store: Store,
    /// The store's, where that is no folder: it lives as long as this.
    _server: Option<Arc<Minio>>,
}

/// Of the two, only a folder has modes and owners of its own.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Folder,
    S3,
}

impl Owned {
    /// Needs root, as CI is.
    fn new(kind: Kind) -> Self {
        let data = Data::new();
        let program = data.path().join("backup-job");
        fs::copy(backup_job(), &program).unwrap();
        fs::set_permissions(data.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let (store, server) = (Store::folder(&data, "store"), (kind == Kind::S3).then(Minio::shared));
        for folder in ["data", "backup", "store"] {
            chown(data.path().join(folder), Some(USER), Some(USER)).unwrap();
        }
        let prefix = data.path().file_name().unwrap().to_str().unwrap();
        let store = server.as_ref().map_or(store, |server| server.store(prefix));
        Self { data, program, store, _server: server }
    }

    /// With a database of this mode.
    fn with_database(kind: Kind, mode: u32) -> Self {
        let owned = Self::new(kind);
        let database = owned.data.database();
        Database::create(&database).run("CREATE TABLE plain (x); INSERT INTO plain VALUES ('é'), (2), (3)");
        chown(&database, Some(USER), Some(USER)).unwrap();
        fs::set_permissions(&database, fs::Permissions::from_mode(mode)).unwrap();
        owned
    }

    fn by(&self, is_root: bool, verb: &str) -> Job {
        let job = Job::new(verb, &self.data);
        if is_root { job } else { job.as_user(USER, &self.program) }
    }

    /// What the application's user does after anything that root did.
    #[track_caller]
    fn the_user_goes_on(&self) {
        self.by(false, "backup").arg("--no-prune").succeeds();
        let made = self.store.given_to(self.by(false, "replicate")).arg("--once").run();
        assert_eq!(made.code, Some(0), "{}{}", made.stdout, made.stderr);
        for mode in ["in-place", "replace"] {
            self.by(false, "restore").args(&["--yes", "--mode", mode]).succeeds();
        }
        self.store.given_to(self.by(false, "rehearse")).succeeds();
    }
}

/// Everything below a folder.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(below(&path));
        }
        found.push(path);
    }
    found
}

#[track_caller]
fn assert_owned_by_the_user(folder: &Path) {
    for path in below(folder) {
        let meta = fs::metadata(&path).unwrap();
        assert_eq!((meta.uid(), meta.gid()), (USER, USER), "{}", path.display());
    }
}

/// Locks and the database's id are for the users of the database's folder, and hold nothing of the database.
const HOME: &str = ".app.db.pra";

/// No file has a mode bit that the database lacks, and no folder admits a user who may not read the database.
#[track_caller]
fn assert_no_wider(folder: &Path, mode: u32) {
    let found = below(folder);
    assert!(found.iter().any(|path| path.is_file()), "{} is empty", folder.display());
    let is_of_home =
        |path: &PathBuf| path.ends_with(HOME) || path.parent().is_some_and(|folder| folder.ends_with(HOME));
    for path in found.iter().filter(|path| path.ends_with("replica") || !is_of_home(path)) {
        assert_is_no_wider(path, mode);
    }
}

#[track_caller]
fn assert_is_no_wider(path: &Path, mode: u32) {
    let meta = fs::metadata(path).unwrap();
    let allowed = if meta.is_dir() { mode | (mode & 0o444) >> 2 } else { mode };
    assert_eq!(meta.mode() & 0o777 & !allowed, 0, "{}: {:o}", path.display(), meta.mode());
}

#[test]
fn what_a_replicator_stages_and_sends_is_no_wider_than_the_database() {
    for (kind, is_root, mode) in [
        (Kind::Folder, true, 0o600),
        (Kind::Folder, true, 0o640),
        (Kind::Folder, false, 0o600),
        (Kind::Folder, false, 0o640),
        (Kind::S3, true, 0o640),
        (Kind::S3, false, 0o600),
    ] {
        let owned = Owned::with_database(kind, mode);
        // The second one is never reached: what it waits for stays staged.
        let away = format!("file://{}/away/store", owned.data.path().display());
        let replicate = owned.store.given_to(owned.by(is_root, "replicate")).arg("--once");
        let made = replicate.args(&["--replica", &away]).run();
        assert_eq!(made.code, Some(6), "{}{}", made.stdout, made.stderr);
        let home = owned.data.path().join("data/.app.db.pra/replica");
        let staged = below(&home);
        assert!(staged.iter().any(|path| path.extension().is_some_and(|end| end == "ltx")), "{staged:?}");
        assert_no_wider(&home, mode);
        assert_owned_by_the_user(&owned.data.path().join("data"));
        if kind == Kind::Folder {
            assert_no_wider(&owned.store.folder, mode);
            assert_owned_by_the_user(&owned.store.folder);
        }
        owned.the_user_goes_on();
    }
}

/// The numbers of the operations that sync files with content of the database.
fn syncs(owned: &Owned, job: Job) -> Vec<String> {
    let trace = owned.data.path().join("trace");
    job.env("PRA_CRASH_TRACE", &trace).succeeds();
    let text = fs::read_to_string(&trace).unwrap();
    fs::remove_file(trace).unwrap();
    let operations = text.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    // The catalog is read by others, and holds nothing of the database.
    let of_content = operations.filter(|operation| operation[1] == "sync" && operation[2] != "catalog");
    of_content.map(|operation| operation[0].to_owned()).collect()
}

/// Killed as root before each sync, when the file is there with its content.
#[test]
fn what_a_restore_from_a_store_makes_on_its_way_is_no_wider_than_the_database() {
    for kind in [Kind::Folder, Kind::S3] {
        let owned = Owned::with_database(kind, 0o600);
        owned.by(false, "backup").succeeds();
        let made = owned.store.given_to(owned.by(false, "replicate")).arg("--once").run();
        assert_eq!(made.code, Some(0), "{}{}", made.stdout, made.stderr);
        let data = owned.data.path().join("data");
        for call in
            [&["restore", "--yes", "--mode", "in-place"][..], &["restore", "--yes", "--mode", "replace"], &["rehearse"]]
        {
            let as_call = |job: Job| owned.store.given_to(job).args(&call[1..]);
            let job = || as_call(Job::with_crash_points(call[0], &owned.data));
            let syncs = syncs(&owned, job());
            assert!(syncs.len() > 1, "{call:?}: {syncs:?}");
            for number in syncs {
                let killed = job().env("PRA_CRASH_AT", &number).run();
                assert_eq!(killed.code, None, "{call:?} at {number}: {}{}", killed.stdout, killed.stderr);
                assert_no_wider(&data, 0o600);
                assert_owned_by_the_user(&data);
                let copies = below(&owned.data.backups());
                for copy in copies.iter().filter(|copy| copy.to_string_lossy().contains("pre-restore")) {
                    assert_is_no_wider(copy, 0o600);
                }
                as_call(owned.by(false, call[0])).succeeds();
            }
            assert_no_wider(&data, 0o600);
        }
        owned.the_user_goes_on();
    }
}

#[test]
fn what_init_makes_as_root_belongs_to_the_folders_user() {
    for kind in [Kind::Folder, Kind::S3] {
        let owned = Owned::new(kind);
        let data = owned.data.path().join("data");
        assert_eq!(owned.by(true, "init").succeeds()["outcome"], "created");
        assert_owned_by_the_user(&data);
        owned.the_user_goes_on();
        // From the backups, whose history begins another replica, then from that, on a volume that was lost.
        for from_replica in [false, true] {
            if !from_replica {
                fs::remove_dir_all(&owned.store.folder).unwrap();
                if kind == Kind::Folder {
                    new_folder(&owned.store.folder);
                }
            }
            fs::remove_dir_all(&data).unwrap();
            new_folder(&data);
            let init = owned.by(true, "init");
            let init = if from_replica { owned.store.given_to(init) } else { init };
            assert_eq!(init.succeeds()["outcome"], "restored");
            assert_owned_by_the_user(&data);
            owned.the_user_goes_on();
        }
    }
}

/// An empty one, of the user's.
fn new_folder(path: &Path) {
    fs::create_dir(path).unwrap();
    chown(path, Some(USER), Some(USER)).unwrap();
}

/// As a volume with `fsGroup` is: of root, and of the pods' group.
#[test]
fn what_init_makes_as_root_in_a_groups_folder_can_be_written_by_the_group() {
    let owned = Owned::new(Kind::Folder);
    for folder in ["data", "backup"] {
        let folder = owned.data.path().join(folder);
        chown(&folder, Some(0), Some(USER)).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o2775)).unwrap();
    }
    owned.by(true, "init").succeeds();
    owned.by(true, "backup").succeeds();
    owned.the_user_goes_on();
}

#[test]
fn what_a_backup_as_root_makes_does_not_lock_the_user_out() {
    let owned = Owned::with_database(Kind::Folder, 0o600);
    owned.by(true, "backup").succeeds();
    assert_owned_by_the_user(&owned.data.path().join("backup"));
    owned.the_user_goes_on();
}

/// Plaintext is only where the database is, unless a folder is named for it.
#[test]
fn a_rehearsal_uses_the_databases_folder_and_leaves_nothing_there() {
    let owned = Owned::with_database(Kind::Folder, 0o600);
    owned.by(false, "backup").succeeds();
    let before = below(&owned.data.path().join("data"));
    let rehearsed = owned.by(false, "rehearse").env("TMPDIR", "/nonexistent").succeeds();
    assert_eq!(rehearsed[0]["good"], true, "{rehearsed}");
    assert_eq!(below(&owned.data.path().join("data")), before);
}

/// As in a scratch space that several users share.
#[test]
fn what_another_users_killed_rehearsal_left_is_in_nobodys_way() {
    let owned = Owned::with_database(Kind::Folder, 0o600);
    owned.by(false, "backup").succeeds();
    let left = owned.data.path().join("data/.pra-rehearsal-1");
    fs::create_dir(&left).unwrap();
    fs::set_permissions(&left, fs::Permissions::from_mode(0o700)).unwrap();
    let rehearsed = owned.by(false, "rehearse").run();
    assert_eq!(rehearsed.code, Some(0), "{}{}", rehearsed.stdout, rehearsed.stderr);
    assert!(rehearsed.stderr.contains(".pra-rehearsal-1"), "{}", rehearsed.stderr);
    // Root's own removes it.
    owned.by(true, "rehearse").succeeds();
    assert!(!left.exists());
}
