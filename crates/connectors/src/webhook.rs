//! Calls of webhooks: one signed POST, within the rules every connector obeys.
//!
//! `Waybill-Signature: t=SECONDS,v1=HEX`: HMAC-SHA-256, under the webhook's secret, of the seconds, a full stop
//! and the body. Redirects are not followed; what is answered is not read further than its first words.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::cluster::Secret;
use domain::failure::{ErrorKind, Stage, clean_words};
use domain::ports::{ConnectorError, ConnectorResult};
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Client;
use reqwest::header::CONTENT_TYPE;
use sha2::Sha256;
use url::Url;

use crate::http::{Activity, Outgoing, Trust, client, read_words, retry_after, send};

/// Longest silence of a webhook.
const IDLE: Duration = Duration::from_secs(10);

/// One call.
#[derive(Debug, Clone)]
pub struct Call {
    /// Where to.
    pub url: String,
    /// What happened: `run.failed`.
    pub event: String,
    /// Names the delivery, however often it is tried.
    pub delivery: String,
    /// The JSON that is sent.
    pub body: String,
    /// What it is signed with.
    pub secret: Secret,
    /// When it is sent (Unix seconds).
    pub at_s: i64,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Its status.
    pub status: u16,
    /// How long it asks to wait.
    pub wait: Option<Duration>,
    /// The words of a refusal.
    pub words: Option<String>,
}

/// Calls webhooks; clones share its connections.
#[derive(Clone)]
pub struct Webhooks {
    outgoing: Outgoing,
    clients: Arc<Mutex<HashMap<Trust, Client>>>,
}

impl Webhooks {
    /// Calls within the rules of `outgoing`.
    pub fn new(outgoing: Outgoing) -> Self {
        Self {
            outgoing,
            clients: Arc::default(),
        }
    }

    /// Makes `call` once; an answer is an answer, whatever its status.
    pub async fn call(&self, call: &Call) -> ConnectorResult<Answered> {
        let subject = "the webhook";
        let url = Url::parse(&call.url).map_err(|error| {
            ConnectorError::new(ErrorKind::Protocol, Stage::Write, subject).words(error.to_string())
        })?;
        self.outgoing.rules.check(&url)?;
        let trust = if url.scheme() == "https" {
            Trust::Machine
        } else {
            Trust::Plain
        };
        let request = self
            .client(trust, subject)?
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("Waybill-Event", &call.event)
            .header("Waybill-Delivery", &call.delivery)
            .header(
                "Waybill-Signature",
                signature(&call.secret, call.at_s, &call.body),
            )
            .body(call.body.clone());
        let activity = Activity::new(IDLE.min(self.outgoing.idle_timeout));
        let answer = send(request, &activity, Stage::Write, subject).await?;
        let status = answer.status();
        let wait = retry_after(answer.headers());
        let words = match status.is_success() {
            true => None,
            false => Some(clean_words(
                &read_words(answer, &activity, Stage::Write, subject).await,
            )),
        };
        Ok(Answered {
            status: status.as_u16(),
            wait,
            words: words.filter(|words| !words.is_empty()),
        })
    }

    fn client(&self, trust: Trust, subject: &str) -> ConnectorResult<Client> {
        let mut clients = self
            .clients
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(client) = clients.get(&trust) {
            return Ok(client.clone());
        }
        let made = client(&self.outgoing, &trust, subject)?;
        clients.insert(trust, made.clone());
        Ok(made)
    }
}

/// Returns the value of `Waybill-Signature` for `body`, sent at `at_s` (Unix seconds).
pub fn signature(secret: &Secret, at_s: i64, body: &str) -> String {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes()).expect("HMAC takes keys of any length");
    mac.update(format!("{at_s}.{body}").as_bytes());
    format!("t={at_s},v1={}", hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_others_compute() {
        // printf '1700000000.{}' | openssl dgst -sha256 -hmac key
        let signed = signature(&Secret::new("key"), 1_700_000_000, "{}");

        assert_eq!(
            signed,
            "t=1700000000,v1=9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae"
        );
    }
}
