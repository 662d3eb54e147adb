//! What became of each step.

use std::fmt;
use std::time::Duration;

pub(super) enum Outcome {
    Passed(Duration),
    Failed(Duration, String),
    NotRun(String),
}

#[derive(Default)]
pub(super) struct Summary {
    steps: Vec<(&'static str, Outcome)>,
}

impl Summary {
    pub(super) fn add(&mut self, name: &'static str, outcome: Outcome) {
        self.steps.push((name, outcome));
    }

    pub(super) fn has_failed(&self, name: &str) -> bool {
        self.steps.iter().any(|(step, outcome)| *step == name && !matches!(outcome, Outcome::Passed(_)))
    }

    /// Whether something ran and all of it passed.
    pub(super) fn is_good(&self) -> bool {
        !self.steps.is_empty() && !self.steps.iter().any(|(name, _)| self.has_failed(name))
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, outcome) in &self.steps {
            match outcome {
                Outcome::Passed(time) => writeln!(formatter, "{name:<10} passed  {:>6.1} s", time.as_secs_f64()),
                Outcome::Failed(time, why) => {
                    let why = why.lines().next().unwrap_or_default();
                    writeln!(formatter, "{name:<10} FAILED  {:>6.1} s  {why}", time.as_secs_f64())
                }
                Outcome::NotRun(why) => writeln!(formatter, "{name:<10} not run           {why}"),
            }?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_did_not_run_is_not_good() {
        let mut summary = Summary::default();
        assert!(!summary.is_good());
        summary.add("build", Outcome::Passed(Duration::ZERO));
        assert!(summary.is_good());
        summary.add("unit", Outcome::NotRun("build failed".into()));
        assert!(!summary.is_good());
        assert!(summary.has_failed("unit") && !summary.has_failed("build"));
    }

    #[test]
    fn a_failure_is_told_in_one_line() {
        let mut summary = Summary::default();
        summary.add("unit", Outcome::Failed(Duration::from_secs(2), "first\nsecond".into()));
        assert_eq!(summary.to_string(), "unit       FAILED     2.0 s  first\n");
    }
}
