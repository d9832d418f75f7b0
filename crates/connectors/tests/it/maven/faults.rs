//! Maven repositories behind a proxy that breaks what real servers will not.

use domain::failure::ErrorKind;
use domain::ports::Expect;
use domain::task::{PackageSelection, Scope};
use testkit::contract::packages::{PackageWorld, Release};
use testkit::fault_proxy::{Fault, FaultProxy, Rule};
use testkit::servers::{Nginx, NginxOptions};

use super::super::carrying::{breaks, broken_bytes_never_arrive, carry, describe, moved, put, refused};
use super::world::{World, at, key, listed};

const APP: &str = "org.example:app";

struct Worlds {
    here: World,
    there: World,
    proxy: FaultProxy,
    one: Release,
}

impl Worlds {
    async fn start() -> Self {
        let (here, there) = (World::start().await, World::start().await);
        let one = here.release(APP, "1.0", 300_000, 1);
        here.hold(&one).await;
        let proxy = FaultProxy::to(there.nginx.server.address()).await;
        Self {
            here,
            there,
            proxy,
            one,
        }
    }

    fn target(&self) -> connectors::registry::Opened {
        at(&format!("{}/repo", self.proxy.url()))
    }

    async fn is_invisible(&self) -> bool {
        let listing = self
            .there
            .text("org/example/app/maven-metadata.xml")
            .unwrap_or_default();
        let usable = self.there.file("org/example/app/1.0/app-1.0.pom").exists();
        listed(&listing).is_empty()
            && !usable
            && self.there.found(&self.one).await.iter().all(Option::is_none)
    }
}

#[tokio::test]
async fn a_target_that_breaks_never_shows_half_a_version_and_is_completed_later() {
    for (fault, kind) in [
        (Fault::status(401), ErrorKind::Unauthorised),
        (Fault::status(500), ErrorKind::Protocol),
        (Fault::slow_down(0), ErrorKind::Limit),
        (Fault::CutRequest(100_000), ErrorKind::Unreachable),
        (Fault::StallRequest(100_000), ErrorKind::Unreachable),
        (Fault::LoseAnswer, ErrorKind::Unreachable),
        (Fault::Reset, ErrorKind::Unreachable),
        (Fault::ChangeRequest(100_000), ErrorKind::Corrupt),
    ] {
        let worlds = Worlds::start().await;
        worlds.proxy.add(Rule::on("PUT", "*app-1.0.jar", fault.clone()));

        let error = refused(carry(&worlds.here.opened(), &worlds.target(), &key(APP, "1.0")).await);

        assert_eq!(error.kind, kind, "{fault:?}: {error}");
        assert!(
            worlds.is_invisible().await,
            "{fault:?}: {:?}",
            worlds.there.files()
        );
        worlds.proxy.clear();
        moved(carry(&worlds.here.opened(), &worlds.target(), &key(APP, "1.0")).await);
        assert_eq!(
            worlds.there.found(&worlds.one).await[1].as_ref(),
            Some(&worlds.one.bytes[1])
        );
    }
}

#[tokio::test]
async fn what_cannot_be_removed_again_is_said_to_stay() {
    for removes in [true, false] {
        let worlds = Worlds::start().await;
        let (pom, any) = ("*app-1.0.pom", "*app-1.0.*");
        worlds.proxy.add(Rule::on("PUT", pom, Fault::status(500)));
        if !removes {
            worlds.proxy.add(Rule::on("DELETE", any, Fault::status(403)));
        }

        let error = refused(carry(&worlds.here.opened(), &worlds.target(), &key(APP, "1.0")).await);

        let words = error.words.clone().unwrap_or_default();
        assert_eq!(error.remote_status, Some(500), "{error}");
        assert_eq!(
            words.contains("what arrived of it stays there"),
            !removes,
            "{words}"
        );
        let files = worlds.there.files();
        let stays = files.iter().any(|file| file.ends_with("app-1.0.jar"));
        assert_eq!(stays, !removes, "{files:?}");
    }
}

#[tokio::test]
async fn a_version_that_could_not_be_listed_failed_and_is_listed_by_the_next_try() {
    let worlds = Worlds::start().await;
    worlds
        .proxy
        .add(Rule::on("PUT", "*maven-metadata.xml", Fault::status(500)));

    let error = refused(carry(&worlds.here.opened(), &worlds.target(), &key(APP, "1.0")).await);
    let listing = worlds.there.text("org/example/app/maven-metadata.xml");
    worlds.proxy.clear();
    let second = carry(&worlds.here.opened(), &worlds.target(), &key(APP, "1.0")).await;

    assert_eq!((error.remote_status, listing), (Some(500), None), "{error}");
    assert_eq!(moved(second), 0, "the files are there");
    assert!(worlds.there.found(&worlds.one).await.iter().all(Option::is_some));
}

#[tokio::test]
async fn a_lost_answer_is_made_good_by_the_next_try() {
    let worlds = Worlds::start().await;
    worlds
        .proxy
        .add(Rule::on("PUT", "*maven-metadata.xml", Fault::LoseAnswer).times(1));

    refused(carry(&worlds.here.opened(), &worlds.target(), &key(APP, "1.0")).await);

    let listing = worlds
        .there
        .text("org/example/app/maven-metadata.xml")
        .expect("it arrived");
    assert_eq!(listed(&listing), ["1.0"]);
    assert!(
        carry(&worlds.here.opened(), &worlds.target(), &key(APP, "1.0"))
            .await
            .is_none()
    );
}

#[tokio::test]
async fn a_source_that_breaks_is_named_and_nothing_is_left_at_the_target() {
    let worlds = Worlds::start().await;
    let proxy = FaultProxy::to(worlds.here.nginx.server.address()).await;
    let source = at(&format!("{}/repo", proxy.url()));

    let broken = (&source, &proxy, "*app-1.0.jar");
    broken_bytes_never_arrive(broken, &worlds.there.opened(), &key(APP, "1.0"), breaks()).await;

    assert!(worlds.there.found(&worlds.one).await.iter().all(Option::is_some));
}

#[tokio::test]
async fn folders_within_themselves_end_in_a_named_failure() {
    let worlds = Worlds::start().await;
    let proxy = FaultProxy::to(worlds.here.nginx.server.address()).await;
    let listing = Fault::Answer {
        status: 200,
        headers: vec![("Content-Type".into(), "text/html".into())],
        body: "<h1>Index of /</h1><a href=\"a/\">a/</a><a href=\"b/\">b/</a>".into(),
    };
    proxy.add(Rule::on("GET", "*/", listing));
    let source = at(&format!("{}/repo", proxy.url())).source;

    let error = source.list(&Scope::Repository, None, 10).await;

    let error = error.expect_err("nothing ends there");
    assert_eq!(error.kind, ErrorKind::Protocol);
    assert!(error.to_string().contains("deep"), "{error}");
    assert!(proxy.seen().len() < 2_000, "{} questions", proxy.seen().len());
}

#[tokio::test]
async fn wrong_sums_and_wrong_bytes_of_a_source_are_described_so_that_they_are_found() {
    let worlds = Worlds::start().await;
    worlds.here.write_bare(
        "org/example/app/1.0/app-1.0.jar.sha1",
        b"da39a3ee5e6b4b0d3255bfef95601890afd80709",
    );
    let source = worlds.here.opened().source;

    let artifact = describe(&*source, &key(APP, "1.0")).await.expect("it is there");

    let jar = artifact
        .blobs
        .iter()
        .find(|blob| blob.name.ends_with("1.0.jar"))
        .expect("a jar");
    let sums = domain::checksums::Sums::of(&worlds.one.bytes[1], jar);
    assert!(!sums.are_of(jar), "a run finds what does not fit: {jar:?}");
}

#[tokio::test]
async fn a_target_that_was_changed_meanwhile_is_left_alone() {
    let worlds = Worlds::start().await;
    let (from, to) = (worlds.here.opened(), worlds.target());
    worlds.there.hold(&worlds.there.release(APP, "1.0", 500, 9)).await;
    let artifact = describe(&*from.source, &key(APP, "1.0"))
        .await
        .expect("it is there");
    let found = to
        .target
        .find(&[key(APP, "1.0")])
        .await
        .expect("an answer")
        .remove(0);
    let newer = worlds.there.release(APP, "1.0", 500, 10);
    worlds.there.hold(&newer).await;

    let mark = found.and_then(|found| found.mark).expect("a mark");
    let outcome = put(&from, &to, artifact, Expect::Mark(mark)).await;

    assert!(
        matches!(outcome, domain::ports::PutOutcome::Raced { found: Some(_) }),
        "{outcome:?}"
    );
    assert_eq!(
        worlds.there.found(&newer).await[1].as_ref(),
        Some(&newer.bytes[1])
    );
}

#[tokio::test]
async fn a_document_that_means_harm_fails_its_package_alone_where_folders_are_not_listed() {
    let options = NginxOptions {
        lists: false,
        ..NginxOptions::default()
    };
    let here = World::on(Nginx::with(options).await);
    let names = [
        "org.example:bomb",
        "org.example:endless",
        "org.example:good",
        "org.example:snap",
    ];
    here.hold(&here.release(names[2], "1.0", 100, 1)).await;
    let bomb = "<!DOCTYPE m [<!ENTITY a \"aa\">]><metadata><groupId>&a;</groupId></metadata>";
    here.write_bare("org/example/bomb/maven-metadata.xml", bomb.as_bytes());
    here.hold(&here.release(names[3], "1.0-SNAPSHOT", 100, 2)).await;
    here.write_bare(
        "org/example/snap/1.0-SNAPSHOT/maven-metadata.xml",
        bomb.as_bytes(),
    );
    let proxy = FaultProxy::to(here.nginx.server.address()).await;
    let endless = Fault::Endless {
        media_type: "text/xml",
        begin: "<metadata><versioning><versions>".into(),
        piece: "<version>1</version>".into(),
    };
    proxy.add(Rule::on("GET", "*/endless/maven-metadata.xml", endless));
    let selection = |name: &&str| PackageSelection {
        key: format!("gav://{name}"),
        versions: Vec::new(),
        target_versions: Vec::new(),
    };
    let scope = Scope::Packages(names.iter().map(selection).collect());

    for limit in [1, 10] {
        let source = at(&format!("{}/repo", proxy.url())).source;
        let (mut keys, mut cursor) = (Vec::new(), None);
        loop {
            let page = source.list(&scope, cursor.as_ref(), limit).await.expect("a page");
            keys.extend(page.keys);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        let missing = source.missing(&scope).await.expect("an answer");
        let described = source.describe(&keys).await.expect("an answer");

        assert_eq!(missing, []);
        let said = keys
            .iter()
            .zip(described)
            .map(|(key, described)| match described {
                Ok(_) => format!("{key} is there"),
                Err(error) => {
                    assert_eq!(error.kind, ErrorKind::Protocol, "{error}");
                    let words = error.words.unwrap_or_default();
                    let why = ["document type", "more than 100000 entries"]
                        .into_iter()
                        .find(|why| words.contains(why));
                    format!("{key}: {}", why.unwrap_or(&words))
                }
            });
        let expected = [
            "gav://org.example:bomb: document type",
            "gav://org.example:endless: more than 100000 entries",
            "gav://org.example:good 1.0 is there",
            "gav://org.example:snap 1.0-SNAPSHOT: document type",
        ];
        assert_eq!(said.collect::<Vec<_>>(), expected);
    }
}

#[tokio::test]
async fn a_package_whose_versions_cannot_be_told_any_more_half_way_fails_and_is_not_passed_over() {
    let options = NginxOptions {
        lists: false,
        ..NginxOptions::default()
    };
    let here = World::on(Nginx::with(options).await);
    for (package, version) in [(APP, "1.0"), (APP, "2.0"), ("org.example:zoo", "1.0")] {
        here.hold(&here.release(package, version, 100, 1)).await;
    }
    let proxy = FaultProxy::to(here.nginx.server.address()).await;
    let selection = |name: &str| PackageSelection {
        key: format!("gav://{name}"),
        versions: Vec::new(),
        target_versions: Vec::new(),
    };
    let scope = Scope::Packages(vec![selection(APP), selection("org.example:zoo")]);
    let source = at(&format!("{}/repo", proxy.url())).source;
    let first = source.list(&scope, None, 1).await.expect("a page");
    let broken = Fault::Answer {
        status: 200,
        headers: Vec::new(),
        body: "<html/>".into(),
    };
    proxy.add(Rule::on("GET", "*/app/maven-metadata.xml", broken));

    for limit in [1, 10] {
        let (mut keys, mut cursor) = (first.keys.clone(), first.next.clone());
        while let Some(behind) = cursor {
            let page = source.list(&scope, Some(&behind), limit).await.expect("a page");
            keys.extend(page.keys);
            cursor = page.next;
        }

        let shown: Vec<String> = keys.iter().map(ToString::to_string).collect();
        let expected = [
            "gav://org.example:app 1.0",
            "gav://org.example:app",
            "gav://org.example:zoo 1.0",
        ];
        assert_eq!(shown, expected, "pages of {limit}");
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_read_is_told_with_its_reason_and_the_others_are_listed() {
    let worlds = Worlds::start().await;
    for package in ["org.closed:app", "org.example:app", "org.zoo:app"] {
        worlds
            .here
            .hold(&worlds.here.release(package, "1.0", 100, 1))
            .await;
    }
    let proxy = FaultProxy::to(worlds.here.nginx.server.address()).await;
    let url = format!("{}/repo", proxy.url());
    for (fault, words) in [
        (Fault::status(403), "lists other folders and not this one"),
        (Fault::status(500), "the proxy says no"),
    ] {
        proxy.clear();
        proxy.add(Rule::on("GET", "/repo/org/closed/", fault.clone()));
        for limit in [1, 2, 10] {
            let source = at(&url).source;

            let keys = listed_by(&*source, limit).await;

            let names: Vec<String> = keys.iter().map(ToString::to_string).collect();
            let expected = [
                "gav://org/closed/",
                "gav://org.example:app 1.0",
                "gav://org.zoo:app 1.0",
            ];
            assert_eq!(names, expected, "{fault:?} by {limit}");
            let described = source.describe(&keys).await.expect("the server answers");
            let error = described[0].as_ref().expect_err("it is shut").to_string();
            assert!(
                error.contains("/repo/org/closed/") && error.contains(words),
                "{error}"
            );
            assert!(described[1..].iter().all(Result::is_ok), "{described:?}");
        }
    }
    proxy.clear();
    assert_eq!(
        listed_by(&*at(&url).source, 10).await.len(),
        3,
        "the next run lists everything"
    );
}

#[tokio::test]
async fn what_is_named_and_cannot_be_read_fails_by_its_name_and_a_listing_that_is_shut_halfway_breaks() {
    let worlds = Worlds::start().await;
    for version in ["1.1", "1.2"] {
        worlds.here.hold(&worlds.here.release(APP, version, 100, 1)).await;
    }
    let proxy = FaultProxy::to(worlds.here.nginx.server.address()).await;
    let source = at(&format!("{}/repo", proxy.url())).source;
    let package = |versions: &[&str]| {
        Scope::Packages(vec![PackageSelection {
            key: format!("gav://{APP}"),
            versions: versions.iter().map(|version| (*version).into()).collect(),
            target_versions: Vec::new(),
        }])
    };
    let first = source.list(&Scope::Repository, None, 1).await.expect("a page");
    proxy.add(Rule::on("GET", "/repo/org/example/app/", Fault::status(500)));
    proxy.add(Rule::on("GET", "/repo/org/example/app/1.1/", Fault::status(500)));

    let second = source.list(&Scope::Repository, first.next.as_ref(), 1).await;
    let whole = source.list(&package(&[]), None, 10).await.expect("a page");
    let named = source
        .list(&package(&["1.1", "1.2"]), None, 10)
        .await
        .expect("a page");

    assert!(
        second.is_err(),
        "what was told before must not stand for all of it: {second:?}"
    );
    let names = |keys: &[domain::artifact::ArtifactKey]| -> Vec<String> {
        keys.iter().map(ToString::to_string).collect()
    };
    assert_eq!(names(&whole.keys), ["gav://org.example:app"]);
    assert_eq!(
        names(&named.keys),
        ["gav://org.example:app 1.1", "gav://org.example:app 1.2"]
    );
    for keys in [&whole.keys, &named.keys] {
        let described = source.describe(keys).await.expect("the server answers");
        let error = described[0].as_ref().expect_err("it is shut");
        assert_eq!(error.remote_status, Some(500), "{error}");
    }
    assert_eq!(source.missing(&package(&[])).await.expect("an answer"), []);
}

async fn listed_by(source: &dyn domain::ports::Source, limit: usize) -> Vec<domain::artifact::ArtifactKey> {
    let (mut keys, mut cursor) = (Vec::new(), None);
    loop {
        let page = source.list(&Scope::Repository, cursor.as_ref(), limit).await;
        let page = page.expect("a page");
        keys.extend(page.keys);
        cursor = page.next;
        if cursor.is_none() {
            return keys;
        }
    }
}
