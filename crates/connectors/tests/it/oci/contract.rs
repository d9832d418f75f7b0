//! Over a real registry, images promise what every package does.

use std::sync::Arc;

use async_trait::async_trait;
use connectors::oci::open;
use domain::artifact::{Artifact, ArtifactKey, Metadata};
use domain::digest::Digest;
use domain::oci::Role;
use domain::ports::{Source, Target};
use domain::versions::Choice;
use testkit::contract::noise;
use testkit::contract::packages::{PackageWorld, Release};
use testkit::images::{Image, blob_at, manifest_at};
use testkit::servers::OciRegistry;

use super::world::{at, key, server};

struct World(OciRegistry);

async fn world() -> World {
    World(OciRegistry::start().await)
}

/// No two of them share a layer: what is shared does not move twice.
fn image(name: &str, version: &str, size_bytes: usize, seed: u64) -> Image {
    let own = format!("{name} {version} {seed}");
    Image::of(&[&noise(size_bytes, seed), own.as_bytes()])
}

fn image_of(release: &Release) -> (String, String, Image) {
    let ArtifactKey { name, version } = &release.artifact.key;
    let (manifest, blobs) = release.bytes.split_last().expect("a manifest");
    let image = Image {
        document: serde_json::from_slice(manifest).expect("JSON"),
        blobs: blobs.to_vec(),
        ..Image::of(&[])
    };
    let name = name.strip_prefix("docker://").expect("a package key");
    (name.into(), version.clone().expect("a tag"), image)
}

#[async_trait]
impl PackageWorld for World {
    fn names(&self) -> [&'static str; 3] {
        ["app", "team/app", "a.b/c_d/e__f"]
    }

    fn release(&self, name: &str, version: &str, size_bytes: usize, seed: u64) -> Release {
        let image = image(name, version, size_bytes, seed);
        let manifest = image.bytes();
        let role = |number| if number == 0 { Role::Config } else { Role::Layer };
        let kinds = std::iter::once(&image.document["config"])
            .chain(image.document["layers"].as_array().expect("layers"));
        let parts = kinds.enumerate().map(|(number, descriptor)| {
            let text = |member: &str| descriptor[member].as_str().expect("a text");
            let size = descriptor["size"].as_u64().expect("a size");
            role(number).part(text("mediaType"), text("digest"), size)
        });
        let mut blobs: Vec<_> = parts.collect();
        let digest = image.digest();
        blobs.push(Role::Manifest.part(&image.media_type, &digest.to_string(), manifest.len() as u64));
        Release {
            artifact: Artifact {
                key: key(name, version),
                digest: Some(digest),
                blobs,
                metadata: Metadata::new(),
                document: None,
            },
            bytes: image.blobs.into_iter().chain([manifest]).collect(),
        }
    }

    async fn hold(&self, release: &Release) {
        let (name, tag, image) = image_of(release);
        image.push(&self.0.server.url(), &name, &tag).await;
    }

    async fn found(&self, release: &Release) -> Vec<Option<Vec<u8>>> {
        let (name, tag, image) = image_of(release);
        let url = self.0.server.url();
        let manifest = manifest_at(&url, &name, &tag).await;
        let mut found = Vec::new();
        for blob in &image.blobs {
            found.push(match &manifest {
                Some(_) => blob_at(&url, &name, Digest::of(blob)).await,
                None => None,
            });
        }
        found.push(manifest);
        found
    }

    fn source_of(&self, choice: Choice) -> Arc<dyn Source> {
        let server = server(&self.0.server.url(), None).choosing(choice);
        open(server).expect("a place").source
    }

    fn target(&self) -> Arc<dyn Target> {
        at(&self.0.server.url()).target
    }
}

mod source {
    testkit::package_source_contract!(super::world());
}

mod target {
    testkit::package_target_contract!(super::world());
}
