//! Projects and their repositories, as far as somebody may read them.

use axum::extract::State;
use axum::response::Response;
use hosted::{Project, Repository, RepositoryFilter};
use maud::{Markup, html};
use messages::text;

use super::super::look::{Look, Person};
use super::super::shell::{Page, Section, crumbs};
use super::super::show::{bytes, when};
use crate::app::App;
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::params::Segments;

/// Repositories of a project that are listed.
const MOST: u64 = 500;
/// Projects whose repositories are shown together; of more, only the names.
const FEW: usize = 12;

/// Lists the projects, and when they are few their repositories too.
pub(super) async fn list(State(app): State<App>, Person { look, caller }: Person) -> ApiResult<Response> {
    let mut projects = app.hosted().projects().await?;
    projects.retain(|project| caller.may_read(&project.name));
    projects.sort_by(|a, b| a.name.cmp(&b.name));
    let mut shown = Vec::new();
    for project in projects.iter().take(FEW) {
        let found = app
            .hosted()
            .repositories(&project.name, &RepositoryFilter::default(), 0, MOST)
            .await?;
        shown.push(repositories(&look, project, &found));
    }
    let may_make = caller.is_admin() || projects.iter().any(|project| caller.may_manage(&project.name));
    let body = html! {
        div .head {
            div { h1 { (look.say(text!("ui-repositories"))) } p .sub { (look.say(text!("ui-repositories-says"))) } }
            @if may_make { div .actions { a .button.main href="/repositories/new" { (look.say(text!("ui-new-repository"))) } } }
        }
        @if projects.is_empty() { section .panel { p .empty { (look.say(text!("ui-no-repositories-yet"))) } } }
        @for shown in shown { (shown) }
        @if projects.len() > FEW {
            section .panel {
                header { h2 { (look.say(text!("ui-more-projects"))) } }
                ul .body.stack { @for project in &projects[FEW..] { li { a href=(format!("/repositories/{}", project.name)) { (project.name) } } } }
            }
        }
    };
    let title = look.say(text!("ui-repositories"));
    Ok(Page {
        title,
        section: Section::Repositories,
        body,
    }
    .show(&look))
}

/// Shows one project.
pub(super) async fn project(
    State(app): State<App>,
    Person { look, caller }: Person,
    Segments(name): Segments<String>,
) -> ApiResult<Response> {
    caller.need_read(&name)?;
    let project = app.hosted().project(&name).await?;
    let project = project.ok_or_else(|| ApiError::new(Code::ProjectUnknown, [&name]))?;
    let found = app
        .hosted()
        .repositories(&name, &RepositoryFilter::default(), 0, MOST)
        .await?;
    let body = html! {
        div .head { div {
            (crumbs(&look, &[(&look.say(text!("ui-repositories")), "/repositories".into())]))
            h1 { (name) }
            @if !project.description.is_empty() { p .sub { (project.description) } }
        } }
        (repositories(&look, &project, &found))
    };
    Ok(Page {
        title: name,
        section: Section::Repositories,
        body,
    }
    .show(&look))
}

fn repositories(look: &Look, project: &Project, found: &[Repository]) -> Markup {
    html! {
        section .panel {
            header {
                h2 { a href=(format!("/repositories/{}", project.name)) { (project.name) } }
                @if project.display_name != project.name { span .soft { (project.display_name) } }
            }
            @if found.is_empty() { p .empty { (look.say(text!("ui-no-repositories-yet"))) } }
            @else {
                div .scroll { table {
                    thead { tr {
                        th { (look.say(text!("ui-name"))) }
                        th { (look.say(text!("ui-kind"))) }
                        th .num { (look.say(text!("ui-holds"))) }
                        th .num.wide { (look.say(text!("ui-quota"))) }
                        th .num.wide { (look.say(text!("ui-created"))) }
                    } }
                    tbody { @for repository in found { (row(look, repository)) } }
                } }
            }
        }
    }
}

fn row(look: &Look, repository: &Repository) -> Markup {
    let name = &repository.name;
    html! {
        tr {
            td .grow {
                a href=(format!("/repositories/{}/{}", name.project, name.name)) { (name.name) }
                @if repository.public { " " span .tag { (look.say(text!("ui-public"))) } }
                @if let Some(description) = repository.description.as_deref().filter(|text| !text.is_empty()) { div .why { (description) } }
            }
            td { span .tag { (repository.repository_type) } @if repository.is_foreign() { " " span .tag { (look.say(text!("ui-elsewhere"))) } } }
            td .num { @if repository.is_foreign() { "–" } @else { (bytes(repository.used_bytes)) } }
            td .num.wide { (repository.quota_bytes.map_or_else(|| "–".into(), bytes)) }
            td .num.wide { (when(look, repository.created_ms)) }
        }
    }
}
