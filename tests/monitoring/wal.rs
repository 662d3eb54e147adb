//! A write-ahead log that grows.

use crate::alarms::Alarms;
use crate::scene::Scene;

#[test]
fn a_log_that_a_reader_keeps_from_restarting_is_an_alarm_until_the_reader_ends() {
    let scene = Scene::well();
    let alarms = Alarms::quick().scaled("PraWalTooLarge", "128 * 1024 * 1024", "24 * 1024 * 1024");
    let prometheus = scene.watched(&alarms);
    prometheus.wait_for(&[]);
    let reader = scene.data.open();
    reader.run("BEGIN");
    assert!(!reader.events().is_empty());
    let writer = scene.data.open();
    let large = "x".repeat(1 << 20);
    for _ in 0..32 {
        writer.add([large.as_str()]);
    }
    prometheus.wait_for(&["PraWalTooLarge"]);
    reader.run("COMMIT");
    prometheus.wait_for(&[]);
}
