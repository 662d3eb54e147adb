//! What is printed, and where.

use std::io::{self, Write};
use std::process::ExitCode;

use backup_job::error::{Code, Error, Result};
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use super::args::Format;

/// What a verb gives to stdout.
#[derive(Debug)]
pub(super) struct Answer {
    /// As text, since a map would sort the keys.
    json: String,
    table: String,
    names: Vec<String>,
    /// What failed although there is an answer (`verify` lists the damaged ones too).
    error: Option<Error>,
}

impl Answer {
    /// The same report in its three forms.
    pub(super) fn new(report: &impl Serialize, table: String, names: Vec<String>) -> Result<Self> {
        let json = serde_json::to_string(report)
            .map_err(|e| Error::new(Code::Failed, "failed to write the report as JSON").because(e))?;
        Ok(Self { json, table, names, error: None })
    }

    /// The answer stands, and the verb has failed all the same.
    pub(super) fn with_error(mut self, error: Option<Error>) -> Self {
        self.error = error;
        self
    }
}

/// Prints the answer or the error, and gives the exit code.
pub(super) fn finish(format: Format, result: Result<Answer>) -> ExitCode {
    let error = match result {
        Ok(mut answer) => {
            let error = answer.error.take();
            if let Err(failed) = print(format, &answer) {
                return broken_pipe_or(&failed);
            }
            match error {
                None => return ExitCode::SUCCESS,
                Some(error) => error,
            }
        }
        Err(error) => {
            if format == Format::Json
                && let Err(failed) = writeln!(io::stdout().lock(), "{}", error_document(&error))
            {
                return broken_pipe_or(&failed);
            }
            error
        }
    };
    complain(&error);
    ExitCode::from(error.code().exit_code())
}

/// Who stops reading stdout (`| head`) has had enough; anything else is an error.
fn broken_pipe_or(error: &io::Error) -> ExitCode {
    if error.kind() != io::ErrorKind::BrokenPipe {
        tracing::error!(%error, "failed to write to stdout");
    }
    ExitCode::from(Code::Failed.exit_code())
}

fn print(format: Format, answer: &Answer) -> io::Result<()> {
    match format {
        Format::Json => writeln!(io::stdout().lock(), "{}", answer.json),
        Format::Table if answer.table.is_empty() => Ok(()),
        Format::Table => writeln!(io::stdout().lock(), "{}", answer.table),
        Format::Name => answer.names.iter().try_for_each(|name| writeln!(io::stdout().lock(), "{name}")),
    }
}

fn error_document(error: &Error) -> serde_json::Value {
    serde_json::json!({
        "error": { "code": error.code().name(), "message": chain(error), "hint": error.hint_text() }
    })
}

/// The error and its causes in one line.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        // Below SQLite's own words there is only their number.
        source = if cause.is::<rusqlite::Error>() { None } else { cause.source() };
    }
    text
}

fn complain(error: &Error) {
    let mut stderr = io::stderr().lock();
    let written = writeln!(stderr, "error: {}", chain(error)).and_then(|()| match error.hint_text() {
        Some(hint) => writeln!(stderr, "hint: {hint}"),
        None => Ok(()),
    });
    // Where stderr is gone, the exit code still says it.
    drop(written);
}

/// A table without frames that fits the terminal.
pub(super) fn table<const N: usize>(header: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_header(header);
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}

/// Bytes as people read them.
pub(super) fn size(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}

/// `-` for what is not there.
pub(super) fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}
