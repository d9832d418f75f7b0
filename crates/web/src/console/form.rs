//! Forms: what they carry against other sites, what was typed, and what is wrong with it at which field.

use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use maud::{Markup, html};
use messages::{Text, text};
use subtle::ConstantTimeEq as _;

use super::look::{Anyone, Look, Person};
use crate::app::App;
use crate::auth::refuse_other_sites;
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::json::read;
use crate::params::Params;
use axum::extract::FromRequestParts as _;

/// Name of the field that shows that a form is ours.
pub(super) const CSRF: &str = "csrf";
/// Longest form that is read.
const FORM_BYTES: usize = 256 * 1024;

/// What a form of ours sent, by somebody who is logged in.
pub(super) struct Form(pub(super) Params);

/// What a form sent by whoever it is; only another site's are refused.
pub(super) struct OpenForm(pub(super) Params);

impl FromRequest<App> for Form {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> ApiResult<Self> {
        let (mut parts, body) = request.into_parts();
        let Person { look, .. } = Person::from_request_parts(&mut parts, app).await?;
        let form = OpenForm::from_request(Request::from_parts(parts, body), app)
            .await?
            .0;
        check_csrf(&look, form.get(CSRF))?;
        Ok(Self(form))
    }
}

impl FromRequest<App> for OpenForm {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> ApiResult<Self> {
        let (mut parts, body) = request.into_parts();
        Anyone::from_request_parts(&mut parts, app).await?;
        refuse_other_sites(&parts.method, &parts.headers)?;
        let media = parts
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let urlencoded = media.is_some_and(|media| {
            media
                .to_ascii_lowercase()
                .starts_with("application/x-www-form-urlencoded")
        });
        if !urlencoded {
            return Err(ApiError::about(Code::ContentInvalid, text!("ui-form-media")));
        }
        let body = read(body, FORM_BYTES).await?;
        Ok(Self(Params::of(&String::from_utf8_lossy(&body))))
    }
}

/// Refuses a form that does not carry what this login's forms do.
pub(super) fn check_csrf(look: &Look, sent: Option<&str>) -> ApiResult<()> {
    let right = look.csrf();
    let same = sent.is_some_and(|sent| bool::from(sent.as_bytes().ct_eq(right.as_bytes())));
    if same && !right.is_empty() {
        return Ok(());
    }
    Err(ApiError::about(Code::AccessDenied, text!("ui-form-stale")))
}

/// Returns the hidden field every form that changes something carries.
pub(super) fn csrf_field(look: &Look) -> Markup {
    html! { input type="hidden" name=(CSRF) value=(look.csrf()); }
}

/// Returns a button that does something by itself; `ask` is asked before.
pub(super) fn button(look: &Look, action: &str, class: &str, name: &Text, ask: Option<&Text>) -> Markup {
    html! {
        form method="post" action=(action) data-ask=[ask.map(|ask| look.say(ask.clone()))] {
            (csrf_field(look))
            // A part of the page may be renewed under the finger: what has an id keeps the focus.
            button id=(action.replace(|c: char| !c.is_ascii_alphanumeric(), "-")) class=(class) type="submit" { (look.say(name.clone())) }
        }
    }
}

/// What was typed into a form, and what is wrong with it.
#[derive(Default)]
pub(super) struct Typed {
    pub(super) values: Params,
    /// Names of fields with what is wrong there; `""` is the form as a whole.
    pub(super) faults: Vec<(String, String)>,
}

impl Typed {
    /// Starts from `values`, with nothing wrong.
    pub(super) fn of(values: Params) -> Self {
        Self {
            values,
            faults: Vec::new(),
        }
    }

    /// Notes what is wrong at `field`.
    pub(super) fn fault(&mut self, field: &str, words: String) {
        self.faults.push((field.into(), words));
    }

    /// Returns what was typed into `field`.
    pub(super) fn value(&self, field: &str) -> &str {
        self.values.get(field).unwrap_or_default()
    }

    /// Says whether `field` was given the value `value`.
    pub(super) fn is(&self, field: &str, value: &str) -> bool {
        self.values.all(field).any(|found| found == value)
    }

    /// Returns what is wrong at `field`.
    pub(super) fn wrong(&self, field: &str) -> Option<&str> {
        let found = self.faults.iter().find(|(name, _)| name == field);
        found.map(|(_, words)| words.as_str())
    }

    /// Returns the same without what was typed into `field`: a secret is not sent back.
    pub(super) fn without(&self, field: &str) -> Self {
        let pairs = self.values.pairs().iter().filter(|(found, _)| found != field);
        Self {
            values: Params::from(pairs.cloned().collect::<Vec<_>>()),
            faults: self.faults.clone(),
        }
    }

    /// Returns the status the form is shown again with: 422 when something is wrong with it.
    pub(super) fn status(&self) -> StatusCode {
        match self.faults.is_empty() {
            true => StatusCode::OK,
            false => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    /// Shows what is wrong with the form as a whole, or that something in it is.
    pub(super) fn summary(&self, look: &Look) -> Markup {
        html! {
            @if let Some(words) = self.wrong("") {
                p .note.bad role="alert" { (words) }
            } @else if !self.faults.is_empty() {
                p .note.bad role="alert" { (look.say(text!("ui-form-faults"))) }
            }
        }
    }
}
