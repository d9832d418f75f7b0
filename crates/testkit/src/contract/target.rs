//! What every target promises.

use domain::artifact::ArtifactKey;
use domain::digest::Digest;
use domain::failure::ErrorKind;
use domain::ports::{Expect, Put, PutOutcome, Target};

use super::{TargetWorld, artifact, key, noise};
use crate::content::{MemoryContent, Outcomes};

/// Larger than what travels together.
const LARGE: usize = 3_000_017;

/// Runs the promises of every target as tests; `$world` makes a fresh `impl TargetWorld`.
#[macro_export]
macro_rules! target_contract {
    ($world:expr) => {
        $crate::target_contract!($world;
            what_is_not_there_is_known_to_be_absent,
            what_was_put_is_found_and_holds_exactly_its_bytes,
            putting_twice_changes_nothing,
            an_artifact_that_must_be_absent_never_replaces_another,
            a_digest_that_must_stand_there_is_compared,
            wrong_bytes_are_refused_alone_and_never_seen,
            a_source_that_breaks_leaves_nothing_behind,
            equal_bytes_may_stand_under_many_keys,
            a_file_never_takes_the_place_of_a_folder,
            names_that_are_no_paths_fail_alone,
            a_thousand_small_files_arrive_in_one_batch,
        );
    };
    ($world:expr; $($name:ident),* $(,)?) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            $crate::contract::target::$name(&$world.await).await;
        })*
    };
}

fn put(path: &str, bytes: &[u8], expect: Expect) -> Put {
    Put {
        artifact: artifact(path, bytes),
        expect,
        with_metadata: false,
    }
}

/// Puts files of the given content, none of which may be there.
async fn fill(target: &dyn Target, files: &[(&str, &[u8])]) {
    target.prepare(true).await.expect("a repository");
    let batch: Vec<Put> = files
        .iter()
        .map(|(path, bytes)| put(path, bytes, Expect::Absent))
        .collect();
    let content = MemoryContent::of(files.iter().map(|(_, bytes)| *bytes));
    for outcome in put_all(target, &batch, &content).await {
        assert!(matches!(outcome, PutOutcome::Stored { .. }), "{outcome:?}");
    }
}

async fn put_all(target: &dyn Target, batch: &[Put], content: &MemoryContent) -> Vec<PutOutcome> {
    let outcomes = Outcomes::of(batch.len());
    target
        .put(batch, content, &outcomes)
        .await
        .expect("the target answers");
    outcomes.all()
}

async fn digest_at(target: &dyn Target, path: &str) -> Option<Digest> {
    let found = target.read_back(&[key(path)]).await.expect("an answer");
    found[0].as_ref().and_then(|existing| existing.digest)
}

/// See its name.
pub async fn what_is_not_there_is_known_to_be_absent(world: &dyn TargetWorld) {
    let target = world.target();
    fill(&*target, &[("/there/a", b"a")]).await;

    let found = target
        .find(&[key("/b"), key("/there/a"), key("/there")])
        .await
        .expect("an answer");

    assert_eq!(found.len(), 3);
    assert!(found[0].is_none() && found[2].is_none());
    assert_eq!(found[1].as_ref().map(|existing| existing.size_bytes), Some(1));
    assert_eq!(digest_at(&*target, "/there/a").await, Some(Digest::of(b"a")));
    assert!(target.find(&[]).await.expect("an answer").is_empty());
}

/// See its name.
pub async fn what_was_put_is_found_and_holds_exactly_its_bytes(world: &dyn TargetWorld) {
    let large = noise(LARGE, 1);
    let files: [(&str, &[u8]); 5] = [
        ("/empty", b""),
        ("/é ü/中文.txt", b"names"),
        ("/deep/er/and/deeper", b"folders"),
        ("/large.bin", &large),
        ("/%41+&=;#?", b"signs"),
    ];
    let target = world.target();
    target.prepare(true).await.expect("a repository");
    let batch: Vec<Put> = files
        .iter()
        .map(|(path, bytes)| put(path, bytes, Expect::Absent))
        .collect();
    let content = MemoryContent::of(files.iter().map(|(_, bytes)| *bytes));

    let outcomes = put_all(&*target, &batch, &content).await;

    for ((path, bytes), outcome) in files.iter().zip(outcomes) {
        let PutOutcome::Stored { moved_bytes, .. } = outcome else {
            unreachable!("{path}: {outcome:?}");
        };
        assert_eq!(moved_bytes, bytes.len() as u64, "{path}");
        assert_eq!(digest_at(&*target, path).await, Some(Digest::of(bytes)), "{path}");
        assert!(world.bytes_at(path).await.as_deref() == Some(*bytes), "{path}");
    }
}

/// See its name.
pub async fn putting_twice_changes_nothing(world: &dyn TargetWorld) {
    let target = world.target();
    let large = noise(LARGE, 2);
    fill(&*target, &[("/a", b"a"), ("/large", &large)]).await;
    let content = MemoryContent::of([b"a".as_slice(), &large]);

    for expect in [Expect::Anything, Expect::Digest(Digest::of(b"a")), Expect::Absent] {
        let outcome = put_all(&*target, &[put("/a", b"a", expect.clone())], &content)
            .await
            .remove(0);
        match (&expect, outcome) {
            (Expect::Absent, PutOutcome::Raced { found: Some(found) }) => {
                assert_eq!(found.digest, Some(Digest::of(b"a")))
            }
            (Expect::Anything | Expect::Digest(_), PutOutcome::Stored { .. }) => {}
            (expect, outcome) => unreachable!("{expect:?}: {outcome:?}"),
        }
    }
    let again = put_all(&*target, &[put("/large", &large, Expect::Anything)], &content)
        .await
        .remove(0);
    assert!(
        matches!(again, PutOutcome::Stored { moved_bytes: 0, .. }),
        "{again:?}"
    );
    assert!(world.bytes_at("/large").await == Some(large));
}

/// See its name.
pub async fn an_artifact_that_must_be_absent_never_replaces_another(world: &dyn TargetWorld) {
    let target = world.target();
    fill(&*target, &[("/a", b"old")]).await;
    let batch = [
        put("/a", b"new", Expect::Absent),
        put("/b", b"new", Expect::Absent),
    ];

    let outcomes = put_all(&*target, &batch, &MemoryContent::of([b"new".as_slice()])).await;

    let PutOutcome::Raced { found: Some(found) } = &outcomes[0] else {
        unreachable!("{outcomes:?}");
    };
    assert_eq!(found.digest, Some(Digest::of(b"old")));
    assert!(matches!(outcomes[1], PutOutcome::Stored { .. }), "{outcomes:?}");
    assert_eq!(world.bytes_at("/a").await.as_deref(), Some(b"old".as_slice()));
}

/// See its name.
pub async fn a_digest_that_must_stand_there_is_compared(world: &dyn TargetWorld) {
    let target = world.target();
    fill(&*target, &[("/a", b"old"), ("/b", b"old")]).await;
    let batch = [
        put("/a", b"new", Expect::Digest(Digest::of(b"old"))),
        put("/b", b"new", Expect::Digest(Digest::of(b"other"))),
        put("/c", b"new", Expect::Digest(Digest::of(b"old"))),
    ];

    let outcomes = put_all(&*target, &batch, &MemoryContent::of([b"new".as_slice()])).await;

    assert!(matches!(outcomes[0], PutOutcome::Stored { .. }), "{outcomes:?}");
    assert!(
        matches!(outcomes[1], PutOutcome::Raced { found: Some(_) }),
        "{outcomes:?}"
    );
    assert!(
        matches!(outcomes[2], PutOutcome::Raced { found: None }),
        "{outcomes:?}"
    );
    assert_eq!(world.bytes_at("/a").await.as_deref(), Some(b"new".as_slice()));
    assert_eq!(world.bytes_at("/b").await.as_deref(), Some(b"old".as_slice()));
    assert_eq!(world.bytes_at("/c").await, None);
}

/// See its name.
pub async fn wrong_bytes_are_refused_alone_and_never_seen(world: &dyn TargetWorld) {
    let target = world.target();
    target.prepare(true).await.expect("a repository");
    let large = noise(LARGE, 3);
    let content = MemoryContent::of([b"good".as_slice(), b"bad".as_slice(), &large]);
    content.lie(&Digest::of(b"bad"), b"BAD".to_vec());
    let mut flipped = large.clone();
    flipped[LARGE / 2] ^= 1;
    content.lie(&Digest::of(&large), flipped);

    let good = put_all(&*target, &[put("/good", b"good", Expect::Absent)], &content).await;
    let outcomes = Outcomes::of(3);
    let batch = [
        put("/good2", b"good", Expect::Absent),
        put("/bad", b"bad", Expect::Absent),
        put("/large", &large, Expect::Absent),
    ];
    // A target may say of the large one, which travels alone, that the whole exchange failed.
    let ended = target.put(&batch, &content, &outcomes).await;

    assert!(matches!(good[0], PutOutcome::Stored { .. }));
    if let Err(error) = &ended {
        assert_eq!(error.kind, ErrorKind::Corrupt, "{error}");
    }
    let outcomes = outcomes.so_far();
    assert!(
        matches!(outcomes[0], Some(PutOutcome::Stored { .. })),
        "{outcomes:?}"
    );
    match &outcomes[1] {
        Some(PutOutcome::Failed(error)) => assert_eq!(error.kind, ErrorKind::Corrupt, "{error}"),
        other => unreachable!("{other:?}"),
    }
    match &outcomes[2] {
        Some(PutOutcome::Failed(error)) => assert_eq!(error.kind, ErrorKind::Corrupt, "{error}"),
        None => assert!(ended.is_err(), "nobody said what became of the large one"),
        other => unreachable!("{other:?}"),
    }
    for path in ["/bad", "/large"] {
        assert_eq!(digest_at(&*target, path).await, None, "{path}");
        assert_eq!(world.bytes_at(path).await, None, "{path}");
    }
}

/// See its name.
pub async fn a_source_that_breaks_leaves_nothing_behind(world: &dyn TargetWorld) {
    let target = world.target();
    let large = noise(LARGE, 4);
    fill(&*target, &[("/old", b"old")]).await;
    let content = MemoryContent::of([b"good".as_slice(), b"gone".as_slice(), &large]);
    content.break_after(&Digest::of(b"gone"), 0);
    content.break_after(&Digest::of(&large), 1_000_000);
    let batch = [
        put("/gone", b"gone", Expect::Absent),
        put("/good", b"good", Expect::Absent),
        put("/large", &large, Expect::Absent),
        put("/old", &large, Expect::Digest(Digest::of(b"old"))),
    ];

    let outcomes = put_all(&*target, &batch, &content).await;

    for place in [0, 2, 3] {
        let PutOutcome::Failed(error) = &outcomes[place] else {
            unreachable!("{place}: {outcomes:?}");
        };
        assert_eq!(error.kind, ErrorKind::Changed, "{error}");
    }
    assert!(matches!(outcomes[1], PutOutcome::Stored { .. }), "{outcomes:?}");
    assert_eq!(world.bytes_at("/gone").await, None);
    assert_eq!(world.bytes_at("/large").await, None);
    assert_eq!(world.bytes_at("/old").await.as_deref(), Some(b"old".as_slice()));
    assert_eq!(digest_at(&*target, "/large").await, None);
}

/// See its name.
pub async fn equal_bytes_may_stand_under_many_keys(world: &dyn TargetWorld) {
    let target = world.target();
    target.prepare(true).await.expect("a repository");
    let middle = noise(100_000, 5);
    let content = MemoryContent::of([b"same".as_slice(), &middle]);
    let batch = [
        put("/1", b"same", Expect::Absent),
        put("/2", &middle, Expect::Absent),
        put("/3", b"same", Expect::Absent),
        put("/4/5", &middle, Expect::Absent),
    ];

    let outcomes = put_all(&*target, &batch, &content).await;

    assert!(
        outcomes
            .iter()
            .all(|outcome| matches!(outcome, PutOutcome::Stored { .. })),
        "{outcomes:?}"
    );
    assert_eq!(world.bytes_at("/3").await.as_deref(), Some(b"same".as_slice()));
    assert!(world.bytes_at("/4/5").await == Some(middle));
}

/// See its name.
pub async fn a_file_never_takes_the_place_of_a_folder(world: &dyn TargetWorld) {
    let target = world.target();
    fill(&*target, &[("/folder/file", b"x")]).await;
    let content = MemoryContent::of([b"new".as_slice()]);

    for path in ["/folder", "/folder/file/below"] {
        let outcome = put_all(&*target, &[put(path, b"new", Expect::Absent)], &content)
            .await
            .remove(0);
        let PutOutcome::Failed(error) = &outcome else {
            unreachable!("{path}: {outcome:?}");
        };
        assert_eq!(error.kind, ErrorKind::Conflict, "{path}: {error}");
    }
    assert_eq!(
        world.bytes_at("/folder/file").await.as_deref(),
        Some(b"x".as_slice())
    );
}

/// See its name.
pub async fn names_that_are_no_paths_fail_alone(world: &dyn TargetWorld) {
    let target = world.target();
    target.prepare(true).await.expect("a repository");
    let content = MemoryContent::of([b"new".as_slice()]);
    let named = |name: &str| {
        let mut put = put("/good", b"new", Expect::Absent);
        put.artifact.key.name = name.into();
        put
    };
    let batch = ["/../up", "/good", "/a//b", "/a/./b", "/folder/"].map(named);
    let keys: Vec<ArtifactKey> = batch.iter().map(|put| put.artifact.key.clone()).collect();

    let found = target.find(&keys).await.expect("an answer");
    let outcomes = put_all(&*target, &batch, &content).await;

    assert!(found.iter().all(Option::is_none), "{found:?}");
    for (key, outcome) in keys.iter().zip(outcomes) {
        match outcome {
            PutOutcome::Stored { .. } => assert_eq!(key.name, "/good"),
            PutOutcome::Failed(error) => {
                assert!(!error.to_string().is_empty() && key.name != "/good", "{error}")
            }
            outcome => unreachable!("{key}: {outcome:?}"),
        }
    }
    assert_eq!(world.bytes_at("/good").await.as_deref(), Some(b"new".as_slice()));
}

/// See its name.
pub async fn a_thousand_small_files_arrive_in_one_batch(world: &dyn TargetWorld) {
    let target = world.target();
    target.prepare(true).await.expect("a repository");
    let files: Vec<(String, Vec<u8>)> = (0..1000_usize)
        .map(|number| {
            (
                format!("/many/{}/{number}", number % 7),
                noise(1 + number * 13, number as u64),
            )
        })
        .collect();
    let content = MemoryContent::of(files.iter().map(|(_, bytes)| bytes.as_slice()));
    let batch: Vec<Put> = files
        .iter()
        .map(|(path, bytes)| put(path, bytes, Expect::Absent))
        .collect();

    let outcomes = put_all(&*target, &batch, &content).await;

    assert!(
        outcomes
            .iter()
            .all(|outcome| matches!(outcome, PutOutcome::Stored { .. }))
    );
    let keys: Vec<ArtifactKey> = files.iter().map(|(path, _)| key(path)).collect();
    let found = target.find(&keys).await.expect("an answer");
    for ((path, bytes), existing) in files.iter().zip(found) {
        assert_eq!(
            existing.and_then(|existing| existing.digest),
            Some(Digest::of(bytes)),
            "{path}"
        );
    }
}
