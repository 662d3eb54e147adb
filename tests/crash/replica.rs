//! `replicate` dies at each of its operations, calls on the stores included; the stores survive, as other
//! machines would. So does `init` that restores from one.

use std::path::{Path, PathBuf};

use mini_pra_tests::{Data, Database, Job, JobAnswer};

use crate::death::Death;
use crate::template::use_memory;

/// Operations that a run may have beyond those of the traced one: threads take turns otherwise each time.
const SPARE: usize = 4;

/// What is there before the run that dies.
struct Before {
    /// In the first store, each element one transaction.
    shipped: Vec<Vec<String>>,
    /// In no store.
    more: Vec<String>,
    /// Stores; those after the first one have nothing.
    stores: usize,
}

impl Before {
    /// Nothing was ever shipped.
    fn nothing() -> Self {
        Self { shipped: Vec::new(), more: words(&["one", "two"]), stores: 1 }
    }

    fn shipped() -> Self {
        Self { shipped: vec![words(&["one", "two"])], more: words(&["three", "four"]), stores: 1 }
    }

    /// The present transaction is the first one, and a second store needs all of it: a file of several writes.
    fn second_store() -> Self {
        Self { shipped: vec![large()], more: Vec::new(), stores: 2 }
    }

    /// What was shipped is compacted; the one transaction since is compacted alone: a file of several writes.
    fn large_transaction() -> Self {
        Self { shipped: vec![words(&["one"]), words(&["two"])], more: large(), stores: 1 }
    }
}

/// A database that is followed into folders.
struct Scene {
    data: Data,
    stores: Vec<tempfile::TempDir>,
    side: tempfile::TempDir,
    /// What the first store has.
    old: Vec<String>,
    /// What the database has.
    new: Vec<String>,
}

impl Scene {
    fn new(before: &Before) -> Self {
        let folder = || tempfile::tempdir().unwrap();
        let old = before.shipped.concat();
        let new = [old.as_slice(), &before.more].concat();
        let mut scene = Self { data: Data::new(), stores: vec![folder()], side: folder(), old, new };
        Job::new("init", &scene.data).succeeds();
        for transaction in &before.shipped {
            scene.add(transaction);
            done(scene.job());
        }
        scene.add(&before.more);
        scene.stores.resize_with(before.stores, folder);
        scene
    }

    /// Adds events in one transaction.
    fn add(&self, messages: &[String]) {
        if !messages.is_empty() {
            self.data.open().add(messages.iter().map(String::as_str));
        }
    }

    fn job(&self) -> Job {
        let job = Job::with_crash_points("replicate", &self.data).args(&["--once", "--levels", "1ms,1h,1d"]);
        self.stores.iter().fold(job, |job, store| job.args(&["--replica", &url(store.path())]))
    }

    /// How many operations an undisturbed run has.
    fn operations(&self) -> usize {
        let trace = self.side.path().join("trace");
        done(self.job().env("PRA_CRASH_TRACE", &trace));
        count(&trace)
    }
}

/// Operations in the file that a run wrote down.
fn count(trace: &Path) -> usize {
    std::fs::read_to_string(trace).unwrap().lines().count()
}

fn url(store: &Path) -> String {
    format!("file://{}", store.join("replica").display())
}

/// What a store restores on an empty machine; empty where it has nothing yet.
fn restored(store: &Path) -> Result<Vec<String>, String> {
    let elsewhere = Data::new();
    let job = Job::new("restore", &elsewhere).args(&["--yes", "--mode", "replace", "--replica", &url(store)]);
    let answer = job.run();
    match answer.code {
        Some(0) => Ok(Database::open(&elsewhere.database()).messages()),
        // Nothing was shipped, or not even the folder was made.
        Some(3 | 6) => Ok(Vec::new()),
        code => Err(format!("restore exits with {code:?}: {}{}", answer.stdout, answer.stderr)),
    }
}

fn epochs_with_files(store: &Path) -> usize {
    let folders = std::fs::read_dir(store.join("replica")).unwrap().map(|entry| entry.unwrap().path());
    folders.filter(|epoch: &PathBuf| has_files(&epoch.join("ltx"))).count()
}

/// Runs it, which must succeed. It prints a line for each store, and one at the end.
fn done(job: Job) {
    let JobAnswer { code, stdout, stderr } = job.run();
    assert_eq!(code, Some(0), "{stdout}{stderr}");
}

/// The same, where a failure is one of many.
fn succeeds(what: &str, job: Job) -> Result<(), String> {
    let JobAnswer { code, stdout, stderr } = job.run();
    if code == Some(0) { Ok(()) } else { Err(format!("{what} exits with {code:?}: {stdout}{stderr}")) }
}

fn has_files(levels: &Path) -> bool {
    std::fs::read_dir(levels).is_ok_and(|mut levels| {
        levels.any(|level| std::fs::read_dir(level.unwrap().path()).is_ok_and(|mut files| files.next().is_some()))
    })
}

fn check(before: &Before, number: usize, death: Death) -> Result<(), String> {
    let scene = Scene::new(before);
    let answer: JobAnswer = death.strike(scene.job(), number, scene.side.path());
    if answer.code == Some(99) {
        return Err(format!("the crash layer gave up: {}", answer.stderr));
    }
    for (number, store) in scene.stores.iter().enumerate() {
        let found = restored(store.path())?;
        let is_old = if number == 0 { found == scene.old } else { found.is_empty() };
        if found != scene.new && (!is_old || answer.code == Some(0)) {
            return Err(format!("after exit {:?} store {number} has {}", answer.code, shown(&found)));
        }
    }
    succeeds("the next run", scene.job())?;
    for store in &scene.stores {
        let found = restored(store.path())?;
        if found != scene.new {
            return Err(format!("after the next run the store has {}", shown(&found)));
        }
        let epochs = epochs_with_files(store.path());
        if epochs != 1 {
            return Err(format!("{epochs} epochs were begun"));
        }
    }
    Ok(())
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

/// Of more bytes than several writes take, and such that they stay as many when compressed.
fn large() -> Vec<String> {
    let mut state = 1_u64;
    let mut letter = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'0' + u8::try_from(state >> 58).unwrap())
    };
    (0..12).map(|_| (0..80_000).map(|_| letter()).collect()).collect()
}

/// The messages, cut to what can be read.
fn shown(messages: &[String]) -> String {
    let short: Vec<String> = messages.iter().map(|message| message.chars().take(8).collect()).collect();
    format!("{} events: {short:?}", messages.len())
}

fn sweep<const N: usize>(before: &Before, deaths: [Death; N]) {
    use_memory();
    let operations = Scene::new(before).operations();
    each(operations, deaths, |number, death| check(before, number, death));
}

fn each<const N: usize>(operations: usize, deaths: [Death; N], check: impl Fn(usize, Death) -> Result<(), String>) {
    let runs = || (1..=operations + SPARE).flat_map(|number| deaths.map(|death| (number, death)));
    let failures: Vec<String> = runs()
        .filter_map(|(number, death)| Some(format!("{death:?} at {number}: {}", check(number, death).err()?)))
        .collect();
    println!("{operations} operations, {} runs", runs().count());
    assert!(failures.is_empty(), "{} runs fail:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn the_first_copy_in_a_store_is_there_whole_or_not_at_all() {
    sweep(&Before::nothing(), [Death::Kill, Death::Subset(3), Death::Broken]);
}

#[test]
fn a_replication_that_dies_anywhere_ships_each_transaction_once_and_loses_none() {
    sweep(&Before::shipped(), [Death::Kill, Death::Power, Death::Full]);
}

#[test]
fn a_torn_copy_for_a_second_store_is_never_shipped_as_a_whole_one() {
    sweep(&Before::second_store(), [Death::Torn]);
}

#[test]
fn a_torn_compaction_of_one_large_transaction_is_never_shipped() {
    sweep(&Before::large_transaction(), [Death::Torn]);
}

/// A volume is lost; `init` fills a new one from the store.
struct Filled {
    data: Data,
    side: tempfile::TempDir,
}

impl Filled {
    fn new() -> Self {
        Self { data: Data::new(), side: tempfile::tempdir().unwrap() }
    }

    fn init(&self, store: &Path) -> Job {
        Job::with_crash_points("init", &self.data).args(&["--replica", &url(store)])
    }
}

/// Its volume: while the database is there, what is filled elsewhere on this machine is a copy.
fn lose(scene: &Scene) {
    std::fs::remove_dir_all(scene.data.database().parent().unwrap()).unwrap();
}

/// After an init that died, the next one fills what is missing, and the replicator goes on with the store that it was
/// filled from: no other replicator writes there, so it needs no `--takeover`.
fn check_init(number: usize, death: Death) -> Result<(), String> {
    let lost = Scene::new(&Before::nothing());
    done(lost.job());
    lose(&lost);
    let store = lost.stores[0].path();
    let filled = Filled::new();
    let answer = death.strike(filled.init(store), number, filled.side.path());
    if answer.code == Some(99) {
        return Err(format!("the crash layer gave up: {}", answer.stderr));
    }
    succeeds("the next init", filled.init(store))?;
    let database = filled.data.open();
    if database.messages() != lost.new {
        return Err(format!("the database has {}", shown(&database.messages())));
    }
    database.add(["three"]);
    drop(database);
    let replicate = Job::new("replicate", &filled.data).args(&["--once", "--replica", &url(store)]);
    succeeds("replicate", replicate)?;
    let found = restored(store)?;
    if found.len() != lost.new.len() + 1 {
        return Err(format!("then the store has {}", shown(&found)));
    }
    succeeds("backup", Job::new("backup", &filled.data))
}

#[test]
fn an_init_that_dies_anywhere_leaves_the_replicator_no_stranger_to_its_store() {
    use_memory();
    let lost = Scene::new(&Before::nothing());
    done(lost.job());
    lose(&lost);
    let filled = Filled::new();
    let trace = filled.side.path().join("trace");
    filled.init(lost.stores[0].path()).env("PRA_CRASH_TRACE", &trace).succeeds();
    each(count(&trace), [Death::Kill, Death::Power], check_init);
}
