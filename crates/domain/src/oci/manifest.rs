//! Manifests: what an image consists of, and which images an index consists of.

use oci_spec::image::{Descriptor, DigestAlgorithm, ImageIndex, ImageManifest};
use serde::Deserialize;

/// Media type of an OCI image manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Media type of an OCI image index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Media type of a Docker image manifest, version 2 schema 2.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Media type of a Docker manifest list.
pub const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// Longest manifest that registries have to take, and the longest one that is read.
pub const MANIFEST_BYTES: u64 = 4 * 1024 * 1024;

/// A manifest that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manifest {
    /// A configuration and layers; for artifacts that are no images, whatever they keep there.
    Image(Box<ImageManifest>),
    /// Other manifests.
    Index(Box<ImageIndex>),
}

/// Why bytes are no manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidManifest {
    /// They are not of the form.
    #[error("the manifest cannot be read: {0}")]
    Form(String),
    /// They are of a kind that is not understood.
    #[error(
        "the media type `{0}` is not supported; OCI image manifests and indexes and Docker's of schema 2 are"
    )]
    MediaType(String),
    /// Two readers could take them for different things.
    #[error("the manifest is ambiguous: {0}")]
    Ambiguous(&'static str),
    /// It names something by a digest that cannot be checked.
    #[error("the digest `{0}` is neither sha256 nor sha512")]
    Digest(String),
}

/// What tells the kinds apart.
#[derive(Deserialize)]
struct Outline {
    #[serde(rename = "schemaVersion")]
    schema_version: Option<u32>,
    #[serde(rename = "mediaType")]
    media_type: Option<String>,
    manifests: Option<serde::de::IgnoredAny>,
    layers: Option<serde::de::IgnoredAny>,
    config: Option<serde::de::IgnoredAny>,
    #[serde(rename = "fsLayers")]
    fs_layers: Option<serde::de::IgnoredAny>,
}

impl Manifest {
    /// Reads a manifest that was announced as `media_type` (without parameters), or without any.
    pub fn parse(media_type: Option<&str>, bytes: &[u8]) -> Result<Self, InvalidManifest> {
        let form = |error: serde_json::Error| InvalidManifest::Form(error.to_string());
        let outline: Outline = serde_json::from_slice(bytes).map_err(form)?;
        let announced = media_type.filter(|media_type| *media_type != "application/json");
        if let (Some(announced), Some(own)) = (announced, &outline.media_type)
            && announced != own
        {
            return Err(InvalidManifest::Ambiguous(
                "it is announced as another media type than its own",
            ));
        }
        let is_index = match announced.or(outline.media_type.as_deref()) {
            Some(OCI_MANIFEST | DOCKER_MANIFEST) => false,
            Some(OCI_INDEX | DOCKER_INDEX) => true,
            Some(other) => return Err(InvalidManifest::MediaType(other.chars().take(100).collect())),
            None if outline.fs_layers.is_some() => {
                return Err(InvalidManifest::MediaType("Docker schema 1".into()));
            }
            None => outline.manifests.is_some(),
        };
        if outline.schema_version != Some(2) {
            return Err(InvalidManifest::Form("its `schemaVersion` is not 2".into()));
        }
        let foreign = match is_index {
            true => outline.layers.is_some() || outline.config.is_some(),
            false => outline.manifests.is_some(),
        };
        if foreign {
            return Err(InvalidManifest::Ambiguous(
                "it has members of an image and of an index",
            ));
        }
        let manifest = match is_index {
            true => Self::Index(serde_json::from_slice(bytes).map_err(form)?),
            false => Self::Image(serde_json::from_slice(bytes).map_err(form)?),
        };
        let all = manifest.children().iter().chain(manifest.blobs());
        for descriptor in all.chain(manifest.subject()) {
            check_digest(descriptor)?;
        }
        Ok(manifest)
    }

    /// Returns the manifests of an index; none for an image.
    pub fn children(&self) -> &[Descriptor] {
        match self {
            Self::Image(_) => &[],
            Self::Index(index) => index.manifests(),
        }
    }

    /// Returns the configuration of an image and its layers, foreign ones too; nothing for an index.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        let image = match self {
            Self::Image(image) => Some(image),
            Self::Index(_) => None,
        };
        let config = image.map(|image| image.config());
        config
            .into_iter()
            .chain(image.into_iter().flat_map(|image| image.layers()))
    }

    /// Returns the manifest this one is about: a signature's image, for example.
    pub fn subject(&self) -> Option<&Descriptor> {
        match self {
            Self::Image(image) => image.subject().as_ref(),
            Self::Index(index) => index.subject().as_ref(),
        }
    }

    /// Says whether a layer stays where its URLs say: registries do not keep it, and it is not copied.
    pub fn is_foreign(layer: &Descriptor) -> bool {
        let media_type = layer.media_type().to_string();
        let marked = media_type.contains("nondistributable") || media_type.contains("rootfs.foreign");
        marked && layer.urls().as_ref().is_some_and(|urls| !urls.is_empty())
    }
}

fn check_digest(descriptor: &Descriptor) -> Result<(), InvalidManifest> {
    match descriptor.digest().algorithm() {
        DigestAlgorithm::Sha256 | DigestAlgorithm::Sha512 => Ok(()),
        _ => Err(InvalidManifest::Digest(
            descriptor.digest().to_string().chars().take(150).collect(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn descriptor(media_type: &str) -> Value {
        json!({ "mediaType": media_type, "digest": format!("sha256:{}", "a".repeat(64)), "size": 7 })
    }

    fn image() -> Value {
        json!({ "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": descriptor("application/x"),
            "layers": [descriptor("application/y")] })
    }

    fn parse(media_type: Option<&str>, value: &Value) -> Result<Manifest, InvalidManifest> {
        Manifest::parse(media_type, value.to_string().as_bytes())
    }

    #[test]
    fn an_image_consists_of_its_configuration_and_its_layers() {
        let image = parse(Some(OCI_MANIFEST), &image()).expect("an image");

        let types: Vec<String> = image.blobs().map(|blob| blob.media_type().to_string()).collect();
        assert_eq!(types, ["application/x", "application/y"]);
        assert!(image.children().is_empty() && image.subject().is_none());
    }

    #[test]
    fn an_index_consists_of_manifests_and_may_have_none() {
        let full = json!({ "schemaVersion": 2, "manifests": [descriptor(DOCKER_MANIFEST)] });
        let empty = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [] });

        assert_eq!(
            parse(Some(DOCKER_INDEX), &full)
                .expect("an index")
                .children()
                .len(),
            1
        );
        assert_eq!(parse(None, &full).expect("an index").children().len(), 1);
        assert_eq!(parse(None, &empty).expect("an index").blobs().count(), 0);
    }

    #[test]
    fn what_two_readers_could_take_for_different_things_is_refused() {
        let mut both = image();
        both["manifests"] = json!([]);

        for (media_type, value) in [(Some(DOCKER_MANIFEST), image()), (Some(OCI_MANIFEST), both)] {
            let refused = parse(media_type, &value).expect_err("ambiguous");
            assert!(matches!(refused, InvalidManifest::Ambiguous(_)), "{refused}");
        }
    }

    #[test]
    fn other_kinds_are_refused_by_their_names() {
        let old = json!({ "schemaVersion": 1, "fsLayers": [] });
        let prettyjws = "application/vnd.docker.distribution.manifest.v1+prettyjws";

        for (media_type, value) in [(Some(prettyjws), &old), (None, &old)] {
            let refused = parse(media_type, value).expect_err("unsupported");
            assert!(matches!(refused, InvalidManifest::MediaType(_)), "{refused}");
        }
    }

    #[test]
    fn half_a_manifest_is_refused() {
        let without = |member: &str| {
            let mut image = image();
            image.as_object_mut().expect("an object").remove(member);
            image
        };
        let digest = |digest: &str| {
            let mut image = image();
            image["layers"][0]["digest"] = digest.into();
            image
        };
        let old = format!("md5:{}", "a".repeat(32));
        for value in [
            without("config"),
            without("layers"),
            without("schemaVersion"),
            digest("../../etc/passwd"),
            digest(&old),
            json!([]),
            json!("text"),
        ] {
            assert!(parse(Some(OCI_MANIFEST), &value).is_err(), "{value}");
        }
        assert!(Manifest::parse(None, b"{").is_err());
        assert!(Manifest::parse(None, "[".repeat(100_000).as_bytes()).is_err());
    }

    #[test]
    fn a_layer_is_foreign_when_it_is_marked_and_says_where_it_is() {
        let layer = |media_type: &str, urls: Value| {
            let mut layer = descriptor(media_type);
            layer["urls"] = urls;
            serde_json::from_value::<Descriptor>(layer).expect("a descriptor")
        };
        let foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
        let somewhere = json!(["https://host/layer"]);

        assert!(Manifest::is_foreign(&layer(foreign, somewhere.clone())));
        assert!(!Manifest::is_foreign(&layer(foreign, Value::Null)));
        assert!(!Manifest::is_foreign(&layer(
            "application/vnd.oci.image.layer.v1.tar+gzip",
            somewhere
        )));
    }
}
