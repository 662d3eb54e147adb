//! Readable: on a phone, in both schemes, by a screen reader.

use serde_json::json;

use crate::scene::Scene;

/// Finds every text whose contrast with what lies behind it is less than WCAG's 4.5, by what the browser has computed.
const FAINT: &str = "
const luminance = (colour) => {
  const [r, g, b] = colour.match(/[\\d.]+/g).map(Number).slice(0, 3)
    .map((part) => part / 255).map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const isClear = (colour) => /^rgba\\(.*, 0\\)$/.test(colour);
const behind = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor;
    if (!isClear(colour)) return colour;
  }
  return 'rgb(255, 255, 255)';
};
const faint = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
let seen = 0;
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || !element.checkVisibility() || element.closest('script, style')) continue;
  seen += 1;
  const [text, paper] = [luminance(getComputedStyle(element).color), luminance(behind(element))];
  const contrast = (Math.max(text, paper) + 0.05) / (Math.min(text, paper) + 0.05);
  if (contrast < 4.5) faint.push(`${contrast.toFixed(2)}: ${walker.currentNode.data.trim()}`);
}
return [seen, faint];
";

#[track_caller]
fn assert_readable(scene: &Scene, when: &str) {
    for (scheme, background) in [("light", "rgb(255, 255, 255)"), ("dark", "rgb(20, 24, 29)")] {
        scene.browser.prefer(scheme);
        let paper = scene.browser.run("return getComputedStyle(document.body).backgroundColor");
        assert_eq!(paper, background, "{scheme}");
        let found = scene.browser.run(FAINT);
        assert!(found[0].as_u64().unwrap() > 40, "{found}");
        assert_eq!(found[1], json!([]), "{when}, {scheme}");
    }
}

#[test]
fn every_text_has_contrast_in_both_schemes_at_every_level() {
    let scene = Scene::safe();
    scene.browser.run("document.querySelector('#bars button').click()");
    assert_readable(&scene, "safe");
    scene.publish("UPDATE replicas SET error = 'connection refused'");
    scene.wait_for_level("Needs attention");
    assert_readable(&scene, "warning");
    scene.publish("UPDATE rehearsals SET outcome = 'failed'");
    scene.wait_for_level("In danger");
    assert_readable(&scene, "danger");
}

#[test]
fn a_phone_scrolls_in_one_direction_only() {
    let scene = Scene::safe();
    scene.publish(&crate::picture::rows(&scene.backup));
    scene.browser.wait_for_text("#backups tbody", |text| text.lines().count() >= 12);
    scene.browser.resize(360, 740);
    scene.browser.run("document.querySelector('#bars button').click()");
    let fits =
        "const root = document.documentElement; return root.clientWidth <= 360 && root.scrollWidth <= root.clientWidth";
    assert_eq!(scene.browser.run(fits), json!(true));
}

#[test]
fn a_screen_reader_finds_its_way() {
    let scene = Scene::safe();
    let count =
        |selector: &str| scene.browser.run(&format!("return document.querySelectorAll({}).length", json!(selector)));
    assert_eq!(scene.browser.run("return document.documentElement.lang"), "en");
    for (selector, number) in [("h1", 1), ("main", 1), ("header", 1), ("footer", 1), ("[aria-live]", 1)] {
        assert_eq!(count(selector), json!(number), "{selector}");
    }
    assert_eq!(count("table"), count("table > caption"));
    assert_eq!(count("section"), count("section[aria-labelledby]"));
    assert_eq!(count("th"), count("th[scope=col]"));
    let nameless = "return [...document.querySelectorAll('button, input')].filter((control) =>
        !(control.ariaLabel || control.textContent.trim() || control.labels?.length)).length";
    assert_eq!(scene.browser.run(nameless), json!(0));
    let label = scene.browser.run("return document.querySelector('#bars button').ariaLabel");
    assert!(label.as_str().unwrap().starts_with(&format!("{}, ", scene.backup)), "{label}");
}

#[test]
fn what_is_read_out_changes_only_with_the_verdict() {
    let scene = Scene::safe();
    let said =
        "window.said = []; new MutationObserver(() => said.push(document.getElementById('announcement').textContent))
        .observe(document.getElementById('announcement'), { childList: true, characterData: true, subtree: true })";
    scene.browser.run(said);
    let now = scene.browser.text("#now");
    scene.browser.wait_for_text("#now", |later| later != now);
    assert_eq!(scene.browser.run("return said"), json!([]), "a second that passes is no news");
    scene.publish("UPDATE rehearsals SET outcome = 'failed', error = 'a page differs'");
    scene.wait_for_level("In danger");
    let said = scene.browser.run("return said");
    assert!(said[0].as_str().is_some_and(|said| said.starts_with("In danger. No: ")), "{said}");
}
