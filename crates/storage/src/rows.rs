//! How nouns are written in columns: enums as their one word, structures as JSON.

use serde::Serialize;
use serde::de::DeserializeOwned;

use domain::cluster::Audit;

use crate::db::{Row, StoreError, StoreResult, Value, int, text};

/// Returns the one word of an enum without members, as serde spells it.
pub fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        other => unreachable!("an enum without members is one word, not {other:?}"),
    }
}

/// Reads back what [`word`] returned.
pub fn from_word<T: DeserializeOwned>(table: &'static str, word: String) -> StoreResult<T> {
    serde_json::from_value(serde_json::Value::String(word)).map_err(|error| unreadable(table, error))
}

/// Binds a structure as JSON.
pub fn json<T: Serialize>(value: &T) -> Value {
    text(json_text(value))
}

/// Returns a structure as JSON.
pub fn json_text<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("nouns have text keys only and are always JSON")
}

/// Reads back what [`json`] bound.
pub fn from_json<T: DeserializeOwned>(table: &'static str, json: &str) -> StoreResult<T> {
    serde_json::from_str(json).map_err(|error| unreadable(table, error))
}

/// Says that a row of `table` could not be understood.
pub fn unreadable(table: &'static str, found: impl ToString) -> StoreError {
    StoreError::Unreadable {
        table,
        found: found.to_string(),
    }
}

/// Binds the four columns `created_by, created_ms, modified_by, modified_ms`.
pub fn audit_values(audit: &Audit) -> [Value; 4] {
    [
        text(&audit.created_by),
        int(audit.created_ms),
        text(&audit.modified_by),
        int(audit.modified_ms),
    ]
}

/// Reads the four columns [`audit_values`] bound.
pub fn audit(row: &Row) -> StoreResult<Audit> {
    Ok(Audit {
        created_by: row.text("created_by")?,
        created_ms: row.int("created_ms")?,
        modified_by: row.text("modified_by")?,
        modified_ms: row.int("modified_ms")?,
    })
}

/// Returns `$1, $2, ...` for `values` values, in brackets.
pub fn one_row(values: usize) -> String {
    crate::db::placeholders(1, values, 1)
}
