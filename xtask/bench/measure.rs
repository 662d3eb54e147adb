//! Repetitions, taken in turn: ours, the peer, the limit, ours, … A machine whose speed drifts
//! then drifts for all of them, and the ratios of one turn stay valid.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use clap::ValueEnum;
use serde::Serialize;

/// One run's figures by the key of their [`crate::report::Metric`].
pub(crate) type Sample = BTreeMap<&'static str, f64>;

/// What a figure means in its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Side {
    /// This project.
    Ours,
    /// What one would use instead.
    Peer,
    /// What the machine allows to a program that does nothing else.
    Limit,
}

/// Something that can be run again and again.
pub(crate) struct Contender<'a> {
    side: Side,
    name: String,
    run: Box<dyn FnMut() -> Result<Sample> + 'a>,
}

impl<'a> Contender<'a> {
    pub(crate) fn new(side: Side, name: impl Into<String>, run: impl FnMut() -> Result<Sample> + 'a) -> Self {
        Self { side, name: name.into(), run: Box::new(run) }
    }
}

/// All samples of one contender, in the order of the turns.
#[derive(Debug, Serialize)]
pub(crate) struct Series {
    pub(crate) side: Side,
    pub(crate) name: String,
    pub(crate) samples: Vec<Sample>,
}

impl Series {
    /// One value per turn that has it.
    pub(crate) fn values(&self, key: &str) -> Vec<f64> {
        let samples = self.samples.iter();
        samples.filter_map(|s| s.get(key).copied()).collect()
    }

    /// Ours divided by `other`'s, turn by turn.
    pub(crate) fn ratios(&self, other: &Self, key: &str) -> Vec<f64> {
        let pairs = self.samples.iter().zip(&other.samples);
        pairs
            .filter_map(|(ours, theirs)| Some((*ours.get(key)?, *theirs.get(key)?)))
            .filter(|(_, theirs)| *theirs > 0.0)
            .map(|(ours, theirs)| ours / theirs)
            .collect()
    }
}

/// Runs every contender once a turn, in the opposite order every other turn.
pub(crate) fn take_turns(title: &str, mut contenders: Vec<Contender<'_>>, turns: usize) -> Result<Vec<Series>> {
    let mut series: Vec<Series> = contenders
        .iter()
        .map(|contender| Series {
            side: contender.side,
            name: contender.name.clone(),
            samples: Vec::with_capacity(turns),
        })
        .collect();
    for turn in 0..turns {
        let mut pairs: Vec<_> = contenders.iter_mut().zip(&mut series).collect();
        if turn % 2 == 1 {
            pairs.reverse();
        }
        for (contender, series) in pairs {
            let name = &contender.name;
            eprintln!("{title}: {name}, {} of {turns}", turn + 1);
            // No contender pays for what another one has written.
            nix::unistd::sync();
            let sample = (contender.run)().with_context(|| format!("failed to measure {title} of '{name}'"))?;
            series.samples.push(sample);
        }
    }
    Ok(series)
}

/// The middle value, or the mean of the two in the middle.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut ascending = values.to_vec();
    ascending.sort_by(f64::total_cmp);
    let upper = *ascending.get(ascending.len() / 2)?;
    if ascending.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *ascending.get(ascending.len() / 2 - 1)?;
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_not_moved_by_one_slow_run() {
        assert_eq!(median(&[3.0, 1.0, 900.0]), Some(3.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 900.0]), Some(3.0));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn a_ratio_is_taken_within_one_turn() {
        let series = |side, values: &[f64]| Series {
            side,
            name: String::new(),
            samples: values.iter().map(|v| Sample::from([("k", *v)])).collect(),
        };
        let ours = series(Side::Ours, &[10.0, 1.0]);
        let peer = series(Side::Peer, &[5.0, 0.5]);
        assert_eq!(ours.ratios(&peer, "k"), [2.0, 2.0]);
    }

    #[test]
    fn contenders_take_turns_and_every_other_turn_runs_backwards() {
        let order = std::cell::RefCell::new(String::new());
        let contender = |name: &'static str| {
            Contender::new(Side::Peer, name, || {
                order.borrow_mut().push_str(name);
                Ok(Sample::new())
            })
        };
        take_turns("t", vec![contender("a"), contender("b")], 3).unwrap();
        assert_eq!(*order.borrow(), "abbaab");
    }
}
