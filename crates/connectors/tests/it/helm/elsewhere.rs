//! Charts whose index points to another server, as repositories in front of signed storage do.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::cluster::{Credentials, Secret};
use domain::digest::Digest;
use domain::failure::ErrorKind;
use domain::task::Scope;
use domain::versions::Choice;
use testkit::contract::packages::{PackageWorld, Release};
use testkit::fault_proxy::FaultProxy;

use super::super::carrying::{carry, list, moved, refused};
use super::world::{World, key, opened, release};

/// Storage whose addresses are signed, and good for GET alone: there is none that could be installed.
struct Storage {
    address: SocketAddr,
    logins: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone)]
struct Kept {
    chart: Bytes,
    logins: Arc<Mutex<Vec<String>>>,
}

impl Storage {
    async fn of(release: &Release) -> Self {
        let logins = Arc::default();
        let kept = Kept {
            chart: release.bytes[0].clone().into(),
            logins: Arc::clone(&logins),
        };
        let app = Router::new().fallback(answer).with_state(kept);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, logins }
    }

    fn logins(&self) -> Vec<String> {
        self.logins.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn answer(State(kept): State<Kept>, request: Request) -> Response {
    let login = request.headers().get(header::AUTHORIZATION);
    if let Some(login) = login.and_then(|login| login.to_str().ok()) {
        let mut logins = kept.logins.lock().unwrap_or_else(PoisonError::into_inner);
        logins.push(login.into());
    }
    let signed = request.uri().query() == Some("signature=good") && request.uri().path() == "/web-1.0.0.tgz";
    if request.method() != Method::GET || !signed {
        return (
            StatusCode::FORBIDDEN,
            "<Error><Code>SignatureDoesNotMatch</Code></Error>",
        )
            .into_response();
    }
    let range = request
        .headers()
        .get(header::RANGE)
        .and_then(|range| range.to_str().ok());
    let from_to = range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
    let whole = kept.chart.len();
    match from_to.and_then(|(from, to)| Some((from.parse::<usize>().ok()?, to.parse::<usize>().ok()))) {
        None => kept.chart.into_response(),
        Some((from, to)) => {
            let to = to.unwrap_or(whole - 1);
            let said = format!("bytes {from}-{to}/{whole}");
            let part = kept.chart.slice(from..=to);
            (StatusCode::PARTIAL_CONTENT, [(header::CONTENT_RANGE, said)], part).into_response()
        }
    }
}

/// Lists `urls` as the places of `web`, version by version, with the digest of `release`.
fn index(release: &Release, urls: &[(&str, String)]) -> String {
    let digest = Digest::of(&release.bytes[0]).to_hex();
    let entries = urls.iter().map(|(version, url)| {
        format!("  - {{name: web, version: {version}, digest: {digest}, urls: ['{url}']}}\n")
    });
    format!("entries:\n  web:\n{}", entries.collect::<String>())
}

fn logged_in(url: &str) -> connectors::registry::Opened {
    let credentials = Credentials {
        username: Some("bob".into()),
        password: Some(Secret::new("secret")),
        ..Credentials::default()
    };
    opened(url, &credentials, Choice::default())
}

#[tokio::test]
async fn charts_on_signed_storage_travel_and_the_login_stays_at_home() {
    let (here, there) = (World::start().await, World::start().await);
    let one = release("web", "1.0.0", b"x", None);
    let storage = Storage::of(&one).await;
    let at = |query: &str| format!("http://{}/web-1.0.0.tgz?signature={query}", storage.address);
    let gone = "http://127.0.0.1:1/web-0.1.0.tgz".to_owned();
    let index = index(
        &one,
        &[("1.0.0", at("good")), ("0.9.0", at("expired")), ("0.1.0", gone)],
    );
    here.0.museum().index = Some(index);
    let proxy = FaultProxy::to(here.0.address).await;
    let source = logged_in(&format!("{}/org/charts", proxy.url()));

    let first = carry(&source, &there.opened(), &key("web", "1.0.0")).await;
    let keys = list(&*source.source, &Scope::Repository).await;
    let described = source
        .source
        .describe(&keys)
        .await
        .expect("the others are described");

    assert_eq!(moved(first), one.artifact.size_bytes());
    assert_eq!(there.found(&one).await[0].as_ref(), Some(&one.bytes[0]));
    let kinds: Vec<_> = described
        .into_iter()
        .map(|it| it.err().map(|error| error.kind))
        .collect();
    let expected = [Some(ErrorKind::Unreachable), Some(ErrorKind::Unauthorised), None];
    assert_eq!(kinds, expected, "{keys:?}");
    assert_eq!(storage.logins(), [""; 0], "the login is none of its business");
    assert!(
        proxy
            .seen()
            .iter()
            .all(|seen| seen.header("authorization").is_some())
    );
}

#[tokio::test]
async fn other_bytes_than_the_index_names_are_not_kept() {
    let (here, there) = (World::start().await, World::start().await);
    let (one, other) = (
        release("web", "1.0.0", b"one", None),
        release("web", "1.0.0", b"two", None),
    );
    let storage = Storage::of(&other).await;
    let place = format!("http://{}/web-1.0.0.tgz?signature=good", storage.address);
    here.0.museum().index = Some(index(&one, &[("1.0.0", place)]));

    let error = refused(carry(&here.opened(), &there.opened(), &one.artifact.key).await);

    assert_eq!(error.kind, ErrorKind::Corrupt, "{error}");
    assert!(there.0.museum().charts.is_empty());
}
