//! `replicate` dies at each of its operations, calls on the store included; the store itself survives, as another
//! machine would.

use std::path::{Path, PathBuf};

use mini_pra_tests::{Data, Database, Job, JobAnswer};

use crate::death::Death;

/// Operations that a run may have beyond those of the traced one: threads take turns otherwise each time.
const SPARE: usize = 4;

/// A database that is followed into a folder.
struct Scene {
    data: Data,
    store: tempfile::TempDir,
    side: tempfile::TempDir,
}

impl Scene {
    /// Two events; `shipped` says whether a first run has brought them to the store, and two more came since.
    fn new(shipped: bool) -> Self {
        let folder = || tempfile::tempdir().unwrap();
        let scene = Self { data: Data::new(), store: folder(), side: folder() };
        Job::new("init", &scene.data).succeeds();
        scene.data.open().add(["one", "two"]);
        if shipped {
            done(scene.job());
            scene.data.open().add(["three", "four"]);
        }
        scene
    }

    fn url(&self) -> String {
        format!("file://{}", self.store.path().join("replica").display())
    }

    fn job(&self) -> Job {
        Job::with_crash_points("replicate", &self.data).args(&["--once", "--replica", &self.url()])
    }

    /// How many operations an undisturbed run has.
    fn operations(&self) -> usize {
        let trace = self.side.path().join("trace");
        done(self.job().env("PRA_CRASH_TRACE", &trace));
        std::fs::read_to_string(trace).unwrap().lines().count()
    }

    /// What the store restores on an empty machine; empty where it has nothing yet.
    fn restored(&self) -> Result<Vec<String>, String> {
        let elsewhere = Data::new();
        let url = self.url();
        let answer = Job::new("restore", &elsewhere).args(&["--yes", "--mode", "replace", "--replica", &url]).run();
        match answer.code {
            Some(0) => Ok(Database::open(&elsewhere.database()).messages()),
            // Nothing was shipped, or not even the folder was made.
            Some(3 | 6) => Ok(Vec::new()),
            code => Err(format!("restore exits with {code:?}: {}{}", answer.stdout, answer.stderr)),
        }
    }

    fn epochs_with_files(&self) -> usize {
        let folders = std::fs::read_dir(self.store.path().join("replica")).unwrap().map(|entry| entry.unwrap().path());
        folders.filter(|epoch: &PathBuf| has_files(&epoch.join("ltx"))).count()
    }
}

/// Runs it, which must succeed. It prints a line for each store, and one at the end.
fn done(job: Job) {
    let JobAnswer { code, stdout, stderr } = job.run();
    assert_eq!(code, Some(0), "{stdout}{stderr}");
}

fn has_files(levels: &Path) -> bool {
    std::fs::read_dir(levels).is_ok_and(|mut levels| {
        levels.any(|level| std::fs::read_dir(level.unwrap().path()).is_ok_and(|mut files| files.next().is_some()))
    })
}

fn check(shipped: bool, number: usize, death: Death) -> Result<(), String> {
    let scene = Scene::new(shipped);
    let old: Vec<String> = if shipped { words(&["one", "two"]) } else { Vec::new() };
    let new = if shipped { words(&["one", "two", "three", "four"]) } else { words(&["one", "two"]) };
    let answer: JobAnswer = death.arm(scene.job(), number, scene.side.path()).run();
    if answer.code == Some(99) {
        return Err(format!("the crash layer gave up: {}", answer.stderr));
    }
    let found = scene.restored()?;
    if found != new && (found != old || answer.code == Some(0)) {
        return Err(format!("after exit {:?} the store has {found:?}", answer.code));
    }
    let next = scene.job().run();
    if next.code != Some(0) {
        return Err(format!("the next run fails: {}{}", next.stdout, next.stderr));
    }
    let found = scene.restored()?;
    if found != new {
        return Err(format!("after the next run the store has {found:?}"));
    }
    match scene.epochs_with_files() {
        1 => Ok(()),
        more => Err(format!("{more} epochs were begun")),
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

fn sweep(shipped: bool, deaths: [Death; 3]) {
    let operations = Scene::new(shipped).operations();
    let runs = || (1..=operations + SPARE).flat_map(|number| deaths.map(|death| (number, death)));
    let failures: Vec<String> = runs()
        .filter_map(|(number, death)| Some(format!("{death:?} at {number}: {}", check(shipped, number, death).err()?)))
        .collect();
    println!("replicate: {operations} operations, {} runs", runs().count());
    assert!(failures.is_empty(), "{} runs fail:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn the_first_copy_in_a_store_is_there_whole_or_not_at_all() {
    sweep(false, [Death::Kill, Death::Subset(3), Death::Broken]);
}

#[test]
fn a_replication_that_dies_anywhere_ships_each_transaction_once_and_loses_none() {
    sweep(true, [Death::Kill, Death::Power, Death::Full]);
}
