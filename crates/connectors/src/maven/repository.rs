//! A Maven repository as a server shows it: listings of folders, facts about files, `maven-metadata.xml`.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::artifact::Blob;
use domain::digest::Digest;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ConnectorError, ConnectorResult};
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::fmt::rfc2822;
use percent_encoding::percent_decode_str;
use reqwest::header::DATE;
use tokio::sync::OnceCell;
use url::Url;

use super::layout::{METADATA, Package, SUMS, Version, is_name};
use super::wire::{MOST_BYTES, Metadata};
use crate::http::{Anchor, Files, Links, sum};

/// Longest listing of a folder that is read, in bytes.
const MOST_LISTING_BYTES: u64 = 32 * 1024 * 1024;
/// Longest file of a sum that is read, in bytes.
const MOST_SUM_BYTES: u64 = 4096;
/// Most files and folders in one folder.
const MOST_ENTRIES: usize = 100_000;
/// Questions about one thing that are asked at the same time.
pub(super) const PARALLEL: usize = 8;

/// A Maven repository.
#[derive(Clone, Debug)]
pub(super) struct Repository(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    files: Files,
    /// Whether the server lists its folders; known once it was asked.
    lists: OnceCell<bool>,
}

/// What a folder holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Listing {
    pub(super) folders: BTreeSet<String>,
    pub(super) files: BTreeSet<String>,
}

/// What came of asking for a listing.
#[derive(Debug)]
enum Shown {
    Listing(Listing),
    Nothing,
    /// The server answers, but lists no folders.
    Refused,
}

/// A `maven-metadata.xml` as it stands, and the time it was answered at (`yyyyMMddHHmmss`), by the server's clock.
#[derive(Debug, Default)]
pub(super) struct Standing {
    pub(super) metadata: Option<Metadata>,
    pub(super) date: Option<String>,
}

impl Repository {
    pub(super) fn of(files: Files) -> Self {
        Self(Arc::new(Inner {
            files,
            lists: OnceCell::new(),
        }))
    }

    pub(super) fn files(&self) -> &Files {
        &self.0.files
    }

    /// Returns the URL of the file `name` in the folder `folder`; of the folder itself if `name` is empty.
    pub(super) fn url(&self, folder: &[String], name: &str) -> Url {
        let mut url = self.0.files.server().base().clone();
        // An http URL always has segments.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(folder).push(name);
        }
        url
    }

    /// Returns what `folder` holds; `None` when it is not there.
    ///
    /// Fails on a server that lists no folders: [`Repository::lists`] says which do.
    pub(super) async fn listing(&self, folder: &[String], stage: Stage) -> ConnectorResult<Option<Listing>> {
        match self.shown(folder, stage).await? {
            Shown::Listing(listing) => Ok(Some(listing)),
            Shown::Nothing => Ok(None),
            Shown::Refused if self.0.lists.get() == Some(&true) => {
                let url = self.url(folder, "");
                let error = ConnectorError::new(ErrorKind::NotFound, stage, url.path());
                Err(error.words("the server lists other folders and not this one"))
            }
            Shown::Refused => Err(self.unlisted(folder, stage)),
        }
    }

    /// Returns the error for a folder that the server does not list.
    pub(super) fn unlisted(&self, folder: &[String], stage: Stage) -> ConnectorError {
        let url = self.url(folder, "");
        ConnectorError::new(ErrorKind::NotFound, stage, url.path())
            .words("the server lists no folders: name the packages that are to be replicated")
    }

    /// Says whether the server lists its folders.
    pub(super) async fn lists(&self, stage: Stage) -> ConnectorResult<bool> {
        let ask = || async {
            let shown = self.shown(&[], stage).await?;
            Ok(matches!(shown, Shown::Listing(_)))
        };
        self.0.lists.get_or_try_init(ask).await.copied()
    }

    async fn shown(&self, folder: &[String], stage: Stage) -> ConnectorResult<Shown> {
        let url = self.url(folder, "");
        let mut page = match self.files().found(&url, stage, url.path()).await {
            Ok(Some(page)) => page,
            Ok(None) => return Ok(Shown::Nothing),
            Err(refused) if is_refusal_to_list(&refused) => return Ok(Shown::Refused),
            Err(error) => return Err(error),
        };
        let mut reader = ListingReader::of(&url);
        page.pieces(MOST_LISTING_BYTES, &mut |piece| reader.read(piece))
            .await??;
        let listing = reader.finish().map_err(|words| page.wrong(words))?;
        Ok(listing.map_or(Shown::Refused, Shown::Listing))
    }

    /// Returns the names of the files that belong to `version`; `None` when it is not there.
    ///
    /// Where folders are not listed, the usual names are looked for, and what the document of a snapshot lists.
    pub(super) async fn names(&self, version: &Version, stage: Stage) -> ConnectorResult<Option<Listing>> {
        let folder = version.folder();
        if self.lists(stage).await? {
            let listing = self.listing(&folder, stage).await?;
            return Ok(listing.filter(|listing| listing.is_of(version)));
        }
        let candidates = match self.metadata(&folder, stage).await?.metadata {
            Some(metadata) if version.is_snapshot() => listed_names(version, &metadata),
            _ => version.usual_names(),
        };
        let looks = candidates.into_iter().map(|name| {
            let url = self.url(&folder, &name);
            async move {
                let there = self.files().facts(&url, stage, url.path()).await?.is_some();
                Ok::<_, ConnectorError>(there.then_some(name))
            }
        });
        let looks: Vec<_> = looks.collect();
        let found: Vec<Option<String>> = stream::iter(looks).buffered(PARALLEL).try_collect().await?;
        let files: BTreeSet<String> = found.into_iter().flatten().collect();
        // Which sums there are cannot be seen: Maven's own two are asked for.
        let sums = |name: &String| [".sha1", ".md5"].map(|sum| format!("{name}{sum}"));
        let asked: Vec<String> = files.iter().flat_map(sums).collect();
        let some = !files.is_empty();
        let files = files.into_iter().chain(asked).collect();
        Ok(some.then(|| Listing {
            files,
            ..Listing::default()
        }))
    }

    /// Describes the file `name` in `folder`, whose other files are `siblings`; `None` when it is not there.
    pub(super) async fn blob(
        &self,
        folder: &[String],
        name: &str,
        siblings: &BTreeSet<String>,
        stage: Stage,
    ) -> ConnectorResult<Option<Blob>> {
        let url = self.url(folder, name);
        let Some(mut blob) = self.files().facts(&url, stage, url.path()).await? else {
            return Ok(None);
        };
        blob.name = name.into();
        for ending in SUMS {
            let known = match ending {
                ".sha512" => blob.checksums.sha512.is_some(),
                ".sha256" => blob.digest.is_some(),
                ".sha1" => blob.checksums.sha1.is_some(),
                // The weakest one is only for where there is no other.
                _ => blob.digest.is_some() || !blob.checksums.is_empty(),
            };
            let beside = format!("{name}{ending}");
            if known || !siblings.contains(&beside) {
                continue;
            }
            let url = self.url(folder, &beside);
            let found = self
                .files()
                .whole(&url, MOST_SUM_BYTES, stage, url.path())
                .await?;
            let Some(text) = found.map(|found| String::from_utf8_lossy(&found.bytes).into_owned()) else {
                continue;
            };
            match ending {
                ".sha512" => blob.checksums.sha512 = sum_in(&text),
                ".sha256" => blob.digest = sum_in(&text).map(Digest::from_bytes),
                ".sha1" => blob.checksums.sha1 = sum_in(&text),
                _ => blob.checksums.md5 = sum_in(&text),
            }
        }
        Ok(Some(blob))
    }

    /// Reads the `maven-metadata.xml` of `folder`.
    pub(super) async fn metadata(&self, folder: &[String], stage: Stage) -> ConnectorResult<Standing> {
        let url = self.url(folder, METADATA);
        let Some(found) = self.files().found(&url, stage, url.path()).await? else {
            return Ok(Standing::default());
        };
        let date = found.header(&DATE).and_then(stamp);
        let metadata = Metadata::read(found.at_most(MOST_BYTES), stage, url.path()).await?;
        Ok(Standing {
            metadata: Some(metadata),
            date,
        })
    }

    /// Returns the time by the server's clock (`yyyyMMddHHmmss`), if it tells it.
    pub(super) async fn date(&self) -> ConnectorResult<Option<String>> {
        let url = self.url(&[], "");
        let date = self.files().date(&url, Stage::Commit).await?;
        Ok(date.as_deref().and_then(stamp))
    }

    /// Returns the versions of `package`, as far as folders are not listed: those its document names.
    pub(super) async fn listed_versions(
        &self,
        package: &Package,
        stage: Stage,
    ) -> ConnectorResult<Vec<String>> {
        let standing = self.metadata(&package.folder(), stage).await?;
        let mut names = standing
            .metadata
            .map(|metadata| metadata.versions)
            .unwrap_or_default();
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }
}

/// Reads the page that shows a folder, as it comes.
struct ListingReader {
    links: Links,
    shown: Linked,
}

/// What the links of such a page lead to.
struct Linked {
    url: Url,
    parent: Option<Url>,
    listing: Listing,
    leads_up: bool,
}

impl ListingReader {
    fn of(url: &Url) -> Self {
        Self {
            links: Links::default(),
            shown: Linked {
                url: url.clone(),
                parent: url.join("..").ok(),
                listing: Listing::default(),
                leads_up: false,
            },
        }
    }

    fn read(&mut self, piece: &[u8]) -> Result<(), String> {
        self.links.read(piece, &mut |link| self.shown.take(&link))
    }

    /// Returns what the folder holds; `None` when the page is no listing.
    fn finish(mut self) -> Result<Option<Listing>, String> {
        let beginning = self.links.beginning();
        let says_so = ["ndex of", "irectory listing"]
            .iter()
            .any(|words| beginning.contains(words));
        self.links.finish(&mut |link| self.shown.take(&link))?;
        let Linked {
            listing, leads_up, ..
        } = self.shown;
        let is_listing = leads_up || says_so || !listing.files.is_empty() || !listing.folders.is_empty();
        Ok(is_listing.then_some(listing))
    }
}

impl Linked {
    fn take(&mut self, link: &Anchor) -> Result<(), String> {
        let Ok(mut link) = self.url.join(&link.href) else {
            return Ok(());
        };
        link.set_fragment(None);
        link.set_query(None);
        if link.origin() != self.url.origin() {
            return Ok(());
        }
        let Some(child) = link.path().strip_prefix(self.url.path()) else {
            let parent = self.parent.as_ref();
            self.leads_up |= parent.is_some_and(|parent| parent.path() == link.path());
            return Ok(());
        };
        let (name, is_folder) = match child.strip_suffix('/') {
            Some(name) => (name, true),
            None => (child, false),
        };
        let Ok(name) = percent_decode_str(name).decode_utf8() else {
            return Ok(());
        };
        let Listing { folders, files } = &mut self.listing;
        if is_name(&name) {
            let place = if is_folder { &mut *folders } else { &mut *files };
            place.insert(name.into_owned());
        }
        match folders.len() + files.len() > MOST_ENTRIES {
            true => Err(format!("it lists more than {MOST_ENTRIES} files and folders")),
            false => Ok(()),
        }
    }
}

impl Listing {
    /// Says whether this is the folder of `version`: it holds a file of it.
    pub(super) fn is_of(&self, version: &Version) -> bool {
        self.files.iter().any(|name| version.owns(name))
    }
}

/// Says whether an answer means that folders are not shown, while files may be.
fn is_refusal_to_list(error: &ConnectorError) -> bool {
    matches!(error.remote_status, Some(403 | 405)) || matches!(error.remote_status, Some(300..=399))
}

/// Returns the names of the files that the document of a snapshot lists.
fn listed_names(version: &Version, metadata: &Metadata) -> Vec<String> {
    let names = metadata.snapshot_versions.iter().map(|entry| {
        let classifier = match entry.classifier.as_str() {
            "" => String::new(),
            classifier => format!("-{classifier}"),
        };
        format!(
            "{}-{}{classifier}.{}",
            version.package.artifact, entry.value, entry.extension
        )
    });
    names.filter(|name| version.owns(name)).collect()
}

/// Finds the sum in the text of its file: alone, before or behind the file's name, after `=` or `:`.
fn sum_in<const N: usize>(text: &str) -> Option<[u8; N]> {
    let words = text.split(|c: char| c.is_whitespace() || c == '=' || c == ':');
    words.into_iter().find_map(sum)
}

/// Writes a `Date` as `maven-metadata.xml` has it.
fn stamp(date: &str) -> Option<String> {
    let date = rfc2822::parse(date).ok()?;
    let utc = date.with_time_zone(jiff::tz::TimeZone::UTC);
    Some(utc.strftime("%Y%m%d%H%M%S").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(page: &str) -> Option<Listing> {
        let mut reader = ListingReader::of(&Url::parse("http://host/repo/org/").expect("a URL"));
        reader.read(page.as_bytes()).expect("it is not too long");
        reader.finish().expect("it is not too long")
    }

    #[test]
    fn a_folder_with_more_in_it_than_can_be_held_is_refused() {
        let mut reader = ListingReader::of(&Url::parse("http://host/repo/").expect("a URL"));
        let mut pieces = (0..=MOST_ENTRIES).map(|number| format!("<a href='{number}/'>x</a>"));

        let refused = pieces.find_map(|piece| reader.read(piece.as_bytes()).err());

        assert_eq!(
            refused.as_deref(),
            Some("it lists more than 100000 files and folders")
        );
    }

    #[test]
    fn a_listing_holds_what_lies_directly_in_the_folder() {
        let page = r#"<a href="../">../</a><a href="example/">x</a><a href="/repo/org/a%2B1.jar">x</a>
            <a href="?C=M;O=A">sort</a><a href="http://other/repo/org/evil.jar">x</a><a href="a/b.jar">x</a>
            <a href="..%2f..%2fetc">x</a><a href="%2e%2e/">x</a><a href="x%00y">x</a><a href="example/#top">x</a>"#;

        let listing = listing(page).expect("a listing");

        assert_eq!(listing.folders.iter().collect::<Vec<_>>(), ["example"]);
        assert_eq!(listing.files.iter().collect::<Vec<_>>(), ["a+1.jar"]);
    }

    #[test]
    fn an_empty_folder_is_a_listing_and_a_page_about_something_else_is_none() {
        assert_eq!(listing("<h1>Index of /repo/org/</h1>"), Some(Listing::default()));
        assert_eq!(listing("<a href='../'>up</a>"), Some(Listing::default()));
        assert_eq!(
            listing("<p>welcome</p><a href='https://example.org/'>x</a>"),
            None
        );
    }

    #[test]
    fn a_sum_is_found_however_its_file_is_written() {
        let hex = "900150983cd24fb0d6963f7d28e17f72";
        for text in [
            hex.into(),
            format!("{hex}  app.jar\n"),
            format!("MD5(app.jar)= {hex}"),
            format!("app.jar: {}", hex.to_uppercase()),
        ] {
            assert!(sum_in::<16>(&text).is_some(), "{text}");
        }
        assert_eq!(sum_in::<16>("<html>not found</html>"), None);
    }

    #[test]
    fn a_date_is_written_as_maven_writes_it() {
        assert_eq!(
            stamp("Wed, 21 Oct 2015 07:28:00 GMT").as_deref(),
            Some("20151021072800")
        );
        assert_eq!(stamp("yesterday"), None);
    }
}
