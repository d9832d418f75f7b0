//! A gate in front of a real registry: it asks for tokens, keeps a list of referrers, and says what no real registry
//! says.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, Response, StatusCode};
use serde_json::{Value, json};
use testkit::images::{INDEX, Image};

/// `bob:secret`.
const BOB: &str = "Basic Ym9iOnNlY3JldA==";

#[derive(Default)]
struct Kept {
    /// Number of the token that is good now; `None`: none is asked for.
    token: Option<u64>,
    /// Requests one token is good for.
    good_for: u64,
    used: u64,
    /// Scopes tokens were asked for.
    scopes: Vec<String>,
    /// Logins the token server saw.
    logins: Vec<Option<String>>,
    /// What is about a manifest; `None`: that is not listed here.
    referrers: Option<HashMap<String, Vec<Value>>>,
    /// Answers by path: media type and body.
    said: HashMap<String, (String, Vec<u8>)>,
    /// Path of a manifest that is taken whatever is in it, and what was.
    takes: Option<String>,
    taken: Option<Vec<u8>>,
    /// Paths that were asked for.
    asked: Vec<String>,
}

/// A running gate.
pub struct Gate {
    address: SocketAddr,
    kept: Arc<Mutex<Kept>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Clone)]
struct Behind {
    registry: SocketAddr,
    gate: SocketAddr,
    kept: Arc<Mutex<Kept>>,
    client: reqwest::Client,
}

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Gate {
    /// Starts a gate to `registry` that lets everything through.
    pub async fn to(registry: SocketAddr) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port");
        let address = listener.local_addr().expect("an address");
        let kept: Arc<Mutex<Kept>> = Arc::default();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build();
        let behind = Behind {
            registry,
            gate: address,
            kept: kept.clone(),
            client: client.expect("a plain client"),
        };
        let router = axum::Router::new().fallback(pass).with_state(behind);
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("it serves");
        });
        Self { address, kept, task }
    }

    /// Returns its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL of `path` behind it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Asks for tokens from now on, each good for so many requests.
    pub fn ask_for_tokens(&self, good_for: u64) {
        let mut kept = lock(&self.kept);
        kept.token = Some(1);
        kept.good_for = good_for;
    }

    /// Lists referrers from now on.
    pub fn list_referrers(&self) {
        lock(&self.kept).referrers = Some(HashMap::new());
    }

    /// Answers `path` with `body` from now on.
    pub fn say(&self, path: &str, media_type: &str, body: impl Into<Vec<u8>>) {
        let answer = (media_type.into(), body.into());
        lock(&self.kept).said.insert(path.into(), answer);
    }

    /// Answers as if `image` were `name:reference`.
    pub fn serve_manifest(&self, name: &str, reference: &str, image: &Image) {
        let path = format!("/v2/{name}/manifests/{reference}");
        self.say(&path, &image.media_type, image.bytes());
    }

    /// Takes whatever is written as `name:reference`, and does not look into it.
    pub fn take_manifest(&self, name: &str, reference: &str) {
        lock(&self.kept).takes = Some(format!("/v2/{name}/manifests/{reference}"));
    }

    /// Returns what was taken so.
    pub fn taken(&self) -> Option<Vec<u8>> {
        lock(&self.kept).taken.clone()
    }

    /// Returns the scopes tokens were asked for.
    pub fn scopes(&self) -> Vec<String> {
        lock(&self.kept).scopes.clone()
    }

    /// Returns the logins the token server saw.
    pub fn logins(&self) -> Vec<Option<String>> {
        lock(&self.kept).logins.clone()
    }

    /// Returns how many requests named this in their path.
    pub fn asked(&self, part: &str) -> usize {
        lock(&self.kept)
            .asked
            .iter()
            .filter(|path| path.contains(part))
            .count()
    }
}

fn answer(status: u16, media_type: &str, body: impl Into<Body>) -> Response<Body> {
    let response = Response::builder()
        .status(status)
        .header("Content-Type", media_type);
    response.body(body.into()).expect("a response")
}

async fn pass(State(behind): State<Behind>, request: Request) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, 64 << 20).await.expect("a whole body");
    let path = head.uri.path().to_owned();
    let query = head.uri.query().unwrap_or_default().to_owned();
    let login = head
        .headers
        .get("authorization")
        .and_then(|it| it.to_str().ok())
        .map(String::from);
    lock(&behind.kept)
        .asked
        .push(format!("{} {path}?{query}", head.method));
    if path == "/token" {
        return token(&behind, &query, login);
    }
    if !let_in(&behind, login) {
        let name = path.trim_start_matches("/v2/");
        let end = ["/blobs/", "/manifests/", "/referrers/", "/tags/"]
            .iter()
            .find_map(|part| name.find(part));
        let scope = &name[..end.unwrap_or(name.len())];
        let challenge = format!(
            "Bearer realm=\"http://{}/token\",service=\"gate\",scope=\"repository:{scope}:pull\"",
            behind.gate
        );
        let mut refused = answer(
            401,
            "application/json",
            "{\"errors\":[{\"code\":\"UNAUTHORIZED\"}]}",
        );
        refused
            .headers_mut()
            .insert("WWW-Authenticate", challenge.parse().expect("a header"));
        return refused;
    }
    let said = lock(&behind.kept).said.get(&path).cloned();
    if let Some((media_type, body)) = said {
        return answer(200, &media_type, body);
    }
    if head.method == Method::PUT && lock(&behind.kept).takes.as_deref() == Some(&path) {
        let digest = domain::digest::Digest::of(&body).to_string();
        lock(&behind.kept).taken = Some(body.to_vec());
        let mut taken = answer(201, "text/plain", "");
        let digest = digest.parse().expect("a header");
        taken.headers_mut().insert("Docker-Content-Digest", digest);
        return taken;
    }
    if let Some(listed) = referrers(&behind, &path) {
        return listed;
    }
    forward(
        &behind,
        head.method,
        &format!("{path}?{query}"),
        head.headers,
        body,
    )
    .await
}

fn token(behind: &Behind, query: &str, login: Option<String>) -> Response<Body> {
    let mut kept = lock(&behind.kept);
    kept.logins.push(login.clone());
    let url = reqwest::Url::parse(&format!("http://x/?{query}")).expect("a URL");
    let scopes = url
        .query_pairs()
        .filter(|(name, _)| name == "scope")
        .map(|(_, scope)| scope.into_owned());
    kept.scopes.extend(scopes);
    if login.is_some_and(|login| login != BOB) {
        return answer(
            401,
            "application/json",
            r#"{"errors":[{"code":"UNAUTHORIZED","message":"wrong password"}]}"#,
        );
    }
    if kept.used >= kept.good_for {
        kept.token = kept.token.map(|token| token + 1);
        kept.used = 0;
    }
    let token = format!("token-{}", kept.token.unwrap_or_default());
    answer(
        200,
        "application/json",
        json!({ "access_token": token, "expires_in": 300 }).to_string(),
    )
}

fn let_in(behind: &Behind, login: Option<String>) -> bool {
    let mut kept = lock(&behind.kept);
    let Some(token) = kept.token else { return true };
    kept.used += 1;
    login.is_some_and(|login| login == format!("Bearer token-{token}")) && kept.used <= kept.good_for
}

fn referrers(behind: &Behind, path: &str) -> Option<Response<Body>> {
    let digest = path.split("/referrers/").nth(1)?;
    let kept = lock(&behind.kept);
    let Some(all) = &kept.referrers else {
        return Some(answer(404, "text/plain", "404 page not found"));
    };
    let manifests = all.get(digest).cloned().unwrap_or_default();
    let list = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests });
    Some(answer(200, INDEX, list.to_string()))
}

async fn forward(
    behind: &Behind,
    method: Method,
    path: &str,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let is_manifest = method == Method::PUT && path.contains("/manifests/");
    let url = format!("http://{}{path}", behind.registry);
    let mut headers = headers;
    headers.remove("authorization");
    let answer = behind
        .client
        .request(method, url)
        .headers(headers)
        .body(body.clone())
        .send()
        .await
        .expect("the registry answers");
    let status = answer.status();
    let mut response = Response::builder().status(status);
    let is_subject = match is_manifest && status == StatusCode::CREATED {
        true => listed(behind, &body, answer.headers()),
        false => None,
    };
    for (name, value) in answer.headers() {
        if name != "transfer-encoding" {
            response = response.header(name, value);
        }
    }
    if let Some(subject) = is_subject {
        response = response.header("OCI-Subject", subject);
    }
    let body = answer.bytes().await.expect("a whole body");
    response.body(body.into()).expect("a response")
}

/// Notes a manifest among the referrers of its subject, and returns that.
fn listed(behind: &Behind, manifest: &[u8], headers: &HeaderMap) -> Option<String> {
    let document: Value = serde_json::from_slice(manifest).ok()?;
    let subject = document["subject"]["digest"].as_str()?.to_owned();
    let digest = headers.get("docker-content-digest")?.to_str().ok()?;
    let entry = json!({ "mediaType": document["mediaType"], "digest": digest, "size": manifest.len() });
    let mut kept = lock(&behind.kept);
    kept.referrers
        .as_mut()?
        .entry(subject.clone())
        .or_default()
        .push(entry);
    Some(subject)
}
