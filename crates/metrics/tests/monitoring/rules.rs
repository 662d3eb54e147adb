//! The alarms.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::names::{assert_is_right_for_two_pods, told_apart};
use crate::repository::{assert_is, path, read, yaml};

pub(crate) const RULES: &str = "k8s/components/monitoring/rules.yaml";
const TESTS: &str = "k8s/components/monitoring/rules_test.yaml";
const OPERATOR: &str = "k8s/components/monitoring/prometheus-rule.yaml";

const HEAD: &str = "\
# Made from rules.yaml; what is said there, and how this is made, is valid here.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: mini-pra
  labels:
    app.kubernetes.io/component: monitoring
    app.kubernetes.io/part-of: mini-pra
spec:
";

/// An alarm.
pub(crate) struct Rule {
    pub(crate) name: String,
    rule: Value,
}

impl Rule {
    #[track_caller]
    pub(crate) fn text(&self, pointer: &str) -> &str {
        let text = self.rule.pointer(pointer).and_then(Value::as_str);
        text.filter(|text| !text.is_empty()).unwrap_or_else(|| panic!("{} has no {pointer}", self.name))
    }

    #[track_caller]
    pub(crate) fn severity(&self) -> &str {
        self.text("/labels/severity")
    }

    /// Its page in the runbook, and the section there.
    #[track_caller]
    pub(crate) fn page(&self) -> (&str, Option<&str>) {
        let runbook = self.text("/annotations/runbook");
        let page = runbook.strip_prefix("docs/runbook/").unwrap_or_else(|| panic!("{}: '{runbook}'", self.name));
        page.split_once('#').map_or((page, None), |(page, section)| (page, Some(section)))
    }
}

pub(crate) fn rules() -> Vec<Rule> {
    let file = yaml(RULES);
    let groups = file["groups"].as_array().unwrap().iter();
    let rules: Vec<_> = groups.flat_map(|group| group["rules"].as_array().unwrap()).cloned().collect();
    assert!(rules.len() > 10, "{} rules", rules.len());
    rules.into_iter().map(|rule| Rule { name: rule["alert"].as_str().unwrap().to_owned(), rule }).collect()
}

#[test]
fn each_alarm_leads_to_its_page_as_the_application_serves_it() {
    for rule in rules() {
        let (page, _) = rule.page();
        let served = format!("{{{{ $externalLabels.mini_pra_url }}}}/runbook/{}", page.trim_end_matches(".md"));
        assert_eq!(rule.text("/annotations/runbook_url"), served, "{}", rule.name);
    }
}

#[test]
fn the_operator_gets_the_same_rules() {
    let rules = read(RULES);
    let groups = &rules[rules.find("groups:\n").unwrap()..];
    let indented = |line: &str| if line.is_empty() { "\n".to_owned() } else { format!("  {line}\n") };
    assert_is(OPERATOR, &(HEAD.to_owned() + &groups.lines().map(indented).collect::<String>()));
    assert_eq!(yaml(OPERATOR)["spec"], yaml(RULES));
}

#[test]
fn each_alarm_says_how_bad_what_how_much_and_where_to_read_on() {
    for rule in rules() {
        let name = &rule.name;
        assert!(name.starts_with("Pra"), "{name}");
        assert!(["critical", "warning", "info"].contains(&rule.severity()), "{name}");
        assert!(!rule.text("/annotations/summary").ends_with('.'), "{name}");
        let description = rule.text("/annotations/description");
        for variable in ["$value", "$labels.namespace"] {
            assert!(description.contains(variable), "{name}: {description}");
        }
        for (_, label) in told_apart(rule.text("/expr")) {
            assert!(description.contains(&format!("$labels.{label}")), "{name} does not say which {label}");
        }
        let (page, _) = rule.page();
        assert!(path("docs/runbook").join(page).is_file(), "{name}: there is no page '{page}'");
    }
}

#[test]
fn each_alarm_is_right_for_two_pods_and_many_namespaces() {
    for rule in rules() {
        assert_is_right_for_two_pods(rule.text("/expr"));
    }
}

#[test]
fn each_alarm_is_tested_to_fire_and_neither_before_nor_afterwards() {
    let file = yaml(TESTS);
    let mut tests: BTreeMap<&str, Vec<bool>> = BTreeMap::new();
    for group in file["tests"].as_array().unwrap() {
        for test in group["alert_rule_test"].as_array().unwrap() {
            let fires = test["exp_alerts"].as_array().is_some_and(|alerts| !alerts.is_empty());
            tests.entry(test["alertname"].as_str().unwrap()).or_default().push(fires);
        }
    }
    for rule in rules() {
        let seen = tests.get(rule.name.as_str()).map(Vec::as_slice).unwrap_or_default();
        let whole = seen.windows(3).any(|three| three == [false, true, false]);
        assert!(whole, "{}: quiet, firing, quiet is not tested in {TESTS} ({seen:?})", rule.name);
    }
}
