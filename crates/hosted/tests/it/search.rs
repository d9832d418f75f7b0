//! Searching nodes: every test of a field, what is absent, order, pages, and what an index is used for.

use domain::repository::RepositoryRef;
use hosted::search::{NodeField as F, NodeRule as R, NodeSearch, NodeTest as T, Operand, Pattern};
use hosted::{HostedRepository, NewRepository, UploadOptions};

use crate::world::{World, admin, path, stream};

fn text(text: &str) -> Operand {
    Operand::Text(text.into())
}

fn search(rule: R) -> NodeSearch {
    NodeSearch {
        project: "blueking".into(),
        only_public: false,
        rule,
        order: Vec::new(),
        offset: 0,
        limit: 100,
    }
}

async fn store(repository: &HostedRepository, at: &str, bytes: &'static str, metadata: &[(&str, &str)]) {
    let options = UploadOptions {
        metadata: metadata
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect(),
        ..UploadOptions::default()
    };
    repository
        .upload(&path(at), stream(bytes), options, &admin())
        .await
        .expect("it is stored");
}

async fn world() -> World {
    let world = World::start().await;
    let repository = &world.repository;
    store(
        repository,
        "/a/App-1.tgz",
        "1",
        &[("build", "9"), ("os", "linux")],
    )
    .await;
    store(repository, "/a/app-2.tgz", "22", &[("build", "10")]).await;
    world.clock.advance_ms(1_000);
    store(repository, "/a/sub/x[1].txt", "333", &[("o\"s", "it's")]).await;
    store(repository, "/b.txt", "1", &[]).await;
    world
}

async fn found(world: &World, rule: R) -> Vec<String> {
    let search = search(rule);
    let nodes = world.hosted.search(&search).await.expect("an answer");
    let total = world.hosted.search_count(&search).await.expect("an answer");
    assert_eq!(total, nodes.len() as u64);
    nodes
        .into_iter()
        .map(|found| found.node.path.to_string())
        .collect()
}

#[tokio::test]
async fn every_test_finds_what_it_says() {
    let world = world().await;
    let now_ms = domain::clock::Clock::now_ms(&*world.clock);
    let all = [
        "/a",
        "/a/App-1.tgz",
        "/a/app-2.tgz",
        "/a/sub",
        "/a/sub/x[1].txt",
        "/b.txt",
    ];
    let digest = domain::digest::Digest::of(b"1").to_hex();
    let md5 = "c4ca4238a0b923820dcc509a6f75849b";
    let property = |key: &str| F::Property(key.into());
    let fits = |pattern: Result<Pattern, _>| T::Fits(pattern.expect("a pattern"));

    for (field, test, expected) in [
        (F::Path, T::Is(text("/b.txt")), &all[5..]),
        (F::Path, T::Prefix("/a/s".into()), &all[3..5]),
        (F::Path, fits(Pattern::wildcards("/a/*.tgz", false)), &all[1..3]),
        (F::Folder, T::Is(text("/a/")), &all[1..4]),
        (F::Folder, T::Is(text("/a")), &all[1..4]),
        (
            F::Folder,
            T::OneOf(vec![text("/a/sub/"), text("/x/")]),
            &all[4..5],
        ),
        (
            F::Folder,
            T::IsNot(text("/a/")),
            &["/a", "/a/sub/x[1].txt", "/b.txt"],
        ),
        (F::Folder, T::Prefix("/a".into()), &all[1..5]),
        (F::Folder, fits(Pattern::ending("sub/")), &all[4..5]),
        (F::Name, T::Is(text("app-2.tgz")), &all[2..3]),
        (F::Name, T::Prefix("app".into()), &all[2..3]),
        (F::Name, fits(Pattern::ending(".txt")), &all[4..]),
        (F::Name, fits(Pattern::holding("[1]")), &all[4..5]),
        (F::Name, fits(Pattern::wildcards("app*", true)), &all[1..3]),
        (F::Name, fits(Pattern::regex("^app-[0-9]", false)), &all[2..3]),
        (F::Name, fits(Pattern::regex("^APP-[0-9]", true)), &all[1..3]),
        (F::Size, T::Is(Operand::Number(3)), &all[4..5]),
        (
            F::Size,
            T::More(Operand::Number(1)),
            &["/a/app-2.tgz", "/a/sub/x[1].txt"],
        ),
        (F::Size, T::AtLeast(Operand::Number(3)), &all[4..5]),
        (F::Size, T::Less(Operand::Number(1)), &["/a", "/a/sub"]),
        (F::Size, T::AtMost(Operand::Number(0)), &["/a", "/a/sub"]),
        (F::IsFolder, T::Is(Operand::Number(1)), &["/a", "/a/sub"]),
        (F::Sha256, T::Is(text(&digest)), &["/a/App-1.tgz", "/b.txt"]),
        (F::Sha256, T::Is(text("no digest")), &[]),
        (
            F::Sha256,
            T::Prefix(digest[..8].into()),
            &["/a/App-1.tgz", "/b.txt"],
        ),
        (F::Sha256, T::Missing, &["/a", "/a/sub"]),
        (
            F::Sha256,
            T::IsNot(text(&digest)),
            &["/a", "/a/app-2.tgz", "/a/sub", "/a/sub/x[1].txt"],
        ),
        (F::Md5, T::Is(text(md5)), &["/a/App-1.tgz", "/b.txt"]),
        (F::CreatedBy, T::IsNot(text("admin")), &[]),
        (F::Created, T::AtLeast(Operand::Number(now_ms)), &all[3..]),
        (F::Modified, T::Less(Operand::Number(now_ms)), &all[..3]),
        (F::Expires, T::Missing, &all),
        (F::Repository, T::OneOf(vec![text("images"), text("x")]), &all),
        (F::Repository, T::Is(text("x")), &[]),
        (F::RepositoryType, T::Is(text("GENERIC")), &all),
        (F::Project, T::IsNot(text("blueking")), &[]),
        (property("os"), T::Is(text("linux")), &all[1..2]),
        (property("os"), T::Present, &all[1..2]),
        (property("o\"s"), T::Is(text("it's")), &all[4..5]),
        (property("build"), T::More(Operand::Number(9)), &all[2..3]),
        (property("build"), T::Is(Operand::Number(9)), &all[1..2]),
        (property("build"), T::More(text("9")), &[]),
        (property("os"), T::More(Operand::Number(0)), &[]),
        (
            property("build"),
            T::NoneOf(vec![text("9")]),
            &["/a", "/a/app-2.tgz", "/a/sub", "/a/sub/x[1].txt", "/b.txt"],
        ),
        (property("x"), T::Missing, &all),
        (F::Absent, T::Missing, &all),
        (F::Absent, T::Is(text("x")), &[]),
        (F::Absent, T::IsNot(text("x")), &all),
    ] {
        let rule = R::Test(field, test);
        assert_eq!(found(&world, rule.clone()).await, expected, "{rule:?}");
    }
}

#[tokio::test]
async fn rules_nest_and_what_is_absent_makes_none_of_them_true() {
    let world = world().await;
    let is = |key: &str, value: &str| R::Test(F::Property(key.into()), T::Is(text(value)));
    let file = R::Test(F::IsFolder, T::Is(Operand::Number(0)));

    let either = R::Any(vec![is("os", "linux"), is("build", "10")]);
    assert_eq!(
        found(&world, either.clone()).await,
        ["/a/App-1.tgz", "/a/app-2.tgz"]
    );
    let neither = R::All(vec![
        file.clone(),
        R::None(vec![is("os", "linux"), is("build", "10")]),
    ]);
    assert_eq!(found(&world, neither).await, ["/a/sub/x[1].txt", "/b.txt"]);
    let both = R::None(vec![R::None(vec![either]), R::None(vec![file])]);
    assert_eq!(found(&world, both).await, ["/a/App-1.tgz", "/a/app-2.tgz"]);
    assert_eq!(found(&world, R::Any(vec![])).await, Vec::<String>::new());
    assert_eq!(found(&world, R::All(vec![])).await.len(), 6);
}

#[tokio::test]
async fn pages_follow_the_order_and_only_public_repositories_are_shown_to_strangers() {
    let world = world().await;
    let mut open = NewRepository::generic(RepositoryRef::new("blueking", "open"));
    open.public = true;
    world
        .hosted
        .create_repository(&open, "admin")
        .await
        .expect("it is made");
    let found = world.hosted.repository(&open.name).await.expect("a look-up");
    store(&found.expect("it is there"), "/c", "4444", &[]).await;
    let mut by_size = search(R::Test(F::IsFolder, T::Is(Operand::Number(0))));
    by_size.order = vec![(F::Size, false), (F::Name, true)];
    let paths = async |search: &NodeSearch| -> Vec<(String, String)> {
        let nodes = world.hosted.search(search).await.expect("an answer");
        nodes
            .into_iter()
            .map(|found| (found.repository, found.node.path.to_string()))
            .collect()
    };
    let pair = |repository: &str, at: &str| (repository.to_owned(), at.to_owned());

    by_size.limit = 2;
    assert_eq!(
        paths(&by_size).await,
        [pair("open", "/c"), pair("images", "/a/sub/x[1].txt")]
    );
    by_size.offset = 3;
    assert_eq!(
        paths(&by_size).await,
        [pair("images", "/a/App-1.tgz"), pair("images", "/b.txt")]
    );
    by_size = NodeSearch {
        offset: 0,
        only_public: true,
        ..by_size
    };
    assert_eq!(paths(&by_size).await, [pair("open", "/c")]);
    assert_eq!(world.hosted.search_count(&by_size).await.expect("an answer"), 1);
}

#[tokio::test]
async fn files_past_their_time_are_not_found() {
    let world = world().await;
    let until_ms = domain::clock::Clock::now_ms(&*world.clock) + 1_000;
    world
        .repository
        .set_expiry(&path("/b.txt"), Some(until_ms), "admin")
        .await
        .expect("it is set");
    let rule = R::Test(F::Path, T::Is(text("/b.txt")));
    assert_eq!(found(&world, rule.clone()).await, ["/b.txt"]);

    world.clock.advance_ms(1_000);

    assert!(found(&world, rule).await.is_empty());
}
