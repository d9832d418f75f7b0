//! The HTTP client every connector shares: what it trusts, where it may go, how long it waits.
//!
//! It never follows a redirect, so credentials never leave the host they were given for; never unpacks
//! a body, so digests stay those of the bytes sent; never uses a proxy, so the address rules hold.

mod activity;
mod answer;
mod body;
mod download;
mod fetch;
mod files;
mod form;
mod hosts;
mod json;
mod links;
mod manners;
mod rules;
mod secrets;
mod server;
mod throttle;
mod xml;

use std::time::Duration;

use domain::failure::{ErrorKind, Stage};
use domain::ports::{ConnectorError, ConnectorResult};
use reqwest::{Certificate, Client};

pub use activity::{Activity, send};
pub use answer::{answered, begins_at, broken, kind_of, read_beginning, read_words, retry_after, words_of};
pub use body::{Broken, body};
pub use download::{Again, Download, Learned, Reading};
pub use fetch::{Fetched, Wanted};
pub use files::{Files, Whole, sum};
pub use form::{Form, Part};
pub use hosts::{HostList, HostRule, InvalidHost};
pub use json::{Cut, Member, Take};
pub use links::{Anchor, Links, TakeLink};
pub use manners::{AllManners, Budget, Manners};
pub use rules::{AddressRules, InvalidRange, IpRange};
pub use secrets::Secrets;
pub use server::Server;
pub use throttle::Throttle;
pub use xml::{Node, Xml};

/// How this node reaches others.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Addresses it never connects to.
    pub rules: AddressRules,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest silence, in either direction, before the other side counts as unreachable. A peer at work gives a
    /// sign of life every two seconds.
    pub idle_timeout: Duration,
    /// How many requests and bytes one foreign server gets.
    pub budget: Budget,
}

impl Default for Outgoing {
    fn default() -> Self {
        Self {
            rules: AddressRules::default(),
            connect_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(10),
            budget: Budget::default(),
        }
    }
}

/// What a client trusts when it speaks TLS.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Trust {
    /// It speaks plain HTTP only.
    Plain,
    /// The certificate authorities of this machine.
    Machine,
    /// Only these (PEM).
    Only(String),
}

/// How long an idle connection is kept: many servers close theirs after five seconds (Apache, Node.js), and a request that
/// is sent at that moment breaks.
const KEPT_IDLE: Duration = Duration::from_secs(4);

/// Builds a client for `subject` (a URL without secrets, for errors).
pub fn client(outgoing: &Outgoing, trust: &Trust, subject: &str) -> ConnectorResult<Client> {
    // A second call finds the provider installed and changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .user_agent(concat!("waybill/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .http1_only()
        .tcp_nodelay(true)
        .pool_max_idle_per_host(128)
        .pool_idle_timeout(KEPT_IDLE)
        .connect_timeout(outgoing.connect_timeout)
        .dns_resolver(outgoing.rules.resolver());
    let builder = match trust {
        Trust::Plain => builder.tls_certs_only([]),
        Trust::Machine => builder,
        Trust::Only(pem) => builder.tls_certs_only(authorities(pem, subject)?),
    };
    builder
        .build()
        .map_err(|error| ConnectorError::new(ErrorKind::Tls, Stage::Describe, subject).words(chain(&error)))
}

fn authorities(pem: &str, subject: &str) -> ConnectorResult<Vec<Certificate>> {
    let refused = |words: &str| ConnectorError::new(ErrorKind::Tls, Stage::Describe, subject).words(words);
    let found = Certificate::from_pem_bundle(pem.as_bytes())
        .map_err(|_| refused("the cluster's CA certificate is not PEM"))?;
    if found.is_empty() {
        return Err(refused("the cluster's CA certificate holds no certificate"));
    }
    Ok(found)
}

/// Returns the words of `error` and of its causes, outermost first, each once.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let said = error.to_string();
        if !words.iter().any(|earlier| earlier.contains(&said)) {
            words.push(said);
        }
        next = error.source();
    }
    words.join(": ")
}
