//! Logging in to a registry: tokens for what is done, asked for when they are needed and kept while they are good.
//!
//! Nothing is sent before the registry asks for it. Passwords go to the registry itself or, when it asks for tokens,
//! to the token server it names; never to where its answers redirect to.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ConnectorError, ConnectorResult};
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use tokio::time::Instant;
use url::Url;

use super::challenge::Challenge;
use super::wire::{self, TokenAnswer};
use crate::http::{self, Server};

/// How long a token is good for whose server does not say it.
const LIFETIME: Duration = Duration::from_secs(60);
/// How long before its end a token counts as expired.
const MARGIN: Duration = Duration::from_secs(10);
/// Most bytes of a token server's answer.
const ANSWER_BYTES: usize = 256 * 1024;
/// Tokens that are kept.
const MOST_TOKENS: usize = 1000;

/// What a request does, as token servers are told it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Access<'a> {
    /// Asks whether the registry is there.
    None,
    /// Lists all images.
    Catalog,
    /// Reads an image.
    Pull(&'a str),
    /// Writes an image.
    Push(&'a str),
    /// Writes an image with blobs of another one.
    Mount(&'a str, &'a str),
}

impl Access<'_> {
    fn scopes(self) -> Vec<String> {
        match self {
            Self::None => Vec::new(),
            Self::Catalog => vec!["registry:catalog:*".into()],
            Self::Pull(name) => vec![format!("repository:{name}:pull")],
            Self::Push(name) => vec![format!("repository:{name}:pull,push")],
            Self::Mount(name, from) => vec![
                format!("repository:{name}:pull,push"),
                format!("repository:{from}:pull"),
            ],
        }
    }
}

#[derive(Clone)]
struct Token {
    value: HeaderValue,
    until: Instant,
}

/// What the registry asked for so far.
#[derive(Clone)]
enum Mode {
    /// Nothing.
    Open,
    /// This with every request.
    Always(HeaderValue),
    /// Tokens of this server.
    Tokens { realm: Url, service: Option<String> },
}

/// The login to one registry.
pub(super) struct Auth {
    server: Server,
    basic: Option<HeaderValue>,
    /// Whether the secret is a token already.
    given: bool,
    mode: Mutex<Mode>,
    tokens: tokio::sync::Mutex<HashMap<String, Token>>,
}

impl Auth {
    /// Logs in to `server` as its credentials say.
    pub(super) fn new(server: Server) -> Self {
        let credentials = server.credentials();
        let secret = credentials.password.as_ref().map(|secret| secret.reveal());
        let basic = credentials.username.as_ref().and_then(|user| {
            let pair = format!("{user}:{}", secret.unwrap_or_default());
            let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
            sensitive(&format!("Basic {encoded}"))
        });
        // A secret without a user is a token already.
        let given = match (&basic, secret) {
            (None, Some(token)) => sensitive(&format!("Bearer {token}")),
            _ => None,
        };
        Self {
            server,
            basic,
            given: given.is_some(),
            mode: Mutex::new(given.map_or(Mode::Open, Mode::Always)),
            tokens: tokio::sync::Mutex::default(),
        }
    }

    fn mode(&self) -> Mode {
        self.mode.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_mode(&self, mode: Mode) {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner) = mode;
    }

    /// Returns what a request that does `access` says about who makes it.
    pub(super) async fn header(
        &self,
        access: Access<'_>,
        stage: Stage,
    ) -> ConnectorResult<Option<HeaderValue>> {
        match self.mode() {
            Mode::Open => Ok(None),
            Mode::Always(value) => Ok(Some(value)),
            Mode::Tokens { realm, service } => {
                let scopes = access.scopes();
                let mut tokens = self.tokens.lock().await;
                if let Some(token) = tokens
                    .get(&scopes.join(" "))
                    .filter(|token| token.until > Instant::now())
                {
                    return Ok(Some(token.value.clone()));
                }
                let token = self.fetch(&realm, service.as_deref(), &scopes, stage).await?;
                if tokens.len() >= MOST_TOKENS {
                    tokens.clear();
                }
                tokens.insert(scopes.join(" "), token.clone());
                Ok(Some(token.value))
            }
        }
    }

    /// Does what the registry asked for when it refused a request with `sent`; says whether it is worth another try.
    pub(super) async fn meet(
        &self,
        challenge: Option<Challenge>,
        sent: Option<&HeaderValue>,
        access: Access<'_>,
        stage: Stage,
    ) -> ConnectorResult<bool> {
        if self.given {
            // Another token, which anybody gets, would allow less than the one that was given.
            return Ok(false);
        }
        match (challenge, &self.basic) {
            (Some(Challenge::Basic), Some(basic)) if sent != Some(basic) => {
                self.set_mode(Mode::Always(basic.clone()));
                Ok(true)
            }
            (
                Some(Challenge::Bearer {
                    realm,
                    service,
                    scope,
                }),
                _,
            ) => {
                let realm = self.realm(&realm, stage)?;
                let mut tokens = self.tokens.lock().await;
                let scopes = access.scopes();
                let known = tokens.get(&scopes.join(" "));
                if known.is_some_and(|token| Some(&token.value) != sent && token.until > Instant::now()) {
                    // Somebody else was faster.
                    return Ok(true);
                }
                let mut asked = scopes.clone();
                asked.extend(scope.filter(|scope| !scopes.contains(scope)));
                let token = self.fetch(&realm, service.as_deref(), &asked, stage).await?;
                let is_new = Some(&token.value) != sent;
                tokens.insert(scopes.join(" "), token);
                self.set_mode(Mode::Tokens { realm, service });
                Ok(is_new)
            }
            _ => Ok(false),
        }
    }

    fn realm(&self, realm: &str, stage: Stage) -> ConnectorResult<Url> {
        let name = self.server.name();
        let url = Url::parse(realm).map_err(|_| {
            ConnectorError::new(ErrorKind::Protocol, stage, name)
                .words("it names a token server that is no URL")
        })?;
        self.server.check(&url, stage, name)?;
        Ok(url)
    }

    async fn fetch(
        &self,
        realm: &Url,
        service: Option<&str>,
        scopes: &[String],
        stage: Stage,
    ) -> ConnectorResult<Token> {
        let mut url = realm.clone();
        let asked = service
            .map(|service| ("service", service))
            .into_iter()
            .chain(scopes.iter().map(|scope| ("scope", scope.as_str())));
        url.query_pairs_mut().extend_pairs(asked);
        if let Some(user) = &self.server.credentials().username {
            url.query_pairs_mut().append_pair("account", user);
        }
        let mut request = self.server.request(Method::GET, url);
        if let Some(basic) = &self.basic {
            request = request.header(AUTHORIZATION, basic.clone());
        }
        let subject = realm.origin().ascii_serialization();
        let activity = self.server.activity();
        let sent = http::send(request, &activity, stage, &subject).await;
        let mut answer = sent.map_err(|error| self.server.placed(realm, error))?;
        let status = answer.status();
        if !status.is_success() {
            let retry_after = http::retry_after(answer.headers());
            let body = http::read_beginning(answer, &activity, stage, &subject).await;
            let said = wire::said(&body);
            let kind = wire::kind_of(status, said.code.as_deref());
            let mut error = ConnectorError::new(kind, stage, &subject)
                .status(status.as_u16())
                .words(format!("no token: {}", said.words));
            error.retry_after = retry_after;
            return Err(self.server.placed(realm, error));
        }
        let mut body = Vec::new();
        while let Some(piece) = activity.chunk(&mut answer, stage, &subject).await? {
            body.extend_from_slice(&piece);
            if body.len() > ANSWER_BYTES {
                break;
            }
        }
        token_of(&body).ok_or_else(|| {
            ConnectorError::new(ErrorKind::Protocol, stage, &subject).words("its answer holds no token")
        })
    }
}

fn token_of(body: &[u8]) -> Option<Token> {
    let answer: TokenAnswer = serde_json::from_slice(body).ok()?;
    let lifetime = answer.expires_in.map_or(LIFETIME, Duration::from_secs);
    let value = sensitive(&format!("Bearer {}", answer.token()?))?;
    let good_for = lifetime
        .saturating_sub(MARGIN)
        .max(lifetime / 2)
        .min(Duration::from_secs(3600));
    Some(Token {
        value,
        until: Instant::now() + good_for,
    })
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
