//! What statements bind, whichever database they are for.

/// One bound value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A number, a time in Unix milliseconds, or 0 and 1 for no and yes.
    Int(i64),
    /// A text.
    Text(String),
    /// Raw bytes: ids and digests.
    Blob(Vec<u8>),
}

/// Binds a number.
pub fn int(number: i64) -> Value {
    Value::Int(number)
}

/// Binds a count or a size.
pub fn size(number: u64) -> Value {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

/// Binds yes or no.
pub fn flag(yes: bool) -> Value {
    Value::Int(i64::from(yes))
}

/// Binds a text.
pub fn text(text: impl Into<String>) -> Value {
    Value::Text(text.into())
}

/// Binds raw bytes.
pub fn blob(bytes: impl Into<Vec<u8>>) -> Value {
    Value::Blob(bytes.into())
}

/// Binds nothing for `None`.
pub fn maybe<T>(value: Option<T>, bind: impl FnOnce(T) -> Value) -> Value {
    value.map_or(Value::Null, bind)
}
