//! A small stand-in for a stock bk-repo, written from the protocol: it believes what a stock node believes.

mod call;

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use call::Call;
use domain::digest::Digest;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What a file is to a bk-repo.
#[derive(Clone)]
pub struct File {
    pub sha256: Option<String>,
    pub size: usize,
    pub properties: Vec<(String, String)>,
}

#[derive(Default)]
pub struct Kept {
    pub repository: bool,
    pub storage_key: Option<String>,
    pub files: BTreeMap<String, File>,
    pub blobs: HashMap<String, Vec<u8>>,
    pub sessions: HashMap<String, Vec<u8>>,
    opened: u32,
    /// Method and target of every call.
    pub calls: Vec<String>,
    /// Bodies of the calls that make files.
    pub created: Vec<Value>,
}

/// How it differs from a healthy node of today.
#[derive(Default)]
pub struct Quirks {
    /// It is from before blobs came in pieces.
    pub old: AtomicBool,
    /// It turns a bit of every blob it takes.
    pub garbles: AtomicBool,
    /// It says that it made a file and does not.
    pub forgets_files: AtomicBool,
    /// It answers 200 and nothing else.
    pub empty: AtomicBool,
    /// Pieces it takes before it is unwell, and how many it refuses then.
    pub pieces_until_unwell: AtomicU32,
    pub unwell_for: AtomicU32,
}

pub struct Fake {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    kept: Mutex<Kept>,
    quirks: Quirks,
}

pub const APP: (&str, &str, &str) = ("ci", "ak", "sk");

impl Fake {
    pub async fn start() -> Self {
        let shared = Arc::new(Shared::default());
        shared
            .quirks
            .pieces_until_unwell
            .store(u32::MAX, Ordering::Relaxed);
        let router = Router::new().fallback(answer).with_state(shared.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            axum::serve(listener, router).await.expect("it serves");
        });
        Self { address, shared }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn kept(&self) -> MutexGuard<'_, Kept> {
        self.shared.kept.lock().expect("nobody panicked")
    }

    pub fn quirks(&self) -> &Quirks {
        &self.shared.quirks
    }

    /// Puts a file there.
    pub fn hold(&self, path: &str, bytes: &[u8]) {
        let mut kept = self.kept();
        kept.repository = true;
        let sha256 = Digest::of(bytes).to_hex();
        kept.blobs.insert(sha256.clone(), bytes.to_vec());
        let file = File {
            sha256: Some(sha256),
            size: bytes.len(),
            properties: Vec::new(),
        };
        kept.files.insert(path.into(), file);
    }

    /// Reads a file.
    pub fn bytes_at(&self, path: &str) -> Option<Vec<u8>> {
        let kept = self.kept();
        let file = kept.files.get(path)?;
        kept.blobs.get(file.sha256.as_ref()?).cloned()
    }
}

impl Kept {
    fn is_folder(&self, path: &str) -> bool {
        path == "/"
            || self
                .files
                .keys()
                .any(|file| file.starts_with(&format!("{path}/")))
    }
}

/// Returns a shape of the contract; it is read once, for pages hold many.
fn shape(name: &str) -> Value {
    static SHAPES: LazyLock<[Value; 3]> = LazyLock::new(|| {
        [
            include_str!("shapes/node-detail.json"),
            include_str!("shapes/repository.json"),
            include_str!("shapes/project.json"),
        ]
        .map(|text| serde_json::from_str(text).expect("a shape"))
    });
    let [node, repository, project] = &*SHAPES;
    match name {
        "node-detail" => node,
        "repository" => repository,
        _ => project,
    }
    .clone()
}

fn ok(data: Value) -> Response {
    enveloped(StatusCode::OK, 0, Value::Null, data)
}

fn refused(status: u16, code: i64, message: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    enveloped(status, code, message.into(), Value::Null)
}

fn enveloped(status: StatusCode, code: i64, message: Value, data: Value) -> Response {
    let body = json!({ "code": code, "message": message, "data": data, "traceId": "5b0c8f3e9a7d42e1b6a0c4d2f1e83b77" });
    let head = [
        ("content-type", "application/json"),
        ("x-bkrepo-time-zone", "+0800"),
    ];
    (status, head, format!("{body:#}")).into_response()
}

fn node(path: &str, file: Option<&File>) -> Value {
    let mut shown = shape("node-detail");
    let (parent, name) = path.rsplit_once('/').unwrap_or(("", ""));
    let properties = file.map(|file| file.properties.clone()).unwrap_or_default();
    let members = json!({
        "fullPath": path, "path": format!("{parent}/"), "name": name, "folder": file.is_none(),
        "size": file.map_or(0, |file| file.size), "sha256": file.and_then(|file| file.sha256.clone()),
        "metadata": properties.iter().cloned().collect::<BTreeMap<_, _>>(),
        "nodeMetadata": properties.iter().map(|(key, value)| json!({ "key": key, "value": value, "system": false,
            "description": null, "link": null, "color": null })).collect::<Vec<_>>(),
    });
    for (member, value) in members.as_object().expect("an object") {
        shown[member] = value.clone();
        shown["nodeInfo"][member] = value.clone();
    }
    shown
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let target = parts
        .uri
        .path_and_query()
        .map(ToString::to_string)
        .unwrap_or_default();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return refused(400, 250_132, "Client broke connection");
    };
    let mut kept = shared.kept.lock().expect("nobody panicked");
    kept.calls.push(format!("{} {target}", parts.method));
    if parts.uri.path() == "/api/v1/peer" {
        // The gateway's own refusal.
        let body = json!({ "code": 404, "message": "Not Found", "data": "", "traceId": null });
        return (StatusCode::NOT_FOUND, body.to_string()).into_response();
    }
    if !logged_in(&parts.method, &parts.uri, &parts.headers, &body) {
        return refused(401, 250_114, "Authentication failed");
    }
    if shared.quirks.empty.load(Ordering::Relaxed) {
        return StatusCode::OK.into_response();
    }
    let path = percent_encoding::percent_decode_str(parts.uri.path())
        .decode_utf8_lossy()
        .into_owned();
    let call = Call {
        method: parts.method,
        path,
        uri: parts.uri,
        headers: parts.headers,
        body,
    };
    call.answer(&mut kept, &shared.quirks)
}

fn logged_in(method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> bool {
    // admin:secret
    if headers
        .get("authorization")
        .is_some_and(|value| value == "Basic YWRtaW46c2VjcmV0")
    {
        return true;
    }
    let query = pairs(uri);
    let value = |name: &str| {
        query
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    };
    let media = headers.get("content-type").and_then(|value| value.to_str().ok());
    let covers = connectors::signed::covers_body(media);
    let within = uri.path()[1..].find('/').map_or("", |end| &uri.path()[end + 1..]);
    let call = connectors::signed::Call {
        path: within,
        method: method.as_str(),
        parameters: &query,
        body: if covers { body } else { b"" },
    };
    let key = domain::cluster::Secret::new(APP.2);
    (value("app_id"), value("access_key")) == (Some(APP.0), Some(APP.1))
        && value("sig").is_some_and(|signature| call.is_signed(signature, &key))
}

fn pairs(uri: &Uri) -> Vec<(String, String)> {
    let query = uri.query().unwrap_or_default();
    url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect()
}
