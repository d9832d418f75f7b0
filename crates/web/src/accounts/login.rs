//! The console's login form: a public key, the form itself, and the way out.
//!
//! Whether a token could be decrypted is never said apart from whether the password in it is right.

use std::net::IpAddr;

use axum::body::Body;
use axum::extract::{FromRequest, Request, State};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_TYPE, SET_COOKIE};
use axum::response::Response;
use messages::text;
use multer::{Constraints, Multipart, SizeLimit};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::accounts::BASE;
use crate::app::App;
use crate::auth::{Address, cookie, refuse_other_sites, ticket};
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::json::{read, unreadable};
use crate::origin::is_over_tls;
use crate::params::Params;
use crate::reader::Reader;

/// Longest form that is read.
const FORM_BYTES: u64 = 64 * 1024;

/// Returns the routes.
pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(public_key))
        .routes(routes!(log_in))
        .routes(routes!(log_out))
}

/// What the console's form sends; parameters of the query count too.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what LoginForm reads")]
struct LoginBody {
    /// User name.
    #[schema(min_length = 1)]
    uid: String,
    /// Base64 of the password, encrypted with the key (RSA, PKCS#1 v1.5).
    #[schema(min_length = 1)]
    token: String,
}

/// Answers the key that the login form encrypts a password with: base64 of a DER `SubjectPublicKeyInfo`.
#[utoipa::path(get, context_path = BASE, path = "/rsa", security(()), responses((status = 200, body = String)))]
async fn public_key(State(app): State<App>, reader: Reader) -> ApiResult<Response> {
    reader.ok(app.logins().login_key().public().await?)
}

/// Logs in: `true` and the cookie `bkrepo_ticket` when the password is right, otherwise `false`.
#[utoipa::path(post, context_path = BASE, path = "/login", security(()),
    request_body(content = LoginBody, content_type = "multipart/form-data"),
    responses((status = 200, body = bool)))]
async fn log_in(State(app): State<App>, reader: Reader, form: LoginForm) -> ApiResult<Response> {
    let logins = app.logins();
    let Some(password) = logins.login_key().password(&form.token).await? else {
        return Err(ApiError::about(Code::Unauthenticated, text!("login-key-unfit")));
    };
    match logins.with_password(&form.user, &password, form.address).await {
        Ok(caller) => {
            let ticket = logins.open_console(&caller.name).await?;
            let cookie = cookie(Some(&ticket), form.over_tls);
            with_cookie(reader.ok(true)?, &cookie)
        }
        Err(error) if error.code() == Code::Unauthenticated => reader.ok(false),
        Err(error) => Err(error),
    }
}

/// Ends the login that the cookie is about and takes the cookie back; `true` without a login too.
#[utoipa::path(post, context_path = BASE, path = "/logout", security(()), responses((status = 200, body = bool)))]
async fn log_out(State(app): State<App>, reader: Reader, request: Request) -> ApiResult<Response> {
    let (parts, _) = request.into_parts();
    refuse_other_sites(&parts.method, &parts.headers)?;
    if let Some(ticket) = ticket(&parts.headers) {
        app.logins().close_console(ticket).await?;
    }
    with_cookie(reader.ok(true)?, &cookie(None, is_over_tls(&parts)))
}

fn with_cookie(mut answer: Response, cookie: &str) -> ApiResult<Response> {
    let cookie = HeaderValue::from_str(cookie).map_err(ApiError::internal)?;
    answer.headers_mut().insert(SET_COOKIE, cookie);
    Ok(answer)
}

/// What the form sends: multipart as the console does, urlencoded, or parameters of the query.
struct LoginForm {
    user: String,
    /// The password, encrypted.
    token: String,
    address: IpAddr,
    over_tls: bool,
}

impl FromRequest<App> for LoginForm {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &App) -> ApiResult<Self> {
        let (parts, body) = request.into_parts();
        refuse_other_sites(&parts.method, &parts.headers)?;
        let media = parts
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let fields = fields(media, body).await?;
        let query = Params::of(parts.uri.query().unwrap_or_default());
        let field = |name: &str| {
            let found = fields.filled(name).or_else(|| query.filled(name));
            found.map(String::from).ok_or_else(|| ApiError::missing(name))
        };
        Ok(Self {
            user: field("uid")?,
            token: field("token")?,
            address: Address::of(&parts.extensions).0,
            over_tls: is_over_tls(&parts),
        })
    }
}

async fn fields(media: Option<&str>, body: Body) -> ApiResult<Params> {
    let Some(media) = media else {
        return Ok(Params::default());
    };
    if let Ok(boundary) = multer::parse_boundary(media) {
        return multipart(body, boundary).await;
    }
    if !media
        .to_ascii_lowercase()
        .starts_with("application/x-www-form-urlencoded")
    {
        return Err(ApiError::new(Code::MediaTypeUnsupported, []));
    }
    let form = read(body, usize::try_from(FORM_BYTES).unwrap_or(usize::MAX)).await?;
    Ok(Params::of(&String::from_utf8_lossy(&form)))
}

async fn multipart(body: Body, boundary: String) -> ApiResult<Params> {
    let limits = Constraints::new().size_limit(SizeLimit::new().whole_stream(FORM_BYTES));
    let mut form = Multipart::with_constraints(body.into_data_stream(), boundary, limits);
    let mut fields = Vec::new();
    while let Some(field) = form.next_field().await.map_err(|_| unreadable())? {
        let Some(name) = field.name().map(String::from) else {
            continue;
        };
        fields.push((name, field.text().await.map_err(|_| unreadable())?));
    }
    Ok(Params::from(fields))
}
