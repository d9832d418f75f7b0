//! Waybill to Waybill over the protocol of bk-repo: real processes, our own serving side as the counterpart.

use serde_json::Value;

use super::support::{Served, run};
use super::two::Two;

/// Starts two nodes, beside a folder `files`.
fn two() -> Two {
    let two = Two::start();
    two.write("files/img/a b", [1; 3]);
    two.write("files/img/empty", "");
    two.write("files/img/large", noise(11_000_000));
    two
}

/// Bytes without a pattern a compressor or a gap could hide in.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}

fn spoken_to_as_bkrepo(served: &Served) -> String {
    served.url.replace("http://", "bkrepo+http://admin@") + "/demo/files"
}

#[test]
fn a_folder_goes_to_a_bk_repo_and_comes_back_the_same() {
    let two = two();
    let there = spoken_to_as_bkrepo(&two.edge);

    let first = two.json(&["copy", &two.path("files"), &there]);
    let second = two.json(&["copy", &two.path("files"), &there]);
    let back = two.json(&["copy", &there, &two.path("back")]);

    assert_eq!(
        (&first["counts"]["copied"], &first["counts"]["bytes_moved"]),
        (&3.into(), &11_000_003.into())
    );
    assert_eq!(
        (&second["counts"]["unchanged"], &second["counts"]["bytes_moved"]),
        (&3.into(), &0.into())
    );
    assert_eq!(back["counts"]["copied"], 3);
    for name in ["a b", "empty", "large"] {
        let read =
            |folder: &str| std::fs::read(two.path(&format!("{folder}/img/{name}"))).expect("it is there");
        assert!(read("files") == read("back"), "{name}");
    }
    let same = two.said(&["copy", &there, &there.replace("bkrepo+", "waybill+")]);
    assert_ne!(same.code, 0, "one repository under two names overlaps itself");
}

#[test]
fn a_task_replicates_to_a_cluster_that_is_a_bk_repo() {
    let two = two();
    let source = two.hq.url.replace("http://", "waybill+http://admin@") + "/demo/files";
    two.json(&["copy", &two.path("files"), &source]);
    let address = format!("bkrepo+{}", two.edge.url);
    let added = two.said(&["cluster", "add", "edge", &address, "--username", "admin"]);
    assert_eq!(added.code, 0, "{}{}", added.out, added.err);

    two.task("once", &[]);
    let mut moved = Vec::new();
    for _ in 0..2 {
        let watched = two.carried("once");
        assert_eq!(watched.code, 0, "{}{}", watched.out, watched.err);
        let record = two.json(&["record", "show", "once"]);
        moved.push(record["record"]["counts"]["bytesMoved"].clone());
    }

    assert_eq!(moved, [11_000_003.into(), 0.into()] as [Value; 2]);
}

#[test]
fn a_cluster_may_be_logged_in_to_with_a_platforms_keys() {
    let two = Two::start();
    let keys = ["--app-id", "ci", "--access-key", "0a1b"];
    let mut add = vec!["cluster", "add", "edge", &two.edge.url, "--username", "admin"];
    add.extend(keys);
    let said = |add: &[&str]| run(two.command(add).env("WAYBILL_CLUSTER_SECRET_KEY", "hush"));

    let unknown = said(&add);
    add.push("--no-test");
    let added = said(&add);
    let shown = two.json(&["cluster", "show", "edge"]);

    assert_ne!(unknown.code, 0, "nobody knows these keys there");
    assert_eq!(added.code, 0, "{}{}", added.out, added.err);
    assert_eq!(
        (&shown["appId"], &shown["accessKey"]),
        (&"ci".into(), &"0a1b".into())
    );
    assert!(shown.get("secretKey").is_none() && shown.get("password").is_none());
}
