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
         UPDATE restore_points SET error = '{0}';",
        evil.replace('\'', "''")
    ));
    scene.wait_for_level("In danger");
    for table in ["backups", "replicas", "rehearsals", "drills"] {
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
    scene.browser.resize(960, 1_140);
    let picture = scene.browser.picture();
    assert!(picture.starts_with(b"\x89PNG") && picture.len() < 200_000, "{} bytes", picture.len());
    if let Some(path) = std::env::var_os("PRA_PICTURE") {
        std::fs::write(path, picture).unwrap();
    }
}
