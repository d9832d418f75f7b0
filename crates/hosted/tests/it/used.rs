//! What a repository says it holds, and its quota, against a sum over its files.

use hosted::{HostedRepository, MoveKind, NewRepository, RepositoryChange, UploadOptions};

use crate::world::{HOUR_MS, World, admin, noise, path, stream, with_bytes};
use domain::repository::RepositoryRef;

const QUOTA_BYTES: u64 = 40_000;

/// Numbers that look random and are always the same.
struct Dice(Vec<u8>);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        usize::from(self.0.pop().unwrap_or_default()) % sides
    }

    fn path(&mut self) -> String {
        let folders = ["", "/a", "/a/b", "/c"];
        format!("{}/{}", folders[self.roll(4)], self.roll(4))
    }

    fn bytes(&mut self) -> Vec<u8> {
        noise(self.roll(200) * 50, self.roll(7) as u64)
    }
}

/// Does something, anything; what is refused changes nothing.
async fn something(world: &World, dice: &mut Dice, here: &HostedRepository, there: &HostedRepository) {
    let at = path(&dice.path());
    match dice.roll(8) {
        0 | 1 => {
            let options = UploadOptions {
                overwrite: dice.roll(2) == 0,
                expires_ms: (dice.roll(3) == 0).then(|| world.clock_ms() + HOUR_MS),
                ..UploadOptions::default()
            };
            let bytes = stream(dice.bytes());
            let _ = here.upload(&at, bytes, options, &admin()).await;
        }
        2 => {
            let batch = (0..3).map(|_| with_bytes(&dice.path(), &dice.bytes()));
            let _ = here.publish(batch.collect(), &admin()).await;
        }
        3 => {
            let (id, options) = (
                here.start_blocks(&at, true, &admin()).await,
                UploadOptions::default(),
            );
            let Ok(id) = id else { return };
            for sequence in 1..3 {
                let bytes = stream(dice.bytes());
                let _ = here
                    .put_block(&at, &id, sequence, bytes, &options, &admin())
                    .await;
            }
            let _ = here.complete_blocks(&at, &id, options, &admin()).await;
        }
        4 => {
            let _ = here.delete(&at).await;
        }
        5 => {
            let _ = here.delete_tree(&path(["/a", "/a/b", "/c"][dice.roll(3)])).await;
        }
        6 => {
            let kind = [MoveKind::Move, MoveKind::Copy][dice.roll(2)];
            let to = path(&dice.path());
            let _ = here
                .move_to(kind, &at, (there, &to), dice.roll(2) == 0, "admin")
                .await;
        }
        _ => world.clock.advance_ms(HOUR_MS / 4),
    }
}

#[tokio::test]
async fn used_is_the_sum_of_the_files_and_never_over_the_quota_whatever_happens() {
    let world = World::start().await;
    let other = NewRepository {
        quota_bytes: Some(QUOTA_BYTES / 2),
        ..NewRepository::generic(RepositoryRef::new("blueking", "other"))
    };
    world
        .hosted
        .create_repository(&other, "admin")
        .await
        .expect("made");
    let change = RepositoryChange {
        quota_bytes: Some(QUOTA_BYTES),
        ..RepositoryChange::default()
    };
    let names = [world.repository.info().name.clone(), other.name];
    let update = world.hosted.update_repository(&names[0], change, "admin");
    update.await.expect("it is there");
    let mut dice = Dice(noise(60_000, 11));
    let (mut most, mut tight) = (0, false);

    for step in 0..400 {
        let mut both = Vec::new();
        for name in &names {
            let found = world.hosted.repository(name).await.expect("a look-up");
            both.push(found.expect("it is there"));
        }
        if dice.roll(2) == 0 {
            both.reverse();
        }
        something(&world, &mut dice, &both[0], &both[1]).await;
        world.hosted.expire().await.expect("a pass");

        for repository in &both {
            let name = &repository.info().name;
            let found = world.hosted.repository(name).await.expect("a look-up");
            let info = found.expect("it is there").info().clone();
            let sum = repository.folder_size(&path("/")).await.expect("a size");
            assert_eq!(info.used_bytes, sum.size_bytes, "step {step}, {name}");
            assert!(Some(info.used_bytes) <= info.quota_bytes, "step {step}, {name}");
            most = most.max(info.used_bytes);
            tight |= Some(info.used_bytes + 10_000) > info.quota_bytes;
        }
    }

    assert!(
        most > QUOTA_BYTES / 2 && tight,
        "the quota was never near: {most}"
    );
}
