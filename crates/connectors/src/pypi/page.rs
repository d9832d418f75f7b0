//! Pages of the simple API: the projects of an index, and the files of a project, as HTML (PEP 503, 592) or as JSON
//! (PEP 691, 700).
//!
//! Links that are no distribution of the project are passed over, as installers do. A file of which something cannot
//! be read stays on its page, so that its version fails by its name.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use domain::artifact::Blob;
use domain::checksums::Checksums;
use domain::digest::Digest;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::value::RawValue;
use url::Url;

use super::file::{self, FileName};
use crate::http::{Anchor, anchors, links, sum};

/// One file of a project.
#[derive(Debug, Clone)]
pub(super) struct File {
    /// Its name, and the sums the page has; its size only if [`Self::size_bytes`] says it.
    pub(super) blob: Blob,
    /// Its size, where the page has it.
    pub(super) size_bytes: Option<u64>,
    /// What its name says.
    pub(super) said: FileName,
    /// Where it is.
    pub(super) url: Url,
    /// Which versions of Python it is for.
    pub(super) requires_python: Option<String>,
    /// Why it is not to be installed any more, if so; perhaps without a word.
    pub(super) yanked: Option<String>,
    /// What of it cannot be read.
    pub(super) wrong: Option<String>,
}

/// The files of a project, by version, then by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Page(BTreeMap<String, BTreeMap<String, File>>);

impl Page {
    /// Returns its versions.
    pub(super) fn versions(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Returns the files of `version`, in the order of their names.
    pub(super) fn files(&self, version: &str) -> impl Iterator<Item = &File> {
        self.0.get(version).into_iter().flat_map(BTreeMap::values)
    }

    /// Returns the file `name` of `version`.
    pub(super) fn file(&self, version: &str, name: &str) -> Option<&File> {
        self.0.get(version)?.get(name)
    }

    /// Returns how many files there are.
    pub(super) fn len(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }

    fn take(&mut self, file: File) {
        let files = self.0.entry(file.said.version.clone()).or_default();
        // Of two files with one name installers take the first, too.
        files.entry(file.blob.name.clone()).or_insert(file);
    }
}

/// An answer of the simple API.
pub(super) struct Answer {
    /// Its body.
    pub(super) body: Bytes,
    /// Its media type, in lower case.
    pub(super) media_type: String,
    /// Where it was found in the end: links are relative to this.
    pub(super) url: Url,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(default, rename = "api-version")]
    api_version: Option<String>,
}

#[derive(Deserialize)]
struct JsonIndex<'a> {
    #[serde(default)]
    meta: Option<Meta>,
    #[serde(borrow)]
    projects: Vec<JsonProject<'a>>,
}

#[derive(Deserialize)]
struct JsonProject<'a> {
    #[serde(borrow)]
    name: std::borrow::Cow<'a, str>,
}

#[derive(Deserialize)]
struct JsonPage<'a> {
    #[serde(default)]
    meta: Option<Meta>,
    #[serde(default)]
    name: Option<String>,
    #[serde(borrow)]
    files: Vec<&'a RawValue>,
}

/// What must be there for a file to be known by its name.
#[derive(Deserialize)]
struct JsonName {
    filename: String,
}

#[derive(Deserialize)]
struct JsonFile {
    url: String,
    #[serde(default)]
    hashes: BTreeMap<String, String>,
    #[serde(default)]
    size: Option<u64>,
    #[serde(default, rename = "requires-python")]
    requires_python: Option<String>,
    #[serde(default)]
    yanked: Option<Yanked>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Yanked {
    Says(bool),
    Because(String),
}

impl Answer {
    /// Reads the names of all projects, normalised; those that can be none are left out.
    pub(super) fn projects(&self) -> Result<BTreeSet<String>, String> {
        let normalised = |name: &str| file::normalised(name.trim());
        if self.is_json() {
            let index: JsonIndex<'_> = serde_json::from_slice(&self.body)
                .map_err(|error| format!("it is no simple index: {error}"))?;
            spoken(index.meta)?;
            let names = index.projects.iter();
            return Ok(names.filter_map(|project| normalised(&project.name)).collect());
        }
        let names = links(&self.html()?).into_iter().filter_map(|href| {
            let url = self.url.join(&href).ok()?;
            let last = url.path().trim_end_matches('/').rsplit('/').next()?;
            normalised(&percent_decode_str(last).decode_utf8().ok()?)
        });
        Ok(names.collect())
    }

    /// Reads the files of `project` (normalised).
    pub(super) fn page(&self, project: &str) -> Result<Page, String> {
        let mut page = Page::default();
        if !self.is_json() {
            let files = anchors(&self.html()?);
            let files = files.iter().filter_map(|anchor| self.linked(project, anchor));
            files.for_each(|file| page.take(file));
            return Ok(page);
        }
        let read: JsonPage<'_> = serde_json::from_slice(&self.body)
            .map_err(|error| format!("it is no page of a project: {error}"))?;
        spoken(read.meta)?;
        if read
            .name
            .is_some_and(|name| file::normalised(&name).as_deref() != Some(project))
        {
            return Err("it is the page of another project".into());
        }
        for entry in read.files {
            let named: JsonName = serde_json::from_str(entry.get())
                .map_err(|error| format!("a file on its page has no name: {error}"))?;
            if let Some(said) = file::read(project, &named.filename) {
                page.take(self.listed(named.filename, said, entry.get()));
            }
        }
        Ok(page)
    }

    fn is_json(&self) -> bool {
        self.media_type.contains("json")
    }

    fn html(&self) -> Result<std::borrow::Cow<'_, str>, String> {
        let text = String::from_utf8_lossy(&self.body);
        let begins = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
        if begins.starts_with('<') {
            Ok(text)
        } else {
            Err("it is no page of the simple API: neither HTML nor JSON of version 1".into())
        }
    }

    /// Reads a file that a page of HTML links to; `None` when it is none of the project.
    fn linked(&self, project: &str, anchor: &Anchor) -> Option<File> {
        let mut url = self.url.join(&anchor.href).ok()?;
        let last = url.path().rsplit('/').next()?;
        let name = percent_decode_str(last).decode_utf8().ok()?.into_owned();
        let said = file::read(project, &name)?;
        let fragment = url.fragment().unwrap_or_default().to_owned();
        url.set_fragment(None);
        let hashes = fragment.split('&').filter_map(|pair| pair.split_once('='));
        let sums = sums(hashes);
        let attribute = |name| anchor.attribute(name).map(str::to_owned);
        let mut file = File {
            blob: blob(name),
            size_bytes: None,
            said,
            url,
            requires_python: attribute("data-requires-python"),
            yanked: attribute("data-yanked"),
            wrong: None,
        };
        file.known_by(sums);
        Some(file)
    }

    /// Reads a file that a page of JSON lists.
    fn listed(&self, name: String, said: FileName, entry: &str) -> File {
        let mut file = File {
            blob: blob(name),
            size_bytes: None,
            said,
            url: self.url.clone(),
            requires_python: None,
            yanked: None,
            wrong: None,
        };
        let read: JsonFile = match serde_json::from_str(entry) {
            Ok(read) => read,
            Err(error) => {
                file.wrong = Some(format!("its entry cannot be read: {error}"));
                return file;
            }
        };
        match self.url.join(&read.url) {
            Ok(url) => file.url = url,
            Err(_) => file.wrong = Some("where it is cannot be read".into()),
        }
        file.url.set_fragment(None);
        file.size_bytes = read.size;
        file.blob.size_bytes = read.size.unwrap_or_default();
        file.requires_python = read.requires_python;
        file.yanked = match read.yanked {
            Some(Yanked::Says(true)) => Some(String::new()),
            Some(Yanked::Because(why)) => Some(why),
            Some(Yanked::Says(false)) | None => None,
        };
        let hashes = read
            .hashes
            .iter()
            .map(|(kind, text)| (kind.as_str(), text.as_str()));
        file.known_by(sums(hashes));
        file
    }
}

impl File {
    fn known_by(&mut self, sums: Result<(Option<Digest>, Checksums), String>) {
        match sums {
            Ok((digest, checksums)) => {
                self.blob.digest = digest;
                self.blob.checksums = checksums;
            }
            Err(words) => self.wrong = Some(words),
        }
        // It becomes a line of a form.
        self.requires_python = self
            .requires_python
            .take()
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty() && !text.contains(char::is_control));
    }
}

fn blob(name: String) -> Blob {
    Blob {
        name,
        ..Blob::unknown(0)
    }
}

/// Returns the sums among `hashes`, by algorithm and hex; those of other algorithms are passed over.
fn sums<'a>(hashes: impl Iterator<Item = (&'a str, &'a str)>) -> Result<(Option<Digest>, Checksums), String> {
    let (mut digest, mut checksums) = (None, Checksums::default());
    for (kind, text) in hashes {
        let read = match kind.to_ascii_lowercase().as_str() {
            "sha256" => sum(text).map(|sum| digest = Some(Digest::from_bytes(sum))),
            "sha512" => sum(text).map(|sum| checksums.sha512 = Some(sum)),
            "sha1" => sum(text).map(|sum| checksums.sha1 = Some(sum)),
            "md5" => sum(text).map(|sum| checksums.md5 = Some(sum)),
            _ => Some(()),
        };
        read.ok_or_else(|| format!("its {kind} cannot be read"))?;
    }
    Ok((digest, checksums))
}

/// Refuses an answer of a later version of the API, which may mean something else by the same words (PEP 629).
fn spoken(meta: Option<Meta>) -> Result<(), String> {
    let version = meta
        .and_then(|meta| meta.api_version)
        .unwrap_or_else(|| "1.0".into());
    if version.split('.').next() == Some("1") {
        Ok(())
    } else {
        Err("it is of a later version of the simple API than 1".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA256: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn answer(body: &str, media_type: &str) -> Answer {
        Answer {
            body: Bytes::copy_from_slice(body.as_bytes()),
            media_type: media_type.into(),
            url: "http://h/root/+simple/foo/".parse().expect("a URL"),
        }
    }

    fn read(body: &str, media_type: &str) -> Result<Page, String> {
        answer(body, media_type).page("foo")
    }

    fn projects(body: &str, media_type: &str) -> Result<Vec<String>, String> {
        let names = answer(body, media_type).projects();
        names.map(|names| names.into_iter().collect())
    }

    const JSON: &str = "application/vnd.pypi.simple.v1+json";

    #[test]
    fn a_page_of_html_and_one_of_json_say_the_same() {
        let html = format!(
            "<!DOCTYPE html><a href=\"../../+f/foo-1.0-py3-none-any.whl#sha256={SHA256}\" data-requires-python=\"&gt;=3.8\" \
             data-yanked=\"broken &amp; bad\">x</a><a href=\"http://cdn/x/foo-1.0.tar.gz?sig=1#md5=900150983cd24fb0d6963f7d28e17f72\">\
             </a><a href=foo-1.0.tar.gz.asc>no</a><a href='https://docs'>docs</a><a href='..%2f..%2ffoo-2.0.tar.gz'>no</a>"
        );
        let json = format!(
            r#"{{"meta":{{"api-version":"1.1"}},"name":"Foo","files":[
            {{"filename":"foo-1.0-py3-none-any.whl","url":"../../+f/foo-1.0-py3-none-any.whl","hashes":{{"sha256":"{SHA256}","blake2b":"?"}},
              "requires-python":">=3.8","yanked":"broken & bad"}},
            {{"filename":"foo-1.0.tar.gz","url":"http://cdn/x/foo-1.0.tar.gz?sig=1","hashes":{{"md5":"900150983cd24fb0d6963f7d28e17f72"}},
              "requires-python":null,"yanked":false}},
            {{"filename":"README","url":"README","hashes":{{}}}}]}}"#
        );

        for page in [read(&html, "text/html"), read(&json, JSON)] {
            let page = page.expect("a page");

            assert_eq!(page.versions().collect::<Vec<_>>(), ["1.0"]);
            let files: Vec<&File> = page.files("1.0").collect();
            assert_eq!(files.len(), 2);
            assert_eq!(files[0].url.as_str(), "http://h/root/+f/foo-1.0-py3-none-any.whl");
            assert_eq!(files[0].blob.digest, Some(Digest::of(b"abc")));
            assert_eq!(files[0].requires_python.as_deref(), Some(">=3.8"));
            assert_eq!(files[0].yanked.as_deref(), Some("broken & bad"));
            assert_eq!(files[1].url.as_str(), "http://cdn/x/foo-1.0.tar.gz?sig=1");
            assert!(files[1].blob.checksums.md5.is_some() && files[1].yanked.is_none());
            assert!(page.file("1.0", "foo-1.0.tar.gz").is_some());
        }
    }

    #[test]
    fn sizes_and_bare_yanks_are_read_where_they_are_said() {
        let page = read(
            r#"{"files":[{"filename":"foo-1.0.zip","url":"a","size":7,"yanked":true}]}"#,
            JSON,
        );

        let page = page.expect("a page");
        let file = page.file("1.0", "foo-1.0.zip").expect("a file");
        assert_eq!((file.size_bytes, file.yanked.as_deref()), (Some(7), Some("")));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_wrong_alone_and_a_page_that_cannot_is_refused() {
        let page = read(
            r#"{"files":[{"filename":"foo-1.0.zip","url":"http://","hashes":{}},{"filename":"foo-1.1.zip","url":"x","hashes":{"sha256":"00"}},
                {"filename":"foo-1.2.zip","hashes":{}},{"filename":"foo-1.3.zip","url":"x"}]}"#,
            JSON,
        );
        let page = page.expect("a page");
        let wrong = |version| page.files(version).next().expect("a file").wrong.clone();

        assert!(wrong("1.0").expect("wrong").contains("where it is"));
        assert!(wrong("1.1").expect("wrong").contains("sha256"));
        assert!(wrong("1.2").expect("wrong").contains("url"));
        assert_eq!(wrong("1.3"), None);
        for (body, media_type) in [
            ("", "text/html"),
            ("Hello", "text/html"),
            ("{}", JSON),
            ("<html>", JSON),
            (r#"{"files":[{"url":"x"}]}"#, JSON),
            (r#"{"files":[],"name":"bar"}"#, JSON),
            (r#"{"files":[],"meta":{"api-version":"2.0"}}"#, JSON),
        ] {
            assert!(read(body, media_type).is_err(), "{body}");
        }
    }

    #[test]
    fn projects_are_named_once_and_normalised() {
        let html = "<html><a href='/simple/six/'>six</a><a href=\"Foo.Bar/\">x</a><a href='foo-bar/'>y</a><a href='%2e%2e/'>z</a>";
        let json = r#"{"meta":{"api-version":"1.0"},"projects":[{"name":"six"},{"name":"Foo.Bar","x":1},{"name":"../etc"}]}"#;

        assert_eq!(
            projects(html, "text/html; charset=utf-8"),
            Ok(vec!["foo-bar".into(), "six".into()])
        );
        assert_eq!(projects(json, JSON), Ok(vec!["foo-bar".into(), "six".into()]));
        assert!(projects("{}", JSON).is_err());
        assert!(projects("", "text/html").is_err());
    }
}
