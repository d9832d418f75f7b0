//! Images made for tests: manifests, configurations and layers, and pushing them to a registry by hand.

use domain::digest::Digest;
use serde_json::{Value, json};

/// Media type of an OCI image manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Media type of an OCI image index.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A manifest and everything it consists of.
#[derive(Debug, Clone)]
pub struct Image {
    /// The manifest's media type.
    pub media_type: String,
    /// The manifest.
    pub document: Value,
    /// Bytes of its configuration and layers.
    pub blobs: Vec<Vec<u8>>,
    /// The manifests of an index.
    pub children: Vec<Image>,
}

fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": Digest::of(bytes).to_string(), "size": bytes.len() })
}

impl Image {
    /// Makes an image of these layers; its configuration follows from them.
    pub fn of(layers: &[&[u8]]) -> Self {
        let config = json!({ "architecture": "amd64", "os": "linux",
            "rootfs": { "type": "layers", "diff_ids": layers.iter().map(|it| Digest::of(it)).collect::<Vec<_>>() } });
        let config = config.to_string().into_bytes();
        let media_type = "application/vnd.oci.image.layer.v1.tar+gzip";
        let document = json!({ "schemaVersion": 2, "mediaType": MANIFEST,
            "config": descriptor("application/vnd.oci.image.config.v1+json", &config),
            "layers": layers.iter().map(|layer| descriptor(media_type, layer)).collect::<Vec<_>>() });
        let blobs = std::iter::once(config).chain(layers.iter().map(|layer| layer.to_vec()));
        Self {
            media_type: MANIFEST.into(),
            document,
            blobs: blobs.collect(),
            children: Vec::new(),
        }
    }

    /// Makes an artifact of this type that has no layers.
    pub fn artifact(artifact_type: &str) -> Self {
        let mut artifact = Self::of(&[]);
        artifact.blobs = vec![b"{}".to_vec()];
        artifact.document["config"] = descriptor("application/vnd.oci.empty.v1+json", b"{}");
        artifact.document["artifactType"] = artifact_type.into();
        artifact
    }

    /// Makes an index of images for platforms (`os/architecture`).
    pub fn index(children: Vec<(&str, Image)>) -> Self {
        let entry = |(platform, child): &(&str, Image)| {
            let (os, architecture) = platform.split_once('/').expect("os/architecture");
            let mut entry = descriptor(&child.media_type, &child.bytes());
            entry["platform"] = json!({ "os": os, "architecture": architecture });
            entry
        };
        let entries: Vec<Value> = children.iter().map(entry).collect();
        Self {
            media_type: INDEX.into(),
            document: json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries }),
            blobs: Vec::new(),
            children: children.into_iter().map(|(_, child)| child).collect(),
        }
    }

    /// Says what it is about.
    #[must_use]
    pub fn about(mut self, subject: &Image) -> Self {
        self.document["subject"] = descriptor(&subject.media_type, &subject.bytes());
        self
    }

    /// Changes its manifest.
    #[must_use]
    pub fn changed(mut self, change: impl FnOnce(&mut Value)) -> Self {
        change(&mut self.document);
        if let Some(media_type) = self.document["mediaType"].as_str() {
            self.media_type = media_type.into();
        }
        self
    }

    /// Returns the bytes of its manifest.
    pub fn bytes(&self) -> Vec<u8> {
        self.document.to_string().into_bytes()
    }

    /// Returns the digest of its manifest.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes())
    }

    /// Pushes it with all it consists of to the registry at `url`, as `name:reference`; by its digest where
    /// `reference` is empty.
    pub async fn push(&self, url: &str, name: &str, reference: &str) {
        let client = client();
        for child in &self.children {
            Box::pin(child.push(url, name, "")).await;
        }
        for blob in &self.blobs {
            let begin = client
                .post(format!("{url}/v2/{name}/blobs/uploads/"))
                .send()
                .await;
            let begin = begin.expect("the registry answers");
            let location = begin.headers().get("location").and_then(|it| it.to_str().ok());
            let location = location.unwrap_or_else(|| unreachable!("no upload: {}", begin.status()));
            let location = match location.starts_with('/') {
                true => format!("{url}{location}"),
                false => location.to_owned(),
            };
            let sign = if location.contains('?') { '&' } else { '?' };
            let put = client.put(format!("{location}{sign}digest={}", Digest::of(blob)));
            let put = put.body(blob.clone()).send().await.expect("the registry answers");
            assert_eq!(
                put.status().as_u16(),
                201,
                "{}",
                put.text().await.unwrap_or_default()
            );
        }
        let digest = self.digest().to_string();
        let reference = if reference.is_empty() { &digest } else { reference };
        let put = client
            .put(format!("{url}/v2/{name}/manifests/{reference}"))
            .header("Content-Type", &self.media_type)
            .body(self.bytes())
            .send()
            .await
            .expect("the registry answers");
        assert_eq!(
            put.status().as_u16(),
            201,
            "{}",
            put.text().await.unwrap_or_default()
        );
    }
}

/// Returns the manifest `reference` of `name` at the registry at `url`; `None` when there is none.
pub async fn manifest_at(url: &str, name: &str, reference: &str) -> Option<Vec<u8>> {
    get(&format!("{url}/v2/{name}/manifests/{reference}")).await
}

/// Returns the blob `digest` of `name` at the registry at `url`; `None` when there is none.
pub async fn blob_at(url: &str, name: &str, digest: Digest) -> Option<Vec<u8>> {
    get(&format!("{url}/v2/{name}/blobs/{digest}")).await
}

async fn get(url: &str) -> Option<Vec<u8>> {
    let accepted = format!(
        "{MANIFEST}, {INDEX}, application/vnd.docker.distribution.manifest.v2+json, \
         application/vnd.docker.distribution.manifest.list.v2+json, */*"
    );
    let answer = client().get(url).header("Accept", accepted).send().await;
    let answer = answer.expect("the registry answers");
    match answer.status().as_u16() {
        200 => Some(answer.bytes().await.expect("a whole body").to_vec()),
        404 => None,
        other => unreachable!("{url}: {other}"),
    }
}

fn client() -> reqwest::Client {
    // A second call finds the provider installed and changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder().no_proxy().tls_certs_only([]);
    builder.build().expect("a plain client")
}
