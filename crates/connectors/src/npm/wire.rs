//! What registries of npm packages say: packuments, entries of versions, integrity.
//!
//! Sources: the `package-metadata` and `REGISTRY-API` documents of github.com/npm/registry, W3C Subresource Integrity.
//! A packument is read part by part as it comes, because it may speak of thousands of versions: of those nobody asks
//! for, nothing is kept but how much is said of them. Each entry is hostile until it is read: a bad one fails alone.

use std::collections::{BTreeMap, HashMap};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::artifact::{ArtifactKey, Blob, Metadata};
use domain::checksums::Checksums;
use domain::digest::Digest;
use serde::Deserialize;
use serde_json::Value;

use crate::http::{Cut, Member, sum};

/// What a package key begins with.
pub(super) const KEY: &str = "npm://";
/// Property: the tags that name the version, separated by commas.
pub(super) const TAGS: &str = "dist-tags";
/// Property: why the version is not to be used any more.
pub(super) const DEPRECATED: &str = "deprecated";
/// Member of a packument: its versions.
pub(super) const VERSIONS: &str = "versions";
/// What a registry shows for packages without a readme.
const NO_README: &str = "ERROR: No README data found!";
/// Most versions of a package.
const MOST_VERSIONS: usize = 100_000;
/// Longest entry of a version, and longest readme, in bytes.
const ENTRY_BYTES: usize = 1024 * 1024;
/// Most bytes an entry takes once it is read.
pub(super) const ENTRY_TREE_BYTES: u64 = 4 * 1024 * 1024;
/// Most bytes that are kept of one packument.
const KEPT_BYTES: u64 = 16 * 1024 * 1024;

/// What is wanted of a packument besides which versions there are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// The versions whose entries are.
    pub(super) versions: &'a [&'a str],
    /// Whether the entries themselves are, not only what they say of their tarballs.
    pub(super) documents: bool,
}

impl Wanted<'_> {
    /// No entry at all.
    pub(super) const NOTHING: Wanted<'static> = Wanted {
        versions: &[],
        documents: false,
    };
}

/// What a registry says of a package.
#[derive(Debug, Default)]
pub(super) struct Packument {
    /// Its versions, and about how many bytes each takes once its entry is read.
    pub(super) versions: BTreeMap<String, u64>,
    pub(super) revision: Option<String>,
    /// Entries that are wanted; `Err` says what is wrong with one.
    entries: HashMap<String, Result<Entry, String>>,
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
    /// The whole entry, if that is wanted.
    pub(super) document: Option<Value>,
}

impl Packument {
    /// Returns the entry of `version` if it is wanted and there is one; `Err` says what is wrong with it.
    pub(super) fn entry(&self, version: &str) -> Option<&Result<Entry, String>> {
        self.entries.get(version)
    }

    /// Takes the entry of `version` out.
    pub(super) fn take_entry(&mut self, version: &str) -> Option<Result<Entry, String>> {
        self.entries.remove(version)
    }
}

impl Entry {
    /// Returns how many bytes it has besides its document.
    fn said_bytes(&self) -> u64 {
        let texts = self.metadata.values().chain([&self.tarball]);
        texts.map(|text| text.len() as u64).sum()
    }
}

/// Reads the packument of a package as its parts come.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    name: &'a str,
    wanted: Wanted<'a>,
    packument: Packument,
    is_named: bool,
    /// Tags by the wanted version they name.
    tags: HashMap<String, Vec<String>>,
    readme: Option<String>,
    kept_bytes: u64,
}

impl<'a> Reader<'a> {
    /// Reads what is `wanted` of the packument of the package `name`.
    pub(super) fn of(name: &'a str, wanted: Wanted<'a>) -> Self {
        Self {
            name,
            wanted,
            packument: Packument::default(),
            is_named: false,
            tags: HashMap::new(),
            readme: None,
            kept_bytes: 0,
        }
    }

    /// Returns how the packument is cut.
    pub(super) fn cut() -> Cut {
        Cut::new(ENTRY_BYTES).opening(&[VERSIONS, TAGS])
    }

    /// Takes the next part; the error says what is wrong with the packument.
    pub(super) fn take(&mut self, part: Member<'_>) -> Result<(), String> {
        let text = || part.text.unwrap_or_default();
        match (part.within, part.name) {
            (None, "name") => self.is_named = of_json::<String>(text()).is_some_and(|name| name == self.name),
            (None, "_rev") => self.packument.revision = of_json(text()),
            (None, "readme") if self.wanted.documents => self.readme = part.text.map(str::to_owned),
            (None, VERSIONS | TAGS) if text() != "null" => return Err(no_object(part.name)),
            (Some(member), "") => return Err(no_object(member)),
            (Some(VERSIONS), version) => self.take_version(version, part.text)?,
            (Some(TAGS), tag) => {
                let version: String = of_json(text()).ok_or("it is no packument: a tag names no version")?;
                if is_tag(tag) && self.wanted.versions.contains(&version.as_str()) {
                    self.keep(tag.len() as u64)?;
                    self.tags.entry(version).or_default().push(tag.to_owned());
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn take_version(&mut self, version: &str, text: Option<&str>) -> Result<(), String> {
        let said_bytes = text.map_or(0, tree_bytes);
        let versions = &mut self.packument.versions;
        versions.insert(version.to_owned(), said_bytes);
        if versions.len() > MOST_VERSIONS {
            return Err(format!("it lists more than {MOST_VERSIONS} versions"));
        }
        if !self.wanted.versions.contains(&version) {
            return Ok(());
        }
        let text = text.filter(|_| said_bytes <= ENTRY_TREE_BYTES);
        let entry = match text {
            Some(text) => read_entry(self.name, version, text, self.wanted.documents),
            None => Err("its registry says too much of it to be read".into()),
        };
        self.keep(match &entry {
            Ok(entry) if entry.document.is_none() => entry.said_bytes(),
            _ => said_bytes,
        })?;
        self.packument.entries.insert(version.to_owned(), entry);
        Ok(())
    }

    fn keep(&mut self, bytes: u64) -> Result<(), String> {
        self.kept_bytes += bytes;
        match self.kept_bytes > KEPT_BYTES {
            true => Err("it says too much to be read".into()),
            false => Ok(()),
        }
    }

    /// Returns what was read; `Err` says what is wrong with it.
    pub(super) fn finish(mut self) -> Result<Packument, String> {
        if !self.is_named {
            return Err("it is the packument of another package".into());
        }
        let readme = self.readme.as_deref().and_then(of_json::<String>);
        let readme = readme.filter(|readme| !readme.is_empty() && readme != NO_README);
        for (version, mut tags) in self.tags {
            let Some(Ok(entry)) = self.packument.entries.get_mut(&version) else {
                continue;
            };
            tags.sort_unstable();
            tags.dedup();
            let is_latest = tags.iter().any(|tag| tag == "latest");
            entry.metadata.insert(TAGS.into(), tags.join(","));
            if let (true, Some(document), Some(readme)) = (is_latest, &mut entry.document, &readme)
                && document.get("readme").is_none()
            {
                document["readme"] = readme.as_str().into();
            }
        }
        Ok(self.packument)
    }
}

/// Reads the entry of `version` of the package `name`; `Err` says what is wrong with it.
fn read_entry(name: &str, version: &str, text: &str, keeps_document: bool) -> Result<Entry, String> {
    let document: Value = serde_json::from_str(text)
        .map_err(|error| format!("the entry of the version is not JSON: {error}"))?;
    let said = |member: &str| document.get(member).and_then(Value::as_str);
    if said("name") != Some(name) || said("version") != Some(version) {
        return Err("the entry of the version names another one".into());
    }
    let dist = document.get("dist").cloned().unwrap_or_default();
    let dist: Dist = serde_json::from_value(dist)
        .map_err(|error| format!("the entry of the version has no `dist`: {error}"))?;
    let (digest, checksums) = sums(dist.integrity.as_deref(), dist.shasum.as_deref())?;
    let deprecation = deprecation(&document).map(|words| (DEPRECATED.into(), words));
    Ok(Entry {
        blob: Blob {
            name: file_name(name, version),
            digest,
            checksums,
            ..Blob::unknown(0)
        },
        tarball: dist.tarball,
        metadata: deprecation.into_iter().collect(),
        document: keeps_document.then_some(document),
    })
}

/// Returns about how many bytes JSON takes once it is read into a tree: never less than it does.
pub(super) fn tree_bytes(text: &str) -> u64 {
    let node_bytes = |byte| match byte {
        b'{' => 640,
        b'[' | b',' | b':' => 64,
        _ => 1,
    };
    text.bytes().map(node_bytes).sum()
}

fn no_object(member: &str) -> String {
    format!("it is no packument: its `{member}` are no object")
}

fn of_json<T: serde::de::DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok()
}

#[derive(Deserialize)]
struct Dist {
    tarball: String,
    #[serde(default)]
    integrity: Option<String>,
    #[serde(default)]
    shasum: Option<String>,
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

    const WANTED: [&str; 7] = ["1.0.0", "0.9.0", "0.8.0", "0.7.0", "0.6.0", "0.5.0", "2.0.0"];

    fn packument(name: &str, body: &str, documents: bool) -> Result<Packument, String> {
        let wanted = Wanted {
            versions: &WANTED,
            documents,
        };
        let (mut reader, mut cut) = (Reader::of(name, wanted), Reader::cut());
        for piece in body.as_bytes().chunks(100) {
            cut.read(piece, &mut |part: Member<'_>| reader.take(part))?;
        }
        cut.finish()?;
        reader.finish()
    }

    fn entry(packument: &Packument, version: &str) -> Entry {
        let entry = packument.entry(version).expect("it is there");
        entry.clone().expect("it can be read")
    }

    #[test]
    fn a_version_is_read_with_what_travels_with_it() {
        let packument = packument("@s/a", BODY, true).expect("a packument");

        let first = entry(&packument, "1.0.0");

        assert_eq!(first.blob.name, "a-1.0.0.tgz");
        let abc = domain::checksums::Sums::of(b"abc", &first.blob);
        assert_eq!(first.blob.checksums, abc.checksums, "both are of `abc`");
        assert_eq!(
            first.metadata,
            Metadata::from([
                (DEPRECATED.into(), "use b".into()),
                (TAGS.into(), "latest".into())
            ])
        );
        assert_eq!(first.document.expect("wanted")["readme"], "Read me");
        let old = entry(&packument, "0.9.0");
        assert!(old.blob.checksums.is_empty() && mark_of(&old.blob).is_none());
        assert_eq!(old.metadata, Metadata::from([(TAGS.into(), "old".into())]));
        assert!(packument.entry("2.0.0").is_none());
        assert_eq!(
            (packument.versions.len(), packument.revision.as_deref()),
            (6, Some("3-x"))
        );
    }

    #[test]
    fn of_entries_that_are_not_wanted_nothing_is_kept() {
        let plain = packument("@s/a", BODY, false).expect("a packument");
        assert!(entry(&plain, "1.0.0").document.is_none());
        let other = BODY.replace("\"0.8.0\"", "\"8.0.0\"");
        let other = packument("@s/a", &other, false).expect("a packument");
        assert!(other.entry("8.0.0").is_none() && other.versions.contains_key("8.0.0"));
    }

    #[test]
    fn what_would_take_too_much_memory_is_refused_and_the_rest_is_read() {
        let nested = format!("{{\"x\":[{}0]}}", "{},".repeat(10_000));
        let long = format!("{{\"x\":\"{}\"}}", "x".repeat(ENTRY_BYTES));
        let body = BODY
            .replace("[7]", &nested)
            .replace("\"0.5.0\":{", &format!("\"2.0.0\":{long},\"0.5.0\":{{"));
        let read = packument("@s/a", &body, true).expect("a packument");

        for version in ["0.6.0", "2.0.0"] {
            let words = read
                .entry(version)
                .expect("it is there")
                .clone()
                .expect_err("too much");
            assert!(words.contains("too much"), "{words}");
        }
        assert_eq!(entry(&read, "0.9.0").tarball, "http://h/b.tgz");
        let many: String = (0..=MOST_VERSIONS)
            .map(|number| format!(",\"{number}\":0"))
            .collect();
        let many = BODY.replace(",\n            \"0.9.0\"", &format!("{many},\"0.9.0\""));
        let refused = packument("@s/a", &many, false).expect_err("too many");
        assert!(refused.contains("100000 versions"), "{refused}");
    }

    #[test]
    fn a_bad_entry_is_refused_alone_and_says_why() {
        let read = packument("@s/a", BODY, true).expect("a packument");
        let why = |version| {
            let entry = read.entry(version).expect("it is there");
            entry.clone().expect_err("it is bad")
        };

        assert!(why("0.8.0").contains("`integrity`"));
        assert!(why("0.7.0").contains("another one"));
        assert!(why("0.6.0").contains("another one"));
        assert!(why("0.5.0").contains("`shasum`"));
        for body in [
            "<html>",
            "{}",
            r#"{"name":"@s/a","versions":[1]}"#,
            r#"{"name":"@s/a","versions":1}"#,
        ] {
            assert!(packument("@s/a", body, true).is_err(), "{body}");
        }
        assert!(packument("@s/b", BODY, true).is_err());
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
