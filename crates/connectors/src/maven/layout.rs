//! Where things lie in a Maven repository: `{group}/{artifact}/{version}/{artifact}-{version}[-{classifier}].{ext}`,
//! the dots of the group as slashes ("Maven2 repository layout").
//!
//! Names are checked here once, in both directions: a key or a listing that names anything outside its own folder
//! names nothing.

use domain::artifact::ArtifactKey;

/// What every Maven package key begins with.
const KEY: &str = "gav://";
/// What the version of a snapshot ends with.
const SNAPSHOT: &str = "-SNAPSHOT";
/// File that says which versions there are of an artifact, and which builds of a snapshot.
pub(super) const METADATA: &str = "maven-metadata.xml";
/// Longest name between two slashes.
const NAME_BYTES: usize = 255;

/// The sums that lie beside a file, by what is added to its name; the ones Maven itself writes last.
pub(super) const SUMS: [&str; 4] = [".sha512", ".sha256", ".sha1", ".md5"];

/// A group and an artifact: what Maven calls a package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Package {
    pub(super) group: String,
    pub(super) artifact: String,
}

/// One version of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) package: Package,
    pub(super) version: String,
}

/// The build of a snapshot that a file belongs to: the time (`20260101.120000`) and the number of the build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Build<'a> {
    pub(super) time: &'a str,
    pub(super) number: u64,
}

impl Package {
    /// Reads a package key.
    pub(super) fn of_key(key: &str) -> Option<Self> {
        let (group, artifact) = key.strip_prefix(KEY)?.split_once(':')?;
        let valid = group.split('.').all(is_id) && is_id(artifact);
        valid.then(|| Self {
            group: group.into(),
            artifact: artifact.into(),
        })
    }

    pub(super) fn key(&self) -> String {
        format!("{KEY}{}:{}", self.group, self.artifact)
    }

    /// Reads the names of its folder.
    pub(super) fn of_folder(names: &[String]) -> Option<Self> {
        let (artifact, group) = names.split_last()?;
        (!group.is_empty()).then(|| Self {
            group: group.join("."),
            artifact: artifact.clone(),
        })
    }

    /// Returns the names of its folder, the outermost first.
    pub(super) fn folder(&self) -> Vec<String> {
        let names = self.group.split('.').chain([self.artifact.as_str()]);
        names.map(String::from).collect()
    }

    /// Returns the version of it that is called `version`.
    pub(super) fn version(&self, version: &str) -> Option<Version> {
        is_version(version).then(|| Version {
            package: self.clone(),
            version: version.into(),
        })
    }
}

impl Version {
    /// Reads an artifact's key.
    pub(super) fn of_key(key: &ArtifactKey) -> Option<Self> {
        Package::of_key(&key.name)?.version(key.version.as_deref()?)
    }

    /// Reads the names of a folder, if they can be a version's.
    pub(super) fn of_folder(names: &[String]) -> Option<Self> {
        let [group @ .., artifact, version] = names else {
            return None;
        };
        // A dot within a name of the group could not be told from the border between two names.
        let named = |name: &String| is_id(name) && !name.contains('.');
        if group.is_empty() || !group.iter().all(named) || !is_id(artifact) {
            return None;
        }
        let package = Package {
            group: group.join("."),
            artifact: artifact.clone(),
        };
        package.version(version)
    }

    pub(super) fn key(&self) -> ArtifactKey {
        ArtifactKey {
            name: self.package.key(),
            version: Some(self.version.clone()),
        }
    }

    pub(super) fn folder(&self) -> Vec<String> {
        let mut names = self.package.folder();
        names.push(self.version.clone());
        names
    }

    pub(super) fn is_snapshot(&self) -> bool {
        self.version.ends_with(SNAPSHOT)
    }

    /// Returns what its file names begin with: for a snapshot, up to where the build begins.
    fn stem(&self) -> String {
        let base = self.version.strip_suffix(SNAPSHOT).unwrap_or(&self.version);
        format!("{}-{base}", self.package.artifact)
    }

    /// Returns what follows artifact, version and build in the name of a file of it: `.jar`, `-sources.jar`; `None`
    /// when `name` names no file of it, or the sum of one.
    fn rest<'a>(&self, name: &'a str) -> Option<(Option<Build<'a>>, &'a str)> {
        if SUMS.iter().any(|sum| name.ends_with(sum)) || !is_name(name) {
            return None;
        }
        let after = name.strip_prefix(&self.stem())?;
        let (build, rest) = match after.strip_prefix(SNAPSHOT) {
            Some(rest) if self.is_snapshot() => (None, rest),
            _ if self.is_snapshot() => {
                let (build, rest) = Build::of(after.strip_prefix('-')?)?;
                (Some(build), rest)
            }
            _ => (None, after),
        };
        rest.starts_with(['-', '.']).then_some((build, rest))
    }

    /// Says whether a file of this name belongs to it (its sums do not: they are made anew).
    pub(super) fn owns(&self, name: &str) -> bool {
        self.rest(name).is_some()
    }

    /// Returns the build that a file of it belongs to.
    pub(super) fn build<'a>(&self, name: &'a str) -> Option<Build<'a>> {
        self.rest(name)?.0
    }

    /// Returns classifier and extension of a file of it.
    pub(super) fn classified<'a>(&self, name: &'a str) -> Option<(&'a str, &'a str)> {
        let (_, rest) = self.rest(name)?;
        let dot = extension(rest)?;
        let classifier = rest[..dot].strip_prefix('-').unwrap_or_default();
        Some((classifier, &rest[dot + 1..]))
    }

    /// Says whether a file of this name is its description, which makes it usable.
    pub(super) fn is_pom(&self, name: &str) -> bool {
        self.classified(name) == Some(("", "pom"))
    }

    /// Returns the names its files usually have: what is looked for where no folder is listed.
    pub(super) fn usual_names(&self) -> Vec<String> {
        const USUAL: [&str; 9] = [
            ".pom",
            ".jar",
            "-sources.jar",
            "-javadoc.jar",
            "-tests.jar",
            ".module",
            ".war",
            ".aar",
            ".zip",
        ];
        let stem = format!("{}-{}", self.package.artifact, self.version);
        let names = USUAL.iter().map(|rest| format!("{stem}{rest}"));
        names.flat_map(|name| [format!("{name}.asc"), name]).collect()
    }
}

impl<'a> Build<'a> {
    /// Reads the build out of what `maven-metadata.xml` calls a value: `1.0-20260101.120000-7`.
    pub(super) fn of_value(value: &'a str, version: &Version) -> Option<Self> {
        let base = version.version.strip_suffix(SNAPSHOT)?;
        let (build, rest) = Self::of(value.strip_prefix(base)?.strip_prefix('-')?)?;
        rest.is_empty().then_some(build)
    }

    /// Writes it as such a value.
    pub(super) fn value(&self, version: &Version) -> String {
        let base = version.version.strip_suffix(SNAPSHOT).unwrap_or(&version.version);
        format!("{base}-{}-{}", self.time, self.number)
    }

    /// Reads `20260101.120000-7`, and returns what follows it.
    fn of(text: &'a str) -> Option<(Self, &'a str)> {
        let time = text.get(..15)?;
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let is_time = digits(&time[..8]) && time.as_bytes()[8] == b'.' && digits(&time[9..]);
        let after = text[15..].strip_prefix('-').filter(|_| is_time)?;
        let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        let number = after[..end].parse().ok()?;
        Some((Self { time, number }, &after[end..]))
    }
}

/// Returns what a folder is called that cannot be looked into: its path, with a slash at its end as no package has one.
pub(super) fn folder_key(folder: &[String]) -> String {
    format!("{KEY}{}/", folder.join("/"))
}

/// Returns the folder that [`folder_key`] called so.
pub(super) fn folder_of_key(key: &str) -> Option<Vec<String>> {
    let path = key.strip_prefix(KEY)?.strip_suffix('/')?;
    let folder: Vec<String> = path.split('/').map(String::from).collect();
    folder.iter().all(|name| is_name(name)).then_some(folder)
}

/// Returns where the extension begins: at the last dot, or before it where compression or a signature comes last.
fn extension(rest: &str) -> Option<usize> {
    let dot = rest.rfind('.')?;
    let (before, last) = (&rest[..dot], &rest[dot + 1..]);
    let compressed = || before.rfind('.').filter(|at| &before[at + 1..] == "tar");
    match last {
        "asc" => extension(before).or(Some(dot)),
        "gz" | "bz2" | "xz" | "zst" => compressed().or(Some(dot)),
        _ => Some(dot),
    }
}

/// Says whether `text` is one name of a group, or an artifact's.
fn is_id(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    is_name(text) && text.bytes().all(plain)
}

/// Says whether `text` can be a version: what Maven accepts as one.
fn is_version(text: &str) -> bool {
    let forbidden = |c: char| c.is_whitespace() || ":\"<>|?*[](){},".contains(c);
    is_name(text) && !text.contains(forbidden) && !text.starts_with("maven-metadata")
}

/// Says whether `text` is one name between two slashes.
pub(super) fn is_name(text: &str) -> bool {
    let outside = |c: char| c.is_control() || c == '/' || c == '\\';
    !text.is_empty() && text.len() <= NAME_BYTES && text != "." && text != ".." && !text.contains(outside)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(version: &str) -> Version {
        let package = Package::of_key("gav://org.example:app").expect("a key");
        package.version(version).expect("a version")
    }

    fn names(path: &str) -> Vec<String> {
        path.split('/').map(String::from).collect()
    }

    #[test]
    fn a_key_and_a_folder_say_the_same() {
        let release = version("1.0");

        assert_eq!(release.folder(), names("org/example/app/1.0"));
        assert_eq!(Version::of_folder(&release.folder()), Some(release.clone()));
        assert_eq!(Version::of_key(&release.key()), Some(release));
        let folder = names("org/example");
        assert_eq!(folder_key(&folder), "gav://org/example/");
        assert_eq!(folder_of_key("gav://org/example/"), Some(folder));
        assert_eq!(folder_of_key("gav://org.example:app"), None);
    }

    #[test]
    fn names_that_lead_elsewhere_name_nothing() {
        for key in [
            "gav://org",
            "gav://:a",
            "gav://a:",
            "gav://a..b:c",
            "gav://a/b:c",
            "gav://a:b/c",
            "npm://a:b",
            "gav://..:a",
        ] {
            assert_eq!(Package::of_key(key), None, "{key}");
        }
        for key in ["gav:///", "gav://../", "gav://a//", "gav://a/./b/", "gav://a"] {
            assert_eq!(folder_of_key(key), None, "{key}");
        }
        let package = Package::of_key("gav://org.example:app").expect("a key");
        for version in ["", ".", "..", "a/b", "1:2", "[1,2)", "1 2", "a\\b", "a\nb"] {
            assert_eq!(package.version(version), None, "{version}");
        }
        for folder in ["app/1.0", "org.example/app/1.0", "../app/1.0", "org//1.0"] {
            assert_eq!(Version::of_folder(&names(folder)), None, "{folder}");
        }
    }

    #[test]
    fn a_version_owns_the_files_that_are_called_like_it() {
        let release = version("1.0");
        for name in [
            "app-1.0.jar",
            "app-1.0.pom",
            "app-1.0-sources.jar.asc",
            "app-1.0-jdk1.8.tar.gz",
        ] {
            assert!(release.owns(name), "{name}");
        }
        for name in [
            "app-1.0.jar.sha1",
            "app-1.0.pom.md5",
            "app-1.00.jar",
            "_remote.repositories",
            METADATA,
            "app-1.0",
            "../app-1.0.jar",
        ] {
            assert!(!release.owns(name), "{name}");
        }
        assert!(release.is_pom("app-1.0.pom") && !release.is_pom("app-1.0.jar"));
    }

    #[test]
    fn the_files_of_a_snapshot_name_their_build() {
        let snapshot = version("1.0-SNAPSHOT");
        let jar = "app-1.0-20260102.030405-17-sources.jar";

        assert_eq!(
            snapshot.build(jar),
            Some(Build {
                time: "20260102.030405",
                number: 17
            })
        );
        assert_eq!(snapshot.classified(jar), Some(("sources", "jar")));
        assert!(snapshot.owns("app-1.0-SNAPSHOT.jar") && snapshot.build("app-1.0-SNAPSHOT.jar").is_none());
        assert!(snapshot.is_pom("app-1.0-20260102.030405-17.pom"));
        for name in [
            "app-1.0.jar",
            "app-1.0-2026.jar",
            "app-1.0-20260102.030405-x.jar",
            "app-1.0-20260102.030405-17",
        ] {
            assert!(!snapshot.owns(name), "{name}");
        }
    }

    #[test]
    fn the_extension_keeps_compression_and_signature() {
        let release = version("1.0");
        let classified = |rest: &str| {
            let name = format!("app-1.0{rest}");
            release.classified(&name).map(|(c, e)| format!("{c}|{e}"))
        };

        assert_eq!(classified("-bin.tar.gz").as_deref(), Some("bin|tar.gz"));
        assert_eq!(classified("-jdk1.8.jar").as_deref(), Some("jdk1.8|jar"));
        assert_eq!(classified(".jar.asc").as_deref(), Some("|jar.asc"));
        assert_eq!(classified("-bin.tar.gz.asc").as_deref(), Some("bin|tar.gz.asc"));
        assert_eq!(classified(".gz").as_deref(), Some("|gz"));
    }
}
