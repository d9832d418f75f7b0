//! Platforms: by their secret key in a header, or by a signature in the query that the key made.
//!
//! A platform acts as the user it names; one nobody knows is added without a role. So its key is worth as much
//! as an administrator's password.

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, StatusCode};
use connectors::signed::{
    ACCESS_KEY, ACTING_USER, ALGORITHM, APP_ID, Call, NONCE, SIGN_ALGORITHM, SIGN_TIME, SIGNATURE, bytes_of,
    covers_body,
};
use domain::cluster::Secret;
use messages::text;
use storage::platforms::PlatformAccount;
use storage::users::Role;
use subtle::ConstantTimeEq as _;

use crate::auth::caller::{Caller, MaybeCaller};
use crate::auth::credentials::{Credentials, user_named_in};
use crate::auth::logins::{Logins, caller, wrong};
use crate::auth::used_signatures::{Signed, Use};
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::json;
use crate::params::Params;

/// Whom a signed call acts as unless it names a user: a peer's own service, allowed everything.
pub(crate) const SYSTEM: &str = "system";
/// What callers without a login are called.
pub(crate) const ANONYMOUS: &str = "anonymous";

impl Logins {
    /// Returns whom the platform with these keys acts as.
    pub(crate) async fn with_platform_keys(
        &self,
        access_key: &str,
        secret_key: &Secret,
        acting_as: Option<String>,
    ) -> ApiResult<MaybeCaller> {
        let (account, kept) = self.platform(access_key).await?;
        let same = kept.reveal().as_bytes().ct_eq(secret_key.reveal().as_bytes());
        if !bool::from(same) {
            return Err(wrong(text!("login-platform-wrong")));
        }
        self.store().platforms().used(&account).await?;
        match acting_as {
            Some(user) => self.acting_as(&user).await,
            None => Ok(MaybeCaller::Platform),
        }
    }

    /// Recognises a signed call and notes in it who calls; a call that is not signed stays as it is.
    ///
    /// `path` is the part of the URL's path within the service. A body that is signed is read here, as far as
    /// one may be at all.
    pub(crate) async fn recognise_signed(&self, request: Request, path: &str) -> ApiResult<Request> {
        let params = Params::of(request.uri().query().unwrap_or_default());
        let (Some(app_id), Some(access_key), Some(signature)) = (
            params.filled(APP_ID),
            params.filled(ACCESS_KEY),
            params.filled(SIGNATURE),
        ) else {
            return Ok(request);
        };
        if !matches!(Credentials::of(request.headers()), Ok(None)) {
            return Ok(request);
        }
        let (account, secret_key) = self.platform(access_key).await?;
        let (mut parts, body) = request.into_parts();
        let media = parts
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let (signed, body) = if covers_body(media) {
            let bytes = json::read(body, json::BODY_BYTES).await?;
            (bytes.clone(), Body::from(bytes))
        } else {
            (Default::default(), body)
        };
        let call = Call {
            path,
            method: parts.method.as_str(),
            parameters: params.pairs(),
            body: &signed,
        };
        let named = params.get(SIGN_ALGORITHM);
        if account.app_id != app_id || named != Some(ALGORITHM) || !call.is_signed(signature, &secret_key) {
            return Err(wrong(text!("login-signature-wrong")));
        }
        self.check_first_use(signature, &params)?;
        self.store().platforms().used(&account).await?;
        let acting_as = user_named_in(&parts.headers, &HeaderName::from_static(ACTING_USER))?;
        let caller = self.acting_as(acting_as.as_deref().unwrap_or(SYSTEM)).await?;
        parts.extensions.insert(caller);
        Ok(Request::from_parts(parts, body))
    }

    /// Refuses a right signature that is past its end, or was used before.
    fn check_first_use(&self, signature: &str, params: &Params) -> ApiResult<()> {
        let times = params.get(SIGN_TIME).unwrap_or_default().split_once(';');
        let times = times.and_then(|(start, end)| Some((start.parse().ok()?, end.parse().ok()?)));
        let (Some((start_s, end_s)), Some(bytes)) = (times, bytes_of(signature)) else {
            return Err(wrong(text!("login-sign-time")));
        };
        let now_ms = self.store().now_ms();
        if end_s < now_ms.div_euclid(1000) {
            return Err(ApiError::about(
                Code::AccessDenied,
                text!("signature-ended", end = end_s),
            ));
        }
        let signed = Signed {
            bytes,
            start_s,
            end_s,
            has_nonce: params.filled(NONCE).is_some(),
        };
        match self.used_signatures().take(&signed, now_ms) {
            Use::First => Ok(()),
            Use::Again => Err(wrong(text!("login-signature-used"))),
            Use::NotNow { after_s } => {
                let refused = ApiError::about(Code::TooManyRequests, text!("signatures-not-now"));
                Err(refused
                    .with_status(StatusCode::SERVICE_UNAVAILABLE)
                    .retry_after_s(after_s))
            }
        }
    }

    async fn platform(&self, access_key: &str) -> ApiResult<(PlatformAccount, Secret)> {
        let found = self.store().platforms().by_access_key(access_key).await?;
        found.ok_or_else(|| wrong(text!("login-platform-wrong")))
    }

    async fn acting_as(&self, user: &str) -> ApiResult<MaybeCaller> {
        Ok(match user {
            ANONYMOUS => MaybeCaller::Platform,
            SYSTEM => MaybeCaller::User(Caller {
                name: SYSTEM.into(),
                role: Role::Admin,
                access: Default::default(),
            }),
            name => MaybeCaller::User(caller(self.store().users().get_or_add(name).await?)),
        })
    }
}
