//! Record import: `POST /api/v1/records/import`, JSON lines.
//!
//! Each line is `{"record": {...}}` or `{"detail": {...}}`: the contract's own objects, a record before its
//! details. A record may name its task with `taskName`. Rows keep their ids, so the same file can be sent
//! again; what stands there already is not touched. A line that cannot be taken is refused by its number,
//! and everything before it is stored.

mod line;

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use engine::import::{ImportItem, Imported, NotImported};
use futures_util::StreamExt;
use messages::{Text, text};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::answer::ok;
use crate::app::App;
use crate::auth::Admin;
use crate::codes::Code;
use crate::error::{ApiError, ApiResult};

/// Longest line.
const LINE_BYTES: usize = 1024 * 1024;
/// Lines that are stored together, and the bytes after which they are.
const BATCH_LINES: usize = 500;
const BATCH_BYTES: usize = 1024 * 1024;

/// Returns the routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(import))
}

/// What was taken over.
#[derive(Serialize, ToSchema)]
#[schema(as = Imported)]
struct Answer {
    lines: usize,
    records: u64,
    details: u64,
}

/// Takes over the records and details of the body.
#[utoipa::path(post, path = "/api/v1/records/import", request_body(content = String, content_type = "application/x-ndjson"), responses((status = 200, body = Answer)))]
async fn import(admin: Admin, State(app): State<App>, body: Body) -> ApiResult<Response> {
    let mut import = Import {
        app: &app,
        user: admin.name(),
        line: 0,
        items: Vec::new(),
        item_lines: Vec::new(),
        bytes: 0,
        done: Imported::default(),
    };
    let mut rest = BytesMut::new();
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| refusal(import.line + 1, text!("body-broken-off")))?;
        rest.extend_from_slice(&piece);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line = rest.split_to(end + 1).freeze();
            import.take(line).await?;
        }
        if rest.len() > LINE_BYTES {
            import.store().await?;
            return Err(refusal(
                import.line + 1,
                text!("line-too-long", limit = LINE_BYTES),
            ));
        }
    }
    import.take(rest.freeze()).await?;
    import.store().await?;
    ok(Answer {
        lines: import.line,
        records: import.done.records,
        details: import.done.details,
    })
}

/// An import that is going on.
struct Import<'a> {
    app: &'a App,
    user: &'a str,
    /// Lines taken so far.
    line: usize,
    items: Vec<ImportItem>,
    item_lines: Vec<usize>,
    bytes: usize,
    done: Imported,
}

impl Import<'_> {
    async fn take(&mut self, line: Bytes) -> ApiResult<()> {
        self.line += usize::from(!line.is_empty());
        if line.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        match line::item(&line, self.app.zone()) {
            Ok(item) => {
                self.items.push(item);
                self.item_lines.push(self.line);
                self.bytes += line.len();
            }
            Err(reason) => {
                // What came before it is good, and stays.
                self.store().await?;
                return Err(refusal(self.line, reason));
            }
        }
        if self.items.len() >= BATCH_LINES || self.bytes >= BATCH_BYTES {
            self.store().await?;
        }
        Ok(())
    }

    async fn store(&mut self) -> ApiResult<()> {
        let items = std::mem::take(&mut self.items);
        let lines = std::mem::take(&mut self.item_lines);
        self.bytes = 0;
        match self.app.engine().import(items, self.user).await {
            Ok(imported) => {
                self.done.records += imported.records;
                self.done.details += imported.details;
                Ok(())
            }
            Err(NotImported { index, error }) => {
                let error = ApiError::from(error);
                if error.status() == StatusCode::INTERNAL_SERVER_ERROR {
                    return Err(error);
                }
                let line = lines.get(index).copied().unwrap_or(self.line);
                Err(refusal(line, error.text()))
            }
        }
    }
}

fn refusal(line: usize, reason: Text) -> ApiError {
    let error = ApiError::new(Code::ContentInvalid, []);
    error.because(text!("import-line", line = line, reason = reason))
}
