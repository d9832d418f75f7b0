//! Names of charts, of their versions, and of the files they are kept in (Helm's "Chart Repository Guide").

use domain::artifact::ArtifactKey;

/// What every chart's package key begins with.
const KEY: &str = "helm://";
/// Longest name of a file, in bytes.
const NAME_BYTES: usize = 255;

/// One version of a chart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Chart {
    pub(super) name: String,
    pub(super) version: String,
}

impl Chart {
    /// Takes a name and a version, if they can be a chart's.
    pub(super) fn of(name: &str, version: &str) -> Option<Self> {
        let chart = Self {
            name: name.into(),
            version: version.into(),
        };
        let is_valid = is_name(name) && is_version(version) && chart.provenance().len() <= NAME_BYTES;
        is_valid.then_some(chart)
    }

    /// Reads an artifact's key.
    pub(super) fn of_key(key: &ArtifactKey) -> Option<Self> {
        Self::of(key.name.strip_prefix(KEY)?, key.version.as_deref()?)
    }

    /// Returns the name of the file that holds it.
    pub(super) fn file(&self) -> String {
        format!("{}-{}.tgz", self.name, self.version)
    }

    /// Returns the name of the file that holds its signature.
    pub(super) fn provenance(&self) -> String {
        format!("{}.prov", self.file())
    }
}

/// Returns the package key of what an index calls `name`, whether a chart can be called so or not.
pub(super) fn package_key(name: &str) -> String {
    format!("{KEY}{name}")
}

/// Returns the name of the chart that a package key names.
pub(super) fn name_of(package: &str) -> Option<&str> {
    package.strip_prefix(KEY).filter(|name| is_name(name))
}

fn is_name(text: &str) -> bool {
    let first = text.bytes().next();
    first.is_some_and(|byte| byte.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

fn is_version(text: &str) -> bool {
    let first = text.bytes().next();
    first.is_some_and(|byte| byte.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_a_chart_and_its_files() {
        let key = ArtifactKey {
            name: package_key("web-app"),
            version: Some("1.0.0+build.1".into()),
        };
        let chart = Chart::of_key(&key).expect("a chart");

        assert_eq!(chart.file(), "web-app-1.0.0+build.1.tgz");
        assert_eq!(chart.provenance(), "web-app-1.0.0+build.1.tgz.prov");
    }

    #[test]
    fn names_that_lead_elsewhere_name_no_chart() {
        for (name, version) in [
            ("", "1"),
            ("..", "1"),
            ("a/b", "1"),
            ("a", ""),
            ("a", "../1"),
            ("a", "1/2"),
            ("-a", "1"),
            ("ä", "1"),
        ] {
            assert_eq!(Chart::of(name, version), None, "{name} {version}");
        }
        assert_eq!(Chart::of(&"a".repeat(300), "1"), None);
        assert_eq!(name_of("npm://a"), None);
    }
}
