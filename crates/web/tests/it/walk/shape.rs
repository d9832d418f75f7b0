//! Shapes of data, written as short as the contract's tables.
//!
//! `{id:hex24 status:RUNNING|SUCCESS|FAILED endTime:date? rows:[text] size:int}`: an object has exactly these
//! members. Small words are types, capital words are the texts themselves, `?` allows null.

use serde_json::Value;

/// A parsed shape.
#[derive(Debug, Clone)]
pub enum Shape {
    Word(Vec<String>),
    List(Box<Shape>),
    Members(Vec<(String, Shape)>),
    Nullable(Box<Shape>),
}

impl Shape {
    /// Reads a shape; one that is written wrongly is a mistake in the test.
    pub fn of(text: &str) -> Self {
        let mut rest = text.trim();
        let shape = parse(&mut rest);
        assert_eq!(rest.trim(), "", "left over of {text}");
        shape
    }

    /// Says where `value` is not of this shape.
    pub fn differs(&self, value: &Value) -> Option<String> {
        self.differs_at("data", value)
    }

    fn differs_at(&self, place: &str, value: &Value) -> Option<String> {
        match self {
            Self::Nullable(inner) => (!value.is_null())
                .then(|| inner.differs_at(place, value))
                .flatten(),
            Self::Word(words) => {
                let fits = words.iter().any(|word| is(word, value));
                (!fits).then(|| format!("{place} is {value}, not {}", words.join("|")))
            }
            Self::List(inner) => {
                let Some(items) = value.as_array() else {
                    return Some(format!("{place} is no list: {value}"));
                };
                let mut items = items.iter().enumerate();
                items.find_map(|(index, item)| inner.differs_at(&format!("{place}[{index}]"), item))
            }
            Self::Members(members) => {
                let Some(found) = value.as_object() else {
                    return Some(format!("{place} is no object: {value}"));
                };
                let unknown = found
                    .keys()
                    .find(|name| !members.iter().any(|(known, _)| known == *name));
                if let Some(unknown) = unknown {
                    return Some(format!("{place} has a member `{unknown}` too many"));
                }
                members.iter().find_map(|(name, shape)| match found.get(name) {
                    Some(value) => shape.differs_at(&format!("{place}.{name}"), value),
                    None => Some(format!("{place} has no `{name}`")),
                })
            }
        }
    }
}

fn parse(rest: &mut &str) -> Shape {
    let shape = if let Some(inner) = rest.strip_prefix('{') {
        *rest = inner.trim_start();
        let mut members = Vec::new();
        while !rest.starts_with('}') {
            let (name, after) = rest.split_once(':').expect("name:shape");
            *rest = after.trim_start();
            members.push((name.trim().to_owned(), parse(rest)));
            *rest = rest.trim_start();
        }
        *rest = &rest[1..];
        Shape::Members(members)
    } else if let Some(inner) = rest.strip_prefix('[') {
        *rest = inner.trim_start();
        let item = parse(rest);
        *rest = rest.trim_start().strip_prefix(']').expect("a list ends");
        Shape::List(Box::new(item))
    } else {
        let end = rest.find([' ', '?', ']', '}', '\n']).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        *rest = after;
        Shape::Word(word.split('|').map(String::from).collect())
    };
    match rest.strip_prefix('?') {
        Some(after) => {
            *rest = after;
            Shape::Nullable(Box::new(shape))
        }
        None => shape,
    }
}

fn is(word: &str, value: &Value) -> bool {
    let hex = |text: &str, length| {
        text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    match (word, value) {
        ("any", _) | ("null", Value::Null) | ("flag", Value::Bool(_)) | ("text", Value::String(_)) => true,
        ("object", Value::Object(_)) | ("true", Value::Bool(true)) | ("false", Value::Bool(false)) => true,
        ("int", Value::Number(number)) => number.is_i64() || number.is_u64(),
        ("0", Value::Number(number)) => number.as_i64() == Some(0),
        ("date", Value::String(text)) => is_date(text),
        ("digits", Value::String(text)) => !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()),
        ("hex24", Value::String(text)) => hex(text, 24),
        ("hex32", Value::String(text)) => hex(text, 32),
        ("hex64", Value::String(text)) => hex(text, 64),
        (word, Value::String(text)) => word == text && word.starts_with(char::is_uppercase),
        _ => false,
    }
}

/// Says whether a text is a local date and time to the second, with a fraction that does not end in 0.
fn is_date(text: &str) -> bool {
    let pattern = b"0000-00-00T00:00:00";
    let bytes = text.as_bytes();
    let whole = bytes.len() >= pattern.len()
        && bytes.iter().zip(pattern).all(|(byte, like)| match like {
            b'0' => byte.is_ascii_digit(),
            _ => byte == like,
        });
    let fraction = bytes.get(pattern.len()..).unwrap_or_default();
    let short = match fraction.split_first() {
        None => true,
        Some((b'.', digits)) => {
            (1..=9).contains(&digits.len())
                && digits.iter().all(u8::is_ascii_digit)
                && !digits.ends_with(b"0")
        }
        Some(_) => false,
    };
    whole && short
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_shape_fits_exactly_its_members_and_says_what_differs() {
        let shape = Shape::of("{id:hex24 end:date? rows:[{n:int state:ON|OFF}]}");
        let id = "66a1c3f0d94e5b0012ab34cd";
        let differs = |value: Value| shape.differs(&value);

        assert_eq!(
            differs(json!({ "id": id, "end": null, "rows": [{ "n": 1, "state": "ON" }] })),
            None
        );
        assert_eq!(
            differs(json!({ "id": id, "end": "2024-07-25T11:20:00.81", "rows": [] })),
            None
        );
        let wrong = [
            (
                json!({ "id": id, "end": "2024-07-25T11:20:00.810", "rows": [] }),
                "data.end",
            ),
            (json!({ "id": id, "rows": [] }), "data has no `end`"),
            (
                json!({ "id": id, "end": null, "rows": [], "more": 1 }),
                "`more` too many",
            ),
            (
                json!({ "id": id, "end": null, "rows": [{ "n": 1, "state": "UP" }] }),
                "data.rows[0].state",
            ),
        ];
        for (value, says) in wrong {
            let said = differs(value).expect("a difference");
            assert!(said.contains(says), "{said}");
        }
    }
}
