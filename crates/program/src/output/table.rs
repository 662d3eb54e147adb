//! Tables for people, on terminals of any width. What is in a cell is never broken, since it is copied into the next
//! command: only the last column, which is prose, goes on in a next line, between words. Where that is not enough, each
//! row is a block of lines.

use comfy_table::{ColumnConstraint, ContentArrangement, Table, presets};

/// Between two columns.
const GAP: usize = 2;

/// The narrowest that prose is read in.
const PROSE: usize = 24;

/// Stands for what is not there.
const NOTHING: &str = "-";

/// The table, as wide as the terminal allows. A column in which no row has anything is left out.
pub(super) fn fit(header: &[&str], rows: Vec<Vec<String>>) -> String {
    let (header, rows) = with_something(header, rows);
    arrange(&header, &rows, Table::new().width().map(usize::from))
}

fn with_something<'a>(header: &[&'a str], rows: Vec<Vec<String>>) -> (Vec<&'a str>, Vec<Vec<String>>) {
    let stays: Vec<bool> =
        (0..header.len()).map(|column| rows.is_empty() || rows.iter().any(|row| row[column] != NOTHING)).collect();
    let row =
        |row: Vec<String>| row.into_iter().zip(&stays).filter(|(_, stays)| **stays).map(|(cell, _)| cell).collect();
    let header = header.iter().zip(&stays).filter(|(_, stays)| **stays).map(|(name, _)| *name).collect();
    (header, rows.into_iter().map(row).collect())
}

fn arrange(header: &[&str], rows: &[Vec<String>], width: Option<usize>) -> String {
    if width.is_some_and(|width| narrowest(header, rows) > width) {
        return blocks(header, rows);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_header(header);
    if let Some(width) = width {
        table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    }
    for row in rows {
        table.add_row(row);
    }
    let last = header.len().saturating_sub(1);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if index == last { 0 } else { 2 }));
        if index != last {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table.trim_fmt()
}

/// The width that the table needs so that no cell is broken but the last between its words.
fn narrowest(header: &[&str], rows: &[Vec<String>]) -> usize {
    let columns = (0..header.len()).map(|column| {
        let cells = || rows.iter().map(|row| row[column].as_str()).chain([header[column]]);
        let whole = cells().map(length).max().unwrap_or(0);
        if column + 1 < header.len() {
            return whole + GAP;
        }
        let word = cells().flat_map(str::split_whitespace).map(length).max().unwrap_or(0);
        word.max(PROSE).min(whole)
    });
    columns.sum()
}

fn length(text: &str) -> usize {
    text.chars().count()
}

fn blocks(header: &[&str], rows: &[Vec<String>]) -> String {
    let names = header.iter().map(|name| length(name)).max().unwrap_or(0);
    let row = |row: &Vec<String>| {
        let cells = header.iter().zip(row).filter(|(_, cell)| *cell != NOTHING);
        cells.map(|(name, cell)| format!("{name:names$}  {cell}")).collect::<Vec<_>>().join("\n")
    };
    rows.iter().map(row).collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "backup-2025-01-10-12-00.db";

    fn rows() -> Vec<Vec<String>> {
        let row = |cells: [&str; 4]| cells.map(str::to_owned).to_vec();
        vec![
            row([NAME, "15m", "-", "damaged: the file ends too early, after 12 of 40 pages"]),
            row([NAME, "16m", "-", "verified"]),
        ]
    }

    fn at(width: usize) -> String {
        let (header, rows) = with_something(&["POINT", "AGE", "EVENTS", "STATE"], rows());
        arrange(&header, &rows, Some(width))
    }

    #[test]
    fn a_name_is_never_broken_at_any_width() {
        for width in 1..200 {
            let table = at(width);
            assert_eq!(table.matches(NAME).count(), 2, "{width}:\n{table}");
            assert!(width < 60 || table.lines().all(|line| line.chars().count() <= width), "{width}:\n{table}");
        }
    }

    #[test]
    fn a_column_that_says_nothing_of_any_row_is_left_out() {
        assert!(!at(100).contains("EVENTS") && !at(20).contains("EVENTS"));
        assert!(arrange(&["POINT", "EVENTS"], &[], None).contains("EVENTS"), "of no rows nothing is known");
    }

    #[test]
    fn a_narrow_terminal_gets_a_block_of_lines_for_each_row() {
        let expected =
            format!("POINT  {NAME}\nAGE    15m\nSTATE  damaged: the file ends too early, after 12 of 40 pages\n");
        assert!(at(40).starts_with(&expected), "{}", at(40));
        assert!(at(80).starts_with("POINT"), "{}", at(80));
        assert!(at(80).lines().next().is_some_and(|line| line.contains("STATE")), "{}", at(80));
    }
}
