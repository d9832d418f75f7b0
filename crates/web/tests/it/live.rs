//! Live events: what changed is told once, as it is then, and nothing is missed in between.

use std::time::Duration;

use axum::body::BodyDataStream;
use axum::http::{Method, Request};
use domain::record::RunEnd;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::runs::{copied, failed, file, reason};
use crate::world::World;

/// A test that waits longer than this hangs.
const HANG: Duration = Duration::from_secs(60);

/// A stream of events; time goes on whenever nothing comes.
struct Events<'a> {
    world: &'a World,
    body: BodyDataStream,
    rest: String,
}

#[derive(Debug)]
struct Told {
    id: Option<String>,
    name: String,
    data: Value,
}

impl<'a> Events<'a> {
    async fn open(world: &'a World, path: &str, last_id: Option<&str>) -> Self {
        let mut request = Request::get(path).header("authorization", world.login());
        if let Some(id) = last_id {
            request = request.header("last-event-id", id);
        }
        let request = request.body(axum::body::Body::empty()).expect("a request");
        let response = world.router.clone().oneshot(request).await.expect("an answer");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            world,
            body: response.into_body().into_data_stream(),
            rest: String::new(),
        }
    }

    /// Returns the next event; `None` at the end of the stream.
    async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some((event, rest)) = self.rest.split_once("\n\n") {
                let told = read(event);
                self.rest = rest.to_owned();
                match told {
                    Some(told) => return Some(told),
                    None => continue,
                }
            }
            let piece = tokio::time::timeout(HANG, self.piece())
                .await
                .expect("it does not hang")?;
            self.rest.push_str(std::str::from_utf8(&piece).expect("text"));
        }
    }

    async fn piece(&mut self) -> Option<bytes::Bytes> {
        loop {
            let clock = &self.world.clock;
            let sleeps = async {
                while clock.sleeping_until_ms().is_empty() {
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                biased;
                piece = self.body.next() => return piece.map(|piece| piece.expect("bytes")),
                () = sleeps => clock.advance_ms(500),
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

#[tokio::test]
async fn a_run_is_told_as_it_is_now_and_goes_on_behind_the_last_event() {
    let world = World::start().await;
    let key = world.task_key("nightly").await;
    let run = world.start_run(&key).await;
    let path = format!("/api/v1/events?record={}", run.id);
    let mut events = Events::open(&world, &path, None).await;

    let ready = events.next().await.expect("a greeting");
    for n in 0..5 {
        world
            .settle(&run, vec![file(0, &format!("/f/{n}"), copied())])
            .await;
    }
    let told = events.next().await.expect("the record");
    drop(events);
    world.settle(&run, vec![file(0, "/f/last", failed())]).await;
    world
        .end(&run, RunEnd::Complete { failed: 1 }, vec![reason()])
        .await;
    let mut again = Events::open(&world, &path, told.id.as_deref()).await;
    let greeted = again.next().await.expect("a greeting");
    let ended = again.next().await.expect("the record");

    assert_eq!((ready.name.as_str(), greeted.name.as_str()), ("ready", "ready"));
    assert_eq!(greeted.id, told.id);
    assert_eq!(told.name, "record");
    assert_eq!(
        (&told.data["counts"]["copied"], &told.data["status"]),
        (&json!(5), &json!("running"))
    );
    assert_eq!(
        (&ended.data["counts"]["failed"], &ended.data["status"]),
        (&json!(1), &json!("failed"))
    );
}

#[tokio::test]
async fn a_place_of_another_process_is_told_to_read_everything_again() {
    let world = World::start().await;

    for lost in ["000000000000.7", "nonsense"] {
        let mut events = Events::open(&world, "/api/v1/events", Some(lost)).await;
        let told = events.next().await.expect("an event");
        let id = told.id.expect("a place");
        let mut again = Events::open(&world, "/api/v1/events", Some(&id)).await;

        assert_eq!(told.name, "reset");
        assert_eq!(again.next().await.expect("an event").name, "ready");
    }
}

#[tokio::test]
async fn tasks_and_clusters_are_told_until_they_are_gone_and_the_stream_ends_with_the_node() {
    let world = World::start().await;
    let mut events = Events::open(&world, "/api/v1/events?topics=tasks,clusters", None).await;
    events.next().await.expect("a greeting");

    let cluster = world.cluster("edge-7", "EDGE").await;
    let made = events.next().await.expect("the cluster");
    let key = world.task("nightly", &[&cluster], json!({})).await["key"].clone();
    let saved = events.next().await.expect("the task");
    let path = format!("/replication/api/task/delete/{}", key.as_str().expect("a key"));
    world.delete(&path).await.ok();
    let gone = events.next().await.expect("the task");
    world.store.live().close();

    assert_eq!(
        (made.name.as_str(), &made.data["name"]),
        ("cluster", &json!("edge-7"))
    );
    assert_eq!(
        (saved.name.as_str(), &saved.data["freshness"]),
        ("task", &json!("waiting"))
    );
    assert_eq!(gone.data, json!({ "key": key, "gone": true }));
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn looks_at_clusters_and_calls_of_webhooks_are_told_to_who_wants_to_hear_of_them() {
    let world = World::start().await;
    world.cluster("edge-7", "EDGE").await;
    let body = json!({ "name": "ops", "url": "http://127.0.0.1:9/hook", "events": ["run.failed"] });
    let made = world.post("/api/v1/webhooks", body).await;
    let id = made.body["id"].as_str().expect("an id").to_owned();
    let mut clusters = Events::open(&world, "/api/v1/events?topics=clusters", None).await;
    let mut webhooks = Events::open(&world, "/api/v1/events?topics=webhooks", None).await;
    for events in [&mut clusters, &mut webhooks] {
        events.next().await.expect("a greeting");
    }

    world.engine.try_connect("edge-7").await.expect("it answers");
    let looked = clusters.next().await.expect("the cluster");
    let path = format!("/api/v1/webhooks/{id}");
    world.post(&format!("{path}/test"), json!({})).await;
    let called = webhooks.next().await.expect("the webhook");
    let log = world.get(&format!("{path}/deliveries")).await.body;
    world.delete(&path).await;
    let gone = webhooks.next().await.expect("the webhook");

    assert_eq!(
        (looked.name.as_str(), &looked.data["name"]),
        ("cluster", &json!("edge-7"))
    );
    assert_eq!(
        (called.name.as_str(), &called.data["name"]),
        ("webhook", &json!("ops"))
    );
    assert_eq!(
        log["deliveries"].as_array().map(Vec::len),
        Some(1),
        "told once it is in the log: {log}"
    );
    assert!(called.data.get("secret").is_none());
    assert_eq!(gone.data, json!({ "id": id, "gone": true }));
}

#[tokio::test]
async fn however_much_is_settled_a_record_is_told_twice_a_second_at_most() {
    let world = World::start().await;
    let key = world.task_key("nightly").await;
    let run = world.start_run(&key).await;
    let path = format!("/api/v1/events?record={}", run.id);
    let mut events = Events::open(&world, &path, None).await;
    let mut place = events.next().await.expect("a greeting").id;

    let begun_ms = world.store.now_ms();
    let settles = async {
        for n in 0..100 {
            let ten = (0..10).map(|m| file(0, &format!("/f/{n}/{m}"), copied()));
            world.settle(&run, ten.collect()).await;
        }
    };
    let listens = async {
        let mut told = 0;
        loop {
            // Time flies here: a stream ends after a quarter of an hour, and the browser comes back.
            let Some(event) = events.next().await else {
                events = Events::open(&world, &path, place.as_deref()).await;
                events.next().await.expect("a greeting");
                continue;
            };
            place = event.id.or(place);
            told += 1;
            if event.data["counts"]["copied"] == json!(1_000) {
                return told;
            }
        }
    };
    let ((), told) = tokio::join!(settles, listens);

    let lasted_ms = world.store.now_ms() - begun_ms;
    assert!(told * 500 <= lasted_ms + 500, "{told} events in {lasted_ms} ms");
}

#[tokio::test]
async fn a_stream_ends_after_a_quarter_of_an_hour_and_its_last_place_is_good_to_go_on() {
    let world = World::start().await;
    let key = world.task_key("nightly").await;
    let mut events = Events::open(&world, "/api/v1/events?topics=records", None).await;
    let place = events.next().await.expect("a greeting").id;
    let begun_ms = world.store.now_ms();

    assert!(events.next().await.is_none(), "nothing happened");
    assert!(world.store.now_ms() - begun_ms >= 15 * 60_000);

    let run = world.start_run(&key).await;
    let mut again = Events::open(&world, "/api/v1/events?topics=records", place.as_deref()).await;
    assert_eq!(again.next().await.expect("a greeting").name, "ready");
    let told = again.next().await.expect("the record");
    assert_eq!(told.data["id"], run.id.to_string());
}

#[tokio::test]
async fn more_streams_than_there_are_places_for_are_told_to_come_back() {
    let world = World::start().await;
    let mut streams = Vec::new();
    for _ in 0..256 {
        streams.push(Events::open(&world, "/api/v1/events", None).await);
    }

    let refused = world.get("/api/v1/events").await;
    streams.pop();
    let next = Events::open(&world, "/api/v1/events", None).await;

    assert_eq!(
        (refused.status.as_u16(), refused.header("retry-after")),
        (429, Some("30"))
    );
    drop(next);
}

#[tokio::test]
async fn only_administrators_look_on_and_topics_have_names() {
    let world = World::start().await;

    let anonymous = world.ask(Method::GET, "/api/v1/events").anonymous().send().await;
    let unknown = world.get("/api/v1/events?topics=records,files").await;
    let no_id = world.get("/api/v1/events?record=x").await;

    assert_eq!(anonymous.status, 401);
    assert_eq!(unknown.status, 400);
    assert!(
        unknown.body["detail"]
            .as_str()
            .expect("words")
            .contains("clusters")
    );
    assert_eq!(no_id.status, 404);
}
