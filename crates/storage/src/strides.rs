//! Reads the details of chosen lanes in their order, stepping over stretches that hold none of them.
//!
//! A page is found by adding up the counts of stretches from the nearer end, then walking inside one
//! stretch only. Neighbouring stretches that hold rows are read by one statement.

use crate::builder::Builder;
use crate::db::{Row, Snapshot, StoreError, StoreResult, blob, int, size};
use crate::selection::Selection;
use crate::stretches::{Place, STRETCH_ROWS};

/// Stretches read by the first statement, when the page is near; each further one reads more.
const FIRST_STRETCHES: usize = 8;
/// Most stretches read by one statement.
const MOST_STRETCHES: usize = 512;

/// Which way rows are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Newest first.
    Back,
    /// Oldest first.
    Forth,
}

/// Neighbouring stretches: from the first place up to the end, `None`: to the end of the record.
struct Run {
    from: Place,
    end: Option<Place>,
    rows: u64,
}

/// Walks over the stretches of a record, in one direction.
pub struct Strides<'a> {
    selection: &'a Selection,
    direction: Direction,
    /// The stretch behind is that of this place; `None` before the first.
    beyond: Option<Place>,
    /// Stretches read and not given out, next one last.
    known: Vec<Run>,
    /// How many the next statement reads.
    batch: usize,
    exhausted: bool,
    /// Rows up to this place are left out, going forth.
    floor: Option<Place>,
}

const HOLDS: &str = "SELECT first_ms, first_id FROM detail_stretch WHERE record_no = $1 \
    AND (first_ms, first_id) <= ($2, $3) ORDER BY first_ms DESC, first_id DESC LIMIT 1";

impl<'a> Strides<'a> {
    /// Starts at one end of the record, or behind `beyond`: going forth with the stretch that begins there.
    pub fn new(selection: &'a Selection, direction: Direction, beyond: Option<Place>) -> Self {
        Self {
            selection,
            direction,
            beyond,
            known: Vec::new(),
            batch: FIRST_STRETCHES,
            exhausted: false,
            floor: None,
        }
    }

    /// Starts behind `place`, going forth: in the stretch that holds it.
    pub async fn forth(read: &mut Snapshot, selection: &'a Selection, place: Place) -> StoreResult<Self> {
        let values = vec![int(selection.no), int(place.0), blob(place.1.clone())];
        let holds = read.fetch_optional(HOLDS, values).await?;
        let first = holds.map(|row| Ok::<Place, StoreError>((row.int("first_ms")?, row.blob("first_id")?)));
        Ok(Self {
            floor: Some(place),
            ..Self::new(selection, Direction::Forth, first.transpose()?)
        })
    }

    /// Returns `take` selected rows after the first `skip` of these lanes, in this direction.
    ///
    /// `skip` counts rows of the lanes, so it is of use only where lanes decide alone.
    pub async fn rows(mut self, read: &mut Snapshot, mut skip: u64, take: u64) -> StoreResult<Vec<Row>> {
        let estimate = usize::try_from(skip / STRETCH_ROWS as u64).unwrap_or(usize::MAX);
        self.batch = estimate.saturating_add(FIRST_STRETCHES).min(MOST_STRETCHES);
        let mut rows = Vec::new();
        while (rows.len() as u64) < take {
            let missing = take - rows.len() as u64;
            let Some(run) = self.next_run(read, &mut skip, missing).await? else {
                break;
            };
            rows.extend(self.read_run(read, &run, skip, missing).await?);
            skip = 0;
        }
        Ok(rows)
    }

    /// Returns the next neighbouring stretches that hold what is missing; steps over whole ones while `skip` lasts.
    async fn next_run(
        &mut self,
        read: &mut Snapshot,
        skip: &mut u64,
        missing: u64,
    ) -> StoreResult<Option<Run>> {
        let mut run: Option<Run> = None;
        while let Some(next) = self.next_stretch(read).await? {
            if run.is_none() && *skip >= next.rows {
                *skip -= next.rows;
                continue;
            }
            if next.rows == 0 {
                break;
            }
            let joined = match run {
                None => next,
                Some(run) => self.join(run, next),
            };
            let enough = joined.rows >= *skip + missing;
            run = Some(joined);
            if enough {
                break;
            }
        }
        Ok(run)
    }

    fn join(&self, run: Run, next: Run) -> Run {
        let rows = run.rows + next.rows;
        match self.direction {
            Direction::Back => Run {
                from: next.from,
                end: run.end,
                rows,
            },
            Direction::Forth => Run {
                from: run.from,
                end: next.end,
                rows,
            },
        }
    }

    async fn next_stretch(&mut self, read: &mut Snapshot) -> StoreResult<Option<Run>> {
        if self.known.is_empty() && !self.exhausted {
            self.read_stretches(read).await?;
        }
        Ok(self.known.pop())
    }

    async fn read_stretches(&mut self, read: &mut Snapshot) -> StoreResult<()> {
        let back = self.direction == Direction::Back;
        let mut sql = Builder::new("SELECT first_ms, first_id, SUM(");
        if self.selection.every_lane {
            sql.push("rows");
        } else {
            sql.push("CASE WHEN lane IN ")
                .bind_list(self.selection.lanes.iter().map(|lane| int(*lane)))
                .push(" THEN rows ELSE 0 END");
        }
        sql.push(") AS rows FROM detail_stretch WHERE record_no = ")
            .bind(int(self.selection.no));
        if let Some((ms, id)) = &self.beyond {
            sql.push(if back {
                " AND (first_ms, first_id) < "
            } else {
                " AND (first_ms, first_id) >= "
            })
            .bind_list([int(*ms), blob(id.clone())]);
        }
        let order = if back { "DESC" } else { "ASC" };
        sql.push(&format!(
            " GROUP BY first_ms, first_id ORDER BY first_ms {order}, first_id {order} LIMIT "
        ));
        // One more when going forth: where it begins is where the last one ends.
        sql.bind(size(self.batch as u64 + 1));
        let rows = read.fetch_all(sql.sql, sql.values).await?;
        self.exhausted = rows.len() <= self.batch;
        self.batch = (self.batch * 4).min(MOST_STRETCHES);
        let mut stretches = Vec::with_capacity(rows.len());
        for row in &rows {
            stretches.push(((row.int("first_ms")?, row.blob("first_id")?), row.size("rows")?));
        }
        self.take(stretches);
        Ok(())
    }

    fn take(&mut self, mut stretches: Vec<(Place, u64)>) {
        if self.direction == Direction::Back {
            if !self.exhausted {
                stretches.pop();
            }
            for (from, rows) in stretches {
                let end = self.beyond.replace(from.clone());
                self.known.push(Run { from, end, rows });
            }
        } else {
            let next = if self.exhausted { None } else { stretches.pop() };
            let mut ends = stretches
                .iter()
                .skip(1)
                .map(|(first, _)| first.clone())
                .collect::<Vec<_>>();
            ends.extend(next.as_ref().map(|(first, _)| first.clone()));
            let mut ends = ends.into_iter();
            for (from, rows) in stretches {
                self.known.push(Run {
                    from,
                    end: ends.next(),
                    rows,
                });
            }
            self.beyond = next.map(|(first, _)| first);
        }
        self.known.reverse();
    }

    async fn read_run(&self, read: &mut Snapshot, run: &Run, skip: u64, take: u64) -> StoreResult<Vec<Row>> {
        let mut sql = Builder::new("SELECT * FROM detail WHERE record_no = ");
        sql.bind(int(self.selection.no));
        sql.push(" AND (start_ms, id) >= ")
            .bind_list([int(run.from.0), blob(run.from.1.clone())]);
        if let Some((ms, id)) = &run.end {
            sql.push(" AND (start_ms, id) < ")
                .bind_list([int(*ms), blob(id.clone())]);
        }
        if let Some((ms, id)) = &self.floor {
            sql.push(" AND (start_ms, id) > ")
                .bind_list([int(*ms), blob(id.clone())]);
        }
        self.selection.and_lanes(&mut sql);
        self.selection.and_conditions(&mut sql);
        let order = match self.direction {
            Direction::Back => "DESC",
            Direction::Forth => "ASC",
        };
        sql.push(&format!(" ORDER BY start_ms {order}, id {order} LIMIT "))
            .bind(size(take));
        sql.push(" OFFSET ").bind(size(skip));
        read.fetch_all(sql.sql, sql.values).await
    }
}
