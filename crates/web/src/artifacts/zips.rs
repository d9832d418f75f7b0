//! Folders and batches of paths, sent as zip archives.
//!
//! An archive is made as fast as it is read: a page of nodes, a piece of a file and what it packs to are all
//! that is in memory. Whoever goes away ends the work. What breaks on the way cuts the answer short, so
//! that nobody takes half an archive for a whole one.

use std::collections::VecDeque;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, Method};
use axum::response::{IntoResponse, Response};
use domain::path::FilePath;
use domain::ports::ByteStream;
use futures_util::{StreamExt, stream};
use hosted::{HostedError, HostedRepository, HostedResult, Node, PathRange};
use jiff::tz::TimeZone;
use messages::text;
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::archive::{Archive, Entry, Step, clock_time, safe_name};
use super::headers::{disposition, insert};
use super::listing::need_listing;
use super::place::{Place, outermost};
use crate::app::App;
use crate::auth::MaybeCaller;
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};
use crate::json::{Members, unreadable_member};
use crate::openapi::FileBytes;
use crate::params::Segments;
use crate::reader::Reader;

/// Most files and folders of one archive.
const MOST_ENTRIES: u64 = 100_000;
/// Most paths of one batch.
const MOST_PATHS: usize = 1_000;
/// Nodes looked up at once.
const PAGE_NODES: u32 = 200;
/// Bytes and steps handed over to be packed at once.
const GATHERED_BYTES: usize = 256 * 1024;
const GATHERED_STEPS: usize = 256;

/// Returns the routes.
pub(super) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(batch))
}

/// What a batch names.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes what Members reads")]
struct BatchBody {
    /// Files and folders of the repository; at most 1,000.
    #[schema(min_items = 1, max_items = 1000)]
    paths: Vec<String>,
}

/// Sends files and folders as one zip archive.
#[utoipa::path(method(get, post), path = "/generic/batch/{projectId}/{repoName}", request_body = inline(BatchBody), responses((status = 200, description = "A zip archive", body = inline(FileBytes), content_type = "application/zip")), security(()))]
async fn batch(
    State(app): State<App>,
    reader: Reader,
    caller: MaybeCaller,
    Segments(place): Segments<Place>,
    body: Members,
) -> ApiResult<Response> {
    let (repository, _) = place.readable(&app, caller).await?;
    let paths = paths(&body)?;
    let texts: Vec<&str> = paths.iter().map(FilePath::as_str).collect();
    let named = repository.nodes(&texts).await?;
    let mut folders = Vec::new();
    for (path, node) in paths.iter().zip(&named) {
        let folder = node.as_ref().map_or(path.is_root(), |node| node.file.is_none());
        if folder {
            folders.push(path.clone());
        } else if node.is_none() {
            return Err(HostedError::NodeUnknown(path.clone()).into());
        }
    }
    let base = base(&paths);
    let name = match paths.as_slice() {
        [only] if !only.is_root() => only.name(),
        _ if base.is_root() => repository.info().name.name.as_str(),
        _ => base.name(),
    };
    let name = name.to_owned();
    // Several things come out in one folder, so that unpacking never litters the one it is done in.
    let top = if paths.len() > 1 {
        format!("{name}/")
    } else {
        String::new()
    };
    let contents = Contents {
        named: named.into_iter().flatten().collect(),
        folders,
        base,
        top,
    };
    send(&app, repository, contents, &name, &reader).await
}

/// Reads the paths of a batch: in order, each once, and none that lies within another.
fn paths(body: &Members) -> ApiResult<Vec<FilePath>> {
    let named = body.texts("paths")?.ok_or_else(|| unreadable_member("paths"))?;
    if named.is_empty() {
        return Err(ApiError::new(Code::ParameterEmpty, ["paths"]));
    }
    if named.len() > MOST_PATHS {
        return Err(too_many(named.len() as u64, MOST_PATHS as u64));
    }
    let paths = named.iter().map(|text| super::path_of(text));
    Ok(outermost(paths.collect::<ApiResult<Vec<FilePath>>>()?))
}

fn too_many(count: u64, most: u64) -> ApiError {
    ApiError::new(Code::ListTooLarge, [&format!("{count} > {most}")])
}

/// Returns the deepest folder that all of `paths` lie in.
fn base(paths: &[FilePath]) -> FilePath {
    let mut parents = paths
        .iter()
        .map(|path| path.parent().unwrap_or_else(FilePath::root));
    let first = parents.next().unwrap_or_else(FilePath::root);
    parents.fold(first, |mut base, parent| {
        while !parent.is_within(&base) {
            base = base.parent().unwrap_or_else(FilePath::root);
        }
        base
    })
}

/// Sends everything below `folder`.
pub(super) async fn folder(
    app: &App,
    repository: HostedRepository,
    folder: &FilePath,
    method: &Method,
    reader: &Reader,
) -> ApiResult<Response> {
    let name = if folder.is_root() {
        repository.info().name.name.clone()
    } else {
        folder.name().to_owned()
    };
    if method == Method::HEAD {
        return Ok(answer(Body::empty(), &name));
    }
    let contents = Contents {
        named: VecDeque::new(),
        folders: vec![folder.clone()],
        base: folder.clone(),
        top: String::new(),
    };
    send(app, repository, contents, &name, reader).await
}

fn answer(body: Body, name: &str) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    insert(headers, CONTENT_DISPOSITION, &disposition(&format!("{name}.zip")));
    response
}

/// What goes into an archive.
struct Contents {
    /// Files and folders that were named.
    named: VecDeque<Node>,
    /// Folders of which everything below goes in.
    folders: Vec<FilePath>,
    /// The folder that names are relative to.
    base: FilePath,
    /// What is put before those names.
    top: String,
}

async fn send(
    app: &App,
    repository: HostedRepository,
    contents: Contents,
    name: &str,
    reader: &Reader,
) -> ApiResult<Response> {
    let mut count = contents.named.len() as u64;
    for folder in &contents.folders {
        need_listing(&repository, folder)?;
        count += repository.folder_size(folder).await?.nodes;
    }
    if count > MOST_ENTRIES {
        return Err(too_many(count, MOST_ENTRIES));
    }
    let permit = app.archive_permit().ok_or_else(|| {
        ApiError::about(Code::TooManyRequests, text!("archives-being-made")).retry_after_s(5)
    })?;
    let zipping = Zipping {
        repository,
        zone: reader.zone.clone(),
        cut: contents.base.as_str().len() + usize::from(!contents.base.is_root()),
        top: contents.top,
        page: contents.named,
        ranges: contents.folders.iter().map(PathRange::below).collect(),
        after: None,
        file: None,
        archive: Some(Archive::new()),
        _permit: permit,
    };
    let pieces = stream::unfold(zipping, |zipping| Box::pin(zipping.next()));
    Ok(answer(Body::from_stream(pieces), name))
}

/// An archive being made.
struct Zipping {
    repository: HostedRepository,
    zone: TimeZone,
    /// Bytes cut off the front of each path.
    cut: usize,
    /// What is put before the rest.
    top: String,
    /// Nodes that come next.
    page: VecDeque<Node>,
    /// Where further nodes lie, the range at work first.
    ranges: VecDeque<PathRange>,
    /// The last node found in that one.
    after: Option<FilePath>,
    /// What is left of the file at work.
    file: Option<ByteStream>,
    /// Gone when the archive is at its end, or broke.
    archive: Option<Archive>,
    _permit: OwnedSemaphorePermit,
}

impl Zipping {
    /// Returns the next bytes of the archive, until it is at its end or broke.
    async fn next(mut self) -> Option<(HostedResult<Bytes>, Self)> {
        loop {
            let archive = self.archive.take()?;
            match self.go_on(archive).await {
                // Small files gather before anything comes out.
                Ok(bytes) if bytes.is_empty() && self.archive.is_some() => {}
                Ok(bytes) => return Some((Ok(bytes), self)),
                Err(error) => {
                    let repository = &self.repository.info().name;
                    tracing::warn!(%repository, %error, "archive broken off");
                    return Some((Err(error), self));
                }
            }
        }
    }

    async fn go_on(&mut self, archive: Archive) -> HostedResult<Bytes> {
        let steps = self.gather().await?;
        if steps.is_empty() {
            return Ok(archive.finish().await?);
        }
        let (archive, bytes) = archive.write(steps).await?;
        self.archive = Some(archive);
        Ok(bytes)
    }

    /// Returns what comes next; nothing at the end.
    async fn gather(&mut self) -> HostedResult<Vec<Step>> {
        let mut steps = Vec::new();
        let mut gathered_bytes = 0;
        while gathered_bytes < GATHERED_BYTES && steps.len() < GATHERED_STEPS {
            if let Some(file) = &mut self.file {
                match file.next().await {
                    Some(piece) => {
                        let piece = piece?;
                        gathered_bytes += piece.len();
                        steps.push(Step::Bytes(piece));
                    }
                    None => self.file = None,
                }
                continue;
            }
            let Some((node, name)) = self.next_node().await? else {
                break;
            };
            let entry = Entry {
                name,
                modified: clock_time(node.modified_ms, &self.zone),
                size_bytes: node.file.as_ref().map_or(0, |file| file.size_bytes),
            };
            if node.file.is_some() {
                steps.push(Step::File(entry));
                self.file = Some(self.repository.read(&node, None).await?);
            } else {
                steps.push(Step::Folder(entry));
            }
        }
        Ok(steps)
    }

    /// Returns the next node and its name in the archive.
    async fn next_node(&mut self) -> HostedResult<Option<(Node, String)>> {
        loop {
            if let Some(node) = self.page.pop_front() {
                let rest = node.path.as_str().get(self.cut..).unwrap_or_default();
                let name = safe_name(&format!("{}{rest}", self.top));
                return Ok(Some((node, name)));
            }
            let Some(range) = self.ranges.front() else {
                return Ok(None);
            };
            let page = self
                .repository
                .nodes_in(range, self.after.as_ref(), PAGE_NODES)
                .await?;
            self.after = page.last().map(|last| last.path.clone());
            if page.is_empty() {
                self.ranges.pop_front();
            }
            self.page = page.into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(paths: &[&str]) -> Vec<FilePath> {
        paths.iter().map(|path| path.parse().expect("a path")).collect()
    }

    #[test]
    fn what_several_paths_have_in_common_is_the_deepest_folder_around_them() {
        for (paths, common) in [
            (&["/a/b/c"][..], "/a/b"),
            (&["/a/b/c", "/a/b/d"], "/a/b"),
            (&["/a/b/c", "/a/bc"], "/a"),
            (&["/a/b", "/c"], "/"),
            (&["/a"], "/"),
            (&["/"], "/"),
        ] {
            assert_eq!(base(&of(paths)).as_str(), common, "{paths:?}");
        }
    }

    #[test]
    fn a_batch_takes_each_path_once_and_none_within_another() {
        let body = Members::parse(br#"{"paths":["b","/a/x","a","/b/","ab"]}"#).expect("an object");

        assert_eq!(paths(&body).expect("paths"), of(&["/a", "/ab", "/b"]));
    }
}
