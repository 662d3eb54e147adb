//! What SQLite's own checks say about a database, sorted into damage and warnings.
//!
//! The checksums prove that a copy is what was copied. `integrity_check` says two more things, which are not the same:
//!
//! | it says | what that is |
//! |---|---|
//! | a malformed page, a tree in disorder, a page used twice | damage: rows cannot be read, or are not the ones written |
//! | a NULL in a NOT NULL column, another type in a STRICT table | a warning: the data breaks its own declarations |
//! | a row missing from an index, a broken full-text or R-tree index | a warning: all rows are there; `REINDEX` or a rebuild mends it |
//! | a page that nothing uses, another number of free pages | a warning: room is lost; `VACUUM` gives it back |
//! | nothing, since a collation, function or tokenizer is the application's own | a warning: what could be checked was |
//!
//! CHECK constraints are not looked at, as foreign keys are not: a connection that only reads does not know them, and
//! the verdict must be the same in every path. A copy with warnings is as sound as the database, and there is nothing
//! better to restore: older copies lack what was written since.

use std::collections::BTreeMap;

use rusqlite::functions::FunctionFlags;
use rusqlite::types::Null;
use rusqlite::{Connection, Error};

/// Messages looked at in one check: damage comes first in them, and the rest is counted.
const MOST_MESSAGES: u32 = 10_000;

/// Kinds of warnings that are kept; what more there is shows once these are mended.
const MOST_WARNINGS: usize = 20;

/// What the checks found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// The first sign of damage; `None`: the structure is whole.
    pub problem: Option<String>,
    /// What the checks say about the data's logic, and what they could not look at.
    pub warnings: Vec<String>,
}

/// Checks the database that `connection` has open. Collations and functions that it lacks are given to the connection
/// as stand-ins, so that the structure is checked all the same: use it for nothing else afterwards that sorts.
///
/// # Errors
/// Where the database cannot be read for now: it is locked, or the disk fails. That a check cannot run is a warning.
pub fn of(connection: &Connection) -> rusqlite::Result<Findings> {
    connection.pragma_update(None, "ignore_check_constraints", true)?;
    let mut sorted = Sorted::default();
    loop {
        let error = match messages(connection, None) {
            Ok(messages) => {
                sorted.add(&messages);
                break;
            }
            Err(error) => error,
        };
        if !cannot_run(&error) {
            return damage_or(error);
        }
        match StandIn::for_what_lacks(&error).filter(|one| !sorted.stand_ins.contains(one)) {
            Some(one) => {
                one.give(connection)?;
                sorted.stand_ins.push(one);
            }
            None => {
                each_table(connection, &mut sorted)?;
                break;
            }
        }
    }
    Ok(sorted.findings())
}

/// What the error of a check means: damage, or that the database cannot be read for now.
fn damage_or(error: Error) -> rusqlite::Result<Findings> {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    match error.sqlite_error_code() {
        Some(DatabaseCorrupt | NotADatabase) => {
            Ok(Findings { problem: Some(format!("integrity_check failed: {error}")), warnings: Vec::new() })
        }
        _ => Err(error),
    }
}

/// Where one object keeps the whole from being checked: each table for itself.
fn each_table(connection: &Connection, sorted: &mut Sorted) -> rusqlite::Result<()> {
    let mut statement = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")?;
    let tables: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    for table in tables {
        match messages(connection, Some(&table)) {
            Ok(messages) => sorted.add(&messages),
            Err(error) if cannot_run(&error) => {
                sorted.warn(format!("the table '{table}' could not be checked: {}", words(&error)));
            }
            Err(error) => sorted.problem = sorted.problem.take().or(damage_or(error)?.problem),
        }
    }
    Ok(())
}

fn messages(connection: &Connection, table: Option<&str>) -> rusqlite::Result<Vec<String>> {
    let argument = table.map_or_else(|| MOST_MESSAGES.to_string(), |name| format!("\"{}\"", name.replace('"', "\"\"")));
    let mut statement = connection.prepare(&format!("PRAGMA integrity_check({argument})"))?;
    let rows = statement.query_map([], |row| row.get(0))?;
    let all: Vec<String> = rows.collect::<rusqlite::Result<_>>()?;
    Ok(all.into_iter().filter(|message| message != "ok").collect())
}

/// Whether the check did not run: something in the schema is not known here.
fn cannot_run(error: &Error) -> bool {
    const SQLITE_ERROR: i32 = 1;
    match error {
        Error::SqliteFailure(error, _) | Error::SqlInputError { error, .. } => {
            error.extended_code & 0xff == SQLITE_ERROR
        }
        _ => false,
    }
}

/// SQLite's own words.
fn words(error: &Error) -> &str {
    match error {
        Error::SqliteFailure(_, Some(words)) => words,
        Error::SqlInputError { msg, .. } => msg,
        _ => "the check does not run",
    }
}

/// What the application gives to its connections, and this program does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
enum StandIn {
    Collation(String),
    Function(String),
}

impl StandIn {
    fn for_what_lacks(error: &Error) -> Option<Self> {
        let words = words(error);
        if let Some(name) = words.strip_prefix("no such collation sequence: ") {
            return Some(Self::Collation(name.to_owned()));
        }
        let name = ["unknown function: ", "no such function: "].iter().find_map(|start| words.strip_prefix(start))?;
        Some(Self::Function(name.trim_end_matches("()").to_owned()))
    }

    fn give(&self, connection: &Connection) -> rusqlite::Result<()> {
        match self {
            Self::Collation(name) => connection.create_collation(name.as_str(), |one, other| one.cmp(other)),
            Self::Function(name) => {
                let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
                connection.create_scalar_function(name.as_str(), -1, flags, |_| Ok(Null))
            }
        }
    }

    fn warning(&self) -> String {
        let (kind, name) = match self {
            Self::Collation(name) => ("collation", name),
            Self::Function(name) => ("function", name),
        };
        format!("the {kind} '{name}' is the application's own: whether indexes agree with their tables was not checked")
    }
}

/// What one line of a check is about.
#[derive(Debug, PartialEq, Eq)]
enum Kind {
    Damage,
    /// What the rows say, or room that is lost.
    Logic,
    /// An index, or the order of a table that is one: a stand-in sorts otherwise than the application.
    Order,
}

fn kind(message: &str) -> Kind {
    let begins = |starts: &[&str]| starts.iter().any(|start| message.starts_with(start));
    if message.starts_with("row not in PRIMARY KEY order for ") {
        return Kind::Order;
    }
    let of_an_index = [" missing from index ", " values differ from index "].iter().any(|part| message.contains(part));
    if of_an_index || begins(&["wrong # of entries in index ", "non-unique entry in index "]) {
        return Kind::Order;
    }
    let of_a_declaration = (message.starts_with("non-") && message.contains(" value in "))
        || begins(&["NULL value in ", "NUMERIC value in ", "TEXT value in "]);
    let of_another_index =
        begins(&["malformed inverted index for ", "unable to validate the inverted index for ", "In RTree "]);
    let of_lost_room = begins(&["Freelist: size is "])
        || (message.starts_with("Page ") && (message.ends_with(": never used") || message.ends_with(" is never used")));
    if of_a_declaration || of_another_index || of_lost_room { Kind::Logic } else { Kind::Damage }
}

/// Messages, sorted.
#[derive(Debug, Default)]
struct Sorted {
    stand_ins: Vec<StandIn>,
    problem: Option<String>,
    /// The first of its kind and how many there are, by their text without numbers.
    warnings: BTreeMap<String, (String, u64)>,
}

impl Sorted {
    fn add(&mut self, messages: &[String]) {
        for message in messages {
            match message.strip_prefix("*** in database main ***\n") {
                // What is said of the trees, a line for each finding.
                Some(lines) => lines.lines().for_each(|line| self.add_one(line)),
                None => self.add_one(message),
            }
        }
    }

    fn add_one(&mut self, message: &str) {
        let message = message.replace('\n', " ");
        match kind(&message) {
            Kind::Damage => self.damaged(&message),
            Kind::Order if !self.stand_ins.is_empty() => {}
            // It is no index: its rows are not found where they are looked for.
            Kind::Order if message.starts_with("row not in PRIMARY KEY order") => self.damaged(&message),
            Kind::Order | Kind::Logic => self.warn(format!("integrity_check says: {message}")),
        }
    }

    fn damaged(&mut self, message: &str) {
        self.problem.get_or_insert_with(|| format!("integrity_check says: {message}"));
    }

    fn warn(&mut self, message: String) {
        let kind = message.chars().filter(|letter| !letter.is_ascii_digit()).collect();
        self.warnings.entry(kind).or_insert((message, 0)).1 += 1;
    }

    fn findings(self) -> Findings {
        let said = self.warnings.into_values().map(|(first, times)| match times {
            1 => first,
            _ => format!("{first} ({times} times)"),
        });
        let warnings = self.stand_ins.iter().map(StandIn::warning).chain(said).take(MOST_WARNINGS).collect();
        Findings { problem: self.problem, warnings }
    }
}

#[cfg(test)]
mod tests;
