//! What stands under many keys, found out with few listings.
//!
//! A page of a run holds keys that follow each other in its source, so at the target they mostly do as well: the range
//! between the first and the last is listed, and what comes behind it is kept for the next page. What is too far apart
//! is asked for one by one.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use domain::failure::Stage;
use domain::path::FilePath;
use domain::ports::ConnectorResult;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::PARALLEL;
use super::client::{Bucket, PAGE_KEYS};
use super::state::{Standing, State};

/// Keys that are worth a listing.
const WORTH_LISTING: usize = 4;
/// Objects that are listed for each key asked about, at most.
const OBJECTS_FOR_ONE: usize = 8;

/// How long what was listed is taken for what stands there.
const LISTED_FOR: Duration = Duration::from_secs(30);
/// Objects that are kept for the next survey.
const MOST_KEPT: usize = 2 * PAGE_KEYS;

/// What was found out.
pub(super) struct Survey {
    /// What stands at each path, in their order.
    pub(super) standings: Vec<Standing>,
    /// Folders above them that are known not to be objects.
    pub(super) folders: HashSet<String>,
    /// Since when it is known.
    pub(super) since: Instant,
}

/// The objects of a range of keys.
pub(super) struct Range {
    objects: Vec<(String, State)>,
    /// Behind this key the range begins; `None`: at the beginning.
    after: Option<String>,
    /// Up to this key it is complete; `None`: to the end.
    until: Option<String>,
    /// When the first of it was listed.
    since: Instant,
}

impl Bucket {
    /// Says what stands at each of `paths`; what an earlier survey left in `known` need not be listed again.
    pub(super) async fn survey(
        &self,
        paths: &[FilePath],
        known: &mut Option<Range>,
    ) -> ConnectorResult<Survey> {
        let since = Instant::now();
        if paths.len() >= WORTH_LISTING {
            let before = known.take();
            *known = Some(self.range(paths, before).await?);
        }
        let range = known.as_ref();
        let looks = paths.iter().map(|path| {
            let known = range.and_then(|range| range.standing(&self.key(path.as_str())));
            async move {
                match known {
                    Some(standing) => Ok(standing),
                    None => self.look(path.as_str(), Stage::Describe).await,
                }
            }
        });
        let looks: Vec<_> = looks.collect();
        let standings = stream::iter(looks).buffered(PARALLEL).try_collect().await?;
        let mut folders = HashSet::new();
        if let Some(range) = range {
            for folder in paths.iter().flat_map(FilePath::ancestors) {
                if !folders.contains(folder.as_str()) && range.has_no_object(&self.key(folder.as_str())) {
                    folders.insert(folder.to_string());
                }
            }
        }
        let since = range.map_or(since, |range| range.since);
        Ok(Survey {
            standings,
            folders,
            since,
        })
    }

    /// Lists the range from the first to the last of `paths`, and whatever else comes with it; goes on with `known`
    /// where that reaches into it and is not too old.
    async fn range(&self, paths: &[FilePath], known: Option<Range>) -> ConnectorResult<Range> {
        let mut keys: Vec<String> = paths.iter().map(|path| self.key(path.as_str())).collect();
        keys.sort();
        let (first, last) = (keys[0].clone(), keys[keys.len() - 1].clone());
        // `0` follows the slash: behind this nothing belongs to the last key.
        let end = format!("{last}0");
        let known = known.filter(|known| known.since.elapsed() < LISTED_FOR && known.covers(&first));
        let mut range = known.unwrap_or_else(|| Range::before(&first));
        range.shorten();
        let most = range.objects.len() + (keys.len() * OBJECTS_FOR_ONE).max(PAGE_KEYS);
        let prefix = self.key("");
        while let Some(until) = &range.until
            && *until < end
            && range.objects.len() < most
        {
            let from = Some(until.as_str()).filter(|until| !until.is_empty());
            let listing = self.list(&prefix, from, PAGE_KEYS).await?;
            range.until = match listing.objects.last() {
                Some((last, _)) if listing.more => Some(last.clone()),
                _ => None,
            };
            range.objects.extend(listing.objects);
        }
        Ok(range)
    }
}

impl Range {
    /// Returns the empty range that ends right before `key`.
    fn before(key: &str) -> Self {
        // A shorter key comes before every longer one that begins with it.
        let shorter = key.char_indices().next_back().map_or("", |(end, _)| &key[..end]);
        Self {
            objects: Vec::new(),
            after: Some(shorter.to_owned()).filter(|after| !after.is_empty()),
            until: Some(shorter.to_owned()),
            since: Instant::now(),
        }
    }

    /// Forgets what is furthest from its end, if it is long.
    fn shorten(&mut self) {
        let over = self.objects.len().saturating_sub(MOST_KEPT);
        if let Some((last, _)) = self.objects.drain(..over).next_back() {
            self.after = Some(last);
        }
    }

    fn covers(&self, key: &str) -> bool {
        self.after.as_deref().is_none_or(|after| key > after)
            && self.until.as_deref().is_none_or(|until| key <= until)
    }

    /// Says what stands under `key`; `None` when the range does not tell.
    fn standing(&self, key: &str) -> Option<Standing> {
        let place = self.objects.partition_point(|(found, _)| found.as_str() < key);
        if let Some((found, state)) = self.objects.get(place)
            && found == key
        {
            return Some(Standing::Object(state.clone()));
        }
        let below = format!("{key}/");
        let place = self
            .objects
            .partition_point(|(found, _)| found.as_str() < below.as_str());
        if self
            .objects
            .get(place)
            .is_some_and(|(found, _)| found.starts_with(&below))
        {
            return Some(Standing::Folder);
        }
        (self.covers(key) && self.covers(&format!("{key}0"))).then_some(Standing::Nothing)
    }

    fn has_no_object(&self, key: &str) -> bool {
        self.covers(key)
            && self
                .objects
                .binary_search_by(|(found, _)| found.as_str().cmp(key))
                .is_err()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_tells_only_what_it_covers() {
        let objects = ["b", "c-", "c/d", "e"].map(|key| (key.to_owned(), State::default()));
        let range = Range {
            objects: objects.into(),
            after: Some("a".into()),
            until: Some("e".into()),
            since: Instant::now(),
        };

        assert_eq!(range.standing("b"), Some(Standing::Object(State::default())));
        assert_eq!(range.standing("c"), Some(Standing::Folder));
        assert_eq!(range.standing("d"), Some(Standing::Nothing));
        assert_eq!(range.standing("a"), None);
        assert_eq!(range.standing("f"), None);
        assert!(range.has_no_object("c") && !range.has_no_object("b") && !range.has_no_object("a"));
    }
}
