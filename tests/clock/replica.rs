//! Replicas that are written, and read, by a wrong clock.

use std::fs;
use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use mini_pra_tests::{Client, Job, Process, now_ms, wait_until};
use serde_json::Value;

use crate::scene::{HOUR, Scene, YEAR};

const DAY: i64 = 24 * HOUR;

/// A store in a folder beside the data.
struct Replica<'a> {
    scene: &'a Scene,
    folder: PathBuf,
}

impl<'a> Replica<'a> {
    fn of(scene: &'a Scene) -> Self {
        let folder = scene.data.path().join("replica");
        fs::create_dir(&folder).unwrap();
        Self { scene, folder }
    }

    /// A run of `backup-job` that knows of it.
    fn job(&self, verb: &str) -> Job {
        self.scene.job(verb).arg("--replica").arg(format!("file://{}", self.folder.display()))
    }

    /// Adds an event, and brings it to the replica by a clock that is wrong by so many seconds.
    #[track_caller]
    fn add_at(&self, wrong_by: i64, message: &str) {
        self.scene.clock(wrong_by);
        self.scene.data.open().add([message]);
        let run = self.job("replicate").arg("--once").run();
        assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
    }

    /// The names of its epochs, in the order in which they began.
    fn epochs(&self) -> Vec<String> {
        let manifests = fs::read_dir(&self.folder).unwrap().filter_map(|entry| {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(path.join("epoch.json")).ok()?;
            Some((path, serde_json::from_str::<Value>(&text).unwrap()))
        });
        let mut epochs: Vec<_> = manifests
            .map(|(path, manifest)| {
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                (name, manifest["parent"]["epoch"].as_str().map(str::to_owned))
            })
            .collect();
        let mut ordered = Vec::new();
        let mut parent = None;
        while let Some(at) = epochs.iter().position(|(_, of)| *of == parent) {
            let (name, _) = epochs.swap_remove(at);
            parent = Some(name.clone());
            ordered.push(name);
        }
        assert!(epochs.is_empty(), "{epochs:?} are not in the line {ordered:?}");
        ordered
    }

    /// How many objects it has, but for the lease.
    fn objects(&self) -> usize {
        let entries = |folder: PathBuf| fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
        let files = |epoch: &String| {
            entries(self.folder.join(epoch).join("ltx")).map(|level| entries(level).count()).sum::<usize>()
        };
        self.epochs().iter().map(files).sum()
    }

    /// What the database holds once `point` is restored from it, the backup folder left aside.
    #[track_caller]
    fn restored(&self, point: &str) -> Vec<String> {
        self.job("restore").args(&["--point", point, "--yes"]).succeeds();
        self.scene.data.open().messages()
    }

    /// Starts to replicate, with the metrics; returns when the replica is reached.
    #[track_caller]
    fn follow(&self) -> (Process, Client) {
        let job = self.job("replicate").args(&["--sync-interval", "100ms", "--metrics-addr", "127.0.0.1:0"]);
        let mut process = job.start(&self.scene.data);
        process.line("{\"replica\":");
        let output = process.output();
        let url =
            output.split('"').find_map(|text| text.strip_suffix("/metrics").filter(|url| url.starts_with("http")));
        let client = Client::new(url.unwrap_or_else(|| panic!("no address in {output}")));
        (process, client)
    }
}

/// The value of a metric without labels.
fn metric(client: &Client, name: &str) -> String {
    let text = client.get("/metrics").text();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
    line.unwrap_or_else(|| panic!("{name} is missing in {text}")).to_owned()
}

fn rfc(ms: i64) -> String {
    Timestamp::from_millisecond(ms).unwrap().to_string()
}

/// Waits until an instant has passed that is between what was and what comes, and returns it.
fn between() -> i64 {
    let at = now_ms();
    wait_until("the next instant", || now_ms() > at + 1);
    at + 1
}

#[test]
fn a_replicator_says_each_step_of_its_clock_once_and_loses_no_state() {
    let scene = Scene::new();
    let replica = Replica::of(&scene);
    scene.data.open().add(["a"]);
    let (mut process, metrics) = replica.follow();
    wait_until("the first state is there", || replica.objects() == 1);
    let early = between();
    for (number, (wrong_by, said)) in [(DAY, "ahead by 24h"), (0, "back by 24h")].into_iter().enumerate() {
        let before = replica.objects();
        scene.clock(wrong_by);
        let count = format!("{}.0", number + 1);
        wait_until("the step is counted", || {
            let steps = metric(&metrics, "pra_clock_steps_total");
            steps == count || format!("{steps}.0") == count
        });
        let lines = |output: &str| output.lines().filter(|line| line.contains(said)).count();
        assert_eq!(lines(&process.output()), 1, "{said}");
        let seconds: f64 = metric(&metrics, "pra_clock_step_seconds").parse().unwrap();
        let expected = if number == 0 { DAY } else { -DAY } as f64;
        assert!((seconds - expected).abs() < 60.0, "{seconds}");
        scene.data.open().add([if number == 0 { "b" } else { "c" }]);
        wait_until("what was written since is there", || replica.objects() > before);
    }
    assert_eq!(process.stop().code(), Some(0), "{}", process.output());
    assert_eq!(replica.epochs().len(), 2, "a new epoch has right times again");
    assert_eq!(process.output().matches("was set ").count(), 2);

    for point in ["latest", "0s"] {
        assert_eq!(replica.restored(point), ["a", "b", "c"], "{point}");
    }
    // Whether "b" was there then is not known, since its time is wrong: both states are named.
    let refused = replica.job("restore").args(&["--point", &rfc(early), "--yes"]).fails_with(4);
    let hint = refused.json()["error"]["hint"].as_str().unwrap().to_owned();
    let first = hint.split("--point ").nth(1).unwrap().split(',').next().unwrap();
    assert_eq!(replica.restored(first), ["a"], "{hint}");
}

#[test]
fn one_run_with_a_wrong_clock_costs_the_replica_no_state_and_no_object() {
    for wrong_by in [YEAR, DAY * 3, -HOUR, -YEAR] {
        let scene = Scene::new();
        let replica = Replica::of(&scene);
        replica.add_at(0, "a");
        let early = between();
        let mut objects = replica.objects();
        for (clock, message) in [(wrong_by, "b"), (0, "c"), (0, "d")] {
            replica.add_at(clock, message);
            assert!(replica.objects() > objects, "{wrong_by}: {message}");
            objects = replica.objects();
        }
        assert_eq!(replica.epochs().len(), 2, "{wrong_by}");
        for verb in ["list", "verify"] {
            replica.job(verb).succeeds();
        }
        let rehearsed = replica.job("rehearse").arg("--scratch").arg(scene.data.path().join("log")).succeeds();
        assert!(rehearsed.as_array().unwrap().iter().all(|row| row["error"].is_null()), "{wrong_by}: {rehearsed}");
        for point in ["latest", "0s"] {
            assert_eq!(replica.restored(point), ["a", "b", "c", "d"], "{wrong_by}: {point}");
        }
        // A clock that was behind says that "b" was there before: it cannot be told from a right one.
        if wrong_by > 0 {
            replica.job("restore").args(&["--point", &rfc(early), "--yes"]).fails_with(4);
        }
        scene.lose();
        replica.job("init").succeeds();
        assert_eq!(scene.data.open().messages(), ["a", "b", "c", "d"], "{wrong_by}");
    }
}

#[test]
fn what_a_reader_with_a_wrong_clock_asks_for_is_what_was_there_or_refused() {
    let scene = Scene::new();
    let replica = Replica::of(&scene);
    replica.add_at(0, "a");
    let early = between();
    replica.add_at(0, "b");
    // Ahead: an age leads to an instant that is still to come for the writer. The last state is the right one.
    scene.clock(YEAR);
    assert_eq!(replica.restored("latest"), ["a", "b"]);
    assert_eq!(replica.restored(&rfc(early)), ["a"]);
    // Behind: what is newest is from the future, and no age leads to it.
    scene.clock(-DAY);
    for point in ["latest", "6s"] {
        let refused = replica.job("restore").args(&["--point", point, "--yes"]).run();
        assert!([Some(3), Some(4)].contains(&refused.code), "{point}: {}", refused.stdout);
    }
    assert_eq!(scene.data.open().messages(), ["a"], "a refused restore changes nothing");
    replica.job("list").succeeds();
}

#[test]
fn an_age_is_measured_from_the_last_right_time_and_not_from_a_wrong_one() {
    let scene = Scene::new();
    let replica = Replica::of(&scene);
    replica.add_at(0, "a");
    replica.add_at(DAY, "b");
    scene.clock(0);
    // The newest state has a time that is still to come, so what was there 0 s ago is not known.
    for point in ["latest", "0s"] {
        let refused = replica.job("restore").args(&["--point", point, "--yes"]).fails_with(4);
        assert!(refused.json()["error"]["hint"].as_str().unwrap().contains("--point"), "{}", refused.stdout);
    }
    replica.add_at(0, "c");
    assert_eq!(replica.restored("0s"), ["a", "b", "c"]);
}

#[test]
fn a_lease_is_judged_by_the_stores_clock_whatever_the_writers_is() {
    let scene = Scene::new();
    let replica = Replica::of(&scene);
    for wrong_by in [0, YEAR, -YEAR, 0] {
        scene.clock(wrong_by);
        let (mut process, _) = replica.follow();
        // Another database with the same history is another writer, and its clock does not make the lease expire.
        let copy = Scene::new();
        copy.clock(-wrong_by);
        copy.data.open().add(["x"]);
        let url = format!("file://{}", replica.folder.display());
        let refused = copy.job("replicate").args(&["--once", "--replica", &url]).run();
        assert!([Some(2), Some(5)].contains(&refused.code), "{wrong_by}: {}", refused.stdout);
        assert_eq!(process.stop().code(), Some(0), "{wrong_by}: {}", process.output());
    }
}

/// What the application says of a catalog whose times are wrong, by its own right clock.
#[test]
fn the_application_takes_nothing_from_the_future_for_new() {
    let scene = Scene::new();
    let first = scene.add_and_back_up("a", &[]);
    scene.clock(YEAR);
    let ahead = scene.add_and_back_up("b", &[]);
    let host = mini_pra_tests::Host::start(&scene.data);
    let status = host.client().get_json("/status");
    assert_eq!(
        (&status["last_backup_file"], &status["suspicious_backup"]["file"]),
        (&first.into(), &ahead.clone().into())
    );
    assert!(status["backup_age_seconds"].as_f64().unwrap() < HOUR as f64, "{status}");
    let recovery = host.client().get_json("/recovery");
    let row = recovery["backups"].as_array().unwrap().iter().find(|row| row["file"] == *ahead).unwrap();
    let by = SignedDuration::from_secs(row["ahead_seconds"].as_f64().unwrap() as i64);
    assert!(by > SignedDuration::from_secs(YEAR - HOUR), "{recovery}");
    scene.clock(-YEAR);
    let last = scene.add_and_back_up("c", &[]);
    let status = host.client().get_json("/status");
    // Made last, and old by its own time: an alarm too many is better than one too few.
    assert_eq!(status["last_backup_file"], *last);
    assert!(status["backup_age_seconds"].as_f64().unwrap() > (YEAR - HOUR) as f64, "{status}");
}
