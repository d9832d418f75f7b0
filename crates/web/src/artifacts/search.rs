//! Searching nodes by rules: `/repository/api/node/search` and its likes.

use axum::extract::{FromRequest, Request, State};
use axum::response::Response;
use domain::repository::RepositoryRef;
use hosted::search::{NodeField, NodeRule, NodeSearch, NodeTest, Operand};
use messages::text;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::node_view::{self, FoundView};
use super::place::Place;
use super::rules::{Fields, NODE_FIELDS, RuleReader, order, required};
use crate::app::App;
use crate::auth::MaybeCaller;
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::json::{Members, unreadable_member};
use crate::page::{PageQuery, PageView};
use crate::params::Segments;
use crate::reader::Reader;

const BASE: &str = "/repository/api/node";

/// Most fields results can be ordered by at once.
const MOST_ORDERS: usize = 10;

/// Returns the routes.
pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(search))
        .routes(routes!(query))
        .routes(routes!(query_without_count))
        .routes(routes!(search_repository))
}

/// What is looked for.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what Members reads")]
pub(super) struct NodeSearchBody {
    /// Members to show; all of them when it is absent.
    select: Option<Vec<String>>,
    #[schema(inline)]
    page: Option<NodeSearchPage>,
    #[schema(inline)]
    sort: Option<NodeSearchSort>,
    /// `{rules, relation}` or `{field, value, operation}`; at its top, under AND, `projectId` EQ.
    #[schema(value_type = Object)]
    rule: Value,
}

/// Which page of a search is asked for.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes what Members reads")]
struct NodeSearchPage {
    /// Number of the page, from 1.
    page_number: Option<i32>,
    /// Rows of a page; 20 when it is absent or not positive.
    page_size: Option<i32>,
}

/// What results are ordered by.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what Members reads")]
struct NodeSearchSort {
    /// Fields, the first one first.
    #[schema(max_items = 10)]
    properties: Vec<String>,
    /// `ASC` unless said otherwise, or `DESC`.
    #[schema(pattern = "^(ASC|DESC)$")]
    direction: Option<String>,
}

/// Searches files and folders of a project.
#[utoipa::path(post, context_path = BASE, path = "/search", request_body = NodeSearchBody, responses((status = 200, body = PageView<FoundView>)), security(()))]
async fn search(
    State(app): State<App>,
    reader: Reader,
    caller: MaybeCaller,
    body: Members,
) -> ApiResult<Response> {
    answer(
        &app,
        &reader,
        &caller,
        Asked::read(&app, &body, NODE_FIELDS, None)?,
        true,
    )
    .await
}

/// Searches files and folders of a project, as older clients call it.
#[utoipa::path(post, context_path = BASE, path = "/query", request_body = NodeSearchBody, responses((status = 200, body = PageView<FoundView>)), security(()))]
async fn query(
    State(app): State<App>,
    reader: Reader,
    caller: MaybeCaller,
    body: Members,
) -> ApiResult<Response> {
    answer(
        &app,
        &reader,
        &caller,
        Asked::read(&app, &body, NODE_FIELDS, None)?,
        true,
    )
    .await
}

/// Searches files and folders of a project without counting them: every total is 0.
#[utoipa::path(post, context_path = BASE, path = "/queryWithoutCount", request_body = NodeSearchBody, responses((status = 200, body = PageView<FoundView>)), security(()))]
async fn query_without_count(
    State(app): State<App>,
    reader: Reader,
    caller: MaybeCaller,
    body: Members,
) -> ApiResult<Response> {
    answer(
        &app,
        &reader,
        &caller,
        Asked::read(&app, &body, NODE_FIELDS, None)?,
        false,
    )
    .await
}

/// Searches files and folders of a repository without counting them: every total is 0.
#[utoipa::path(post, path = "/generic/{projectId}/{repoName}/search", request_body = NodeSearchBody, responses((status = 200, body = PageView<FoundView>)), security(()))]
async fn search_repository(
    State(app): State<App>,
    reader: Reader,
    caller: MaybeCaller,
    Segments(place): Segments<Place>,
    request: Request,
) -> ApiResult<Response> {
    place.readable(&app, caller.clone()).await?;
    let body = Members::from_request(request, &app).await?;
    let within = RepositoryRef::new(place.project, place.repository);
    let asked = Asked::read(&app, &body, NODE_FIELDS, Some(&within))?;
    answer(&app, &reader, &caller, asked, false).await
}

/// A search as it was asked for.
pub(super) struct Asked {
    pub search: NodeSearch,
    pub page: PageQuery,
    pub select: Option<Vec<String>>,
}

impl Asked {
    /// Reads a search over `fields`, for the nodes or packages of one repository or of those its rule names.
    pub(super) fn read(
        app: &App,
        body: &Members,
        fields: Fields,
        within: Option<&RepositoryRef>,
    ) -> ApiResult<Self> {
        let rule = body.object("rule")?.ok_or_else(|| unreadable_member("rule"))?;
        let mut rule = RuleReader::new(app.zone(), fields).read(&rule)?;
        if let Some(within) = within {
            let is = |field, text: &str| NodeRule::Test(field, NodeTest::Is(Operand::Text(text.into())));
            rule = NodeRule::All(vec![
                is(NodeField::Project, &within.project),
                is(NodeField::Repository, &within.name),
                rule,
            ]);
        }
        let projects = required(&rule, &NodeField::Project).unwrap_or_default();
        let mut projects = projects.into_iter();
        let (Some(project), None) = (projects.next(), projects.next()) else {
            return Err(
                ApiError::new(Code::ParameterInvalid, ["projectId"]).because(text!("search-needs-project"))
            );
        };
        let page = page(body)?;
        Ok(Self {
            search: NodeSearch {
                project,
                only_public: false,
                rule,
                order: sort(body, fields)?,
                offset: page.rows_before(),
                limit: u64::from(page.size),
            },
            page,
            select: body.texts("select")?.filter(|select| !select.is_empty()),
        })
    }
}

fn page(body: &Members) -> ApiResult<PageQuery> {
    let page = body.object("page")?.unwrap_or_default();
    let number = |names: [&str; 2]| -> ApiResult<Option<i64>> {
        match page.number(names[0])? {
            Some(number) => Ok(Some(number)),
            None => page.number(names[1]),
        }
    };
    let (number, size) = (number(["pageNumber", "current"])?, number(["pageSize", "size"])?);
    let whole = |name: &str, number: Option<i64>| {
        i32::try_from(number.unwrap_or(0)).map_err(|_| unreadable_member(name))
    };
    Ok(PageQuery::from_numbers(
        whole("pageNumber", number)?,
        whole("pageSize", size)?,
    ))
}

fn sort(body: &Members, fields: Fields) -> ApiResult<Vec<(NodeField, bool)>> {
    let Some(sort) = body.object("sort")? else {
        return Ok(Vec::new());
    };
    let properties = sort
        .texts("properties")?
        .ok_or_else(|| unreadable_member("properties"))?;
    let ascending = sort
        .choice("direction", &[("ASC", true), ("DESC", false)])?
        .unwrap_or(true);
    if properties.len() > MOST_ORDERS {
        return Err(ApiError::new(Code::QueryTooLarge, ["sort.properties"]));
    }
    properties
        .iter()
        .map(|property| Ok((order(fields, property)?, ascending)))
        .collect()
}

async fn answer(
    app: &App,
    reader: &Reader,
    caller: &MaybeCaller,
    mut asked: Asked,
    count: bool,
) -> ApiResult<Response> {
    asked.search.only_public = only_public(app, caller, &asked.search).await?;
    let total = if count {
        app.hosted().search_count(&asked.search).await?
    } else {
        0
    };
    let found = app.hosted().search(&asked.search).await?;
    let views = found
        .iter()
        .map(|found| {
            let repository = RepositoryRef::new(&asked.search.project, &found.repository);
            node_view::found(&repository, &found.node, reader, asked.select.as_deref())
        })
        .collect::<ApiResult<Vec<FoundView>>>()?;
    reader.ok(PageView::new(asked.page, total, views))
}

/// Says whether the caller may look into public repositories only; they have to be named then.
pub(super) async fn only_public(app: &App, caller: &MaybeCaller, search: &NodeSearch) -> ApiResult<bool> {
    let project = &search.project;
    if caller.user().is_some_and(|user| user.may_read(project)) {
        return Ok(false);
    }
    let named = required(&search.rule, &NodeField::Repository).unwrap_or_default();
    if named.is_empty() {
        caller.need_read(project, false)?;
    }
    for name in named {
        let found = app
            .hosted()
            .repository(&RepositoryRef::new(project, name))
            .await?;
        caller.need_read(project, found.is_some_and(|found| found.info().public))?;
    }
    Ok(true)
}
