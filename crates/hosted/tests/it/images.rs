//! Repositories of images promise what every source and every target of packages does, and a bit more.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use domain::artifact::{Artifact, ArtifactKey, Blob, Likeness, Metadata};
use domain::digest::Digest;
use domain::oci::{Manifest, Role};
use domain::ports::{ByteStream, ConnectorResult, Content, Expect, Put, PutOutcome, Source, Target};
use domain::repository::RepositoryRef;
use domain::task::Scope;
use domain::versions::Choice;
use hosted::{HostedRepository, Reference};
use testkit::content::Outcomes;
use testkit::contract::noise;
use testkit::contract::packages::{PackageWorld, Release};
use testkit::images::Image;

use crate::world::{World, admin, stream, whole};

struct Images {
    /// Keeps the folder.
    _world: World,
    repository: HostedRepository,
}

impl Images {
    async fn start() -> Self {
        let world = World::start().await;
        let repository = repository(&world, "docker").await;
        Self {
            _world: world,
            repository,
        }
    }
}

async fn repository(world: &World, name: &str) -> HostedRepository {
    let name = RepositoryRef::new("blueking", name);
    let kind = "DOCKER".parse().expect("a type");
    let made = world.hosted.ensure_repository_of(&name, &kind, "admin").await;
    made.expect("it is made")
}

fn key(name: &str, tag: &str) -> ArtifactKey {
    ArtifactKey {
        name: format!("docker://{name}"),
        version: Some(tag.into()),
    }
}

/// Returns an image as its source describes it, and the bytes of its parts.
fn release(name: &str, tag: &str, image: &Image) -> Release {
    let (mut blobs, mut bytes) = (Vec::new(), Vec::new());
    add(image, Role::Manifest, &mut blobs, &mut bytes);
    let artifact = Artifact {
        key: key(name, tag),
        digest: Some(image.digest()),
        blobs,
        metadata: Metadata::new(),
        document: None,
    };
    Release { artifact, bytes }
}

/// Adds the parts of an image that are not there yet, each after what it consists of.
fn add(image: &Image, role: Role, blobs: &mut Vec<Blob>, bytes: &mut Vec<Vec<u8>>) {
    let own = image.bytes();
    let manifest = Manifest::parse(Some(&image.media_type), &own).expect("a manifest");
    let mut part = Role::Config;
    for (descriptor, content) in manifest.blobs().zip(&image.blobs) {
        let media_type = descriptor.media_type().to_string();
        let blob = part.part(&media_type, descriptor.digest().as_ref(), descriptor.size());
        if !blobs.contains(&blob) {
            blobs.push(blob);
            bytes.push(content.clone());
        }
        part = Role::Layer;
    }
    for child in &image.children {
        add(child, Role::Child, blobs, bytes);
    }
    blobs.push(role.part(&image.media_type, &image.digest().to_string(), own.len() as u64));
    bytes.push(own);
}

/// Pushes an image as a client of the registry does.
async fn push(repository: &HostedRepository, name: &str, reference: &str, image: &Image) {
    let place = repository.image(name).expect("a name");
    for child in &image.children {
        Box::pin(push(repository, name, &child.digest().to_string(), child)).await;
    }
    for blob in &image.blobs {
        let bytes = stream(Bytes::from(blob.clone()));
        let put = place.put_blob(&Digest::of(blob), None, bytes, &admin()).await;
        put.expect("a blob");
    }
    let reference: Reference = reference.parse().expect("a reference");
    let put = place
        .put_manifest(
            &reference,
            Some(&image.media_type),
            image.bytes().into(),
            &admin(),
        )
        .await;
    put.expect("a manifest");
}

#[async_trait]
impl PackageWorld for Images {
    fn names(&self) -> [&'static str; 3] {
        ["app", "team/app", "a.b/c__d"]
    }

    fn release(&self, name: &str, version: &str, size_bytes: usize, seed: u64) -> Release {
        let layer = noise(size_bytes.max(1), seed);
        let shared = format!("{name} {version} {seed}");
        release(name, version, &Image::of(&[&layer, shared.as_bytes()]))
    }

    async fn hold(&self, release: &Release) {
        let batch = [put_of(&release.artifact, Expect::Anything)];
        let outcome = put(&self.repository, &batch, &Held(release)).await;
        assert!(matches!(outcome, PutOutcome::Stored { .. }), "{outcome:?}");
    }

    async fn found(&self, release: &Release) -> Vec<Option<Vec<u8>>> {
        let key = &release.artifact.key;
        let name = key.name.strip_prefix("docker://").expect("an image");
        let image = self.repository.image(name).expect("a name");
        let tag: Reference = key.version.as_deref().expect("a tag").parse().expect("a tag");
        let own = image.manifest(&tag).await.expect("a look-up");
        let mut found = Vec::new();
        for blob in &release.artifact.blobs {
            let digest = blob.digest.expect("a digest");
            let node = match Role::of(blob) {
                Some(Role::Manifest) => own
                    .clone()
                    .filter(|own| own.row.digest == digest)
                    .map(|own| own.node),
                _ => image.blob(&digest).await.expect("a look-up"),
            };
            found.push(match node {
                Some(node) => {
                    let bytes = self.repository.read(&node, None).await.expect("it opens");
                    Some(whole(bytes).await.expect("it reads"))
                }
                None => None,
            });
        }
        found
    }

    fn source_of(&self, choice: Choice) -> Arc<dyn Source> {
        self.repository.source_of(choice.versions)
    }

    fn target(&self) -> Arc<dyn Target> {
        self.repository.target(admin())
    }
}

mod source {
    testkit::package_source_contract!(super::Images::start());
}

mod target {
    testkit::package_target_contract!(super::Images::start());
}

fn put_of(artifact: &Artifact, expect: Expect) -> Put {
    Put {
        artifact: artifact.clone(),
        expect,
        with_metadata: true,
    }
}

async fn put(repository: &HostedRepository, batch: &[Put], content: &dyn Content) -> PutOutcome {
    let outcomes = Outcomes::of(batch.len());
    let target = repository.target(admin());
    target.put(batch, content, &outcomes).await.expect("an answer");
    outcomes.all().remove(0)
}

/// The bytes of a release.
struct Held<'a>(&'a Release);

impl Held<'_> {
    fn bytes(&self, blob: &Blob) -> Bytes {
        let place = self.0.artifact.blobs.iter().position(|known| known == blob);
        Bytes::from(self.0.bytes[place.expect("a part")].clone())
    }
}

#[async_trait]
impl Content for Held<'_> {
    async fn open(&self, _: &ArtifactKey, blob: &Blob, offset_bytes: u64) -> ConnectorResult<ByteStream> {
        let offset = usize::try_from(offset_bytes).expect("it fits");
        Ok(stream(self.bytes(blob).slice(offset..)))
    }

    async fn read(&self, wanted: &[(&ArtifactKey, &Blob)]) -> ConnectorResult<Vec<ConnectorResult<Bytes>>> {
        Ok(wanted.iter().map(|(_, blob)| Ok(self.bytes(blob))).collect())
    }
}

/// Reads from a repository.
struct From(Arc<dyn Source>);

#[async_trait]
impl Content for From {
    async fn open(&self, key: &ArtifactKey, blob: &Blob, offset_bytes: u64) -> ConnectorResult<ByteStream> {
        self.0.open(key, blob, offset_bytes).await
    }

    async fn read(&self, wanted: &[(&ArtifactKey, &Blob)]) -> ConnectorResult<Vec<ConnectorResult<Bytes>>> {
        self.0.read(wanted).await
    }
}

async fn describe(repository: &HostedRepository, key: &ArtifactKey) -> Artifact {
    let described = repository.source().describe(std::slice::from_ref(key)).await;
    described.expect("an answer").remove(0).expect("it is there")
}

async fn carried(from: &HostedRepository, to: &HostedRepository, key: &ArtifactKey) -> Option<PutOutcome> {
    let artifact = describe(from, key).await;
    let found = to
        .find(std::slice::from_ref(key))
        .await
        .expect("an answer")
        .remove(0);
    let expect = match &found {
        None => Expect::Absent,
        Some(found) if artifact.likeness(found) == Likeness::Same => return None,
        Some(_) => Expect::Anything,
    };
    Some(put(to, &[put_of(&artifact, expect)], &From(from.source())).await)
}

fn two_platforms() -> Image {
    Image::index(vec![
        ("linux/amd64", Image::of(&[b"shared", b"amd"])),
        ("linux/arm64", Image::of(&[b"shared", b"arm"])),
    ])
}

#[tokio::test]
async fn an_index_travels_with_its_images_and_each_layer_once() {
    let world = World::start().await;
    let (from, to) = (repository(&world, "from").await, repository(&world, "to").await);
    let index = two_platforms();
    push(&from, "app", "v1", &index).await;
    let key = key("app", "v1");

    let first = carried(&from, &to, &key).await;
    let second = carried(&from, &to, &key).await;

    let artifact = describe(&to, &key).await;
    assert_eq!(artifact, release("app", "v1", &index).artifact);
    // Both repositories are on one node: only manifests had to be written.
    let manifests: usize = index
        .children
        .iter()
        .map(|child| child.bytes().len())
        .sum::<usize>()
        + index.bytes().len();
    assert!(
        matches!(first, Some(PutOutcome::Stored { moved_bytes, moved_blobs: 3 }) if moved_bytes == manifests as u64),
        "{first:?}"
    );
    assert!(second.is_none(), "{second:?}");
}

#[tokio::test]
async fn a_signature_that_came_later_is_brought_along_and_nothing_else_is() {
    let world = World::start().await;
    let (from, to) = (repository(&world, "from").await, repository(&world, "to").await);
    let image = Image::of(&[b"layer"]);
    push(&from, "app", "v1", &image).await;
    let key = key("app", "v1");
    carried(&from, &to, &key).await;
    let signature = Image::artifact("a/signature").about(&image);
    push(&from, "app", &signature.digest().to_string(), &signature).await;

    let again = carried(&from, &to, &key).await;

    assert!(matches!(again, Some(PutOutcome::Stored { .. })), "{again:?}");
    let there = to.image("app").expect("a name");
    let about = there.referrers(&image.digest(), None, 10).await.expect("a list");
    assert_eq!(about.len(), 1);
    assert_eq!(about[0].digest, signature.digest());
    assert!(carried(&from, &to, &key).await.is_none(), "it is the same now");
}

#[tokio::test]
async fn a_moved_tag_under_skip_stays_where_it_was() {
    let world = World::start().await;
    let (from, to) = (repository(&world, "from").await, repository(&world, "to").await);
    push(&from, "app", "v1", &Image::of(&[b"new"])).await;
    push(&to, "app", "v1", &Image::of(&[b"old"])).await;
    let key = key("app", "v1");
    let artifact = describe(&from, &key).await;

    let raced = put(&to, &[put_of(&artifact, Expect::Absent)], &From(from.source())).await;

    let PutOutcome::Raced { found: Some(found) } = raced else {
        unreachable!("{raced:?}");
    };
    assert_eq!(found.digest, Some(Image::of(&[b"old"]).digest()));
    assert_eq!(describe(&to, &key).await.digest, found.digest);
}

#[tokio::test]
async fn packages_and_versions_of_a_scope_are_listed_and_absent_ones_are_missing() {
    let world = World::start().await;
    let from = repository(&world, "from").await;
    for (name, tag) in [("a", "1"), ("a", "2"), ("b/c", "1")] {
        push(&from, name, tag, &Image::of(&[name.as_bytes()])).await;
    }
    let selection = |key: &str, versions: &[&str]| domain::task::PackageSelection {
        key: key.into(),
        versions: versions.iter().map(|version| (*version).into()).collect(),
        target_versions: Vec::new(),
    };
    let scope = Scope::Packages(vec![
        selection("docker://b/c", &[]),
        selection("oci://a", &["2", "9"]),
        selection("docker://ghost", &[]),
    ]);
    let source = from.source();

    let (mut keys, mut cursor) = (Vec::new(), None);
    loop {
        let page = source.list(&scope, cursor.as_ref(), 1).await.expect("a page");
        keys.extend(page.keys);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let missing = source.missing(&scope).await.expect("a list");

    assert_eq!(keys, [key("a", "2"), key("b/c", "1")]);
    let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
    assert_eq!(missing, ["oci://a 9", "docker://ghost"]);
}

#[tokio::test]
async fn which_tags_are_wanted_is_read_once_for_a_listing_however_many_pages_it_has() {
    let world = World::start().await;
    let from = repository(&world, "from").await;
    let image = Image::of(&[b"layer"]);
    for tag in ["1", "2", "3", "4", "5"] {
        push(&from, "app", tag, &image).await;
    }
    let newest = domain::versions::VersionFilter {
        newest: std::num::NonZeroUsize::new(4),
        ..Default::default()
    };
    let package = domain::task::PackageSelection {
        key: "docker://app".into(),
        versions: Vec::new(),
        target_versions: Vec::new(),
    };
    for (scope, later) in [(Scope::Repository, "6"), (Scope::Packages(vec![package]), "7")] {
        let source = from.source_of(newest.clone());
        let first = source.list(&scope, None, 2).await.expect("a page");
        // From all tags anew, the newest would be others now.
        push(&from, "app", later, &image).await;
        let second = source.list(&scope, first.next.as_ref(), 2).await.expect("a page");
        let anew = source.list(&scope, None, 4).await.expect("a page");

        let keys = [first.keys, second.keys].concat();
        let last: u32 = later.parse().expect("a number");
        let tags = |from: u32| {
            (from..from + 4)
                .map(|tag| key("app", &tag.to_string()))
                .collect::<Vec<_>>()
        };
        assert_eq!(keys, tags(last - 4), "{scope:?}");
        assert_eq!(second.next, None);
        assert_eq!(anew.keys, tags(last - 3), "a listing that begins looks again");
    }
}
