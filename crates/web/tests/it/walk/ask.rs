//! Sending one call: the good one of an endpoint, with whatever is to be different.

use std::sync::atomic::{AtomicU32, Ordering};

use axum::http::Method;

use super::endpoint::{Body, Endpoint};
use super::furnished::Furnished;
use crate::world::{Answer, Ask};

/// Who calls.
#[derive(Debug, Clone, Copy, Default)]
pub enum As {
    #[default]
    Admin,
    Nobody,
    Wrong,
    Stranger,
    /// A platform that names no user.
    Platform,
    /// A platform that acts as the administrator.
    PlatformAsAdmin,
}

/// What is different from the good call.
#[derive(Debug, Clone, Default)]
pub struct Different<'a> {
    pub caller: As,
    pub method: Option<Method>,
    pub path: Option<String>,
    pub query: Option<&'a str>,
    pub body: Option<&'a Body>,
    pub headers: &'a [(&'static str, String)],
}

/// Numbers that make names new: `{fresh}`.
static FRESH: AtomicU32 = AtomicU32::new(0);

/// Returns the path of `endpoint` with its variables filled in, some of them by `replaced`.
pub fn path(furnished: &Furnished, endpoint: &Endpoint, replaced: &[(&'static str, String)]) -> String {
    let mut path = endpoint.path.to_owned();
    for (name, value) in replaced {
        path = path.replace(&format!("{{{name}}}"), value);
    }
    furnished.filled(&path)
}

/// Sends the call; where answers wait, time passes and runs are carried meanwhile.
pub async fn send(furnished: &Furnished, endpoint: &Endpoint, different: Different<'_>) -> Answer {
    let method = different
        .method
        .clone()
        .unwrap_or_else(|| endpoint.method.clone());
    let url = url(furnished, endpoint, &different);
    let ask = furnished.world.ask(method, &url);
    let ask = match different.caller {
        As::Admin => ask,
        As::Nobody => ask.anonymous(),
        As::Wrong => ask.login("Bearer wrong"),
        As::Stranger => ask.basic("stranger", "stranger's"),
        As::Platform => ask.login(&furnished.platform),
        As::PlatformAsAdmin => ask.login(&furnished.platform).header("x-bkrepo-uid", "admin"),
    };
    let ask = with_body(furnished, endpoint, &different, ask);
    if !endpoint.waits {
        return ask.send().await;
    }
    tokio::select! {
        answer = ask.send() => answer,
        () = furnished.carry_on() => unreachable!("it carries on for ever"),
    }
}

fn url(furnished: &Furnished, endpoint: &Endpoint, different: &Different<'_>) -> String {
    let path = different
        .path
        .clone()
        .unwrap_or_else(|| path(furnished, endpoint, &[]));
    match different.query.unwrap_or(&endpoint.query) {
        "" => path,
        query => format!("{path}?{}", furnished.filled(query)),
    }
}

fn with_body<'w>(
    furnished: &Furnished,
    endpoint: &Endpoint,
    different: &Different<'_>,
    mut ask: Ask<'w>,
) -> Ask<'w> {
    let replaced = |name: &str| different.headers.iter().any(|(given, _)| *given == name);
    let kept = endpoint.headers.iter().filter(|(name, _)| !replaced(name));
    for (name, value) in kept.chain(different.headers) {
        ask = ask.header(name, &furnished.filled(value));
    }
    match different.body.or(endpoint.body.as_ref()) {
        None => ask,
        Some(Body::Bytes(bytes)) => ask.body(bytes.clone()),
        Some(Body::Json(body)) => {
            let fresh = FRESH.fetch_add(1, Ordering::Relaxed).to_string();
            let text = furnished.filled(&body.to_string()).replace("{fresh}", &fresh);
            let ask = ask.body(text);
            if replaced("content-type") {
                ask
            } else {
                ask.header("content-type", "application/json")
            }
        }
    }
}
