//! A store: its URL, and the files that it has on the disk.

use std::fs;
use std::path::{Path, PathBuf};

use crate::data::Data;
use crate::job::Job;

/// A store of replicas.
#[derive(Debug)]
pub struct Store {
    /// For `--replica`.
    pub url: String,
    /// The variables that a program needs to use it.
    pub environment: Vec<(&'static str, String)>,
    /// Where its objects lie.
    pub folder: PathBuf,
}

/// An object that belongs to an epoch's history: `<min>-<max>.ltx` or `….ltx.age`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoredFile {
    /// 9 for a whole copy.
    pub level: u8,
    /// Its last transaction.
    pub max: u64,
    /// Where it lies.
    pub path: PathBuf,
}

impl Store {
    /// A folder beside the data.
    ///
    /// # Panics
    /// Where it cannot be made.
    #[must_use]
    #[track_caller]
    pub fn folder(data: &Data, name: &str) -> Self {
        let folder = data.path().join(name);
        fs::create_dir(&folder).unwrap();
        Self { url: format!("file://{}", folder.display()), environment: Vec::new(), folder }
    }

    /// Lets `job` use it.
    #[must_use]
    pub fn given_to(&self, job: Job) -> Job {
        let job = job.args(&["--replica", &self.url]);
        self.environment.iter().fold(job, |job, (name, value)| job.env(name, value))
    }

    /// The folders of its epochs, the oldest first where they did not begin in the same second.
    #[must_use]
    pub fn epochs(&self) -> Vec<PathBuf> {
        let mut epochs: Vec<_> =
            entries(&self.folder).into_iter().filter(|path| path.join("epoch.json").exists()).collect();
        epochs.sort();
        epochs
    }

    /// The files of its only epoch, by level.
    ///
    /// # Panics
    /// Where there are several epochs.
    #[must_use]
    #[track_caller]
    pub fn files(&self) -> Vec<StoredFile> {
        let epochs = self.epochs();
        assert!(epochs.len() <= 1, "a new epoch began: {epochs:?}");
        epochs.iter().flat_map(|epoch| stored_files(epoch)).collect()
    }

    /// How many files `level` has.
    #[must_use]
    #[track_caller]
    pub fn count(&self, level: u8) -> usize {
        self.files().iter().filter(|file| file.level == level).count()
    }

    /// The last transaction that it has.
    #[must_use]
    #[track_caller]
    pub fn newest(&self) -> u64 {
        self.files().iter().map(|file| file.max).max().unwrap_or(0)
    }

    /// An empty volume, restored from it.
    #[must_use]
    #[track_caller]
    pub fn restored(&self, arguments: &[&str]) -> Data {
        let data = Data::new();
        self.given_to(Job::new("restore", &data)).arg("--yes").args(arguments).succeeds();
        data
    }
}

/// All files of an epoch, by level. The level's folder is `ltx/9` or, in S3, `0009`.
#[must_use]
pub fn stored_files(epoch: &Path) -> Vec<StoredFile> {
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

fn file(level: u8, path: PathBuf) -> Option<StoredFile> {
    let name = path.file_name()?.to_str()?;
    let (transactions, _) = name.split_once(".ltx")?;
    let max = u64::from_str_radix(transactions.split_once('-')?.1, 16).ok()?;
    Some(StoredFile { level, max, path })
}

/// What is in a folder; nothing where there is none.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    // One that was removed meanwhile is gone.
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}
