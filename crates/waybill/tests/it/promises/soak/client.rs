//! A client that knows what it keeps, and checks every answer against it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::digest::Digest;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::super::world::{Draw, Node};
use super::{Length, REPOSITORY};

/// Names the clients quarrel over.
const SHARED: u64 = 6;

/// One of the hundred.
pub(super) struct Client {
    folder: String,
    node: Arc<Node>,
    requests: Arc<AtomicU64>,
    draw: Draw,
    made: u64,
    /// Path and digest of everything in the folder.
    files: BTreeMap<String, String>,
}

impl Client {
    pub(super) fn new(number: u64, node: Arc<Node>, requests: Arc<AtomicU64>) -> Self {
        Self {
            folder: format!("/c{number}"),
            node,
            requests,
            draw: Draw::new(number + 1),
            made: 0,
            files: BTreeMap::new(),
        }
    }

    /// Works until `length` is over; returns what its folder holds now.
    pub(super) async fn work(mut self, length: Length) -> BTreeMap<String, String> {
        let mut steps = 0;
        while length.goes_on_after(steps) {
            match self.draw.below(100) {
                0..20 => self.quarrel().await,
                20..65 => self.upload().await,
                65..85 => self.download().await,
                85..92 => self.delete().await,
                _ => self.rename().await,
            }
            steps += 1;
        }
        self.files
    }

    async fn upload(&mut self) {
        let again = self.draw.below(3) == 0;
        let path = match self.one().filter(|_| again) {
            Some(path) => path,
            None => self.new_path(),
        };
        let bytes = self.content();
        let digest = Digest::of(&bytes).to_hex();
        let (status, answer) = self.put(&path, bytes).await;
        assert_eq!(status, 200, "upload {path}: {answer}");
        assert_eq!(answer["data"]["sha256"], *digest, "upload {path}");
        self.files.insert(path, digest);
    }

    async fn download(&mut self) {
        let Some(path) = self.one() else { return };
        let (status, found) = self.get(&path).await;
        assert_eq!(
            (status, found.as_ref()),
            (200, self.files.get(&path)),
            "download {path}"
        );
    }

    async fn delete(&mut self) {
        let Some(path) = self.one() else { return };
        let (status, answer) = self.send(Method::DELETE, &generic(&path)).await;
        assert_eq!(status, 200, "delete {path}: {answer}");
        self.files.remove(&path);
        assert_eq!(self.get(&path).await.0, 404, "{path} was deleted");
    }

    async fn rename(&mut self) {
        let Some(path) = self.one() else { return };
        let other = self.new_path();
        let (status, answer) = self.send(Method::POST, &renaming(&path, &other)).await;
        assert_eq!(status, 200, "rename {path} to {other}: {answer}");
        let digest = self.files.remove(&path).expect("it was kept");
        let (status, found) = self.get(&other).await;
        assert_eq!(
            (status, found.as_ref()),
            (200, Some(&digest)),
            "{other} was {path}"
        );
        self.files.insert(other, digest);
    }

    /// Does something to a name that others change at the same time: any answer but a failure of the node is
    /// right, and what is downloaded is whole.
    async fn quarrel(&mut self) {
        let path = format!("/shared/{}", self.draw.below(SHARED));
        let status = match self.draw.below(4) {
            0 => {
                let bytes = self.content();
                self.put(&path, bytes).await.0
            }
            1 => self.send(Method::DELETE, &generic(&path)).await.0,
            2 => {
                let other = format!("/shared/{}", self.draw.below(SHARED));
                self.send(Method::POST, &renaming(&path, &other)).await.0
            }
            _ => self.get(&path).await.0,
        };
        assert!([200, 400, 404].contains(&status), "{path}: {status}");
    }

    fn one(&mut self) -> Option<String> {
        let count = self.files.len() as u64;
        let index = self.draw.below(count.max(1));
        self.files.keys().nth(index as usize).cloned()
    }

    fn new_path(&mut self) -> String {
        self.made += 1;
        format!("{}/d{}/f{}", self.folder, self.made % 3, self.made)
    }

    /// Mostly small, some large, and some that others have too.
    fn content(&mut self) -> Vec<u8> {
        match self.draw.below(20) {
            0 => vec![7; 50_000],
            1..4 => format!("common {}", self.draw.below(5)).into_bytes(),
            4 => self.bytes(1_500_000),
            _ => {
                let size = 1 + self.draw.below(20_000);
                self.bytes(size)
            }
        }
    }

    fn bytes(&mut self, count: u64) -> Vec<u8> {
        let words = (0..count.div_ceil(8)).flat_map(|_| self.draw.below(u64::MAX).to_le_bytes());
        words.take(count as usize).collect()
    }

    async fn put(&self, path: &str, bytes: Vec<u8>) -> (u16, Value) {
        let request = self.node.request(Method::PUT, &generic(path));
        self.answer(request.header("X-BKREPO-OVERWRITE", "true").body(bytes))
            .await
    }

    async fn send(&self, method: Method, path: &str) -> (u16, Value) {
        self.answer(self.node.request(method, path)).await
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> (u16, Value) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let answer = request.send().await.expect("the node answers");
        let status = answer.status();
        let body = answer.json().await.expect("an envelope");
        assert!(!status.is_server_error(), "{status} {body}");
        (status.as_u16(), body)
    }

    /// Downloads `path`; returns the digest of what came, after comparing it with the one announced.
    async fn get(&self, path: &str) -> (u16, Option<String>) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let request = self.node.request(Method::GET, &generic(path));
        let answer = request.send().await.expect("the node answers");
        let status = answer.status();
        assert!(!status.is_server_error(), "{path}: {status}");
        let announced = answer.headers().get("x-checksum-sha256").cloned();
        let bytes = answer.bytes().await.expect("a whole body");
        let digest = (status == StatusCode::OK).then(|| Digest::of(&bytes).to_hex());
        if let Some(digest) = &digest {
            assert_eq!(announced.expect("announced"), digest.as_str(), "{path}");
        }
        (status.as_u16(), digest)
    }
}

fn generic(path: &str) -> String {
    format!("/generic/{REPOSITORY}{path}")
}

fn renaming(path: &str, other: &str) -> String {
    format!("/repository/api/node/rename/{REPOSITORY}{path}?newFullPath={other}")
}
