//! Looking at a cluster now, and removing one.

use axum::extract::State;
use axum::response::Response;
use engine::error::EngineError;
use maud::html;
use messages::text;

use super::super::form::Form;
use super::super::look::ForAdmin;
use super::super::removal::Removal;
use super::super::shell::Section;
use super::super::surround::see_other;
use super::view::{cluster, task_table};
use crate::app::App;
use crate::error::ApiResult;
use crate::params::Segments;

/// Asks a cluster whether it answers, and shows what that found.
pub(super) async fn check(
    State(app): State<App>,
    _: ForAdmin,
    Segments(id): Segments<String>,
    _: Form,
) -> ApiResult<Response> {
    let cluster = cluster(&app, &id).await?;
    match app.engine().try_connect(&cluster.name).await {
        // What was found is noted, and the page says it.
        Ok(()) | Err(EngineError::ClusterUnreachable { .. }) => Ok(see_other(&format!("/clusters/{id}"))),
        Err(error) => Err(error.into()),
    }
}

/// Says what no longer works without a cluster before it is removed.
pub(super) async fn ask_delete(
    State(app): State<App>,
    ForAdmin(look): ForAdmin,
    Segments(id): Segments<String>,
) -> ApiResult<Response> {
    let cluster = cluster(&app, &id).await?;
    let tasks = app.engine().tasks_to(cluster.id).await?;
    let path = format!("/clusters/{id}");
    let removal = Removal {
        section: Section::Clusters,
        list: (text!("ui-clusters"), "/clusters"),
        name: &cluster.name,
        path: &path,
        asks: text!("ui-delete-cluster", name = &cluster.name),
        says: text!("ui-delete-cluster-says"),
        more: html! {
            @if !tasks.is_empty() {
                section .panel { header { h2 { (look.say(text!("ui-tasks-will-fail"))) } } (task_table(&look, &tasks)) }
            }
        },
    };
    Ok(removal.ask(&look))
}

/// Removes a cluster.
pub(super) async fn delete(
    State(app): State<App>,
    _: ForAdmin,
    Segments(id): Segments<String>,
    _: Form,
) -> ApiResult<Response> {
    app.engine().delete_cluster(&id).await?;
    Ok(see_other("/clusters"))
}
