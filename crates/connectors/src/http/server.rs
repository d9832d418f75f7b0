//! A foreign server: how it is reached, with which client, and with which manners.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use domain::clock::Clock;
use domain::cluster::Credentials;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ConnectorError, ConnectorResult};
use domain::versions::Choice;
use reqwest::{Client, Method, RequestBuilder, Response};
use url::Url;

use super::activity::{Activity, send};
use super::answer::broken;
use super::manners::{AllManners, Manners};
use super::rules::AddressRules;
use super::secrets::Secrets;
use crate::digests::Digests;

/// How much longer than a peer, who gives signs of life, a foreign server may be silent over an answer.
const SILENCE: u32 = 3;

/// A foreign server and where on it a repository is.
#[derive(Clone)]
pub struct Server {
    pub(crate) client: Client,
    /// Where the repository is: `http` or `https`, with the path that was named.
    pub(crate) base: Url,
    /// What errors call it: scheme, host and port.
    pub(crate) name: String,
    pub(crate) idle_timeout: Duration,
    pub(crate) credentials: Credentials,
    pub(crate) manners: AllManners,
    pub(crate) digests: Digests,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rules: AddressRules,
    pub(crate) state: Option<Arc<Path>>,
    pub(crate) choice: Choice,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("base", &self.base.as_str())
            .finish()
    }
}

impl Server {
    /// Returns where the repository is, with the path that was named and without a slash at its end.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// Returns what errors call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns how to log in; what that means is the protocol's.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Returns the folder where what has to outlast this process may be written down.
    pub fn state(&self) -> Option<&Path> {
        self.state.as_deref()
    }

    /// Is at `base` instead; credentials go there from now on.
    #[must_use]
    pub(crate) fn elsewhere(mut self, base: Url) -> Self {
        self.name = base.origin().ascii_serialization();
        self.base = base;
        self
    }

    /// Wants only `choice` of what is there.
    #[must_use]
    pub fn choosing(mut self, choice: Choice) -> Self {
        self.choice = choice;
        self
    }

    /// Returns what of the repository is wanted; asked only of protocols that
    /// [choose](crate::registry::Connector::chooses).
    pub fn choice(&self) -> &Choice {
        &self.choice
    }

    /// Says whether `url` is on this server, so that credentials may go there.
    pub fn owns(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }

    /// Returns what is remembered of bytes on other servers.
    pub fn digests(&self) -> &Digests {
        &self.digests
    }

    /// Returns the time (Unix milliseconds), for what is dated.
    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Refuses a `url` that an answer names and that must not be gone to: another scheme, one without TLS where this
    /// server has it, a refused address. Credentials go there only if this server [owns](Self::owns) it.
    pub fn check(&self, url: &Url, stage: Stage, subject: &str) -> ConnectorResult<()> {
        let secure = url.scheme() == "https" || url.scheme() == "http" && self.base.scheme() == "http";
        if !secure {
            let error = ConnectorError::new(ErrorKind::Protocol, stage, subject);
            return Err(error.words("it names an address without TLS, or none for HTTP"));
        }
        self.rules.check(url).map_err(|error| self.placed(url, error))
    }

    /// Says in `error` that it is of the server of `url`, if that is another one.
    pub fn placed(&self, url: &Url, mut error: ConnectorError) -> ConnectorError {
        if !self.owns(url) {
            error.elsewhere = Some(url.origin().ascii_serialization());
        }
        error
    }

    /// Starts a request; nothing is added to it.
    pub fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.client.request(method, url)
    }

    /// Starts watching one exchange for silence.
    pub fn activity(&self) -> Activity {
        self.patient_activity(Duration::ZERO)
    }

    /// Starts watching an exchange whose answer may take `more` than others.
    pub fn patient_activity(&self, more: Duration) -> Activity {
        Activity::new(self.idle_timeout * SILENCE + more)
    }

    /// Sends `request` in its turn and returns the answer, whatever its status; silence is an error.
    pub async fn send(
        &self,
        request: RequestBuilder,
        activity: &Activity,
        stage: Stage,
        subject: &str,
    ) -> ConnectorResult<Response> {
        let (client, request) = request.build_split();
        let request = request.map_err(|error| broken(&error, stage, subject))?;
        let url = request.url().clone();
        let (manners, name) = self.manners_towards(&url);
        let turn = manners.turn(stage, &name).await;
        let _under_way = turn.map_err(|error| self.placed(&url, error))?;
        activity.spend_from(Arc::clone(manners.bytes()));
        let at_hand = request
            .body()
            .and_then(reqwest::Body::as_bytes)
            .map_or(0, <[u8]>::len);
        activity.pass(at_hand).await;
        let request = RequestBuilder::from_parts(client, request);
        let mut answer = send(request, activity, stage, subject).await;
        match &mut answer {
            Ok(answer) => {
                Secrets::know(answer, &self.credentials);
                manners.answered(answer.status().as_u16(), answer.headers());
            }
            Err(error) if error.kind == ErrorKind::Unreachable => manners.silent(),
            Err(_) => {}
        }
        answer.map_err(|error| self.placed(&url, error))
    }

    /// Returns the manners towards the server of `url`, and what errors call that: files may lie on another one.
    fn manners_towards(&self, url: &Url) -> (Arc<Manners>, String) {
        let name = url.origin().ascii_serialization();
        (self.manners.towards(&name), name)
    }
}
