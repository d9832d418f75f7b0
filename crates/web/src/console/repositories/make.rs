//! Making a repository, kept here or standing for a registry elsewhere, and its project where there is none yet.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::response::Response;
use connectors::registry::connectors;
use domain::cluster::Secret;
use domain::repository::{RepositoryRef, RepositoryType};
use engine::clusters::{checked_pairing, checked_registry_url};
use engine::error::EngineError;
use hosted::{FOREIGN, ForeignPlace, Hosted, HostedError, NewProject, NewRepository, Project};
use maud::{Markup, html};
use messages::{Text, text};

use super::super::controls::{Field, check, choices};
use super::super::form::{Form, Typed, csrf_field};
use super::super::look::{Look, Person};
use super::super::shell::{Page, Section, crumbs};
use super::super::surround::see_other;
use crate::app::App;
use crate::artifacts::{KEPT_TYPES, default_configuration};
use crate::auth::Caller;
use crate::error::{ApiError, ApiResult};
use crate::params::Params;
use crate::refusals::words;

/// Shows the form of a new repository.
pub(super) async fn new(State(app): State<App>, Person { look, caller }: Person) -> ApiResult<Response> {
    let typed = Typed::of(Params::from(vec![
        ("place".into(), "here".into()),
        ("type".into(), "GENERIC".into()),
    ]));
    page(&app, &look, &caller, &typed).await
}

async fn page(app: &App, look: &Look, caller: &Caller, typed: &Typed) -> ApiResult<Response> {
    let mut projects = app.hosted().projects().await?;
    projects.retain(|project| caller.may_manage(&project.name));
    let title = look.say(text!("ui-new-repository"));
    let body = html! {
        div .head { div { (crumbs(look, &[(&look.say(text!("ui-repositories")), "/repositories".into())])) h1 { (title) } } }
        (typed.summary(look))
        form .form method="post" action="/repositories/new" {
            (csrf_field(look))
            (names(look, typed, &projects))
            (choices(look, typed, "place", text!("ui-place"), &[
                ("here", text!("ui-place-here"), text!("ui-place-here-says")),
                ("elsewhere", text!("ui-place-elsewhere"), text!("ui-place-elsewhere-says")),
            ]))
            (field(look, "type", text!("ui-kind"), text!("ui-type-hint", kept = KEPT_TYPES.join(", "))).select(typed, &types()))
            div .stack data-for="place=elsewhere" { (registry(look, typed)) }
            (check(look, typed, "public", text!("ui-public"), text!("ui-public-says")))
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

fn field<'a>(look: &Look, name: &'a str, label: Text, hint: Text) -> Field<'a> {
    Field {
        name,
        label: look.say(label),
        hint: Some(look.say(hint)),
    }
}

fn names(look: &Look, typed: &Typed, projects: &[Project]) -> Markup {
    html! {
        div .pair {
            (field(look, "project", text!("ui-project"), text!("ui-project-hint")).show(typed, |field| html! {
                input #project name="project" list="projects" value=(field.value) required autocomplete="off"
                    aria-invalid=[field.invalid] aria-describedby=[field.described];
                datalist #projects { @for project in projects { option value=(project.name) {} } }
            }))
            (field(look, "name", text!("ui-name"), text!("ui-repository-name-hint")).input(typed, "text", true))
        }
        (field(look, "description", text!("ui-description"), text!("ui-description-hint")).input(typed, "text", false))
    }
}

fn registry(look: &Look, typed: &Typed) -> Markup {
    html! {
        (field(look, "url", text!("ui-address"), text!("ui-registry-url-hint")).input(typed, "text", false))
        div .pair {
            (field(look, "user", text!("ui-user"), text!("ui-registry-user-hint")).input(typed, "text", false))
            (Field { name: "password", label: look.say(text!("ui-password-or-token")), hint: None }.secret(typed, false))
        }
    }
}

/// Returns the types of repositories there can be, kept here or elsewhere, with their names.
fn types() -> Vec<(String, String)> {
    let elsewhere = connectors()
        .iter()
        .flat_map(|connector| connector.repository_types())
        .copied();
    let all: BTreeSet<&str> = elsewhere.filter(|name| !KEPT_TYPES.contains(name)).collect();
    let named = KEPT_TYPES.into_iter().chain(all);
    named.map(|name| (name.to_owned(), name.to_owned())).collect()
}

/// Makes a repository and shows it; administrators may name a project that is not there yet.
pub(super) async fn create(
    State(app): State<App>,
    Person { look, caller }: Person,
    Form(form): Form,
) -> ApiResult<Response> {
    let mut typed = Typed::of(form);
    let Some(new) = draft(&look, &mut typed)? else {
        return page(&app, &look, &caller, &typed).await;
    };
    let name = new.name.clone();
    let Err(error) = make(&app, &caller, &new).await? else {
        return Ok(see_other(&format!(
            "/repositories/{}/{}",
            name.project, name.name
        )));
    };
    let field = match &error {
        HostedError::ProjectUnknown(_) | HostedError::ProjectExists(_) => "project",
        HostedError::Invalid { value, .. } if *value == name.project => "project",
        HostedError::Invalid {
            member: "description",
            ..
        } => "description",
        HostedError::Invalid { .. } | HostedError::RepositoryExists(_) => "name",
        _ => return Err(error.into()),
    };
    typed.fault(field, ApiError::from(error).message(look.language));
    page(&app, &look, &caller, &typed).await
}

/// Reads the form; what cannot be read is noted as a fault, and then there is nothing to make.
fn draft(look: &Look, typed: &mut Typed) -> ApiResult<Option<NewRepository>> {
    let name = RepositoryRef::new(typed.value("project").trim(), typed.value("name").trim());
    let chosen = typed.value("type").to_owned();
    let known = types().into_iter().any(|(known, _)| known == chosen);
    let Ok(held) = chosen.parse::<RepositoryType>() else {
        typed.fault("type", look.say(text!("ui-fault-empty")));
        return Ok(None);
    };
    let elsewhere = typed.is("place", "elsewhere");
    if !known || (!elsewhere && !KEPT_TYPES.contains(&chosen.as_str())) {
        typed.fault("type", look.say(text!("ui-fault-type-elsewhere", kind = chosen)));
        return Ok(None);
    }
    let plain = NewRepository {
        public: typed.is("public", "on"),
        description: typed.values.text("description"),
        repository_type: held.clone(),
        ..NewRepository::generic(name)
    };
    if !elsewhere {
        return Ok(Some(plain));
    }
    let Some(foreign) = registry_of(look, typed, &held)? else {
        return Ok(None);
    };
    Ok(Some(NewRepository {
        category: FOREIGN.into(),
        configuration: default_configuration(FOREIGN),
        foreign: Some(foreign),
        ..plain
    }))
}

fn registry_of(look: &Look, typed: &mut Typed, held: &RepositoryType) -> ApiResult<Option<ForeignPlace>> {
    let checked = checked_registry_url("url", typed.value("url").trim()).and_then(|url| {
        checked_pairing("url", &url, held)?;
        Ok(url)
    });
    match checked {
        Ok(url) => Ok(Some(ForeignPlace {
            url,
            username: typed.values.text("user"),
            password: typed.values.filled("password").map(Secret::new),
        })),
        Err(EngineError::Invalid { reason, .. }) => {
            typed.fault("url", look.say(words(reason)));
            Ok(None)
        }
        Err(EngineError::Empty(_) | EngineError::Missing(_)) => {
            typed.fault("url", look.say(text!("ui-fault-empty")));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

async fn make(app: &App, caller: &Caller, new: &NewRepository) -> ApiResult<Result<(), HostedError>> {
    let hosted = app.hosted();
    let project = &new.name.project;
    if let Err(error) = Hosted::check_repository(new) {
        return Ok(Err(error));
    }
    if hosted.project(project).await?.is_none() {
        caller.need_admin()?;
        if let Err(error) = hosted
            .create_project(&NewProject::named(project), &caller.name)
            .await
        {
            return Ok(Err(error));
        }
    }
    caller.need_manage(project)?;
    Ok(hosted.create_repository(new, &caller.name).await.map(|_| ()))
}
