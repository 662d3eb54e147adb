//! The report for people.

use comfy_table::{CellAlignment, Table, presets::ASCII_MARKDOWN};

use crate::report::{Beside, Better, Group, Report, Row, Settings};

/// One table, a block of lines per group; further peers take a line of their own.
pub(crate) fn render(report: &Report) -> String {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header([
        "measured",
        "unit",
        "ours",
        "peer",
        "ours/peer",
        "limit",
        "ours/limit",
    ]);
    for group in &report.groups {
        add_group(&mut table, group);
    }
    for column in [2, 4, 6] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let Report { machine, settings, .. } = report;
    let Settings { clients, turns, seconds } = settings;
    format!("{machine}\n{clients} clients, medians of {turns} runs of {seconds} s, ratios within a turn\n\n{table}\n")
}

fn add_group(table: &mut Table, group: &Group) {
    table.add_row([group.title.as_str()]);
    for row in &group.rows {
        for line in 0..row.peers.len().max(row.limits.len()).max(1) {
            table.add_row(cells(row, line));
        }
    }
}

fn cells(row: &Row, line: usize) -> [String; 7] {
    let first = |text: String| if line == 0 { text } else { String::new() };
    let [peer, to_peer] = beside(row.peers.get(line));
    let [limit, to_limit] = beside(row.limits.get(line));
    let sign = match row.metric.better {
        Better::Higher => "more is better",
        Better::Lower => "less is better",
    };
    [
        first(format!("  {}", row.metric.key)),
        first(format!("{}, {sign}", row.metric.unit)),
        first(row.ours.map(figure).unwrap_or_default()),
        peer,
        to_peer,
        limit,
        to_limit,
    ]
}

fn beside(beside: Option<&Beside>) -> [String; 2] {
    let Some(beside) = beside else {
        return Default::default();
    };
    let ratio = beside.ratio.map(|ratio| format!("{ratio:.2}"));
    [format!("{} {}", figure(beside.median), beside.name), ratio.unwrap_or_default()]
}

/// Three significant digits or the whole number, thousands apart.
fn figure(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        size if size < 1.0 => format!("{value:.3}"),
        size if size < 10.0 => format!("{value:.2}"),
        size if size < 100.0 => format!("{value:.1}"),
        _ => thousands(&format!("{value:.0}")),
    }
}

fn thousands(digits: &str) -> String {
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_keep_the_digits_that_mean_something() {
        let texts = [0.0, 0.01234, 1.234, 12.34, 123.4, 1234.5, 1_234_567.0].map(figure);
        assert_eq!(texts, ["0", "0.012", "1.23", "12.3", "123", "1,234", "1,234,567"]);
    }
}
