//! What a task replicates, as its form says it: several repositories, packages, versions.

use domain::id::TaskKey;
use domain::task::{PackageSelection, Scope, Task};
use serde_json::json;

use super::browser::{Browser, fields};
use crate::world::World;

async fn world() -> (World, String) {
    let world = World::start().await;
    for project in ["demo", "other"] {
        let project = json!({ "name": project, "displayName": project, "description": "" });
        world.post("/repository/api/project/create", project).await.ok();
    }
    for (project, name, kind) in [
        ("demo", "files", "GENERIC"),
        ("demo", "images", "DOCKER"),
        ("demo", "more", "DOCKER"),
        ("other", "files", "GENERIC"),
    ] {
        let repository = json!({ "projectId": project, "name": name, "type": kind });
        world.post("/repository/api/repo/create", repository).await.ok();
    }
    let cluster = world.cluster("edge-1", "STANDALONE").await;
    (world, cluster)
}

fn form<'a>(cluster: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![
        ("name", "nightly"),
        ("targets", cluster),
        ("trigger", "manual"),
        ("days", "7"),
        ("repository", "demo/files"),
        ("scope", "repository"),
    ];
    fields.retain(|(name, _)| !more.iter().any(|(given, _)| given == name));
    fields.extend_from_slice(more);
    fields
}

async fn made(world: &World, browser: &mut Browser<'_>, fields: &[(&str, &str)]) -> (String, Task) {
    let made = browser.send("/tasks", fields).await;
    let place = made.header("location").unwrap_or(&made.text).to_owned();
    assert!(place.starts_with("/tasks/"), "{place}");
    let key = TaskKey(place["/tasks/".len()..].into());
    (place, world.engine.task(&key).await.expect("the task"))
}

#[tokio::test]
async fn a_task_of_several_repositories_and_chosen_versions_is_made_and_edited_without_losing_anything() {
    let (world, cluster) = world().await;
    let mut browser = Browser::of_admin(&world).await;
    browser.open("/tasks/new").await;
    let several = [
        ("remote_project", "there"),
        ("repository-1", "demo/images"),
        ("include-1", "1.*\r\n\r\nsemver:>=2, <3 "),
        ("exclude-1", "regex:.*-rc.*"),
        ("newest-1", "5"),
        ("repository-2", "demo/more"),
        ("remote_repository-2", "elsewhere"),
    ];

    let (place, task) = made(&world, &mut browser, &form(&cluster, &several)).await;

    let told: Vec<String> = task
        .objects
        .iter()
        .map(|object| object.remote("demo").to_string())
        .collect();
    assert_eq!(told, ["there/files", "demo/images", "demo/elsewhere"]);
    let versions = &task.objects[1].choice.versions;
    assert_eq!(
        (
            format!("{:?}", versions.include),
            format!("{:?}", versions.exclude),
            versions.newest.map(usize::from)
        ),
        (
            r#"["1.*", "semver:>=2, <3"]"#.into(),
            r#"["regex:.*-rc.*"]"#.into(),
            Some(5)
        )
    );
    assert!(task.objects[0].choice.is_everything() && task.objects[2].choice.is_everything());
    let shown = browser.open(&place).await.text;
    assert!(
        shown.contains("versions 1.*, semver:&gt;=2, &lt;3") && shown.contains("the newest 5"),
        "{shown}"
    );

    // Sent back as it is, nothing changes.
    let page = browser.open(&format!("{place}/edit")).await.text;
    let sent = fields(&page);
    let sent: Vec<(&str, &str)> = sent
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let saved = browser.send_bare(&place, &sent).await;
    assert_eq!(saved.header("location"), Some(place.as_str()), "{}", saved.text);
    let now = world.engine.task(&task.key).await.expect("the task");
    assert_eq!(
        (now.objects, now.settings, now.targets),
        (task.objects, task.settings, task.targets)
    );
}

#[tokio::test]
async fn a_version_that_is_called_otherwise_there_is_made_and_edited_without_losing_its_names() {
    let (world, cluster) = world().await;
    let mut browser = Browser::of_admin(&world).await;
    browser.open("/tasks/new").await;
    let renamed = [
        ("repository", "demo/images"),
        ("scope", "packages"),
        ("packages", "docker://team/app 1.27"),
        ("target_versions", "stable  latest"),
    ];

    let (place, task) = made(&world, &mut browser, &form(&cluster, &renamed)).await;

    let package = PackageSelection {
        key: "docker://team/app".into(),
        versions: vec!["1.27".into()],
        target_versions: vec!["stable".into(), "latest".into()],
    };
    assert_eq!(task.objects[0].scope, Scope::Packages(vec![package]));
    let page = browser.open(&format!("{place}/edit")).await.text;
    assert!(page.contains("value=\"stable latest\""), "{page}");
    let two = [
        ("packages", "docker://team/app 1.27\ndocker://team/b 2"),
        renamed[0],
        renamed[1],
        renamed[3],
    ];
    let refused = browser.send("/tasks", &form(&cluster, &two)).await;
    assert_eq!(refused.status.as_u16(), 422);
    assert!(
        refused
            .text
            .contains("id=\"target_versions-says\"><p class=\"wrong\">"),
        "{}",
        refused.text
    );
}

#[tokio::test]
async fn a_repository_is_added_and_removed_without_a_script_and_what_was_typed_stays() {
    let (world, cluster) = world().await;
    let mut browser = Browser::of_admin(&world).await;
    browser.open("/tasks/new").await;
    let typed = form(&cluster, &[("repository-1", "demo/im"), ("newest-1", "many")]);

    let more = [typed.clone(), vec![("repositories", "more")]].concat();
    let more = browser.send("/tasks/form", &more).await;
    let fewer = [typed.clone(), vec![("repositories", "without-0")]].concat();
    let fewer = browser.send("/tasks/form", &fewer).await;
    let nonsense = [typed.clone(), vec![("repositories", "burn")]].concat();
    let nonsense = browser.send("/tasks/form", &nonsense).await;

    let of = |page: &str, name: &str| {
        let fields = fields(page).into_iter();
        fields
            .filter(|(found, _)| found == name)
            .map(|(_, value)| value)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (
            more.status.as_u16(),
            fewer.status.as_u16(),
            nonsense.status.as_u16()
        ),
        (200, 200, 400)
    );
    let all = [
        "name",
        "repository",
        "repository-1",
        "newest-1",
        "repository-2",
        "targets",
    ];
    assert_eq!(
        all.map(|name| of(&more.text, name).join(",")),
        ["nightly", "demo/files", "demo/im", "many", "", cluster.as_str()]
    );
    assert_eq!(of(&more.text, "repository-2"), [""]);
    assert_eq!(
        (
            of(&fewer.text, "repository"),
            of(&fewer.text, "newest"),
            of(&fewer.text, "repository-1")
        ),
        (vec!["demo/im".into()], vec!["many".into()], vec![])
    );
    let tasks = world.get("/api/v1/tasks").await.body;
    assert_eq!(tasks["tasks"], json!([]), "nothing was made of it");
}

#[tokio::test]
async fn what_is_wrong_with_a_repository_is_said_at_its_own_fields() {
    let (world, cluster) = world().await;
    let mut browser = Browser::of_admin(&world).await;
    browser.open("/tasks/new").await;
    for (wrong, at) in [
        (vec![("repository-1", "")], "repository-1"),
        (vec![("repository-1", "demo/none")], "repository-1"),
        (vec![("repository-1", "other/files")], "repository-1"),
        (vec![("repository-1", "demo/files")], "remote_repository-1"),
        (
            vec![("repository-1", "demo/images"), ("include-1", "semver:one")],
            "include-1",
        ),
        (
            vec![("repository-1", "demo/images"), ("exclude-1", "regex:(")],
            "exclude-1",
        ),
        (
            vec![("repository-1", "demo/images"), ("newest-1", "0")],
            "newest-1",
        ),
        (
            vec![("repository-1", "demo/images"), ("platforms-1", "linux/amd64")],
            "platforms-1",
        ),
        (
            vec![("repository-1", "demo/images"), ("platforms-1", "linux")],
            "platforms-1",
        ),
        (vec![("repository-1", "demo/images"), ("newest", "3")], "include"),
    ] {
        let refused = browser.send("/tasks", &form(&cluster, &wrong)).await;

        assert_eq!(refused.status.as_u16(), 422, "{wrong:?}: {}", refused.text);
        let said = format!("id=\"{at}-says\"><p class=\"wrong\">");
        assert!(refused.text.contains(&said), "{wrong:?}: {}", refused.text);
        assert_eq!(
            refused.text.matches("class=\"wrong\"").count(),
            1,
            "{wrong:?}: {}",
            refused.text
        );
    }
    let paths = [
        ("repository-1", "demo/more"),
        ("repository", "demo/images"),
        ("scope", "paths"),
        ("paths", "/x"),
    ];
    let refused = browser.send("/tasks", &form(&cluster, &paths)).await;
    assert!(
        refused.text.contains("are chosen in one repository"),
        "{}",
        refused.text
    );
}

#[tokio::test]
async fn a_task_is_saved_as_it_is_shown_to_the_second_and_to_the_blank() {
    let (world, cluster) = world().await;
    let plan = json!({ "executionStrategy": "SPECIFIED_TIME",
        "executionPlan": { "executeTime": "2027-07-25T05:00:42.007Z" } });
    let object = json!({ "localRepoName": "files", "repoType": "GENERIC",
        "pathConstraints": [{ "path": "/ends with a blank " }, { "path": "/\"quoted\"" }] });
    let body = json!({ "replicaObjectType": "PATH", "replicaTaskObjects": [object], "setting": plan });
    let task = crate::world::task_body("odd", &[&cluster], body);
    let made = world.post("/api/v1/tasks", task).await;
    let key = TaskKey(made.body["key"].as_str().expect(&made.text).into());
    let before = world.engine.task(&key).await.expect("the task");
    let mut browser = Browser::of_admin(&world).await;

    let page = browser.open(&format!("/tasks/{key}/edit")).await.text;
    let sent = fields(&page);
    let sent: Vec<(&str, &str)> = sent
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let saved = browser.send_bare(&format!("/tasks/{key}"), &sent).await;

    assert!(saved.header("location").is_some(), "{}", saved.text);
    let after = world.engine.task(&key).await.expect("the task");
    assert_eq!((after.objects, after.settings), (before.objects, before.settings));
}
