//! Root causes of a record's failures: what to mend, before how many artifacts it cost.

use axum::extract::State;
use axum::response::Response;
use messages::Render;
use messages::failures::advice;
use serde::Serialize;
use storage::CauseRow;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::answer::ok;
use crate::api::failure::FailureView;
use crate::api::records::record_id;
use crate::app::App;
use crate::auth::Admin;
use crate::error::ApiResult;
use crate::params::Segments;
use crate::reader::Reader;

/// Returns the routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list))
}

/// Why artifacts failed.
#[derive(Serialize, ToSchema)]
#[schema(as = Cause)]
#[serde(rename_all = "camelCase")]
struct CauseView {
    /// Its number within the record: `cause` in a filter of details.
    no: i64,
    /// Target cluster; null: all other failures of this class.
    cluster: Option<String>,
    /// Class, such as `unreachable`.
    class: &'static str,
    /// Words of the other side, without what differs from artifact to artifact.
    words: Option<String>,
    /// How many artifacts failed so.
    count: u64,
    /// What to do about it.
    advice: String,
    /// The artifact that failed so first, and its version.
    artifact: String,
    version: Option<String>,
    failure: FailureView,
    /// That first failure in words.
    reason: String,
}

impl CauseView {
    fn of(cause: CauseRow, reader: &Reader) -> Self {
        let class = cause.first.class;
        Self {
            no: cause.no,
            cluster: cause.cluster,
            class: class.as_str(),
            words: cause.words,
            count: cause.rows,
            advice: advice(class).render(reader.language),
            artifact: cause.artifact.name,
            version: cause.artifact.version,
            reason: cause.first.render(reader.language),
            failure: cause.first.into(),
        }
    }
}

#[derive(Serialize, ToSchema)]
struct Causes {
    causes: Vec<CauseView>,
    /// Artifacts that failed and are in no cause: those of earlier versions.
    ungrouped: u64,
}

/// Lists why artifacts of a record failed, the most frequent cause first.
#[utoipa::path(get, path = "/api/v1/records/{id}/causes", responses((status = 200, body = Causes)))]
async fn list(
    _: Admin,
    State(app): State<App>,
    reader: Reader,
    Segments(id): Segments<String>,
) -> ApiResult<Response> {
    record_id(&id)?;
    let (causes, ungrouped) = app.engine().causes(&id).await?;
    ok(Causes {
        causes: causes
            .into_iter()
            .map(|cause| CauseView::of(cause, &reader))
            .collect(),
        ungrouped,
    })
}
