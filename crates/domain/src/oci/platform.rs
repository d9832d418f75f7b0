//! Which platforms of a multi-platform index are wanted.

use std::fmt;
use std::str::FromStr;

use oci_spec::image::Descriptor;
use serde::{Deserialize, Serialize};

/// Annotation with which an index says what a manifest without a platform of its own is about.
const ABOUT: &str = "vnd.docker.reference.digest";

/// One platform: `os/architecture`, or `os/architecture/variant` for exactly that variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PlatformFilter {
    os: String,
    architecture: String,
    variant: Option<String>,
}

/// A text that names no platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a platform, such as linux/amd64 or linux/arm/v7")]
pub struct InvalidPlatform(pub String);

impl FromStr for PlatformFilter {
    type Err = InvalidPlatform;

    fn from_str(text: &str) -> Result<Self, InvalidPlatform> {
        let parts: Vec<&str> = text.split('/').collect();
        let word = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
        };
        match parts[..] {
            [os, architecture, ref variant @ ..]
                if variant.len() <= 1 && parts.iter().all(|part| word(part)) =>
            {
                Ok(Self {
                    os: os.into(),
                    architecture: architecture.into(),
                    variant: variant.first().map(|variant| (*variant).into()),
                })
            }
            _ => Err(InvalidPlatform(text.chars().take(100).collect())),
        }
    }
}

impl TryFrom<String> for PlatformFilter {
    type Error = InvalidPlatform;

    fn try_from(text: String) -> Result<Self, InvalidPlatform> {
        text.parse()
    }
}

impl From<PlatformFilter> for String {
    fn from(platform: PlatformFilter) -> Self {
        platform.to_string()
    }
}

impl fmt::Display for PlatformFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

impl PlatformFilter {
    fn takes(&self, descriptor: &Descriptor) -> bool {
        descriptor.platform().as_ref().is_some_and(|platform| {
            platform.os().to_string() == self.os
                && platform.architecture().to_string() == self.architecture
                && (self.variant.is_none() || self.variant == *platform.variant())
        })
    }

    /// Returns those of an index's `manifests` that `platforms` want, and what is said about them (attestations);
    /// all of them where no platform is named.
    pub fn select<'a>(platforms: &[Self], manifests: &'a [Descriptor]) -> Vec<&'a Descriptor> {
        if platforms.is_empty() {
            return manifests.iter().collect();
        }
        let wanted = |descriptor: &Descriptor| platforms.iter().any(|platform| platform.takes(descriptor));
        let about = |descriptor: &Descriptor| {
            let annotations = descriptor.annotations().as_ref()?;
            annotations.get(ABOUT).cloned()
        };
        let digests: Vec<&str> = manifests
            .iter()
            .filter(|descriptor| wanted(descriptor))
            .map(|descriptor| descriptor.digest().as_ref())
            .collect();
        let taken = |descriptor: &&Descriptor| {
            wanted(descriptor) || about(descriptor).is_some_and(|digest| digests.contains(&digest.as_str()))
        };
        manifests.iter().filter(taken).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_takes_its_manifests_and_what_is_said_about_them() {
        let digest = |letter: &str| format!("sha256:{}", letter.repeat(64));
        let manifest = |letter: &str, platform: serde_json::Value, about: &str| {
            let descriptor = serde_json::json!({ "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "digest": digest(letter), "size": 1, "platform": platform,
                "annotations": { "vnd.docker.reference.digest": digest(about) } });
            serde_json::from_value::<Descriptor>(descriptor).expect("a descriptor")
        };
        let on = |os: &str, architecture: &str| serde_json::json!({ "os": os, "architecture": architecture });
        let arm = serde_json::json!({ "os": "linux", "architecture": "arm", "variant": "v7" });
        let manifests = [
            manifest("a", on("linux", "amd64"), "0"),
            manifest("b", arm, "0"),
            manifest("c", on("unknown", "unknown"), "a"),
            manifest("d", on("unknown", "unknown"), "b"),
        ];
        let select = |texts: &[&str]| {
            let platforms: Vec<PlatformFilter> = texts
                .iter()
                .map(|text| text.parse().expect("a platform"))
                .collect();
            let selected = PlatformFilter::select(&platforms, &manifests);
            let letters = selected.iter().map(|one| one.digest().digest()[..1].to_owned());
            letters.collect::<String>()
        };

        assert_eq!(select(&[]), "abcd");
        assert_eq!(select(&["linux/amd64"]), "ac");
        assert_eq!(select(&["linux/arm"]), "bd");
        assert_eq!(select(&["linux/arm/v6"]), "");
        assert_eq!(select(&["linux/arm/v7", "linux/amd64"]), "abcd");
    }

    #[test]
    fn half_a_platform_is_refused() {
        for text in ["", "linux", "linux/", "linux/arm/v7/x", "linux/a b"] {
            assert!(text.parse::<PlatformFilter>().is_err(), "{text}");
        }
    }
}
