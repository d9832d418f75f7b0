//! The clients people have push to a node and pull from it, and images go from node to node.

use std::path::Path;

use serde_json::Value;

use super::clients::{buildah, client, keeping};
use super::two::Two;

/// Lets podman, in a store of its own, pull `from` and push it as `to`; returns the digest it says it pushed.
fn podman_carries(home: &Path, host: &str, from: &str, to: &str) -> String {
    let podman = |arguments: &[&str]| keeping("podman", home, "podman", arguments);
    let digest = home.join("digest");
    let (from, to) = (
        format!("{host}/demo/images/{from}"),
        format!("{host}/demo/images/{to}"),
    );
    podman(&[
        "login",
        "--tls-verify=false",
        "--username",
        "admin",
        "--password",
        "secret",
        host,
    ]);
    podman(&["pull", "--quiet", "--tls-verify=false", &from]);
    podman(&[
        "push",
        "--quiet",
        "--tls-verify=false",
        "--digestfile",
        digest.to_str().expect("UTF-8"),
        &from,
        &to,
    ]);
    // What it pushed is what it pulls again.
    podman(&["rmi", "--force", &from]);
    podman(&["pull", "--quiet", "--tls-verify=false", &to]);
    std::fs::read_to_string(digest)
        .expect("it says so")
        .trim()
        .to_owned()
}

/// Builds an image of one file more than the image `from` with buildah and returns what it is called there.
fn built(home: &Path, name: &str, from: &str, bytes: &[u8]) -> String {
    let file = home.join(format!("{name}.bin"));
    std::fs::write(&file, bytes).expect("written");
    let container = buildah(home, &["from", from]);
    buildah(home, &["copy", &container, file.to_str().expect("UTF-8"), "/"]);
    buildah(home, &["config", "--label", &format!("of={name}"), &container]);
    buildah(home, &["commit", "--timestamp", "0", &container, name]);
    buildah(home, &["rm", &container]);
    format!("localhost/{name}")
}

fn digest_at(two: &Two, home: &Path, at: &str, image: &str) -> String {
    let url = if at == "hq" { &two.hq.url } else { &two.edge.url };
    let host = url.strip_prefix("http://").expect("plain http");
    let reference = format!("docker://{host}/demo/images/{image}");
    let arguments = [
        "inspect",
        "--tls-verify=false",
        "--creds",
        "admin:secret",
        "--format",
        "{{.Digest}}",
        &reference,
    ];
    client("skopeo", home, &arguments).trim().to_owned()
}

#[test]
fn what_buildah_and_skopeo_push_is_replicated_and_pulled_from_the_other_node_the_same() {
    let two = Two::start();
    let home = two.folder.path().join("home");
    std::fs::create_dir_all(&home).expect("made");
    let host = two.hq.url.strip_prefix("http://").expect("plain http").to_owned();
    two.ok(&["repo", "create", "demo/images", "--type", "DOCKER"]);
    two.ok(&["cluster", "add", "edge", &two.edge.url, "--username", "admin"]);

    // buildah logs in, then pushes two images that share a layer and a list of both, for two platforms.
    let login = [
        "login",
        "--tls-verify=false",
        "--username",
        "admin",
        "--password",
        "secret",
        &host,
    ];
    client("buildah", &home, &login);
    let noise: Vec<u8> = (0..3_000_000_u32)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    let base = built(&home, "base", "scratch", &noise[..1_000_000]);
    buildah(&home, &["manifest", "create", "list"]);
    for (name, architecture, bytes) in [("one", "amd64", &b"small"[..]), ("two", "arm64", &noise)] {
        let image = built(&home, name, &base, bytes);
        buildah(
            &home,
            &["manifest", "add", "--arch", architecture, "list", &image],
        );
        let to = format!("docker://{host}/demo/images/team/{name}:v1");
        buildah(&home, &["push", "--tls-verify=false", &image, &to]);
    }
    let to = format!("docker://{host}/demo/images/team/list:v1");
    buildah(
        &home,
        &["manifest", "push", "--all", "--tls-verify=false", "list", &to],
    );
    // skopeo copies within the registry, which mounts what is there.
    let reference = |image: &str| format!("docker://{host}/demo/images/{image}");
    let both = ["--src-tls-verify=false", "--dest-tls-verify=false"];
    let mut copy = vec!["copy", "--all"];
    copy.extend(both);
    let (from, to) = (reference("team/two:v1"), reference("copied:latest"));
    copy.extend([from.as_str(), to.as_str()]);
    client("skopeo", &home, &copy);

    two.ok(&[
        "task",
        "create",
        "images",
        "--project",
        "demo",
        "--repo",
        "images",
        "--type",
        "DOCKER",
        "--to",
        "edge",
        "--manual",
    ]);
    two.ok(&["task", "run", "images"]);
    let watched = two.said(&["record", "watch", "images"]);
    assert_eq!(watched.code, 0, "{}{}", watched.out, watched.err);

    let rows = two.json(&["record", "details", "images"]);
    let rows: Vec<&Value> = rows.as_array().expect("rows").iter().collect();
    assert_eq!(rows.len(), 4, "{rows:?}");
    for image in ["team/one:v1", "team/two:v1", "team/list:v1", "copied:latest"] {
        assert_eq!(
            digest_at(&two, &home, "hq", image),
            digest_at(&two, &home, "edge", image)
        );
    }
    // The edge gives what was pushed, byte for byte.
    let edge = two.edge.url.strip_prefix("http://").expect("plain http");
    let from = format!("docker://{edge}/demo/images/team/two:v1");
    let to = format!("dir:{}", home.join("pulled").display());
    client(
        "skopeo",
        &home,
        &[
            "copy",
            "--src-tls-verify=false",
            "--src-creds",
            "admin:secret",
            &from,
            &to,
        ],
    );
    let pushed = podman_carries(&home, edge, "team/one:v1", "by/podman:v1");
    assert_eq!(pushed, digest_at(&two, &home, "edge", "by/podman:v1"));
    // A second run has nothing to do.
    two.ok(&["task", "run", "images"]);
    two.said(&["record", "watch", "images"]);
    let shown = two.json(&["record", "list", "images"]);
    assert_eq!(shown.as_array().map(Vec::len), Some(2), "{shown}");
    let again = two.json(&["record", "show", "images"]);
    assert_eq!(again["record"]["counts"]["bytesMoved"], 0, "{again}");
}
