//! Charts between repositories, and what goes wrong with them.

use domain::failure::ErrorKind;
use domain::ports::{Expect, PutOutcome};
use domain::task::Scope;
use testkit::contract::packages::PackageWorld;
use testkit::fault_proxy::{Fault, FaultProxy, Rule};
use testkit::servers::{Nginx, NginxOptions};

use super::super::carrying::{breaks, broken_bytes_never_arrive, carry, describe, list, moved, put, refused};
use super::museum::Stand;
use super::world::{World, at, key, release};

const SIGNATURE: &[u8] = b"-----BEGIN PGP SIGNED MESSAGE-----\n\nname: web\nversion: 1.0.0\n";

#[tokio::test]
async fn a_chart_arrives_with_its_signature_and_a_second_time_nothing_moves() {
    let (here, there) = (World::start().await, World::start().await);
    let one = release("web", "1.0.0+build.2", b"x", Some(SIGNATURE));
    here.hold(&one).await;

    let first = carry(&here.opened(), &there.opened(), &one.artifact.key).await;

    assert_eq!(moved(first), one.artifact.size_bytes());
    assert_eq!(
        there.found(&one).await,
        one.bytes.iter().cloned().map(Some).collect::<Vec<_>>()
    );
    assert!(
        carry(&here.opened(), &there.opened(), &one.artifact.key)
            .await
            .is_none()
    );
}

#[tokio::test]
async fn a_signature_that_lacks_is_added_without_the_chart() {
    let (here, there) = (World::start().await, World::start().await);
    let one = release("web", "1.0.0", b"x", Some(SIGNATURE));
    here.hold(&one).await;
    there.0.museum().keep(one.bytes[0].clone(), None);

    let added = carry(&here.opened(), &there.opened(), &one.artifact.key).await;

    assert_eq!(moved(added), SIGNATURE.len() as u64);
    assert_eq!(there.found(&one).await[1].as_deref(), Some(SIGNATURE));
}

#[tokio::test]
async fn an_index_on_a_plain_web_server_is_read() {
    let options = NginxOptions {
        lists: false,
        ..NginxOptions::default()
    };
    let (nginx, there) = (Nginx::with(options).await, World::start().await);
    let one = release("web", "1.0.0", b"x", Some(SIGNATURE));
    let write = |name: &str, bytes: &[u8]| std::fs::write(nginx.files().join(name), bytes).expect("written");
    write("web-1.0.0.tgz", &one.bytes[0]);
    write("web-1.0.0.tgz.prov", SIGNATURE);
    let url = format!("{}/web-1.0.0.tgz", nginx.server.url());
    let index = format!(
        "apiVersion: v1\nentries:\n  web:\n  - name: web\n    version: 1.0.0\n    urls:\n    - {url}\n"
    );
    write("index.yaml", index.as_bytes());
    let here = at(&nginx.server.url());

    let keys = list(&*here.source, &Scope::Repository).await;
    let first = carry(&here, &there.opened(), &key("web", "1.0.0")).await;

    assert_eq!(keys, [key("web", "1.0.0")]);
    assert_eq!(moved(first), one.artifact.size_bytes());
    let refused = here.target.prepare(false).await.expect_err("it takes no charts");
    assert!(
        refused
            .words
            .as_deref()
            .is_some_and(|words| words.contains("ChartMuseum")),
        "{refused}"
    );
}

#[tokio::test]
async fn a_museum_at_the_root_is_one_too() {
    let there = World(Stand::below("").await);
    let opened = at(&format!("http://{}", there.0.address));
    let here = World::start().await;
    let one = release("web", "1.0.0", b"x", None);
    here.hold(&one).await;

    moved(carry(&here.opened(), &opened, &one.artifact.key).await);

    assert_eq!(there.found(&one).await[0].as_ref(), Some(&one.bytes[0]));
}

#[tokio::test]
async fn broken_entries_fail_alone_and_by_name() {
    let here = World::start().await;
    let one = release("web", "1.0.0", b"x", None);
    here.hold(&one).await;
    let index = "entries:\n  ../evil:\n  - {version: 1.0.0, urls: [charts/x.tgz]}\n  gone:\n  - {version: 1.0.0, urls: [charts/gone.tgz]}\n  \
                 elsewhere:\n  - {version: 1.0.0, urls: ['http://127.0.0.1:1/x.tgz']}\n  other:\n  - {name: web, version: 1.0.0}\n  \
                 web:\n  - {name: web, version: 1.0.0, urls: [charts/web-1.0.0.tgz]}\n  - {name: web}\n";
    here.0.museum().index = Some(index.into());
    let source = here.opened().source;

    let keys = list(&*source, &Scope::Repository).await;
    let described = source.describe(&keys).await.expect("an answer");

    assert_eq!(keys.len(), 5, "{keys:?}");
    for (key, described) in keys.iter().zip(described) {
        let words = described.err().and_then(|error| error.words);
        let expected = match key.name.as_str() {
            "helm://../evil" => Some("no chart can have this name"),
            "helm://gone" => Some("a file that is not there"),
            "helm://elsewhere" => Some("no connection"),
            "helm://other" => Some("another chart under this name"),
            _ => None,
        };
        match expected {
            None => assert_eq!(words, None),
            Some(expected) => assert!(words.is_some_and(|words| words.contains(expected)), "{key}"),
        }
    }
}

#[tokio::test]
async fn a_hostile_index_is_refused_by_name() {
    let here = World::start().await;
    // Each line ten times as long as the one before it, once it is read.
    let line = |name: char, of: char| format!("{name}: &{name} [{}]\n", vec![format!("*{of}"); 10].join(","));
    let laughs: String = ('b'..='m')
        .zip('a'..='l')
        .map(|(name, of)| line(name, of))
        .collect();
    let laughs = format!("a: &a [ha]\n{laughs}entries:\n  web: *m\n");
    for index in ["entries: [", "<html></html>", "entries:\n  a: &a [*a]\n", &laughs] {
        here.0.museum().index = Some(index.into());

        let error = here
            .opened()
            .source
            .list(&Scope::Repository, None, 10)
            .await
            .expect_err("refused");

        assert_eq!(error.kind, ErrorKind::Protocol, "{error}");
        assert!(
            error.words.is_some_and(|words| words.contains("index.yaml")),
            "{index}"
        );
    }
}

#[tokio::test]
async fn a_museum_that_does_not_replace_is_named_and_keeps_what_it_has() {
    let (here, there) = (World::start().await, World::start().await);
    let (new, old) = (
        release("web", "1.0.0", b"new", None),
        release("web", "1.0.0", b"old", None),
    );
    here.hold(&new).await;
    there.hold(&old).await;
    there.0.museum().never_replaces = true;

    let error = refused(carry(&here.opened(), &there.opened(), &new.artifact.key).await);

    assert_eq!(error.kind, ErrorKind::Conflict);
    assert_eq!(error.words.as_deref(), Some("file already exists"));
    assert_eq!(there.found(&old).await[0].as_ref(), Some(&old.bytes[0]));
}

#[tokio::test]
async fn a_replaced_chart_does_not_keep_the_signature_of_the_old_one() {
    let (here, there) = (World::start().await, World::start().await);
    let (new, old) = (
        release("web", "1.0.0", b"new", None),
        release("web", "1.0.0", b"old", Some(SIGNATURE)),
    );
    here.hold(&new).await;
    there.hold(&old).await;

    moved(carry(&here.opened(), &there.opened(), &new.artifact.key).await);

    assert_eq!(there.found(&old).await, [Some(new.bytes[0].clone()), None]);
}

#[tokio::test]
async fn a_museum_that_keeps_other_bytes_is_found_out() {
    let (here, there) = (World::start().await, World::start().await);
    let one = release("web", "1.0.0", b"x", None);
    here.hold(&one).await;
    there.0.museum().corrupts = true;

    let error = refused(carry(&here.opened(), &there.opened(), &one.artifact.key).await);

    assert_eq!(error.kind, ErrorKind::Corrupt);
    assert!(there.0.museum().charts.is_empty(), "it is taken back");
}

#[tokio::test]
async fn a_source_that_breaks_is_named_and_no_chart_arrives() {
    let (here, there) = (World::start().await, World::start().await);
    let one = here.release("web", "1.0.0", 300_000, 1);
    here.hold(&one).await;
    let proxy = FaultProxy::to(here.0.address).await;
    let source = at(&format!("http://{}/org/charts", proxy.address()));

    let broken = (&source, &proxy, "*web-1.0.0.tgz");
    broken_bytes_never_arrive(broken, &there.opened(), &one.artifact.key, breaks()).await;

    assert_eq!(there.found(&one).await[0].as_ref(), Some(&one.bytes[0]));
}

#[tokio::test]
async fn a_target_that_breaks_keeps_no_half_chart() {
    for (fault, kind) in [
        (Fault::status(401), ErrorKind::Unauthorised),
        (Fault::status(500), ErrorKind::Protocol),
        (Fault::slow_down(0), ErrorKind::Limit),
        (Fault::CutRequest(60_000), ErrorKind::Unreachable),
        (Fault::StallRequest(60_000), ErrorKind::Unreachable),
    ] {
        let (here, there) = (World::start().await, World::start().await);
        let one = here.release("web-api", "1.0.0", 300_000, 1);
        here.hold(&one).await;
        let proxy = FaultProxy::to(there.0.address).await;
        let target = at(&format!("http://{}/org/charts", proxy.address()));
        proxy.add(Rule::on("POST", "*", fault.clone()));

        let error = refused(carry(&here.opened(), &target, &one.artifact.key).await);

        assert_eq!(error.kind, kind, "{fault:?}: {error}");
        assert!(there.0.museum().charts.is_empty(), "{fault:?}");
    }
}

#[tokio::test]
async fn a_chart_that_came_meanwhile_is_not_replaced() {
    let (here, there) = (World::start().await, World::start().await);
    let (mine, other) = (
        release("web", "1.0.0", b"mine", None),
        release("web", "1.0.0", b"other", None),
    );
    here.hold(&mine).await;
    there.hold(&other).await;
    let artifact = describe(&*here.opened().source, &mine.artifact.key)
        .await
        .expect("there");

    let outcome = put(&here.opened(), &there.opened(), artifact, Expect::Absent).await;

    assert!(
        matches!(outcome, PutOutcome::Raced { found: Some(_) }),
        "{outcome:?}"
    );
    assert_eq!(there.found(&other).await[0].as_ref(), Some(&other.bytes[0]));
}

#[tokio::test]
async fn an_index_without_end_is_refused_by_name() {
    let here = World::start().await;
    let proxy = FaultProxy::to(here.0.address).await;
    let endless = Fault::Endless {
        media_type: "application/yaml",
        begin: "entries:\n  web:\n".into(),
        piece: "  - {name: web, version: 1.0.0}\n".into(),
    };
    proxy.add(Rule::on("GET", "*/index.yaml", endless));
    let source = at(&format!("http://{}/org/charts", proxy.address())).source;

    let error = source
        .list(&Scope::Repository, None, 10)
        .await
        .expect_err("it has no end");

    assert_eq!(error.kind, ErrorKind::Protocol, "{error}");
    assert!(error.to_string().contains("more than 100000 versions"), "{error}");
}

#[tokio::test]
async fn a_lost_answer_is_made_good_by_the_next_try() {
    let (here, there) = (World::start().await, World::start().await);
    let one = here.release("web-api", "1.0.0", 300_000, 1);
    here.hold(&one).await;
    let proxy = FaultProxy::to(there.0.address).await;
    let target = at(&format!("http://{}/org/charts", proxy.address()));
    proxy.add(Rule::on("POST", "*", Fault::LoseAnswer).times(1));

    let lost = refused(carry(&here.opened(), &target, &one.artifact.key).await);

    assert_eq!(lost.kind, ErrorKind::Unreachable, "{lost}");
    assert!(
        carry(&here.opened(), &target, &one.artifact.key).await.is_none(),
        "it had arrived"
    );
}
