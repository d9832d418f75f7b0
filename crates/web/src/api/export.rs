//! Export: every selected detail of a record as CSV or JSON lines, streamed page by page.

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use domain::detail::{DetailFilter, RecordDetail};
use domain::id::DetailId;
use futures_util::stream;
use serde_json::Value;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::details::DetailView;
use crate::api::filter;
use crate::api::records::known;
use crate::app::App;
use crate::auth::Admin;
use crate::error::{ApiError, ApiResult};
use crate::params::{Params, Segments};
use crate::reader::Reader;

/// Rows read at once.
const ROWS: usize = 500;

/// Columns of a CSV export: members of a detail.
const COLUMNS: [&str; 19] = [
    "id",
    "localCluster",
    "cluster",
    "repository",
    "repositoryType",
    "artifact",
    "version",
    "status",
    "outcome",
    "conflict",
    "conflictStrategy",
    "sizeBytes",
    "sha256",
    "movedBytes",
    "attempts",
    "reason",
    "startedAt",
    "endedAt",
    "note",
];

/// Returns the routes.
pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(export))
}

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Comma-separated, a head line first.
    Csv,
    /// One JSON object per line.
    Jsonl,
}

const FORMS: &[(&str, Form)] = &[("csv", Form::Csv), ("jsonl", Form::Jsonl)];

/// How an export is written.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what Params reads")]
struct ExportParams {
    /// `csv` or `jsonl`; JSON lines unless said otherwise.
    #[param(rename = "as")]
    form: Option<String>,
}

/// Answers every selected detail of a record, newest first, as CSV or JSON lines.
#[utoipa::path(get, path = "/api/v1/records/{id}/details/export", params(filter::FilterParams, ExportParams), responses((status = 200, content((String = "application/x-ndjson"), (String = "text/csv")))))]
async fn export(
    _: Admin,
    State(app): State<App>,
    reader: Reader,
    Segments(id): Segments<String>,
    params: Params,
) -> ApiResult<Response> {
    let form = params.choice("as", FORMS)?.unwrap_or(Form::Jsonl);
    let filter = filter::of_query(&params)?;
    answer(&app, &reader, &id, filter, form).await
}

/// Answers every detail of record `id` that `filter` selects, as a file.
pub(crate) async fn answer(
    app: &App,
    reader: &Reader,
    id: &str,
    filter: DetailFilter,
    form: Form,
) -> ApiResult<Response> {
    let record = known(app, id).await?.id;
    let (media, ending) = match form {
        Form::Csv => ("text/csv; charset=utf-8", "csv"),
        Form::Jsonl => ("application/x-ndjson", "jsonl"),
    };
    let disposition = format!("attachment; filename=\"{record}.{ending}\"");
    let disposition = HeaderValue::from_str(&disposition).map_err(ApiError::internal)?;
    let export = Export {
        app: app.clone(),
        reader: reader.clone(),
        id: id.into(),
        filter,
        form,
        place: Place::Head,
    };
    let pages = stream::try_unfold(export, |mut export| async move {
        let piece = export.next().await.map_err(std::io::Error::other)?;
        Ok::<_, std::io::Error>(piece.map(|piece| (piece, export)))
    });
    let head = [
        (CONTENT_TYPE, HeaderValue::from_static(media)),
        (CONTENT_DISPOSITION, disposition),
    ];
    Ok((head, Body::from_stream(pages)).into_response())
}

/// How far an export has come.
enum Place {
    Head,
    Behind(Option<(i64, DetailId)>),
    End,
}

struct Export {
    app: App,
    reader: Reader,
    id: String,
    filter: DetailFilter,
    form: Form,
    place: Place,
}

impl Export {
    async fn next(&mut self) -> ApiResult<Option<Bytes>> {
        let after = match self.place {
            Place::Head if self.form == Form::Csv => {
                self.place = Place::Behind(None);
                return Ok(Some(line(COLUMNS.iter().map(|name| (*name).to_owned())).into()));
            }
            Place::Head => None,
            Place::Behind(after) => after,
            Place::End => return Ok(None),
        };
        let engine = self.app.engine();
        let rows = engine.details_after(&self.id, &self.filter, after, ROWS).await?;
        self.place = match rows.last() {
            Some(last) if rows.len() == ROWS => Place::Behind(Some((last.started_ms, last.id))),
            _ => Place::End,
        };
        let mut written = String::new();
        for row in rows {
            self.write(row, &mut written)?;
        }
        Ok(Some(written.into()))
    }

    fn write(&self, row: RecordDetail, out: &mut String) -> ApiResult<()> {
        let view = serde_json::to_value(DetailView::of(row, &self.reader)).map_err(ApiError::internal)?;
        match self.form {
            Form::Jsonl => {
                out.push_str(&view.to_string());
                out.push('\n');
            }
            Form::Csv => out.push_str(&line(COLUMNS.iter().map(|name| cell(&view[*name])))),
        }
        Ok(())
    }
}

/// Returns a value as one cell. A text that a spreadsheet would take for a formula is kept from being one.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r']) => format!("'{text}"),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Returns `cells` as a line of RFC 4180.
fn line(cells: impl Iterator<Item = String>) -> String {
    let quoted = cells.map(|cell| {
        if cell.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell
        }
    });
    let mut line = quoted.collect::<Vec<_>>().join(",");
    line.push_str("\r\n");
    line
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_with_quotes_commas_and_formulas_stay_names() {
        let cells = [
            json!("a,b"),
            json!("say \"x\"\n"),
            json!("=1+1"),
            json!(null),
            json!(7),
        ];

        let line = line(cells.iter().map(cell));

        assert_eq!(line, "\"a,b\",\"say \"\"x\"\"\n\",'=1+1,,7\r\n");
    }
}
