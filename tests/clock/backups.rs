//! Backups that were made, and are read, by a wrong clock.

use crate::scene::{HOUR, Scene, YEAR};

#[test]
fn one_backup_a_year_ahead_is_never_chosen_unasked_and_has_no_age() {
    let scene = Scene::new();
    let first = scene.add_and_back_up("a", &[]);
    scene.clock(YEAR);
    let ahead = scene.add_and_back_up("b", &[]);
    scene.clock(0);
    let row = scene.listed(&ahead);
    assert!(row["age_seconds"].is_null() && row["ahead_seconds"].as_i64().unwrap() > YEAR - HOUR, "{row}");
    assert!(scene.listed(&first)["age_seconds"].as_i64().unwrap() < HOUR);
    for point in ["latest", "0s"] {
        assert_eq!(scene.restored(point), ["a"], "{point}");
    }
    assert_eq!(scene.restored(&ahead), ["a", "b"], "by its name it can be restored");
    let last = scene.add_and_back_up("c", &[]);
    assert_eq!(scene.restored("latest"), ["a", "b", "c"]);
    let rehearsed = scene.job("rehearse").arg("--scratch").arg(scene.data.path().join("log")).succeeds();
    assert_eq!(rehearsed[0]["point"], *last, "{rehearsed}");
    scene.lose();
    assert_eq!(scene.job("init").succeeds()["point"], *last);
}

#[test]
fn a_clock_past_the_last_year_costs_neither_a_record_nor_a_backup() {
    let scene = Scene::new();
    let first = scene.add_and_back_up("a", &[]);
    scene.clock(8_000 * YEAR);
    let ahead = scene.add_and_back_up("b", &[]);
    for verb in ["backup", "list", "verify", "init"] {
        let run = scene.job(verb).run();
        assert_eq!(run.code, Some(0), "{verb}: {}", run.stderr);
        assert!(!run.stderr.contains("unreadable"), "{verb}: {}", run.stderr);
    }
    scene.clock(0);
    assert!(scene.listed(&ahead)["age_seconds"].is_null());
    assert!(scene.listed(&first)["age_seconds"].as_i64().unwrap() < HOUR);
    assert_eq!(scene.restored("latest"), ["a"]);
    assert_eq!(scene.restored(&ahead), ["a", "b"]);
}

#[test]
fn init_does_not_lose_what_only_a_suspicious_backup_holds_in_silence() {
    let scene = Scene::new();
    let first = scene.add_and_back_up("a", &[]);
    scene.clock(YEAR);
    let ahead = scene.add_and_back_up("b", &[]);
    scene.clock(0);
    scene.lose();
    let refused = scene.job("init").fails_with(4);
    assert!(refused.message().contains(&ahead), "{}", refused.message());
    assert_eq!(scene.job("init").arg("--accept-older").succeeds()["point"], *first);
}

#[test]
fn no_clock_makes_retention_remove_what_a_right_one_would_keep() {
    let keep: &[&str] = &["--keep-within", "7d"];
    for wrong_by in [YEAR, -HOUR, -YEAR] {
        let scene = Scene::new();
        let mut made = vec![scene.add_and_back_up("a", keep), scene.add_and_back_up("b", keep)];
        scene.clock(wrong_by);
        made.push(scene.add_and_back_up("c", keep));
        scene.job("prune").args(keep).succeeds();
        made.push(scene.add_and_back_up("d", keep));
        scene.clock(0);
        scene.job("prune").args(keep).succeeds();
        made.push(scene.add_and_back_up("e", keep));
        let names = scene.data.backup_names();
        assert!(made.iter().all(|file| names.contains(file)), "{wrong_by}: of {made:?} only {names:?}");
        assert_eq!(scene.restored("latest"), ["a", "b", "c", "d", "e"], "{wrong_by}");
    }
}

#[test]
fn what_was_made_last_is_the_latest_though_the_clock_was_set_back() {
    let scene = Scene::new();
    scene.add_and_back_up("a", &[]);
    scene.clock(-HOUR);
    let last = scene.add_and_back_up("b", &[]);
    for clock in [-HOUR, 0] {
        scene.clock(clock);
        assert_eq!(scene.restored("latest"), ["a", "b"], "{clock}");
    }
    scene.job("verify").arg("latest").succeeds();
    scene.lose();
    assert_eq!(scene.job("init").succeeds()["point"], *last);
}

#[test]
fn safety_copies_outlive_a_clock_that_leapt() {
    let scene = Scene::new();
    let first = scene.add_and_back_up("a", &[]);
    let copies: Vec<_> = (0..2)
        .map(|_| {
            let report = scene.job("restore").args(&["--point", &first, "--yes"]).succeeds();
            report["safety_copy"].as_str().unwrap().to_owned()
        })
        .collect();
    scene.clock(YEAR);
    scene.add_and_back_up("b", &[]);
    let names = scene.data.backup_names();
    assert!(copies.iter().all(|file| names.contains(file)), "of {copies:?} only {names:?}");
}
