//! `index.yaml`: the charts of a repository, as Helm and ChartMuseum write it.
//!
//! Only what is needed is kept. The reader has budgets for depth, nodes and aliases, so that no document can grow
//! while it is read. An entry that is no chart stays an entry: whoever describes it fails by name.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;

use domain::digest::Digest;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Longest index that is read, in bytes.
pub(super) const MOST_BYTES: u64 = 48 * 1024 * 1024;
/// Most keys, values and lists in an index.
const MOST_NODES: usize = 4_000_000;
/// Most aliases in an index; nobody writes any.
const MOST_ALIASES: usize = 1000;
/// Most versions of charts in an index.
const MOST_VERSIONS: usize = 100_000;

/// What an index says of one version of a chart, as it is written.
#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    digest: Option<String>,
    #[serde(default)]
    urls: Option<Vec<String>>,
}

/// What is kept of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The SHA-256 of the chart's file, where the index has it.
    pub(super) digest: Option<Digest>,
    /// Where the chart's file is, as the index says it.
    pub(super) file: Option<String>,
    /// Whether it is of the chart it stands under.
    pub(super) is_its_own: bool,
}

/// The charts of a repository: by name, then by version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Index(pub(super) BTreeMap<String, BTreeMap<String, Entry>>);

impl Index {
    /// Reads an index as it comes; the error says what is wrong with it.
    pub(super) fn read(bytes: impl Read) -> Result<Self, String> {
        let mut options = serde_saphyr::Options::default();
        if let Some(budget) = &mut options.budget {
            budget.max_nodes = MOST_NODES;
            budget.max_events = 2 * MOST_NODES;
            budget.max_aliases = MOST_ALIASES;
            budget.max_documents = 1;
        }
        let document: Document = serde_saphyr::from_reader_with_options(bytes, options)
            .map_err(|error| format!("index.yaml cannot be read: {error}"))?;
        document.0.ok_or_else(|| "index.yaml has no `entries`".into())
    }
}

impl Said {
    fn kept(self, name: &str) -> Entry {
        Entry {
            digest: self
                .digest
                .and_then(|digest| digest.to_ascii_lowercase().parse().ok()),
            file: self.urls.and_then(|urls| urls.into_iter().next()),
            is_its_own: self.name.is_none_or(|own| own == name),
        }
    }
}

/// A whole document; `None`: without `entries`.
struct Document(Option<Index>);

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(document: D) -> Result<Self, D::Error> {
        document.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Document;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an index of charts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Document, A::Error> {
        let mut index = None;
        while let Some(name) = members.next_key::<String>()? {
            if name == "entries" {
                index = Some(members.next_value_seed(Charts)?);
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Document(index))
    }
}

/// The charts by name.
struct Charts;

impl<'de> DeserializeSeed<'de> for Charts {
    type Value = Index;

    fn deserialize<D: Deserializer<'de>>(self, charts: D) -> Result<Index, D::Error> {
        charts.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Charts {
    type Value = Index;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("charts by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut charts: A) -> Result<Index, A::Error> {
        let (mut index, mut left) = (Index::default(), MOST_VERSIONS);
        while let Some(name) = charts.next_key::<String>()? {
            left = left.checked_sub(1).ok_or_else(too_many)?;
            let versions = index.0.entry(name.clone()).or_default();
            let left = &mut left;
            charts.next_value_seed(Versions { name, versions, left })?;
        }
        Ok(index)
    }
}

/// The versions of one chart; nothing at all stands for none.
struct Versions<'a> {
    name: String,
    versions: &'a mut BTreeMap<String, Entry>,
    /// How many more there may be.
    left: &'a mut usize,
}

impl<'de> DeserializeSeed<'de> for Versions<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, versions: D) -> Result<(), D::Error> {
        versions.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Versions<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of versions")
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, versions: D) -> Result<(), D::Error> {
        versions.deserialize_seq(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut versions: A) -> Result<(), A::Error> {
        while let Some(mut said) = versions.next_element::<Said>()? {
            *self.left = self.left.checked_sub(1).ok_or_else(too_many)?;
            if let Some(version) = said.version.take() {
                // Helm takes the first one, too.
                self.versions
                    .entry(version)
                    .or_insert_with(|| said.kept(&self.name));
            }
        }
        Ok(())
    }
}

fn too_many<E: Error>() -> E {
    E::custom(format_args!("it has more than {MOST_VERSIONS} versions"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_holds_its_charts_by_name_and_version() {
        let text = "apiVersion: v1\nentries:\n  web:\n  - name: web\n    version: 1.10.0\n    digest: \
                    ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n    urls: [charts/web-1.10.0.tgz]\n    \
                    maintainers:\n    - {name: x}\n  - name: web\n    version: \"1.9\"\n  empty: []\n  none:\n  other:\n  - name: web\n    version: 1\ngenerated: now\n";

        let index = Index::read(text.as_bytes()).expect("an index");

        assert_eq!(index.0["web"].keys().collect::<Vec<_>>(), ["1.10.0", "1.9"]);
        let entry = &index.0["web"]["1.10.0"];
        assert_eq!(entry.digest, Some(Digest::of(b"abc")));
        assert_eq!(entry.file.as_deref(), Some("charts/web-1.10.0.tgz"));
        assert!(entry.is_its_own && !index.0["other"]["1"].is_its_own);
    }

    #[test]
    fn bombs_and_broken_indexes_are_refused_by_name() {
        let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n\
                    d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n\
                    g: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\nentries: {x: [*g]}\n";
        let deep = format!("entries: {}", "[".repeat(100_000));
        for text in [
            bomb,
            &deep,
            "entries: 5",
            "<html>",
            "entries:\n  web:\n  - version: [1]\n",
            "",
            "apiVersion: v1",
        ] {
            let refused = Index::read(text.as_bytes()).expect_err("refused");
            assert!(refused.starts_with("index.yaml"), "{refused}");
        }
        assert!(Index::read(&b"entries: \xff"[..]).is_err());
        let many = format!("entries:\n  web:\n{}", "  - {}\n".repeat(MOST_VERSIONS + 1));
        let refused = Index::read(many.as_bytes()).expect_err("too many");
        assert!(refused.contains("100000 versions"), "{refused}");
    }
}
