//! Local folders: the contracts of source and target, and what is special about files.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use connectors::digests::DigestCache;
use connectors::folder::{FolderOptions, FolderSource, FolderTarget, WhyNot};
use domain::artifact::{EXECUTABLE, MTIME, Metadata};
use domain::digest::Digest;
use domain::failure::ErrorKind;
use domain::ports::{Expect, Put, PutOutcome, Source, Target};
use domain::task::Scope;
use futures_util::StreamExt;
use tempfile::TempDir;
use testkit::ManualClock;
use testkit::content::{MemoryContent, Outcomes};
use testkit::contract::{SourceWorld, TargetWorld, artifact, key, noise};

/// Far enough in the future for every file of a test to be old.
const LATER_MS: i64 = 4_000_000_000_000;

/// A folder of its own, removed at the end.
struct World {
    home: TempDir,
    cache: Arc<DigestCache>,
}

impl World {
    fn new() -> Self {
        let home = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(home.path().join("root")).expect("a folder");
        let cache = Arc::new(DigestCache::open(home.path().join("state/digests")).expect("a cache"));
        Self { home, cache }
    }

    fn root(&self) -> PathBuf {
        self.home.path().join("root")
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root().join(path.trim_start_matches('/'))
    }

    fn options(&self) -> FolderOptions {
        FolderOptions {
            clock: Arc::new(ManualClock::at(LATER_MS)),
            cache: Some(Arc::clone(&self.cache)),
            verify: false,
        }
    }

    fn folder_source(&self) -> FolderSource {
        FolderSource::new(&self.root(), self.options())
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        let file = self.at(path);
        std::fs::create_dir_all(file.parent().expect("a parent")).expect("folders");
        std::fs::write(file, bytes).expect("a file");
    }

    async fn put_one(&self, put: Put, content: &MemoryContent) -> PutOutcome {
        let target = FolderTarget::new(&self.root(), self.options());
        let outcomes = Outcomes::of(1);
        target.put(&[put], content, &outcomes).await.expect("an answer");
        outcomes.all().remove(0)
    }
}

#[async_trait]
impl SourceWorld for World {
    async fn hold(&self, path: &str, bytes: &[u8]) {
        self.write(path, bytes);
    }

    fn source(&self) -> Arc<dyn Source> {
        Arc::new(self.folder_source())
    }
}

#[async_trait]
impl TargetWorld for World {
    async fn bytes_at(&self, path: &str) -> Option<Vec<u8>> {
        std::fs::read(self.at(path)).ok()
    }

    fn target(&self) -> Arc<dyn Target> {
        Arc::new(FolderTarget::new(&self.root(), self.options()))
    }
}

mod source_contract {
    testkit::source_contract!(async { super::World::new() });
}

mod target_contract {
    testkit::target_contract!(async { super::World::new() });
}

async fn names(source: &FolderSource) -> Vec<String> {
    let page = source.list(&Scope::Repository, None, 1000).await.expect("a page");
    page.keys.into_iter().map(|key| key.name).collect()
}

#[tokio::test]
async fn what_cannot_travel_is_said_and_not_followed() {
    use std::os::unix::ffi::OsStrExt;
    let world = World::new();
    world.write("/file", b"x");
    world.write("/full/file", b"x");
    symlink("/etc", world.at("/out")).expect("a link");
    symlink("file", world.at("/link")).expect("a link");
    let fifo = world.at("/pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .expect("a pipe");
    std::fs::write(world.root().join(std::ffi::OsStr::from_bytes(b"bad\xff")), b"x").expect("a file");
    std::fs::write(world.root().join("back\\slash"), b"x").expect("a file");
    std::fs::create_dir(world.at("/nothing")).expect("a folder");
    let source = world.folder_source();

    let listed = names(&source).await;

    assert_eq!(listed, ["/file", "/full/file"]);
    let not_carried = source.not_carried();
    assert_eq!((not_carried.losses, not_carried.empty_folders), (5, 1));
    let why = |path: &str| not_carried.named.get(path).copied();
    assert_eq!(why("out"), Some(WhyNot::SymbolicLink));
    assert_eq!(why("link"), Some(WhyNot::SymbolicLink));
    assert_eq!(why("pipe"), Some(WhyNot::SpecialFile));
    assert_eq!(why("bad\u{fffd}"), Some(WhyNot::NotUtf8));
    assert_eq!(why("back\\slash"), Some(WhyNot::BadName));
    assert_eq!(why("nothing/"), Some(WhyNot::EmptyFolder));
}

#[tokio::test]
async fn no_link_leads_out_of_the_root() {
    let world = World::new();
    std::fs::create_dir(world.home.path().join("outside")).expect("a folder");
    std::fs::write(world.home.path().join("outside/secret"), b"secret").expect("a file");
    symlink("../outside", world.at("/way")).expect("a link");
    symlink("../outside/secret", world.at("/file")).expect("a link");
    let content = MemoryContent::of([b"new".as_slice()]);

    let described = world
        .folder_source()
        .describe(&[key("/way/secret"), key("/file")])
        .await
        .expect("an answer");
    assert!(described.iter().all(Result::is_err), "{described:?}");
    for path in ["/way/secret", "/way/new", "/file"] {
        let put = Put {
            artifact: artifact(path, b"new"),
            expect: Expect::Anything,
            with_metadata: false,
        };
        let outcome = world.put_one(put, &content).await;
        assert!(
            matches!(&outcome, PutOutcome::Failed(error) if error.kind == ErrorKind::Conflict),
            "{outcome:?}"
        );
    }
    assert_eq!(
        std::fs::read(world.home.path().join("outside/secret")).expect("the file"),
        b"secret"
    );
    assert!(!world.home.path().join("outside/new").exists());
}

#[tokio::test]
async fn time_and_executable_bit_travel_and_can_be_changed_alone() {
    let from = World::new();
    from.write("/run.sh", b"#!/bin/sh");
    std::fs::set_permissions(from.at("/run.sh"), std::fs::Permissions::from_mode(0o755)).expect("a mode");
    let then = std::time::UNIX_EPOCH + std::time::Duration::new(1_234_567_890, 123_456_789);
    std::fs::File::options()
        .write(true)
        .open(from.at("/run.sh"))
        .expect("a file")
        .set_modified(then)
        .expect("a time");
    let artifact = from
        .folder_source()
        .describe(&[key("/run.sh")])
        .await
        .expect("an answer")
        .remove(0)
        .expect("it");
    let to = World::new();
    let content = MemoryContent::of([b"#!/bin/sh".as_slice()]);

    let put = Put {
        artifact: artifact.clone(),
        expect: Expect::Absent,
        with_metadata: true,
    };
    to.put_one(put, &content).await;
    let existing = to
        .target()
        .find(&[key("/run.sh")])
        .await
        .expect("an answer")
        .remove(0)
        .expect("it");

    assert_eq!(artifact.metadata[MTIME], "1234567890.123456789");
    assert_eq!(existing.metadata, artifact.metadata);
    let mut plain = artifact.clone();
    plain.metadata.insert(EXECUTABLE.into(), "false".into());
    assert!(!to.target().same_metadata(&plain.metadata, &existing.metadata));
    let put = Put {
        artifact: plain,
        expect: Expect::Digest(artifact.digest.expect("a folder knows its digests")),
        with_metadata: true,
    };
    let outcome = to.put_one(put, &MemoryContent::default()).await;
    assert!(
        matches!(outcome, PutOutcome::Stored { moved_bytes: 0, .. }),
        "{outcome:?}"
    );
    let mode = std::fs::metadata(to.at("/run.sh"))
        .expect("it")
        .permissions()
        .mode();
    assert_eq!(mode & 0o111, 0);
}

#[tokio::test]
async fn properties_a_folder_cannot_keep_make_no_difference() {
    let world = World::new();
    let target = world.target();
    let wanted = Metadata::from([("owner".into(), "me".into())]);
    let existing = Metadata::from([
        (MTIME.into(), "1.000000000".into()),
        (EXECUTABLE.into(), "false".into()),
    ]);

    assert!(target.same_metadata(&wanted, &existing));
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_read_is_told_apart_from_a_broken_one() {
    let world = World::new();
    let bytes = noise(5_000_000, 1);
    world.write("/growing", &bytes);
    let source = world.folder_source();
    let artifact = source
        .describe(&[key("/growing")])
        .await
        .expect("an answer")
        .remove(0)
        .expect("it");

    let mut stream = source
        .open(&key("/growing"), &artifact.blobs[0], 0)
        .await
        .expect("a stream");
    let first = stream.next().await.expect("a piece");
    let mut longer = bytes.clone();
    longer.extend_from_slice(b"more");
    world.write("/growing", &longer);
    let last = stream.collect::<Vec<_>>().await.pop().expect("an end");

    assert!(first.is_ok());
    assert_eq!(last.expect_err("it changed").kind, ErrorKind::Changed);
    let read = source
        .read(&[(&key("/growing"), &artifact.blobs[0])])
        .await
        .expect("an answer")
        .remove(0);
    assert_eq!(read.expect_err("it changed").kind, ErrorKind::Changed);
}

#[tokio::test]
async fn a_known_file_is_not_hashed_again_unless_asked() {
    let world = World::new();
    world.write("/a", b"first");
    let digest_of = |options: FolderOptions| {
        let source = FolderSource::new(&world.root(), options);
        async move {
            let described = source.describe(&[key("/a")]).await.expect("an answer").remove(0);
            described.expect("it is there").digest
        }
    };
    assert_eq!(digest_of(world.options()).await, Some(Digest::of(b"first")));

    // The cache answers: what it says is what comes out, until everything is hashed again.
    let stat = rustix::fs::stat(world.at("/a")).expect("it is there");
    let identity = connectors::digests::Identity::of(&stat);
    assert_eq!(world.cache.get(&identity), Some(Digest::of(b"first")));
    world.cache.put(&identity, &Digest::of(b"planted")).expect("room");

    assert_eq!(digest_of(world.options()).await, Some(Digest::of(b"planted")));
    let verifying = FolderOptions {
        verify: true,
        ..world.options()
    };
    assert_eq!(digest_of(verifying).await, Some(Digest::of(b"first")));
}

#[tokio::test]
async fn a_file_that_is_too_young_is_not_remembered() {
    let world = World::new();
    world.write("/a", b"young");
    let options = FolderOptions {
        clock: Arc::new(ManualClock::at(0)),
        ..world.options()
    };

    FolderSource::new(&world.root(), options)
        .describe(&[key("/a")])
        .await
        .expect("an answer");

    let stat = rustix::fs::stat(world.at("/a")).expect("it is there");
    assert_eq!(world.cache.get(&connectors::digests::Identity::of(&stat)), None);
}

#[tokio::test]
async fn drafts_are_never_listed_and_those_of_a_killed_process_are_swept() {
    let world = World::new();
    world.write("/.waybill-drafts/.waybill-0123.draft", b"half");
    world.write("/.waybill-4567.draft", b"half");
    world.write("/file", b"x");

    assert_eq!(names(&world.folder_source()).await, ["/file"]);
    world.target().prepare(false).await.expect("it is there");

    assert!(!world.at("/.waybill-drafts").exists());
    assert!(world.at("/file").exists());
}

#[tokio::test]
async fn a_missing_folder_is_made_only_when_asked() {
    let world = World::new();
    let target = FolderTarget::new(&world.at("/new/folder"), world.options());

    let refused = target.prepare(false).await.expect_err("it is not there");
    assert_eq!(refused.kind, ErrorKind::NotFound);
    assert_eq!(target.find(&[key("/a")]).await.expect("an answer"), [None]);
    assert!(!world.at("/new").exists());

    target.prepare(true).await.expect("it is made");
    assert!(world.at("/new/folder").is_dir());
    let source = FolderSource::new(&world.at("/nowhere"), world.options());
    let listed = source
        .list(&Scope::Repository, None, 10)
        .await
        .expect_err("it is not there");
    assert_eq!(listed.kind, ErrorKind::NotFound);
}
