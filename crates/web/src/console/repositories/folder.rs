//! What lies in a folder, and one file with its properties.

use axum::extract::State;
use axum::response::Response;
use domain::artifact::ArtifactKey;
use domain::path::FilePath;
use domain::repository::{RepositoryRef, RepositoryType};
use domain::task::Task;
use engine::freshness::StandingFilter;
use hosted::{HostedRepository, Node, NodeFilter, NodeOrder};
use maud::{Markup, html};
use messages::text;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Deserialize;

use super::super::artifact;
use super::super::clusters::task_table;
use super::super::form::{Typed, button, csrf_field};
use super::super::look::{Look, Person};
use super::super::shell::{Page, Section, crumbs};
use super::super::show::{bytes, bytes_exactly, when};
use super::{packages, properties};
use crate::app::App;
use crate::artifacts::{path_of, unknown};
use crate::auth::Caller;
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::params::{Params, Segments};

/// Nodes of one page.
const ROWS: u64 = 200;
/// What stands in a path of a URL as it is; names may hold everything else.
const PLAIN: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b'[')
    .add(b']')
    .add(b'\\')
    .add(b'^')
    .add(b'|')
    .add(b';');

/// Where somebody looks; a path that is left out is the root.
#[derive(Deserialize)]
pub(super) struct Place {
    pub(super) project: String,
    pub(super) repository: String,
    #[serde(default)]
    pub(super) path: String,
}

impl Place {
    /// Finds the repository for somebody who may read it.
    pub(super) async fn find(&self, app: &App, caller: &Caller) -> ApiResult<(HostedRepository, FilePath)> {
        let found = app
            .hosted()
            .repository(&RepositoryRef::new(&self.project, &self.repository))
            .await?;
        let public = found.as_ref().is_some_and(|repository| repository.info().public);
        if !public {
            caller.need_read(&self.project)?;
        }
        let repository = found.ok_or_else(|| unknown(&self.project, &self.repository))?;
        Ok((repository, path_of(&format!("/{}", self.path))?))
    }
}

/// Returns the place of `path` in the pages under `base`.
pub(super) fn link(base: &str, name: &RepositoryRef, path: &FilePath) -> String {
    let path = if path.is_root() { "" } else { path.as_str() };
    format!(
        "{base}/{}/{}{}",
        name.project,
        name.name,
        utf8_percent_encode(path, PLAIN)
    )
}

/// Shows a folder or a file.
pub(super) async fn show(
    State(app): State<App>,
    Person { look, caller }: Person,
    Segments(place): Segments<Place>,
    params: Params,
) -> ApiResult<Response> {
    let (repository, path) = place.find(&app, &caller).await?;
    let may_write = caller.may_write(&place.project);
    let body = if path.is_root() {
        let tasks = if caller.is_admin() {
            replicating(&app, &repository).await?
        } else {
            Vec::new()
        };
        html! {
            (root(&look, &repository, &params, may_write).await?)
            @if !tasks.is_empty() {
                section .panel { header { h2 { (look.say(text!("ui-replicated-by"))) } } (task_table(&look, &tasks)) }
            }
        }
    } else {
        let node = repository.node(&path).await?;
        let node = node.ok_or_else(|| ApiError::new(Code::NodeUnknown, [path.as_str()]))?;
        match node.file {
            Some(_) => return Ok(file_page(&look, &repository, &node, may_write, &Typed::default())),
            None => folder(&look, &repository, &path, &params, may_write).await?,
        }
    };
    Ok(page(&repository, &path, body).show(&look))
}

fn page(repository: &HostedRepository, path: &FilePath, body: Markup) -> Page {
    Page {
        title: format!("{}{path}", repository.info().name),
        section: Section::Repositories,
        body,
    }
}

/// Shows a file, with what is wrong with what was `typed` about its properties.
pub(super) fn file_page(
    look: &Look,
    repository: &HostedRepository,
    node: &Node,
    may_write: bool,
    typed: &Typed,
) -> Response {
    let name = &repository.info().name;
    let files = repository.info().repository_type == RepositoryType::generic();
    let action = (may_write && files).then(|| link("/files/properties", name, &node.path));
    let body = html! {
        (file(look, repository, node, may_write))
        (properties::panel(look, node, action.as_deref(), typed))
    };
    page(repository, &node.path, body).show_with(look, typed.status())
}

async fn replicating(app: &App, repository: &HostedRepository) -> ApiResult<Vec<Task>> {
    let filter = StandingFilter::of(&repository.info().name);
    let standings = app.engine().standings(&filter).await?;
    Ok(standings.into_iter().map(|standing| standing.task).collect())
}

fn way(look: &Look, name: &RepositoryRef, path: &FilePath) -> Markup {
    let mut way: Vec<(String, String)> = vec![
        (look.say(text!("ui-repositories")), "/repositories".into()),
        (name.project.clone(), format!("/repositories/{}", name.project)),
    ];
    if !path.is_root() {
        way.push((name.name.clone(), link("/repositories", name, &FilePath::root())));
        let mut folders: Vec<FilePath> = path
            .ancestors()
            .filter(|folder| !folder.is_root() && folder != path)
            .collect();
        folders.sort();
        way.extend(
            folders
                .iter()
                .map(|folder| (folder.name().into(), link("/repositories", name, folder))),
        );
    }
    let way: Vec<(&str, String)> = way
        .iter()
        .map(|(name, path)| (name.as_str(), path.clone()))
        .collect();
    crumbs(look, &way)
}

/// Shows what a whole repository holds, by what that is.
async fn root(
    look: &Look,
    repository: &HostedRepository,
    params: &Params,
    may_write: bool,
) -> ApiResult<Markup> {
    let info = repository.info();
    let place = repository.foreign().await?;
    if place.is_none() && info.repository_type == RepositoryType::generic() {
        return folder(look, repository, &FilePath::root(), params, may_write).await;
    }
    Ok(html! {
        div .head {
            div {
                (way(look, &info.name, &FilePath::root()))
                h1 { (info.name.name) }
                p .sub { span .tag { (info.repository_type) } @if place.is_none() { " " (bytes(info.used_bytes)) } }
            }
            (replicate(look, &info.name))
        }
        @match &place {
            Some(place) => (packages::elsewhere(look, place)),
            None => (packages::section(look, repository, params).await?),
        }
    })
}

/// Offers a task for a repository.
fn replicate(look: &Look, name: &RepositoryRef) -> Markup {
    html! {
        @if look.is_admin() {
            div .actions { a .button href=(format!("/tasks/new?repository={}%2F{}", name.project, name.name)) { (look.say(text!("ui-replicate-this"))) } }
        }
    }
}

async fn folder(
    look: &Look,
    repository: &HostedRepository,
    path: &FilePath,
    params: &Params,
    may_write: bool,
) -> ApiResult<Markup> {
    let info = repository.info();
    let number = params.parsed::<u64>("page")?.unwrap_or(1).max(1);
    let shown = NodeFilter {
        folders: true,
        deep: false,
        order: vec![(NodeOrder::Folder, false), (NodeOrder::Name, true)],
    };
    let nodes = repository
        .page(path, &shown, (number - 1).saturating_mul(ROWS), ROWS)
        .await?;
    let total = repository.count(path, &shown).await?;
    let name = if path.is_root() {
        info.name.name.as_str()
    } else {
        path.name()
    };
    let here = link("/repositories", &info.name, path);
    Ok(html! {
        div .head {
            div {
                (way(look, &info.name, path))
                h1 { (name) }
                p .sub { span .tag { (info.repository_type) } " " (look.say(text!("ui-entries", n = total)))
                    @if path.is_root() { " · " (bytes(info.used_bytes)) } }
            }
            @if path.is_root() { (replicate(look, &info.name)) }
        }
        section .panel {
            @if may_write && info.repository_type.as_str() == "GENERIC" { (upload_form(look, &info.name, path)) }
            @if nodes.is_empty() { p .empty { (look.say(text!("ui-empty-folder"))) } }
            @else { div .scroll { (table(look, &info.name, &nodes)) } }
            @if total > ROWS {
                nav .pager aria-label=(look.say(text!("ui-pages"))) {
                    @if number > 1 { a rel="prev" href=(format!("{here}?page={}", number - 1)) { (look.say(text!("ui-previous"))) } } @else { span {} }
                    span .tab { (number) " / " (total.div_ceil(ROWS)) }
                    @if number * ROWS < total { a rel="next" href=(format!("{here}?page={}", number + 1)) { (look.say(text!("ui-next"))) } } @else { span {} }
                }
            }
        }
    })
}

fn upload_form(look: &Look, name: &RepositoryRef, path: &FilePath) -> Markup {
    html! {
        form .filters method="post" enctype="multipart/form-data" action=(link("/files/upload", name, path)) {
            (csrf_field(look))
            label { (look.say(text!("ui-replace")))
                select name="overwrite" {
                    option value="no" { (look.say(text!("ui-replace-no"))) }
                    option value="yes" { (look.say(text!("ui-replace-yes"))) }
                }
            }
            label { (look.say(text!("ui-files"))) input type="file" name="file" multiple required; }
            button type="submit" { (look.say(text!("ui-upload"))) }
        }
    }
}

fn table(look: &Look, name: &RepositoryRef, nodes: &[Node]) -> Markup {
    html! {
        table {
            thead { tr {
                th { (look.say(text!("ui-name"))) }
                th .num { (look.say(text!("ui-size"))) }
                th .num { (look.say(text!("ui-changed"))) }
                th .wide { (look.say(text!("ui-by"))) }
            } }
            tbody { @for node in nodes {
                tr {
                    td .grow.break { a href=(link("/repositories", name, &node.path)) { (node.path.name()) @if node.file.is_none() { "/" } } }
                    td .num { (node.file.as_ref().map_or_else(|| "–".into(), |file| bytes(file.size_bytes))) }
                    td .num { (when(look, node.modified_ms)) }
                    td .wide { (node.modified_by) }
                }
            } }
        }
    }
}

fn file(look: &Look, repository: &HostedRepository, node: &Node, may_write: bool) -> Markup {
    let name = &repository.info().name;
    html! {
        div .head {
            div { (way(look, name, &node.path)) h1 { (node.path.name()) } }
            div .actions {
                a .button.main href=(link("/files/download", name, &node.path)) download { (look.say(text!("ui-download"))) }
                @if look.is_admin() { a .button href=(artifact::link(&name.project, &name.name, &ArtifactKey::file(&node.path))) { (look.say(text!("ui-where-is-it"))) } }
                @if may_write {
                    (button(look, &link("/files/delete", name, &node.path), "danger", &text!("ui-delete"), Some(&text!("ui-delete-file-ask", name = node.path.name()))))
                }
            }
        }
        section .panel {
            div .body {
                dl .facts {
                    @if let Some(file) = &node.file {
                        dt { (look.say(text!("ui-size"))) }
                        dd .tab { (bytes_exactly(file.size_bytes)) }
                        dt { "SHA-256" }
                        dd { code { (file.digest.to_hex()) } }
                        @if let Some(md5) = &file.md5 { dt { "MD5" } dd { code { (md5) } } }
                    }
                    dt { (look.say(text!("ui-changed"))) }
                    dd { (when(look, node.modified_ms)) ", " (node.modified_by) }
                    dt { (look.say(text!("ui-created"))) }
                    dd { (when(look, node.created_ms)) ", " (node.created_by) }
                    @if let Some(expires_ms) = node.expires_ms { dt { (look.say(text!("ui-expires"))) } dd { (when(look, expires_ms)) } }
                }
            }
        }
    }
}
