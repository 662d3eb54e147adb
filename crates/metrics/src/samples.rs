//! Samples and their text.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

use crate::{Kind, Metric};

/// The media type of [`Samples::encode`]'s text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What is exported at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Samples(Vec<Sample>);

#[derive(Debug, Clone, PartialEq)]
struct Sample {
    metric: Metric,
    labels: Vec<(&'static str, String)>,
    value: f64,
}

impl Samples {
    /// Adds a sample; `labels` are the values of the metric's labels, in the order of its declaration.
    pub fn set<const N: usize>(&mut self, metric: Metric, labels: [&str; N], value: f64) {
        debug_assert_eq!(metric.labels.len(), N, "{}", metric.name);
        let labels = metric.labels.iter().copied().zip(labels.map(ToOwned::to_owned)).collect();
        self.0.push(Sample { metric, labels, value });
    }

    /// As [`Self::set`], where there is a value.
    pub fn set_known<const N: usize>(&mut self, metric: Metric, labels: [&str; N], value: Option<f64>) {
        if let Some(value) = value {
            self.set(metric, labels, value);
        }
    }

    /// The samples in OpenMetrics' text format, each metric with its help and its type.
    ///
    /// # Errors
    /// Where the encoder fails, which it has no reason to.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self.clone()));
        let mut text = String::new();
        text::encode(&mut text, &registry)?;
        Ok(text)
    }
}

impl Collector for Samples {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut rest: Vec<&Sample> = self.0.iter().collect();
        // The format wants the samples of a metric together.
        while let Some(first) = rest.first() {
            let metric = first.metric;
            let (samples, others) = rest.into_iter().partition(|sample| sample.metric.name == metric.name);
            rest = others;
            let (stem, unit) = stem(&metric);
            let mut family = encoder.encode_descriptor(stem, metric.help, unit.as_ref(), kind(metric.kind))?;
            for sample in samples {
                sample.encode(&mut family)?;
            }
        }
        Ok(())
    }
}

impl Sample {
    fn encode(&self, family: &mut MetricEncoder<'_>) -> fmt::Result {
        match self.metric.kind {
            Kind::Gauge => ConstGauge::new(self.value).encode(family.encode_family(&self.labels)?),
            Kind::Counter => ConstCounter::new(self.value).encode(family.encode_family(&self.labels)?),
        }
    }
}

fn kind(kind: Kind) -> prometheus_client::metrics::MetricType {
    match kind {
        Kind::Gauge => prometheus_client::metrics::MetricType::Gauge,
        Kind::Counter => prometheus_client::metrics::MetricType::Counter,
    }
}

/// The name without what the encoder appends: the unit, and `_total`.
fn stem(metric: &Metric) -> (&'static str, Option<Unit>) {
    let name = match metric.kind {
        Kind::Counter => metric.name.strip_suffix("_total").unwrap_or(metric.name),
        Kind::Gauge => metric.name,
    };
    match (name.strip_suffix("_seconds"), name.strip_suffix("_bytes")) {
        (Some(stem), _) => (stem, Some(Unit::Seconds)),
        (_, Some(stem)) => (stem, Some(Unit::Bytes)),
        _ => (name, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ALL;

    #[test]
    fn every_metric_is_written_under_its_whole_name_with_help_and_type() {
        let mut samples = Samples::default();
        for metric in ALL {
            match metric.labels.len() {
                0 => samples.set(*metric, [], 1.0),
                1 => samples.set(*metric, ["one"], 1.0),
                _ => samples.set(*metric, ["one", "two"], 1.0),
            }
        }
        let text = samples.encode().unwrap();
        for Metric { name, help, labels, .. } in ALL {
            let value = text.lines().find(|line| line.split(['{', ' ']).next() == Some(name));
            let value = value.unwrap_or_else(|| panic!("{name} is missing in\n{text}"));
            assert!(labels.iter().all(|label| value.contains(&format!("{label}=\""))), "{value}");
            assert!(text.contains(help), "{help}");
        }
        assert!(text.ends_with("# EOF\n"), "{text}");
    }

    #[test]
    fn samples_of_one_metric_stand_together_and_labels_are_escaped() {
        let mut samples = Samples::default();
        samples.set(crate::REPLICA_UP, ["file:///a\"b\n"], 1.0);
        samples.set(crate::EVENTS, [], 3.0);
        samples.set(crate::REPLICA_UP, ["s3://b"], 0.0);
        let text = samples.encode().unwrap();
        let values: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            values,
            [
                r#"pra_replica_up{replica="file:///a\"b\n"} 1.0"#,
                r#"pra_replica_up{replica="s3://b"} 0.0"#,
                "pra_events 3.0"
            ]
        );
        assert_eq!(text.matches("# TYPE pra_replica_up gauge").count(), 1);
    }
}
