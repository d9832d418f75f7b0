//! JSON bodies, read as leniently as the contract's clients expect and never more.
//!
//! Unknown members are ignored and scalars are coerced (`"5"`, `"true"`, `""` for nothing). An explicit
//! null counts as absent. What cannot be read at all is 250106; [`Members`] never panics on any input.

use std::collections::BTreeMap;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use messages::{Text, text};
use serde_json::{Map, Value};

use crate::codes::Code;
use crate::error::{ApiError, ApiResult};

/// Longest JSON body that is read.
pub const BODY_BYTES: usize = 2 * 1024 * 1024;

/// The members of a JSON object.
#[derive(Debug, Clone, Default)]
pub struct Members(Map<String, Value>);

/// Says that the body cannot be read.
pub fn unreadable() -> ApiError {
    ApiError::new(Code::ContentInvalid, [])
}

/// Says that the body cannot be read because of `member`.
pub fn unreadable_member(member: &str) -> ApiError {
    unreadable().because(Text::verbatim(member))
}

/// Reads a whole body of at most `limit` bytes.
pub async fn read(body: Body, limit: usize) -> ApiResult<Bytes> {
    to_bytes(body, limit).await.map_err(|_| {
        unreadable()
            .with_status(StatusCode::PAYLOAD_TOO_LARGE)
            .because(text!("body-too-long", limit = limit))
    })
}

/// Says whether a body is announced as JSON; one that is not announced at all counts.
pub fn is_json(headers: &HeaderMap) -> bool {
    let Some(announced) = headers.get(CONTENT_TYPE) else {
        return true;
    };
    let announced = announced.to_str().unwrap_or_default().to_ascii_lowercase();
    let media = announced.split(';').next().unwrap_or_default().trim();
    media == "application/json" || (media.starts_with("application/") && media.ends_with("+json"))
}

impl<S: Send + Sync> FromRequest<S> for Members {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> ApiResult<Self> {
        if !is_json(request.headers()) {
            return Err(ApiError::new(Code::MediaTypeUnsupported, []));
        }
        Self::parse(&read(request.into_body(), BODY_BYTES).await?)
    }
}

impl Members {
    /// Reads `bytes`, which must be one JSON object.
    pub fn parse(bytes: &[u8]) -> ApiResult<Self> {
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(members)) => Ok(Self(members)),
            Ok(_) | Err(_) => Err(unreadable()),
        }
    }

    /// Refuses members that are not among `known`: where an ignored one would widen what is done.
    pub fn only(&self, known: &[&str]) -> ApiResult<()> {
        match self.0.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            Some((name, value)) => Err(ApiError::invalid(name, &value.to_string())
                .because(text!("choose-among", choices = known.join(", ")))),
            None => Ok(()),
        }
    }

    /// Returns a member that is there and not null.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// Returns a text, number or flag as a text.
    pub fn text(&self, name: &str) -> ApiResult<Option<String>> {
        self.get(name).map(|value| scalar(name, value)).transpose()
    }

    /// Returns a text that must be there, though it may be empty.
    pub fn required_text(&self, name: &str) -> ApiResult<String> {
        self.text(name)?.ok_or_else(|| unreadable_member(name))
    }

    /// Returns a whole number; a text of one counts, an empty text is absent.
    pub fn number(&self, name: &str) -> ApiResult<Option<i64>> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Number(number)) => whole(number).map(Some).ok_or_else(|| unreadable_member(name)),
            Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
            Some(Value::String(text)) => {
                let parsed = text.trim().parse().map(Some);
                parsed.map_err(|_| unreadable_member(name))
            }
            Some(Value::Bool(_) | Value::Array(_) | Value::Object(_) | Value::Null) => {
                Err(unreadable_member(name))
            }
        }
    }

    /// Returns yes or no; the texts `true` and `false` count, and a number that is not 0 is yes.
    pub fn flag(&self, name: &str) -> ApiResult<Option<bool>> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(Value::Number(number)) => Ok(Some(number.as_f64() != Some(0.0))),
            Some(Value::String(text)) => match text.trim() {
                "" => Ok(None),
                "true" | "True" | "TRUE" => Ok(Some(true)),
                "false" | "False" | "FALSE" => Ok(Some(false)),
                _ => Err(unreadable_member(name)),
            },
            Some(Value::Array(_) | Value::Object(_) | Value::Null) => Err(unreadable_member(name)),
        }
    }

    /// Returns the meaning of a fixed, case-sensitive name.
    pub fn choice<T: Copy>(&self, name: &str, names: &[(&str, T)]) -> ApiResult<Option<T>> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let known = names.iter().find(|(known, _)| value.as_str() == Some(known));
        known
            .map(|(_, meaning)| Some(*meaning))
            .ok_or_else(|| unreadable_member(name))
    }

    /// Returns an object.
    pub fn object(&self, name: &str) -> ApiResult<Option<Self>> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Object(members)) => Ok(Some(Self(members.clone()))),
            Some(_) => Err(unreadable_member(name)),
        }
    }

    /// Returns the members of an object, every one a text, or null.
    pub fn texts_or_null(&self, name: &str) -> ApiResult<Option<BTreeMap<String, Option<String>>>> {
        let Some(members) = self.object(name)? else {
            return Ok(None);
        };
        let pairs = members.0.iter().map(|(key, value)| {
            let text = (!value.is_null()).then(|| scalar(name, value));
            Ok((key.clone(), text.transpose()?))
        });
        pairs.collect::<ApiResult<_>>().map(Some)
    }

    /// Returns a list of objects.
    pub fn objects(&self, name: &str) -> ApiResult<Option<Vec<Self>>> {
        self.list(name, |value| match value {
            Value::Object(members) => Ok(Self(members.clone())),
            _ => Err(unreadable_member(name)),
        })
    }

    /// Returns a list of texts.
    pub fn texts(&self, name: &str) -> ApiResult<Option<Vec<String>>> {
        self.list(name, |value| scalar(name, value))
    }

    fn list<T>(&self, name: &str, read: impl Fn(&Value) -> ApiResult<T>) -> ApiResult<Option<Vec<T>>> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Array(items)) => items.iter().map(read).collect::<ApiResult<_>>().map(Some),
            Some(_) => Err(unreadable_member(name)),
        }
    }
}

fn scalar(name: &str, value: &Value) -> ApiResult<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Array(_) | Value::Object(_) | Value::Null => Err(unreadable_member(name)),
    }
}

fn whole(number: &serde_json::Number) -> Option<i64> {
    number.as_i64().or_else(|| {
        let number = number.as_f64()?;
        // Within the range where the cast keeps the whole part.
        (number.abs() < 9.0e18).then_some(number as i64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(text: &str) -> Members {
        Members::parse(text.as_bytes()).expect("an object")
    }

    #[test]
    fn scalars_are_coerced_and_null_counts_as_absent() {
        let body = members(r#"{"a":"5","b":"true","c":"","d":7,"e":null,"f":2.9,"g":0}"#);

        assert_eq!(body.number("a").ok().flatten(), Some(5));
        assert_eq!(body.flag("b").ok().flatten(), Some(true));
        assert_eq!(body.number("c").ok().flatten(), None);
        assert_eq!(body.text("d").ok().flatten().as_deref(), Some("7"));
        assert_eq!(body.number("e").ok().flatten(), None);
        assert_eq!(body.number("f").ok().flatten(), Some(2));
        assert_eq!(body.flag("g").ok().flatten(), Some(false));
    }

    #[test]
    fn wrong_types_and_unknown_names_fail_the_body() {
        let body = members(r#"{"a":[],"b":"x","c":{}}"#);

        assert!(body.text("a").is_err() && body.number("b").is_err() && body.flag("b").is_err());
        assert!(body.choice("b", &[("y", 1)]).is_err() && body.objects("c").is_err());
        for text in ["", "[]", "1", "{", "\u{feff}{}"] {
            assert!(Members::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
