//! A stand-in for ChartMuseum, written from its API: charts come by `POST /api/charts` (as a form, or as the body), the
//! index is made of what is there, `?force` replaces. What a chart is called stands in the chart.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::digest::Digest;
use futures_util::stream;
use serde_json::{Value, json};

/// A chart as it is kept.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    pub chart: Vec<u8>,
    pub provenance: Option<Vec<u8>>,
}

/// What a museum keeps, and how it behaves.
#[derive(Debug, Default)]
pub struct Museum {
    /// By name and version.
    pub charts: BTreeMap<(String, String), Kept>,
    /// What the index says instead of what is true.
    pub index: Option<String>,
    /// Whether `?force` is refused.
    pub never_replaces: bool,
    /// Whether charts are changed as they are kept.
    pub corrupts: bool,
}

/// A running stand-in.
pub struct Stand {
    pub address: SocketAddr,
    museum: Arc<Mutex<Museum>>,
}

impl Stand {
    /// Starts an empty one that runs below `path` as museums for many do: the API below `/api` and the path.
    pub async fn below(path: &str) -> Self {
        let museum: Arc<Mutex<Museum>> = Arc::default();
        let api = format!("/api{path}/charts");
        let app = Router::new()
            .route(&format!("{path}/index.yaml"), get(index))
            .route(&format!("{path}/charts/{{file}}"), get(file))
            .route(&api, get(|| async { "{}" }).post(take))
            .route(&format!("/api{path}/prov"), axum::routing::post(sign))
            .route(&format!("{api}/{{name}}"), get(versions))
            .route(
                &format!("{api}/{{name}}/{{version}}"),
                axum::routing::delete(remove),
            )
            .with_state(museum.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, museum }
    }

    pub fn museum(&self) -> MutexGuard<'_, Museum> {
        lock(&self.museum)
    }
}

fn lock(museum: &Mutex<Museum>) -> MutexGuard<'_, Museum> {
    museum.lock().unwrap_or_else(PoisonError::into_inner)
}

type Shared = State<Arc<Mutex<Museum>>>;

impl Museum {
    /// Keeps a chart under what stands in it.
    pub fn keep(&mut self, chart: Vec<u8>, provenance: Option<Vec<u8>>) {
        let key = called(&chart).expect("a chart");
        self.charts.insert(key, Kept { chart, provenance });
    }

    fn entry(&self, key: &(String, String)) -> Value {
        let (name, version) = key;
        json!({
            "name": name, "version": version, "apiVersion": "v2", "digest": Digest::of(&self.charts[key].chart).to_hex(),
            "urls": [format!("charts/{name}-{version}.tgz")], "created": "2026-01-01T00:00:00Z",
        })
    }

    fn file(&self, name: &str) -> Option<Vec<u8>> {
        self.charts.iter().find_map(|((chart, version), kept)| {
            let file = format!("{chart}-{version}.tgz");
            match name.strip_prefix(&file)? {
                "" => Some(kept.chart.clone()),
                ".prov" => kept.provenance.clone(),
                _ => None,
            }
        })
    }
}

async fn index(State(museum): Shared) -> Response {
    let museum = lock(&museum);
    if let Some(text) = &museum.index {
        return text.clone().into_response();
    }
    let mut entries: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for key in museum.charts.keys() {
        entries.entry(&key.0).or_default().push(museum.entry(key));
    }
    // JSON is YAML.
    json!({ "apiVersion": "v1", "entries": entries })
        .to_string()
        .into_response()
}

async fn file(State(museum): Shared, Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(bytes) = lock(&museum).file(&name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let from = headers.get(header::RANGE).and_then(|range| {
        let range = range.to_str().ok()?;
        range
            .strip_prefix("bytes=")?
            .strip_suffix('-')?
            .parse::<usize>()
            .ok()
    });
    match from {
        Some(from) => {
            let said = format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len());
            let part = bytes[from..].to_vec();
            (StatusCode::PARTIAL_CONTENT, [(header::CONTENT_RANGE, said)], part).into_response()
        }
        None => bytes.into_response(),
    }
}

async fn versions(State(museum): Shared, Path(name): Path<String>) -> Response {
    let museum = lock(&museum);
    let keys = museum.charts.keys().filter(|key| key.0 == name);
    let found: Vec<Value> = keys.map(|key| museum.entry(key)).collect();
    if found.is_empty() {
        return (StatusCode::NOT_FOUND, r#"{"error":"not found"}"#).into_response();
    }
    Value::from(found).to_string().into_response()
}

async fn remove(State(museum): Shared, Path(key): Path<(String, String)>) -> StatusCode {
    match lock(&museum).charts.remove(&key) {
        Some(_) => StatusCode::OK,
        None => StatusCode::NOT_FOUND,
    }
}

/// Takes a signature alone: what it signs stands in it.
async fn sign(State(museum): Shared, RawQuery(query): RawQuery, body: Bytes) -> StatusCode {
    let text = String::from_utf8_lossy(&body);
    let key = named(&text).unwrap_or_default();
    match lock(&museum).charts.get_mut(&key) {
        None => StatusCode::BAD_REQUEST,
        Some(kept) if kept.provenance.is_some() && query.is_none() => StatusCode::CONFLICT,
        Some(kept) => {
            kept.provenance = Some(body.to_vec());
            StatusCode::CREATED
        }
    }
}

async fn take(State(museum): Shared, RawQuery(query): RawQuery, headers: HeaderMap, body: Body) -> Response {
    // As a real one: nothing is kept of a body that ends too early.
    let Ok(body) = axum::body::to_bytes(body, usize::MAX).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let (chart, provenance) = parts(&headers, body).await;
    let mut museum = lock(&museum);
    let forced = query.is_some_and(|query| query.contains("force")) && !museum.never_replaces;
    let refused = |words: &str| (StatusCode::CONFLICT, json!({ "error": words }).to_string()).into_response();
    let Some(mut chart) = chart else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let Some(key) = called(&chart) else {
        return (StatusCode::BAD_REQUEST, r#"{"error":"chart.yaml is missing"}"#).into_response();
    };
    if museum.charts.contains_key(&key) && !forced {
        return refused("file already exists");
    }
    if museum.corrupts {
        chart.push(0);
    }
    // A signature that is not sent again stays.
    let provenance = provenance.or_else(|| museum.charts.get(&key)?.provenance.clone());
    museum.charts.insert(key, Kept { chart, provenance });
    (StatusCode::CREATED, r#"{"saved":true}"#).into_response()
}

type Parts = (Option<Vec<u8>>, Option<Vec<u8>>);

async fn parts(headers: &HeaderMap, body: Bytes) -> Parts {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    let Ok(boundary) = multer::parse_boundary(kind) else {
        return (Some(body.to_vec()), None);
    };
    let body = stream::iter([Ok::<_, std::io::Error>(body)]);
    let mut form = multer::Multipart::new(body, boundary);
    let mut parts: Parts = (None, None);
    while let Ok(Some(field)) = form.next_field().await {
        let name = field.name().unwrap_or_default().to_owned();
        let bytes = field.bytes().await.unwrap_or_default().to_vec();
        match name.as_str() {
            "chart" => parts.0 = Some(bytes),
            "prov" => parts.1 = Some(bytes),
            _ => {}
        }
    }
    parts
}

/// Returns name and version that stand in a chart.
fn called(chart: &[u8]) -> Option<(String, String)> {
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(chart).read_to_end(&mut text).ok()?;
    named(&String::from_utf8_lossy(&text))
}

fn named(text: &str) -> Option<(String, String)> {
    let value = |name: &str| {
        let line = text.lines().find(|line| line.contains(name))?;
        Some(line.split_once(name)?.1.trim().to_owned())
    };
    Some((value("name: ")?, value("version: ")?))
}
