//! Section 7.3: failure records.

use serde_json::json;

use super::endpoint::{Endpoint, data, delete, get, post};
use super::records::{EMPTY, page, paged};

const FAILURE: &str = "{id:hex24 taskKey:hex32 remoteClusterId:hex24? projectId:text repoName:text \
    remoteProjectId:text? remoteRepoName:text? failureType:PATH|PACKAGE|REPOSITORY packageConstraint:object? \
    pathConstraint:{path:text pathRegex:text? deletedDate:text?}? failureReason:text? retryCount:int retrying:flag \
    createdDate:date lastModifiedDate:date}";

pub fn endpoints() -> Vec<Endpoint> {
    vec![
        paged(get("/replication/api/replica/failure/page"), FAILURE)
            .answers(page(FAILURE))
            .also(
                "taskKey={key}&projectId=demo&repoName=files&failureType=PATH&retrying=false",
                page(FAILURE),
            )
            .also("maxRetryCount=0", EMPTY)
            .also("sortField=createdDate&sortDirection=asc", page(FAILURE))
            .also("sortField=retryCount&sortDirection=junk", page(FAILURE))
            .also("taskKey=unknown", EMPTY)
            .refuses("failureType=NEITHER", 400, 250_131)
            .refuses("retrying=maybe", 400, 250_131)
            .refuses("maxRetryCount=many", 400, 250_131),
        get("/replication/api/replica/failure/{failureId}")
            .answers(FAILURE)
            .unknown("failureId", data("null")),
        delete("/replication/api/replica/failure/delete")
            .json(json!({ "ids": ["{failureId}"] }))
            .answers("int")
            .also_body(json!({ "ids": ["unknown"] }), "0")
            .refuses_body(json!({ "ids": null }), 400, 250_103)
            .refuses_body(
                json!({ "ids": ["{failureId}"], "maxRetryCount": "many" }),
                400,
                250_106,
            ),
        post("/replication/api/replica/failure/retry")
            .json(json!({ "id": "{failureId}" }))
            .required(&["id"])
            .waits()
            .answers("flag")
            .refuses_body(json!({ "id": "unknown" }), 400, 250_325),
    ]
}
