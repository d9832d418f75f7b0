//! Clusters, tasks, users and tokens.

use std::os::unix::fs::PermissionsExt as _;

use domain::cluster::{ClusterStatus, Secret};
use domain::failure::{ErrorKind, Failure, Stage};
use domain::task::{Task, TaskStatus};
use storage::tasks::{TaskFilter, TaskSort};
use storage::users::Role;
use storage::{PageRequest, Store, StoreError};

use crate::world::{START_MS, World};

#[tokio::test]
async fn a_data_folder_is_closed_to_others_and_to_a_second_process() {
    let world = World::start().await;

    let second = Store::open(world.folder.path(), world.clock.clone(), None).await;

    assert!(matches!(second, Err(StoreError::InUse(_))));
    for (name, mode) in [(".", 0o700), ("secret.key", 0o600), ("lock", 0o600)] {
        let metadata = std::fs::metadata(world.folder.path().join(name)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, mode, "{name}");
    }
}

#[tokio::test]
async fn a_wrong_secret_key_is_refused_and_the_right_one_opens_again() {
    let world = World::start().await;
    let node_id = world.store.node_id().to_owned();
    let World { clock, store, folder } = world;
    store.close().await;
    drop(store);
    let other = folder.path().join("other.key");
    std::fs::write(&other, "ab".repeat(32)).unwrap();

    let wrong = Store::open(folder.path(), clock.clone(), Some(&other)).await;
    let missing = Store::open(folder.path(), clock.clone(), Some("/nonexistent/key".as_ref())).await;
    let right = Store::open(folder.path(), clock, None).await;

    assert!(matches!(wrong, Err(StoreError::BadKey { .. })));
    assert!(matches!(missing, Err(StoreError::BadKey { .. })));
    assert_eq!(right.unwrap().node_id(), node_id);
}

#[tokio::test]
async fn a_cluster_reads_back_as_it_was_written_and_its_password_is_not_in_the_file() {
    let world = World::start().await;
    let mut cluster = world.cluster("edge-1");
    let clusters = world.store.clusters();

    clusters.insert(&cluster).await.unwrap();
    assert_eq!(clusters.get(cluster.id).await.unwrap(), Some(cluster.clone()));
    cluster.credentials.secret_key = Some(Secret::new("sk-12345"));
    cluster.credentials.username = None;
    clusters.update(&cluster).await.unwrap();
    assert_eq!(clusters.by_name("edge-1").await.unwrap(), Some(cluster.clone()));
    let failure = Failure {
        stage: Stage::Describe,
        class: ErrorKind::Unreachable,
        remote_status: None,
        words: Some("no answer".into()),
        attempts: 1,
        subject: "edge-1".into(),
    };
    clusters
        .set_status(cluster.id, ClusterStatus::Unhealthy, Some(&failure), START_MS)
        .await
        .unwrap();
    let seen = clusters.get(cluster.id).await.unwrap().unwrap();
    assert_eq!(
        (seen.status, seen.error_reason.as_ref()),
        (ClusterStatus::Unhealthy, Some(&failure))
    );

    for name in ["waybill.db", "waybill.db-wal"] {
        let bytes = std::fs::read(world.folder.path().join(name)).unwrap();
        for secret in ["hunter2", "sk-12345"] {
            assert!(
                !bytes.windows(secret.len()).any(|part| part == secret.as_bytes()),
                "{name} {secret}"
            );
        }
    }
}

#[tokio::test]
async fn clusters_are_listed_newest_first_and_a_name_is_taken_once() {
    let world = World::start().await;
    let clusters = world.store.clusters();
    for name in ["a", "b"] {
        clusters.insert(&world.cluster(name)).await.unwrap();
    }
    world.clock.advance_ms(5);
    clusters.insert(&world.cluster("c")).await.unwrap();

    let again = clusters.insert(&world.cluster("a")).await;
    let names: Vec<String> = clusters
        .all()
        .await
        .unwrap()
        .into_iter()
        .map(|c| c.name)
        .collect();

    assert!(matches!(again, Err(StoreError::Taken(_))));
    assert_eq!(names, ["c", "b", "a"]);
    let first = clusters.by_name("a").await.unwrap().unwrap();
    assert!(clusters.delete(first.id).await.unwrap());
    assert!(!clusters.delete(first.id).await.unwrap());
}

#[tokio::test]
async fn a_task_keeps_its_key_and_changes_its_id_when_replaced() {
    let world = World::start().await;
    let edge = world.cluster("edge-1");
    let mut task = world.task("nightly", &[edge.id]);
    let tasks = world.store.tasks();

    tasks.insert(&task).await.unwrap();
    assert_eq!(tasks.by_key(&task.key).await.unwrap(), Some(task.clone()));
    task.id = world.store.next_id();
    task.description = Some("each night".into());
    assert!(tasks.replace(&task).await.unwrap());
    assert_eq!(tasks.by_name("nightly").await.unwrap(), Some(task.clone()));

    assert_eq!(tasks.using_cluster(edge.id).await.unwrap(), ["nightly"]);
    assert!(tasks.hide(&task.key).await.unwrap());
    assert_eq!(tasks.by_key(&task.key).await.unwrap(), None);
    assert!(tasks.using_cluster(edge.id).await.unwrap().is_empty());
    tasks
        .insert(&Task {
            key: domain::id::TaskKey::random(),
            ..task
        })
        .await
        .expect("the name is free again");
}

#[tokio::test]
async fn tasks_are_filtered_and_ordered_with_missing_times_lowest() {
    let world = World::start().await;
    let tasks = world.store.tasks();
    for (name, next_run_ms, enabled) in [("a%1", Some(7), true), ("a_2", None, true), ("b", Some(9), false)] {
        world.clock.advance_ms(1);
        let task = Task {
            next_run_ms,
            enabled,
            ..world.task(name, &[])
        };
        tasks.insert(&task).await.unwrap();
    }
    let names = async |filter: TaskFilter| -> (Vec<String>, u64) {
        let page = tasks.page(&filter, PageRequest::new(1, 2)).await.unwrap();
        (page.rows.into_iter().map(|task| task.name).collect(), page.total)
    };
    let all = TaskFilter {
        project: Some("demo".into()),
        ..TaskFilter::default()
    };

    assert_eq!(names(all.clone()).await, (vec!["b".into(), "a_2".into()], 3));
    let by_next = TaskFilter {
        sort: TaskSort::NextRun,
        ascending: true,
        ..all.clone()
    };
    assert_eq!(names(by_next).await, (vec!["a_2".into(), "a%1".into()], 3));
    let prefix = TaskFilter {
        name_prefix: Some("a%".into()),
        ..all.clone()
    };
    assert_eq!(names(prefix).await, (vec!["a%1".into()], 1));
    let disabled = TaskFilter {
        enabled: Some(false),
        ..all.clone()
    };
    assert_eq!(names(disabled).await, (vec!["b".into()], 1));
    let elsewhere = TaskFilter {
        project: Some("other".into()),
        ..all
    };
    assert_eq!(names(elsewhere).await, (vec![], 0));
}

#[tokio::test]
async fn only_enabled_tasks_with_a_time_are_due_and_the_longest_due_comes_first() {
    let world = World::start().await;
    let tasks = world.store.tasks();
    for (name, next_run_ms, enabled) in [
        ("late", Some(5), true),
        ("later", Some(9), true),
        ("off", Some(1), false),
    ] {
        let task = Task {
            next_run_ms,
            enabled,
            ..world.task(name, &[])
        };
        tasks.insert(&task).await.unwrap();
    }
    let late = tasks.by_name("late").await.unwrap().unwrap();

    let due = async |now_ms: i64| -> Vec<String> {
        let due = tasks.due(now_ms, 10).await.unwrap();
        due.into_iter().map(|task| task.name).collect()
    };

    assert_eq!(tasks.scheduled().await.unwrap().len(), 2);
    assert_eq!(due(8).await, ["late"]);
    tasks.set_next_run(&late.key, None).await.unwrap();
    assert!(
        tasks
            .set_enabled(&late.key, false, TaskStatus::Waiting, "bob", START_MS)
            .await
            .unwrap()
    );
    assert_eq!(
        tasks.by_key(&late.key).await.unwrap().unwrap().audit.modified_by,
        "bob"
    );
}

#[tokio::test]
async fn users_log_in_with_their_password_only() {
    let world = World::start().await;
    let users = world.store.users();
    let role = Role::Replicator {
        projects: vec!["demo".into()],
    };
    users.create("edge", &Secret::new("first"), &role).await.unwrap();

    assert_eq!(
        users
            .verify("edge", &Secret::new("first"))
            .await
            .unwrap()
            .unwrap()
            .role,
        role
    );
    assert!(
        users
            .verify("edge", &Secret::new("wrong"))
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        users
            .verify("nobody", &Secret::new("first"))
            .await
            .unwrap()
            .is_none()
    );
    let again = users.create("edge", &Secret::new("x"), &Role::None).await;
    assert!(matches!(again, Err(StoreError::Taken(_))));
    assert!(users.set_password("edge", &Secret::new("second")).await.unwrap());
    assert!(users.set_role("edge", &Role::Admin).await.unwrap());
    let edge = users
        .verify("edge", &Secret::new("second"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(edge.role, Role::Admin);
}

#[tokio::test]
async fn a_token_acts_as_its_user_until_it_expires_or_is_revoked() {
    let world = World::start().await;
    let (users, tokens) = (world.store.users(), world.store.tokens());
    users
        .create("edge", &Secret::new("pw"), &Role::Admin)
        .await
        .unwrap();
    let (short, short_text) = tokens
        .create("edge", "short", Some(START_MS + 1000))
        .await
        .unwrap();
    let (long, long_text) = tokens.create("edge", "long", None).await.unwrap();

    assert!(short_text.reveal().starts_with("wb_"));
    let (token, user) = tokens.verify(&short_text).await.unwrap().unwrap();
    assert_eq!((token.id, user.name.as_str()), (short.id, "edge"));
    assert!(tokens.verify(&Secret::new("wb_unknown")).await.unwrap().is_none());
    world.clock.advance_ms(1000);
    assert!(tokens.verify(&short_text).await.unwrap().is_none());
    assert!(tokens.verify(&long_text).await.unwrap().is_some());

    let listed = tokens.list("edge").await.unwrap();
    assert_eq!(
        listed.iter().map(|token| token.last_used_ms).collect::<Vec<_>>(),
        [Some(START_MS + 1000), Some(START_MS)]
    );
    assert!(tokens.revoke("edge", long.id).await.unwrap());
    assert!(tokens.verify(&long_text).await.unwrap().is_none());
    assert!(users.delete("edge").await.unwrap());
    assert!(tokens.list("edge").await.unwrap().is_empty());
}
