//! A small stand-in for a stock bk-repo, written from the protocol: it believes what a stock node believes.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
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

fn shape(name: &str) -> Value {
    let text = match name {
        "node-detail" => include_str!("shapes/node-detail.json"),
        "repository" => include_str!("shapes/repository.json"),
        _ => include_str!("shapes/project.json"),
    };
    serde_json::from_str(text).expect("a shape")
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

struct Call {
    method: Method,
    path: String,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl Call {
    fn query(&self, name: &str) -> Option<String> {
        pairs(&self.uri)
            .into_iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value)
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    fn answer(&self, kept: &mut Kept, quirks: &Quirks) -> Response {
        const FILES: &str = "/demo/files";
        let rest = |base: &str| {
            let rest = self.path.strip_prefix(base)?.strip_prefix(FILES)?;
            // A path that is one encoded segment begins with a second slash.
            Some(format!("/{}", rest.trim_start_matches('/')))
        };
        if let Some(path) = rest("/repository/api/node/detail") {
            return Self::detail(kept, &path);
        }
        if let Some(path) = rest("/repository/api/node/page") {
            return self.page(kept, &path);
        }
        if let Some(path) = rest("/generic") {
            return self.download(kept, &path);
        }
        if let Some(id) = self
            .path
            .strip_prefix("/replication/replica/demo/files/blobs/uploads")
        {
            return self.upload(kept, quirks, id.trim_start_matches('/'));
        }
        match self.path.as_str() {
            "/repository/api/repo/info/demo/files" => Self::repository(kept),
            "/replication/replica/ping" => ok(Value::Null),
            "/replication/replica/project/create" => ok(shape("project")),
            "/replication/replica/repo/create" => {
                kept.repository = true;
                Self::repository(kept)
            }
            "/replication/replica/node/exist/list" => {
                let asked = self.json()["fullPathList"]
                    .as_array()
                    .cloned()
                    .unwrap_or_default();
                let stands = |path: &Value| {
                    let path = path.as_str().unwrap_or_default();
                    kept.files.contains_key(path) || kept.is_folder(path)
                };
                ok(asked.into_iter().filter(stands).collect())
            }
            "/replication/replica/node/create" => self.create(kept, quirks),
            "/replication/replica/blob/check" => {
                let sha256 = self.query("sha256").unwrap_or_default();
                ok(kept.blobs.contains_key(&sha256).into())
            }
            "/replication/replica/blob/push" => self.push(kept, quirks),
            "/replication/replica/blob/pull" => {
                let sha256 = self.json()["sha256"].as_str().unwrap_or_default().to_owned();
                match kept.blobs.get(&sha256) {
                    Some(bytes) => Body::from(bytes.clone()).into_response(),
                    None => refused(404, 251_024, "Artifact data not found"),
                }
            }
            _ => refused(404, 250_130, "Url not found"),
        }
    }

    fn repository(kept: &Kept) -> Response {
        if !kept.repository {
            return refused(404, 251_006, "Repository [files] not found");
        }
        let mut shown = shape("repository");
        shown["storageCredentialsKey"] = json!(kept.storage_key);
        ok(shown)
    }

    fn detail(kept: &Kept, path: &str) -> Response {
        match kept.files.get(path) {
            _ if !kept.repository => refused(404, 251_006, "Repository [files] not found"),
            Some(file) => ok(node(path, Some(file))),
            None if kept.is_folder(path) => ok(node(path, None)),
            None => refused(400, 251_010, &format!("Node [{path}] not found")),
        }
    }

    fn page(&self, kept: &Kept, path: &str) -> Response {
        let number = |name: &str, otherwise| {
            self.query(name)
                .and_then(|text| text.parse::<usize>().ok())
                .unwrap_or(otherwise)
        };
        let (number, size) = (number("pageNumber", 1), number("pageSize", 20));
        assert_eq!(
            self.query("sort").as_deref(),
            Some("true"),
            "otherwise there is no order"
        );
        let folder = if path == "/" {
            "/".to_owned()
        } else {
            format!("{path}/")
        };
        let files = kept.files.iter().filter(|(file, _)| file.starts_with(&folder));
        let records: Vec<Value> = files
            .skip((number - 1) * size)
            .take(size)
            .map(|(path, file)| node(path, Some(file))["nodeInfo"].clone())
            .collect();
        ok(
            json!({ "pageNumber": number, "pageSize": size, "totalRecords": 0, "totalPages": 0,
            "records": records, "count": 0, "page": number }),
        )
    }

    fn download(&self, kept: &Kept, path: &str) -> Response {
        let found = kept.files.get(path).and_then(|file| {
            let sha256 = file.sha256.clone()?;
            Some((kept.blobs.get(&sha256)?.clone(), sha256))
        });
        let Some((bytes, sha256)) = found else {
            return refused(404, 251_010, &format!("Node [{path}] not found"));
        };
        let range = self.headers.get("range").and_then(|value| value.to_str().ok());
        let from = range.and_then(|text| {
            text.strip_prefix("bytes=")?
                .strip_suffix('-')?
                .parse::<usize>()
                .ok()
        });
        let status = if from.is_some() {
            StatusCode::PARTIAL_CONTENT
        } else {
            StatusCode::OK
        };
        let head = [("x-checksum-sha256", sha256)];
        (status, head, bytes[from.unwrap_or(0)..].to_vec()).into_response()
    }

    fn create(&self, kept: &mut Kept, quirks: &Quirks) -> Response {
        let body = self.json();
        kept.created.push(body.clone());
        let path = body["fullPath"].as_str().unwrap_or_default().to_owned();
        for member in [
            "projectId",
            "repoName",
            "fullPath",
            "folder",
            "size",
            "sha256",
            "md5",
        ] {
            if body[member].is_null() {
                return refused(400, 250_106, &format!("{member} is missing"));
            }
        }
        let parents = path.match_indices('/').map(|(at, _)| &path[..at]);
        if kept.is_folder(&path)
            || parents
                .filter(|at| !at.is_empty())
                .any(|at| kept.files.contains_key(at))
        {
            return refused(400, 251_013, &format!("Node [{path}] conflicts"));
        }
        if kept.files.contains_key(&path) && body["overwrite"] != true {
            return refused(400, 251_012, &format!("Node [{path}] existed"));
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let listed = body["nodeMetadata"].as_array().cloned().unwrap_or_default();
        let file = File {
            sha256: Some(text(&body["sha256"])),
            size: body["size"]
                .as_u64()
                .and_then(|size| usize::try_from(size).ok())
                .unwrap_or(0),
            properties: listed
                .iter()
                .map(|item| (text(&item["key"]), text(&item["value"])))
                .collect(),
        };
        if !kept.blobs.contains_key(&text(&body["sha256"])) {
            return refused(404, 251_024, "Artifact data not found");
        }
        let shown = node(&path, Some(&file));
        if !quirks.forgets_files.load(Ordering::Relaxed) {
            kept.files.insert(path, file);
        }
        ok(shown)
    }

    /// Takes a form; compares its size and believes its digest.
    fn push(&self, kept: &mut Kept, quirks: &Quirks) -> Response {
        let media = self.headers["content-type"].to_str().expect("text").to_owned();
        let boundary = media.split("boundary=").nth(1).expect("a boundary").to_owned();
        let mut fields: HashMap<String, Vec<u8>> = HashMap::new();
        let marker = format!("\r\n--{boundary}");
        let whole = [b"\r\n".as_slice(), &self.body].concat();
        for part in split(&whole, marker.as_bytes()).into_iter().skip(1) {
            let parts = split(part, b"\r\n\r\n");
            if let [head, ..] = parts.as_slice()
                && let Some(name) = String::from_utf8_lossy(head).split("name=\"").nth(1)
            {
                let name = name.split('"').next().unwrap_or_default().to_owned();
                fields.insert(name, part[head.len() + 4..].to_vec());
            }
        }
        let mut file = fields.remove("file").expect("a file");
        let text = |name: &str| String::from_utf8_lossy(&fields[name]).into_owned();
        if text("size") != file.len().to_string() {
            return refused(400, 251_031, "Size check failed");
        }
        if quirks.garbles.load(Ordering::Relaxed) && !file.is_empty() {
            file[0] ^= 1;
        }
        kept.blobs.insert(text("sha256"), file);
        ok(Value::Null)
    }

    fn upload(&self, kept: &mut Kept, quirks: &Quirks, id: &str) -> Response {
        if quirks.old.load(Ordering::Relaxed) {
            return refused(404, 250_130, "Url not found");
        }
        let answered = |status: u16, id: &str, range: Option<usize>| {
            let status = StatusCode::from_u16(status).expect("a status");
            let mut response = status.into_response();
            let headers = response.headers_mut();
            // Without a slash in front: a stock node says it so.
            let location = format!("replication/replica/demo/files/blobs/uploads/{id}");
            headers.insert("location", location.parse().expect("a value"));
            headers.insert("push-session-id", id.parse().expect("a value"));
            if let Some(length) = range {
                let range = format!("0-{}", length.saturating_sub(1));
                headers.insert("range", range.parse().expect("a value"));
            }
            response
        };
        match self.method {
            Method::POST => {
                kept.opened += 1;
                let id = kept.opened.to_string();
                kept.sessions.insert(id.clone(), Vec::new());
                answered(202, &id, None)
            }
            Method::PATCH => {
                if quirks.pieces_until_unwell.load(Ordering::Relaxed) == 0
                    && quirks.unwell_for.load(Ordering::Relaxed) > 0
                {
                    quirks.unwell_for.fetch_sub(1, Ordering::Relaxed);
                    return (StatusCode::BAD_GATEWAY, "<html>bad gateway</html>").into_response();
                }
                let Some(there) = kept.sessions.get_mut(id) else {
                    return answered(416, id, Some(self.body.len()));
                };
                let range = self
                    .headers
                    .get("content-range")
                    .and_then(|value| value.to_str().ok());
                let range = range.and_then(|text| {
                    let (first, last) = text.split_once('-')?;
                    Some((first.parse::<usize>().ok()?, last.parse::<usize>().ok()?))
                });
                let length = self
                    .headers
                    .get("content-length")
                    .and_then(|value| value.to_str().ok()?.parse().ok());
                let Some((first, last)) = range.filter(|(first, last)| Some(last - first + 1) == length)
                else {
                    return answered(416, id, length);
                };
                if first == there.len() {
                    there.extend_from_slice(&self.body);
                    let _ = quirks.pieces_until_unwell.fetch_update(
                        Ordering::Relaxed,
                        Ordering::Relaxed,
                        |left| left.checked_sub(1).filter(|_| left != u32::MAX),
                    );
                } else if last + 1 != there.len() {
                    // What a stock node says here is the length of the request.
                    return answered(416, id, length);
                }
                answered(202, id, Some(there.len()))
            }
            Method::PUT => self.close(kept, quirks, id, &answered),
            _ => refused(405, 250_112, "Method not allowed"),
        }
    }

    /// Joins a session; digests it unless it is told size and MD5.
    fn close(
        &self,
        kept: &mut Kept,
        quirks: &Quirks,
        id: &str,
        answered: &dyn Fn(u16, &str, Option<usize>) -> Response,
    ) -> Response {
        let Some(mut whole) = kept.sessions.remove(id) else {
            return refused(400, 250_311, "Artifact is broken");
        };
        whole.extend_from_slice(&self.body);
        if quirks.garbles.load(Ordering::Relaxed) && !whole.is_empty() {
            whole[0] ^= 1;
        }
        let sha256 = self.query("sha256").unwrap_or_default();
        let trusts = self.query("size").is_some() && self.query("md5").is_some();
        if !trusts && Digest::of(&whole).to_hex() != sha256 {
            return refused(400, 250_311, &format!("Replicated artifact [{sha256}] is broken"));
        }
        kept.blobs.insert(sha256, whole);
        answered(201, id, None)
    }
}

fn split<'a>(bytes: &'a [u8], by: &[u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(by.len()).position(|window| window == by) {
        parts.push(&rest[..at]);
        rest = &rest[at + by.len()..];
    }
    parts.push(rest);
    parts
}
