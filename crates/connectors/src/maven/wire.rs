//! `maven-metadata.xml`: which versions there are of an artifact, and which builds of a snapshot.
//!
//! The format is the one of Maven's "Repository Metadata Model" 1.1.0. What is not in the model is dropped.

use std::fmt::Write as _;

use domain::failure::{ErrorKind, Stage};
use domain::ports::{ByteStream, ConnectorError, ConnectorResult};
use quick_xml::escape::escape;

use super::layout::METADATA;
use crate::http::{Node, Xml};

/// Longest document that is read, in bytes.
pub(super) const MOST_BYTES: u64 = 16 * 1024 * 1024;
/// Most versions, files of a snapshot and plugins in one.
const MOST_ENTRIES: usize = 100_000;

/// The document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Metadata {
    pub(super) group: String,
    pub(super) artifact: String,
    /// Set where it describes the builds of a snapshot.
    pub(super) version: Option<String>,
    pub(super) latest: Option<String>,
    pub(super) release: Option<String>,
    pub(super) snapshot: Option<Snapshot>,
    pub(super) versions: Vec<String>,
    /// When it was written: `yyyyMMddHHmmss`, UTC.
    pub(super) last_updated: Option<String>,
    pub(super) snapshot_versions: Vec<SnapshotVersion>,
    pub(super) plugins: Vec<Plugin>,
}

/// The newest build of a snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Snapshot {
    pub(super) timestamp: Option<String>,
    pub(super) build_number: Option<String>,
    pub(super) local_copy: Option<String>,
}

/// The newest file of a snapshot with this classifier and extension.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SnapshotVersion {
    pub(super) classifier: String,
    pub(super) extension: String,
    pub(super) value: String,
    pub(super) updated: String,
}

/// A plugin of a group, by the prefix it is called with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Plugin {
    pub(super) name: String,
    pub(super) prefix: String,
    pub(super) artifact: String,
}

impl Metadata {
    /// Reads a document; errors name `stage` and `subject`.
    pub(super) async fn read(bytes: ByteStream, stage: Stage, subject: &str) -> ConnectorResult<Self> {
        let named = |error: ConnectorError| {
            let words = format!("{METADATA}: {}", error.words.as_deref().unwrap_or_default());
            error.words(words)
        };
        let mut xml = Xml::new(bytes, stage, subject);
        let (mut metadata, mut open, mut has_ended) = (Self::default(), Vec::new(), false);
        while let Some(node) = xml.next().await.map_err(named)? {
            match node {
                Node::Open(name) => {
                    if open.is_empty() && (has_ended || name != "metadata") {
                        let error = ConnectorError::new(ErrorKind::Protocol, stage, subject);
                        return Err(named(error.words("it is no <metadata> document")));
                    }
                    open.push(name);
                    metadata.begin(&open);
                    let entries = metadata.snapshot_versions.len() + metadata.plugins.len();
                    if entries + metadata.versions.len() > MOST_ENTRIES {
                        let error = ConnectorError::new(ErrorKind::Protocol, stage, subject);
                        return Err(named(
                            error.words(format!("it has more than {MOST_ENTRIES} entries")),
                        ));
                    }
                }
                Node::Close(_, text) => {
                    metadata.take(&open, text.trim());
                    open.pop();
                    has_ended = open.is_empty();
                }
            }
        }
        Ok(metadata)
    }

    /// Makes room for what the element that begins now will hold.
    fn begin(&mut self, open: &[String]) {
        match path(open).as_slice() {
            ["versioning", "snapshot"] => self.snapshot = Some(Snapshot::default()),
            ["versioning", "snapshotVersions", "snapshotVersion"] => {
                self.snapshot_versions.push(SnapshotVersion::default());
            }
            ["plugins", "plugin"] => self.plugins.push(Plugin::default()),
            _ => {}
        }
    }

    /// Takes the text of the element that ends now.
    fn take(&mut self, open: &[String], text: &str) {
        let some = || Some(text.to_owned()).filter(|text| !text.is_empty());
        match path(open).as_slice() {
            ["groupId"] => self.group = text.into(),
            ["artifactId"] => self.artifact = text.into(),
            ["version"] => self.version = some(),
            ["versioning", "latest"] => self.latest = some(),
            ["versioning", "release"] => self.release = some(),
            ["versioning", "lastUpdated"] => self.last_updated = some(),
            ["versioning", "versions", "version"] => self.versions.extend(some()),
            ["versioning", "snapshot", member] => {
                let snapshot = self.snapshot.get_or_insert_default();
                match *member {
                    "timestamp" => snapshot.timestamp = some(),
                    "buildNumber" => snapshot.build_number = some(),
                    "localCopy" => snapshot.local_copy = some(),
                    _ => {}
                }
            }
            ["versioning", "snapshotVersions", "snapshotVersion", member] => {
                if let Some(last) = self.snapshot_versions.last_mut() {
                    match *member {
                        "classifier" => last.classifier = text.into(),
                        "extension" => last.extension = text.into(),
                        "value" => last.value = text.into(),
                        "updated" => last.updated = text.into(),
                        _ => {}
                    }
                }
            }
            ["plugins", "plugin", member] => {
                if let Some(last) = self.plugins.last_mut() {
                    match *member {
                        "name" => last.name = text.into(),
                        "prefix" => last.prefix = text.into(),
                        "artifactId" => last.artifact = text.into(),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    /// Writes the document.
    pub(super) fn to_xml(&self) -> String {
        let mut xml = Written(String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"), 0);
        xml.within("metadata", |xml| {
            xml.some("groupId", &self.group);
            xml.some("artifactId", &self.artifact);
            xml.maybe("version", self.version.as_ref());
            if self.has_versioning() {
                xml.within("versioning", |xml| self.write_versioning(xml));
            }
            if !self.plugins.is_empty() {
                xml.within("plugins", |xml| {
                    for plugin in &self.plugins {
                        xml.within("plugin", |xml| {
                            xml.some("name", &plugin.name);
                            xml.some("prefix", &plugin.prefix);
                            xml.some("artifactId", &plugin.artifact);
                        });
                    }
                });
            }
        });
        xml.0
    }

    fn has_versioning(&self) -> bool {
        let plain = Self {
            group: self.group.clone(),
            artifact: self.artifact.clone(),
            version: self.version.clone(),
            plugins: self.plugins.clone(),
            ..Self::default()
        };
        *self != plain
    }

    fn write_versioning(&self, xml: &mut Written) {
        xml.maybe("latest", self.latest.as_ref());
        xml.maybe("release", self.release.as_ref());
        if let Some(snapshot) = &self.snapshot {
            xml.within("snapshot", |xml| {
                xml.maybe("timestamp", snapshot.timestamp.as_ref());
                xml.maybe("buildNumber", snapshot.build_number.as_ref());
                xml.maybe("localCopy", snapshot.local_copy.as_ref());
            });
        }
        if !self.versions.is_empty() {
            xml.within("versions", |xml| {
                for version in &self.versions {
                    xml.some("version", version);
                }
            });
        }
        xml.maybe("lastUpdated", self.last_updated.as_ref());
        if !self.snapshot_versions.is_empty() {
            xml.within("snapshotVersions", |xml| {
                for version in &self.snapshot_versions {
                    xml.within("snapshotVersion", |xml| {
                        xml.some("classifier", &version.classifier);
                        xml.some("extension", &version.extension);
                        xml.some("value", &version.value);
                        xml.some("updated", &version.updated);
                    });
                }
            });
        }
    }
}

/// Returns the names of the open elements below the document's own.
fn path(open: &[String]) -> Vec<&str> {
    open.iter().skip(1).map(String::as_str).collect()
}

/// A document being written: its text, and how deep the next element stands.
struct Written(String, usize);

impl Written {
    fn within(&mut self, name: &str, write: impl FnOnce(&mut Self)) {
        let indent = "  ".repeat(self.1);
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "{indent}<{name}>");
        self.1 += 1;
        write(self);
        self.1 -= 1;
        let _ = writeln!(self.0, "{indent}</{name}>");
    }

    fn some(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            let _ = writeln!(self.0, "{}<{name}>{}</{name}>", "  ".repeat(self.1), escape(text));
        }
    }

    fn maybe(&mut self, name: &str, text: Option<&String>) {
        if let Some(text) = text {
            self.some(name, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::stream;

    use super::*;

    async fn read(bytes: impl AsRef<[u8]>) -> ConnectorResult<Metadata> {
        let bytes = Bytes::copy_from_slice(bytes.as_ref());
        Metadata::read(Box::pin(stream::iter([Ok(bytes)])), Stage::List, "a test").await
    }

    #[tokio::test]
    async fn what_is_written_is_read_the_same() {
        let metadata = Metadata {
            group: "org.example".into(),
            artifact: "app".into(),
            version: Some("1-SNAPSHOT".into()),
            latest: Some("2".into()),
            release: Some("1 & <2>".into()),
            snapshot: Some(Snapshot {
                timestamp: Some("20260101.120000".into()),
                build_number: Some("7".into()),
                local_copy: None,
            }),
            versions: vec!["1".into(), "2".into()],
            last_updated: Some("20260101120000".into()),
            snapshot_versions: vec![SnapshotVersion {
                classifier: "sources".into(),
                extension: "jar".into(),
                value: "1-20260101.120000-7".into(),
                updated: "20260101120000".into(),
            }],
            plugins: vec![Plugin {
                name: "An App".into(),
                prefix: "app".into(),
                artifact: "app-maven-plugin".into(),
            }],
        };

        assert_eq!(read(metadata.to_xml()).await.expect("a document"), metadata);
    }

    #[tokio::test]
    async fn white_space_comments_and_unknown_elements_say_nothing() {
        let text = "\u{feff}<?xml version='1.0'?><!-- x --><metadata modelVersion=\"1.1.0\">\n <groupId> a&#46;b </groupId>\n\
                    <versioning><versions><version><![CDATA[1]]></version><version/></versions>\
                    <other><version>9</version></other></versioning></metadata>\n";

        let metadata = read(text).await.expect("a document");

        assert_eq!(
            (metadata.group.as_str(), metadata.versions),
            ("a.b", vec!["1".into()])
        );
    }

    #[tokio::test]
    async fn bombs_and_broken_documents_are_refused_by_name() {
        let bomb = "<!DOCTYPE m [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><metadata><groupId>&b;</groupId></metadata>";
        let deep = format!("<metadata>{}", "<a>".repeat(100_000));
        let version = "<version>1</version>".repeat(MOST_ENTRIES + 2);
        let many = format!("<metadata><versioning><versions>{version}</versions></versioning></metadata>");
        for (text, why) in [
            (bomb, "a document type"),
            (
                "<metadata><groupId>&lol;</groupId></metadata>",
                "an entity of its own",
            ),
            (deep.as_str(), "nested too deep"),
            (many.as_str(), "more than 100000 entries"),
            ("<html><body/></html>", "no <metadata> document"),
            ("<metadata><groupId>", "ends too early"),
            ("", "ends too early"),
            ("<metadata></other>", "cannot be read"),
            (
                "<metadata></metadata><metadata></metadata>",
                "no <metadata> document",
            ),
        ] {
            let refused = read(text).await.expect_err("refused").to_string();
            assert!(refused.contains(why) && refused.contains(METADATA), "{refused}");
        }
        assert!(read(b"<metadata>\xff</metadata>").await.is_err());
    }
}
