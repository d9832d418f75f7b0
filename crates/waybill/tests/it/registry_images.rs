//! Tasks of real nodes carry images from a registry elsewhere into a node, and from a node to a registry elsewhere;
//! files go to a bucket in the same way.

use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};
use testkit::contract::noise;
use testkit::images::Image;
use testkit::servers::{OciRegistry, S3Server, program, python_tool, run};

use crate::promises::world::{Node, PASSWORD};

const CREATE_TASK: &str = "/replication/api/task/create";

/// Returns the manifest of `reference` as skopeo has it.
async fn raw(reference: &str, login: Option<&str>) -> String {
    let mut skopeo = Command::new(program("skopeo"));
    skopeo.args(["inspect", "--raw", "--tls-verify=false"]);
    skopeo.args(login.into_iter().flat_map(|login| ["--creds", login]));
    run(skopeo.arg(format!("docker://{reference}"))).await
}

async fn make_project(node: &Node, project: &str) {
    let body = json!({ "name": project, "displayName": project, "description": "" });
    node.ok(Method::POST, "/repository/api/project/create", Some(body))
        .await;
}

/// Registers a registry elsewhere; returns the cluster's id.
async fn register(node: &Node, name: &str, url: &str, login: Option<(&str, &str)>) -> String {
    let (user, password) = login.unzip();
    let body = json!({ "name": name, "url": url, "type": "REMOTE", "username": user, "password": password });
    node.ok(Method::POST, "/replication/api/cluster/create", Some(body))
        .await;
    let path = format!("/replication/api/cluster/info?name={name}");
    let info = node.ok(Method::GET, &path, None).await;
    info["id"].as_str().expect("an id").into()
}

/// Makes a task and runs it; returns the rows of its record, which must be a success, as the native API shows them: the
/// contract has no digest for packages.
async fn carried(node: &Node, name: &str, cluster: &str, object: Value) -> Vec<Value> {
    let body = json!({ "name": name, "localProjectId": "shop", "replicaObjectType": "REPOSITORY",
        "replicaType": "RUN_ONCE", "setting": { "errorStrategy": "CONTINUE" }, "remoteClusterIds": [cluster],
        "replicaTaskObjects": [object] });
    let task = node.ok(Method::POST, CREATE_TASK, Some(body)).await;
    let id = node.execute(task["key"].as_str().expect("a key")).await;
    let record = node.ended(&id).await;
    assert_eq!(
        record["status"],
        "SUCCESS",
        "{record} {:?}",
        node.details(&id).await
    );
    let path = format!("/api/v1/records/{id}/details");
    let (_, page) = node.call(Method::GET, &path, None).await;
    page["details"].as_array().expect("rows").clone()
}

fn digest_of<'a>(rows: &'a [Value], version: &str) -> &'a Value {
    let row = rows.iter().find(|row| row["version"] == version);
    &row.expect("a row of that version")["sha256"]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn images_go_from_a_registry_into_a_node_and_from_there_to_another_registry_unchanged() {
    let (here, there) = (OciRegistry::start().await, OciRegistry::start().await);
    let shared = noise(300_000, 7);
    let index = Image::index(vec![
        ("linux/amd64", Image::of(&[&shared, b"amd"])),
        ("linux/arm64", Image::of(&[&shared, b"arm"])),
    ]);
    let signed = Image::of(&[b"signed"]);
    let signature = Image::artifact("application/vnd.example.signature").about(&signed);
    let list = Image::index(vec![("linux/amd64", signature)]);
    let tag_of_list = signed.digest().to_string().replace(':', "-");
    for (image, tag) in [(&index, "v1"), (&signed, "signed"), (&list, &tag_of_list)] {
        image.push(&here.server.url(), "team/app", tag).await;
    }
    let (first, second) = (Node::start("first").await, Node::start("second").await);
    make_project(&first, "shop").await;
    let upstream = json!({ "projectId": "shop", "name": "upstream", "type": "DOCKER", "category": "REMOTE",
        "configuration": { "type": "remote", "url": here.server.url() } });
    first
        .ok(Method::POST, "/repository/api/repo/create", Some(upstream))
        .await;
    let node = first.register("second", second.address).await;
    let hub = register(&second, "hub", &there.server.url(), None).await;

    let into = json!({ "localRepoName": "upstream", "repoType": "DOCKER", "remoteRepoName": "images" });
    let rows_in = carried(&first, "into a node", &node, into).await;
    let out = json!({ "localRepoName": "images", "repoType": "DOCKER", "remoteRepoName": "mirror" });
    let rows_out = carried(&second, "out of a node", &hub, out).await;

    let login = format!("admin:{PASSWORD}");
    for (image, tag) in [(&index, "v1"), (&signed, "signed")] {
        let at_source = raw(&format!("{}/team/app:{tag}", here.host()), None).await;
        let at_node = format!("{}/shop/images/team/app:{tag}", second.address);
        assert_eq!(raw(&at_node, Some(&login)).await, at_source, "{tag}");
        let at_target = format!("{}/mirror/team/app:{tag}", there.host());
        assert_eq!(raw(&at_target, None).await, at_source, "{tag}");
        // What is about an image is not covered by its digest, and the log names the image all the same.
        for rows in [&rows_in, &rows_out] {
            assert_eq!(*digest_of(rows, tag), json!(image.digest().to_hex()), "{tag}");
        }
    }
    let list_there = raw(&format!("{}/mirror/team/app:{tag_of_list}", there.host()), None).await;
    assert!(
        list_there.contains("application/vnd.example.signature"),
        "{list_there}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_a_node_go_to_a_bucket_and_a_second_run_moves_nothing() {
    let s3 = S3Server::moto().await;
    let node = Node::start("node").await;
    node.make_repository("shop", "files").await;
    for (path, bytes) in [("/a.txt", noise(1_000, 1)), ("/sub/b c.bin", noise(9_000_000, 2))] {
        node.upload("shop/files", path, bytes).await;
    }
    let url = format!("s3+{}/bucket1", s3.server.url());
    let bucket = register(&node, "bucket", &url, Some(("waybill", "a secret"))).await;
    let object =
        |prefix: &str| json!({ "localRepoName": "files", "repoType": "GENERIC", "remoteRepoName": prefix });

    let first = carried(&node, "to a bucket", &bucket, object("mirror")).await;
    let second = carried(&node, "to a bucket again", &bucket, object("mirror")).await;

    let count = |rows: &[Value], outcome: &str| rows.iter().filter(|row| row["outcome"] == outcome).count();
    assert_eq!((first.len(), count(&first, "copied")), (2, 2), "{first:?}");
    assert_eq!((second.len(), count(&second, "unchanged")), (2, 2), "{second:?}");
    // Read back without the node: what arrived is what was sent.
    let folder = tempfile::tempdir().expect("a folder");
    let from = format!("{}/mirror", url.replace("http://", "http://waybill@"));
    let mut copy = crate::support::waybill(&["copy", &from]);
    copy.arg(folder.path().join("out"))
        .env("WAYBILL_PASSWORD", "a secret");
    copy.arg("--state").arg(folder.path().join("state"));
    let said = tokio::task::spawn_blocking(move || crate::support::run(&mut copy)).await;
    let said = said.expect("it ends");
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let arrived = std::fs::read(folder.path().join("out/sub/b c.bin")).expect("it is there");
    assert!(arrived == noise(9_000_000, 2));
}

/// What the ORAS project's own client does with a file that is no image.
const ORAS: &str = r#"
import sys, oras.client
host, user, password, folder = sys.argv[1:]
client = oras.client.OrasClient(insecure=True, auth_backend="basic")
client.login(username=user, password=password, hostname=host)
target = host + "/shop/images/bom:v1"
client.push(target=target, files=[folder + "/bom.json"], disable_path_validation=True)
client.pull(target=target, outdir=folder + "/out")
print(client.get_tags(host + "/shop/images/bom"))
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oras_pushes_a_file_to_a_node_and_pulls_it_again() {
    let node = Node::start("node").await;
    make_project(&node, "shop").await;
    let images = json!({ "projectId": "shop", "name": "images", "type": "OCI", "category": "LOCAL" });
    node.ok(Method::POST, "/repository/api/repo/create", Some(images))
        .await;
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("bom.json"), "{\"of\":\"app\"}").expect("written");
    let mut python = Command::new(python_tool("python3"));
    python.args(["-c", ORAS, &node.address.to_string(), "admin", PASSWORD]);
    python
        .arg(folder.path())
        .env("HOME", folder.path())
        .env("NO_PROXY", "*");

    let said = run(&mut python).await;

    assert_eq!(said.trim().lines().last(), Some("['v1']"));
    let pulled = std::fs::read_to_string(folder.path().join("out/bom.json")).expect("it was pulled");
    assert_eq!(pulled, "{\"of\":\"app\"}");
}

/// A chart with its signature, pushed as helm pushes it (`helm push`: configuration, chart and provenance have types of
/// their own), and pulled again: `push` or `pull`, where, and the folder of the files.
const HELM: &str = r#"
import io, json, sys, tarfile, oras.client
what, host, name, folder = sys.argv[1:5]
client = oras.client.OrasClient(insecure=True, auth_backend="basic")
if sys.argv[5:]:
    client.login(username=sys.argv[5], password=sys.argv[6], hostname=host)
chart, config = folder + "/web-1.0.0.tgz", folder + "/config.json"
if what == "pull":
    client.pull(target=host + "/" + name, outdir=folder)
    print(sorted(tarfile.open(chart).getnames()))
    sys.exit()
meta = {"apiVersion": "v2", "name": "web", "version": "1.0.0"}
json.dump(meta, open(config, "w"))
with tarfile.open(chart, "w:gz") as archive:
    for path, text in [("web/Chart.yaml", json.dumps(meta)), ("web/templates/a.yaml", "kind: ConfigMap")]:
        entry = tarfile.TarInfo(path)
        entry.size = len(text)
        archive.addfile(entry, io.BytesIO(text.encode()))
open(chart + ".prov", "w").write("-----BEGIN PGP SIGNED MESSAGE-----")
client.push(target=host + "/" + name, disable_path_validation=True,
    files=[chart + ":application/vnd.cncf.helm.chart.content.v1.tar+gzip",
           chart + ".prov:application/vnd.cncf.helm.chart.provenance.v1.prov"],
    manifest_config=config + ":application/vnd.cncf.helm.config.v1+json")
"#;

/// Runs [`HELM`]; returns the last line it says.
async fn helm(folder: &std::path::Path, arguments: &[&str]) -> String {
    let (what, place) = (&arguments[..3], &arguments[3..]);
    let mut python = Command::new(python_tool("python3"));
    python.args(["-c", HELM]).args(what).arg(folder).args(place);
    let said = run(python.env("HOME", folder).env("NO_PROXY", "*")).await;
    said.trim().lines().last().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chart_that_was_pushed_to_a_node_is_pulled_from_another_registry_as_it_was() {
    let hub = OciRegistry::start().await;
    let node = Node::start("node").await;
    make_project(&node, "shop").await;
    let charts = json!({ "projectId": "shop", "name": "charts", "type": "OCI", "category": "LOCAL" });
    node.ok(Method::POST, "/repository/api/repo/create", Some(charts))
        .await;
    let cluster = register(&node, "hub", &hub.server.url(), None).await;
    let (pushed, pulled) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    let at_node = node.address.to_string();

    helm(
        pushed.path(),
        &["push", &at_node, "shop/charts/web:1.0.0", "admin", PASSWORD],
    )
    .await;
    let object = json!({ "localRepoName": "charts", "repoType": "OCI", "remoteRepoName": "mirror" });
    let rows = carried(&node, "a chart", &cluster, object).await;
    let names = helm(pulled.path(), &["pull", &hub.host(), "mirror/web:1.0.0"]).await;

    let login = format!("admin:{PASSWORD}");
    let manifest = raw(&format!("{at_node}/shop/charts/web:1.0.0"), Some(&login)).await;
    assert_eq!(
        raw(&format!("{}/mirror/web:1.0.0", hub.host()), None).await,
        manifest
    );
    let digest = domain::digest::Digest::of(manifest.as_bytes()).to_hex();
    assert_eq!(*digest_of(&rows, "1.0.0"), json!(digest));
    let manifest: Value = serde_json::from_str(&manifest).expect("JSON");
    let types = [
        &manifest["config"]["mediaType"],
        &manifest["layers"][0]["mediaType"],
        &manifest["layers"][1]["mediaType"],
    ];
    let helms = [
        "config.v1+json",
        "chart.content.v1.tar+gzip",
        "chart.provenance.v1.prov",
    ];
    let helms = helms.map(|kind| json!(format!("application/vnd.cncf.helm.{kind}")));
    assert_eq!(types, helms.each_ref());
    assert_eq!(names, "['web/Chart.yaml', 'web/templates/a.yaml']");
    for file in ["web-1.0.0.tgz", "web-1.0.0.tgz.prov"] {
        let read = |folder: &tempfile::TempDir| std::fs::read(folder.path().join(file)).expect("it is there");
        assert_eq!(read(&pulled), read(&pushed), "{file}");
    }
}
