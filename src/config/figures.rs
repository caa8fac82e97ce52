//! The figures of the rulebook in force, each with the place it comes from.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{
    ConfigError,
    files::Files,
    tree::{Node, Value},
    trees, users,
};

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EffectiveFigure {
    /// Its key: `limits.trade_loss_percent`, `vix.bands[1].cap_percent`.
    pub key: String,
    /// As it stands there.
    pub value: serde_json::Value,
    /// The file; `built-in …` for what comes with the program.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
}

/// Every figure of the rulebook in force, by key; the user's files are read and checked as at a
/// start.
pub fn figures(config_dir: Option<&Path>) -> Result<Vec<EffectiveFigure>, ConfigError> {
    let [config, rulebook] = users(config_dir)?;
    let (_, files, rules) = trees(config, rulebook)?;
    let mut found = Vec::new();
    gather(&files, &rules, String::new(), &mut found);
    Ok(found)
}

fn gather(files: &Files, node: &Node, key: String, found: &mut Vec<EffectiveFigure>) {
    match &node.value {
        Value::Table(table) => {
            for (name, entry) in table {
                let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                gather(files, &entry.node, key, found);
            }
        }
        Value::Array(items) if items.iter().any(is_nested) => {
            for (i, item) in items.iter().enumerate() {
                gather(files, item, format!("{key}[{i}]"), found);
            }
        }
        _ => {
            let (file, line) = files.whereabouts(&node.place);
            let (file, value) = (file.to_owned(), json(node));
            found.push(EffectiveFigure { key, value, file, line });
        }
    }
}

fn is_nested(node: &Node) -> bool {
    matches!(node.value, Value::Table(_) | Value::Array(_))
}

fn json(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::Text(text) => text.as_str().into(),
        Value::Integer(number) => i64::try_from(*number).unwrap_or(i64::MAX).into(),
        Value::Float(number) => (*number).into(),
        Value::Bool(value) => (*value).into(),
        Value::Array(items) => items.iter().map(json).collect(),
        Value::Table(_) => serde_json::Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find<'a>(found: &'a [EffectiveFigure], key: &str) -> &'a EffectiveFigure {
        found.iter().find(|figure| figure.key == key).unwrap_or_else(|| panic!("no {key}"))
    }

    #[test]
    fn each_figure_names_the_file_and_line_it_stands_at() {
        let text = include_str!("../../config/rulebook.toml");
        let line_of = |start: &str| 1 + text.lines().position(|l| l.starts_with(start)).unwrap();
        let found = figures(None).unwrap();
        let loss = find(&found, "limits.trade_loss_percent");
        assert_eq!((loss.value.as_str(), loss.line), (Some("5"), line_of("trade_loss_percent")));
        assert_eq!(loss.file, "built-in rulebook.toml");
        let cap = find(&found, "vix.bands[0].cap_percent");
        assert_eq!(cap.value.as_str(), Some("45"));
        let window = find(&found, "stress.windows[0].name");
        assert_eq!(window.line, line_of("    { name = \"1987-10-19\""));
        let products = find(&found, "friday_0dte.products");
        assert_eq!(products.value, serde_json::json!(["ES", "XSP", "MES"]));
    }

    #[test]
    fn a_users_figure_is_of_his_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("rulebook.toml");
        std::fs::write(&file, "# mine\n[limits]\norders_a_day = 50\n").unwrap();
        let found = figures(Some(dir.path())).unwrap();
        let orders = find(&found, "limits.orders_a_day");
        assert_eq!((orders.value.as_i64(), orders.line), (Some(50), 3));
        assert_eq!(orders.file, file.display().to_string());
        assert!(find(&found, "limits.orders_a_minute").file.starts_with("built-in "));
    }
}
