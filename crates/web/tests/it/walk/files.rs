//! Section 8.1: files.

use serde_json::json;

use super::endpoint::{Endpoint, Expect, Needs, data, delete, get, post, put, refused};
use super::nodes::{in_repository, node_detail};

/// Section 8.2: uploads in blocks.
pub fn blocks() -> Vec<Endpoint> {
    let of_upload = |endpoint: Endpoint| {
        in_repository(endpoint)
            .header("x-bkrepo-upload-id", "{uploadId}")
            .with_header("x-bkrepo-upload-id", "", refused(400, 251_213))
            .with_header("x-bkrepo-upload-id", "unknown", refused(400, 251_201))
    };
    vec![
        put("/generic/{projectId}/{repoName}/blocks.bin")
            .needs(Needs::Project)
            .bytes(b"block")
            .header("x-bkrepo-upload-id", "{uploadId}")
            .header("x-bkrepo-sequence", "2"),
        in_repository(post("/generic/block/{projectId}/{repoName}/{path}"))
            .header("x-bkrepo-overwrite", "true")
            .answers("{uploadId:hex32 expireSeconds:int}")
            .with_header("x-bkrepo-overwrite", "false", refused(400, 251_012)),
        of_upload(get("/generic/block/{projectId}/{repoName}/blocks.bin"))
            .answers("[{size:int sha256:hex64 sequence:int}]"),
        of_upload(put("/generic/block/{projectId}/{repoName}/blocks.bin")),
        of_upload(delete("/generic/block/{projectId}/{repoName}/blocks.bin")),
    ]
}

/// Section 8.1: many files as one archive.
pub fn archives() -> Vec<Endpoint> {
    let archive = |endpoint: Endpoint| {
        in_repository(endpoint)
            .json(json!({ "paths": ["/img/logo.png", "/app"] }))
            .required(&["paths"])
            .answers_raw(200, "application/zip")
            .refuses_body(json!({ "paths": ["/nothing"] }), 404, 251_010)
            .refuses_body(json!({ "paths": ["/../x"] }), 400, 251_011)
    };
    vec![
        archive(get("/generic/batch/{projectId}/{repoName}")),
        archive(post("/generic/batch/{projectId}/{repoName}")),
    ]
}

pub fn endpoints() -> Vec<Endpoint> {
    let bytes = |status| Expect::Raw(status, "image/png");
    vec![
        in_repository(put("/generic/{projectId}/{repoName}/{path}"))
            .bytes(b"walked")
            .header("x-bkrepo-overwrite", "true")
            .answers(node_detail())
            .with("path", "new/file.bin", data(node_detail()))
            .with("path", "img", refused(400, 251_013))
            .with("path", "img/logo.png/below", refused(400, 251_013))
            .with_header("x-bkrepo-overwrite", "false", refused(400, 251_012))
            .with_header("x-bkrepo-overwrite", "junk", refused(400, 251_012))
            .with_header("x-bkrepo-sha256", &"0".repeat(64), refused(400, 251_003))
            .with_header("x-bkrepo-md5", &"0".repeat(32), refused(400, 251_003))
            .with_header("x-bkrepo-crc64ecma", "1", refused(400, 251_003))
            .with_header("x-bkrepo-expires", "junk", data(node_detail()))
            .with_header("x-bkrepo-meta", "!", data(node_detail()))
            .with_header("x-bkrepo-meta-colour", "%E7%BA%A2", data(node_detail()))
            .with_headers(
                &[("x-bkrepo-upload-id", "{uploadId}"), ("x-bkrepo-sequence", "0")],
                refused(400, 250_105),
            )
            .with_headers(
                &[("x-bkrepo-upload-id", "unknown"), ("x-bkrepo-sequence", "1")],
                refused(400, 251_201),
            ),
        in_repository(get("/generic/{projectId}/{repoName}/{path}"))
            .answers_raw(200, "image/png")
            .with("path", "img%2Flogo.png", bytes(200))
            .with_header("range", "bytes=0-1", bytes(206))
            .with_header("range", "bytes=-2", bytes(206))
            .with_header("range", "bytes=2-1", refused(416, 250_120))
            .with_header("range", "bytes=0-1,3-4", refused(416, 250_120))
            .with_header("range", "bytes=100000-", refused(416, 250_120))
            .with_header("range", "junk", refused(416, 250_120))
            .with("path", "img", Expect::Raw(200, "text/html"))
            .unknown("path", refused(404, 251_010)),
        in_repository(delete("/generic/{projectId}/{repoName}/{path}"))
            .with("path", "img", refused(400, 251_009))
            .unknown("path", refused(404, 251_010)),
        in_repository(get("/generic/detail/{projectId}/{repoName}/{path}"))
            .answers(node_detail())
            .unknown("path", refused(404, 251_010)),
    ]
}
