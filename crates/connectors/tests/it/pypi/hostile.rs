//! Pages that are none, or that mean harm: a project fails by its name, the rest goes on.

use domain::failure::ErrorKind;
use domain::task::Scope;
use serde_json::json;
use testkit::contract::packages::PackageWorld;
use testkit::fault_proxy::{Fault, FaultProxy, Rule};

use super::world::{Pypi, at, made};

fn answer(media_type: &str, body: impl Into<String>) -> Fault {
    Fault::Answer {
        status: 200,
        headers: vec![("Content-Type".into(), media_type.into())],
        body: body.into(),
    }
}

const JSON: &str = "application/vnd.pypi.simple.v1+json";

#[tokio::test]
async fn a_page_or_a_file_that_is_none_fails_alone_and_says_why() {
    let pypi = Pypi::start().await;
    let (good, bad) = (made("six", "1.0.0", 100, 1), made("left-pad", "1.0.0", 100, 2));
    pypi.hold(&good).await;
    pypi.hold(&bad).await;
    let proxy = FaultProxy::to(pypi.pypiserver.server.address()).await;
    let file = |file: serde_json::Value| answer(JSON, json!({"files": [file]}).to_string());
    let named = |url: &str| file(json!({"filename": "left_pad-1.0.0.zip", "url": url, "hashes": {}}));
    for (page, words) in [
        (answer("text/html", ""), "no page of the simple API"),
        (answer("text/html", "Please log in"), "no page of the simple API"),
        (answer(JSON, "{}"), "no page of a project"),
        (answer(JSON, r#"{"files":[{}]}"#), "has no name"),
        (answer(JSON, r#"{"name":"six","files":[]}"#), "another project"),
        (
            answer(JSON, r#"{"meta":{"api-version":"7.0"},"files":[]}"#),
            "later version",
        ),
        (
            file(json!({"filename": "left_pad-1.0.0.zip", "url": "x", "hashes": {"sha256": "no"}})),
            "sha256",
        ),
        (named("file:///etc/passwd"), "without TLS"),
        (named("http://169.254.169.254/latest"), "address rules"),
        (named("http://127.0.0.1:1/left_pad-1.0.0.zip"), "no connection"),
    ] {
        proxy.clear();
        proxy.add(Rule::on("GET", "/simple/left-pad/", page.clone()));
        let source = at(&proxy.url()).source;

        let listed = source.list(&Scope::Repository, None, 10).await.expect("a page");
        let described = source.describe(&listed.keys).await.expect("an answer");

        assert_eq!(listed.keys.len(), 2, "{page:?}");
        assert_eq!(listed.keys[0].name, "pypi://left-pad");
        assert!(described[1].is_ok(), "{page:?}: {described:?}");
        let error = described[0].as_ref().expect_err("it is bad");
        assert!(error.to_string().contains(words), "{page:?}: {error}");
        assert!(error.to_string().contains("left-pad"), "{page:?}: {error}");
    }
}

#[tokio::test]
async fn names_that_lead_elsewhere_are_never_asked_for() {
    let pypi = Pypi::start().await;
    let proxy = FaultProxy::to(pypi.pypiserver.server.address()).await;
    let index =
        "<html><a href='../../etc/'>..</a><a href='/simple/%2e%2e%2f/'>x</a><a href='six/'>six</a></html>";
    proxy.add(Rule::on("GET", "/simple/", answer("text/html", index)));
    let links = "<html><a href='/packages/..%2f..%2fsix-1.0.tar.gz'>x</a><a href='six-1.0.tar.gz%00'>x</a>\
                 <a href='six-1.0%22.zip'>x</a><a href='six-1.1.zip#sha256=00'>x</a></html>";
    proxy.add(Rule::on("GET", "/simple/six/", answer("text/html", links)));
    let source = at(&proxy.url()).source;

    let listed = source.list(&Scope::Repository, None, 10).await.expect("a page");
    let described = source.describe(&listed.keys).await.expect("an answer");

    let shown: Vec<String> = listed.keys.iter().map(ToString::to_string).collect();
    assert_eq!(shown[shown.len() - 1], "pypi://six 1.1", "{shown:?}");
    assert!(
        shown.iter().all(|key| !key.contains("..") && !key.contains('%')),
        "{shown:?}"
    );
    let error = described[described.len() - 1]
        .as_ref()
        .expect_err("its sum is none");
    assert_eq!(error.kind, ErrorKind::Protocol);
    assert!(
        proxy
            .seen()
            .iter()
            .all(|seen| seen.path == "/simple/" || seen.path.starts_with("/simple/"))
    );
}
