//! Adds what was replicated to the `maven-metadata.xml` that stands at a target; what others wrote there stays.
//!
//! Everything follows from the names of the files, so a target ends up with the same document whatever order its
//! versions arrived in, and whatever the source's own document says.

use super::layout::{Build, Package, Version};
use super::order::newest;
use super::wire::{Metadata, Snapshot, SnapshotVersion};

/// Adds `versions` to the document of `package`; `None` when they are listed already.
pub(super) fn with_versions(
    standing: Option<&Metadata>,
    package: &Package,
    versions: &[&str],
    date: Option<&str>,
) -> Option<Metadata> {
    let mut merged = standing.cloned().unwrap_or_default();
    let before = merged.versions.len();
    for version in versions {
        if !merged.versions.iter().any(|listed| listed == version) {
            merged.versions.push((*version).into());
        }
    }
    if standing.is_some() && merged.versions.len() == before {
        return None;
    }
    merged.group.clone_from(&package.group);
    merged.artifact.clone_from(&package.artifact);
    merged
        .versions
        .sort_by(|left, right| super::order::compare(left, right));
    let all = || merged.versions.iter().map(String::as_str);
    let released = newest(all().filter(|version| !version.ends_with("-SNAPSHOT"))).map(String::from);
    merged.latest = newest(all()).map(String::from);
    merged.release = released;
    merged.last_updated = later(merged.last_updated, date);
    Some(merged)
}

/// Adds the builds that files called `names` belong to, to the document of the snapshot `version`; `None` when it
/// says all of it already.
pub(super) fn with_builds<'a>(
    standing: Option<&Metadata>,
    version: &Version,
    names: impl IntoIterator<Item = &'a str>,
    date: Option<&str>,
) -> Option<Metadata> {
    let mut merged = standing.cloned().unwrap_or_default();
    for name in names {
        let (Some(build), Some((classifier, extension))) = (version.build(name), version.classified(name))
        else {
            continue;
        };
        let entry = SnapshotVersion {
            classifier: classifier.into(),
            extension: extension.into(),
            value: build.value(version),
            updated: build.time.replace('.', ""),
        };
        add_entry(&mut merged.snapshot_versions, entry, version, build);
        if newest_build(&merged).is_none_or(|listed| listed < build) {
            merged.snapshot = Some(Snapshot {
                timestamp: Some(build.time.into()),
                build_number: Some(build.number.to_string()),
                local_copy: None,
            });
        }
    }
    if standing == Some(&merged) || merged == Metadata::default() {
        return None;
    }
    merged.group.clone_from(&version.package.group);
    merged.artifact.clone_from(&version.package.artifact);
    merged.version = Some(version.version.clone());
    merged.last_updated = later(merged.last_updated, date);
    Some(merged)
}

fn add_entry(
    entries: &mut Vec<SnapshotVersion>,
    entry: SnapshotVersion,
    version: &Version,
    build: Build<'_>,
) {
    let same = |listed: &&mut SnapshotVersion| {
        listed.classifier == entry.classifier && listed.extension == entry.extension
    };
    match entries.iter_mut().find(same) {
        None => entries.push(entry),
        Some(listed) if Build::of_value(&listed.value, version).is_none_or(|listed| listed < build) => {
            *listed = entry
        }
        Some(_) => {}
    }
}

/// Returns the newest build that the document of a snapshot lists.
pub(super) fn newest_build(metadata: &Metadata) -> Option<Build<'_>> {
    let snapshot = metadata.snapshot.as_ref()?;
    Some(Build {
        time: snapshot.timestamp.as_deref()?,
        number: snapshot.build_number.as_deref()?.parse().ok()?,
    })
}

/// Returns the later of two times (`yyyyMMddHHmmss`).
fn later(standing: Option<String>, date: Option<&str>) -> Option<String> {
    let date = date.map(String::from);
    standing.max(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package() -> Package {
        Package::of_key("gav://org.example:app").expect("a key")
    }

    #[test]
    fn versions_are_added_to_those_that_stand_there_newest_last() {
        let standing = Metadata {
            versions: vec!["1.10".into(), "1.9".into()],
            last_updated: Some("20250101000000".into()),
            ..Metadata::default()
        };

        let merged = with_versions(
            Some(&standing),
            &package(),
            &["1.2", "2-SNAPSHOT", "1.9"],
            Some("20260101000000"),
        );

        let merged = merged.expect("something is new");
        assert_eq!(merged.versions, ["1.2", "1.9", "1.10", "2-SNAPSHOT"]);
        assert_eq!(merged.latest.as_deref(), Some("2-SNAPSHOT"));
        assert_eq!(merged.release.as_deref(), Some("1.10"));
        assert_eq!(merged.last_updated.as_deref(), Some("20260101000000"));
        assert_eq!(
            with_versions(Some(&merged), &package(), &["1.2"], None),
            None,
            "listed already"
        );
    }

    #[test]
    fn an_older_build_never_takes_the_place_of_a_newer_one() {
        let snapshot = package().version("1-SNAPSHOT").expect("a version");
        let names = |build: &str| {
            [
                format!("app-1-{build}.jar"),
                format!("app-1-{build}.pom"),
                "app-1-SNAPSHOT.x".into(),
            ]
        };
        let (old, new) = (names("20260101.000000-9"), names("20260102.000000-10"));

        let first = with_builds(None, &snapshot, new.iter().map(String::as_str), None).expect("new");
        let again = with_builds(Some(&first), &snapshot, old.iter().map(String::as_str), None);
        let other_way = with_builds(None, &snapshot, old.iter().map(String::as_str), None).expect("new");
        let other_way =
            with_builds(Some(&other_way), &snapshot, new.iter().map(String::as_str), None).expect("newer");

        assert_eq!(again, None);
        assert_eq!(first, other_way);
        assert_eq!(first.snapshot_versions.len(), 2);
        assert_eq!(first.snapshot_versions[0].value, "1-20260102.000000-10");
        assert_eq!(
            newest_build(&first),
            Some(Build {
                time: "20260102.000000",
                number: 10
            })
        );
    }

    #[test]
    fn a_snapshot_without_builds_needs_no_document() {
        let snapshot = package().version("1-SNAPSHOT").expect("a version");

        assert_eq!(
            with_builds(None, &snapshot, ["app-1-SNAPSHOT.jar"], Some("20260101000000")),
            None
        );
    }
}
