//! Section 7.6: what another bk-repo calls when it replicates to this node.

use axum::http::Method;
use serde_json::json;

use super::endpoint::{Endpoint, Expect, Needs, endpoint, get, post, put, refused};
use super::furnished::PUSHED;
use super::nodes::node_detail;
use super::projects::PROJECT;
use super::repositories::DETAIL;

fn form(fields: &[(&str, &str)], file: Option<&[u8]>) -> Vec<u8> {
    let mut form = Vec::new();
    if let Some(bytes) = file {
        form.extend(b"--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"\r\n\r\n");
        form.extend(bytes);
        form.extend(b"\r\n");
    }
    for (name, value) in fields {
        form.extend(
            format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes(),
        );
    }
    form.extend(b"--XX--\r\n");
    form
}

fn push() -> Endpoint {
    let sha256 = domain::digest::Digest::of(PUSHED).to_hex();
    post("/replication/replica/blob/push")
        .header("content-type", "multipart/form-data; boundary=XX")
        .bytes(form(&[("size", "6"), ("sha256", &sha256)], Some(PUSHED)))
        .with_bytes(
            "no file",
            form(&[("sha256", &sha256)], None),
            refused(400, 250_103),
        )
        .with_bytes(
            "no digest",
            form(&[("size", "6")], Some(PUSHED)),
            refused(400, 250_103),
        )
        .with_bytes(
            "another digest",
            form(&[("sha256", &"0".repeat(64))], Some(PUSHED)),
            refused(400, 251_003),
        )
        .with_bytes(
            "no digest at all",
            form(&[("sha256", "junk")], Some(PUSHED)),
            refused(400, 250_105),
        )
        .with_bytes(
            "another size",
            form(&[("size", "7"), ("sha256", &sha256)], Some(PUSHED)),
            refused(400, 251_031),
        )
        .with_bytes(
            "no size",
            form(&[("size", "many"), ("sha256", &sha256)], Some(PUSHED)),
            refused(400, 250_105),
        )
        .with_bytes(
            "half a form",
            b"--XX\r\nContent-Disp".to_vec(),
            refused(400, 250_106),
        )
        .with_header("content-type", "application/json", refused(415, 250_119))
}

fn uploads() -> Vec<Endpoint> {
    let of_session = |endpoint: Endpoint| {
        endpoint
            .bytes(PUSHED)
            .unknown("repoName", refused(404, 251_006))
            .unknown("uuid", refused(400, 251_201))
    };
    vec![
        post("/replication/replica/{projectId}/{repoName}/blobs/uploads")
            .query("sha256={sha256}")
            .answers_raw(202, "")
            .refuses("", 400, 250_103)
            .refuses("sha256=junk", 400, 250_105)
            .unknown("repoName", refused(404, 251_006)),
        of_session(endpoint(
            Method::PATCH,
            "/replication/replica/{projectId}/{repoName}/blobs/uploads/{uuid}",
        ))
        .header("content-range", "0-5")
        .answers_raw(202, "")
        .with_header("content-range", "3-8", Expect::Refused(416, 250_120))
        .with_header("content-range", "junk", Expect::Refused(416, 250_120)),
        of_session(put(
            "/replication/replica/{projectId}/{repoName}/blobs/uploads/{uuid}",
        ))
        .query("sha256={sentSha256}&size=6")
        .answers_raw(201, "")
        .refuses("sha256=junk", 400, 250_105),
    ]
}

pub fn endpoints() -> Vec<Endpoint> {
    let mut endpoints = vec![
        get("/replication/replica/ping").needs(Needs::User),
        get("/replication/replica/version").answers("text"),
        post("/replication/replica/project/create")
            .json(json!({ "name": "walked_{fresh}", "displayName": "Walked", "description": "" }))
            .required(&["name"])
            .answers(PROJECT)
            .also_body(json!({ "name": "demo" }), PROJECT)
            .refuses_body(json!({ "name": "1st" }), 400, 250_105),
        post("/replication/replica/repo/create")
            .json(json!({ "projectId": "demo", "name": "walked_{fresh}", "type": "GENERIC", "category": "LOCAL",
                "public": false, "description": "of a walk" }))
            .required(&["projectId", "name", "type"])
            .answers(DETAIL)
            .also_body(json!({ "name": "files" }), DETAIL)
            .refuses_body(json!({ "projectId": "nobody" }), 400, 251_004)
            .refuses_body(json!({ "type": "TAPE" }), 400, 250_106),
        get("/replication/replica/node/exist")
            .query("projectId=demo&repoName=files&fullPath=/img/logo.png")
            .answers("true")
            .also("projectId=demo&repoName=files&fullPath=/nothing", "false")
            .also("projectId=demo&repoName=nothing&fullPath=/img", "false")
            .also("projectId=demo&repoName=files&fullPath=/img/logo.png&deleted=true", "false")
            .refuses("projectId=demo&repoName=files", 400, 250_103)
            .refuses("projectId=demo&fullPath=/img", 400, 250_103)
            .refuses("repoName=files&fullPath=/img", 400, 250_103)
            .refuses("projectId=demo&repoName=files&fullPath=/../x", 400, 251_011),
        post("/replication/replica/node/exist/list")
            .json(json!({ "projectId": "demo", "repoName": "files", "fullPathList": ["/img/logo.png", "/nothing"] }))
            .required(&["projectId", "repoName", "fullPathList"])
            .answers("[text]")
            .also_body(json!({ "fullPathList": [] }), "[null]")
            .also_body(json!({ "repoName": "nothing" }), "[null]")
            .refuses_body(json!({ "fullPathList": ["/../x"] }), 400, 251_011),
        get("/replication/replica/blob/check")
            .query("sha256={sha256}&storageKey=&repoType=GENERIC")
            .answers("true")
            .also(&format!("sha256={}", "0".repeat(64)), "false")
            .refuses("", 400, 250_103)
            .refuses("sha256=junk", 400, 250_105),
        push(),
        post("/replication/replica/node/create")
            .json(json!({ "projectId": "demo", "repoName": "files", "fullPath": "/walked_{fresh}.bin", "folder": false,
                "overwrite": false, "size": 32, "sha256": "{sha256}", "md5": "", "nodeMetadata": [],
                "operator": "system" }))
            .required(&["projectId", "repoName", "fullPath", "sha256"])
            .lenient(&["size", "md5", "operator"])
            .answers(node_detail())
            .refuses_body(json!({ "repoName": "nothing" }), 404, 251_006)
            .also_body(json!({ "folder": true }), node_detail())
            .refuses_body(json!({ "sha256": "junk" }), 400, 250_105)
            .refuses_body(json!({ "sha256": "0".repeat(64) }), 404, 251_024)
            .refuses_body(json!({ "fullPath": "/../x" }), 400, 251_011)
            .refuses_body(json!({ "fullPath": "/img/logo.png" }), 400, 251_012),
        post("/replication/replica/permission/check")
            .waits()
            .json(json!({ "username": "stranger", "password": "stranger's", "projectId": "demo",
                "repoName": "files", "resourceType": "REPO", "action": "READ" }))
            .required(&["username", "password", "projectId", "action"])
            .lenient(&["repoName", "resourceType"])
            .answers("false")
            .also_body(json!({ "password": "wrong" }), "false")
            .refuses_body(json!({ "action": "DANCE" }), 400, 250_106),
        post("/replication/replica/blob/pull")
            .json(json!({ "sha256": "{sha256}" }))
            .required(&["sha256"])
            .answers_raw(200, "application/octet-stream")
            .refuses_body(json!({ "sha256": "junk" }), 400, 250_105)
            .refuses_body(json!({ "sha256": "0".repeat(64) }), 404, 251_024)
            .refuses_body(json!({ "range": { "start": 100_000, "end": 100_001 } }), 400, 250_105)
            .refuses_body(json!({ "range": { "start": 0 } }), 400, 250_106),
    ];
    endpoints.extend(uploads());
    endpoints
}
