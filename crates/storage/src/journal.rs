//! The journal: which pages of a run are planned and not settled, and how far planning has come.
//!
//! A page is opened before its bytes move and closed together with its last artifact, each in the
//! transaction that settles artifacts. So a run that is interrupted anywhere goes on where it was.

use std::collections::HashSet;

use domain::artifact::ArtifactKey;
use domain::decide::Action;
use domain::id::EventId;
use domain::ports::Cursor;
use serde::{Deserialize, Serialize};

use crate::db::{Db, Row, StoreResult, Write, flag, int, maybe, placeholders, text};
use crate::lanes::artifact_groups;
use crate::rows::{from_json, json, unreadable};

/// One artifact of a page, and what was decided for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// The artifact.
    pub key: ArtifactKey,
    /// What was decided.
    pub action: Action,
}

/// One page of a unit's plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalPage {
    /// Unit it belongs to.
    pub unit_no: u16,
    /// Its number within the unit, from 0 on without gaps.
    pub page_no: u32,
    /// Where planning goes on behind it; `None` when it is the last one.
    pub cursor_after: Option<Cursor>,
    /// The artifacts that are not settled by the transaction that opens it.
    pub planned: Vec<Planned>,
}

/// What happens to a page, in the transaction of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageMark {
    /// It is planned.
    Opened(JournalPage),
    /// It carries these events, as far as they are still what was listed.
    Took {
        /// The events.
        events: Vec<EventId>,
    },
    /// Of the events it carries, those of these artifacts name nothing any more.
    Vanished {
        /// Unit it belongs to.
        unit_no: u16,
        /// The artifacts.
        keys: Vec<ArtifactKey>,
    },
    /// Its last artifact is settled.
    Closed {
        /// Unit it belongs to.
        unit_no: u16,
        /// Its number within the unit.
        page_no: u32,
    },
}

/// How far a unit's plan has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitProgress {
    /// The unit.
    pub unit_no: u16,
    /// Number of the page to be planned next.
    pub next_page_no: u32,
    /// Where it begins; `None`: at the very beginning, or nowhere if `exhausted`.
    pub cursor: Option<Cursor>,
    /// Whether every page is planned.
    pub exhausted: bool,
    /// Pages that are planned and not settled, in their order.
    pub open_pages: Vec<JournalPage>,
}

impl UnitProgress {
    /// Starts a unit at its very beginning.
    pub fn new(unit_no: u16) -> Self {
        Self {
            unit_no,
            next_page_no: 0,
            cursor: None,
            exhausted: false,
            open_pages: Vec::new(),
        }
    }
}

const OPEN_PAGE: &str = "INSERT INTO journal_page (record_no, unit_no, page_no, cursor_before, cursor_after, planned) \
    SELECT $1, $2, $3, cursor, $4, $5 FROM record_unit WHERE record_no = $1 AND unit_no = $2";
const ADVANCE: &str = "UPDATE record_unit SET next_page_no = $3, cursor = $4, exhausted = $5 \
    WHERE record_no = $1 AND unit_no = $2";
const READ_PAGE: &str = "SELECT * FROM journal_page WHERE record_no = $1 AND unit_no = $2 AND page_no = $3";
const CLOSE_PAGE: &str = "DELETE FROM journal_page WHERE record_no = $1 AND unit_no = $2 AND page_no = $3";
const NEXT_PAGE: &str = "SELECT next_page_no FROM record_unit WHERE record_no = $1 AND unit_no = $2";
const UNITS: &str = "SELECT unit_no, next_page_no, cursor, exhausted FROM record_unit WHERE record_no = $1 \
    ORDER BY unit_no";
const PAGES: &str = "SELECT * FROM journal_page WHERE record_no = $1 ORDER BY unit_no, page_no";
const REST: &str =
    "UPDATE record_unit SET rest = 1, rest_cursor = cursor WHERE record_no = $1 AND exhausted = 0";
const EARLIEST_OPEN: &str = "SELECT unit_no, cursor_before FROM journal_page j WHERE record_no = $1 AND page_no = \
    (SELECT MIN(page_no) FROM journal_page i WHERE i.record_no = j.record_no AND i.unit_no = j.unit_no)";
const REST_FROM: &str =
    "UPDATE record_unit SET rest = 1, rest_cursor = $3 WHERE record_no = $1 AND unit_no = $2";
const FORGET_PAGES: &str = "DELETE FROM journal_page WHERE record_no = $1";
const FORGET_SETTLED: &str = "DELETE FROM journal_settled WHERE record_no = $1";

/// Returns the number of the page that a unit opens next; `None` for an unknown unit.
pub(crate) async fn next_page(write: &mut Write, no: i64, unit_no: u16) -> StoreResult<Option<u32>> {
    let row = write
        .fetch_optional(NEXT_PAGE, vec![int(no), int(unit_no.into())])
        .await?;
    row.map(|row| page_no(row.int("next_page_no")?)).transpose()
}

/// Enters the marks of one group.
///
/// Without details (`keeps_details` unset) the settled artifacts of open pages are noted here instead.
pub(crate) async fn mark(
    write: &mut Write,
    no: i64,
    keeps_details: bool,
    marks: &[PageMark],
) -> StoreResult<()> {
    let closed: HashSet<(u16, u32)> = marks
        .iter()
        .filter_map(|mark| match mark {
            PageMark::Closed { unit_no, page_no } => Some((*unit_no, *page_no)),
            PageMark::Opened(_) | PageMark::Took { .. } | PageMark::Vanished { .. } => None,
        })
        .collect();
    let mut passed = HashSet::new();
    for mark in marks {
        match mark {
            PageMark::Opened(page) => {
                let at_once = closed.contains(&(page.unit_no, page.page_no));
                open(write, no, page, at_once).await?;
                if at_once {
                    passed.insert((page.unit_no, page.page_no));
                }
            }
            PageMark::Closed { unit_no, page_no } if !passed.contains(&(*unit_no, *page_no)) => {
                close(write, no, *unit_no, *page_no, keeps_details).await?;
            }
            PageMark::Closed { .. } | PageMark::Took { .. } | PageMark::Vanished { .. } => {}
        }
    }
    Ok(())
}

async fn open(write: &mut Write, no: i64, page: &JournalPage, at_once: bool) -> StoreResult<()> {
    let place = [int(no), int(page.unit_no.into())];
    let cursor = maybe(page.cursor_after.as_ref(), |cursor| text(&cursor.0));
    if !at_once {
        let mut values = place.to_vec();
        values.extend([int(page.page_no.into()), cursor.clone(), json(&page.planned)]);
        write.execute(OPEN_PAGE, values).await?;
    }
    let mut values = place.to_vec();
    values.extend([
        int(i64::from(page.page_no) + 1),
        cursor,
        flag(page.cursor_after.is_none()),
    ]);
    write.execute(ADVANCE, values).await?;
    Ok(())
}

async fn close(
    write: &mut Write,
    no: i64,
    unit_no: u16,
    page_no: u32,
    keeps_details: bool,
) -> StoreResult<()> {
    let place = vec![int(no), int(unit_no.into()), int(page_no.into())];
    if !keeps_details && let Some(row) = write.fetch_optional(READ_PAGE, place.clone()).await? {
        forget_settled(write, no, &read_page(&row)?).await?;
    }
    write.execute(CLOSE_PAGE, place).await?;
    Ok(())
}

async fn forget_settled(write: &mut Write, no: i64, page: &JournalPage) -> StoreResult<()> {
    for planned in page.planned.chunks(500) {
        let sql = format!(
            "DELETE FROM journal_settled WHERE record_no = $1 AND unit_no = $2 AND (name, version) IN (VALUES {})",
            placeholders(3, 2, planned.len())
        );
        let mut values = vec![int(no), int(page.unit_no.into())];
        for Planned { key, .. } in planned {
            values.extend([text(&key.name), text(key.version.as_deref().unwrap_or_default())]);
        }
        write.execute(sql, values).await?;
    }
    Ok(())
}

/// Notes artifacts of open pages that are settled and leave no detail.
pub(crate) async fn note_settled(
    write: &mut Write,
    no: i64,
    settled: &[(u16, &ArtifactKey)],
) -> StoreResult<()> {
    let rows = settled.iter().map(|(unit_no, key)| {
        vec![
            int(no),
            int((*unit_no).into()),
            text(&key.name),
            text(key.version.as_deref().unwrap_or_default()),
        ]
    });
    let head = "INSERT INTO journal_settled (record_no, unit_no, name, version) VALUES";
    write
        .insert_all(
            head,
            4,
            "ON CONFLICT (record_no, unit_no, name, version) DO NOTHING",
            rows.collect(),
        )
        .await?;
    Ok(())
}

/// Keeps where the unattempted rest of each unit begins, and forgets the journal of a record.
pub(crate) async fn keep_rest(write: &mut Write, no: i64) -> StoreResult<()> {
    write.execute(REST, vec![int(no)]).await?;
    // An open page was not carried to its end: what is left begins where the earliest of them began.
    for row in write.fetch_all(EARLIEST_OPEN, vec![int(no)]).await? {
        let cursor = maybe(row.maybe_text("cursor_before")?, text);
        let values = vec![int(no), int(row.int("unit_no")?), cursor];
        write.execute(REST_FROM, values).await?;
    }
    write.execute(FORGET_PAGES, vec![int(no)]).await?;
    write.execute(FORGET_SETTLED, vec![int(no)]).await?;
    Ok(())
}

/// Returns how far each unit of a record has come, by number.
pub(crate) async fn progress(db: &Db, no: i64) -> StoreResult<Vec<UnitProgress>> {
    let mut units = Vec::new();
    for row in db.fetch_all(UNITS, vec![int(no)]).await? {
        units.push(UnitProgress {
            unit_no: unit_no(row.int("unit_no")?)?,
            next_page_no: page_no(row.int("next_page_no")?)?,
            cursor: row.maybe_text("cursor")?.map(Cursor),
            exhausted: row.flag("exhausted")?,
            open_pages: Vec::new(),
        });
    }
    for row in db.fetch_all(PAGES, vec![int(no)]).await? {
        let page = read_page(&row)?;
        if let Some(unit) = units.iter_mut().find(|unit| unit.unit_no == page.unit_no) {
            unit.open_pages.push(page);
        }
    }
    Ok(units)
}

/// Returns those of `keys` that are settled in a unit of a record.
pub(crate) async fn settled_keys(
    db: &Db,
    no: i64,
    unit_no: u16,
    keys: &[ArtifactKey],
) -> StoreResult<HashSet<ArtifactKey>> {
    let mut settled = HashSet::new();
    let wanted: HashSet<&ArtifactKey> = keys.iter().collect();
    let [files, packages] = artifact_groups(unit_no).map(int);
    let (details, settled_only) = (
        "SELECT name, version FROM detail WHERE outcome <> 0 AND record_no = $1 AND lane_group IN ($2, $3)",
        "SELECT name, version FROM journal_settled WHERE record_no = $1 AND unit_no IN ($2, $3)",
    );
    let unit = int(unit_no.into());
    for names in keys.chunks(500) {
        for (sql, places) in [(details, [&files, &packages]), (settled_only, [&unit, &unit])] {
            let sql = format!("{sql} AND name IN {}", placeholders(4, names.len(), 1));
            let mut values = vec![int(no), places[0].clone(), places[1].clone()];
            values.extend(names.iter().map(|key| text(&key.name)));
            for row in db.fetch_all(sql, values).await? {
                let key = ArtifactKey {
                    name: row.text("name")?,
                    version: row.maybe_text("version")?.filter(|version| !version.is_empty()),
                };
                if wanted.contains(&key) {
                    settled.insert(key);
                }
            }
        }
    }
    Ok(settled)
}

fn read_page(row: &Row) -> StoreResult<JournalPage> {
    Ok(JournalPage {
        unit_no: unit_no(row.int("unit_no")?)?,
        page_no: page_no(row.int("page_no")?)?,
        cursor_after: row.maybe_text("cursor_after")?.map(Cursor),
        planned: from_json("journal_page", &row.text("planned")?)?,
    })
}

pub(crate) fn unit_no(number: i64) -> StoreResult<u16> {
    u16::try_from(number).map_err(|_| unreadable("record_unit", number))
}

fn page_no(number: i64) -> StoreResult<u32> {
    u32::try_from(number).map_err(|_| unreadable("journal_page", number))
}
