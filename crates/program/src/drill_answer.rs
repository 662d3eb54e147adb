//! What a drill says that it found: for `backup-job drill` and for `kubectl pra drill`.

use std::path::Path;

use drill::report::{Gone, Report};
use drill::svg::svg;
use pra_core::{Code, Error, Result};

use crate::output::{self, Answer};

/// How many lost events the table names.
const SHOWN: usize = 5;

/// The report in its three forms, and as a picture where one is asked for. A broken promise is an error as well.
///
/// # Errors
/// Where the picture cannot be written.
pub fn answer(report: &Report, picture: Option<&Path>) -> Result<Answer> {
    let error = (!report.verdict.held).then(|| {
        Error::new(Code::Failed, format!("the drill found a promise broken: {}", report.verdict.words))
            .hint("the report names each event that is lost")
    });
    let answer = Answer::new(report, words(report), vec![report.verdict.words.clone()])?.with_error(error);
    if let Some(path) = picture {
        std::fs::write(path, svg(report)).map_err(|e| Error::io("write", path, e))?;
    }
    Ok(answer)
}

fn words(report: &Report) -> String {
    let seconds = |seconds: f64| format!("{seconds:.2} s");
    let or_never = |time: Option<f64>| time.map_or_else(|| "never".to_owned(), seconds);
    let kinds: Vec<String> = report.refused_by_kind.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
    let mut rows = vec![
        ["RTO".to_owned(), or_never(report.rto_seconds), "disaster to the next write that stayed".to_owned()],
        ["RPO".to_owned(), seconds(report.rpo_seconds), "the oldest lost event before the disaster".to_owned()],
        ["longest gap".to_owned(), seconds(report.longest_gap_seconds), "between acknowledgements".to_owned()],
        ["refused".to_owned(), report.refused.to_string(), format!("of {} requests{kinds}", report.requests)],
        ["acknowledged".to_owned(), report.acknowledged.to_string(), format!("of {} events", report.written)],
        ["lost".to_owned(), report.lost.to_string(), String::new()],
        ["excluded".to_owned(), report.excluded.to_string(), "by the restore point".to_owned()],
    ];
    if let Some(recovery) = report.recovery_seconds {
        rows.insert(1, ["recovery".to_owned(), seconds(recovery), "the same from the recovery's command".to_owned()]);
    }
    if report.kept_alive_cut > 0 {
        rows.push(["cut".to_owned(), report.kept_alive_cut.to_string(), "kept-alive connections".to_owned()]);
    }
    if let Some(point) = &report.restore_point {
        rows.push(["restored".to_owned(), point.file.clone(), format!("of {}", point.created_at)]);
    }
    let phases = report
        .phases
        .iter()
        .map(|phase| [phase.name.to_string(), format!("{:.2} s", phase.at_seconds), format!("{:.2} s", phase.seconds)]);
    let mut text = format!(
        "{}\n\n{}\n\n",
        output::table(["MEASURE", "VALUE", ""], rows),
        output::table(["PHASE", "AT", "TOOK"], phases)
    );
    for promise in &report.verdict.promises {
        let mark = if promise.kept { "kept" } else { "BROKEN" };
        text.push_str(&format!("{mark}: {} ({})\n", promise.promise, promise.found));
    }
    text.push_str(&lost(&report.lost_events));
    text.trim_end().to_owned()
}

fn lost(events: &[Gone]) -> String {
    let lines = events
        .iter()
        .take(SHOWN)
        .map(|event| format!("gone: {} of {} (id {}): {}\n", event.message, event.timestamp, event.id, event.why));
    let more = events.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!("… and {more} more: -o json names them all\n") } else { String::new() };
    lines.chain([more]).collect()
}
