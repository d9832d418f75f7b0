//! Nothing a client sends breaks a handler.

use axum::http::{Method, Uri};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::world::{World, task_body};

const CASES: u32 = 300;

fn run<S: Strategy>(strategy: S, check: impl Fn(&World, &tokio::runtime::Runtime, S::Value) -> u16) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let world = runtime.block_on(World::start());
    let mut runner = TestRunner::new(ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let checked = runner.run(&strategy, |input| {
        let status = check(&world, &runtime, input);
        prop_assert!(status < 500, "answered {}", status);
        Ok(())
    });
    checked.expect("nothing breaks a handler");
}

#[test]
fn no_query_breaks_a_page() {
    let value = prop_oneof![any::<i64>().prop_map(|n| n.to_string()), "\\PC{0,12}"];
    let name = prop_oneof![
        Just("pageNumber"),
        Just("pageSize"),
        Just("status"),
        Just("path"),
        Just("packageName"),
        Just("version"),
        Just("artifactName"),
        Just("sortType"),
        Just("name"),
    ];
    let path = prop_oneof![
        Just("/replication/api/cluster/page"),
        Just("/replication/api/task/page/demo"),
        Just("/replication/api/task/record/page/k"),
        Just("/replication/api/task/record/detail/page/66a1c3f0d94e5b0012ab34cd"),
        Just("/api/v1/records/66a1c3f0d94e5b0012ab34cd/details"),
    ];
    let query = proptest::collection::vec((name, value), 0..4);
    run((path, query), |world, runtime, (path, query)| {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(query)
            .finish();
        runtime
            .block_on(world.get(&format!("{path}?{query}")))
            .status
            .as_u16()
    });
}

#[test]
fn no_path_breaks_the_router() {
    let segment = prop_oneof![
        "[a-z%.~0-9]{0,8}",
        "(%[0-9a-f]{2}){1,4}",
        Just("record".into()),
        Just("list".into())
    ];
    let path = proptest::collection::vec(segment, 0..5)
        .prop_map(|segments| format!("/replication/api/task/{}", segments.join("/")));
    run(path, |world, runtime, path| match path.parse::<Uri>() {
        Ok(_) => runtime.block_on(world.get(&path)).status.as_u16(),
        Err(_) => 400,
    });
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(json!("GENERIC")),
        Just(json!("PATH")),
        Just(json!("CRON_EXPRESSION")),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::vec((member(), inner), 0..4).prop_map(|members| {
                Value::Object(
                    members
                        .into_iter()
                        .map(|(name, value)| (name.to_owned(), value))
                        .collect(),
                )
            }),
        ]
    })
}

fn member() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec![
        "name",
        "localProjectId",
        "replicaObjectType",
        "replicaTaskObjects",
        "setting",
        "remoteClusterIds",
        "recordReserveDays",
        "enabled",
        "executionPlan",
        "executionStrategy",
        "executeTime",
        "cronExpression",
        "pathConstraints",
        "path",
        "repoType",
        "localRepoName",
        "rateLimit",
        "key",
        "record",
        "detail",
        "id",
    ])
}

#[test]
fn no_body_breaks_a_handler() {
    let path = prop_oneof![
        Just("/replication/api/task/create"),
        Just("/replication/api/task/update"),
        Just("/replication/api/task/copy"),
        Just("/replication/api/cluster/create"),
        Just("/replication/api/cluster/update"),
        Just("/replication/api/cluster/tryConnect"),
        Just("/api/v1/users"),
        Just("/api/v1/tokens"),
        Just("/api/v1/records/import"),
    ];
    let changed = (member(), any_json())
        .prop_map(|(member, value)| task_body("a task", &["x"], json!({ member: value })));
    let body = prop_oneof![any_json(), changed];
    run((path, body), |world, runtime, (path, body)| {
        let ask = world.ask(Method::POST, path).json(body);
        runtime.block_on(ask.send()).status.as_u16()
    });
}

#[test]
fn no_bytes_break_a_body() {
    let bytes = proptest::collection::vec(any::<u8>(), 0..64);
    run(bytes, |world, runtime, bytes| {
        let ask = world
            .ask(Method::POST, "/replication/api/task/create")
            .body(bytes);
        runtime.block_on(ask.send()).status.as_u16()
    });
}
