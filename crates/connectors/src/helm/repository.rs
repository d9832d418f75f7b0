//! A chart repository as a server shows it: its index, the files of a chart, and ChartMuseum's API beside them.

use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::artifact::Blob;
use domain::digest::Digest;
use domain::failure::{ErrorKind, Stage};
use domain::ports::{ConnectorError, ConnectorResult};
use futures_util::TryStreamExt;
use reqwest::{Method, StatusCode};
use tokio::sync::{OnceCell, mpsc};
use url::Url;

use super::chart::Chart;
use super::index::{Index, MOST_BYTES};
use crate::http::{Fetched, Files, Wanted, answered};

/// How long an index that was read is taken for what the repository holds.
const READ_FOR: Duration = Duration::from_secs(30);
/// Longest signature that is read, in bytes.
const MOST_PROVENANCE_BYTES: u64 = 256 * 1024;
/// Questions about different charts that are asked at the same time.
pub(super) const PARALLEL: usize = 8;

/// Pieces of an index that are read and not understood yet.
const PIECES: usize = 4;

/// An index as it comes, to be read where nothing else waits.
struct Pieces {
    read: mpsc::Receiver<Bytes>,
    open: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.open.is_empty() {
            match self.read.blocking_recv() {
                Some(piece) => self.open = piece,
                None => return Ok(0),
            }
        }
        let piece = self.open.split_to(self.open.len().min(buffer.len()));
        buffer[..piece.len()].copy_from_slice(&piece);
        Ok(piece.len())
    }
}

/// A chart repository.
#[derive(Clone, Debug)]
pub(super) struct Repository(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    files: Files,
    index: tokio::sync::Mutex<Option<(Arc<Index>, Instant)>>,
    /// Where ChartMuseum's API is; known once it was looked for.
    api: OnceCell<Url>,
}

impl Repository {
    pub(super) fn of(files: Files) -> Self {
        Self(Arc::new(Inner {
            files,
            index: Default::default(),
            api: OnceCell::new(),
        }))
    }

    pub(super) fn files(&self) -> &Files {
        &self.0.files
    }

    /// Returns the URL of `names` below the repository.
    fn url(&self, names: &[&str]) -> Url {
        below(self.0.files.server().base(), names)
    }

    /// Returns the index, as it was a moment ago; read anew if `anew` is set.
    pub(super) async fn index(&self, anew: bool, stage: Stage) -> ConnectorResult<Arc<Index>> {
        // Whoever asks meanwhile waits for it: an index is long, and one reader is enough.
        let mut known = self.0.index.lock().await;
        if let Some((index, when)) = &*known
            && !anew
            && when.elapsed() < READ_FOR
        {
            return Ok(index.clone());
        }
        let index = Arc::new(self.read_index(stage).await?);
        *known = Some((index.clone(), Instant::now()));
        Ok(index)
    }

    async fn read_index(&self, stage: Stage) -> ConnectorResult<Index> {
        let url = self.url(&["index.yaml"]);
        let error = |kind| ConnectorError::new(kind, stage, url.path());
        let found = self.find(&url, stage).await?.ok_or_else(|| {
            error(ErrorKind::NotFound).words("there is no index.yaml: it is no chart repository")
        })?;
        let (pieces, read) = mpsc::channel(PIECES);
        let reading = tokio::task::spawn_blocking(move || {
            Index::read(Pieces {
                read,
                open: Bytes::new(),
            })
        });
        let mut bytes = found.at_most(MOST_BYTES);
        while let Some(piece) = bytes.try_next().await? {
            if pieces.send(piece).await.is_err() {
                // What was read so far is wrong.
                break;
            }
        }
        drop(pieces);
        let index = reading
            .await
            .unwrap_or_else(|_| Err("index.yaml cannot be read".into()));
        index.map_err(|words| error(ErrorKind::Protocol).words(words))
    }

    /// Returns the whole file at `url`, wherever it is kept; `None` when there is none.
    async fn get(&self, url: &Url, most_bytes: u64, stage: Stage) -> ConnectorResult<Option<Bytes>> {
        match self.find(url, stage).await? {
            Some(answer) => Ok(Some(answer.whole(most_bytes).await?)),
            None => Ok(None),
        }
    }

    async fn find(&self, url: &Url, stage: Stage) -> ConnectorResult<Option<Fetched>> {
        let wanted = Wanted {
            method: Method::GET,
            url: url.clone(),
            headers: Vec::new(),
            here: false,
            stage,
            subject: url.path(),
        };
        self.files().fetch(wanted).await
    }

    /// Returns where the file of `chart` is that is `named` so, perhaps on another server.
    pub(super) fn file_url(&self, chart: &Chart, named: Option<&str>, stage: Stage) -> ConnectorResult<Url> {
        let error = |words: &str| ConnectorError::new(ErrorKind::Protocol, stage, chart.file()).words(words);
        let named = named.ok_or_else(|| error("the index names no file of it"))?;
        let url = self.url(&[""]).join(named);
        url.map_err(|_| error("the index names its file by what is no URL"))
    }

    /// Describes the files of `chart`, the first of which is at `url`: itself and its signature. `None` when the first
    /// is not there.
    pub(super) async fn blobs(
        &self,
        chart: &Chart,
        url: &Url,
        digest: Option<Digest>,
        stage: Stage,
    ) -> ConnectorResult<Option<Vec<Blob>>> {
        let Some(facts) = self.files().facts(url, stage, url.path()).await? else {
            return Ok(None);
        };
        let package = Blob {
            name: chart.file(),
            digest: digest.or(facts.digest),
            ..facts
        };
        let beside = provenance_url(url);
        let signature = match self.get(&beside, MOST_PROVENANCE_BYTES, stage).await {
            // Other servers say so of what they do not have, and of what nobody signed an address for.
            Err(error) if error.remote_status == Some(403) && !self.files().server().owns(url) => None,
            signature => signature?,
        };
        let signature = signature.map(|bytes| Blob {
            name: chart.provenance(),
            ..Blob::of(Digest::of(&bytes), bytes.len() as u64)
        });
        Ok(Some([package].into_iter().chain(signature).collect()))
    }

    /// Returns where ChartMuseum's API keeps charts: `/api/{path}/charts`, or `{path}/api/charts` where it runs below
    /// a path.
    pub(super) async fn api(&self) -> ConnectorResult<&Url> {
        self.0.api.get_or_try_init(|| self.look_for_api()).await
    }

    async fn look_for_api(&self) -> ConnectorResult<Url> {
        let base = self.files().server().base();
        let mut origin = base.clone();
        origin.set_path("/");
        let path: Vec<&str> = base.path().split('/').filter(|name| !name.is_empty()).collect();
        let many = [&["api"][..], &path, &["charts"]].concat();
        for url in [below(&origin, &many), self.url(&["api", "charts"])] {
            let activity = self.files().server().activity();
            let request = self.files().request(Method::GET, &url).query(&[("limit", "1")]);
            let server = self.files().server();
            let answer = server
                .send(request, &activity, Stage::Describe, url.path())
                .await?;
            if matches!(
                answer.status(),
                StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED
            ) {
                continue;
            }
            answered(answer, &activity, Stage::Describe, url.path()).await?;
            return Ok(url);
        }
        Err(
            ConnectorError::new(ErrorKind::NotFound, Stage::Describe, base.path())
                .words("it has no ChartMuseum API (/api/charts), so charts cannot be put there"),
        )
    }

    /// Returns where ChartMuseum takes signatures that come alone.
    pub(super) async fn signatures(&self) -> ConnectorResult<Url> {
        let mut url = self.api().await?.clone();
        // An http URL always has segments.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop().push("prov");
        }
        Ok(url)
    }

    /// Returns where ChartMuseum keeps the file of `chart`.
    pub(super) fn kept_url(&self, chart: &Chart) -> Url {
        self.url(&["charts", &chart.file()])
    }

    /// Returns the URL of `names` below ChartMuseum's charts.
    pub(super) async fn api_url(&self, names: &[&str]) -> ConnectorResult<Url> {
        Ok(below(self.api().await?, names))
    }
}

/// Returns where the signature of the file at `url` is.
pub(super) fn provenance_url(url: &Url) -> Url {
    let mut beside = url.clone();
    beside.set_path(&format!("{}.prov", url.path()));
    beside
}

fn below(url: &Url, names: &[&str]) -> Url {
    let mut url = url.clone();
    // An http URL always has segments.
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(names);
    }
    url
}
