//! Who looks at a page, and how: login, language, colours, zone, the time.
//!
//! Made once per request by [`super::surround`]; handlers take [`Anyone`], [`Person`] or [`ForAdmin`] as an argument.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use jiff::tz::TimeZone;
use messages::{Language, Render, text};

use crate::app::App;
use crate::auth::{Caller, session};
use crate::error::{ApiError, ApiResult};
use crate::params::cookie;
use crate::reader::Reader;

/// Cookie that keeps the language somebody chose.
pub(super) const LANGUAGE_COOKIE: &str = "waybill_language";
/// Cookie that keeps the colours somebody chose.
pub(super) const THEME_COOKIE: &str = "waybill_theme";
/// The colours there are; the first one follows the browser.
pub(super) const THEMES: [&str; 3] = ["auto", "light", "dark"];
/// The languages the console offers; browsers may ask for the others of `messages` too.
pub(super) const LANGUAGES: [(Language, &str); 2] = [
    (Language::English, "English"),
    (Language::SimplifiedChinese, "简体中文"),
];

/// Somebody who is logged in.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) caller: Caller,
    /// What forms of this login carry, so that no other site can make them.
    pub(super) csrf: String,
    pub(super) ticket: String,
}

/// How a page is shown.
#[derive(Clone)]
pub(super) struct Look {
    pub(super) language: Language,
    pub(super) zone: TimeZone,
    pub(super) now_ms: i64,
    pub(super) theme: &'static str,
    /// Path and query of the request.
    pub(super) place: String,
    /// Up to where changes are in what the page shows: those after it are still to be told.
    pub(super) position: String,
    /// Name of this node's cluster.
    pub(super) cluster: Arc<str>,
    pub(super) session: Option<Session>,
}

impl Look {
    /// Finds out how the page that `headers` ask for at `place` is shown.
    pub(super) async fn of(
        app: &App,
        reader: &Reader,
        headers: &HeaderMap,
        place: String,
    ) -> ApiResult<Self> {
        let session = match session::ticket(headers) {
            Some(ticket) => open_session(app, ticket).await?,
            None => None,
        };
        let chosen = cookie(headers, LANGUAGE_COOKIE);
        let theme = cookie(headers, THEME_COOKIE);
        Ok(Self {
            language: chosen.map_or(reader.language, Language::of_tag),
            zone: reader.zone.clone(),
            now_ms: app.clock().now_ms(),
            theme: THEMES
                .into_iter()
                .find(|name| Some(*name) == theme)
                .unwrap_or(THEMES[0]),
            place,
            position: app.store().live().now().to_string(),
            cluster: app.engine().cluster_name().into(),
            session,
        })
    }

    /// Says `text` in the language of whoever looks.
    pub(super) fn say(&self, text: impl Render) -> String {
        text.render(self.language)
    }

    /// Returns the name of whoever looks; empty before the login.
    pub(super) fn user(&self) -> &str {
        self.session.as_ref().map_or("", |session| &session.caller.name)
    }

    /// Says whether an administrator looks.
    pub(super) fn is_admin(&self) -> bool {
        self.session
            .as_ref()
            .is_some_and(|session| session.caller.is_admin())
    }

    /// Returns what forms of this login carry.
    pub(super) fn csrf(&self) -> &str {
        self.session.as_ref().map_or("", |session| &session.csrf)
    }
}

async fn open_session(app: &App, ticket: &str) -> ApiResult<Option<Session>> {
    let Some(caller) = app.logins().console_caller(ticket).await? else {
        return Ok(None);
    };
    Ok(Some(Session {
        caller,
        csrf: app.logins().csrf_of(ticket).await?,
        ticket: ticket.into(),
    }))
}

/// Whoever it is.
pub(super) struct Anyone(pub(super) Look);

/// Somebody who is logged in.
pub(super) struct Person {
    pub(super) look: Look,
    pub(super) caller: Caller,
}

/// An administrator.
pub(super) struct ForAdmin(pub(super) Look);

impl FromRequestParts<App> for Anyone {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> ApiResult<Self> {
        let look = parts.extensions.get::<Look>().cloned();
        look.map(Self)
            .ok_or_else(|| ApiError::internal("a page outside of its surroundings"))
    }
}

impl FromRequestParts<App> for Person {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> ApiResult<Self> {
        let Anyone(look) = Anyone::from_request_parts(parts, app).await?;
        match look.session.as_ref().map(|session| session.caller.clone()) {
            Some(caller) => Ok(Self { look, caller }),
            None => Err(logged_out()),
        }
    }
}

impl FromRequestParts<App> for ForAdmin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> ApiResult<Self> {
        let Person { look, caller } = Person::from_request_parts(parts, app).await?;
        caller.need_admin()?;
        Ok(Self(look))
    }
}

/// Says that a login is needed.
fn logged_out() -> ApiError {
    ApiError::about(crate::codes::Code::Unauthenticated, text!("login-absent"))
}

/// Returns `text`, or what stands for nothing.
pub(super) fn or_dash(text: Option<&str>) -> &str {
    text.filter(|text| !text.is_empty()).unwrap_or("–")
}
