//! Section 7.4: event records.

use serde_json::json;

use super::endpoint::{Endpoint, data, delete, get, post};
use super::records::{EMPTY, page, paged};

const EVENT: &str = "{id:hex24 messageId:text eventType:NORMAL event:{type:NODE_CREATED projectId:text repoName:text \
    resourceKey:text userId:text data:object source:text? eventId:text topic:text?} taskKey:hex32 taskCompleted:flag \
    taskSucceeded:flag retryCount:int retrying:flag createdDate:date lastModifiedDate:date}";

pub fn endpoints() -> Vec<Endpoint> {
    vec![
        paged(get("/replication/api/replica/event/page"), EVENT)
            .answers(page(EVENT))
            .also(
                "eventType=NORMAL&taskCompleted=false&taskSucceeded=false",
                page(EVENT),
            )
            .also("eventType=FEDERATION", EMPTY)
            .also("taskKey=unknown", EMPTY)
            .also("taskSucceeded=true", EMPTY)
            .also("sortField=lastModifiedDate&sortDirection=asc", page(EVENT))
            .refuses("taskCompleted=maybe", 400, 250_131)
            .refuses("taskSucceeded=maybe", 400, 250_131),
        get("/replication/api/replica/event/{eventId}")
            .answers(EVENT)
            .unknown("eventId", data("null")),
        post("/replication/api/replica/event/retry")
            .json(json!({ "eventId": "{eventId}" }))
            .answers("flag")
            .also_body(json!({ "eventId": null }), "false")
            .also_body(json!({ "eventId": "unknown" }), "false")
            .also_body(json!({ "eventId": null, "taskKey": "unknown" }), "true"),
        delete("/replication/api/replica/event")
            .json(json!({ "eventId": "{eventId}" }))
            .answers("true")
            .also_body(json!({ "eventId": null }), "false")
            .also_body(json!({ "eventId": "unknown" }), "true")
            .also_body(json!({ "eventId": null, "taskKey": "unknown" }), "true"),
    ]
}
