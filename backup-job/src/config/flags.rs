//! Keys are flags: each key must be a flag of some verb with a value that the flag takes.

use clap::builder::{OsStr, Resettable};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command};
use pra_core::configuration::{Document, Entry, Mistake, Value};

/// Flags that are decided anew for each run, and therefore are not allowed in the configuration file.
const ARGUMENTS_ONLY: [&str; 10] =
    ["config", "dry-run", "help", "ignore-environment", "job", "new-epoch", "once", "point", "takeover", "yes"];
/// Also arguments only: the operator accepts a loss for one run.
const ACCEPTS: &str = "accept-";

/// The command with the file's values as defaults of its verbs' flags, and the mistakes.
pub(super) fn with_defaults(mut command: Command, document: &Document) -> (Command, Vec<Mistake>) {
    let mut mistakes = Vec::new();
    for entry in &document.flags {
        match values(&command, entry) {
            Ok(values) => command = with_default(command, &entry.key, &values),
            Err(says) => mistakes.push(Mistake { line: entry.line, key: entry.key.clone(), says }),
        }
    }
    (command, mistakes)
}

/// What the flag is given.
fn values(command: &Command, Entry { key, value, .. }: &Entry) -> Result<Vec<String>, String> {
    if ARGUMENTS_ONLY.contains(&key.as_str()) || key.starts_with(ACCEPTS) {
        return Err(format!("it is said each time, as --{key} on the command line"));
    }
    let verbs: Vec<_> = command.get_subcommands().filter_map(|verb| Some((verb, flag(verb, key)?))).collect();
    let Some((_, first)) = verbs.first() else { return Err("no verb has a flag of this name".to_owned()) };
    let takes_values = first.get_action().takes_values();
    let values = match value {
        Value::Switch(switch) if !takes_values => vec![switch.to_string()],
        Value::Switch(_) => return Err("expected a value, found true or false".to_owned()),
        _ if !takes_values => return Err("expected true or false".to_owned()),
        Value::One(text) => vec![text.clone()],
        Value::Many(texts) if matches!(first.get_action(), ArgAction::Append) => texts.clone(),
        Value::Many(_) => return Err("expected one value, found an array".to_owned()),
    };
    if takes_values {
        verbs.iter().try_for_each(|(verb, _)| try_out(verb, key, &values))?;
    }
    Ok(values)
}

fn flag<'a>(verb: &'a Command, key: &str) -> Option<&'a Arg> {
    verb.get_arguments().find(|arg| arg.get_long() == Some(key))
}

/// Whether the verb takes it: clap is asked, and what it says of everything else does not count.
fn try_out(verb: &Command, key: &str, values: &[String]) -> Result<(), String> {
    let verb = verb.clone().no_binary_name(true).mut_args(|arg| arg.env(Resettable::<OsStr>::Reset));
    let Err(error) = verb.try_get_matches_from(values.iter().map(|value| format!("--{key}={value}"))) else {
        return Ok(());
    };
    match error.kind() {
        ErrorKind::ValueValidation => {
            let source = std::error::Error::source(&error).map(ToString::to_string);
            Err(source.unwrap_or_else(|| "the value is not valid".to_owned()))
        }
        ErrorKind::InvalidValue => Err(match error.get(ContextKind::ValidValue) {
            Some(ContextValue::Strings(valid)) => format!("expected one of {}", valid.join(", ")),
            _ => "a value is missing".to_owned(),
        }),
        _ => Ok(()),
    }
}

fn with_default(command: Command, key: &str, values: &[String]) -> Command {
    let verbs: Vec<String> = command
        .get_subcommands()
        .filter(|verb| flag(verb, key).is_some())
        .map(|verb| verb.get_name().to_owned())
        .collect();
    verbs.iter().fold(command, |command, verb| {
        command.mut_subcommand(verb, |verb| {
            let Some(id) = flag(&verb, key).map(|arg| arg.get_id().clone()) else { return verb };
            // Read once, at the start: clap wants to keep them for as long as the process lives. Not shown by --help: a
            // URL may hold a secret.
            let values: Vec<&'static str> = values.iter().map(|value| &*value.clone().leak()).collect();
            verb.mut_arg(id, |arg| arg.default_values(values).hide_default_value(true))
        })
    })
}
