//! A node that has one of everything an endpoint can name.

use std::collections::HashMap;

use axum::http::Method;
use domain::clock::Clock;
use domain::cluster::Secret;
use domain::digest::Digest;
use domain::failure::ErrorKind;
use domain::record::RunEnd;
use serde_json::{Value, json};
use storage::users::Role;

use crate::platforms::{header, platform};
use crate::runs::{copied, failed, file, reason};
use crate::world::World;

/// The blob of the upload session that stands open.
pub const PUSHED: &[u8] = b"pushed";

/// A world and the names of what is in it.
pub struct Furnished {
    pub world: World,
    /// Values of path variables.
    pub names: HashMap<&'static str, String>,
    /// What a platform sends as `Authorization`.
    pub platform: String,
}

impl Furnished {
    pub async fn new() -> Self {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let world = World::start().await;
        let body = json!({ "name": "demo", "displayName": "Demo", "description": "" });
        world.post("/repository/api/project/create", body).await.ok();
        for name in ["files", "empty"] {
            let body = json!({ "projectId": "demo", "name": name, "type": "GENERIC" });
            world.post("/repository/api/repo/create", body).await.ok();
        }
        let cluster = world.cluster("edge-1", "STANDALONE").await;
        world.cluster("edge-2", "EDGE").await;
        world.cluster("hq", "CENTER").await;
        let live = json!({ "replicaType": "REAL_TIME", "setting": {} });
        world.task("live", &[&cluster], live).await;
        for path in ["img/logo.png", "app/a.txt"] {
            let path = format!("/generic/demo/files/{path}");
            world.ask(Method::PUT, &path).body(path.clone()).send().await.ok();
        }
        let task = world.task("nightly", &[&cluster], json!({})).await;
        let key = task["key"].as_str().expect("a key").to_owned();
        let run = world.start_run(&key).await;
        let rows = vec![
            file(0, "/img/logo.png", copied()),
            file(0, "/app/a.txt", failed()),
        ];
        world.settle(&run, rows).await;
        world.clock.advance_ms(1_000);
        world
            .end(&run, RunEnd::Complete { failed: 1 }, vec![reason()])
            .await;
        let fresh = world.task("fresh", &[&cluster], json!({})).await;
        let disabled = world
            .task("disabled", &[&cluster], json!({ "enabled": false }))
            .await;
        let failures = world.get("/replication/api/replica/failure/page").await.ok();
        let events = world.get("/replication/api/replica/event/page").await.ok();
        let logo = world.get("/generic/detail/demo/files/img/logo.png").await.ok();
        let upload = world
            .ask(Method::POST, "/generic/block/demo/files/blocks.bin")
            .send()
            .await
            .ok();
        let upload = text(&upload["uploadId"]);
        let part = world
            .ask(Method::PUT, "/generic/demo/files/blocks.bin")
            .header("x-bkrepo-upload-id", &upload);
        part.header("x-bkrepo-sequence", "1")
            .body("block")
            .send()
            .await
            .ok();
        let sent = Digest::of(PUSHED).to_hex();
        let start = format!("/replication/replica/demo/files/blobs/uploads?sha256={sent}");
        let session = world.ask(Method::POST, &start).send().await;
        let session = session.header("push-session-id").expect("a session").to_owned();
        let distributions = json!({ "configs": [
            { "name": "by_address", "registry": "http://walked.example:1", "username": "admin", "password": "p",
                "pathConstraints": [{ "path": "/img" }] },
        ] });
        world
            .post(
                "/replication/api/remote/distribution/create/demo/files",
                distributions,
            )
            .await
            .ok();
        let once = json!({ "name": "once", "clusterId": cluster, "pathConstraints": ["/img"] });
        world
            .post(
                "/replication/api/remote/distribution/create/runOnceTask/demo/files",
                once,
            )
            .await
            .ok();
        world.greeter.fails("silent", ErrorKind::Unreachable);
        let users = world.store.users();
        users
            .create("stranger", &Secret::new("stranger's"), &Role::None)
            .await
            .expect("a user");
        let names = HashMap::from([
            ("projectId", "demo".into()),
            ("repoName", "files".into()),
            ("path", "img/logo.png".into()),
            ("key", key),
            ("recordId", run.id.to_string()),
            ("clusterId", cluster),
            ("freshKey", text(&fresh["key"])),
            ("disabledKey", text(&disabled["key"])),
            ("failureId", text(&failures["records"][0]["id"])),
            ("eventId", text(&events["records"][0]["id"])),
            ("uploadId", upload),
            ("sha256", text(&logo["sha256"])),
            ("sentSha256", sent),
            ("uuid", session),
            ("uid", "admin".into()),
            ("name", "by_address".into()),
            ("pageNumber", "1".into()),
            ("pageSize", "20".into()),
            ("type", "GENERIC".into()),
        ]);
        let platform = header(&platform(&world).await);
        Self {
            world,
            names,
            platform,
        }
    }

    /// Lets time pass as soon as somebody waits for it, and carries every run that waits; never ends.
    pub async fn carry_on(&self) {
        let passing = async || -> () {
            loop {
                if let Some(until_ms) = self.world.clock.sleeping_until_ms().first() {
                    self.world
                        .clock
                        .advance_ms(until_ms - Clock::now_ms(&*self.world.clock));
                }
                tokio::task::yield_now().await;
            }
        };
        let carrying = async || -> () {
            loop {
                let run = self.world.claim().await;
                self.world
                    .settle(&run, vec![file(0, "/app/a.txt", copied())])
                    .await;
                self.world
                    .end(&run, RunEnd::Complete { failed: 0 }, Vec::new())
                    .await;
            }
        };
        let ((), ()) = tokio::join!(passing(), carrying());
    }

    /// Writes the values of variables into a text.
    pub fn filled(&self, text: &str) -> String {
        let names = self.names.iter();
        names.fold(text.to_owned(), |text, (name, value)| {
            text.replace(&format!("{{{name}}}"), value)
        })
    }
}
