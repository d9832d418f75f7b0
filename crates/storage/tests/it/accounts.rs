//! Access to projects, platform accounts and logins at the console.

use domain::cluster::Secret;
use storage::access::Access;
use storage::users::Role;
use storage::{Store, StoreError};

use crate::world::World;

async fn user(store: &Store, name: &str) {
    let users = store.users();
    users.create(name, &Secret::new("pw"), &Role::None).await.unwrap();
}

#[tokio::test]
async fn access_is_said_per_project_and_goes_with_its_user() {
    let world = World::start().await;
    let (users, access) = (world.store.users(), world.store.access());
    user(&world.store, "ann").await;
    user(&world.store, "bob").await;

    assert!(access.set("ann", "demo", Access::Read).await.unwrap());
    assert!(access.set("ann", "demo", Access::Write).await.unwrap());
    assert!(access.set("bob", "demo", Access::Manage).await.unwrap());
    assert!(!access.set("nobody", "demo", Access::Read).await.unwrap());

    let of_demo = [
        ("ann".to_owned(), Access::Write),
        ("bob".to_owned(), Access::Manage),
    ];
    assert_eq!(access.of_project("demo").await.unwrap(), of_demo);
    let everybody = users.all().await.unwrap();
    assert_eq!(everybody[0].access.get("demo"), Some(&Access::Write));
    let ann = users.verify("ann", &Secret::new("pw")).await.unwrap().unwrap();
    assert_eq!(ann.access, everybody[0].access);
    assert!(access.remove("bob", "demo").await.unwrap() && !access.remove("bob", "demo").await.unwrap());
    assert!(users.delete("ann").await.unwrap());
    user(&world.store, "ann").await;
    assert!(users.get("ann").await.unwrap().unwrap().access.is_empty());
    assert!(access.of_project("demo").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_platforms_secret_is_shown_once_and_found_again_by_its_access_key() {
    let world = World::start().await;
    let platforms = world.store.platforms();

    let (account, secret) = platforms.create("ci", "admin").await.unwrap();
    let again = platforms.create("ci", "admin").await;

    assert!(matches!(again, Err(StoreError::Taken(_))));
    let (found, kept) = platforms
        .by_access_key(&account.access_key)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((&found, kept.reveal()), (&account, secret.reveal()));
    platforms.used(&found).await.unwrap();
    assert!(platforms.all().await.unwrap()[0].last_used_ms.is_some());
    assert!(platforms.by_access_key("other").await.unwrap().is_none());
    assert!(platforms.delete("ci").await.unwrap() && !platforms.delete("ci").await.unwrap());
    assert!(
        platforms
            .by_access_key(&account.access_key)
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn a_user_added_by_name_has_no_password_that_fits() {
    let world = World::start().await;
    let users = world.store.users();

    let added = users.get_or_add("dev").await.unwrap();
    let again = users.get_or_add("dev").await.unwrap();

    assert_eq!((&added.role, &added), (&Role::None, &again));
    for password in ["", "dev"] {
        assert!(
            users
                .verify("dev", &Secret::new(password))
                .await
                .unwrap()
                .is_none()
        );
    }
}

#[tokio::test]
async fn a_console_login_ends_by_time_logout_password_and_removal() {
    let world = World::start().await;
    let (users, logins) = (world.store.users(), world.store.console_logins());
    user(&world.store, "ann").await;
    let good = async |id: &str| logins.user(id).await.unwrap().is_some();
    let until_ms = world.store.now_ms() + 1000;

    let closed = logins.open("ann", until_ms).await.unwrap();
    assert!(good(&closed).await);
    logins.close(&closed).await.unwrap();
    let expired = logins.open("ann", until_ms).await.unwrap();
    world.clock.advance_ms(1000);
    let before_change = logins.open("ann", until_ms + 1000).await.unwrap();
    users.set_password("ann", &Secret::new("new")).await.unwrap();
    let before_removal = logins.open("ann", until_ms + 1000).await.unwrap();
    users.delete("ann").await.unwrap();
    user(&world.store, "ann").await;

    for id in [closed, expired, before_change, before_removal] {
        assert!(!good(&id).await);
    }
    let key = logins.key().await.unwrap();
    assert_eq!(key.reveal(), logins.key().await.unwrap().reveal());
}
