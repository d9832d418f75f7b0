//! Notes of artifacts that are there: told by the native API and the console, and by the contract never.

use domain::detail::Settlement;
use domain::note::Note;
use serde_json::{Value, json};

use crate::pages::browser::Browser;
use crate::runs::{Run, copied, failed, file, package};
use crate::world::World;

const WHY: &str = r#"pads "wrongly" <script>alert(1)</script>"#;

fn noted(note: Note) -> Settlement {
    Settlement {
        notes: vec![note],
        ..copied()
    }
}

/// A run that copied one file as it is, one without its properties and a yanked version, and failed to copy another.
async fn run(world: &World) -> Run {
    let key = world.task_key("nightly").await;
    let run = world.start_run(&key).await;
    let unkept = Note::PropertiesUnkept { names: "team".into() };
    let rows = vec![
        file(0, "/a", copied()),
        file(0, "/b", noted(unkept)),
        file(1, "/a", failed()),
        package(2, "npm://left-pad", "1.0", noted(Note::yanked([], WHY))),
    ];
    world.settle(&run, rows).await;
    run
}

#[tokio::test]
async fn the_native_api_tells_notes_and_selects_by_them() {
    let world = World::start().await;
    let run = run(&world).await;
    let base = format!("/api/v1/records/{}", run.id);

    let record = world.get(&base).await.body;
    let page = world.get(&format!("{base}/details?noted=true")).await.body;
    let chinese = world.ask(axum::http::Method::GET, &format!("{base}/details?noted=true"));
    let chinese = chinese.header("accept-language", "zh-CN").send().await.body;
    let csv = world
        .get(&format!("{base}/details/export?as=csv&noted=true"))
        .await;
    let all = world.get(&format!("{base}/details/export?as=jsonl")).await;
    let bad = world.get(&format!("{base}/details?noted=perhaps")).await;
    let traced = "/api/v1/artifacts?project=demo&repository=files&artifact=/b";
    let traced = world.get(traced).await.body;

    assert_eq!(record["counts"]["noted"], 2);
    let notes: Vec<&Value> = page["details"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| &row["note"])
        .collect();
    let yanked = format!(
        "yanked at the source (\"{WHY}\"); the target cannot be told so, and offers it like any other version"
    );
    assert_eq!(
        notes,
        [
            &json!(yanked),
            &json!("the target keeps no such properties: team")
        ]
    );
    assert_eq!(chinese["details"][1]["note"], "目标不保存这些属性：team");
    let lines: Vec<&str> = csv.text.split("\r\n").collect();
    assert!(
        lines[0].ends_with(",note") && lines[2].ends_with(",the target keeps no such properties: team"),
        "{}",
        csv.text
    );
    let told = all.text.lines().map(|line| {
        let row: Value = serde_json::from_str(line).expect("JSON");
        row["note"].is_string()
    });
    assert_eq!(told.collect::<Vec<_>>(), [true, false, true, false]);
    assert!(
        bad.status == 400 && bad.body["detail"].as_str().unwrap_or_default().contains("true"),
        "{}",
        bad.text
    );
    assert_eq!(
        traced["attempts"][0]["note"],
        "the target keeps no such properties: team"
    );
    let sides = traced["sides"].as_array().expect("sides");
    let of_edge_1 = sides.iter().find(|side| side["cluster"] == "edge-1");
    assert_eq!(
        of_edge_1.expect("the side")["note"],
        "the target keeps no such properties: team"
    );
}

#[tokio::test]
async fn rows_of_the_contract_have_no_member_for_a_note() {
    let world = World::start().await;
    let run = run(&world).await;
    let path = format!("/replication/api/task/record/detail/page/{}", run.id);

    let rows = world.get(&path).await.ok()["records"].clone();

    let rows = rows.as_array().expect("rows");
    assert_eq!(rows.len(), 4);
    for row in rows {
        let members = row.as_object().expect("an object");
        assert!(!members.keys().any(|name| name.contains("note")), "{row}");
        let failed = row["status"] == "FAILED";
        assert_eq!(row["errorReason"].is_null(), !failed, "{row}");
    }
}

#[tokio::test]
async fn the_console_shows_notes_beside_what_arrived_and_finds_them() {
    let world = World::start().await;
    let run = run(&world).await;
    let mut browser = Browser::of_admin(&world).await;
    for (language, words) in [
        ("en", "the target keeps no such properties: team"),
        ("zh-CN", "目标不保存这些属性：team"),
        ("zh-TW", "目標不保存這些屬性：team"),
        ("ja", "複製先が保持しない属性：team"),
    ] {
        browser.language = language;
        let page = browser.open(&format!("/records/{}", run.id)).await.text;
        let artifact = browser
            .open("/artifact?repository=demo%2Ffiles&name=%2Fb")
            .await
            .text;

        assert!(page.contains(words), "{language}: {page}");
        assert!(artifact.contains(words), "{language}: {artifact}");
        assert!(
            page.contains(&format!("/records/{}?noted=true", run.id)),
            "{language}"
        );
    }
    browser.language = "en";
    let found = browser
        .open(&format!("/records/{}?noted=true", run.id))
        .await
        .text;
    assert!(
        found.contains("left-pad") && !found.contains("slow down\" after"),
        "{found}"
    );
    assert!(
        found.contains("&lt;script&gt;alert(1)") && !found.contains("<script>alert"),
        "{found}"
    );
    assert!(found.contains("2 with notes"), "{found}");
}
