//! Query parameters, path segments and cookies, read so that nothing a client sends can break a handler.

use std::convert::Infallible;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Path};
use axum::http::HeaderMap;
use axum::http::header::COOKIE;
use axum::http::request::Parts;
use messages::text;
use serde::de::DeserializeOwned;
use url::form_urlencoded;

use crate::codes::Code;
use crate::error::{ApiError, ApiResult};

/// The query's parameters; of a repeated one the first counts, and bytes that are no UTF-8 are replaced.
#[derive(Debug, Clone, Default)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Reads `query`, the part of a URL after `?`.
    pub fn of(query: &str) -> Self {
        let pairs = form_urlencoded::parse(query.as_bytes());
        Self(pairs.map(|(name, value)| (name.into(), value.into())).collect())
    }

    /// Returns every parameter with its value, in order.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// Returns the parameter `name`, empty or not.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    /// Returns the values of every parameter `name`, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    /// Returns the parameter `name`; an empty one counts as absent.
    pub fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// Returns the parameter `name` as an owned text; an empty one counts as absent.
    pub fn text(&self, name: &str) -> Option<String> {
        self.filled(name).map(String::from)
    }

    /// Returns a parameter that must be there, though it may be empty.
    pub fn required(&self, name: &str) -> ApiResult<&str> {
        self.get(name).ok_or_else(|| ApiError::missing(name))
    }

    /// Returns a filter with fixed names; an empty one counts as absent, an unknown one is 250131.
    pub fn filter<T>(&self, name: &str, names: &[(&str, T)]) -> ApiResult<Option<T>>
    where
        T: Copy,
    {
        let Some(value) = self.filled(name) else {
            return Ok(None);
        };
        let known = names.iter().find(|(known, _)| *known == value);
        known
            .map(|(_, meaning)| Some(*meaning))
            .ok_or_else(|| ApiError::validation(name, value))
    }

    /// Returns the meaning of a fixed name; an empty one counts as absent, a bad one is 250105 and told the good ones.
    pub fn choice<T: Copy>(&self, name: &str, names: &[(&str, T)]) -> ApiResult<Option<T>> {
        let Some(value) = self.filled(name) else {
            return Ok(None);
        };
        let known = names.iter().find(|(known, _)| *known == value);
        known.map(|(_, meaning)| Some(*meaning)).ok_or_else(|| {
            let choices: Vec<&str> = names.iter().map(|(known, _)| *known).collect();
            ApiError::invalid(name, value).because(text!("choose-among", choices = choices.join(", ")))
        })
    }

    /// Returns a parameter that stands alone, parsed; an empty one counts as absent, a bad one is 250105.
    pub fn parsed<T: FromStr>(&self, name: &str) -> ApiResult<Option<T>> {
        let Some(value) = self.filled(name) else {
            return Ok(None);
        };
        let parsed = value.parse().map_err(|_| ApiError::invalid(name, value))?;
        Ok(Some(parsed))
    }
}

/// Returns the cookie `name`; an empty one counts as none.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find(|(found, value)| *found == name && !value.is_empty())
        .map(|(_, value)| value)
}

impl From<Vec<(String, String)>> for Params {
    fn from(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts.uri.query().unwrap_or_default()))
    }
}

/// The path's variables, percent-decoded; ones that are no UTF-8 are 250105.
pub struct Segments<T>(pub T);

impl<S, T> FromRequestParts<S> for Segments<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Send,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(variables) = Path::<T>::from_request_parts(parts, state)
            .await
            .map_err(|_| ApiError::new(Code::ParameterInvalid, [parts.uri.path()]))?;
        Ok(Self(variables))
    }
}
