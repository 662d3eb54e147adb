//! What the programs print, and where: data goes to stdout, messages to stderr.

use std::io::{self, BufRead, IsTerminal, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;

use clap::ValueEnum;
use disk::stop;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use pra_core::{Code, Error, Result};
use serde::Serialize;

mod table;

/// The format of stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// Names only, one a line.
    Name,
}

/// What a verb gives to stdout.
#[derive(Debug)]
pub struct Answer {
    /// As text, since a map would sort the keys.
    json: String,
    table: String,
    names: Vec<String>,
    /// What failed although there is an answer (`verify` lists the damaged ones too).
    error: Option<Error>,
}

impl Answer {
    /// The same report in its three forms.
    ///
    /// # Errors
    /// [`Code::Failed`] where it cannot be written as JSON.
    pub fn new(report: &impl Serialize, table: String, names: Vec<String>) -> Result<Self> {
        let json = serde_json::to_string(report)
            .map_err(|e| Error::new(Code::Failed, "failed to write the report as JSON").because(e))?;
        Ok(Self { json, table, names, error: None })
    }

    /// The answer is printed, although the verb has failed.
    #[must_use]
    pub fn with_error(mut self, error: Option<Error>) -> Self {
        self.error = error;
        self
    }
}

/// Prints the answer or the error, and gives the exit code.
pub fn finish(format: Format, result: Result<Answer>) -> ExitCode {
    let error = match result {
        Ok(mut answer) => {
            let error = answer.error.take();
            if let Some(code) = unprinted(print(format, &answer)) {
                return code;
            }
            match error {
                None => return ExitCode::SUCCESS,
                Some(error) => error,
            }
        }
        Err(error) => {
            if format == Format::Json
                && let Some(code) = unprinted(print_error(&error))
            {
                return code;
            }
            error
        }
    };
    complain(&error);
    ExitCode::from(error.code().exit_code())
}

/// The exit code where stdout took not all. Who stops reading (`| head`) has had enough: then the code says how the
/// verb went, as ever. Anything else is an error, which is printed on stderr at every log level.
pub(crate) fn unprinted(printed: io::Result<()>) -> Option<ExitCode> {
    let error = printed.err().filter(|error| error.kind() != io::ErrorKind::BrokenPipe)?;
    let error = Error::new(Code::Failed, "failed to write to stdout").because(error);
    complain(&error.hint("the verb has done its work, and its answer is lost"));
    Some(ExitCode::from(Code::Failed.exit_code()))
}

fn print(format: Format, answer: &Answer) -> io::Result<()> {
    match format {
        Format::Json => writeln!(io::stdout().lock(), "{}", answer.json),
        Format::Table if answer.table.is_empty() => Ok(()),
        Format::Table => writeln!(io::stdout().lock(), "{}", answer.table),
        Format::Name => answer.names.iter().try_for_each(|name| writeln!(io::stdout().lock(), "{name}")),
    }
}

/// Prints the error as JSON.
pub(crate) fn print_error(error: &Error) -> io::Result<()> {
    let document = serde_json::json!({
        "error": { "code": error.code().name(), "message": error.chain(), "hint": error.hint_text() }
    });
    writeln!(io::stdout().lock(), "{document}")
}

fn complain(error: &Error) {
    let mut stderr = io::stderr().lock();
    let written = writeln!(stderr, "error: {}", error.chain()).and_then(|()| match error.hint_text() {
        Some(hint) => writeln!(stderr, "hint: {hint}"),
        None => Ok(()),
    });
    // Where stderr is gone, the exit code still says it.
    drop(written);
}

/// A table without frames that fits the terminal: see [`table`](mod@table).
pub fn table<const N: usize>(header: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    table::fit(&header, rows.into_iter().map(Vec::from).collect())
}

/// `-` for what is not there.
pub fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// Whether a user can be asked: stdin is a terminal.
///
/// # Errors
/// [`Code::Usage`] where stdin is no terminal.
pub fn require_terminal() -> Result<()> {
    if io::stdin().is_terminal() {
        return Ok(());
    }
    Err(Error::new(Code::Usage, "there is no terminal to ask on: nothing was changed").hint("--yes does not ask"))
}

/// Asks on the terminal before something is destroyed. `consequence` reads "This replaces …".
///
/// # Errors
/// [`Code::Usage`] where there is no terminal to ask on; [`Code::Failed`] where the answer is no.
pub fn confirm(consequence: &str) -> Result<()> {
    require_terminal()?;
    if !yes(consequence)? {
        return Err(Error::new(Code::Failed, "not confirmed: nothing was changed").hint("--yes does not ask"));
    }
    Ok(())
}

/// Until there is an answer, or a signal.
fn wait_for_input() -> Result<()> {
    const LOOK_EVERY_MS: u8 = 100;
    let stdin = io::stdin();
    loop {
        stop::check()?;
        match poll(&mut [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)], PollTimeout::from(LOOK_EVERY_MS)) {
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return Ok(()),
            Err(error) => return Err(Error::new(Code::Failed, "failed to ask on the terminal").because(error)),
        }
    }
}

fn yes(consequence: &str) -> Result<bool> {
    let failed = |e: io::Error| Error::new(Code::Failed, "failed to ask on the terminal").because(e);
    eprint!("{consequence}. Do it? [y/N] ");
    io::stderr().flush().map_err(failed)?;
    wait_for_input()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(failed)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
