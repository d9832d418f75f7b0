//! Section 10.1, behind the gateway's `auth`: what the console asks about people. Logging in itself is in `console`.

use super::endpoint::{Endpoint, Needs, data, get, post, refused};

const USER: &str = "{userId:text name:text email:text? phone:text? createdDate:date locked:flag admin:flag group:flag \
    asstUsers:[text] tenantId:text?}";

pub fn endpoints() -> Vec<Endpoint> {
    vec![
        get("/auth/api/user/rsa").needs(Needs::Nothing).answers("text"),
        post("/auth/api/user/login")
            .needs(Needs::Nothing)
            .header("content-type", "application/x-www-form-urlencoded")
            .bytes("uid=admin&token=bm8ga2V5")
            .good_is(refused(401, 250_114))
            .with_bytes("no user", "token=bm8ga2V5", refused(400, 250_103))
            .with_bytes("an empty user", "uid=&token=bm8ga2V5", refused(400, 250_103))
            .with_bytes("no token", "uid=admin", refused(400, 250_103))
            .with_bytes("nothing", "", refused(400, 250_103))
            .with_bytes("a hostile token", "uid=admin&token=%00%FF", refused(401, 250_114))
            .with_bytes("a body too long", "x".repeat(100_000), refused(413, 250_106))
            .with_header("content-type", "application/json", refused(415, 250_119))
            .with_header(
                "content-type",
                "multipart/form-data; boundary=x",
                refused(400, 250_106),
            ),
        post("/auth/api/user/logout")
            .needs(Needs::Nothing)
            .answers("true"),
        get("/auth/api/user/info")
            .needs(Needs::User)
            .answers("{userId:text displayName:text tenantId:text? timeZone:text?}"),
        get("/auth/api/user/userinfo/{uid}")
            .needs(Needs::Project)
            .answers(USER)
            .unknown("uid", refused(400, 250_108)),
        get("/auth/api/user/list")
            .needs(Needs::User)
            .answers("[{userId:text name:text}]"),
        get("/auth/api/user/admin/{projectId}")
            .needs(Needs::User)
            .answers("true")
            .unknown("projectId", data("true")),
    ]
}
