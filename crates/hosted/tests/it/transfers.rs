//! The ports: one hosted repository copied to another.

use std::sync::Mutex;

use bytes::Bytes;
use domain::artifact::{ArtifactKey, Blob};
use domain::path::FilePath;
use domain::ports::{
    ByteStream, ConnectorResult, Content, Expect, Put, PutOutcome, SMALL_BLOB_BYTES, Settled, Source,
};
use domain::repository::RepositoryRef;
use domain::task::Scope;

use crate::world::{World, admin, noise, path, with_bytes};

struct FromSource<'a>(&'a dyn Source);

#[async_trait::async_trait]
impl Content for FromSource<'_> {
    async fn open(&self, key: &ArtifactKey, blob: &Blob, offset_bytes: u64) -> ConnectorResult<ByteStream> {
        self.0.open(key, blob, offset_bytes).await
    }

    async fn read(&self, wanted: &[(&ArtifactKey, &Blob)]) -> ConnectorResult<Vec<ConnectorResult<Bytes>>> {
        self.0.read(wanted).await
    }
}

#[derive(Default)]
struct Outcomes(Mutex<Vec<(usize, PutOutcome)>>);

impl Settled for Outcomes {
    fn settled(&self, index: usize, outcome: PutOutcome) {
        self.0.lock().expect("nobody panicked").push((index, outcome));
    }
}

async fn keys(source: &dyn Source, scope: &Scope, limit: usize) -> Vec<String> {
    let (mut keys, mut cursor) = (Vec::new(), None);
    loop {
        let page = source.list(scope, cursor.as_ref(), limit).await.expect("a page");
        assert!(page.keys.len() <= limit);
        keys.extend(page.keys.into_iter().map(|key| key.name));
        match page.next {
            Some(next) => cursor = Some(next),
            None => return keys,
        }
    }
}

#[tokio::test]
async fn listing_is_by_path_in_pages_of_any_size_and_within_the_scope() {
    let world = World::start().await;
    let names = ["/a", "/a!", "/b/1", "/b/2", "/b/c/3", "/b!", "/bc", "/c"];
    world
        .publish(
            names
                .iter()
                .map(|name| with_bytes(name, name.as_bytes()))
                .collect(),
        )
        .await;
    let source = world.repository.source();
    let mut sorted = names.map(String::from).to_vec();
    sorted.sort();

    for limit in [1, 2, 3, 8, 100] {
        assert_eq!(
            keys(&*source, &Scope::Repository, limit).await,
            sorted,
            "pages of {limit}"
        );
        let scope = Scope::Paths(vec![path("/b"), path("/a"), path("/b/c"), path("/nothing")]);
        assert_eq!(
            keys(&*source, &scope, limit).await,
            ["/a", "/b/1", "/b/2", "/b/c/3"],
            "pages of {limit}"
        );
    }
    let missing = source
        .missing(&Scope::Paths(vec![path("/b"), path("/nothing"), path("/b/1")]))
        .await;
    assert_eq!(
        missing.expect("an answer"),
        [ArtifactKey::file(&path("/nothing"))]
    );
}

#[tokio::test]
async fn small_and_large_files_arrive_and_a_second_run_moves_nothing() {
    let world = World::start().await;
    let large = noise(SMALL_BLOB_BYTES as usize * 5, 1);
    let mut items: Vec<_> = (0..50)
        .map(|n| with_bytes(&format!("/s/{n:02}"), &noise(900, n)))
        .collect();
    items.push(with_bytes("/large", &large));
    world.publish(items).await;
    let other = world
        .hosted
        .ensure_repository(&RepositoryRef::new("edge", "images"), "admin")
        .await
        .expect("made");
    let (source, target) = (world.repository.source(), other.target(admin()));
    let names: Vec<ArtifactKey> = keys(&*source, &Scope::Repository, 1000)
        .await
        .iter()
        .map(|name| ArtifactKey::file(&name.parse::<FilePath>().expect("a path")))
        .collect();
    let described = source.describe(&names).await.expect("described");
    let batch: Vec<Put> = described
        .into_iter()
        .map(|artifact| Put {
            artifact: artifact.expect("there"),
            expect: Expect::Absent,
            with_metadata: true,
        })
        .collect();

    for first in [true, false] {
        let outcomes = Outcomes::default();
        target
            .put(&batch, &FromSource(&*source), &outcomes)
            .await
            .expect("acknowledged");
        let outcomes = outcomes.0.into_inner().expect("nobody panicked");
        assert_eq!(outcomes.len(), batch.len());
        for (index, outcome) in outcomes {
            match outcome {
                // Both repositories are on this node: no byte has to move.
                PutOutcome::Stored { moved_bytes: 0, .. } if first => {}
                PutOutcome::Raced { found: Some(found) } if !first => {
                    assert_eq!(found.digest, batch[index].artifact.digest);
                }
                other => panic!("{other:?}"),
            }
        }
    }
    let node = other
        .node(&path("/large"))
        .await
        .expect("a look-up")
        .expect("it arrived");
    assert!(
        crate::world::whole(other.read(&node, None).await.expect("it opens"))
            .await
            .expect("it reads")
            == large
    );
}

#[tokio::test]
async fn between_two_nodes_the_bytes_really_move() {
    let centre = World::start().await;
    let edge = World::start().await;
    let large = noise(SMALL_BLOB_BYTES as usize * 2, 1);
    centre
        .publish(vec![with_bytes("/small", b"small"), with_bytes("/large", &large)])
        .await;
    let (source, target) = (centre.repository.source(), edge.repository.target(admin()));
    let names = [
        ArtifactKey::file(&path("/large")),
        ArtifactKey::file(&path("/small")),
    ];
    let described = source.describe(&names).await.expect("described");
    let batch: Vec<Put> = described
        .into_iter()
        .map(|artifact| Put {
            artifact: artifact.expect("there"),
            expect: Expect::Absent,
            with_metadata: true,
        })
        .collect();

    let outcomes = Outcomes::default();
    target
        .put(&batch, &FromSource(&*source), &outcomes)
        .await
        .expect("acknowledged");

    for (index, outcome) in outcomes.0.into_inner().expect("nobody panicked") {
        let size = batch[index].artifact.size_bytes();
        assert!(matches!(outcome, PutOutcome::Stored { moved_bytes, moved_blobs: 1 } if moved_bytes == size));
    }
    assert!(edge.content("/large").await == Some(large));
    assert_eq!(edge.content("/small").await, Some(b"small".to_vec()));
}
