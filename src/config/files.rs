//! The sources of one load, and the words for what is wrong in them.

use serde::Deserialize;

use super::{
    ConfigError, Located,
    de::{self, Cause, Failure},
    error::nearest,
    tree::{BUILT_IN, Node, Place, Source, Value},
};

/// The sources read so far.
#[derive(Default)]
pub(super) struct Files(Vec<Source>);

impl Files {
    pub(super) fn embedded(&mut self, name: &str, text: &str) -> Result<Node, ConfigError> {
        self.add(Source { name: format!("{BUILT_IN}{name}"), text: text.to_owned() })
    }

    pub(super) fn add(&mut self, source: Source) -> Result<Node, ConfigError> {
        self.0.push(source);
        let index = self.0.len() - 1;
        self.0[index].parse(index)
    }

    /// Reads a tree as `T`. `prefix` is the key the tree itself stands under; `known` are the
    /// defaults by file, that of this tree first, for what would be right.
    pub(super) fn typed<'de, T: Deserialize<'de>>(
        &self,
        tree: &'de Node,
        prefix: &str,
        known: &[(&str, &Node)],
    ) -> Result<T, ConfigError> {
        de::read(tree).map_err(|failure| {
            let place = failure.place.as_ref().unwrap_or(&tree.place);
            let key = if prefix.is_empty() { failure.key() } else { prefix.to_owned() };
            let text = match &failure.cause {
                Cause::UnknownKey(expected) => unknown_key(&failure, &key, expected, known),
                Cause::MissingKey => format!("`{key}` is missing and has no default"),
                Cause::NotRight(right) => {
                    let found = self.0[place.source].excerpt(place);
                    format!("`{key}` is {found}: {right}{}", self.default_of(&key, known))
                }
            };
            ConfigError::Invalid(vec![self.locate(place, text)])
        })
    }

    /// The default of a key, as a hint.
    fn default_of(&self, key: &str, known: &[(&str, &Node)]) -> String {
        let Some(Ok(node)) = known.first().map(|(_, tree)| tree.find(key)) else {
            return String::new();
        };
        if matches!(node.value, Value::Table(_) | Value::Array(_)) {
            return String::new();
        }
        format!("; the default is {}", self.0[node.place.source].excerpt(&node.place))
    }

    /// Faults written `key = value: must …`, each at its key; a key that is not written out stands
    /// where the nearest table above it does.
    pub(super) fn located(&self, tree: &Node, faults: &[String]) -> Vec<Located> {
        let locate = |fault: &String| {
            let (head, right) = fault.split_once(": ").unwrap_or((fault, ""));
            let (key, found) = head.split_once(" = ").unwrap_or((head, ""));
            let node = self.at_fault(tree, key, right);
            let is = match tree.find(key) {
                _ if !found.is_empty() => format!(" is {found}"),
                Ok(Node { value: Value::Table(_) | Value::Array(_), .. }) | Err(_) => String::new(),
                Ok(node) => format!(" is {}", self.0[node.place.source].excerpt(&node.place)),
            };
            self.locate(&node.place, format!("`{key}`{is}: {right}"))
        };
        faults.iter().map(locate).collect()
    }

    /// The node a fault stands at. Where a default is at odds with a user's figure that the fault
    /// names too, it is the user's.
    fn at_fault<'a>(&self, tree: &'a Node, key: &str, right: &str) -> &'a Node {
        let users = |node: &&Node| !self.0[node.place.source].is_embedded();
        let node = tree.find(key).unwrap_or_else(|above| above);
        if users(&node) {
            return node;
        }
        let table = key.rsplit_once('.').map_or("", |(table, _)| table);
        let mut others = right.split([' ', ',', ';']).flat_map(|word| {
            let beside = tree.find(&format!("{table}.{word}")).ok();
            [tree.find(word).ok(), beside].into_iter().flatten()
        });
        others.find(users).unwrap_or(node)
    }

    /// The file and the line of a place, from 1.
    pub(super) fn whereabouts(&self, place: &Place) -> (&str, usize) {
        let source = &self.0[place.source];
        (&source.name, source.line(place))
    }

    fn locate(&self, place: &Place, text: String) -> Located {
        let source = &self.0[place.source];
        Located { file: source.name.clone(), line: source.line(place), text }
    }
}

/// What to say of a key nobody reads: the key that was meant, or where it belongs.
fn unknown_key(failure: &Failure, key: &str, expected: &[&str], known: &[(&str, &Node)]) -> String {
    const LISTED_MAX: usize = 12;
    let name = failure.path.last().map_or("", String::as_str);
    if let Some(meant) = nearest(name, expected.iter().copied()) {
        return format!("`{key}` is not a setting; did you mean `{meant}`?");
    }
    for (file, tree) in known {
        if let Some(path) = tree.path_of(name) {
            return format!("`{key}` is not a setting here; `{path}` of {file} is one");
        }
    }
    if expected.is_empty() || expected.len() > LISTED_MAX {
        return format!("`{key}` is not a setting");
    }
    format!("`{key}` is not a setting; known here are {}", expected.join(", "))
}
