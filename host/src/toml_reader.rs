//! Reads a TOML file key by key, so that every mistake in it is reported at once and with its line.
//!
//! A [`Section`] hands out each key once and keeps what was not asked for; [`Section::finish`] reports the rest as
//! unknown. Nothing is ignored by accident: a key is either read, refused by name, or listed as harmless.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One mistake in a configuration file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    file: PathBuf,
    line: Option<usize>,
    message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(out, ":{line}")?;
        }
        write!(out, ": {}", self.message)
    }
}

/// Every mistake found so far, in the order in which it was found.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
    /// Notes a mistake that belongs to no line, such as a value that is missing altogether.
    pub(crate) fn add(&mut self, file: &Path, message: impl Into<String>) {
        self.add_at(file, None, message);
    }

    fn add_at(&mut self, file: &Path, line: Option<usize>, message: impl Into<String>) {
        self.0.push(Problem { file: file.to_owned(), line, message: message.into() });
    }

    /// Ends the collection: an error if there is at least one mistake.
    pub(crate) fn into_result(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "failed to read the configuration")?;
        self.0.iter().try_for_each(|problem| write!(out, "\n  {problem}"))
    }
}

impl std::error::Error for Problems {}

/// The place of a value in its file, kept for checks that need more than the value itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    file: PathBuf,
    line: usize,
    path: String,
}

impl Place {
    /// Notes a mistake about the value here.
    pub(crate) fn problem(&self, problems: &mut Problems, message: impl fmt::Display) {
        problems.add_at(&self.file, Some(self.line), format!("{}: {message}", self.path));
    }
}

/// A table of the file; `path` is what people write in brackets.
pub(crate) struct Section<'i> {
    input: &'i str,
    place: Place,
    table: DeTable<'i>,
}

impl<'i> Section<'i> {
    /// Parses a whole file. `None`, with a mistake noted, if it is no TOML.
    pub(crate) fn parse(file: &Path, input: &'i str, problems: &mut Problems) -> Option<Self> {
        match DeTable::parse(input) {
            Ok(table) => {
                let place = Place { file: file.to_owned(), line: 1, path: String::new() };
                Some(Self { input, place, table: table.into_inner() })
            }
            Err(error) => {
                let line = error.span().map(|span| line_at(input, span.start));
                problems.add_at(file, line, error.message());
                None
            }
        }
    }

    /// Where the section begins.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// Whether the key is there and has not been taken yet.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    fn take(&mut self, key: &str) -> Option<(Place, DeValue<'i>)> {
        let value = self.table.remove(key)?;
        Some((self.place_of(key, &value), value.into_inner()))
    }

    fn place_of(&self, key: &str, value: &Spanned<DeValue<'i>>) -> Place {
        Place {
            file: self.place.file.clone(),
            line: line_at(self.input, value.span().start),
            path: join(&self.place.path, key),
        }
    }

    fn take_as<T>(
        &mut self,
        key: &str,
        wanted: &str,
        problems: &mut Problems,
        convert: impl FnOnce(&DeValue<'i>) -> Option<T>,
    ) -> Option<(Place, T)> {
        let (place, value) = self.take(key)?;
        match convert(&value) {
            Some(converted) => Some((place, converted)),
            None => {
                place.problem(problems, format_args!("expected {wanted}, found {}", value.type_str()));
                None
            }
        }
    }

    /// A string, if the key is there.
    pub(crate) fn text(&mut self, key: &str, problems: &mut Problems) -> Option<(Place, String)> {
        self.take_as(key, "a string", problems, |value| value.as_str().map(str::to_owned))
    }

    /// A string that must be there.
    pub(crate) fn required_text(&mut self, key: &str, problems: &mut Problems) -> Option<(Place, String)> {
        if !self.has(key) {
            self.place.problem(problems, format_args!("`{key}` is missing"));
        }
        self.text(key, problems)
    }

    /// A boolean, `false` if the key is not there.
    pub(crate) fn flag(&mut self, key: &str, problems: &mut Problems) -> bool {
        self.take_as(key, "true or false", problems, DeValue::as_bool).is_some_and(|(_, flag)| flag)
    }

    /// A decimal integer, if the key is there.
    pub(crate) fn integer(&mut self, key: &str, problems: &mut Problems) -> Option<(Place, i64)> {
        self.take_as(key, "an integer", problems, |value| value.as_integer()?.as_str().parse().ok())
    }

    /// An array, element by element; empty if the key is not there.
    pub(crate) fn array(&mut self, key: &str, problems: &mut Problems) -> Vec<Item<'i>> {
        match self.take(key) {
            None => Vec::new(),
            Some((place, DeValue::Array(array))) => array
                .into_iter()
                .map(|value| {
                    let line = line_at(self.input, value.span().start);
                    Item { input: self.input, place: Place { line, ..place.clone() }, value: value.into_inner() }
                })
                .collect(),
            Some((place, value)) => {
                place.problem(problems, format_args!("expected an array, found {}", value.type_str()));
                Vec::new()
            }
        }
    }

    /// An array of strings; empty if the key is not there.
    pub(crate) fn texts(&mut self, key: &str, problems: &mut Problems) -> Vec<(Place, String)> {
        self.array(key, problems).into_iter().filter_map(|item| item.text(problems)).collect()
    }

    /// A table whose values are strings; empty if the key is not there.
    pub(crate) fn text_map(&mut self, key: &str, problems: &mut Problems) -> BTreeMap<String, (Place, String)> {
        let Some(mut section) = self.section(key, problems) else { return BTreeMap::new() };
        let keys = section.keys();
        keys.into_iter().filter_map(|key| Some((key.clone(), section.text(&key, problems)?))).collect()
    }

    /// A table, if the key is there.
    pub(crate) fn section(&mut self, key: &str, problems: &mut Problems) -> Option<Section<'i>> {
        let (place, value) = self.take(key)?;
        Item { input: self.input, place, value }.section(problems)
    }

    /// The names of what has not been taken yet.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.table.keys().map(|key| key.get_ref().to_string()).collect()
    }

    /// Refuses each of the keys that is there: Spin knows it, the host does not.
    pub(crate) fn unsupported(&mut self, keys: &[&str], problems: &mut Problems) {
        for key in keys {
            if let Some((place, _)) = self.take(key) {
                place.problem(problems, "host does not support this: run the application under spin");
            }
        }
    }

    /// Passes over keys that change nothing about how the application runs.
    pub(crate) fn harmless(&mut self, keys: &[&str]) {
        for key in keys {
            self.table.remove(*key);
        }
    }

    /// Reports every unknown key.
    pub(crate) fn finish(mut self, problems: &mut Problems) {
        for key in self.keys() {
            if let Some((place, _)) = self.take(&key) {
                place.problem(problems, "unknown key");
            }
        }
    }
}

/// An element of an array, or the value of a key whose type is not known beforehand.
pub(crate) struct Item<'i> {
    input: &'i str,
    place: Place,
    value: DeValue<'i>,
}

impl<'i> Item<'i> {
    /// The place of the element.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// Whether it is a table.
    pub(crate) fn is_section(&self) -> bool {
        self.value.is_table()
    }

    /// The element as a string.
    pub(crate) fn text(self, problems: &mut Problems) -> Option<(Place, String)> {
        match self.value.as_str() {
            Some(text) => Some((self.place.clone(), text.to_owned())),
            None => {
                let found = self.value.type_str();
                self.place.problem(problems, format_args!("expected a string, found {found}"));
                None
            }
        }
    }

    /// The element as a table.
    pub(crate) fn section(self, problems: &mut Problems) -> Option<Section<'i>> {
        match self.value {
            DeValue::Table(table) => Some(Section { input: self.input, place: self.place, table }),
            other => {
                self.place.problem(problems, format_args!("expected a table, found {}", other.type_str()));
                None
            }
        }
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn line_at(input: &str, offset: usize) -> usize {
    1 + input.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}
