//! How many bytes a run has moved, and how many it has to move.

use domain::path::FilePath;
use domain::record::Record;
use domain::task::{Scope, Task};
use hosted::HostedRepository;

use crate::app::App;
use crate::error::ApiResult;

/// Returns the bytes `record`, the latest of `task`, has moved and those it is about.
///
/// A run that goes on has moved what is settled, or what this process has read for it if that is more; it is
/// about everything its task covers in `repository` now. One that ended tells from its record alone.
pub async fn bytes(
    app: &App,
    repository: &HostedRepository,
    record: &Record,
    task: &Task,
) -> ApiResult<(u64, u64)> {
    let counts = record.counts.unwrap_or_default();
    if record.status.end().is_some() {
        return Ok((counts.bytes_moved, counts.bytes_settled));
    }
    let live = app.engine().live_bytes(record.id).unwrap_or(0);
    let moved = counts.bytes_moved.max(live);
    let mut total = 0;
    for object in &task.objects {
        total += match &object.scope {
            Scope::Repository | Scope::Packages(_) => repository.info().used_bytes,
            Scope::Paths(paths) => size_of(repository, paths).await?,
        };
    }
    Ok((moved, total.max(counts.bytes_settled).max(moved)))
}

async fn size_of(repository: &HostedRepository, paths: &[FilePath]) -> ApiResult<u64> {
    let mut total = 0;
    for path in paths {
        // What lies within another of the paths is counted there.
        if paths.iter().any(|other| other != path && path.is_within(other)) {
            continue;
        }
        let node = repository.node(path).await?;
        total += match node.map(|node| node.file) {
            Some(Some(file)) => file.size_bytes,
            Some(None) => repository.folder_size(path).await?.size_bytes,
            None => 0,
        };
    }
    Ok(total)
}
