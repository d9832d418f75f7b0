//! One page of a plan: looked up and decided, then carried and settled.
//!
//! The page is journalled before its bytes move, and closed in the transaction that settles its last
//! artifact; a page interrupted in between is carried again and reported as it was journalled.

use std::collections::HashMap;
use std::sync::Arc;

use domain::artifact::{Artifact, ArtifactKey, Existing};
use domain::decide::Action;
use domain::detail::{Outcome, Settlement};
use domain::failure::{ErrorKind, Failure, Stage};
use domain::id::{DetailId, EventId};
use domain::ports::{ConnectorError, ConnectorResult};
use futures_util::StreamExt;
use storage::db::StoreResult;
use storage::writer::{DetailRow, Group, JournalPage, PageMark};

use super::backoff::{jitter, wait_before_next};
use super::batch::{Carrier, refused};
use super::compare;
use super::item::{Item, Line, decided};
use super::listing::absent;
use super::started::Started;
use super::unit::UnitRun;
use crate::metrics::Tally;

/// A page that is decided: some artifacts are settled already, the others have to be written.
pub(crate) struct DecidedPage {
    pub(crate) settled: Vec<(Line, Settlement)>,
    pub(crate) writes: Vec<Item>,
    /// Changed artifacts that are gone again: nothing is to be carried, nothing is reported.
    pub(crate) vanished: Vec<ArtifactKey>,
    /// The events it carries.
    pub(crate) took: Vec<EventId>,
    /// The first artifact that failed before anything moved; under a fast-failing strategy nothing behind it counts.
    pub(crate) first_failed: Option<(ArtifactKey, Failure)>,
}

impl DecidedPage {
    /// Returns how many artifacts are decided.
    pub(crate) fn len(&self) -> usize {
        self.settled.len() + self.writes.len() + self.vanished.len()
    }
}

/// What was known of an artifact before: its journalled action, and its row if that is stored as running.
#[derive(Default)]
pub(crate) struct Before {
    pub(crate) journalled: HashMap<ArtifactKey, Action>,
    pub(crate) running: HashMap<ArtifactKey, (DetailId, i64)>,
}

impl UnitRun {
    /// Looks up `keys` at both ends and decides each; `Err` when the target could not be asked.
    ///
    /// With `until_first_failed` the page ends behind its first failed artifact.
    pub(crate) async fn decide(
        &self,
        keys: &[ArtifactKey],
        before: &Before,
        until_first_failed: bool,
    ) -> Result<DecidedPage, Failure> {
        let mut described = self.describe(keys).await?;
        let known: Vec<ArtifactKey> = described
            .iter()
            .filter_map(|it| it.as_ref().ok().map(|artifact| artifact.key.clone()))
            .collect();
        let mut found = self.find(&known).await?;
        self.compare(&mut described, &mut found).await?;
        let mut found = found.into_iter();
        let mut page = DecidedPage {
            settled: Vec::new(),
            writes: Vec::new(),
            vanished: Vec::new(),
            took: Vec::new(),
            first_failed: None,
        };
        for (key, described) in keys.iter().zip(described) {
            match described {
                Ok(artifact) => {
                    let existing = found.next().flatten();
                    self.decide_one(artifact, existing, before, &mut page);
                }
                Err(failure) if self.is_withdrawn(key, &failure, before) => page.vanished.push(key.clone()),
                Err(failure) => self.settle_undescribed(key, failure, before, &mut page),
            }
            if until_first_failed && page.first_failed.is_some() {
                break;
            }
        }
        Ok(page)
    }

    /// Reads what has to be read to tell whether content is the same; an artifact whose source cannot be read for it
    /// fails.
    async fn compare(
        &self,
        described: &mut [Result<Artifact, Failure>],
        found: &mut Vec<Option<Existing>>,
    ) -> Result<(), Failure> {
        let carrier = &self.carrier;
        let known: Vec<&Artifact> = described.iter().filter_map(|it| it.as_ref().ok()).collect();
        let open = compare::unknown(&known, found);
        if open.is_empty() {
            return Ok(());
        }
        let read = carrier.part.ask(|| async {
            let mut read = found.clone();
            compare::read_back(&*carrier.target, &known, &mut read, &open).await?;
            Ok(read)
        });
        *found = read.await?;
        let open = compare::unknown(&known, found);
        let wanted: Vec<Artifact> = open.iter().map(|index| known[*index].clone()).collect();
        let places: Vec<usize> = (0..described.len())
            .filter(|place| described[*place].is_ok())
            .collect();
        let inspected = self.inspect(&wanted).await?.into_iter().zip(&open);
        let told = inspected.map(|(answer, index)| {
            let existing = found[*index].clone();
            async move {
                match answer {
                    Ok(artifact) if compare::is_unknown(&artifact, existing.as_ref()) => {
                        self.learned(artifact).await
                    }
                    answer => answer,
                }
            }
        });
        let told: Vec<_> = told.collect();
        let told: Vec<_> = futures_util::stream::iter(told)
            .buffered(compare::LEARNED_AT_ONCE)
            .collect()
            .await;
        // From the end, so that what is taken out moves nothing that is still to be looked at.
        for (index, told) in open.into_iter().zip(told).rev() {
            if told.is_err() {
                found.remove(index);
            }
            described[places[index]] = told;
        }
        Ok(())
    }

    async fn inspect(&self, described: &[Artifact]) -> Result<Vec<Result<Artifact, Failure>>, Failure> {
        if described.is_empty() {
            return Ok(Vec::new());
        }
        let Carrier {
            content,
            local_cluster,
            ..
        } = &self.carrier;
        let answers = self.ask_source(|| content.source.inspect(described)).await?;
        Ok(answers
            .into_iter()
            .map(|answer| answer.map_err(|error| error.to_failure(local_cluster, 1)))
            .collect())
    }

    async fn learned(&self, artifact: Artifact) -> Result<Artifact, Failure> {
        let content = &self.carrier.content;
        self.ask_source(|| compare::learned(content, artifact.clone()))
            .await
    }

    /// Says whether a change needs not be carried because what changed is gone; what is shown already is settled.
    fn is_withdrawn(&self, key: &ArtifactKey, failure: &Failure, before: &Before) -> bool {
        self.listing.feed.is_some()
            && failure.class == ErrorKind::NotFound
            && !before.running.contains_key(key)
    }

    async fn describe(&self, keys: &[ArtifactKey]) -> Result<Vec<Result<Artifact, Failure>>, Failure> {
        let Carrier {
            part,
            content,
            local_cluster,
            ..
        } = &self.carrier;
        let mut answers = self.ask_source(|| content.source.describe(keys)).await?;
        let mut tried = 1;
        // One artifact that cannot be described now must not fail, nor keep the others waiting for long.
        while let Some((again, wait)) = to_be_asked_again(&answers, tried) {
            part.rest(wait).await;
            if part.is_over() {
                break;
            }
            let keys: Vec<ArtifactKey> = again
                .iter()
                .filter_map(|index| keys.get(*index).cloned())
                .collect();
            let newer = self.ask_source(|| content.source.describe(&keys)).await?;
            for (index, newer) in again.into_iter().zip(newer) {
                answers[index] = newer;
            }
            tried += 1;
        }
        let tries = |error: &ConnectorError| if error.kind.is_transient() { tried } else { 1 };
        Ok(answers
            .into_iter()
            .map(|answer| answer.map_err(|error| error.to_failure(local_cluster, tries(&error))))
            .collect())
    }

    async fn find(&self, keys: &[ArtifactKey]) -> Result<Vec<Option<Existing>>, Failure> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.carrier.part.ask(|| self.carrier.target.find(keys)).await?;
        if found.len() == keys.len() {
            return Ok(found);
        }
        Err(
            ConnectorError::new(ErrorKind::Protocol, Stage::Describe, &self.carrier.part.cluster)
                .words(format!(
                    "answered for {} artifacts instead of {}",
                    found.len(),
                    keys.len()
                ))
                .to_failure(&self.carrier.part.cluster, 1),
        )
    }

    fn decide_one(
        &self,
        artifact: Artifact,
        existing: Option<Existing>,
        before: &Before,
        page: &mut DecidedPage,
    ) {
        let (target, settings) = (&*self.carrier.target, &self.carrier.settings);
        let action = decided(target, &artifact, existing.as_ref(), settings);
        let (id, started) = self.begin(&artifact.key, before);
        let journalled = before.journalled.get(&artifact.key).copied();
        let mut item = Item {
            id,
            artifact,
            action,
            existing,
            started,
        };
        if let (Action::Keep, Some(journalled)) = (action, journalled) {
            item.action = journalled;
            let settlement = self.carrier.noted(&item, item.arrived_before(1));
            page.settled.push((Line::of(&item), settlement));
        } else if action.writes() {
            page.writes.push(item);
        } else if action == Action::Refuse {
            let failure = refused(&self.carrier.part.cluster);
            let settlement = Settlement {
                failed_blobs: 0,
                ..item.failed(failure.clone())
            };
            page.first_failed
                .get_or_insert((item.artifact.key.clone(), failure));
            page.settled.push((Line::of(&item), settlement));
        } else {
            let settlement = self.carrier.noted(&item, action.settled());
            page.settled.push((Line::of(&item), settlement));
        }
    }

    fn settle_undescribed(
        &self,
        key: &ArtifactKey,
        failure: Failure,
        before: &Before,
        page: &mut DecidedPage,
    ) {
        let (id, started) = self.begin(key, before);
        let line = Line {
            id,
            key: key.clone(),
            size_bytes: None,
            digest: None,
            started_ms: started.ms(),
        };
        page.first_failed.get_or_insert((key.clone(), failure.clone()));
        page.settled.push((line, failed_settlement(failure)));
    }

    fn begin(&self, key: &ArtifactKey, before: &Before) -> (DetailId, Started) {
        let now_ms = self.clock.now_ms();
        match before.running.get(key) {
            Some((id, since_ms)) => (*id, Started::already(*since_ms)),
            None => (self.store.ids().next(now_ms), Started::not_yet(now_ms)),
        }
    }

    /// Settles the paths of the scope that name nothing, in a page of their own; returns the first failure.
    pub(crate) async fn settle_missing(
        &self,
        missing: Vec<ArtifactKey>,
        mark: PageMark,
        page_no: u32,
    ) -> StoreResult<Option<Failure>> {
        let mut first = None;
        let rows = missing.into_iter().map(|key| {
            let error = ConnectorError::new(ErrorKind::NotFound, Stage::List, &key.name)
                .words(absent(&self.listing.scope, &key));
            let failure = error.to_failure(&self.carrier.local_cluster, 1);
            first.get_or_insert_with(|| failure.clone());
            let (id, started) = self.begin(&key, &Before::default());
            let line = Line {
                id,
                key,
                size_bytes: None,
                digest: None,
                started_ms: started.ms(),
            };
            line.settled(
                self.unit_no,
                failed_settlement(failure),
                self.clock.now_ms(),
                false,
            )
        });
        let closed = PageMark::Closed {
            unit_no: self.unit_no,
            page_no,
        };
        let rows = rows.collect();
        self.commit(rows, vec![mark, closed]).await?;
        Ok(first)
    }

    /// Journals `page` (unless it is journalled already), carries its artifacts and settles every one.
    pub(crate) async fn carry(
        self: Arc<Self>,
        page: DecidedPage,
        opened: JournalPage,
        before: Before,
    ) -> StoreResult<()> {
        let page_no = opened.page_no;
        let mut marks = Vec::new();
        if before.journalled.is_empty() {
            marks.push(PageMark::Opened(opened));
        }
        if !page.took.is_empty() {
            marks.push(PageMark::Took { events: page.took });
        }
        if !page.vanished.is_empty() {
            marks.push(PageMark::Vanished {
                unit_no: self.unit_no,
                keys: page.vanished,
            });
        }
        if page.writes.is_empty() {
            marks.push(PageMark::Closed {
                unit_no: self.unit_no,
                page_no,
            });
        }
        let now_ms = self.clock.now_ms();
        let rows = page.settled.into_iter().map(|(line, settlement)| {
            let was_running = before.running.contains_key(&line.key);
            line.settled(self.unit_no, settlement, now_ms, was_running)
        });
        self.commit(rows.collect(), marks).await?;
        self.note_failed(page.first_failed.as_ref().map(|(_, failure)| failure));
        if page.writes.is_empty() {
            Ok(())
        } else {
            self.carry_writes(page.writes, page_no, before).await
        }
    }

    pub(crate) async fn commit(&self, rows: Vec<DetailRow>, pages: Vec<PageMark>) -> StoreResult<()> {
        let tally = Tally::of(&rows);
        let group = Group {
            record_no: self.record_no,
            fence: self.fence,
            rows,
            pages,
        };
        self.store.writer().commit(group).await?;
        self.metrics.settled(&self.carrier.part.cluster, &tally);
        Ok(())
    }
}

/// Returns which artifacts could not be described but may be now, and how long to wait before asking.
fn to_be_asked_again(
    answers: &[ConnectorResult<Artifact>],
    tried: u32,
) -> Option<(Vec<usize>, std::time::Duration)> {
    let waits = answers.iter().enumerate().filter_map(|(index, answer)| {
        let error = answer.as_ref().err()?;
        Some((index, wait_before_next(error, tried, jitter())?))
    });
    let (again, waits): (Vec<usize>, Vec<_>) = waits.unzip();
    Some((again, waits.into_iter().max()?))
}

/// Returns the settlement of an artifact that failed before anything moved.
pub(crate) fn failed_settlement(failure: Failure) -> Settlement {
    Settlement {
        attempts: failure.attempts,
        failure: Some(failure),
        ..Settlement::of(Outcome::Failed)
    }
}
