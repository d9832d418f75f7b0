//! The registry that a repository of category `REMOTE` stands for, as its configuration names it.

use domain::cluster::Secret;
use domain::repository::RepositoryType;
use engine::clusters::{checked_pairing, checked_registry_url};
use hosted::{ForeignPlace, HostedRepository};
use messages::text;

use crate::error::{ApiError, ApiResult};
use crate::json::{Members, unreadable_member};

/// Reads where a new repository of `held` has its registry.
pub(super) fn new_place(body: &Members, held: &RepositoryType) -> ApiResult<ForeignPlace> {
    match given_place(body, held)? {
        Some((place, _)) => Ok(place),
        None => Err(missing()),
    }
}

/// Reads where `known` has its registry from now on; `None` when that is not said. A password that is not sent stays
/// while the user does.
pub(super) async fn changed_place(
    body: &Members,
    known: &HostedRepository,
) -> ApiResult<Option<ForeignPlace>> {
    let Some(before) = known.foreign().await? else {
        return Ok(None);
    };
    let Some((mut place, says_password)) = given_place(body, &known.info().repository_type)? else {
        return Ok(None);
    };
    let same_server = address_of(&place.url) == address_of(&before.url);
    if !says_password && place.username == before.username && same_server {
        place.password = before.password;
    }
    Ok(Some(place))
}

/// Returns scheme, host and port: a password that was given for one server never goes to another.
fn address_of(url: &str) -> Option<String> {
    Some(connectors::url::address(url)?.origin().ascii_serialization())
}

/// Returns the place, and whether its password was sent.
fn given_place(body: &Members, held: &RepositoryType) -> ApiResult<Option<(ForeignPlace, bool)>> {
    let Some(configuration) = body.object("configuration")? else {
        return Ok(None);
    };
    let url = configuration
        .text("url")?
        .filter(|url| !url.trim().is_empty())
        .ok_or_else(missing)?;
    let url = checked_registry_url("configuration.url", &url)?;
    checked_pairing("configuration.url", &url, held)?;
    let credentials = configuration
        .object("credentials")
        .map_err(|_| unreadable_member("configuration.credentials"))?
        .unwrap_or_default();
    let filled = |name: &str| -> ApiResult<Option<String>> {
        Ok(credentials.text(name)?.filter(|text| !text.is_empty()))
    };
    let place = ForeignPlace {
        url,
        username: filled("username")?,
        password: filled("password")?.map(Secret::new),
    };
    Ok(Some((place, credentials.get("password").is_some())))
}

fn missing() -> ApiError {
    ApiError::invalid("configuration.url", "").because(text!("registry-url-missing"))
}
