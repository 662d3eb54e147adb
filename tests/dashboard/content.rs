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
         UPDATE restore_points SET file = '{0}', error = '{0}';",
        evil.replace('\'', "''")
    ));
    scene.wait_for_level("In danger");
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
