//! Live events of a real node: whoever follows them is right again after a restart, whichever way the node went.

use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::promises::world::{HANG_GUARD, Node};

/// What a stream told.
#[derive(Debug)]
struct Told {
    id: Option<String>,
    name: String,
    data: Value,
}

/// A client that follows the events of a node.
struct Follower {
    answer: Response,
    rest: String,
}

impl Follower {
    async fn open(node: &Node, last_id: Option<&str>) -> Self {
        let mut request = node.request(Method::GET, "/api/v1/events?topics=records");
        if let Some(id) = last_id {
            request = request.header("Last-Event-ID", id);
        }
        let answer = request.send().await.expect("the node answers");
        assert_eq!(answer.status(), 200);
        Self {
            answer,
            rest: String::new(),
        }
    }

    /// Returns the next event; `None` once the stream has ended, in whatever way.
    async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some((event, rest)) = self.rest.split_once("\n\n") {
                let told = read(event);
                self.rest = rest.to_owned();
                if told.is_some() {
                    return told;
                }
                continue;
            }
            let piece = tokio::time::timeout(HANG_GUARD, self.answer.chunk()).await;
            let piece = piece.expect("it says that it lives").ok()??;
            self.rest.push_str(std::str::from_utf8(&piece).expect("text"));
        }
    }

    /// Returns the first event of which `is_it` holds.
    async fn until(&mut self, is_it: impl Fn(&Told) -> bool) -> Told {
        loop {
            let told = self.next().await.expect("the stream goes on");
            if is_it(&told) {
                return told;
            }
        }
    }
}

fn read(event: &str) -> Option<Told> {
    let of = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
    Some(Told {
        id: of("id: ").map(String::from),
        name: of("event: ")?.into(),
        data: serde_json::from_str(of("data: ")?).expect("JSON"),
    })
}

fn is_of<'a>(record: &'a str, status: &'a str) -> impl Fn(&Told) -> bool + 'a {
    move |told| told.data["id"] == record && told.data["status"] == status
}

/// Follows a run through a restart of its node in the middle of it; `goodbye` ends the process.
async fn right_again_after(goodbye: &str) {
    let (mut centre, edge) = tokio::join!(Node::start("centre"), Node::start("edge"));
    let cluster = centre.register("edge", edge.address).await;
    centre.make_repository("demo", "files").await;
    for n in 0..20_u8 {
        let path = format!("/{n}");
        centre.upload("demo/files", &path, vec![n; 50_000]).await;
    }
    let setting = json!({ "conflictStrategy": "SKIP", "errorStrategy": "CONTINUE", "rateLimit": 500_000,
        "automaticCreateRemoteRepo": true });
    let task = centre.make_task("slow", "demo/files", &[cluster], setting).await;

    let mut follower = Follower::open(&centre, None).await;
    assert_eq!(follower.next().await.expect("a greeting").name, "ready");
    let record = centre.execute(&task).await;
    let told = follower.until(is_of(&record, "running")).await;
    match goodbye {
        "TERM" => centre.end().await,
        _ => centre.kill().await,
    }
    while follower.next().await.is_some() {}
    centre.start_again().await;

    // What a browser does: it comes back with the place it knew, reads everything again and listens on.
    let mut follower = Follower::open(&centre, told.id.as_deref()).await;
    let again = follower.next().await.expect("a greeting");
    assert_eq!(
        again.name, "reset",
        "a place of the process before is not taken for one of this"
    );
    let path = format!("/api/v1/records/{record}");
    let (_, mut shown) = centre.call(Method::GET, &path, None).await;
    if shown["endedAt"].is_null() {
        shown = follower.until(is_of(&record, "succeeded")).await.data;
    }
    assert_eq!(
        (&shown["status"], &shown["counts"]["copied"]),
        (&json!("succeeded"), &json!(20))
    );

    let second = centre.execute(&task).await;
    let told = follower.until(is_of(&second, "succeeded")).await;
    assert_eq!(told.data["counts"]["unchanged"], 20);
    let mut third = Follower::open(&centre, again.id.as_deref()).await;
    assert_eq!(
        third.next().await.expect("a greeting").name,
        "ready",
        "its place is good to go on"
    );
    assert_eq!(third.until(is_of(&second, "succeeded")).await.data, told.data);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_follows_events_is_right_again_after_the_node_was_stopped_and_started() {
    right_again_after("TERM").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_follows_events_is_right_again_after_the_node_was_killed_and_started() {
    right_again_after("KILL").await;
}
