//! From samples to rows: each figure of ours with its ratio to every peer and limit.

use serde::Serialize;

use crate::machine::Machine;
use crate::measure::{Series, Side, median};

/// What is read from a sample, and which direction is good.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Metric {
    pub(crate) key: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) better: Better,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Better {
    Higher,
    Lower,
}

impl Metric {
    pub(crate) const fn higher(key: &'static str, unit: &'static str) -> Self {
        let better = Better::Higher;
        Self { key, unit, better }
    }

    pub(crate) const fn lower(key: &'static str, unit: &'static str) -> Self {
        let better = Better::Lower;
        Self { key, unit, better }
    }
}

/// What one topic measured under one title.
#[derive(Debug, Serialize)]
pub(crate) struct Group {
    pub(crate) title: String,
    pub(crate) rows: Vec<Row>,
    /// Every sample, so that the spread can be seen.
    pub(crate) series: Vec<Series>,
}

/// One metric of a group.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    #[serde(flatten)]
    pub(crate) metric: Metric,
    /// Our median; none where our side was not run.
    pub(crate) ours: Option<f64>,
    pub(crate) peers: Vec<Beside>,
    pub(crate) limits: Vec<Beside>,
}

/// A figure that is shown beside ours.
#[derive(Debug, Serialize)]
pub(crate) struct Beside {
    pub(crate) name: String,
    pub(crate) median: f64,
    /// Ours divided by it: the median of the turns' ratios.
    pub(crate) ratio: Option<f64>,
}

/// How it was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Settings {
    /// Clients at once, where a row does not say otherwise.
    pub(crate) clients: usize,
    /// Runs of each contender.
    pub(crate) turns: usize,
    /// Of one run under load.
    pub(crate) seconds: f64,
}

/// The whole run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) settings: Settings,
    pub(crate) groups: Vec<Group>,
}

impl Group {
    pub(crate) fn new(title: impl Into<String>, series: Vec<Series>, metrics: &[Metric]) -> Self {
        let rows = metrics.iter().map(|m| row(*m, &series)).collect();
        Self { title: title.into(), rows, series }
    }
}

fn row(metric: Metric, series: &[Series]) -> Row {
    let ours = series.iter().find(|s| s.side == Side::Ours);
    let beside = |side| {
        let others = series.iter().filter(|s| s.side == side);
        others
            .filter_map(|other| {
                Some(Beside {
                    name: other.name.clone(),
                    median: median(&other.values(metric.key))?,
                    ratio: ours.and_then(|ours| median(&ours.ratios(other, metric.key))),
                })
            })
            .collect()
    };
    Row {
        metric,
        ours: ours.and_then(|ours| median(&ours.values(metric.key))),
        peers: beside(Side::Peer),
        limits: beside(Side::Limit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Sample;

    fn series(side: Side, value: f64) -> Series {
        Series { side, name: format!("{side:?}"), samples: vec![Sample::from([("per_second", value)])] }
    }

    #[test]
    fn a_row_holds_our_ratio_to_each_peer_and_limit() {
        let all = vec![series(Side::Ours, 20.0), series(Side::Peer, 8.0), series(Side::Limit, 40.0)];
        let group = Group::new("t", all, &[Metric::higher("per_second", "1/s")]);
        let row = &group.rows[0];
        assert_eq!(row.ours, Some(20.0));
        assert_eq!(row.peers[0].ratio, Some(2.5));
        assert_eq!(row.limits[0].ratio, Some(0.5));
    }

    #[test]
    fn without_our_side_the_others_are_still_reported() {
        let all = vec![series(Side::Peer, 8.0)];
        let group = Group::new("t", all, &[Metric::higher("per_second", "1/s")]);
        assert_eq!(group.rows[0].ours, None);
        assert_eq!(group.rows[0].peers[0].median, 8.0);
        assert_eq!(group.rows[0].peers[0].ratio, None);
    }
}
