//! Making a repository, and its project where there is none yet.

use axum::extract::State;
use axum::response::Response;
use domain::repository::RepositoryRef;
use hosted::{HostedError, NewProject, NewRepository};
use maud::html;
use messages::text;

use super::super::form::{Field, Form, Typed, csrf_field};
use super::super::look::{Look, Person};
use super::super::shell::{Page, Section, crumbs};
use super::super::surround::see_other;
use crate::app::App;
use crate::auth::Caller;
use crate::error::{ApiError, ApiResult};

/// Shows the form of a new repository.
pub(super) async fn new(State(app): State<App>, Person { look, caller }: Person) -> ApiResult<Response> {
    page(&app, &look, &caller, &Typed::default()).await
}

async fn page(app: &App, look: &Look, caller: &Caller, typed: &Typed) -> ApiResult<Response> {
    let mut projects = app.hosted().projects().await?;
    projects.retain(|project| caller.may_manage(&project.name));
    let field = |name, label, hint| Field {
        name,
        label: look.say(label),
        hint: Some(look.say(hint)),
    };
    let title = look.say(text!("ui-new-repository"));
    let body = html! {
        div .head { div { (crumbs(look, &[(&look.say(text!("ui-repositories")), "/repositories".into())])) h1 { (title) } } }
        (typed.summary(look))
        form .form method="post" action="/repositories/new" {
            (csrf_field(look))
            div .pair {
                (field("project", text!("ui-project"), text!("ui-project-hint")).show(typed, |field| html! {
                    input #project name="project" list="projects" value=(field.value) required autocomplete="off"
                        aria-invalid=[field.invalid] aria-describedby=[field.described];
                    datalist #projects { @for project in &projects { option value=(project.name) {} } }
                }))
                (field("name", text!("ui-name"), text!("ui-repository-name-hint")).input(typed, "text", true))
            }
            (field("description", text!("ui-description"), text!("ui-description-hint")).input(typed, "text", false))
            div .choice {
                input #public type="checkbox" name="public" value="on" checked[typed.is("public", "on")];
                label for="public" { b { (look.say(text!("ui-public"))) } span { (look.say(text!("ui-public-says"))) } }
            }
            div .actions {
                button .main type="submit" { (look.say(text!("ui-make"))) }
                a .button href="/repositories" { (look.say(text!("ui-cancel"))) }
            }
        }
    };
    Ok(Page {
        title,
        section: Section::Repositories,
        body,
    }
    .show_with(look, typed.status()))
}

/// Makes a repository of files and shows it; administrators may name a project that is not there yet.
pub(super) async fn create(
    State(app): State<App>,
    Person { look, caller }: Person,
    Form(form): Form,
) -> ApiResult<Response> {
    let mut typed = Typed::of(form);
    let project = typed.value("project").trim().to_owned();
    let name = RepositoryRef::new(&project, typed.value("name").trim());
    let made = make(&app, &caller, &typed, name.clone()).await?;
    let Err(error) = made else {
        return Ok(see_other(&format!(
            "/repositories/{}/{}",
            name.project, name.name
        )));
    };
    let field = match &error {
        HostedError::ProjectUnknown(_) | HostedError::ProjectExists(_) => "project",
        HostedError::Invalid { value, .. } if *value == project => "project",
        HostedError::Invalid { .. } | HostedError::RepositoryExists(_) => "name",
        _ => return Err(error.into()),
    };
    typed.fault(field, ApiError::from(error).message(look.language));
    page(&app, &look, &caller, &typed).await
}

async fn make(
    app: &App,
    caller: &Caller,
    typed: &Typed,
    name: RepositoryRef,
) -> ApiResult<Result<(), HostedError>> {
    let hosted = app.hosted();
    if hosted.project(&name.project).await?.is_none() {
        caller.need_admin()?;
        if let Err(error) = hosted
            .create_project(&NewProject::named(&name.project), &caller.name)
            .await
        {
            return Ok(Err(error));
        }
    }
    caller.need_manage(&name.project)?;
    let new = NewRepository {
        public: typed.is("public", "on"),
        description: typed.values.text("description"),
        ..NewRepository::generic(name)
    };
    Ok(hosted.create_repository(&new, &caller.name).await.map(|_| ()))
}
