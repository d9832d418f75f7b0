//! What can be done with a task: run, stop, switch, copy, delete.

use axum::extract::State;
use axum::response::Response;
use domain::id::TaskKey;
use domain::task::Task;
use maud::html;
use messages::text;

use super::super::controls::Field;
use super::super::form::{Form, Typed, csrf_field};
use super::super::look::{ForAdmin, Look};
use super::super::removal::Removal;
use super::super::run;
use super::super::shell::{Page, Section, crumbs};
use super::super::show::count;
use super::super::surround::see_other;
use super::faults;
use crate::app::App;
use crate::error::ApiResult;
use crate::params::{Params, Segments};

/// Starts a run and shows it.
pub(super) async fn run(
    State(app): State<App>,
    ForAdmin(look): ForAdmin,
    Segments(key): Segments<TaskKey>,
    _: Form,
) -> ApiResult<Response> {
    let record = app.engine().start_task(&key, look.user()).await?;
    Ok(see_other(&format!("/records/{record}")))
}

/// Asks the run that goes on to stop.
pub(super) async fn stop(
    State(app): State<App>,
    ForAdmin(look): ForAdmin,
    Segments(key): Segments<TaskKey>,
    _: Form,
) -> ApiResult<Response> {
    app.engine().stop_run_of(&key, look.user()).await?;
    Ok(see_other(&run::task_path(&key)))
}

/// Switches a task on or off.
pub(super) async fn toggle(
    State(app): State<App>,
    ForAdmin(look): ForAdmin,
    Segments(key): Segments<TaskKey>,
    _: Form,
) -> ApiResult<Response> {
    app.engine().toggle_task(&key, look.user()).await?;
    Ok(see_other(&run::task_path(&key)))
}

/// Asks for the name of a copy.
pub(super) async fn ask_copy(
    State(app): State<App>,
    ForAdmin(look): ForAdmin,
    Segments(key): Segments<TaskKey>,
) -> ApiResult<Response> {
    let task = app.engine().task(&key).await?;
    let name = look.say(text!("ui-copy-name", name = &task.name));
    let typed = Typed::of(Params::from(vec![("name".into(), name)]));
    Ok(copy_page(&look, &task, &typed))
}

fn copy_page(look: &Look, task: &Task, typed: &Typed) -> Response {
    let name = Field {
        name: "name",
        label: look.say(text!("ui-name")),
        hint: Some(look.say(text!("ui-copy-hint"))),
    };
    let path = run::task_path(&task.key);
    let body = html! {
        div .head { div {
            (crumbs(look, &[(&look.say(text!("ui-tasks")), "/tasks".into()), (&task.name, path.clone())]))
            h1 { (look.say(text!("ui-copy-task"))) }
        } }
        (typed.summary(look))
        form .form method="post" action=(format!("{path}/copy")) {
            (csrf_field(look))
            (name.input(typed, "text", true))
            div .actions { button .main type="submit" { (look.say(text!("ui-copy"))) } a .button href=(path) { (look.say(text!("ui-cancel"))) } }
        }
    };
    let title = look.say(text!("ui-copy-task"));
    Page {
        title,
        section: Section::Tasks,
        body,
    }
    .show_with(look, typed.status())
}

/// Makes a copy, switched off.
pub(super) async fn copy(
    State(app): State<App>,
    ForAdmin(look): ForAdmin,
    Segments(key): Segments<TaskKey>,
    Form(form): Form,
) -> ApiResult<Response> {
    let name = form.get("name").unwrap_or_default();
    let task = app.engine().task(&key).await?;
    match app
        .engine()
        .copy_task(&key, name, task.description.clone(), look.user())
        .await
    {
        Ok(copy) => Ok(see_other(&run::task_path(&copy.key))),
        Err(error) => {
            let mut typed = Typed::of(form);
            faults::of_object(&look, &mut typed, 0, error)?;
            Ok(copy_page(&look, &task, &typed))
        }
    }
}

/// Says what goes with a task before it is deleted.
pub(super) async fn ask_delete(
    State(app): State<App>,
    ForAdmin(look): ForAdmin,
    Segments(key): Segments<TaskKey>,
) -> ApiResult<Response> {
    let task = app.engine().task(&key).await?;
    let path = run::task_path(&key);
    let runs = count(task.runs.unsigned_abs());
    let removal = Removal {
        section: Section::Tasks,
        list: (text!("ui-tasks"), "/tasks"),
        name: &task.name,
        path: &path,
        asks: text!("ui-delete-task", name = &task.name),
        says: text!("ui-delete-task-says", runs = runs),
        more: html! { p { (look.say(text!("ui-delete-task-keeps"))) } },
    };
    Ok(removal.ask(&look))
}

/// Deletes a task and its log.
pub(super) async fn delete(
    State(app): State<App>,
    ForAdmin(look): ForAdmin,
    Segments(key): Segments<TaskKey>,
    _: Form,
) -> ApiResult<Response> {
    app.engine().delete_task(&key, look.user()).await?;
    Ok(see_other("/tasks"))
}
