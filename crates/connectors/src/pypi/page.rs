//! Pages of the simple API: the projects of an index, and the files of a project, as HTML (PEP 503, 592) or as JSON
//! (PEP 691, 700).
//!
//! Links that are no distribution of the project are passed over, as installers do. A file of which something cannot
//! be read stays on its page, so that its version fails by its name.

use std::collections::{BTreeMap, BTreeSet};

use domain::artifact::Blob;
use domain::checksums::Checksums;
use domain::digest::Digest;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use url::Url;

use super::file::{self, FileName};
use crate::http::{Anchor, Cut, Links, Member, sum};
use crate::packages::MOST_NAMES;

/// Longest entry of JSON, in bytes.
const ENTRY_BYTES: usize = 256 * 1024;
/// Most files of a project.
const MOST_FILES: usize = 50_000;
/// Most bytes that are kept of what a page says of its files.
const SAID_BYTES: usize = 16 * 1024 * 1024;

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

#[derive(Deserialize)]
struct Meta {
    #[serde(default, rename = "api-version")]
    api_version: Option<String>,
}

/// An answer of the simple API that is read as it comes: the names of all projects, or the files of one.
pub(super) struct Reader<T> {
    text: Text,
    taken: Taken<T>,
}

/// How an answer is written.
enum Text {
    Json(Cut),
    Html(Links),
}

/// What was read of it.
struct Taken<T> {
    /// Where it was found in the end: links are relative to this.
    url: Url,
    read: T,
}

/// What can be read from an answer of the simple API.
pub(super) trait Read: Send {
    /// The member of its JSON that lists what is wanted.
    const LIST: &'static str;
    /// The same, as what is cut.
    const LISTS: &'static [&'static str];
    /// What JSON without that is not.
    const KIND: &'static str;

    /// Takes what a page of HTML at `url` links to.
    fn take_link(&mut self, url: &Url, link: &Anchor) -> Result<(), String>;

    /// Takes an entry of the list.
    fn take_entry(&mut self, url: &Url, entry: &str) -> Result<(), String>;

    /// Takes the name that JSON has.
    fn take_name(&mut self, _name: &str) -> Result<(), String> {
        Ok(())
    }
}

impl<T: Read> Reader<T> {
    /// Reads into `read` what is found at `url` as `media_type`.
    pub(super) fn of(read: T, url: Url, media_type: &str) -> Self {
        let is_json = media_type.to_ascii_lowercase().contains("json");
        Self {
            text: match is_json {
                true => Text::Json(Cut::new(ENTRY_BYTES).opening(T::LISTS)),
                false => Text::Html(Links::default()),
            },
            taken: Taken { url, read },
        }
    }

    /// Reads the next `piece`; the error says what is wrong.
    pub(super) fn read(&mut self, piece: &[u8]) -> Result<(), String> {
        let taken = &mut self.taken;
        match &mut self.text {
            Text::Json(cut) => cut.read(piece, &mut |part: Member<'_>| taken.take_part(part)),
            Text::Html(links) => links.read(piece, &mut |link| taken.read.take_link(&taken.url, &link)),
        }
    }

    /// Returns what was read; the error says what is wrong.
    pub(super) fn finish(mut self) -> Result<T, String> {
        let taken = &mut self.taken;
        match self.text {
            Text::Json(cut) => {
                let has_list = cut.has_opened(T::LIST);
                cut.finish()?;
                if !has_list {
                    return Err(format!("it is no {}: it has no `{}`", T::KIND, T::LIST));
                }
            }
            Text::Html(links) => {
                let begins = links
                    .beginning()
                    .trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
                if !begins.starts_with('<') {
                    return Err("it is no page of the simple API: neither HTML nor JSON of version 1".into());
                }
                links.finish(&mut |link| taken.read.take_link(&taken.url, &link))?;
            }
        }
        Ok(self.taken.read)
    }
}

impl<T: Read> Taken<T> {
    fn take_part(&mut self, part: Member<'_>) -> Result<(), String> {
        let text = part.text.unwrap_or_default();
        match (part.within, part.name) {
            (Some(_), "") if part.text.is_none() => Err("an entry of it is too long".into()),
            (Some(_), "") => self.read.take_entry(&self.url, text),
            (Some(list), _) => Err(format!("its `{list}` are no list")),
            (None, "meta") => spoken(serde_json::from_str(text).ok()),
            (None, "name") => self
                .read
                .take_name(&serde_json::from_str::<String>(text).unwrap_or_default()),
            _ => Ok(()),
        }
    }
}

/// The names of all projects, normalised; those that can be none are left out.
#[derive(Default)]
pub(super) struct Projects(pub(super) BTreeSet<String>);

impl Projects {
    fn take(&mut self, name: &str) -> Result<(), String> {
        self.0.extend(file::normalised(name.trim()));
        match self.0.len() > MOST_NAMES {
            true => Err(format!("it lists more than {MOST_NAMES} projects")),
            false => Ok(()),
        }
    }
}

#[derive(Deserialize)]
struct JsonProject<'a> {
    #[serde(borrow)]
    name: std::borrow::Cow<'a, str>,
}

impl Read for Projects {
    const LIST: &'static str = "projects";
    const LISTS: &'static [&'static str] = &["projects"];
    const KIND: &'static str = "simple index";

    fn take_link(&mut self, url: &Url, link: &Anchor) -> Result<(), String> {
        let url = url.join(&link.href).ok();
        let last = url
            .as_ref()
            .and_then(|url| url.path().trim_end_matches('/').rsplit('/').next());
        match last.map(|last| percent_decode_str(last).decode_utf8()) {
            Some(Ok(name)) => self.take(&name),
            _ => Ok(()),
        }
    }

    fn take_entry(&mut self, _: &Url, entry: &str) -> Result<(), String> {
        let project: JsonProject<'_> =
            serde_json::from_str(entry).map_err(|error| format!("it is no simple index: {error}"))?;
        self.take(&project.name)
    }
}

/// The files of a project.
pub(super) struct Files<'a> {
    /// The project, normalised.
    project: &'a str,
    pub(super) page: Page,
    count: usize,
    said_bytes: usize,
}

impl<'a> Files<'a> {
    pub(super) fn of(project: &'a str) -> Self {
        Self {
            project,
            page: Page::default(),
            count: 0,
            said_bytes: 0,
        }
    }

    fn take(&mut self, file: File) -> Result<(), String> {
        self.count += 1;
        let texts = [&file.requires_python, &file.yanked, &file.wrong]
            .into_iter()
            .flatten();
        let said_bytes = file.url.as_str().len() + texts.map(String::len).sum::<usize>();
        self.said_bytes += said_bytes;
        self.page.take(file);
        if self.count > MOST_FILES || self.said_bytes > SAID_BYTES {
            return Err(format!(
                "it lists more than {MOST_FILES} files, or says too much of them"
            ));
        }
        Ok(())
    }
}

impl Read for Files<'_> {
    const LIST: &'static str = "files";
    const LISTS: &'static [&'static str] = &["files"];
    const KIND: &'static str = "page of a project";

    fn take_link(&mut self, url: &Url, link: &Anchor) -> Result<(), String> {
        match linked(self.project, url, link) {
            Some(file) => self.take(file),
            None => Ok(()),
        }
    }

    fn take_entry(&mut self, url: &Url, entry: &str) -> Result<(), String> {
        let named: JsonName = serde_json::from_str(entry)
            .map_err(|error| format!("a file on its page has no name: {error}"))?;
        match file::read(self.project, &named.filename) {
            Some(said) => self.take(listed(url, named.filename, said, entry)),
            None => Ok(()),
        }
    }

    fn take_name(&mut self, name: &str) -> Result<(), String> {
        match file::normalised(name).as_deref() == Some(self.project) {
            true => Ok(()),
            false => Err("it is the page of another project".into()),
        }
    }
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

/// Reads a file that a page of HTML links to; `None` when it is none of the project.
fn linked(project: &str, page: &Url, anchor: &Anchor) -> Option<File> {
    let mut url = page.join(&anchor.href).ok()?;
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
fn listed(page: &Url, name: String, said: FileName, entry: &str) -> File {
    let mut file = File {
        blob: blob(name),
        size_bytes: None,
        said,
        url: page.clone(),
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
    match page.join(&read.url) {
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

    fn read_into<T: Read>(read: T, body: &str, media_type: &str) -> Result<T, String> {
        let url = "http://h/root/+simple/foo/".parse().expect("a URL");
        let mut reader = Reader::of(read, url, media_type);
        for piece in body.as_bytes().chunks(50) {
            reader.read(piece)?;
        }
        reader.finish()
    }

    fn read(body: &str, media_type: &str) -> Result<Page, String> {
        read_into(Files::of("foo"), body, media_type).map(|files| files.page)
    }

    fn projects(body: &str, media_type: &str) -> Result<Vec<String>, String> {
        let projects = read_into(Projects::default(), body, media_type);
        projects.map(|projects| projects.0.into_iter().collect())
    }

    #[test]
    fn a_page_that_says_more_than_can_be_held_is_refused() {
        let many: String = (0..=MOST_FILES)
            .map(|number| format!("<a href=foo-{number}.zip>"))
            .collect();
        assert!(
            read(&many, "text/html")
                .expect_err("too many")
                .contains("50000 files")
        );
        let yanked = format!("<a href=foo-1.zip data-yanked='{}'>", "x".repeat(10_000));
        let long = yanked.repeat(SAID_BYTES / 10_000 + 1);
        assert!(
            read(&long, "text/html")
                .expect_err("too much")
                .contains("too much")
        );
        let entry = format!(
            r#"{{"files":[{{"filename":"foo-1.zip","x":"{}"}}]}}"#,
            "x".repeat(ENTRY_BYTES)
        );
        assert!(read(&entry, JSON).expect_err("too long").contains("too long"));
        let other = format!(r#"{{"versions":["{}"],"files":[]}}"#, "x".repeat(ENTRY_BYTES));
        assert_eq!(read(&other, JSON).expect("a page").len(), 0);
        assert!(read(r#"{"files":{"a":1}}"#, JSON).is_err());
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
