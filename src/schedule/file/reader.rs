//! Reads a TOML table key by key, with the line of each, and refuses what it does not know.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use crate::schedule::text::nearest;

/// What is wrong with a job file, where, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}, line {line}: {problem}\nhint: {hint}")]
pub struct JobFileError {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What was found.
    pub problem: String,
    /// What would be right.
    pub hint: String,
}

/// A file's name and text.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The name shown.
    pub file: &'a str,
    /// The text.
    pub text: &'a str,
}

impl Source<'_> {
    /// The error at a byte offset.
    pub fn error(
        &self,
        offset: usize,
        problem: impl Into<String>,
        hint: impl Into<String>,
    ) -> JobFileError {
        let before = self.text.as_bytes().iter().take(offset);
        let line = 1 + before.filter(|byte| **byte == b'\n').count();
        JobFileError {
            file: self.file.to_owned(),
            line,
            problem: problem.into(),
            hint: hint.into(),
        }
    }
}

/// One table of a file.
pub struct Section<'a, 'i> {
    source: Source<'a>,
    path: &'static str,
    table: &'a DeTable<'i>,
    start: usize,
}

impl<'a, 'i> Section<'a, 'i> {
    /// The table at `path` (empty for the root), which may hold `known` keys only.
    pub fn new(
        source: Source<'a>,
        path: &'static str,
        table: &'a DeTable<'i>,
        start: usize,
        known: &[&str],
    ) -> Result<Self, JobFileError> {
        let section = Self { source, path, table, start };
        for key in table.keys() {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                let hint = match nearest(name, known) {
                    Some(word) => format!("did you mean `{word}`?"),
                    None => format!("known keys here: {}", known.join(", ")),
                };
                let problem = format!("`{}` is no key of a job file", section.full(name));
                return Err(source.error(key.span().start, problem, hint));
            }
        }
        Ok(section)
    }

    /// The key with its table's name.
    fn full(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Whether a key is there.
    pub fn has(&self, key: &str) -> bool {
        self.table.get(key).is_some()
    }

    fn value(&self, key: &str) -> Option<(Range<usize>, &'a DeValue<'i>)> {
        self.table.get(key).map(|value| (value.span(), value.get_ref()))
    }

    /// An error at a key, or at the table where the key is absent.
    pub fn error(
        &self,
        key: &str,
        problem: impl std::fmt::Display,
        hint: impl Into<String>,
    ) -> JobFileError {
        let at = self.value(key).map_or(self.start, |(span, _)| span.start);
        self.source.error(at, format!("`{}` {problem}", self.full(key)), hint)
    }

    /// A text, read by `parse`, which gives what would be right when it cannot.
    pub fn parsed<T>(
        &self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, JobFileError> {
        let Some((_, value)) = self.value(key) else { return Ok(None) };
        let Some(text) = value.as_str() else {
            let problem = format!("is {}, not a text", article(value.type_str()));
            return Err(self.error(key, problem, "write it in quotes"));
        };
        let bad = |hint| self.error(key, format!("is \"{text}\""), hint);
        parse(text).map(Some).map_err(bad)
    }

    /// The same for a key that must be there.
    pub fn required<T>(
        &self,
        key: &str,
        wanted: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, JobFileError> {
        let absent = || self.error(key, "is missing", wanted);
        self.parsed(key, parse)?.ok_or_else(absent)
    }

    /// `true` or `false`.
    pub fn flag(&self, key: &str, default: bool) -> Result<bool, JobFileError> {
        let Some((_, value)) = self.value(key) else { return Ok(default) };
        let kind = article(value.type_str());
        let bad = || self.error(key, format!("is {kind}"), "write true or false, without quotes");
        value.as_bool().ok_or_else(bad)
    }

    /// A whole number within bounds.
    pub fn whole(&self, key: &str, bounds: Range<u32>) -> Result<Option<u32>, JobFileError> {
        let Some((_, value)) = self.value(key) else { return Ok(None) };
        let number = value.as_integer().and_then(|n| n.as_str().parse::<u32>().ok());
        let hint = format!("write a whole number from {} to {}", bounds.start, bounds.end - 1);
        match number.filter(|n| bounds.contains(n)) {
            Some(number) => Ok(Some(number)),
            None => Err(self.error(key, "is out of bounds or no number", hint)),
        }
    }

    /// The table under `key`, if any, with its own known keys.
    pub fn section(
        &self,
        key: &'static str,
        known: &[&str],
    ) -> Result<Option<Section<'a, 'i>>, JobFileError> {
        let Some((span, value)) = self.value(key) else { return Ok(None) };
        let Some(table) = value.as_table() else {
            let hint = format!("write [{key}] on a line of its own and its keys below");
            return Err(self.error(key, "is no table", hint));
        };
        Section::new(self.source, key, table, span.start, known).map(Some)
    }

    /// The tables of an array `[[key]]`; at least one.
    pub fn sections(
        &self,
        key: &'static str,
        known: &[&str],
    ) -> Result<Vec<Section<'a, 'i>>, JobFileError> {
        let hint = format!("write [[{key}]] on a line of its own and its keys below");
        let Some((_, value)) = self.value(key) else {
            return Err(self.error(key, "is missing: the job would never be due", hint));
        };
        let Some(array) = value.as_array() else {
            return Err(self.error(key, "is not a list of tables", hint));
        };
        let table = |item: &'a toml::Spanned<DeValue<'i>>| {
            let Some(table) = item.get_ref().as_table() else {
                return Err(self.error(key, "is not a list of tables", hint.clone()));
            };
            Section::new(self.source, key, table, item.span().start, known)
        };
        array.iter().map(table).collect()
    }
}

fn article(kind: &str) -> String {
    let vowel = kind.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {kind}", if vowel { "an" } else { "a" })
}
