//! Section 4: the six record endpoints.

use super::endpoint::{Endpoint, data, get, refused};

pub const RECORD: &str = "{id:hex24 taskKey:hex32 status:RUNNING|SUCCESS|FAILED startTime:date endTime:date? \
    errorReason:text? replicatedBytes:int? totalBytes:int? \
    replicaOverview:{success:int failed:int conflict:int fileSuccess:int fileFailed:int}?}";

const DETAIL: &str = "{id:hex24 recordId:hex24 localCluster:text remoteCluster:text localRepoName:text \
    repoType:GENERIC packageConstraint:{packageKey:text? versions:[text]? targetVersions:[text]? packageRegex:text? \
    versionRegex:text? deletedDate:text?}? pathConstraint:{path:text? pathRegex:text? deletedDate:text?}? \
    artifactName:text? version:text? conflictStrategy:SKIP|OVERWRITE|FAST_FAIL? size:int? sha256:hex64? \
    status:RUNNING|SUCCESS|FAILED progress:{success:int skip:int failed:int totalSize:int conflict:int \
    fileSuccess:int fileFailed:int} startTime:date endTime:date? errorReason:text? \
    executeType:DELTA|FULL|PARTIAL?}";

/// Returns the shape of a page of `rows`.
pub fn page(rows: &str) -> String {
    format!(
        "{{pageNumber:int pageSize:int totalRecords:int totalPages:int records:[{rows}] count:int page:int}}"
    )
}

/// A page without rows or totals.
pub const EMPTY: &str =
    "{pageNumber:int pageSize:int totalRecords:0 totalPages:0 records:[null] count:0 page:int}";

/// Adds what every page says about its numbers.
pub fn paged(endpoint: Endpoint, rows: &str) -> Endpoint {
    let mut endpoint = endpoint;
    for query in [
        "pageNumber=0&pageSize=0",
        "pageNumber=-1&pageSize=-5",
        "pageNumber=2147483647",
        "pageSize=99999",
    ] {
        endpoint = endpoint.also(query, page(rows));
    }
    for query in [
        "pageNumber=",
        "pageNumber=x",
        "pageSize=1.5",
        "pageSize=2147483648",
        "pageNumber=%00",
    ] {
        endpoint = endpoint.refuses(query, 400, 250_131);
    }
    endpoint
}

pub fn endpoints() -> Vec<Endpoint> {
    vec![
        get("/replication/api/task/record/{recordId}")
            .answers(format!(
                "{{replicaObjectType:REPOSITORY replicaType:SCHEDULED record:{RECORD}}}"
            ))
            .unknown("recordId", refused(400, 250_310))
            .with("recordId", "list", refused(400, 250_310))
            .with("recordId", "66a1c3f0d94e5b0012ab34cd", refused(400, 250_310)),
        get("/replication/api/task/record/list/{key}")
            .answers(format!("[{RECORD}]"))
            .unknown("key", data("[null]")),
        paged(get("/replication/api/task/record/page/{key}"), RECORD)
            .answers(page(RECORD))
            .also("status=FAILED&pageSize=1", page(RECORD))
            .also("status=", page(RECORD))
            .also("status=SUCCESS", EMPTY)
            .refuses("status=DONE", 400, 250_131)
            .refuses("status=failed", 400, 250_131)
            .unknown("key", data(EMPTY)),
        get("/replication/api/task/record/detail/list/{recordId}")
            .answers(format!("[{DETAIL}]"))
            .unknown("recordId", data("[null]")),
        paged(get("/replication/api/task/record/detail/page/{recordId}"), DETAIL)
            .answers(page(DETAIL))
            .also(
                "status=FAILED&path=/app&repoName=files&artifactName=/app/a&clusterName=",
                page(DETAIL),
            )
            .also("path=.*", EMPTY)
            .also("path=(", EMPTY)
            .also("version=1", EMPTY)
            .refuses("status=DONE", 400, 250_131)
            .unknown("recordId", data(EMPTY)),
        get("/replication/api/task/record/overview/{recordId}")
            .answers("{success:int failed:int conflict:int fileSuccess:int fileFailed:int}")
            .unknown("recordId", data("null")),
    ]
}
