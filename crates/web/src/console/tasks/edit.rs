//! Making and changing a task: what was typed is kept until it is right.

use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use domain::cluster::ClusterType;
use domain::cron::CronExpression;
use domain::id::TaskKey;
use hosted::RepositoryFilter;
use maud::{Markup, html};
use messages::text;

use super::super::form::{Form, Typed};
use super::super::look::{ForAdmin, Look};
use super::super::run;
use super::super::shell::{Page, Section, crumbs};
use super::super::show::exact;
use super::super::surround::see_other;
use super::draft::{blank, of_task, read};
use super::fields::{Offers, form};
use super::{faults, objects};
use crate::app::App;
use crate::error::{ApiError, ApiResult};
use crate::params::{Params, Segments};

/// Repositories offered at most; any other can be typed.
const MOST_OFFERED: u64 = 500;
/// Firings that are shown.
const FIRINGS: usize = 5;

async fn offers(app: &App) -> ApiResult<Offers> {
    let mut clusters = app.engine().clusters(None, None).await?;
    clusters.retain(|cluster| cluster.cluster_type != ClusterType::Center);
    clusters.sort_by(|a, b| a.name.cmp(&b.name));
    let all = RepositoryFilter::default();
    let mut repositories = Vec::new();
    for project in app.hosted().projects().await? {
        let rest = MOST_OFFERED.saturating_sub(repositories.len() as u64);
        let found = app.hosted().repositories(&project.name, &all, 0, rest).await?;
        repositories.extend(found.into_iter().map(|repository| {
            (
                repository.name.to_string(),
                repository.repository_type.to_string(),
            )
        }));
        if repositories.len() as u64 >= MOST_OFFERED {
            break;
        }
    }
    repositories.sort_unstable();
    Ok(Offers {
        clusters,
        repositories,
    })
}

/// Shows the form, with `below` under it.
pub(super) async fn page(app: &App, look: &Look, typed: &Typed, below: Markup) -> ApiResult<Response> {
    let key = typed.values.filled("key");
    let title = look.say(if key.is_some() {
        text!("ui-edit-task")
    } else {
        text!("ui-new-task")
    });
    let action = key.map_or_else(|| "/tasks".into(), |key| format!("/tasks/{key}"));
    let body = html! {
        div .head { div { (crumbs(look, &[(&look.say(text!("ui-tasks")), "/tasks".into())])) h1 { (title) } } }
        (below)
        (form(look, typed, &offers(app).await?, &action, key))
    };
    Ok(Page {
        title,
        section: Section::Tasks,
        body,
    }
    .show_with(look, typed.status()))
}

/// Shows the form of a new task; a repository may be named in the query.
pub(super) async fn new(
    State(app): State<App>,
    ForAdmin(look): ForAdmin,
    params: Params,
) -> ApiResult<Response> {
    let mut pairs = blank().pairs().to_vec();
    pairs.extend(params.text("repository").map(|name| ("repository".into(), name)));
    page(&app, &look, &Typed::of(Params::from(pairs)), html! {}).await
}

/// Shows the form with one repository more, or one less, and all that was typed.
pub(super) async fn reshape(
    State(app): State<App>,
    ForAdmin(look): ForAdmin,
    Form(form): Form,
) -> ApiResult<Response> {
    let asked = form.get("repositories").unwrap_or_default();
    let removed = asked.strip_prefix("without-").and_then(|n| n.parse().ok());
    let reshaped = match (asked, removed) {
        ("more", _) => objects::with_one_more(&form),
        (_, Some(n)) => objects::without(&form, n),
        (other, None) => return Err(ApiError::invalid("repositories", other)),
    };
    page(&app, &look, &Typed::of(reshaped), html! {}).await
}

/// Makes a task and shows it.
pub(super) async fn create(
    State(app): State<App>,
    ForAdmin(look): ForAdmin,
    Form(form): Form,
) -> ApiResult<Response> {
    let mut typed = Typed::of(form);
    if let Some(draft) = read(&app, &look, &mut typed).await? {
        match app.engine().create_task(draft.clone(), look.user()).await {
            Ok(task) => return Ok(see_other(&run::task_path(&task.key))),
            Err(error) => faults::of_draft(&look, &mut typed, &draft, error)?,
        }
    }
    page(&app, &look, &typed, html! {}).await
}

/// Shows the form of a task.
pub(super) async fn edit(
    State(app): State<App>,
    ForAdmin(look): ForAdmin,
    Segments(key): Segments<TaskKey>,
) -> ApiResult<Response> {
    let task = app.engine().task(&key).await?;
    let mut pairs = of_task(&task, &look.zone).pairs().to_vec();
    pairs.push(("key".into(), key.to_string()));
    page(&app, &look, &Typed::of(Params::from(pairs)), html! {}).await
}

/// Changes a task and shows it.
pub(super) async fn update(
    State(app): State<App>,
    ForAdmin(look): ForAdmin,
    Segments(key): Segments<TaskKey>,
    Form(form): Form,
) -> ApiResult<Response> {
    let mut typed = Typed::of(form);
    if let Some(draft) = read(&app, &look, &mut typed).await? {
        let enabled = Some(draft.enabled);
        let replaced = app
            .engine()
            .replace_task(&key, draft.clone(), enabled, look.user());
        match replaced.await {
            Ok(()) => return Ok(see_other(&run::task_path(&key))),
            Err(error) => faults::of_draft(&look, &mut typed, &draft, error)?,
        }
    }
    page(&app, &look, &typed, html! {}).await
}

/// Shows when an expression fires next, or what is wrong with it: part of the form.
pub(super) async fn firings(State(app): State<App>, ForAdmin(look): ForAdmin, params: Params) -> Response {
    let text = params.get("cron").unwrap_or_default().trim();
    let shown = match text.parse::<CronExpression>() {
        _ if text.is_empty() => html! {},
        Err(error) => html! { p .field { span .wrong { (look.say(&error.reason)) } } },
        Ok(cron) => next_firings(&look, &app.engine().firings(&cron, FIRINGS)),
    };
    Html(shown.into_string()).into_response()
}

fn next_firings(look: &Look, times: &[i64]) -> Markup {
    html! {
        @if times.is_empty() { p .note.warn { (look.say(text!("ui-never-fires"))) } }
        @else {
            p .soft.small { (look.say(text!("ui-next-firings"))) }
            ol .tab.small { @for time in times { li { (exact(*time, &look.zone)) } } }
        }
    }
}
