//! The alarms with shorter waiting times, for tests.

use mini_pra_tests::root;
use serde_json::Value;

const RULES: &str = "k8s/components/monitoring/rules.yaml";

/// A copy of the rules.
pub(crate) struct Alarms {
    rules: Value,
}

impl Alarms {
    /// As they are, but that each `for` is a second, and without those about volumes: how full the disk of the machine
    /// is that runs the tests is its own business.
    pub(crate) fn quick() -> Self {
        Self::quick_but(|name| name.ends_with("VolumeNearlyFull"))
    }

    /// The same, with the alarm `name` and without all others.
    pub(crate) fn quick_only(only: &str) -> Self {
        Self::quick_but(|name| name != only)
    }

    fn quick_but(left_out: impl Fn(&str) -> bool) -> Self {
        let text = std::fs::read_to_string(root().join(RULES)).unwrap();
        let mut alarms = Self { rules: serde_saphyr::from_str(&text).unwrap() };
        for group in alarms.rules["groups"].as_array_mut().unwrap() {
            group["rules"].as_array_mut().unwrap().retain(|rule| !left_out(rule["alert"].as_str().unwrap()));
        }
        for rule in alarms.all() {
            if rule.get("for").is_some() {
                rule["for"] = "1s".into();
            }
        }
        alarms
    }

    /// With the threshold `from` of the alarm `name` scaled to `to`.
    #[track_caller]
    pub(crate) fn scaled(mut self, name: &str, from: &str, to: &str) -> Self {
        let rule = self.all().find(|rule| rule["alert"] == name).unwrap_or_else(|| panic!("there is no alarm {name}"));
        let query = rule["expr"].as_str().unwrap();
        assert_eq!(query.matches(from).count(), 1, "{query}");
        rule["expr"] = query.replace(from, to).into();
        self
    }

    /// As a rule file; JSON is YAML.
    pub(crate) fn text(&self) -> String {
        self.rules.to_string()
    }

    fn all(&mut self) -> impl Iterator<Item = &mut Value> {
        let groups = self.rules["groups"].as_array_mut().unwrap().iter_mut();
        groups.flat_map(|group| group["rules"].as_array_mut().unwrap())
    }
}
