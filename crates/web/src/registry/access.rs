//! Who calls the registry, and what they may do with an image.
//!
//! Clients of registries ask `/v2/` first, are told where to get a token, and bring it with every request. Basic
//! credentials and the tokens of users are taken everywhere too.

use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use hosted::{HostedRepository, Image, Viewer};
use storage::tokens::TOKEN_PREFIX;

use super::Exchange;
use super::error::{Refusal, RegistryError, RegistryResult};
use super::name::ImageName;
use super::token;
use crate::app::App;
use crate::artifacts::viewer;
use crate::auth::{Address, Credentials, MaybeCaller};
use crate::origin::Origin;

/// Where a caller is sent to log in.
pub(super) struct Challenge {
    origin: String,
    host: String,
}

impl Challenge {
    /// Reads how this node was reached.
    pub(super) fn of(parts: &Parts) -> Self {
        let host = parts.headers.get(HOST).and_then(|value| value.to_str().ok());
        Self {
            origin: Origin::of(parts).to_string(),
            host: host.unwrap_or_default().into(),
        }
    }

    /// Returns the value of `WWW-Authenticate`; a node that does not know its address asks for a password.
    pub(super) fn text(&self, scope: Option<&str>) -> String {
        if self.origin.is_empty() {
            return "Basic realm=\"Waybill\"".into();
        }
        let scope = scope.map_or(String::new(), |scope| format!(",scope=\"{scope}\""));
        format!(
            "Bearer realm=\"{}/v2/token\",service=\"{}\"{scope}",
            self.origin, self.host
        )
    }
}

/// Says whether a request brings a token, though it may be nobody's in particular.
pub(super) fn has_token(headers: &HeaderMap) -> bool {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    header.is_some_and(|header| header.starts_with("Bearer "))
}

/// Returns who calls; wrong credentials are refused.
pub(super) async fn caller(app: &App, parts: &Parts) -> RegistryResult<MaybeCaller> {
    let credentials = match Credentials::of(&parts.headers)? {
        None => return Ok(MaybeCaller::Anonymous),
        // What some clients send that know no user.
        Some(Credentials::Basic { user, secret }) if user.is_empty() && secret.reveal().is_empty() => {
            return Ok(MaybeCaller::Anonymous);
        }
        Some(Credentials::Bearer(bearer)) if !bearer.reveal().starts_with(TOKEN_PREFIX) => {
            return token::recognise(app, bearer.reveal()).await;
        }
        Some(credentials) => credentials,
    };
    let Address(address) = Address::of(&parts.extensions);
    Ok(app.logins().recognise(credentials, address).await?)
}

impl Exchange {
    /// Finds an image somebody wants to pull: anybody may from a public repository.
    pub(super) async fn readable(&self, name: &ImageName) -> RegistryResult<Image> {
        let found = self.app.hosted().repository(&name.repository).await?;
        let public = found.as_ref().is_some_and(|found| found.info().public);
        let allowed = self.caller.need_read(&name.repository.project, public);
        allowed.map_err(|error| self.refused(error.into(), name, "pull"))?;
        image(found, name)
    }

    /// Finds an image somebody wants to push to or delete from.
    pub(super) async fn writable(&self, name: &ImageName) -> RegistryResult<(Image, Viewer)> {
        let actions = if self.parts.method == Method::DELETE {
            "delete"
        } else {
            "pull,push"
        };
        let caller = self.caller.clone().or_refuse();
        let caller = caller.map_err(|error| self.refused(error.into(), name, actions))?;
        let allowed = caller.need_write(&name.repository.project);
        allowed.map_err(|error| self.refused(error.into(), name, actions))?;
        let found = self.app.hosted().repository(&name.repository).await?;
        Ok((image(found, name)?, viewer(&caller)))
    }

    fn refused(&self, error: RegistryError, name: &ImageName, actions: &str) -> RegistryError {
        error.for_scope(format!("repository:{name}:{actions}"))
    }
}

fn image(found: Option<HostedRepository>, name: &ImageName) -> RegistryResult<Image> {
    let found = found.filter(HostedRepository::holds_images);
    let unknown = || {
        RegistryError::new(
            Refusal::NameUnknown,
            format!("there is no repository {} for images here", name.repository),
        )
    };
    Ok(found.ok_or_else(unknown)?.image(&name.image)?)
}
