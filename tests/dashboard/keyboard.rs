//! The page without a mouse.

use thirtyfour::Key;

use crate::scene::Scene;

/// Presses Tab until what has the focus is in the element `selector`.
#[track_caller]
fn tab_to(scene: &Scene, selector: &str) {
    let inside = format!("return document.activeElement.closest('{selector}') !== null");
    for _ in 0..20 {
        scene.browser.press(Key::Tab);
        if scene.browser.run(&inside) == true {
            return;
        }
    }
    panic!("Tab does not reach {selector}");
}

#[test]
fn tab_reaches_the_time_line_arrows_move_and_enter_chooses() {
    let scene = Scene::safe();
    scene.publish(
        "INSERT INTO restore_points (file, kind, created_at_ms, bytes, page_size, pages, content_checksum, ltx_checksum,
             verified_at_ms, seconds)
         SELECT 'backup-older.db', kind, created_at_ms - 3600000, bytes, page_size, pages, content_checksum, ltx_checksum,
             verified_at_ms, seconds FROM restore_points",
    );
    scene.browser.wait_for_text("#backups tbody", |text| text.contains("backup-older.db"));
    tab_to(&scene, "#bars");
    scene.browser.press(Key::Enter);
    let newest = format!("kubectl pra restore --point {}", scene.backup);
    scene.browser.wait_for_text("#commands", |commands| commands.contains(&newest));
    scene.browser.press(Key::Left + Key::Enter);
    let commands = scene.browser.wait_for_text("#commands", |commands| commands.contains("--point backup-older.db"));
    assert!(commands.contains("kubectl pra restore --point backup-older.db"), "{commands}");
    let patch = r#"kubectl patch configmap restore-point --type merge -p '{"data":{"point":"backup-older.db"}}'"#;
    assert!(commands.contains(patch), "{commands}");
    assert!(scene.browser.text("#chosen").contains("backup-older.db"));
    let pressed = "return document.querySelector('#bars [aria-pressed=true]').dataset.key";
    assert_eq!(scene.browser.run(pressed), "backup-older.db");
    // The page goes on, and the focus stays where it is.
    let now = scene.browser.text("#now");
    scene.browser.wait_for_text("#now", |later| later != now);
    assert_eq!(scene.browser.run("return document.activeElement.dataset.key"), "backup-older.db");
}

#[test]
fn a_command_is_copied_or_where_the_browser_forbids_that_selected() {
    let scene = Scene::safe();
    tab_to(&scene, "#bars");
    scene.browser.press(Key::Enter);
    scene.browser.wait_for_text("#commands", |commands| !commands.is_empty());
    tab_to(&scene, "#commands");
    scene.browser.press(Key::Enter);
    let done = scene.browser.wait_for_text("#commands button", |label| label != "Copy");
    if done == "Selected" {
        let selected = scene.browser.run("return getSelection().toString()");
        assert_eq!(selected, format!("kubectl pra restore --point {}", scene.backup));
    } else {
        assert_eq!(done, "Copied");
    }
    scene.browser.wait_for_text("#commands button", |label| label == "Copy");
}

#[test]
fn the_focus_can_be_seen() {
    let scene = Scene::safe();
    tab_to(&scene, "#bars");
    let outline = "return parseFloat(getComputedStyle(document.activeElement).outlineWidth)";
    assert!(scene.browser.run(outline).as_f64().unwrap() >= 2.0);
}

#[test]
fn an_instant_within_a_window_is_chosen_and_one_outside_is_refused() {
    let scene = Scene::safe();
    tab_to(&scene, "#slider");
    scene.browser.press(Key::Left);
    let instant = scene.browser.run("return document.getElementById('at').value");
    let instant = instant.as_str().unwrap();
    assert!(instant.parse::<jiff::Timestamp>().is_ok(), "{instant}");
    tab_to(&scene, "#at");
    scene.browser.press(Key::Enter);
    let command = format!("--point {instant} --replica file:///replica");
    scene.browser.wait_for_text("#commands", |commands| commands.contains(&command));
    scene.browser.run("document.getElementById('at').value = '2001-01-01T00:00:00Z'");
    scene.browser.press(Key::Enter);
    scene.browser.wait_for_text("#chosen", |chosen| chosen == "No replica covers this instant.");
    assert_eq!(scene.browser.text("#commands"), "");
}
