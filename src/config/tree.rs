//! TOML files as one tree in which every key and value still knows the file and place it is from.

use std::{collections::BTreeMap, ops::Range};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::error::{ConfigError, Located};

/// One file, or the embedded text of one.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// How errors call it.
    pub(super) name: String,
    pub(super) text: String,
}

/// A stretch of one source.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Index among the sources.
    pub(super) source: usize,
    pub(super) span: Range<usize>,
}

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) place: Place,
}

#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(String),
    Integer(i128),
    Float(f64),
    Bool(bool),
    Array(Vec<Node>),
    Table(Table),
}

pub(super) type Table = BTreeMap<String, Entry>;

#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Where the key stands.
    pub(super) key: Place,
    pub(super) node: Node,
}

/// How the names of embedded sources begin.
pub(super) const BUILT_IN: &str = "built-in ";

impl Source {
    /// True for the text that comes with the program.
    pub(super) fn is_embedded(&self) -> bool {
        self.name.starts_with(BUILT_IN)
    }

    /// The line of a place, from 1.
    pub(super) fn line(&self, place: &Place) -> usize {
        let end = place.span.start.min(self.text.len());
        1 + self.text.bytes().take(end).filter(|byte| *byte == b'\n').count()
    }

    /// The text of a place, shortened to what fits a line.
    pub(super) fn excerpt(&self, place: &Place) -> String {
        const CHARS_MAX: usize = 60;
        let text = self.text.get(place.span.clone()).unwrap_or_default();
        let first = text.lines().next().unwrap_or_default().trim();
        if first.chars().count() > CHARS_MAX || text.trim().contains('\n') {
            let cut: String = first.chars().take(CHARS_MAX).collect();
            format!("{cut} …")
        } else {
            first.to_owned()
        }
    }

    /// Parses the text as source number `index`.
    pub(super) fn parse(&self, index: usize) -> Result<Node, ConfigError> {
        let table = DeTable::parse(&self.text).map_err(|error| {
            let span = error.span().unwrap_or(0..0);
            let line = self.line(&Place { source: index, span });
            let text = format!("not valid TOML: {}", error.message());
            ConfigError::Invalid(vec![Located { file: self.name.clone(), line, text }])
        })?;
        let place = Place { source: index, span: 0..0 };
        Ok(Node { value: Value::Table(table_of(index, table.into_inner())), place })
    }
}

fn table_of(source: usize, table: DeTable) -> Table {
    let entry = |(key, value): (Spanned<_>, Spanned<DeValue>)| {
        let place = Place { source, span: key.span() };
        let name: std::borrow::Cow<str> = key.into_inner();
        (name.into_owned(), Entry { key: place, node: node_of(source, value) })
    };
    table.into_iter().map(entry).collect()
}

fn node_of(source: usize, value: Spanned<DeValue>) -> Node {
    let place = Place { source, span: value.span() };
    let value = match value.into_inner() {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Boolean(value) => Value::Bool(value),
        // A time or date may stand without quotes: the types that take one read text.
        DeValue::Datetime(value) => Value::Text(value.to_string()),
        DeValue::Integer(value) => match i128::from_str_radix(value.as_str(), value.radix()) {
            Ok(value) => Value::Integer(value),
            Err(_) => Value::Text(value.to_string()),
        },
        DeValue::Float(value) => match value.as_str().parse() {
            Ok(value) => Value::Float(value),
            Err(_) => Value::Text(value.to_string()),
        },
        DeValue::Array(items) => {
            Value::Array(items.into_iter().map(|item| node_of(source, item)).collect())
        }
        DeValue::Table(table) => Value::Table(table_of(source, table)),
    };
    Node { value, place }
}

impl Node {
    /// Lays `over` on top, key by key: tables merge, everything else is replaced.
    pub(super) fn merge(&mut self, over: Node) {
        match (&mut self.value, over.value) {
            (Value::Table(below), Value::Table(above)) => {
                self.place = over.place;
                for (name, entry) in above {
                    match below.get_mut(&name) {
                        Some(existing) => {
                            existing.key = entry.key;
                            existing.node.merge(entry.node);
                        }
                        None => {
                            below.insert(name, entry);
                        }
                    }
                }
            }
            (_, value) => *self = Node { value, place: over.place },
        }
    }

    /// The entry of a key, when this is a table that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Table(table) => table.get(key).map(|entry| &entry.node),
            _ => None,
        }
    }

    /// Takes a key out of a table.
    pub(super) fn take(&mut self, key: &str) -> Option<Node> {
        match &mut self.value {
            Value::Table(table) => table.remove(key).map(|entry| entry.node),
            _ => None,
        }
    }

    /// The node at `a.b[2].c`; with no such node, `Err` holds the nearest one above it.
    pub(super) fn find(&self, path: &str) -> Result<&Node, &Node> {
        let mut node = self;
        for part in path.split('.').flat_map(|part| part.split('[')) {
            let next = match (&node.value, part.strip_suffix(']')) {
                (Value::Array(items), Some(index)) => {
                    index.parse::<usize>().ok().and_then(|index| items.get(index))
                }
                _ => node.get(part),
            };
            node = next.ok_or(node)?;
        }
        Ok(node)
    }

    /// The path of the first table, by name, that has the key.
    pub(super) fn path_of(&self, key: &str) -> Option<String> {
        let Value::Table(table) = &self.value else { return None };
        if table.contains_key(key) {
            return Some(key.to_owned());
        }
        table.iter().find_map(|(name, entry)| Some(format!("{name}.{}", entry.node.path_of(key)?)))
    }
}
