//! Changes of a packument that stands in a registry: versions are deprecated, and taken out again.
//!
//! A registry takes such a change as the whole packument, written anew. It is asked for twice: once to know what it
//! becomes, once to be sent back as it comes; so a packument of any length is changed without being held.

use bytes::Bytes;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ByteStream, ConnectorError, ConnectorResult};
use futures_util::{TryStreamExt, stream};
use reqwest::Method;
use serde_json::{Value, json};

use super::client::{ANSWER_BYTES, Registry, Sent, encoded};
use super::wire::{DEPRECATED, ENTRY_TREE_BYTES, TAGS, VERSIONS, Wanted, tree_bytes};
use crate::http::{Cut, Member};

/// Longest part of a packument that is sent back, in bytes.
const PART_BYTES: usize = 4 * 1024 * 1024;

/// What becomes of a packument.
#[derive(Debug, Clone)]
enum Change {
    /// These versions are deprecated for these reasons, or not any more.
    Deprecate(Vec<(String, Option<String>)>),
    /// This version is not in it any more, nor are tags that name it.
    Withdraw(String),
}

/// A packument that is being written anew, as its parts come.
#[derive(Debug)]
struct Rewrite {
    name: String,
    change: Change,
    /// What is written and not taken yet.
    text: String,
    within: Option<&'static str>,
    /// Whether a comma is due before what comes next.
    goes_on: bool,
    is_named: bool,
    revision: Option<String>,
    /// Tags that are gone.
    dropped: Vec<String>,
    /// Versions that stay.
    versions: usize,
    /// Opened members that are written.
    written: Vec<&'static str>,
}

/// What a changed packument is.
struct Changed {
    length_bytes: u64,
    /// Its revision before the change, encoded.
    revision: String,
    dropped: Vec<String>,
    versions: usize,
}

impl Rewrite {
    fn of(name: &str, change: Change) -> Self {
        Self {
            name: name.to_owned(),
            change,
            text: "{".into(),
            within: None,
            goes_on: false,
            is_named: false,
            revision: None,
            dropped: Vec::new(),
            versions: 0,
            written: Vec::new(),
        }
    }

    fn cut() -> Cut {
        Cut::new(PART_BYTES).opening(&[VERSIONS, TAGS])
    }

    /// Takes the next part; the error says why the packument cannot be written anew.
    fn take(&mut self, part: Member<'_>) -> Result<(), String> {
        let text = part
            .text
            .ok_or_else(|| format!("its `{}` is too long to be sent back", part.name))?;
        match (part.within, part.name) {
            (None, "_revisions" | "_attachments" | VERSIONS | TAGS) => return Ok(()),
            (None, "name") => self.is_named = json!(self.name) == value(text),
            (None, "_rev") => self.revision = value(text).as_str().map(String::from),
            (Some(VERSIONS), version) => return self.take_version(version, text),
            (Some(TAGS), tag) => {
                if let Change::Withdraw(version) = &self.change
                    && value(text) == *version
                {
                    self.dropped.push(tag.to_owned());
                    return Ok(());
                }
            }
            _ => {}
        }
        self.write(part.within, part.name, text);
        Ok(())
    }

    fn take_version(&mut self, version: &str, text: &str) -> Result<(), String> {
        let deprecation = match &self.change {
            Change::Withdraw(withdrawn) if withdrawn == version => return Ok(()),
            Change::Withdraw(_) => None,
            Change::Deprecate(wanted) => wanted.iter().find(|(wanted, _)| wanted == version),
        };
        self.versions += 1;
        let Some((_, words)) = deprecation else {
            self.write(Some(VERSIONS), version, text);
            return Ok(());
        };
        if tree_bytes(text) > ENTRY_TREE_BYTES {
            return Err(format!("the entry of {version} says too much to be changed"));
        }
        let mut entry = value(text);
        let members = entry.as_object_mut().ok_or("the entry of a version is none")?;
        members.insert(DEPRECATED.into(), json!(words.as_deref().unwrap_or_default()));
        self.write(Some(VERSIONS), version, &entry.to_string());
        Ok(())
    }

    fn write(&mut self, within: Option<&'static str>, name: &str, text: &str) {
        if self.within != within {
            self.leave();
            if let Some(member) = within {
                self.begin(member);
                self.text.push('{');
                self.written.push(member);
                self.goes_on = false;
            }
            self.within = within;
        }
        self.begin(name);
        self.text.push_str(text);
        self.goes_on = true;
    }

    fn begin(&mut self, name: &str) {
        if self.goes_on {
            self.text.push(',');
        }
        self.text.push_str(&json!(name).to_string());
        self.text.push(':');
    }

    fn leave(&mut self) {
        if self.within.take().is_some() {
            self.text.push('}');
            self.goes_on = true;
        }
    }

    /// Ends the packument; the error says why it is none.
    fn finish(&mut self) -> Result<(), String> {
        if !self.is_named {
            return Err("it is the packument of another package".into());
        }
        for member in [VERSIONS, TAGS] {
            if !self.written.contains(&member) {
                self.write(None, member, "{}");
            }
        }
        self.write(None, "_attachments", "{}");
        self.text.push('}');
        Ok(())
    }
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

fn wrong(name: &str, words: impl AsRef<str>) -> ConnectorError {
    ConnectorError::new(ErrorKind::Protocol, Stage::Commit, name).words(words)
}

impl Registry {
    /// Says why versions are deprecated, or that they are not any more.
    pub(super) async fn deprecate(
        &self,
        name: &str,
        wanted: Vec<(String, Option<String>)>,
    ) -> ConnectorResult<()> {
        let change = Change::Deprecate(wanted);
        let changed = self.changed(name, &change).await?;
        let url = self.url(&encoded(name));
        let body = self.rewritten(name, change, changed.length_bytes).await?;
        self.send(Sent {
            method: Method::PUT,
            url,
            body: Some((changed.length_bytes, body)),
            stage: Stage::Commit,
            subject: name,
        })
        .await
    }

    /// Takes a version out of the registry; returns the tags that named it.
    pub(super) async fn withdraw(&self, name: &str, version: &str) -> ConnectorResult<Vec<String>> {
        let change = Change::Withdraw(version.to_owned());
        let changed = self.changed(name, &change).await?;
        let url = self.url(&format!("{}/-rev/{}", encoded(name), changed.revision));
        if changed.versions == 0 {
            self.delete(url, Stage::Write, name).await?;
            return Ok(changed.dropped);
        }
        let body = self.rewritten(name, change, changed.length_bytes).await?;
        self.send(Sent {
            method: Method::PUT,
            url,
            body: Some((changed.length_bytes, body)),
            stage: Stage::Write,
            subject: name,
        })
        .await?;
        self.drop_tarball(name, version).await?;
        Ok(changed.dropped)
    }

    /// Removes the tarball of a version that no packument names (any more).
    pub(super) async fn drop_tarball(&self, name: &str, version: &str) -> ConnectorResult<()> {
        let read = self.packument(name, true, Stage::Write, Wanted::NOTHING);
        let revision = read.await??.and_then(|packument| packument.revision);
        let revision = encoded(revision.as_deref().unwrap_or("0"));
        let mut url = self.tarball(name, version);
        let path = format!("{}/-rev/{revision}", url.path());
        url.set_path(&path);
        match self.delete(url, Stage::Write, name).await {
            Err(error) if error.kind == ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    /// Returns what the packument of `name` becomes by `change`.
    async fn changed(&self, name: &str, change: &Change) -> ConnectorResult<Changed> {
        let gone = || ConnectorError::new(ErrorKind::NotFound, Stage::Commit, name);
        let answer = self.ask(name, true, Stage::Commit).await?.ok_or_else(gone)?;
        let mut rewrite = Rewrite::of(name, change.clone());
        let mut length = 0;
        let mut take = |part: Member<'_>| {
            rewrite.take(part)?;
            length += rewrite.text.len();
            rewrite.text.clear();
            Ok(())
        };
        answer.parts(ANSWER_BYTES, Rewrite::cut(), &mut take).await??;
        rewrite.finish().map_err(|words| wrong(name, words))?;
        Ok(Changed {
            length_bytes: (length + rewrite.text.len()) as u64,
            revision: encoded(rewrite.revision.as_deref().unwrap_or("0")),
            dropped: rewrite.dropped,
            versions: rewrite.versions,
        })
    }

    /// Returns the packument of `name` as `change` makes it, which has to have `length_bytes` still.
    async fn rewritten(&self, name: &str, change: Change, length_bytes: u64) -> ConnectorResult<ByteStream> {
        let gone = || ConnectorError::new(ErrorKind::NotFound, Stage::Commit, name);
        let answer = self.ask(name, true, Stage::Commit).await?.ok_or_else(gone)?;
        let state = (
            answer.stream(0),
            Some(Rewrite::cut()),
            Rewrite::of(name, change),
            length_bytes,
        );
        let body = stream::try_unfold(state, |(mut bytes, mut cut, mut rewrite, left)| async move {
            let changed = |rewrite: &Rewrite| wrong(&rewrite.name, "it changed while it was to be changed");
            let Some(mut open) = cut.take() else {
                return Ok(None);
            };
            let read = match bytes.try_next().await? {
                Some(piece) => {
                    let read = open.read(&piece, &mut |part: Member<'_>| rewrite.take(part));
                    cut = Some(open);
                    read
                }
                None => open.finish().and_then(|()| rewrite.finish()),
            };
            read.map_err(|words| wrong(&rewrite.name, words))?;
            let text = Bytes::from(std::mem::take(&mut rewrite.text));
            let left = left.checked_sub(text.len() as u64);
            match left.filter(|left| cut.is_some() || *left == 0) {
                Some(left) => Ok(Some((text, (bytes, cut, rewrite, left)))),
                None => Err(changed(&rewrite)),
            }
        });
        Ok(Box::pin(body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKUMENT: &str = r#"{"_id":"a","name":"a","_rev":"7-x","dist-tags":{"latest":"1.1.0","old":"1.0.0"},
        "versions":{"1.0.0":{"name":"a","x":{"y":[1,2]}},"1.1.0":{"name":"a"}},"time":{"1.0.0":"then"},
        "_revisions":{"start":1},"_attachments":{"a.tgz":{"data":"AAAA"}},"readme":"\"r\""}"#;

    fn rewritten(packument: &str, change: Change) -> Result<(Value, Rewrite), String> {
        let (mut rewrite, mut cut) = (Rewrite::of("a", change), Rewrite::cut());
        for piece in packument.as_bytes().chunks(10) {
            cut.read(piece, &mut |part: Member<'_>| rewrite.take(part))?;
        }
        cut.finish()?;
        rewrite.finish()?;
        Ok((serde_json::from_str(&rewrite.text).expect("JSON"), rewrite))
    }

    #[test]
    fn a_deprecation_changes_its_version_and_nothing_else() {
        let wanted = vec![("1.0.0".into(), Some("use b".into())), ("3.0.0".into(), None)];

        let (document, rewrite) = rewritten(PACKUMENT, Change::Deprecate(wanted)).expect("a packument");

        let mut expected: Value = serde_json::from_str(PACKUMENT).expect("JSON");
        expected["versions"]["1.0.0"]["deprecated"] = json!("use b");
        expected["_attachments"] = json!({});
        expected.as_object_mut().expect("an object").remove("_revisions");
        assert_eq!(document, expected);
        assert_eq!((rewrite.versions, rewrite.revision.as_deref()), (2, Some("7-x")));
    }

    #[test]
    fn a_withdrawn_version_goes_with_its_tags() {
        let withdraw =
            |version: &str| rewritten(PACKUMENT, Change::Withdraw(version.into())).expect("a packument");

        let (document, rewrite) = withdraw("1.1.0");

        assert_eq!(document["dist-tags"], json!({"old": "1.0.0"}));
        assert_eq!(document["versions"].as_object().expect("an object").len(), 1);
        assert_eq!(
            (rewrite.dropped, rewrite.versions),
            (vec!["latest".to_owned()], 1)
        );
        let only = PACKUMENT.replace(",\"1.1.0\":{\"name\":\"a\"}", "");
        let (_, rewrite) = rewritten(&only, Change::Withdraw("1.0.0".into())).expect("a packument");
        assert_eq!(rewrite.versions, 0);
    }

    #[test]
    fn what_is_no_packument_of_the_package_is_not_sent_back() {
        let change = Change::Withdraw("1.0.0".into());
        for packument in ["{}", r#"{"name":"b"}"#, r#"{"name":"a""#] {
            assert!(rewritten(packument, change.clone()).is_err(), "{packument}");
        }
        let long = format!(r#"{{"name":"a","readme":"{}"}}"#, "x".repeat(PART_BYTES));
        assert!(
            rewritten(&long, change)
                .expect_err("too long")
                .contains("`readme`")
        );
    }
}
