//! WebDAV to WebDAV, and curl as the client.

use std::process::Command;

use serde_json::Value;
use testkit::servers::{DavServer, run as run_client};

use crate::support::{Said, run, waybill};

async fn copy(state: &std::path::Path, from: &str, to: &str) -> Value {
    let mut command = waybill(&["copy", from, to, "--output", "json", "--state"]);
    command.arg(state);
    let said: Said = tokio::task::spawn_blocking(move || run(&mut command))
        .await
        .expect("it ran");
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let answer: Value = serde_json::from_str(&said.out).expect("JSON");
    answer["counts"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_travels_from_one_webdav_server_to_another_and_a_second_copy_moves_nothing() {
    let (source, target) = (DavServer::nginx().await, DavServer::wsgidav().await);
    let state = tempfile::tempdir().expect("a folder");
    let large = vec![7; 1_000_000];
    for (path, bytes) in [
        ("/a.txt", b"abc".as_slice()),
        ("/sub/é b.bin", &large),
        ("/sub/empty", b""),
    ] {
        source.hold(path, bytes);
    }
    let from = format!("dav+{}/", source.server.url());
    let to = format!("dav+{}/new/mirror", target.server.url());

    let first = copy(state.path(), &from, &to).await;
    let second = copy(state.path(), &from, &to).await;

    assert_eq!(
        (&first["copied"], &first["bytes_moved"]),
        (&3.into(), &1_000_003.into()),
        "{first}"
    );
    assert_eq!(
        (&second["unchanged"], &second["bytes_moved"]),
        (&3.into(), &0.into()),
        "{second}"
    );
    assert_eq!(target.bytes_at("/new/mirror/sub/é b.bin"), Some(large));
    let mut curl = Command::new("curl");
    curl.args([
        "--silent",
        "--fail",
        &format!("{}/new/mirror/a.txt", target.server.url()),
    ]);
    assert_eq!(run_client(&mut curl).await, "abc");
}
