//! One artifact at every cluster and in every run: `GET /api/v1/artifacts`.

use axum::extract::State;
use axum::response::Response;
use domain::artifact::{Artifact, ArtifactKey, Blob, Existing};
use domain::digest::Digest;
use domain::failure::{ErrorKind, Failure};
use domain::repository::RepositoryRef;
use engine::trace::{Side, Trace};
use messages::Render;
use messages::notes::in_words;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::answer::ok;
use crate::api::details::DetailView;
use crate::api::failure::FailureView;
use crate::api::tasks::TaskView;
use crate::app::App;
use crate::auth::Admin;
use crate::error::ApiResult;
use crate::params::Params;
use crate::reader::Reader;

/// Files of one side that are told.
const MOST_FILES: usize = 100;

/// Returns the routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(show))
}

/// Which artifact.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what Params reads")]
struct ArtifactParams {
    /// Local project.
    project: String,
    /// Local repository.
    repository: String,
    /// Path of a file, key of a package.
    artifact: String,
    /// Version of a package.
    version: Option<String>,
}

/// Where an artifact is, and how it got there.
#[derive(Serialize, ToSchema)]
#[schema(as = ArtifactTrace)]
struct TraceView {
    here: CopyView,
    /// What each target of each task that carries it holds; tasks that stand worst come first.
    sides: Vec<SideView>,
    /// How many more targets there are, which were not asked.
    unasked: usize,
    /// What the latest 200 runs of each task did with it, the latest first: of each task 50, or four for each of its
    /// targets if that is more, and 500 in all at most.
    attempts: Vec<DetailView>,
}

/// What one cluster holds.
#[derive(Default, Serialize, ToSchema)]
#[schema(as = ArtifactCopy)]
#[serde(rename_all = "camelCase")]
struct CopyView {
    /// Whether it is there; null when that is not known.
    present: Option<bool>,
    size_bytes: Option<u64>,
    /// SHA-256 of the whole, where it is known without reading the bytes.
    sha256: Option<String>,
    /// What it consists of, as far as the cluster tells; at most 100.
    files: Vec<FileView>,
    failure: Option<FailureView>,
    /// The failure in words.
    reason: Option<String>,
}

/// One file of an artifact.
#[derive(Serialize, ToSchema)]
#[schema(as = ArtifactFile)]
#[serde(rename_all = "camelCase")]
struct FileView {
    /// Its name; empty for the only one.
    name: String,
    size_bytes: u64,
    sha256: Option<String>,
}

/// One target of one task that carries the artifact.
#[derive(Serialize, ToSchema)]
#[schema(as = ArtifactSide)]
#[serde(rename_all = "camelCase")]
struct SideView {
    cluster: String,
    project: String,
    repository: String,
    task: TaskView,
    there: CopyView,
    /// What the latest attempt to carry it there noted.
    note: Option<String>,
    /// `same`, or why it isn't there yet: `failed`, `running`, `silent`, `off`, `next_run`, `by_hand`, `left_alone`,
    /// `not_here`; `uncompared` and `unknown` where nobody can say.
    verdict: &'static str,
}

impl CopyView {
    fn failed(failure: Failure, reader: &Reader) -> Self {
        Self {
            present: (failure.class == ErrorKind::NotFound).then_some(false),
            reason: Some(failure.render(reader.language)),
            failure: Some(failure.into()),
            ..Self::default()
        }
    }

    fn present(size_bytes: u64, sha256: Option<Digest>, blobs: &[Blob]) -> Self {
        Self {
            present: Some(true),
            size_bytes: Some(size_bytes),
            sha256: sha256.map(|digest| digest.to_hex()),
            files: blobs.iter().take(MOST_FILES).map(FileView::of).collect(),
            ..Self::default()
        }
    }

    fn here(here: Result<Artifact, Failure>, reader: &Reader) -> Self {
        match here {
            Ok(found) => Self::present(found.size_bytes(), found.sha256(), &found.blobs),
            Err(failure) => Self::failed(failure, reader),
        }
    }

    fn there(there: Result<Option<Existing>, Failure>, reader: &Reader) -> Self {
        match there {
            Ok(Some(found)) => Self::present(found.size_bytes, found.sha256(), &found.blobs),
            Ok(None) => Self {
                present: Some(false),
                ..Self::default()
            },
            Err(failure) => Self::failed(failure, reader),
        }
    }
}

impl FileView {
    fn of(blob: &Blob) -> Self {
        Self {
            name: blob.name.clone(),
            size_bytes: blob.size_bytes,
            sha256: blob.digest.map(|digest| digest.to_hex()),
        }
    }
}

impl SideView {
    fn of(side: Side, reader: &Reader) -> Self {
        let note = side.notes().and_then(|notes| in_words(notes, reader.language));
        Self {
            cluster: side.cluster,
            project: side.repository.project,
            repository: side.repository.name,
            task: TaskView::of(side.standing),
            there: CopyView::there(side.there, reader),
            note,
            verdict: side.verdict.as_str(),
        }
    }
}

impl TraceView {
    fn of(trace: Trace, reader: &Reader) -> Self {
        let (sides, attempts) = (trace.sides.into_iter(), trace.attempts.into_iter());
        Self {
            here: CopyView::here(trace.here, reader),
            sides: sides.map(|side| SideView::of(side, reader)).collect(),
            unasked: trace.unasked,
            attempts: attempts.map(|row| DetailView::of(row, reader)).collect(),
        }
    }
}

/// Answers where an artifact is, which digest each side has, why it isn't there yet, and every attempt to carry it.
///
/// At most 64 targets are asked, all now and for five seconds each.
#[utoipa::path(get, path = "/api/v1/artifacts", params(ArtifactParams), responses((status = 200, body = TraceView)))]
async fn show(_: Admin, State(app): State<App>, reader: Reader, params: Params) -> ApiResult<Response> {
    let local = RepositoryRef::new(params.required("project")?, params.required("repository")?);
    let key = ArtifactKey {
        name: params.required("artifact")?.into(),
        version: params.text("version"),
    };
    let trace = app.engine().trace(&local, &key).await?;
    ok(TraceView::of(trace, &reader))
}
