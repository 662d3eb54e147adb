//! A store as its user names it, and as its disk shows it.

use std::fs;
use std::path::{Path, PathBuf};

use mini_pra_tests::{Data, Job};

pub(crate) struct Store {
    pub(crate) url: String,
    /// What whoever uses it needs to know.
    pub(crate) environment: Vec<(&'static str, String)>,
    /// Where its objects lie.
    pub(crate) folder: PathBuf,
}

/// An object that belongs to an epoch's history: `<min>-<max>.ltx` or `….ltx.age`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct File {
    pub(crate) level: u8,
    pub(crate) max: u64,
    pub(crate) path: PathBuf,
}

impl Store {
    /// A folder beside the data.
    pub(crate) fn folder(data: &Data, name: &str) -> Self {
        let folder = data.path().join(name);
        fs::create_dir(&folder).unwrap();
        Self { url: format!("file://{}", folder.display()), environment: Vec::new(), folder }
    }

    /// Lets `job` use it.
    pub(crate) fn given_to(&self, job: Job) -> Job {
        let job = job.args(&["--replica", &self.url]);
        self.environment.iter().fold(job, |job, (name, value)| job.env(name, value))
    }

    /// The folders of its epochs, the oldest first where they did not begin in the same second.
    pub(crate) fn epochs(&self) -> Vec<PathBuf> {
        let mut epochs: Vec<_> =
            entries(&self.folder).into_iter().filter(|path| path.join("epoch.json").exists()).collect();
        epochs.sort();
        epochs
    }

    /// The files of its only epoch, by level.
    #[track_caller]
    pub(crate) fn files(&self) -> Vec<File> {
        let epochs = self.epochs();
        assert!(epochs.len() <= 1, "a new epoch began: {epochs:?}");
        epochs.iter().flat_map(|epoch| files(epoch)).collect()
    }

    /// How many files `level` has.
    #[track_caller]
    pub(crate) fn count(&self, level: u8) -> usize {
        self.files().iter().filter(|file| file.level == level).count()
    }

    /// The last transaction that it has.
    #[track_caller]
    pub(crate) fn newest(&self) -> u64 {
        self.files().iter().map(|file| file.max).max().unwrap_or(0)
    }

    /// An empty volume, restored from it.
    #[track_caller]
    pub(crate) fn restored(&self, arguments: &[&str]) -> Data {
        let data = Data::new();
        self.given_to(Job::new("restore", &data)).arg("--yes").args(arguments).succeeds();
        data
    }
}

/// All files of an epoch, by level. The level's folder is `ltx/9` or, in S3, `0009`.
pub(crate) fn files(epoch: &Path) -> Vec<File> {
    let levels = entries(epoch).into_iter().chain(entries(&epoch.join("ltx")));
    let named = |folder: PathBuf| {
        let level = u8::from_str_radix(folder.file_name()?.to_str()?, 16).ok()?;
        Some((level, folder))
    };
    let mut files: Vec<_> = levels
        .filter_map(named)
        .flat_map(|(level, folder)| entries(&folder).into_iter().filter_map(move |path| file(level, path)))
        .collect();
    files.sort();
    files
}

fn file(level: u8, path: PathBuf) -> Option<File> {
    let name = path.file_name()?.to_str()?;
    let (transactions, _) = name.split_once(".ltx")?;
    let max = u64::from_str_radix(transactions.split_once('-')?.1, 16).ok()?;
    Some(File { level, max, path })
}

/// What is in a folder; nothing where there is none.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    // One that was removed meanwhile is gone.
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}
