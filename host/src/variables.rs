//! Application variables: their names, their values and the templates through which components see them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use crate::manifest::Variable;
use crate::toml_reader::Problems;

/// The prefix of a variable's name, in capitals, in the environment.
const ENVIRONMENT_PREFIX: &str = "SPIN_VARIABLE_";

/// Says why a name is none that Spin accepts.
///
/// # Errors
/// The reason, in Spin's words, for the guest or the manifest's author.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    let reason = if name.is_empty() {
        "must not be empty".to_owned()
    } else if let Some(bad) = name.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '_')) {
        format!("invalid character {bad:?}: only lower-case letters, digits and underscores")
    } else if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        "must start with a lower-case letter".to_owned()
    } else if name.ends_with('_') || name.contains("__") {
        "an underscore must be single and between other characters".to_owned()
    } else {
        return Ok(());
    };
    Err(format!("{name:?}: {reason}"))
}

/// A component variable's value as written: text with `{{ name }}` in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable(String),
}

impl Template {
    /// Splits the text at its braces.
    ///
    /// # Errors
    /// `{{` without `}}`, in words.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((name, tail)) = after.split_once("}}") else {
                return Err(format!("`{{{{` without `}}}}` in {text:?}"));
            };
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(Part::Variable(name.trim().to_owned()));
            rest = tail;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    /// The variables that it names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Variable(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The value, once each variable has one. Names without a value are skipped; [`resolve`] reports them.
    pub(crate) fn fill(&self, values: &BTreeMap<String, String>) -> String {
        let text = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Variable(name) => values.get(name).cloned().unwrap_or_default(),
        };
        self.0.iter().map(text).collect()
    }
}

/// Gives each variable its value: from the command line, else from the environment, else its default.
///
/// Reports names that the manifest does not declare and required variables without a value. Values are
/// never part of a message: they may be secret.
pub(crate) fn resolve(
    manifest: &Path,
    declared: &BTreeMap<String, Variable>,
    given: &[(String, String)],
    environment: impl Fn(&str) -> Option<OsString>,
    problems: &mut Problems,
) -> BTreeMap<String, String> {
    for (name, _) in given.iter().filter(|(name, _)| !declared.contains_key(name)) {
        problems.add(manifest, format!("variables: --variable {name}=… is not declared here"));
    }
    let mut values = BTreeMap::new();
    for (name, variable) in declared {
        let key = format!("{ENVIRONMENT_PREFIX}{}", name.to_ascii_uppercase());
        let from_command_line = given.iter().rev().find(|(given, _)| given == name).map(|(_, value)| value.clone());
        let value = match (from_command_line, environment(&key)) {
            (Some(value), _) => Some(value),
            (None, Some(value)) => match value.into_string() {
                Ok(value) => Some(value),
                Err(_) => {
                    problems.add(manifest, format!("variables.{name}: ${key} is not valid UTF-8"));
                    continue;
                }
            },
            (None, None) => variable.default.clone(),
        };
        match value {
            Some(value) => drop(values.insert(name.clone(), value)),
            None => problems.add(
                manifest,
                format!("variables.{name}: required, but has no value: pass --variable {name}=VALUE or set ${key}"),
            ),
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(pairs: &[(&str, Option<&str>)]) -> BTreeMap<String, Variable> {
        let variable = |default: &Option<&str>| Variable { default: default.map(str::to_owned) };
        pairs.iter().map(|(name, default)| ((*name).to_owned(), variable(default))).collect()
    }

    fn given(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_command_line_wins_over_the_environment_and_that_over_the_default() {
        let declared = declared(&[("a", Some("default")), ("b", Some("default")), ("c", Some("default"))]);
        let environment =
            |key: &str| matches!(key, "SPIN_VARIABLE_A" | "SPIN_VARIABLE_B").then(|| "environment".into());
        let mut problems = Problems::default();
        let command_line = given(&[("a", "first"), ("a", "last")]);
        let values = resolve(Path::new("spin.toml"), &declared, &command_line, environment, &mut problems);
        problems.into_result().unwrap();
        assert_eq!(values.into_values().collect::<Vec<_>>(), ["last", "environment", "default"]);
    }

    #[test]
    fn a_required_variable_without_a_value_is_reported_with_both_ways_to_give_one() {
        let mut problems = Problems::default();
        resolve(Path::new("spin.toml"), &declared(&[("token", None)]), &[], |_| None, &mut problems);
        let words = problems.into_result().unwrap_err().to_string();
        assert!(words.contains("pass --variable token=VALUE or set $SPIN_VARIABLE_TOKEN"), "{words}");
    }

    #[test]
    fn a_variable_that_is_not_declared_is_refused_without_its_value() {
        let mut problems = Problems::default();
        let command_line = given(&[("tokn", "open-sesame")]);
        resolve(Path::new("spin.toml"), &BTreeMap::new(), &command_line, |_| None, &mut problems);
        let words = problems.into_result().unwrap_err().to_string();
        assert!(words.contains("--variable tokn=") && !words.contains("open-sesame"), "{words}");
    }

    #[test]
    fn a_template_is_text_with_variables_in_it() {
        let template = Template::parse("a{{ one }}b{{two}}").unwrap();
        assert_eq!(template.names().collect::<Vec<_>>(), ["one", "two"]);
        let values = BTreeMap::from([("one".to_owned(), "1".to_owned()), ("two".to_owned(), "{{ one }}".to_owned())]);
        assert_eq!(template.fill(&values), "a1b{{ one }}", "a value is not read as a template again");
        assert!(Template::parse("{{ one").is_err());
    }

    #[test]
    fn names_are_those_that_spin_accepts() {
        for good in ["a", "api_token", "a1"] {
            assert_eq!(check_name(good), Ok(()));
        }
        for bad in ["", "Api", "api-token", "_a", "a_", "a__b", "1a"] {
            assert!(check_name(bad).is_err(), "{bad:?} was accepted");
        }
    }
}
