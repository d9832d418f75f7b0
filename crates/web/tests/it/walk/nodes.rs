//! Section 8.3: files and folders.

use super::endpoint::{Endpoint, Needs, data, delete, get, refused};
use super::records::page;

/// Members a node has in lists and in detail.
const MEMBERS: &str = "createdBy:text createdDate:date lastModifiedBy:text lastModifiedDate:date \
    lastAccessDate:date? folder:flag path:text name:text fullPath:text size:int nodeNum:int? sha256:hex64? md5:hex32? \
    crc64ecma:digits? projectId:text repoName:text clusterNames:[text]? archived:flag? compressed:flag? \
    federatedSource:text?";

const PROPERTY: &str = "{key:text value:text system:flag description:text? link:text? color:text?}";

pub fn node() -> String {
    format!(
        "{{id:hex24 {MEMBERS} metadata:object? nodeMetadata:[{PROPERTY}]? copyFromCredentialsKey:text? \
         copyIntoCredentialsKey:text?}}"
    )
}

pub fn node_detail() -> String {
    format!(
        "{{nodeInfo:{} {MEMBERS} metadata:object nodeMetadata:[{PROPERTY}]}}",
        node()
    )
}

/// Adds what is said about project and repository everywhere below them.
pub fn in_repository(endpoint: Endpoint) -> Endpoint {
    endpoint
        .needs(Needs::Project)
        .unknown("projectId", refused(404, 251_006))
        .unknown("repoName", refused(404, 251_006))
}

pub fn endpoints() -> Vec<Endpoint> {
    let nowhere = || refused(400, 251_010);
    let listed = in_repository(get("/repository/api/node/page/{projectId}/{repoName}/{path}"));
    vec![
        in_repository(get("/repository/api/node/detail/{projectId}/{repoName}/{path}"))
            .answers(node_detail())
            .with("path", "img", data(node_detail()))
            .with("path", "img%2Flogo.png", data(node_detail()))
            .unknown("path", nowhere()),
        listed
            .answers(page(&node()))
            .also("pageNumber=0&pageSize=0", page(&node()))
            .also("pageNumber=-1&pageSize=100000", page(&node()))
            .also("pageNumber=2147483647", page(&node()))
            .refuses("pageNumber=x", 400, 250_131)
            .refuses("pageSize=x", 400, 250_131)
            .refuses("pageSize=-1", 400, 250_105)
            .refuses("pageSize=2147483648", 400, 250_105)
            .with("path", "", data(page(&node())))
            .also(
                "includeFolder=false&deep=true&includeMetadata=true&sort=true",
                page(&node()),
            )
            .also(
                "sortProperty=size&direction=DESC&sortProperty=name&direction=ASC",
                page(&node()),
            )
            .also("includeTotalRecords=false", page(&node()))
            .refuses("deep=maybe", 400, 250_131)
            .refuses("pageSize=100001", 400, 250_105)
            .refuses("sortProperty=colour", 400, 250_105),
        in_repository(get("/repository/api/node/size/{projectId}/{repoName}/{path}"))
            .answers("{subNodeCount:int subNodeWithoutFolderCount:int size:int}")
            .with(
                "path",
                "",
                data("{subNodeCount:int subNodeWithoutFolderCount:int size:int}"),
            )
            .unknown("path", nowhere()),
        in_repository(delete(
            "/repository/api/node/delete/{projectId}/{repoName}/{path}",
        ))
        .answers("{deletedNumber:int deletedSize:int deletedTime:date}")
        .with("path", "", refused(400, 250_112))
        .unknown("path", data("{deletedNumber:0 deletedSize:0 deletedTime:date}")),
    ]
}
