//! The alert itself.

use serde_json::{Value, json};

use crate::alert::Alert;

/// The alert's fields, and how often it was told before.
pub(super) fn body(alert: &Alert, repeat: u32) -> Value {
    json!({
        "id": alert.id,
        "at": alert.at,
        "kind": alert.kind,
        "severity": alert.severity,
        "title": alert.title,
        "text": alert.text,
        "key": alert.key,
        "repeat": repeat,
    })
}
