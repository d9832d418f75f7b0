//! What it answers to each call.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use domain::digest::Digest;
use serde_json::{Value, json};

use super::{File, Kept, Quirks, node, ok, pairs, refused, shape};

pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
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

    pub(super) fn answer(&self, kept: &mut Kept, quirks: &Quirks) -> Response {
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
