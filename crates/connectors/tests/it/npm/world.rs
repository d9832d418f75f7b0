//! verdaccio, filled and read by hand as npm does it.

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connectors::http::Outgoing;
use connectors::peer::Peers;
use connectors::registry::{Opened, by_scheme};
use domain::artifact::{Artifact, ArtifactKey, Blob, Metadata};
use domain::checksums::{Checksums, Sums};
use domain::cluster::Credentials;
use domain::digest::Digest;
use domain::ports::{Source, Target};
use domain::versions::Choice;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use testkit::ManualClock;
use testkit::contract::noise;
use testkit::contract::packages::{PackageWorld, Release};
use testkit::servers::Verdaccio;

/// A registry, and where it is spoken to: itself, or a proxy in front of it.
pub(super) struct Npm {
    pub(super) verdaccio: Verdaccio,
    client: Client,
}

/// Returns the registry at `url` behind the ports.
pub(super) fn opened(url: &str, credentials: &Credentials) -> Opened {
    choosing(url, credentials, Choice::default())
}

fn choosing(url: &str, credentials: &Credentials, choice: Choice) -> Opened {
    reached(url, credentials, choice, Outgoing::default())
}

/// Returns what `choice` wants of the registry at `url`, reached as `outgoing` says.
pub(super) fn reached(url: &str, credentials: &Credentials, choice: Choice, outgoing: Outgoing) -> Opened {
    let peers = Peers::new(outgoing, Arc::new(ManualClock::at(0)));
    let url = url.parse().expect("a URL");
    let server = peers.server(&url, credentials).expect("a server");
    by_scheme("npm")
        .expect("registered")
        .open(server.choosing(choice))
        .expect("opened")
}

impl Npm {
    pub(super) async fn start() -> Self {
        Self::of(Verdaccio::start().await)
    }

    pub(super) fn of(verdaccio: Verdaccio) -> Self {
        // The connectors' own client has installed what TLS needs.
        let _ = opened(&verdaccio.server.url(), &Credentials::default());
        let client = Client::builder().no_proxy().build().expect("a client");
        Self { verdaccio, client }
    }

    pub(super) fn url(&self) -> String {
        self.verdaccio.server.url()
    }

    pub(super) fn ports(&self) -> Opened {
        opened(&self.url(), &Credentials::default())
    }

    /// Returns what the registry shows at `path`.
    pub(super) async fn shown(&self, path: &str) -> Option<Value> {
        let answer = self
            .client
            .get(format!("{}/{path}", self.url()))
            .send()
            .await
            .expect("an answer");
        let found = answer.status() != StatusCode::NOT_FOUND;
        let text = answer.text().await.expect("a body");
        found.then(|| serde_json::from_str(&text).expect("JSON"))
    }

    /// Publishes as npm does, with `tag`.
    pub(super) async fn publish(&self, release: &Release, tag: &str) {
        let artifact = &release.artifact;
        let (name, version) = name_and_version(&artifact.key);
        let bytes = &release.bytes[0];
        let mut entry = artifact.document.clone().expect("an entry");
        let file = format!("{name}-{version}.tgz");
        entry["dist"]["tarball"] = json!(format!("{}/{name}/-/{}", self.url(), artifact.blobs[0].name));
        let document = json!({
            "_id": name, "name": name, "dist-tags": { tag: version }, "versions": { version: entry },
            "_attachments": { file: { "content_type": "application/octet-stream",
                "data": STANDARD.encode(bytes), "length": bytes.len() } },
        });
        self.put(&name.replace('/', "%2f"), &document).await;
    }

    pub(super) async fn put(&self, path: &str, document: &Value) {
        let url = format!("{}/{path}", self.url());
        let answer = self
            .client
            .put(url)
            .json(document)
            .send()
            .await
            .expect("an answer");
        assert!(
            answer.status().is_success(),
            "{}",
            answer.text().await.unwrap_or_default()
        );
    }
}

pub(super) fn name_and_version(key: &ArtifactKey) -> (&str, &str) {
    let name = key.name.strip_prefix("npm://").expect("a key of npm");
    (name, key.version.as_deref().expect("a version"))
}

/// Makes a version of the package `name` with `bytes` as its tarball.
pub(super) fn release(name: &str, version: &str, bytes: Vec<u8>) -> Release {
    let asked = Blob {
        checksums: Checksums {
            sha512: Some([0; 64]),
            sha1: Some([0; 20]),
            md5: None,
        },
        ..Blob::unknown(0)
    };
    let checksums = Sums::of(&bytes, &asked).checksums;
    let base = name.rsplit('/').next().unwrap_or(name);
    let blob = Blob {
        name: format!("{base}-{version}.tgz"),
        checksums,
        ..Blob::of(Digest::of(&bytes), bytes.len() as u64)
    };
    let document = json!({
        "name": name, "version": version, "main": "index.js", "dependencies": { "other": "^1.0.0" },
        "dist": {
            "integrity": format!("sha512-{}", STANDARD.encode(checksums.sha512.expect("asked"))),
            "shasum": hex::encode(checksums.sha1.expect("asked")),
            "tarball": format!("http://elsewhere.example/{base}.tgz"),
        },
    });
    let key = ArtifactKey {
        name: format!("npm://{name}"),
        version: Some(version.into()),
    };
    Release {
        artifact: Artifact {
            key,
            digest: None,
            blobs: vec![blob],
            metadata: Metadata::new(),
            document: Some(document),
        },
        bytes: vec![bytes],
    }
}

#[async_trait]
impl PackageWorld for Npm {
    fn names(&self) -> [&'static str; 3] {
        ["left-pad", "@some-scope/right.pad", "JSONStream_2"]
    }

    fn release(&self, name: &str, version: &str, size_bytes: usize, seed: u64) -> Release {
        let own = name
            .bytes()
            .chain(version.bytes())
            .fold(seed, |sum, byte| sum.wrapping_mul(31) ^ u64::from(byte));
        release(name, version, noise(size_bytes, own))
    }

    async fn hold(&self, release: &Release) {
        self.publish(release, "latest").await;
    }

    async fn found(&self, release: &Release) -> Vec<Option<Vec<u8>>> {
        let (name, version) = name_and_version(&release.artifact.key);
        let packument = self.shown(&name.replace('/', "%2f")).await.unwrap_or_default();
        let Some(url) = packument["versions"][version]["dist"]["tarball"].as_str() else {
            return vec![None];
        };
        let answer = self.client.get(url).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK, "{url}");
        vec![Some(answer.bytes().await.expect("bytes").to_vec())]
    }

    fn source_of(&self, choice: Choice) -> Arc<dyn Source> {
        choosing(&self.url(), &Credentials::default(), choice).source
    }

    fn target(&self) -> Arc<dyn Target> {
        self.ports().target
    }
}
