//! Making what is about a manifest findable: by the registry itself, or by the tag that stands for its list.
//!
//! A registry without the referrers API keeps the list as an index under the tag `sha256-<hex>` of the subject, and
//! whoever pushes a referrer adds it there (distribution-spec, "Pushing Manifests with Subject"). Such tags are no
//! versions of their own: what they list travels with what it is about.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use domain::digest::Digest;
use domain::failure::{ErrorKind, Stage};
use domain::oci::{Manifest, OCI_INDEX, is_digest};
use domain::ports::{ConnectorError, ConnectorResult};
use serde_json::{Map, Value, json};

use super::client::Client;
use super::place::Reference;

/// Images of which the tags that stand for lists are remembered.
const MOST_IMAGES: usize = 20_000;

/// Hex digits of a digest that such a tag keeps.
const TAG_DIGITS: usize = 64;

/// Returns the tag that stands for the list of what is about the manifest `subject`.
pub(super) fn list_tag(subject: &str) -> String {
    let (algorithm, hex) = subject.split_once(':').unwrap_or(("sha256", subject));
    format!("{algorithm}-{}", hex.get(..TAG_DIGITS).unwrap_or(hex))
}

/// Says whether `tag` stands for such a list.
pub(super) fn is_list_tag(tag: &str) -> bool {
    let hex = tag.strip_prefix("sha256-").or(tag.strip_prefix("sha512-"));
    hex.is_some_and(|hex| is_digest(&format!("sha256:{hex}")))
}

/// Which images have such tags, as far as their tags were listed: what is known to be absent is not asked for.
#[derive(Default)]
pub(super) struct ReferrerLists(Mutex<HashMap<String, HashSet<String>>>);

impl ReferrerLists {
    /// Takes the tags that stand for lists out of all `tags` of `image`, and remembers them.
    pub(super) fn take(&self, image: &str, tags: Vec<String>) -> Vec<String> {
        let (lists, tags): (Vec<String>, Vec<String>) = tags.into_iter().partition(|tag| is_list_tag(tag));
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_IMAGES {
            known.clear();
        }
        known.insert(image.into(), lists.into_iter().collect());
        tags
    }

    /// Says whether something may be listed as being about the manifest `subject` of `image`.
    pub(super) fn may_have(&self, image: &str, subject: &str) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .get(image)
            .is_none_or(|lists| lists.contains(&list_tag(subject)))
    }
}

/// A manifest that is about another one.
pub(super) struct Referrer {
    /// Digest of what it is about.
    pub(super) subject: String,
    /// Its entry in a list.
    descriptor: Value,
    digest: String,
}

impl Referrer {
    /// Returns what the manifest with `digest` is about; `None` when it is about nothing.
    pub(super) fn of(media_type: &str, digest: &str, bytes: &[u8]) -> Option<Self> {
        let manifest = Manifest::parse(Some(media_type), bytes).ok()?;
        let subject = manifest.subject()?.digest().to_string();
        let document: Value = serde_json::from_slice(bytes).ok()?;
        let mut descriptor = Map::new();
        descriptor.insert("mediaType".into(), media_type.into());
        descriptor.insert("digest".into(), digest.into());
        descriptor.insert("size".into(), bytes.len().into());
        let kind = [&document["artifactType"], &document["config"]["mediaType"]];
        if let Some(kind) = kind.into_iter().find(|kind| kind.is_string()) {
            descriptor.insert("artifactType".into(), kind.clone());
        }
        if let Some(annotations) = document.get("annotations").filter(|it| it.is_object()) {
            descriptor.insert("annotations".into(), annotations.clone());
        }
        Some(Self {
            subject,
            descriptor: descriptor.into(),
            digest: digest.into(),
        })
    }
}

impl Client {
    /// Makes sure that the registry lists `referrers`, all about the manifest `subject` of `image`.
    pub(super) async fn list_referrers(
        &self,
        image: &str,
        subject: &str,
        referrers: &[&Referrer],
    ) -> ConnectorResult<()> {
        if self.referrers(image, subject, Stage::Commit).await?.is_some() {
            return Ok(());
        }
        let at = Reference {
            image: image.into(),
            version: list_tag(subject),
        };
        let mut list = match self.manifest(&at, Stage::Commit).await {
            Ok(fetched) => serde_json::from_slice(&fetched.bytes).unwrap_or(Value::Null),
            Err(error) if error.kind == ErrorKind::NotFound => {
                json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [] })
            }
            Err(error) => return Err(error),
        };
        let Some(entries) = list["manifests"].as_array_mut() else {
            return Err(
                ConnectorError::new(ErrorKind::Conflict, Stage::Commit, at.to_string())
                    .words("something else than a list of referrers stands there"),
            );
        };
        let before = entries.len();
        for referrer in referrers {
            if !entries.iter().any(|entry| entry["digest"] == *referrer.digest) {
                entries.push(referrer.descriptor.clone());
            }
        }
        if entries.len() == before {
            return Ok(());
        }
        let bytes = list.to_string().into_bytes();
        let digest = Digest::of(&bytes).to_string();
        self.put_manifest(&at, OCI_INDEX, &digest, bytes.into()).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_that_stand_for_lists_are_known_and_those_of_signatures_are_others() {
        let hex = "a".repeat(64);
        assert_eq!(list_tag(&format!("sha256:{hex}")), format!("sha256-{hex}"));
        assert_eq!(list_tag(&format!("sha512:{hex}{hex}")), format!("sha512-{hex}"));
        assert!(is_list_tag(&format!("sha256-{hex}")) && is_list_tag(&format!("sha512-{hex}")));
        assert!(!is_list_tag(&format!("sha256-{hex}.sig")) && !is_list_tag("sha256-abc"));

        let lists = ReferrerLists::default();
        let subject = format!("sha256:{hex}");
        assert!(lists.may_have("app", &subject), "nothing is known");
        assert_eq!(
            lists.take("app", vec!["v1".into(), format!("sha256-{hex}")]),
            ["v1"]
        );
        assert!(lists.may_have("app", &subject));
        assert!(!lists.may_have("app", &format!("sha256:{}", "b".repeat(64))));
    }

    #[test]
    fn an_entry_says_what_kind_of_thing_is_about_it() {
        let digest = |letter: &str| format!("sha256:{}", letter.repeat(64));
        let part = |media_type: &str| json!({ "mediaType": media_type, "digest": digest("c"), "size": 2 });
        let mut signature = json!({ "schemaVersion": 2, "mediaType": domain::oci::OCI_MANIFEST,
            "config": part("application/vnd.example.signature"), "layers": [],
            "subject": { "mediaType": domain::oci::OCI_MANIFEST, "digest": digest("a"), "size": 1 },
            "annotations": { "who": "bob" } });
        let read = |document: &Value| {
            Referrer::of(
                domain::oci::OCI_MANIFEST,
                &digest("b"),
                document.to_string().as_bytes(),
            )
        };

        let referrer = read(&signature).expect("it is about something");
        assert_eq!(referrer.subject, digest("a"));
        assert_eq!(
            referrer.descriptor["artifactType"],
            "application/vnd.example.signature"
        );
        assert_eq!(referrer.descriptor["annotations"], json!({ "who": "bob" }));
        assert_eq!(referrer.descriptor["size"], signature.to_string().len());

        signature["artifactType"] = "application/spdx+json".into();
        let referrer = read(&signature).expect("it is about something");
        assert_eq!(referrer.descriptor["artifactType"], "application/spdx+json");
        signature.as_object_mut().expect("an object").remove("subject");
        assert!(read(&signature).is_none());
    }
}
