//! Who may read, and who is locked out: copies are no wider than the database, and what root makes is its owner's.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use mini_pra_tests::{Data, Database, Job, backup_job};

/// The application's user, and its group.
const USER: u32 = 65_532;

/// A data folder that belongs to the application's user, and a program that the user can reach.
struct Owned {
    data: Data,
    program: PathBuf,
}

impl Owned {
    /// Needs root, as CI is.
    fn new() -> Self {
        let data = Data::new();
        let program = data.path().join("backup-job");
        fs::copy(backup_job(), &program).unwrap();
        fs::set_permissions(data.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(data.path().join("store")).unwrap();
        for folder in ["data", "backup", "store"] {
            chown(data.path().join(folder), Some(USER), Some(USER)).unwrap();
        }
        Self { data, program }
    }

    /// With a database of this mode.
    fn with_database(mode: u32) -> Self {
        let owned = Self::new();
        let database = owned.data.database();
        Database::create(&database).run("CREATE TABLE plain (x); INSERT INTO plain VALUES ('é'), (2), (3)");
        chown(&database, Some(USER), Some(USER)).unwrap();
        fs::set_permissions(&database, fs::Permissions::from_mode(mode)).unwrap();
        owned
    }

    fn url(&self) -> String {
        format!("file://{}", self.data.path().join("store").display())
    }

    fn by(&self, is_root: bool, verb: &str) -> Job {
        let job = Job::new(verb, &self.data);
        if is_root { job } else { job.as_user(USER, &self.program) }
    }

    /// What the application's user does after anything that root did.
    #[track_caller]
    fn the_user_goes_on(&self) {
        self.by(false, "backup").arg("--no-prune").succeeds();
        let made = self.by(false, "replicate").args(&["--once", "--replica", &self.url()]).run();
        assert_eq!(made.code, Some(0), "{}{}", made.stdout, made.stderr);
        for mode in ["in-place", "replace"] {
            self.by(false, "restore").args(&["--yes", "--mode", mode]).succeeds();
        }
        self.by(false, "rehearse").args(&["--replica", &self.url()]).succeeds();
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

/// No file has a bit that the database has not, and no folder lets in whoever may not read that.
#[track_caller]
fn assert_no_wider(folder: &Path, mode: u32) {
    let found = below(folder);
    assert!(found.iter().any(|path| path.is_file()), "{} is empty", folder.display());
    for path in found {
        let meta = fs::metadata(&path).unwrap();
        let allowed = if meta.is_dir() { mode | (mode & 0o444) >> 2 } else { mode };
        assert_eq!(meta.mode() & 0o777 & !allowed, 0, "{}: {:o}", path.display(), meta.mode());
    }
}

#[test]
fn what_a_replicator_stages_and_sends_is_no_wider_than_the_database() {
    for is_root in [true, false] {
        for mode in [0o600, 0o640] {
            let owned = Owned::with_database(mode);
            // The second one is never reached: what it waits for stays staged.
            let away = format!("{}/away/store", owned.url());
            let replicate = owned.by(is_root, "replicate").args(&["--once", "--replica", &owned.url()]);
            let made = replicate.args(&["--replica", &away]).run();
            assert_eq!(made.code, Some(6), "{}{}", made.stdout, made.stderr);
            let home = owned.data.path().join("data/.app.db.pra/replica");
            assert!(
                below(&home).iter().any(|path| path.extension().is_some_and(|end| end == "ltx")),
                "{:?}",
                below(&home)
            );
            assert_no_wider(&home, mode);
            assert_no_wider(&owned.data.path().join("store"), mode);
            assert_owned_by_the_user(&owned.data.path().join("data"));
            assert_owned_by_the_user(&owned.data.path().join("store"));
            owned.the_user_goes_on();
        }
    }
}

#[test]
fn what_init_makes_as_root_belongs_to_the_folders_user() {
    let owned = Owned::new();
    let data = owned.data.path().join("data");
    assert_eq!(owned.by(true, "init").succeeds()["outcome"], "created");
    assert_owned_by_the_user(&data);
    owned.the_user_goes_on();
    // From the backups, whose history begins another replica, then from that, on a volume that was lost.
    for sources in [vec![], vec!["--replica".to_owned(), owned.url()]] {
        if sources.is_empty() {
            below(&owned.data.path().join("store"))
                .iter()
                .filter(|path| path.is_file())
                .for_each(|path| fs::remove_file(path).unwrap());
        }
        fs::remove_dir_all(&data).unwrap();
        fs::create_dir(&data).unwrap();
        chown(&data, Some(USER), Some(USER)).unwrap();
        let init = sources.iter().fold(owned.by(true, "init"), Job::arg);
        assert_eq!(init.succeeds()["outcome"], "restored");
        assert_owned_by_the_user(&data);
        owned.the_user_goes_on();
    }
}

/// As a volume with `fsGroup` is: of root, and of the pods' group.
#[test]
fn what_init_makes_as_root_in_a_groups_folder_can_be_written_by_the_group() {
    let owned = Owned::new();
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
    let owned = Owned::with_database(0o600);
    owned.by(true, "backup").succeeds();
    assert_owned_by_the_user(&owned.data.path().join("backup"));
    owned.the_user_goes_on();
}

/// Plaintext is only where the database is, unless a folder is named for it.
#[test]
fn a_rehearsal_uses_the_databases_folder_and_leaves_nothing_there() {
    let owned = Owned::with_database(0o600);
    owned.by(false, "backup").succeeds();
    let before = below(&owned.data.path().join("data"));
    let rehearsed = owned.by(false, "rehearse").env("TMPDIR", "/nonexistent").succeeds();
    assert_eq!(rehearsed[0]["good"], true, "{rehearsed}");
    assert_eq!(below(&owned.data.path().join("data")), before);
}
