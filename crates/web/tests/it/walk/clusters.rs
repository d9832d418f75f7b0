//! Section 6: clusters.

use serde_json::json;

use super::endpoint::{Endpoint, data, delete, get, post, refused};
use super::records::{EMPTY, page, paged};

const CLUSTER: &str = "{id:hex24 name:text status:HEALTHY|UNHEALTHY errorReason:text? \
    type:CENTER|EDGE|STANDALONE|REMOTE url:text username:text? certificate:text? appId:text? accessKey:text? \
    udpPort:int? createdBy:text extension:null createdDate:date lastModifiedBy:text lastModifiedDate:date \
    detectType:PING|REPORT? lastReportTime:date?}";

pub fn endpoints() -> Vec<Endpoint> {
    vec![
        get("/replication/api/cluster/info/{clusterId}")
            .answers(CLUSTER)
            .unknown("clusterId", data("null")),
        get("/replication/api/cluster/info")
            .query("name=edge-1")
            .answers(CLUSTER)
            .also("name=nobody", "null")
            .also("name=", "null")
            .refuses("", 400, 250_103),
        get("/replication/api/cluster/info/center").answers(CLUSTER),
        get("/replication/api/cluster/list/edge").answers(format!("[{CLUSTER}]")),
        get("/replication/api/cluster/list")
            .answers(format!("[{CLUSTER}]"))
            .also("name=edge&type=EDGE", format!("[{CLUSTER}]"))
            .also("name=.*", "[null]")
            .refuses("type=NEITHER", 400, 250_105),
        paged(get("/replication/api/cluster/page"), CLUSTER)
            .answers(page(CLUSTER))
            .also("name=edge&type=EDGE", page(CLUSTER))
            .also("name=.*", EMPTY)
            .refuses("type=NEITHER", 400, 250_131),
        get("/replication/api/cluster/exist")
            .query("name=edge-1")
            .answers("true")
            .also("name=nobody", "false")
            .refuses("", 400, 250_103),
        post("/replication/api/cluster/create")
            .waits()
            .json(
                json!({ "name": "walked_{fresh}", "url": "http://walked.example:1", "type": "STANDALONE",
                "username": "admin", "password": "p", "certificate": "", "appId": "", "accessKey": "",
                "secretKey": "", "udpPort": 1, "ping": true, "detectType": "PING" }),
            )
            .required(&["name", "url", "type"])
            .refuses_body(json!({ "name": " " }), 400, 250_104)
            .refuses_body(json!({ "url": " " }), 400, 250_104)
            .refuses_body(json!({ "name": "x" }), 400, 250_105)
            .refuses_body(json!({ "name": "x".repeat(257) }), 400, 250_105)
            .refuses_body(json!({ "url": "ftp://walked.example" }), 400, 250_105)
            .refuses_body(json!({ "url": "http://walked.example\r\nX: 1" }), 400, 250_105)
            .refuses_body(json!({ "name": "edge-1" }), 400, 250_305)
            .refuses_body(json!({ "type": "CENTER" }), 400, 250_309)
            .refuses_body(json!({ "type": "NEITHER" }), 400, 250_106)
            .refuses_body(json!({ "name": "silent" }), 400, 250_301),
        post("/replication/api/cluster/update")
            .json(
                json!({ "name": "edge-1", "url": "http://walked.example:1", "type": "STANDALONE",
                "username": "admin", "password": "p", "udpPort": "1" }),
            )
            .required(&["name"])
            .required_as("url", 250_103)
            .lenient(&["type", "udpPort"])
            .answers(CLUSTER)
            .refuses_body(json!({ "url": " " }), 400, 250_104)
            .refuses_body(json!({ "udpPort": {} }), 400, 250_106)
            .refuses_body(json!({ "name": "nobody" }), 400, 250_306),
        delete("/replication/api/cluster/delete/{clusterId}").unknown("clusterId", refused(400, 250_306)),
        get("/replication/api/cluster/tryConnect")
            .query("name=edge-1")
            .refuses("name=nobody", 400, 250_306)
            .refuses("", 400, 250_103),
        post("/replication/api/cluster/tryConnect")
            .query("name=edge-1")
            .refuses("name=nobody", 400, 250_306)
            .refuses("", 400, 250_103),
    ]
}
