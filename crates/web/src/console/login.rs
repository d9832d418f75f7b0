//! Logging in and out, and choosing language and colours, which works before the login too.

use axum::Router;
use axum::extract::{FromRequest as _, FromRequestParts as _, Request, State};
use axum::http::header::SET_COOKIE;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use domain::cluster::Secret;
use maud::html;
use messages::{Language, text};

use super::controls::Field;
use super::form::{Form, OpenForm, Typed};
use super::look::{Anyone, LANGUAGE_COOKIE, LANGUAGES, Look, Person, THEME_COOKIE, THEMES};
use super::shell;
use super::surround::{own_place, see_other};
use crate::app::App;
use crate::auth::{Address, session};
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::origin::is_over_tls;
use crate::params::Params;

/// How long a choice of language or colours is kept, in seconds.
const YEAR_S: u32 = 365 * 24 * 60 * 60;

/// Returns the routes.
pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/login", get(show).post(log_in))
        .route("/logout", post(log_out))
        .route("/look", post(choose))
}

async fn show(Anyone(look): Anyone, params: Params) -> Response {
    if look.session.is_some() {
        return see_other(own_place(params.get("next").unwrap_or("/")));
    }
    let typed = Typed::of(params);
    page(&look, StatusCode::OK, &typed)
}

fn page(look: &Look, status: StatusCode, typed: &Typed) -> Response {
    let field = |name, label| Field {
        name,
        label: look.say(label),
        hint: None,
    };
    let body = html! {
        a .brand href="/" { (shell::mark()) span { "Waybill" small { (look.cluster) } } }
        h1 .sr { (look.say(text!("ui-log-in"))) }
        @if let Some(wrong) = typed.wrong("") { p .note.bad role="alert" { (wrong) } }
        form .form method="post" action="/login" {
            input type="hidden" name="next" value=(own_place(typed.value("next")));
            (field("user", text!("ui-user")).show(typed, |field| html! {
                input #user name="user" value=(field.value) required autofocus autocomplete="username" autocapitalize="off";
            }))
            (field("password", text!("ui-password")).show(&Typed::default(), |_| html! {
                input #password type="password" name="password" required autocomplete="current-password";
            }))
            button .main type="submit" { (look.say(text!("ui-log-in"))) }
        }
        div .foot { (shell::looks(look)) }
    };
    shell::card(look, status, &look.say(text!("ui-log-in")), &body)
}

/// Logs in: always a new login, whatever cookie the browser came with; that one ends.
async fn log_in(State(app): State<App>, request: Request) -> ApiResult<Response> {
    let (mut parts, body) = request.into_parts();
    let Anyone(look) = Anyone::from_request_parts(&mut parts, &app).await?;
    let (address, over_tls) = (Address::of(&parts.extensions).0, is_over_tls(&parts));
    let before = session::ticket(&parts.headers).map(String::from);
    let OpenForm(form) = OpenForm::from_request(Request::from_parts(parts, body), &app).await?;
    let user = form.get("user").unwrap_or_default().trim();
    let password = Secret::new(form.get("password").unwrap_or_default());
    let logins = app.logins();
    match logins.with_password(user, &password, address).await {
        Ok(caller) => {
            if let Some(before) = before {
                logins.close_console(&before).await?;
            }
            let ticket = logins.open_console(&caller.name).await?;
            let place = own_place(form.get("next").unwrap_or("/"));
            with_cookie(see_other(place), &session::cookie(Some(&ticket), over_tls))
        }
        Err(error) if matches!(error.code(), Code::Unauthenticated | Code::TooManyRequests) => {
            let mut typed = Typed::of(form);
            typed.fault("", said_of(&look, &error));
            Ok(page(&look, error.status(), &typed))
        }
        Err(error) => Err(error),
    }
}

fn said_of(look: &Look, error: &ApiError) -> String {
    match error.wait_s() {
        Some(seconds) => look.say(text!("ui-login-wait", n = seconds)),
        None => look.say(text!("ui-login-wrong")),
    }
}

/// Ends this login.
async fn log_out(
    State(app): State<App>,
    Person { look, .. }: Person,
    parts: Parts,
    _: Form,
) -> ApiResult<Response> {
    if let Some(session) = &look.session {
        app.logins().close_console(&session.ticket).await?;
    }
    let over_tls = is_over_tls(&parts);
    with_cookie(see_other("/login"), &session::cookie(None, over_tls))
}

/// Keeps a choice of language or colours and goes back to where it was made.
async fn choose(OpenForm(form): OpenForm) -> ApiResult<Response> {
    let mut response = see_other(own_place(form.get("back").unwrap_or("/")));
    let language = form.filled("language").map(Language::of_tag);
    if let Some((language, _)) = LANGUAGES.into_iter().find(|(known, _)| Some(*known) == language) {
        response = with_cookie(response, &kept(LANGUAGE_COOKIE, language.tag()))?;
    }
    if let Some(theme) = THEMES.into_iter().find(|name| form.get("theme") == Some(name)) {
        response = with_cookie(response, &kept(THEME_COOKIE, theme))?;
    }
    Ok(response)
}

fn kept(name: &str, value: &str) -> String {
    format!("{name}={value}; Path=/; Max-Age={YEAR_S}; HttpOnly; SameSite=Lax")
}

fn with_cookie(mut response: Response, cookie: &str) -> ApiResult<Response> {
    let cookie = HeaderValue::from_str(cookie).map_err(ApiError::internal)?;
    response.headers_mut().append(SET_COOKIE, cookie);
    Ok(response)
}
