//! The registry as clients of the distribution specification use it.

mod access;
mod lists;
mod pull;
mod push;

use axum::http::Method;
use domain::digest::Digest;
use domain::oci::{OCI_INDEX, OCI_MANIFEST};
use serde_json::{Value, json};

use crate::world::{Answer, World};

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// A node with a repository of images, `demo/images`.
pub struct Registry {
    pub world: World,
}

impl Registry {
    pub async fn start() -> Self {
        let world = World::start().await;
        let project = json!({ "name": "demo", "displayName": "Demo", "description": "" });
        world.post("/repository/api/project/create", project).await.ok();
        let this = Self { world };
        this.repository("images", "DOCKER", json!({})).await;
        this
    }

    pub async fn repository(&self, name: &str, kind: &str, more: Value) {
        let mut body = json!({ "projectId": "demo", "name": name, "type": kind });
        for (member, value) in more.as_object().expect("an object") {
            body[member] = value.clone();
        }
        self.world.post("/repository/api/repo/create", body).await.ok();
    }

    pub async fn ask(&self, method: Method, path: &str) -> Answer {
        self.world.ask(method, &format!("/v2/{path}")).send().await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path).await
    }

    /// Pushes a blob as most clients do: opens an upload, sends everything, names the digest.
    pub async fn blob(&self, name: &str, bytes: &[u8]) -> Digest {
        let digest = Digest::of(bytes);
        let opened = self.ask(Method::POST, &format!("{name}/blobs/uploads/")).await;
        assert_eq!(opened.status, 202, "{}", opened.text);
        let place = opened.header("location").expect("a place").to_owned();
        let sent = self
            .world
            .ask(Method::PATCH, &place)
            .body(bytes.to_vec())
            .send()
            .await;
        assert_eq!(sent.status, 202, "{}", sent.text);
        let place = format!("{place}?digest={digest}");
        let ended = self.world.ask(Method::PUT, &place).send().await;
        assert_eq!(ended.status, 201, "{}", ended.text);
        digest
    }

    pub async fn put(&self, name: &str, reference: &str, manifest: &Value) -> Answer {
        let kind = manifest["mediaType"].as_str().unwrap_or(OCI_MANIFEST).to_owned();
        self.world
            .ask(Method::PUT, &format!("/v2/{name}/manifests/{reference}"))
            .header("content-type", &kind)
            .body(manifest.to_string())
            .send()
            .await
    }

    /// Pushes an image of one layer and returns its manifest and the manifest's digest.
    pub async fn image(&self, name: &str, tag: &str, layer: &str) -> (Value, Digest) {
        self.blob(name, b"{}").await;
        self.blob(name, layer.as_bytes()).await;
        let manifest = image(b"{}", layer.as_bytes());
        let put = self.put(name, tag, &manifest).await;
        assert_eq!(put.status, 201, "{}", put.text);
        (manifest.clone(), digest_of(&manifest))
    }
}

/// Returns the digest of a manifest as it is sent.
pub fn digest_of(manifest: &Value) -> Digest {
    Digest::of(manifest.to_string().as_bytes())
}

pub fn descriptor(kind: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": kind, "digest": Digest::of(bytes).to_string(), "size": bytes.len() })
}

pub fn image(config: &[u8], layer: &[u8]) -> Value {
    json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST,
        "config": descriptor("application/vnd.oci.image.config.v1+json", config), "layers": [descriptor(LAYER, layer)] })
}

pub fn index(manifests: &[&Value]) -> Value {
    let manifests: Vec<Value> = manifests
        .iter()
        .map(|manifest| descriptor(OCI_MANIFEST, manifest.to_string().as_bytes()))
        .collect();
    json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests })
}

/// Checks a refusal: its status and the specification's code.
#[track_caller]
pub fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(answer.body["errors"][0]["code"], code, "{}", answer.text);
    assert_eq!(
        answer.header("docker-distribution-api-version"),
        Some("registry/2.0")
    );
}
