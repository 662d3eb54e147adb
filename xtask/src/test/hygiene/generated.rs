//! Tables in the documents that are made from the programs' help, which `tests/words` holds to the programs.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result};
use clap::CommandFactory;

use super::read;
use crate::cli::Cli;
use crate::workspace;

const HELP: &str = "tests/words/help";
const COMMANDS: &str = "docs/commands.md";
const ENVIRONMENT: &str = "docs/environment.md";

/// Tables that are not what they are made from. Where `PRA_WRITE` is set they are made anew.
pub(super) fn complaints() -> Result<Vec<String>> {
    let mut complaints = Vec::new();
    let tables = [
        (COMMANDS, "backup-job", verbs("backup-job")?),
        (COMMANDS, "kubectl-pra", verbs("kubectl-pra")?),
        (ENVIRONMENT, "backup-job", environment("backup-job")?),
    ];
    for (document, program, table) in tables {
        let path = workspace::root().join(document);
        let text = read(&path)?;
        let wanted = with_table(&text, program, &table)
            .with_context(|| format!("'{document}' has no place for what is made for {program}"))?;
        if std::env::var_os("PRA_WRITE").is_some() {
            fs::write(&path, &wanted).with_context(|| format!("failed to write '{document}'"))?;
        } else if wanted != text {
            complaints.push(format!(
                "{document}: the table of {program} is not what {HELP} says: PRA_WRITE=1 cargo xtask test --only hygiene"
            ));
        }
    }
    let documented = read(&workspace::root().join(COMMANDS))?;
    let cli = Cli::command();
    let visible = cli.get_subcommands().filter(|command| !command.is_hide_set());
    let rows = visible.map(|command| format!("| `cargo xtask {}` |", command.get_name()));
    let missing = rows.filter(|row| !documented.contains(row.as_str()));
    complaints.extend(missing.map(|row| format!("{COMMANDS}: there is no row '{row}'")));
    Ok(complaints)
}

/// `text` with `table` between the marks of `program`.
fn with_table(text: &str, program: &str, table: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {program}: made from {HELP} -->\n"), format!("<!-- end of {program} -->\n"));
    let (before, rest) = text.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some([before, &begin, "\n", table, "\n", &end, after].concat())
}

fn help(name: &str) -> Result<String> {
    read(&workspace::root().join(HELP).join(name).with_extension("txt"))
}

fn row(cells: &[&str]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

/// The verbs of a program, and what they do.
fn verbs(program: &str) -> Result<String> {
    let rows = listed(&help(program)?).into_iter().map(|(verb, does)| row(&[&format!("`{verb}`"), &does]));
    Ok(["| verb | does |\n|---|---|\n".to_owned()].into_iter().chain(rows).collect())
}

/// The verbs that a program's help lists, without that of the help itself.
fn listed(help: &str) -> Vec<(String, String)> {
    let mut verbs: Vec<(String, String)> = Vec::new();
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    for line in lines.take_while(|line| !line.is_empty()) {
        match (line.strip_prefix("   "), verbs.last_mut()) {
            (Some(more), Some((_, does))) => *does = format!("{does} {}", more.trim()),
            _ => {
                let (verb, does) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
                verbs.push((verb.to_owned(), does.trim().to_owned()));
            }
        }
    }
    verbs.retain(|(verb, _)| verb != "help");
    verbs
}

/// A flag in the help of one verb.
#[derive(Debug, Default, PartialEq, Eq)]
struct Flag {
    name: String,
    says: String,
    variable: Option<String>,
    default: Option<String>,
}

/// The variables of a program: their flags, their defaults, the verbs that know them.
fn environment(program: &str) -> Result<String> {
    let mut variables: BTreeMap<String, Vec<(String, Flag)>> = BTreeMap::new();
    for (verb, _) in listed(&help(program)?) {
        for flag in flags(&help(&format!("{program}-{verb}"))?) {
            if let Some(variable) = flag.variable.clone() {
                variables.entry(variable).or_default().push((verb.clone(), flag));
            }
        }
    }
    let mut table = "| variable | flag | default | of | says |\n|---|---|---|---|---|\n".to_owned();
    for (variable, uses) in variables {
        let name = distinct(&uses, |flag| Some(format!("`{}`", flag.name)));
        let default = distinct(&uses, |flag| flag.default.as_ref().map(|default| format!("`{default}`")));
        let says = distinct(&uses, |flag| Some(flag.says.replace('|', "\\|")));
        let verbs = uses.iter().map(|(verb, _)| format!("`{verb}`")).collect::<Vec<_>>().join(", ");
        table.push_str(&row(&[&format!("`{variable}`"), &name, &default, &verbs, &says]));
    }
    Ok(table)
}

/// What the verbs say, each thing once: most say the same.
fn distinct(uses: &[(String, Flag)], part: impl Fn(&Flag) -> Option<String>) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in uses.iter().filter_map(|(_, flag)| part(flag)) {
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    parts.join("; ")
}

/// The flags of a verb's help. A flag is at most six columns from the left, what belongs to it ten.
fn flags(help: &str) -> Vec<Flag> {
    let mut flags: Vec<Flag> = Vec::new();
    // Only the first paragraph says what a flag does.
    let mut in_text = false;
    for line in help.lines() {
        let (indent, line) = (line.len() - line.trim_start().len(), line.trim());
        if let Some(name) = name(line).filter(|_| indent <= 6) {
            flags.push(Flag { name, ..Flag::default() });
            in_text = true;
            continue;
        }
        let Some(flag) = flags.last_mut().filter(|_| indent >= 10) else {
            in_text = false;
            continue;
        };
        if let Some(variable) = bracketed(line, "[env: ") {
            flag.variable = Some(variable.trim_end_matches('=').to_owned());
        } else if let Some(default) = bracketed(line, "[default: ") {
            flag.default = Some(default.to_owned());
        } else if line.is_empty() {
            in_text = false;
        } else if in_text {
            let space = if flag.says.is_empty() { "" } else { " " };
            flag.says = [&flag.says, space, line].concat();
        }
    }
    flags
}

/// The long name of the flag that a line declares.
fn name(line: &str) -> Option<String> {
    let mut words = line.split([' ', ',']);
    line.starts_with('-').then(|| words.find(|word| word.starts_with("--")))?.map(str::to_owned)
}

fn bracketed<'a>(line: &'a str, begin: &str) -> Option<&'a str> {
    line.strip_prefix(begin)?.strip_suffix(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Does it\n\nUsage: x [OPTIONS]\n\nCommands:\n  one    Makes\n         more\n  two    Says\n  help   Print\n\n\
        Options:\n  -o, --output <OUTPUT>\n          What stdout carries,\n          in full\n\n          \
        Possible values:\n          - table: For people\n          \n          [env: PRA_OUTPUT=]\n          \
        [default: table]\n\n      --yes\n          Do not ask\n\nExample:\n  x --yes\n";

    #[test]
    fn the_verbs_of_a_help_are_found_and_long_ones_joined() {
        let wanted = [("one", "Makes more"), ("two", "Says")];
        assert_eq!(listed(TEXT), wanted.map(|(verb, does)| (verb.to_owned(), does.to_owned())));
    }

    #[test]
    fn a_flag_has_its_variable_default_and_first_paragraph() {
        let output = Flag {
            name: "--output".to_owned(),
            says: "What stdout carries, in full".to_owned(),
            variable: Some("PRA_OUTPUT".to_owned()),
            default: Some("table".to_owned()),
        };
        let yes = Flag { name: "--yes".to_owned(), says: "Do not ask".to_owned(), ..Flag::default() };
        assert_eq!(flags(TEXT), [output, yes]);
    }

    #[test]
    fn a_table_replaces_what_is_between_its_marks() {
        let text = "a\n<!-- x: made from tests/words/help -->\nold\n<!-- end of x -->\nb\n";
        let wanted = "a\n<!-- x: made from tests/words/help -->\n\nnew\n\n<!-- end of x -->\nb\n";
        assert_eq!(with_table(text, "x", "new\n").unwrap(), wanted);
        assert_eq!(with_table("nothing", "x", "new\n"), None);
    }
}
