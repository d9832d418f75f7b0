//! Moves the demonstration's files: up to the centre, and down again from the edges to compare them.

use std::collections::BTreeMap;

use domain::digest::{Digest, Hasher};
use futures_util::{StreamExt, TryStreamExt, stream};
use indicatif::ProgressBar;
use reqwest::{Body, Method};
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;

use super::files::DemoFile;
use crate::client::Client;
use crate::exit::{CliError, CliResult, failed};

/// Project of the demonstration's repository.
pub const PROJECT: &str = "demo";
/// Name of the demonstration's repository.
pub const REPOSITORY: &str = "files";
/// Files in flight at the same time.
const AT_ONCE: usize = 8;
const PIECE_BYTES: usize = 64 * 1024;

/// Digest and size of every file that is to arrive, by name.
pub type Manifest = BTreeMap<String, (Digest, u64)>;

/// Uploads `files`, and returns what they are according to the disk, not to the server.
pub async fn upload(client: &Client, files: &[DemoFile], bar: &ProgressBar) -> CliResult<Manifest> {
    stream::iter(files)
        .map(|file| async move {
            let known = digest(file).await.map_err(|error| unreadable(file, &error))?;
            let content = file
                .content
                .open()
                .await
                .map_err(|error| unreadable(file, &error))?;
            let body = Body::wrap_stream(ReaderStream::with_capacity(content, PIECE_BYTES));
            let request = client.request(Method::PUT, &path(&file.name), &[])?;
            let request = request.header("X-BKREPO-SHA256", known.0.to_hex()).body(body);
            client.send(request).await?;
            bar.inc(1);
            Ok::<_, CliError>((file.name.clone(), known))
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

/// Downloads every file of `manifest` from a node and returns how many are exactly what they should be.
pub async fn verify(client: &Client, manifest: &Manifest, bar: &ProgressBar) -> CliResult<usize> {
    let same = stream::iter(manifest)
        .map(|(name, known)| async move {
            let answer = client
                .send(client.request(Method::GET, &path(name), &[])?)
                .await?;
            let mut pieces = answer.bytes_stream();
            let (mut hasher, mut size_bytes) = (Hasher::default(), 0);
            while let Some(piece) = pieces.next().await {
                let piece = piece.map_err(|error| failed(format!("cannot read {name} back: {error}")))?;
                hasher.update(&piece);
                size_bytes += piece.len() as u64;
            }
            bar.inc(1);
            Ok::<_, CliError>((hasher.finish(), size_bytes) == *known)
        })
        .buffer_unordered(AT_ONCE);
    same.try_fold(0, |sum, same| async move { Ok(sum + usize::from(same)) })
        .await
}

fn path(name: &str) -> Vec<&str> {
    ["generic", PROJECT, REPOSITORY]
        .into_iter()
        .chain(name.split('/'))
        .collect()
}

fn unreadable(file: &DemoFile, error: &std::io::Error) -> CliError {
    failed(format!("cannot read {}: {error}", file.name))
}

async fn digest(file: &DemoFile) -> std::io::Result<(Digest, u64)> {
    let mut content = file.content.open().await?;
    let (mut hasher, mut size_bytes, mut piece) = (Hasher::default(), 0, vec![0; PIECE_BYTES]);
    loop {
        let read = content.read(&mut piece).await?;
        if read == 0 {
            return Ok((hasher.finish(), size_bytes));
        }
        hasher.update(&piece[..read]);
        size_bytes += read as u64;
    }
}
