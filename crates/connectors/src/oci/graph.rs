//! Everything an image consists of: its manifests, their configurations and layers, and what is about them.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::artifact::Blob;
use domain::failure::{ErrorKind, Stage};
use domain::oci::{Descriptor, Manifest, PlatformFilter, Role};
use domain::ports::{ConnectorError, ConnectorResult};
use futures_util::future::BoxFuture;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::client::Client;
use super::listed::{ReferrerLists, list_tag};
use super::manifests::Fetched;
use super::place::Reference;

/// Most parts of one image.
const MOST_PARTS: usize = 10_000;
/// Indexes within indexes that are followed.
const MOST_DEPTH: usize = 8;
/// Manifests of one image that are fetched at the same time.
const PARALLEL: usize = 8;
/// Bytes of manifests that are kept for whoever asks next.
const KEPT_BYTES: usize = 16 * 1024 * 1024;

/// Manifests that were fetched, by digest; the oldest go first.
#[derive(Default)]
pub(super) struct Kept(Mutex<Shelf>);

#[derive(Default)]
struct Shelf {
    by_digest: HashMap<String, Arc<Fetched>>,
    order: VecDeque<String>,
    size_bytes: usize,
}

impl Kept {
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the manifest with `digest`, if it is still there.
    pub(super) fn get(&self, digest: &str) -> Option<Arc<Fetched>> {
        self.shelf().by_digest.get(digest).cloned()
    }

    fn keep(&self, fetched: Fetched) -> Arc<Fetched> {
        let fetched = Arc::new(fetched);
        let mut shelf = self.shelf();
        if shelf
            .by_digest
            .insert(fetched.digest.clone(), fetched.clone())
            .is_none()
        {
            shelf.size_bytes += fetched.bytes.len();
            shelf.order.push_back(fetched.digest.clone());
        }
        while shelf.size_bytes > KEPT_BYTES {
            let Some(oldest) = shelf.order.pop_front() else {
                break;
            };
            if let Some(gone) = shelf.by_digest.remove(&oldest) {
                shelf.size_bytes -= gone.bytes.len();
            }
        }
        fetched
    }
}

/// Finds out what images consist of.
pub(super) struct Explorer<'a> {
    pub(super) client: &'a Client,
    pub(super) kept: &'a Kept,
    pub(super) lists: &'a ReferrerLists,
    pub(super) platforms: &'a [PlatformFilter],
}

/// An image and all its parts, in the order in which they can be written.
pub(super) struct Image {
    /// Digest of its own manifest.
    pub(super) digest: String,
    pub(super) parts: Vec<Blob>,
    /// Whether there is something about it.
    pub(super) has_referrers: bool,
}

#[derive(Default)]
struct Found {
    parts: Vec<Blob>,
    seen: HashSet<String>,
    /// Digests of the manifests among them.
    manifests: Vec<String>,
}

impl Found {
    /// Adds a part unless it is there already.
    fn add(&mut self, role: Role, media_type: &str, digest: &str, size_bytes: u64) {
        if self.seen.insert(digest.into()) {
            self.parts.push(role.part(media_type, digest, size_bytes));
            if role.is_manifest() {
                self.manifests.push(digest.into());
            }
        }
    }
}

impl Explorer<'_> {
    /// Fetches the manifest at `at`, or returns it as it was fetched before where it is named by its digest.
    pub(super) async fn fetch(&self, at: &Reference, stage: Stage) -> ConnectorResult<Arc<Fetched>> {
        if let Some(fetched) = self.kept.get(&at.version) {
            return Ok(fetched);
        }
        Ok(self.kept.keep(self.client.manifest(at, stage).await?))
    }

    /// Returns the image at `at` with all its parts.
    pub(super) async fn explore(&self, at: &Reference) -> ConnectorResult<Image> {
        let top = self.fetch(at, Stage::Describe).await?;
        let mut found = Found::default();
        self.collect(at, top.clone(), Role::Manifest, 0, &mut found)
            .await?;
        let mut has_referrers = false;
        // What is about one of its manifests can itself have something about it.
        let mut next = 0;
        while let Some(subject) = found.manifests.get(next).cloned() {
            next += 1;
            let referrers = self
                .client
                .referrers(&at.image, &subject, Stage::Describe)
                .await?;
            let is_tagged = referrers.is_none();
            let mut referrers = match referrers {
                Some(referrers) => referrers,
                None => self.tagged_referrers(&at.image, &subject).await?,
            };
            referrers.sort_by(|left, right| left.digest().as_ref().cmp(right.digest().as_ref()));
            for referrer in referrers {
                if !found.seen.contains(referrer.digest().as_ref()) {
                    let fetched = match self.child(at, &referrer).await {
                        // Nobody takes what was deleted out of the lists that tags stand for.
                        Err(error) if is_tagged && error.kind == ErrorKind::NotFound => continue,
                        fetched => fetched?,
                    };
                    has_referrers = true;
                    self.collect(at, fetched, Role::Referrer, 1, &mut found).await?;
                }
            }
        }
        Ok(Image {
            digest: top.digest.clone(),
            parts: found.parts,
            has_referrers,
        })
    }

    /// Returns what is about the manifest `subject` by the tag that stands for the list.
    async fn tagged_referrers(&self, image: &str, subject: &str) -> ConnectorResult<Vec<Descriptor>> {
        if !self.lists.may_have(image, subject) {
            return Ok(Vec::new());
        }
        let at = Reference {
            image: image.into(),
            version: list_tag(subject),
        };
        match self.client.manifest(&at, Stage::Describe).await {
            Ok(list) => Ok(list.manifest.children().to_vec()),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Fetches a manifest that another one names.
    async fn child(&self, at: &Reference, descriptor: &Descriptor) -> ConnectorResult<Arc<Fetched>> {
        let child = Reference {
            image: at.image.clone(),
            version: descriptor.digest().to_string(),
        };
        let fetched = self.fetch(&child, Stage::Describe).await?;
        if fetched.bytes.len() as u64 != descriptor.size() {
            let words = format!(
                "its index says {} bytes, and it has {}",
                descriptor.size(),
                fetched.bytes.len()
            );
            return Err(failed(ErrorKind::Corrupt, &child).words(words));
        }
        Ok(fetched)
    }

    /// Adds a manifest to `found`, after all it consists of.
    fn collect<'f>(
        &'f self,
        at: &'f Reference,
        fetched: Arc<Fetched>,
        role: Role,
        depth: usize,
        found: &'f mut Found,
    ) -> BoxFuture<'f, ConnectorResult<()>> {
        Box::pin(async move {
            if depth > MOST_DEPTH {
                return Err(failed(ErrorKind::Protocol, at).words("its indexes are nested too deeply"));
            }
            let mut blobs = fetched.manifest.blobs();
            if let Some(config) = blobs.next() {
                let media_type = config.media_type().to_string();
                found.add(Role::Config, &media_type, config.digest().as_ref(), config.size());
            }
            for layer in blobs.filter(|layer| !Manifest::is_foreign(layer)) {
                let media_type = layer.media_type().to_string();
                found.add(Role::Layer, &media_type, layer.digest().as_ref(), layer.size());
            }
            let children = PlatformFilter::select(self.platforms, fetched.manifest.children());
            if children.is_empty() && !fetched.manifest.children().is_empty() {
                return Err(
                    failed(ErrorKind::NotFound, at).words("it is there for none of the wanted platforms")
                );
            }
            if found.parts.len() + children.len() > MOST_PARTS {
                let words = format!("it consists of more than {MOST_PARTS} parts");
                return Err(failed(ErrorKind::Limit, at).words(words));
            }
            // Bounded above, so that a hostile index cannot make this fetch without end.
            let fetches: Vec<_> = children.into_iter().map(|child| self.child(at, child)).collect();
            let fetches: Vec<Arc<Fetched>> = stream::iter(fetches).buffered(PARALLEL).try_collect().await?;
            for child in fetches {
                if !found.seen.contains(&child.digest) {
                    self.collect(at, child, Role::Child, depth + 1, found).await?;
                }
            }
            found.add(
                role,
                &fetched.media_type,
                &fetched.digest,
                fetched.bytes.len() as u64,
            );
            Ok(())
        })
    }
}

fn failed(kind: ErrorKind, at: &Reference) -> ConnectorError {
    ConnectorError::new(kind, Stage::Describe, at.to_string())
}
