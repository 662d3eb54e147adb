//! Bytes that are shipped.

use anyhow::{Context, Result};

use super::Bench;
use crate::measure::{Sample, Series, Side};
use crate::report::{Group, Metric};

pub(crate) fn measure(bench: &Bench<'_>) -> Result<Vec<Group>> {
    let component = &bench.project.component;
    let metadata = std::fs::metadata(component);
    let bytes = metadata.with_context(|| format!("failed to look at '{}'", component.display()))?.len();
    let samples = vec![Sample::from([("bytes", bytes as f64)])];
    let series = vec![Series { side: Side::Ours, name: "events.wasm".to_owned(), samples }];
    Ok(vec![Group::new("size of the component", series, &[Metric::lower("bytes", "bytes")])])
}
