//! One strict file for all verbs (`--config FILE`), and no inherited environment beside it.
//!
//! ```text
//! the file      TOML: keys and values with their lines ────────┐
//! flags         each key is a flag of some verb, or a mistake ─┼─► defaults of the verb's flags
//! environment   what the process has instead of what it inherited
//! ```
//! The sidecars and init containers of a WebAssembly pod do not get the environment of their manifest: they inherit
//! that of the container runtime. So what runs there is told everything by arguments and mounted files. Where either
//! `--config` or `--ignore-environment` is given, the process starts itself anew with the environment that the file's
//! table `[environment]` describes, and nothing else: neither this program nor a library can read a variable that was
//! set elsewhere.

mod environment;
mod flags;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::Command;
use pra_core::configuration::{Document, Mistake};
use pra_core::{Code, Error, Result};

/// The flag that names the file.
const CONFIG: &str = "--config";
/// The flag that drops the environment without a file.
const IGNORE_ENVIRONMENT: &str = "--ignore-environment";

/// The command line of a program whose flags the file may hold: its flags have the file's values as defaults, so that
/// what is said on the command line counts more. Starts the process anew where it has an environment to lose.
///
/// # Errors
/// [`Code::Usage`] where the file cannot be read, with all of its mistakes; [`Code::Failed`] where the process cannot
/// be started anew.
pub(crate) fn prepare(command: Command, arguments: &[OsString]) -> Result<Command> {
    let path = path(arguments);
    if path.is_none() && !arguments.iter().any(|one| one == IGNORE_ENVIRONMENT) {
        return Ok(command);
    }
    let text = match &path {
        Some(path) => std::fs::read_to_string(path).map_err(|e| {
            Error::new(Code::Usage, format!("failed to read the configuration '{}'", path.display()))
                .hint("--config names the file; in a container, see that its volume is mounted")
                .because(e)
        })?,
        None => String::new(),
    };
    let path = path.unwrap_or_default();
    let (document, mut mistakes) = Document::parse(&text);
    let (wanted, more) = environment::wanted(&document);
    environment::start_anew(arguments, wanted)?;
    mistakes.extend(more);
    let (command, more) = flags::with_defaults(command, &document);
    mistakes.extend(more);
    if mistakes.is_empty() { Ok(command) } else { Err(refused(&path, mistakes)) }
}

/// The value of `--config`; clap looks at it again, and says what is wrong with it.
fn path(arguments: &[OsString]) -> Option<PathBuf> {
    let mut arguments = arguments.iter().skip(1).take_while(|one| *one != "--");
    while let Some(argument) = arguments.next() {
        if argument == CONFIG {
            return arguments.next().map(PathBuf::from);
        }
        let after = argument.to_str().and_then(|text| text.strip_prefix(CONFIG)?.strip_prefix('='));
        if let Some(path) = after {
            return Some(OsStr::new(path).into());
        }
    }
    None
}

fn refused(path: &Path, mut mistakes: Vec<Mistake>) -> Error {
    mistakes.sort_by_key(|mistake| mistake.line);
    let lines = mistakes.iter().map(|Mistake { line, key, says }| {
        let key = if key.is_empty() { String::new() } else { format!(", key '{key}'") };
        format!("\n  {}, line {line}{key}: {says}", path.display())
    });
    let message = format!("failed to read the configuration{}", lines.collect::<String>());
    Error::new(Code::Usage, message)
        .hint("its keys are the long flags of the verbs, without the dashes; see docs/replica.md")
}

#[cfg(test)]
mod tests;
