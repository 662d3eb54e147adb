//! What the page shows.

use serde_json::json;

use crate::scene::Scene;

#[test]
fn the_page_shows_the_evidence_without_a_word_from_the_console() {
    let scene = Scene::safe();
    let browser = &scene.browser;
    let sentence = browser.text("#sentence");
    assert!(sentence.contains("0.4 s of changes would be lost") && sentence.contains("took 1.5 s"), "{sentence}");
    assert_eq!(browser.text("#symbol"), "✓");
    assert_eq!(browser.text("#events"), "1");
    let row = |table: &str| browser.text(&format!("#{table} tbody tr"));
    assert!(row("backups").contains(&scene.backup) && row("backups").contains("✓ verified"), "{}", row("backups"));
    assert!(row("replicas").contains("file:///replica") && row("replicas").contains("0.4 s"), "{}", row("replicas"));
    assert!(row("rehearsals").contains("1.5 s") && row("rehearsals").contains("✓ good"), "{}", row("rehearsals"));
    for told in ["volume-loss", "8.5 s", "0.4 s", "✓ kept"] {
        assert!(row("drills").contains(told), "{}", row("drills"));
    }
    assert_eq!(browser.console(), Vec::<String>::new());
}

#[test]
fn the_page_follows_and_counts_events_per_second() {
    let scene = Scene::safe();
    for _ in 0..50 {
        scene.host.client().get("/add").expect(200);
    }
    scene.browser.wait_for_text("#events", |events| events == "51");
    scene.browser.wait_for_text("#rate", |rate| rate.parse::<f64>().is_ok_and(|rate| rate > 0.0));
}

#[test]
fn the_table_has_the_newest_backups_and_when_asked_all_of_them() {
    let scene = Scene::safe();
    scene.publish(&crate::picture::rows(&scene.backup));
    scene.browser.wait_for_text("#backups tbody", |text| text.lines().count() >= 12);
    let all = scene.browser.text("#more");
    let rows = || scene.browser.run("return document.querySelectorAll('#backups tbody tr').length");
    assert_eq!(rows(), json!(12));
    scene.browser.run("document.getElementById('more').click()");
    assert_eq!(format!("Show all {}", rows()), all);
    assert_eq!(rows(), scene.browser.run("return document.querySelectorAll('#bars button').length"));
}

#[test]
fn whatever_the_catalog_holds_is_text_and_never_html() {
    let scene = Scene::safe();
    let evil = "<img src=x onerror=\"document.title='owned'\">";
    scene.publish(&format!(
        "UPDATE replicas SET url = '{0}', error = '{0}';
         UPDATE rehearsals SET source = '{0}', outcome = 'failed', error = '{0}';
         UPDATE drills SET kind = '{0}';
         UPDATE restores SET point = '{0}', error = '{0}';
         UPDATE restore_points SET file = '{0}', error = '{0}';
         UPDATE replicas SET warnings = '{0}';",
        evil.replace('\'', "''")
    ));
    scene.wait_for_level("In danger");
    scene.browser.wait_for_text("#warnings", |text| text.contains(evil));
    for table in ["backups", "replicas", "rehearsals", "drills", "restores"] {
        scene.browser.wait_for_text(&format!("#{table} tbody"), |text| text.contains(evil));
    }
    assert_eq!(scene.browser.run("return document.images.length"), json!(0));
    assert_eq!(scene.browser.console(), Vec::<String>::new());
}

#[test]
fn the_readme_has_its_picture() {
    let scene = Scene::safe();
    let batch: Vec<_> = (0..1_203).map(|number| json!({ "message": number.to_string() })).collect();
    scene.host.client().post("/events", &json!(batch)).expect(201);
    scene.publish(&crate::picture::rows(&scene.backup));
    scene.browser.open(scene.host.url());
    scene.browser.wait_for_text("#backups tbody", |text| text.lines().count() >= 12);
    scene.host.client().get("/add").expect(200);
    scene.browser.wait_for_text("#rate", |rate| rate.parse::<f64>().is_ok_and(|rate| rate > 0.0));
    scene.browser.run("document.querySelector('#bars button:nth-last-child(4)').click()");
    scene.browser.resize(960, 1_420);
    let picture = scene.browser.picture();
    assert!(picture.starts_with(b"\x89PNG") && picture.len() < 200_000, "{} bytes", picture.len());
    if let Some(path) = std::env::var_os("PRA_PICTURE") {
        std::fs::write(path, picture).unwrap();
    }
}

#[test]
fn reasons_lead_to_their_page_and_have_the_command_that_helps_beside_them() {
    let scene = Scene::safe();
    scene.publish("DELETE FROM rehearsals");
    scene.wait_for_level("Needs attention");
    let browser = &scene.browser;
    let command = browser.text("#reasons li code");
    let backups = scene.data.backups().display().to_string();
    assert_eq!(command, format!("backup-job rehearse --backups {backups}"));
    let page = browser.run("return fetch(document.querySelector('#reasons li a').href).then((page) => page.text())");
    assert!(page.as_str().unwrap().starts_with("# No restore has been rehearsed"), "{page}");
}

#[test]
fn a_backup_volume_that_is_too_small_for_the_rules_is_said_in_a_sentence_with_the_command_that_helps() {
    let scene = Scene::safe();
    let now = mini_pra_tests::now_ms();
    // Of the volume's 512 MiB that are free, the rules come to want more.
    let forecast = |bytes: u64| {
        format!(
            "DELETE FROM forecast; INSERT INTO forecast VALUES (1, {now}, 114, {bytes}, 0, '--keep-last 10 --keep-daily 7')"
        )
    };
    scene.publish(&forecast(400 << 20));
    scene.publish(&forecast(1 << 30));
    let sentence = scene.wait_for_level("Needs attention");
    let expected = "the backup volume fills up: the rules come to keep 114 backups of 1.0 GiB in all, 1.0 GiB more than now, \
        and 512.0 MiB are free";
    assert!(sentence.contains(expected), "{sentence}");
    let (browser, data) = (&scene.browser, &scene.data);
    assert!(browser.text("#reasons").contains("What to do: volume-full"));
    let (database, backups) = (data.database().display().to_string(), data.backups().display().to_string());
    let command = format!("backup-job backup --database {database} --backups {backups} --keep-last 10 --keep-daily 7");
    assert_eq!(browser.text("#reasons li code"), command);
    scene.publish(&forecast(400 << 20));
    scene.wait_for_level("Safe");
    assert_eq!(browser.console(), Vec::<String>::new());
}

#[test]
fn what_sqlites_checks_say_of_sound_bytes_is_shown_and_is_no_danger() {
    let scene = Scene::safe();
    let browser = &scene.browser;
    let is_hidden = || browser.run("return document.getElementById('warnings').hidden");
    assert_eq!(is_hidden(), json!(true));
    scene.publish(
        "UPDATE restore_points SET warnings = 'NULL value in t.x'; UPDATE replicas SET warnings = 'NULL value in t.x'",
    );
    let shown = browser.wait_for_text("#warnings ul", |text| text.contains("NULL value in t.x"));
    assert_eq!(is_hidden(), json!(false));
    assert_eq!(shown.matches("NULL value").count(), 1, "{shown}");
    assert!(browser.text("#backups tbody").contains("✓ verified, with warnings"));
    assert_eq!(browser.text("#level"), "Safe");
    let page = browser.run("return fetch(document.querySelector('#warnings a').href).then((page) => page.text())");
    assert!(page.as_str().unwrap().starts_with("# SQLite's checks"), "{page}");
    scene.publish("UPDATE restore_points SET warnings = NULL; UPDATE replicas SET warnings = ''");
    browser.wait_for_text("#warnings ul", str::is_empty);
    assert_eq!(is_hidden(), json!(true));
}

#[test]
fn a_damaged_backup_is_said_in_words_and_its_sums_stay_in_the_json() {
    let scene = Scene::safe();
    let sums = "checksum 81f0a9 where 92a1b2 is recorded";
    scene.publish(&format!("UPDATE restore_points SET error = '{sums}'"));
    let sentence = scene.wait_for_level("In danger");
    assert!(sentence.contains("is damaged"), "{sentence}");
    scene.browser.wait_for_text("#backups tbody", |text| text.contains("✕ damaged"));
    assert!(!scene.browser.text("body").contains("81f0a9"));
    assert_eq!(scene.host.client().get_json("/recovery")["backups"][0]["error"], sums);
}

#[test]
fn the_past_is_drawn_and_free_room_restores_and_safety_copies_are_shown() {
    let scene = Scene::safe();
    let now = mini_pra_tests::now_ms();
    scene.publish(&crate::picture::rows(&scene.backup));
    scene.publish(&format!(
        "UPDATE restore_points SET events = bytes / 1000;
         INSERT INTO restore_points (file, kind, created_at_ms, bytes, page_size, pages, content_checksum, ltx_checksum,
             verified_at_ms, seconds) VALUES ('pre-restore-1.db', 'pre-restore', {now}, 4096, 4096, 1, '0', '0', 1, 0.1);
         INSERT OR REPLACE INTO lags VALUES ('file:///a', {now} - 120000, 0.5), ('file:///a', {now} - 60000, 2.5);"
    ));
    let browser = &scene.browser;
    for (chart, words) in [("events", "40,000"), ("size", "38.1 MiB"), ("lag", "at most 2.5 s")] {
        browser.wait_for_text(&format!("#chart-{chart}"), |text| text.contains(words));
        let line = browser.run(&format!("return document.querySelector('#chart-{chart} polyline').points.length"));
        assert!(line.as_u64().is_some_and(|points| points > 1), "{chart}: {line}");
    }
    assert!(browser.text("#copies tbody").contains("pre-restore-1.db"));
    assert!(browser.text("#restores tbody").contains("in-place"));
    for volume in ["data", "backup"] {
        assert!(browser.text(&format!("#free-{volume}")).contains("iB of "), "{volume}");
    }
    assert_eq!(browser.console(), Vec::<String>::new());
}

#[test]
fn local_time_is_picked_and_commands_name_the_paths_of_this_machine_first() {
    let scene = Scene::safe();
    let browser = &scene.browser;
    let picked = browser.run(
        "const local = document.getElementById('local');
         local.value = '2025-01-10T12:00:05';
         local.dispatchEvent(new Event('input'));
         return [document.getElementById('at').value, new Date('2025-01-10T12:00:05').toISOString().slice(0, 19) + 'Z']",
    );
    assert_eq!(picked[0], picked[1]);
    browser.run("document.querySelector('#backups button').click()");
    let command = browser.text("#commands code");
    let (database, backups) = (scene.data.database().display().to_string(), scene.data.backups().display().to_string());
    let expected = format!("backup-job restore --database {database} --backups {backups} --point {}", scene.backup);
    assert_eq!(command, expected);
}
