//! Waybill to Waybill over the protocol of bk-repo: real processes, our own serving side as the counterpart.

use std::process::Command;

use serde_json::Value;

use super::support::{Said, Served, run, waybill};

struct Two {
    folder: tempfile::TempDir,
    hq: Served,
    edge: Served,
}

impl Two {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (hq, edge) = (folder.path().join("hq"), folder.path().join("edge"));
        let files = folder.path().join("files/img");
        std::fs::create_dir_all(&files).expect("made");
        for (name, bytes) in [
            ("a b", vec![1; 3]),
            ("empty", vec![]),
            ("large", noise(11_000_000)),
        ] {
            std::fs::write(files.join(name), bytes).expect("written");
        }
        Self {
            hq: Served::node("hq", &hq),
            edge: Served::node("edge", &edge),
            folder,
        }
    }

    fn said(&self, arguments: &[&str]) -> Said {
        let mut command: Command = waybill(arguments);
        command
            .env("WAYBILL_SERVER", &self.hq.url)
            .env("WAYBILL_PASSWORD", "secret")
            .env("WAYBILL_CLUSTER_PASSWORD", "secret")
            .env("WAYBILL_CLUSTER_SECRET_KEY", "hush")
            .env("XDG_STATE_HOME", self.folder.path().join("state"));
        run(&mut command)
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let mut all = arguments.to_vec();
        all.extend(["--output", "json"]);
        let said = self.said(&all);
        assert_eq!(said.code, 0, "{arguments:?}: {}{}", said.out, said.err);
        serde_json::from_str(&said.out).unwrap_or_default()
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().expect("UTF-8").to_owned()
    }
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
    let two = Two::start();
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
    let two = Two::start();
    let source = two.hq.url.replace("http://", "waybill+http://admin@") + "/demo/files";
    two.json(&["copy", &two.path("files"), &source]);
    let address = format!("bkrepo+{}", two.edge.url);
    let added = two.said(&["cluster", "add", "edge", &address, "--username", "admin"]);
    assert_eq!(added.code, 0, "{}{}", added.out, added.err);

    let task = [
        "task",
        "create",
        "once",
        "--project",
        "demo",
        "--repo",
        "files",
        "--to",
        "edge",
        "--manual",
    ];
    assert_eq!(two.said(&task).code, 0);
    let mut moved = Vec::new();
    for _ in 0..2 {
        assert_eq!(two.said(&["task", "run", "once"]).code, 0);
        let watched = two.said(&["record", "watch", "once"]);
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

    let unknown = two.said(&add);
    add.push("--no-test");
    let added = two.said(&add);
    let shown = two.json(&["cluster", "show", "edge"]);

    assert_ne!(unknown.code, 0, "nobody knows these keys there");
    assert_eq!(added.code, 0, "{}{}", added.out, added.err);
    assert_eq!(
        (&shown["appId"], &shown["accessKey"]),
        (&"ci".into(), &"0a1b".into())
    );
    assert!(shown.get("secretKey").is_none() && shown.get("password").is_none());
}
