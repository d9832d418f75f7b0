//! One repository to one target within a run: planned page by page, a few pages in flight at a time.

use std::collections::HashMap;
use std::sync::Arc;

use domain::artifact::ArtifactKey;
use domain::clock::Clock;
use domain::failure::Failure;
use domain::ports::ConnectorResult;
use domain::task::{ErrorStrategy, Scope};
use storage::Store;
use storage::db::StoreResult;
use storage::writer::{JournalPage, PageMark, Planned, UnitProgress};
use tokio::task::JoinSet;

use super::backoff::{jitter, wait_before_next};
use super::batch::Carrier;
use super::listing::{Keys, ListError, Listing, Place};
use super::page::{Before, DecidedPage};
use crate::metrics::Metrics;

/// Artifacts of one page.
const PAGE_ARTIFACTS: usize = 1_000;

/// Artifacts of one page when the first failure ends the plan: few, so that little is in flight then.
const CAREFUL_PAGE_ARTIFACTS: usize = 50;

/// Pages of one unit that may be in flight, at least.
const PAGES_IN_FLIGHT: usize = 3;

/// How long a source may take to say where planning ended, in milliseconds: a stop ends within two seconds.
const LAST_LOOK_MS: u64 = 1_000;

/// One repository to one target within a run.
pub(crate) struct UnitRun {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Metrics,
    pub(crate) record_no: i64,
    pub(crate) fence: i64,
    pub(crate) unit_no: u16,
    pub(crate) carrier: Carrier,
    pub(crate) listing: Listing,
}

/// How far a unit came.
pub(crate) enum UnitEnd {
    /// Everything was looked at.
    Exhausted,
    /// Planning ended early, in front of `from_key` (`None` when even that is not known).
    Ended {
        from_key: Option<String>,
        failure: Failure,
    },
}

impl UnitRun {
    /// Carries what `progress` left over and everything behind it.
    pub(crate) async fn run(self: Arc<Self>, progress: UnitProgress) -> StoreResult<UnitEnd> {
        let mut pages = JoinSet::new();
        let mut place = Place::from_cursor(progress.cursor.as_ref());
        if progress.open_pages.is_empty() {
            if progress.exhausted {
                return Ok(UnitEnd::Exhausted);
            }
            if self.carrier.part.is_over() {
                return Ok(self.ended(&place, self.why(None)).await);
            }
        }
        if let Err(failure) = self.prepare().await {
            return match progress.open_pages.first() {
                Some(page) => self.ended_in(page, failure).await,
                None => Ok(self.ended(&place, failure).await),
            };
        }
        for page in progress.open_pages {
            if let Err(failure) = self.resume(&mut pages, &page).await? {
                drain(&mut pages).await?;
                return self.ended_in(&page, failure).await;
            }
        }
        let mut next_page_no = progress.next_page_no;
        let mut more = !progress.exhausted;
        let mut failure = None;
        let lists = self.listing.selections.is_empty() && self.listing.feed.is_none();
        let begins = more && next_page_no == 0 && lists;
        if begins && let Err(missing) = self.report_missing(&mut next_page_no).await? {
            failure = Some(missing);
        }
        while more && failure.is_none() && !self.carrier.part.is_over() {
            while pages.len() >= self.pages_in_flight() {
                joined(pages.join_next().await)?;
            }
            match self.plan(&mut pages, &mut place, &mut next_page_no).await? {
                Ok(goes_on) => more = goes_on,
                Err(found) => failure = Some(found),
            }
        }
        drain(&mut pages).await?;
        if more {
            Ok(self.ended(&place, self.why(failure)).await)
        } else {
            Ok(UnitEnd::Exhausted)
        }
    }

    fn why(&self, failure: Option<Failure>) -> Failure {
        let part = &self.carrier.part;
        failure
            .or_else(|| part.ended().cloned())
            .unwrap_or_else(|| part.stopped_failure())
    }

    async fn prepare(&self) -> Result<(), Failure> {
        let create = self.carrier.settings.create_remote_repository;
        self.carrier
            .part
            .ask(|| self.carrier.target.prepare(create))
            .await
    }

    fn is_careful(&self) -> bool {
        self.carrier.settings.on_error_within(&self.listing.scope) == ErrorStrategy::FastFail
    }

    /// Returns how many pages may be in flight: as many as the target takes batches, so that it has what it takes.
    fn pages_in_flight(&self) -> usize {
        match self.is_careful() {
            true => PAGES_IN_FLIGHT,
            false => self
                .carrier
                .target
                .capabilities()
                .parallel_batches
                .max(PAGES_IN_FLIGHT),
        }
    }

    /// Reports the paths that name nothing, before everything else.
    async fn report_missing(&self, next_page_no: &mut u32) -> StoreResult<Result<(), Failure>> {
        if self.listing.scope == Scope::Repository {
            return Ok(Ok(()));
        }
        let source = &self.carrier.content.source;
        let missing = match self.ask_source(|| source.missing(&self.listing.scope)).await {
            Ok(missing) => missing,
            Err(failure) => return Ok(Err(failure)),
        };
        if missing.is_empty() {
            return Ok(Ok(()));
        }
        let opened = self.journal_page(*next_page_no, Some(&Place::Start), Vec::new());
        let failure = self
            .settle_missing(missing, PageMark::Opened(opened), *next_page_no)
            .await?;
        self.note_failed(failure.as_ref());
        *next_page_no += 1;
        Ok(Ok(()))
    }

    /// Plans one page and sets it going; says whether there are more behind it.
    async fn plan(
        self: &Arc<Self>,
        pages: &mut JoinSet<StoreResult<()>>,
        place: &mut Place,
        next_page_no: &mut u32,
    ) -> StoreResult<Result<bool, Failure>> {
        let careful = self.is_careful();
        let limit = if careful {
            CAREFUL_PAGE_ARTIFACTS
        } else {
            PAGE_ARTIFACTS
        };
        let keys = match self.keys(place, limit).await? {
            Ok(keys) => keys,
            Err(failure) => return Ok(Err(failure)),
        };
        if let (Some(feed), true, false) = (&self.listing.feed, keys.keys.is_empty(), pages.is_empty()) {
            // More may change while what is in flight moves.
            tokio::select! {
                page = pages.join_next() => joined(page)?,
                () = feed.grown.notified() => {}
                () = self.carrier.part.stop.cancelled() => {}
            }
            return Ok(Ok(true));
        }
        let mut decided = match self.decide(&keys.keys, &Before::default(), careful).await {
            Ok(decided) => decided,
            Err(failure) => return Ok(Err(failure)),
        };
        decided.took = keys.events.iter().take(decided.len()).copied().collect();
        let next = self.behind(&keys, &decided, careful);
        let opened = self.journal_page(*next_page_no, next.as_ref(), planned(&decided));
        *next_page_no += 1;
        self.set_going(pages, decided, opened, Before::default());
        match next {
            Some(next) => {
                *place = next;
                Ok(Ok(true))
            }
            None => Ok(Ok(false)),
        }
    }

    /// Carries a page beside the others; what changed is not listed again before the page is closed.
    fn set_going(
        self: &Arc<Self>,
        pages: &mut JoinSet<StoreResult<()>>,
        page: DecidedPage,
        opened: JournalPage,
        before: Before,
    ) {
        let run = self.clone();
        let Some(feed) = self.listing.feed.clone() else {
            pages.spawn(run.carry(page, opened, before));
            return;
        };
        let mut keys: Vec<ArtifactKey> = page.settled.iter().map(|(line, _)| line.key.clone()).collect();
        keys.extend(page.vanished.iter().cloned());
        keys.extend(opened.planned.iter().map(|planned| planned.key.clone()));
        feed.take(keys.iter().cloned());
        pages.spawn(async move {
            run.carry(page, opened, before).await?;
            feed.put_down(&keys);
            Ok(())
        });
    }

    /// Returns where planning goes on; a failure that ends the plan leaves everything behind it for later.
    fn behind(&self, keys: &Keys, decided: &DecidedPage, careful: bool) -> Option<Place> {
        match &decided.first_failed {
            Some((key, failure)) if careful => {
                self.carrier.part.end(failure.clone());
                let last = keys.keys.last() == Some(key) && keys.next.is_none();
                (!last).then(|| keys.place_behind(key))
            }
            _ => keys.next.clone(),
        }
    }

    async fn keys(&self, place: &Place, limit: usize) -> StoreResult<Result<Keys, Failure>> {
        let mut tried = 0;
        loop {
            tried += 1;
            let listing = self.listing.keys(place, limit);
            match self.carrier.part.unless_stopped(listing).await {
                None => return Ok(Err(self.carrier.part.stopped_failure())),
                Some(Ok(keys)) => return Ok(Ok(keys)),
                Some(Err(ListError::Store(error))) => return Err(error),
                Some(Err(ListError::Source(error))) => match wait_before_next(&error, tried, jitter()) {
                    Some(wait) if !self.carrier.part.is_over() => self.carrier.part.rest(wait).await,
                    _ => return Ok(Err(error.to_failure(&self.carrier.local_cluster, tried))),
                },
            }
        }
    }

    /// Asks the source until it answers, at most five times.
    pub(crate) async fn ask_source<T, F, Fut>(&self, ask: F) -> Result<T, Failure>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = ConnectorResult<T>>,
    {
        let mut tried = 0;
        loop {
            tried += 1;
            match self.carrier.part.unless_stopped(ask()).await {
                None => return Err(self.carrier.part.stopped_failure()),
                Some(Ok(answer)) => return Ok(answer),
                Some(Err(error)) => match wait_before_next(&error, tried, jitter()) {
                    Some(wait) if !self.carrier.part.is_over() => self.carrier.part.rest(wait).await,
                    _ => return Err(error.to_failure(&self.carrier.local_cluster, tried)),
                },
            }
        }
    }

    /// Sets a page going that was interrupted: what is settled stays, the rest is carried again.
    async fn resume(
        self: &Arc<Self>,
        pages: &mut JoinSet<StoreResult<()>>,
        page: &JournalPage,
    ) -> StoreResult<Result<(), Failure>> {
        let left = self.left_of(page).await?;
        let before = Before {
            journalled: page
                .planned
                .iter()
                .map(|planned| (planned.key.clone(), planned.action))
                .collect(),
            running: self.running().await?,
        };
        match self.decide(&left, &before, false).await {
            Ok(decided) => {
                while pages.len() >= self.pages_in_flight() {
                    joined(pages.join_next().await)?;
                }
                self.set_going(pages, decided, page.clone(), before);
                Ok(Ok(()))
            }
            Err(failure) => Ok(Err(failure)),
        }
    }

    /// Returns the artifacts of an interrupted page that are not settled.
    async fn left_of(&self, page: &JournalPage) -> StoreResult<Vec<ArtifactKey>> {
        let mut keys: Vec<_> = page.planned.iter().map(|planned| planned.key.clone()).collect();
        let writer = self.store.writer();
        let settled = writer.settled_keys(self.record_no, self.unit_no, &keys).await?;
        keys.retain(|key| !settled.contains(key));
        Ok(keys)
    }

    async fn running(&self) -> StoreResult<HashMap<ArtifactKey, (domain::id::DetailId, i64)>> {
        let rows = self.store.writer().running(self.record_no).await?;
        Ok(rows
            .into_iter()
            .filter(|row| row.unit_no == self.unit_no)
            .map(|row| (row.key, (row.id, row.started_ms)))
            .collect())
    }

    fn journal_page(&self, page_no: u32, next: Option<&Place>, planned: Vec<Planned>) -> JournalPage {
        JournalPage {
            unit_no: self.unit_no,
            page_no,
            cursor_after: next.map(Place::to_cursor),
            planned,
        }
    }

    /// Ends the plan at the first failed artifact, where the strategy says so.
    pub(crate) fn note_failed(&self, failure: Option<&Failure>) {
        if let (true, Some(failure)) = (self.is_careful(), failure) {
            self.carrier.part.end(failure.clone());
        }
    }

    /// Says that a resumed unit ended in front of what is left of `page`.
    async fn ended_in(&self, page: &JournalPage, failure: Failure) -> StoreResult<UnitEnd> {
        let left = self.left_of(page).await?;
        Ok(UnitEnd::Ended {
            from_key: left.first().map(ToString::to_string),
            failure,
        })
    }

    /// Says where planning ended; the first key behind that is looked up for the reader's sake only.
    async fn ended(&self, place: &Place, failure: Failure) -> UnitEnd {
        let keys = tokio::select! {
            keys = self.listing.keys(place, PAGE_ARTIFACTS) => keys.ok(),
            () = self.clock.sleep_ms(LAST_LOOK_MS) => None,
        };
        let from_key = keys.and_then(|keys| keys.keys.first().map(ToString::to_string));
        UnitEnd::Ended { from_key, failure }
    }
}

fn planned(decided: &DecidedPage) -> Vec<Planned> {
    let plan = |item: &super::item::Item| Planned {
        key: item.artifact.key.clone(),
        action: item.action,
    };
    decided.writes.iter().map(plan).collect()
}

fn joined(page: Option<Result<StoreResult<()>, tokio::task::JoinError>>) -> StoreResult<()> {
    match page {
        Some(Ok(result)) => result,
        Some(Err(panicked)) if panicked.is_panic() => std::panic::resume_unwind(panicked.into_panic()),
        Some(Err(_)) | None => Ok(()),
    }
}

async fn drain(pages: &mut JoinSet<StoreResult<()>>) -> StoreResult<()> {
    while let Some(page) = pages.join_next().await {
        joined(Some(page))?;
    }
    Ok(())
}
