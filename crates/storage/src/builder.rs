//! Puts statements together from fixed parts and bound values.

use crate::db::Value;

/// A statement in the making.
#[derive(Default, Clone)]
pub struct Builder {
    /// Its text so far.
    pub sql: String,
    /// What is bound so far.
    pub values: Vec<Value>,
}

impl Builder {
    /// Starts with `sql`.
    pub fn new(sql: &str) -> Self {
        Self {
            sql: sql.into(),
            values: Vec::new(),
        }
    }

    /// Adds text.
    pub fn push(&mut self, sql: &str) -> &mut Self {
        self.sql.push_str(sql);
        self
    }

    /// Adds a bound value.
    pub fn bind(&mut self, value: Value) -> &mut Self {
        self.values.push(value);
        self.sql.push('$');
        self.sql.push_str(&self.values.len().to_string());
        self
    }

    /// Binds a value and returns how the text refers to it: as often as it likes.
    pub fn refer(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }

    /// Adds bound values in brackets: a list for `IN`, or a row value.
    pub fn bind_list(&mut self, values: impl IntoIterator<Item = Value>) -> &mut Self {
        self.push("(");
        for (index, value) in values.into_iter().enumerate() {
            if index > 0 {
                self.push(",");
            }
            self.bind(value);
        }
        self.push(")")
    }
}
