//! Names: of projects (PEP 503), of versions (PEP 440), and of the files they are in (PEP 427, PEP 625 and what was
//! usual before them).

use std::cmp::Ordering;
use std::str::FromStr;

use domain::artifact::ArtifactKey;
use pep440_rs::Version;

/// What every project's package key begins with.
pub(super) const KEY: &str = "pypi://";
/// Longest name of a file, in bytes.
const NAME_BYTES: usize = 255;
/// What source distributions end with.
const SOURCES: [&str; 7] = [".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz", ".tar.Z", ".tar"];

/// What the name of a file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileName {
    /// Its version, as PEP 440 writes it; as it is written where it is none.
    pub(super) version: String,
    /// Project and version as they are written.
    pub(super) written: (String, String),
    /// Which build of the version a wheel is, if it says so.
    pub(super) build: Option<String>,
    /// What the upload API calls its kind.
    pub(super) filetype: &'static str,
    /// What the upload API calls the Python it is for.
    pub(super) python: String,
}

/// Returns the name of the project `name`, normalised; `None` if no project can be called so.
pub(super) fn normalised(name: &str) -> Option<String> {
    let ends = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_name = ends(name.bytes().next()) && ends(name.bytes().last()) && name.bytes().all(plain);
    if !is_name || name.len() > NAME_BYTES {
        return None;
    }
    let mut normalised = String::with_capacity(name.len());
    for char in name.chars() {
        match char {
            '-' | '_' | '.' if normalised.ends_with('-') => {}
            '-' | '_' | '.' => normalised.push('-'),
            char => normalised.push(char.to_ascii_lowercase()),
        }
    }
    Some(normalised)
}

/// Returns the project a package key names, normalised.
pub(super) fn name_of(key: &str) -> Option<String> {
    normalised(key.strip_prefix(KEY)?)
}

/// Returns the project and the version a key names; `Err` says what is wrong with it.
pub(super) fn parts(key: &ArtifactKey) -> Result<(String, &str), &'static str> {
    let name = name_of(&key.name).ok_or("its name is no project's: pypi://name")?;
    let version = key.version.as_deref().ok_or("its versions could not be listed")?;
    Ok((name, version))
}

/// Returns `version` as PEP 440 writes it; as it is where it is none.
pub(super) fn version_of(version: &str) -> String {
    pep440(version).unwrap_or_else(|| version.to_owned())
}

/// Compares two versions by PEP 440, the older one first; what is none is older than all that are.
pub(super) fn newer(left: &str, right: &str) -> Ordering {
    let read = |version: &str| Version::from_str(version).ok();
    let order = read(left).cmp(&read(right));
    order.then_with(|| left.cmp(right))
}

fn pep440(version: &str) -> Option<String> {
    Version::from_str(version).ok().map(|version| version.to_string())
}

/// Reads the name of a file of `project` (normalised); `None` when it is none of its distributions.
pub(super) fn read(project: &str, name: &str) -> Option<FileName> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+!~".contains(&byte);
    if name.len() > NAME_BYTES || name.starts_with('.') || !name.bytes().all(plain) {
        return None;
    }
    if let Some(stem) = name.strip_suffix(".whl") {
        return wheel(project, stem);
    }
    if let Some(stem) = name.strip_suffix(".egg") {
        return egg(project, stem);
    }
    for (end, filetype) in [(".exe", "bdist_wininst"), (".msi", "bdist_msi")] {
        if let Some(stem) = name.strip_suffix(end) {
            let (stem, platform) = stem.split_once(".win")?;
            let python = platform.rsplit_once("-py").map_or("any", |(_, python)| python);
            return split(project, stem, filetype, python);
        }
    }
    let stem = SOURCES.iter().find_map(|end| name.strip_suffix(end))?;
    split(project, stem, "sdist", "source")
}

fn wheel(project: &str, stem: &str) -> Option<FileName> {
    let parts: Vec<&str> = stem.split('-').collect();
    let (name, version, build, python) = match parts[..] {
        [name, version, python, _, _] => (name, version, None, python),
        [name, version, build, python, _, _] => (name, version, Some(build.to_owned()), python),
        _ => return None,
    };
    let read = escaped(project, name, version, "bdist_wheel", python)?;
    Some(FileName { build, ..read })
}

fn egg(project: &str, stem: &str) -> Option<FileName> {
    let mut parts = stem.splitn(4, '-');
    let (name, version) = (parts.next()?, parts.next()?);
    let python = parts.next().and_then(|python| python.strip_prefix("py"));
    escaped(project, name, version, "bdist_egg", python.unwrap_or("any"))
}

/// Reads a name and a version in which `_` stands for what would end them.
fn escaped(
    project: &str,
    name: &str,
    version: &str,
    filetype: &'static str,
    python: &str,
) -> Option<FileName> {
    if normalised(name)? != project || version.is_empty() {
        return None;
    }
    Some(FileName {
        version: version_of(&version.replace('_', "-")),
        written: (name.into(), version.into()),
        build: None,
        filetype,
        python: python.into(),
    })
}

/// Reads a name and a version with `-` between them and perhaps in them: where the project's name ends tells, and
/// where it could end in two places, what follows is a version.
fn split(project: &str, stem: &str, filetype: &'static str, python: &str) -> Option<FileName> {
    let cuts = stem
        .match_indices('-')
        .map(|(at, _)| (&stem[..at], &stem[at + 1..]));
    let cuts: Vec<(&str, &str)> = cuts
        .filter(|(name, version)| normalised(name).as_deref() == Some(project) && !version.is_empty())
        .collect();
    let best = cuts.iter().find(|(_, version)| pep440(version).is_some());
    let (name, version) = best.or(cuts.first())?;
    Some(FileName {
        version: version_of(version),
        written: ((*name).into(), (*version).into()),
        build: None,
        filetype,
        python: python.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_stand_in_the_order_of_the_standard() {
        let mut versions = [
            "1.0.post1",
            "nonsense",
            "1.10",
            "1.0",
            "1!0.1",
            "1.0rc1",
            "1.0.dev3",
            "1.9",
        ];

        versions.sort_by(|left, right| newer(left, right));

        let expected = [
            "nonsense",
            "1.0.dev3",
            "1.0rc1",
            "1.0",
            "1.0.post1",
            "1.9",
            "1.10",
            "1!0.1",
        ];
        assert_eq!(versions, expected);
    }

    #[test]
    fn names_are_normalised_and_what_leads_elsewhere_is_none() {
        for (name, expected) in [
            ("Foo", "foo"),
            ("a.b_c--D", "a-b-c-d"),
            ("six", "six"),
            ("ruamel.yaml", "ruamel-yaml"),
        ] {
            assert_eq!(normalised(name).as_deref(), Some(expected));
        }
        for name in ["", ".", "..", "-a", "a-", "a/b", "a b", "é", "a%2fb", "a\n"] {
            assert_eq!(normalised(name), None, "{name}");
        }
        assert_eq!(normalised(&"a".repeat(300)), None);
        assert_eq!(name_of("npm://a"), None);
    }

    #[test]
    fn a_file_is_of_the_version_its_name_says() {
        let said = |project, file| {
            let read = read(project, file)?;
            Some((read.version, read.filetype, read.python))
        };
        for (project, file, version, filetype, python) in [
            (
                "six",
                "six-1.16.0-py2.py3-none-any.whl",
                "1.16.0",
                "bdist_wheel",
                "py2.py3",
            ),
            (
                "foo-bar",
                "Foo_Bar-1.0-2-cp312-abi3-linux_x86_64.whl",
                "1.0",
                "bdist_wheel",
                "cp312",
            ),
            (
                "foo",
                "foo-1.0+ubuntu.1-py3-none-any.whl",
                "1.0+ubuntu.1",
                "bdist_wheel",
                "py3",
            ),
            ("foo-bar", "foo.bar-1.0RC1.tar.gz", "1.0rc1", "sdist", "source"),
            ("foo-bar", "foo-bar-1.0-1.zip", "1.0.post1", "sdist", "source"),
            ("foo-2", "foo-2-1.0.tar.bz2", "1.0", "sdist", "source"),
            ("foo", "foo-2-1.0.tgz", "2-1.0", "sdist", "source"),
            ("foo", "foo-dev-r123.tar.gz", "dev-r123", "sdist", "source"),
            (
                "foo",
                "foo-1.0-py3.8-macosx-10.9-x86_64.egg",
                "1.0",
                "bdist_egg",
                "3.8",
            ),
            (
                "foo",
                "foo-1.0.win-amd64-py2.7.exe",
                "1.0",
                "bdist_wininst",
                "2.7",
            ),
            ("foo", "foo-1.0.win32.msi", "1.0", "bdist_msi", "any"),
        ] {
            assert_eq!(
                said(project, file),
                Some((version.into(), filetype, python.into())),
                "{file}"
            );
        }
    }

    #[test]
    fn what_is_no_distribution_of_the_project_is_none() {
        for file in [
            "",
            "foo",
            "foo.tar.gz",
            "foo-.tar.gz",
            "foo-1.0",
            "foo-1.0.tar.gz.asc",
            "foo-1.0.tar.gz.metadata",
            "foo-1.0.whl",
            "foo-1.0-py3-none.whl",
            "bar-1.0.tar.gz",
            "foo--py3-none-any.whl",
            "../foo-1.0.tar.gz",
            "foo-1.0/x.tar.gz",
            ".foo-1.0.tar.gz",
            "foo-1.0\".tar.gz",
            "foo-1.0 .tar.gz",
            "foo-é.tar.gz",
        ] {
            assert_eq!(read("foo", file), None, "{file}");
        }
        assert_eq!(read("foo", &format!("foo-{}.zip", "1".repeat(300))), None);
    }
}
