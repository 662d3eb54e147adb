//! The strict configuration file: TOML, read key by key so that each mistake has its line.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The table of variables.
const ENVIRONMENT: &str = "environment";

/// A mistake in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Counted from one.
    pub line: usize,
    /// As it is written in the file; empty if the file is not TOML.
    pub key: String,
    /// What is wrong.
    pub says: String,
}

/// A value with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Counted from one.
    pub line: usize,
    /// The key.
    pub key: String,
    /// The text there.
    pub value: Value,
}

/// What a key can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `true` or `false`.
    Switch(bool),
    /// A text or a number.
    One(String),
    /// An array of them.
    Many(Vec<String>),
}

/// A configuration file.
#[derive(Debug, Default)]
pub struct Document {
    /// The keys of the file, each the name of a flag.
    pub flags: Vec<Entry>,
    /// The variables of the table `[environment]`.
    pub variables: Vec<Entry>,
}

impl Document {
    /// What can be read of `text`, and its mistakes.
    pub fn parse(text: &str) -> (Self, Vec<Mistake>) {
        let mut mistakes = Vec::new();
        let mut document = Self::default();
        let table = match DeTable::parse(text) {
            Ok(table) => table.into_inner(),
            Err(error) => {
                let line = error.span().map_or(1, |span| line_at(text, span.start));
                mistakes.push(Mistake { line, key: String::new(), says: error.message().to_owned() });
                return (document, mistakes);
            }
        };
        for (key, value) in &table {
            match value.get_ref() {
                DeValue::Table(variables) if key.get_ref() == ENVIRONMENT => {
                    document.variables = entries(text, variables, &mut mistakes);
                }
                _ => document.flags.extend(entry(text, key, value, &mut mistakes)),
            }
        }
        (document, mistakes)
    }

    /// The document that `text` is, whatever is wrong with the rest of it: for a look at what others are told.
    #[must_use]
    pub fn read(text: &str) -> Self {
        Self::parse(text).0
    }

    /// The texts at the key of this name.
    pub fn texts(&self, key: &str) -> Vec<&str> {
        let found = self.flags.iter().find(|entry| entry.key == key);
        match found.map(|entry| &entry.value) {
            Some(Value::One(text)) => vec![text.as_str()],
            Some(Value::Many(texts)) => texts.iter().map(String::as_str).collect(),
            Some(Value::Switch(_)) | None => Vec::new(),
        }
    }
}

fn entries(text: &str, table: &DeTable<'_>, mistakes: &mut Vec<Mistake>) -> Vec<Entry> {
    table.iter().filter_map(|(key, value)| entry(text, key, value, mistakes)).collect()
}

fn entry(
    text: &str,
    key: &Spanned<std::borrow::Cow<'_, str>>,
    value: &Spanned<DeValue<'_>>,
    mistakes: &mut Vec<Mistake>,
) -> Option<Entry> {
    let (line, key) = (line_at(text, key.span().start), key.get_ref().to_string());
    let read = match value.get_ref() {
        DeValue::Boolean(switch) => Some(Value::Switch(*switch)),
        DeValue::Array(items) => {
            items.iter().map(|item| scalar(item.get_ref())).collect::<Option<_>>().map(Value::Many)
        }
        other => scalar(other).map(Value::One),
    };
    if read.is_none() {
        let says = format!("expected a text, a number, true, false or an array, found {}", value.get_ref().type_str());
        mistakes.push(Mistake { line, key: key.clone(), says });
    }
    Some(Entry { line, key, value: read? })
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.as_str().to_owned()),
        _ => None,
    }
}

fn line_at(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}
