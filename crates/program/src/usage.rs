//! What is said of a command line that cannot be understood.

use std::ffi::OsString;
use std::process::ExitCode;

use pra_core::{Code, Error};

use crate::output::{self, Format};

/// Prints what the parser has to say: help and the version on stdout; an error as the parser words it on stderr, and on
/// stdout as JSON where that was asked for.
pub fn refuse(error: &clap::Error) -> ExitCode {
    let printed = error.print();
    if !error.use_stderr() {
        return output::unprinted(printed).unwrap_or(ExitCode::SUCCESS);
    }
    // Where stderr is gone, stdout and the exit code still say it.
    drop(printed);
    if asked_format() == Format::Json
        && let Some(code) = output::unprinted(output::print_error(&as_ours(&error.render().to_string())))
    {
        return code;
    }
    ExitCode::from(Code::Usage.exit_code())
}

/// The format that this process's arguments or its environment ask for, as far as that can be told without parsing
/// them.
pub fn asked_format() -> Format {
    let variable = std::env::var_os("PRA_OUTPUT");
    if is_json(std::env::args_os().skip(1), variable) { Format::Json } else { Format::Table }
}

fn is_json(arguments: impl Iterator<Item = OsString>, variable: Option<OsString>) -> bool {
    let mut asked = variable;
    let mut arguments = arguments.take_while(|argument| argument != "--");
    while let Some(argument) = arguments.next() {
        // Its -o is a file.
        if argument == "keygen" {
            return false;
        }
        if argument == "-o" || argument == "--output" {
            asked = arguments.next();
        } else if let Some(value) = argument.to_str().and_then(|text| {
            text.strip_prefix("--output=").or_else(|| text.strip_prefix("-o=")).or_else(|| text.strip_prefix("-o"))
        }) {
            asked = Some(value.into());
        }
    }
    asked.is_some_and(|value| value == "json")
}

/// The first paragraph is what is wrong, the tips after it are the hint; usage and the pointer to `--help` are for
/// people.
fn as_ours(text: &str) -> Error {
    let line = |paragraph: &str| paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut paragraphs = text.split("\n\n").map(line);
    let message = paragraphs.next().unwrap_or_default();
    let message = message.strip_prefix("error: ").unwrap_or(&message).to_owned();
    let tips: Vec<String> = paragraphs.filter_map(|text| text.strip_prefix("tip: ").map(ToOwned::to_owned)).collect();
    let error = Error::new(Code::Usage, message);
    if tips.is_empty() { error.hint("--help says what is possible") } else { error.hint(tips.join("; ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(line: &str, variable: Option<&str>) -> bool {
        is_json(line.split(' ').map(OsString::from), variable.map(OsString::from))
    }

    #[test]
    fn the_format_that_was_asked_for_is_found_however_it_is_written() {
        for line in
            ["list -o json", "list -ojson", "list -o=json", "--output json list", "list --output=json --nonsense"]
        {
            assert!(asks(line, None), "{line}");
            assert!(asks(line, Some("table")), "{line}");
        }
        for line in ["list", "list -o table", "list -o", "list -- -o json", "keygen -o json", "list -o json -o name"] {
            assert!(!asks(line, None), "{line}");
        }
        assert!(asks("list", Some("json")) && !asks("list -o table", Some("json")));
    }

    #[test]
    fn what_is_wrong_is_the_message_and_the_tip_is_the_hint() {
        let text = "error: unexpected argument '--bakups' found\n\n  tip: a similar argument exists: '--backups'\n\n\
                    Usage: backup-job list [OPTIONS]\n\nFor more information, try '--help'.\n";
        let error = as_ours(text);
        assert_eq!(error.code(), Code::Usage);
        assert_eq!(error.to_string(), "unexpected argument '--bakups' found");
        assert_eq!(error.hint_text(), Some("a similar argument exists: '--backups'"));
        let error = as_ours("error: the following required arguments were not provided:\n  --out <FILE>\n\nUsage: x\n");
        assert_eq!(error.to_string(), "the following required arguments were not provided: --out <FILE>");
        assert_eq!(error.hint_text(), Some("--help says what is possible"));
    }
}
