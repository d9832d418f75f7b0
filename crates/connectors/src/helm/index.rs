//! `index.yaml`: the charts of a repository, as Helm and ChartMuseum write it.
//!
//! Only what is needed is kept. The reader has budgets for depth, nodes and aliases, so that no document can grow
//! while it is read. An entry that is no chart stays an entry: whoever describes it fails by name.

use std::collections::BTreeMap;

use domain::digest::Digest;
use serde::Deserialize;

/// Longest index that is read, in bytes.
pub(super) const MOST_BYTES: u64 = 48 * 1024 * 1024;
/// Most keys, values and lists in an index.
const MOST_NODES: usize = 4_000_000;
/// Most aliases in an index; nobody writes any.
const MOST_ALIASES: usize = 1000;

/// What an index says of one version of a chart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Entry {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    digest: Option<String>,
    #[serde(default)]
    urls: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Document {
    entries: Option<BTreeMap<String, Option<Vec<Entry>>>>,
}

/// The charts of a repository: by name, then by version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Index(pub(super) BTreeMap<String, BTreeMap<String, Entry>>);

impl Index {
    /// Reads an index; the error says what is wrong with it.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut options = serde_saphyr::Options::default();
        if let Some(budget) = &mut options.budget {
            budget.max_nodes = MOST_NODES;
            budget.max_events = 2 * MOST_NODES;
            budget.max_aliases = MOST_ALIASES;
            budget.max_documents = 1;
        }
        let document: Document = serde_saphyr::from_slice_with_options(bytes, options)
            .map_err(|error| format!("index.yaml cannot be read: {error}"))?;
        let entries = document.entries.ok_or("index.yaml has no `entries`")?;
        let mut index = Self::default();
        for (name, entries) in entries {
            let versions = index.0.entry(name).or_default();
            for entry in entries.unwrap_or_default() {
                if let Some(version) = entry.version.clone() {
                    // Helm takes the first one, too.
                    versions.entry(version).or_insert(entry);
                }
            }
        }
        Ok(index)
    }
}

impl Entry {
    /// Returns the SHA-256 of the chart's file, where the index has it.
    pub(super) fn digest(&self) -> Option<Digest> {
        self.digest.as_deref()?.to_ascii_lowercase().parse().ok()
    }

    /// Returns where the chart's file is, as the index says it.
    pub(super) fn file(&self) -> Option<&str> {
        self.urls.as_ref()?.first().map(String::as_str)
    }

    /// Says whether it is of the chart it stands under.
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.name.as_deref().is_none_or(|own| own == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_holds_its_charts_by_name_and_version() {
        let text = "apiVersion: v1\nentries:\n  web:\n  - name: web\n    version: 1.10.0\n    digest: \
                    ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n    urls: [charts/web-1.10.0.tgz]\n    \
                    maintainers:\n    - {name: x}\n  - name: web\n    version: \"1.9\"\n  empty: []\n  none:\ngenerated: now\n";

        let index = Index::parse(text.as_bytes()).expect("an index");

        assert_eq!(index.0["web"].keys().collect::<Vec<_>>(), ["1.10.0", "1.9"]);
        let entry = &index.0["web"]["1.10.0"];
        assert_eq!(entry.digest(), Some(Digest::of(b"abc")));
        assert!(entry.is_called("web") && !entry.is_called("other"));
        assert_eq!(
            entry.urls.as_deref(),
            Some(&["charts/web-1.10.0.tgz".to_owned()][..])
        );
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
            let refused = Index::parse(text.as_bytes()).expect_err("refused");
            assert!(refused.starts_with("index.yaml"), "{refused}");
        }
        assert!(Index::parse(b"entries: \xff").is_err());
    }
}
