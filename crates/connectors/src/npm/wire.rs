//! What registries of npm packages say: packuments, entries of versions, integrity.
//!
//! Sources: the `package-metadata` and `REGISTRY-API` documents of github.com/npm/registry, W3C Subresource Integrity.
//! A packument is read in place: the entries of its versions stay text until one is asked for, because there may be
//! thousands of them. Each is hostile until it is read: a bad one fails alone.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::artifact::{ArtifactKey, Blob, Metadata};
use domain::checksums::Checksums;
use domain::digest::Digest;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::http::sum;

/// What a package key begins with.
pub(super) const KEY: &str = "npm://";
/// Property: the tags that name the version, separated by commas.
pub(super) const TAGS: &str = "dist-tags";
/// Property: why the version is not to be used any more.
pub(super) const DEPRECATED: &str = "deprecated";
/// What a registry shows for packages without a readme.
const NO_README: &str = "ERROR: No README data found!";

/// What a registry says of a package.
#[derive(Debug, Deserialize)]
pub(super) struct Packument<'a> {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default, borrow)]
    pub(super) versions: BTreeMap<String, &'a RawValue>,
    #[serde(default, rename = "dist-tags")]
    pub(super) tags: BTreeMap<String, String>,
    #[serde(default, rename = "_rev")]
    pub(super) revision: Option<String>,
    #[serde(default, borrow)]
    readme: Option<&'a RawValue>,
}

/// What the entry of a version says of its tarball, and what travels with it besides.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Its tarball, whose size no entry says.
    pub(super) blob: Blob,
    /// Where the tarball is, as the registry says it.
    pub(super) tarball: String,
    /// Tags and deprecation.
    pub(super) metadata: Metadata,
    /// The whole entry.
    pub(super) document: Value,
}

#[derive(Deserialize)]
struct Dist {
    tarball: String,
    #[serde(default)]
    integrity: Option<String>,
    #[serde(default)]
    shasum: Option<String>,
}

impl<'a> Packument<'a> {
    /// Reads the packument of the package `name`; `Err` says what is wrong with it.
    pub(super) fn read(name: &str, body: &'a [u8]) -> Result<Self, String> {
        let packument: Self =
            serde_json::from_slice(body).map_err(|error| format!("it is no packument: {error}"))?;
        if packument.name == name {
            Ok(packument)
        } else {
            Err("it is the packument of another package".into())
        }
    }

    /// Reads the entry of `version`; `None` when there is none, `Err` says what is wrong with it.
    pub(super) fn entry(&self, version: &str) -> Option<Result<Entry, String>> {
        Some(self.read_entry(version, self.versions.get(version)?.get()))
    }

    fn read_entry(&self, version: &str, text: &str) -> Result<Entry, String> {
        let mut document: Value = serde_json::from_str(text)
            .map_err(|error| format!("the entry of the version is not JSON: {error}"))?;
        let said = |member: &str| document.get(member).and_then(Value::as_str);
        if said("name") != Some(&self.name) || said("version") != Some(version) {
            return Err("the entry of the version names another one".into());
        }
        let dist = document.get("dist").cloned().unwrap_or_default();
        let dist: Dist = serde_json::from_value(dist)
            .map_err(|error| format!("the entry of the version has no `dist`: {error}"))?;
        let (digest, checksums) = sums(dist.integrity.as_deref(), dist.shasum.as_deref())?;
        let mut metadata = Metadata::new();
        if let Some(words) = deprecation(&document) {
            metadata.insert(DEPRECATED.into(), words);
        }
        let tags = self.tags_of(version);
        if !tags.is_empty() {
            metadata.insert(TAGS.into(), tags.join(","));
        }
        if tags.contains(&"latest") && document.get("readme").is_none() {
            let readme = self
                .readme
                .and_then(|text| serde_json::from_str::<String>(text.get()).ok());
            if let Some(readme) = readme.filter(|readme| !readme.is_empty() && readme != NO_README) {
                document["readme"] = readme.into();
            }
        }
        Ok(Entry {
            blob: Blob {
                name: file_name(&self.name, version),
                digest,
                checksums,
                ..Blob::unknown(0)
            },
            tarball: dist.tarball,
            metadata,
            document,
        })
    }

    /// Returns the tags that name `version`; one that no list can hold is left out.
    fn tags_of(&self, version: &str) -> Vec<&str> {
        let tags = self.tags.iter().filter(|(_, tagged)| *tagged == version);
        tags.map(|(tag, _)| tag.as_str())
            .filter(|tag| is_tag(tag))
            .collect()
    }
}

/// Says whether a list can hold `tag`, and a path name it.
fn is_tag(tag: &str) -> bool {
    let outside = |c: char| c == ',' || c == '/' || c.is_whitespace() || c.is_control();
    !tag.is_empty() && tag != "." && tag != ".." && !tag.contains(outside)
}

/// Returns why a version is deprecated; `None` when it is not.
pub(super) fn deprecation(entry: &Value) -> Option<String> {
    match entry.get(DEPRECATED)? {
        Value::String(words) if !words.is_empty() => Some(words.clone()),
        Value::Bool(true) => Some("deprecated".into()),
        _ => None,
    }
}

/// Returns what `integrity` (the strongest of each kind) and `shasum` say of a tarball.
fn sums(integrity: Option<&str>, shasum: Option<&str>) -> Result<(Option<Digest>, Checksums), String> {
    let mut checksums = Checksums::default();
    let mut digest = None;
    for said in integrity.unwrap_or_default().split_ascii_whitespace() {
        let (kind, text) = said
            .split('?')
            .next()
            .and_then(|said| said.split_once('-'))
            .unwrap_or_default();
        let bytes = STANDARD.decode(text).unwrap_or_default();
        let read = match kind {
            "sha512" => bytes.try_into().map(|sum| checksums.sha512 = Some(sum)).is_ok(),
            "sha256" => bytes
                .try_into()
                .map(|sum| digest = Some(Digest::from_bytes(sum)))
                .is_ok(),
            "sha1" => bytes.try_into().map(|sum| checksums.sha1 = Some(sum)).is_ok(),
            "md5" => bytes.try_into().map(|sum| checksums.md5 = Some(sum)).is_ok(),
            // sha384 and what may come: unknown, as the standard wants it.
            _ => true,
        };
        if !read {
            return Err("its `integrity` cannot be read".into());
        }
    }
    if let Some(shasum) = shasum {
        let sha1 = sum(shasum).ok_or("its `shasum` cannot be read")?;
        if checksums.sha1.is_some_and(|known| known != sha1) {
            return Err("its `shasum` and `integrity` contradict each other".into());
        }
        checksums.sha1 = Some(sha1);
    }
    Ok((digest, checksums))
}

/// Returns what names the bytes of a version, so that another state of it is noticed; `None` when nothing does.
pub(super) fn mark_of(blob: &Blob) -> Option<String> {
    let checksums = &blob.checksums;
    let sha512 = checksums.sha512.map(|sum| format!("sha512-{}", hex::encode(sum)));
    sha512
        .or_else(|| Some(format!("sha256-{}", blob.digest?.to_hex())))
        .or_else(|| Some(format!("sha1-{}", hex::encode(checksums.sha1?))))
}

/// Returns the name of the package a key stands for; `None` when it is not npm's.
pub(super) fn name_of(key: &str) -> Option<&str> {
    let name = key.strip_prefix(KEY)?;
    is_name(name).then_some(name)
}

/// Returns the package and the version a key names; `Err` says what is wrong with it.
pub(super) fn parts(key: &ArtifactKey) -> Result<(&str, &str), &'static str> {
    let name = name_of(&key.name).ok_or("its name is no npm package's: npm://name or npm://@scope/name")?;
    let version = key.version.as_deref().ok_or("its versions could not be listed")?;
    if is_version(version) {
        Ok((name, version))
    } else {
        Err("its version is no semantic version")
    }
}

/// Says whether a package can be called `name`.
pub(super) fn is_name(name: &str) -> bool {
    let part = |part: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._~!'()*".contains(c);
        !part.is_empty() && !part.starts_with('.') && part.chars().all(plain)
    };
    name.len() <= 214
        && match name.strip_prefix('@') {
            Some(scoped) => scoped
                .split_once('/')
                .is_some_and(|(scope, name)| part(scope) && part(name)),
            None => part(name),
        }
}

fn is_version(version: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+');
    version.len() <= 256 && version.starts_with(|c: char| c.is_ascii_digit()) && version.chars().all(plain)
}

/// Returns what the tarball of a version is called.
pub(super) fn file_name(name: &str, version: &str) -> String {
    let base = name.rsplit('/').next().unwrap_or(name);
    format!("{base}-{version}.tgz")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"name":"@s/a","_rev":"3-x","readme":"Read me","dist-tags":{"latest":"1.0.0","a b":"1.0.0","old":"0.9.0"},
        "versions":{
            "1.0.0":{"name":"@s/a","version":"1.0.0","deprecated":"use b","dist":{"tarball":"http://h/a.tgz","shasum":"a9993e364706816aba3e25717850c26c9cd0d89d",
                "integrity":"sha384-xxxx sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw=="}},
            "0.9.0":{"name":"@s/a","version":"0.9.0","deprecated":false,"dist":{"tarball":"http://h/b.tgz"}},
            "0.8.0":{"name":"@s/a","version":"0.8.0","dist":{"tarball":"x","integrity":"sha512-AAAA"}},
            "0.7.0":{"name":"@s/b","version":"0.7.0","dist":{"tarball":"x"}},
            "0.6.0":[7],
            "0.5.0":{"name":"@s/a","version":"0.5.0","dist":{"tarball":"x","shasum":"00","integrity":""}}}}"#;

    #[test]
    fn a_version_is_read_with_what_travels_with_it() {
        let packument = Packument::read("@s/a", BODY.as_bytes()).expect("a packument");

        let entry = packument
            .entry("1.0.0")
            .expect("it is there")
            .expect("it can be read");

        assert_eq!(entry.blob.name, "a-1.0.0.tgz");
        let abc = domain::checksums::Sums::of(b"abc", &entry.blob);
        assert_eq!(entry.blob.checksums, abc.checksums, "both are of `abc`");
        assert_eq!(
            entry.metadata,
            Metadata::from([
                (DEPRECATED.into(), "use b".into()),
                (TAGS.into(), "latest".into())
            ])
        );
        assert_eq!(entry.document["readme"], "Read me");
        let old = packument
            .entry("0.9.0")
            .expect("it is there")
            .expect("it can be read");
        assert!(old.blob.checksums.is_empty() && mark_of(&old.blob).is_none());
        assert_eq!(old.metadata, Metadata::from([(TAGS.into(), "old".into())]));
        assert!(packument.entry("2.0.0").is_none());
    }

    #[test]
    fn a_bad_entry_is_refused_alone_and_says_why() {
        let packument = Packument::read("@s/a", BODY.as_bytes()).expect("a packument");
        let why = |version| {
            packument
                .entry(version)
                .expect("it is there")
                .expect_err("it is bad")
        };

        assert!(why("0.8.0").contains("`integrity`"));
        assert!(why("0.7.0").contains("another one"));
        assert!(why("0.6.0").contains("another one"));
        assert!(why("0.5.0").contains("`shasum`"));
        assert!(Packument::read("@s/b", BODY.as_bytes()).is_err());
        assert!(Packument::read("@s/a", b"<html>").is_err());
        assert!(Packument::read("@s/a", br#"{"name":"@s/a","versions":[]}"#).is_err());
    }

    #[test]
    fn names_that_could_lead_elsewhere_are_none() {
        for name in ["left-pad", "@scope/name", "JSONStream", "-", "a_b.c~d"] {
            assert_eq!(name_of(&format!("npm://{name}")), Some(name));
        }
        for name in [
            "", "..", ".a", "a/b", "@a", "@a/", "@/a", "@a/..", "@a/b/c", "a b", "a%2fb", "a?b", "é",
        ] {
            assert_eq!(name_of(&format!("npm://{name}")), None, "{name}");
        }
        assert_eq!(name_of("pypi://a"), None);
    }
}
