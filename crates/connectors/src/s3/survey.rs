//! What stands under many keys, found out with few listings.
//!
//! A page of a run holds keys that follow each other in its source, so at the target they mostly do as well: the range
//! between the first and the last is listed. What is too far apart is asked for one by one.

use std::collections::HashSet;

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

/// What was found out.
pub(super) struct Survey {
    /// What stands at each path, in their order.
    pub(super) standings: Vec<Standing>,
    /// Folders above them that are known not to be objects.
    pub(super) folders: HashSet<String>,
}

/// The objects of a range of keys.
struct Range {
    objects: Vec<(String, State)>,
    /// Behind this key the range begins; `None`: at the beginning.
    after: Option<String>,
    /// Up to this key it is complete; `None`: to the end.
    until: Option<String>,
}

impl Bucket {
    /// Says what stands at each of `paths`.
    pub(super) async fn survey(&self, paths: &[FilePath]) -> ConnectorResult<Survey> {
        let range = match paths.len() >= WORTH_LISTING {
            true => Some(self.range(paths).await?),
            false => None,
        };
        let mut folders = HashSet::new();
        let looks = paths.iter().map(|path| {
            let known = range
                .as_ref()
                .and_then(|range| range.standing(&self.key(path.as_str())));
            async move {
                match known {
                    Some(standing) => Ok(standing),
                    None => self.look(path.as_str(), Stage::Describe).await,
                }
            }
        });
        let looks: Vec<_> = looks.collect();
        let standings = stream::iter(looks).buffered(PARALLEL).try_collect().await?;
        if let Some(range) = &range {
            for folder in paths.iter().flat_map(FilePath::ancestors) {
                if !folders.contains(folder.as_str()) && range.has_no_object(&self.key(folder.as_str())) {
                    folders.insert(folder.to_string());
                }
            }
        }
        Ok(Survey { standings, folders })
    }

    async fn range(&self, paths: &[FilePath]) -> ConnectorResult<Range> {
        let mut keys: Vec<String> = paths.iter().map(|path| self.key(path.as_str())).collect();
        keys.sort();
        let (first, last) = (keys[0].clone(), keys[keys.len() - 1].clone());
        let prefix: String = first
            .chars()
            .zip(last.chars())
            .take_while(|(a, b)| a == b)
            .map(|(a, _)| a)
            .collect();
        // A shorter key comes before every longer one that begins with it.
        let after = first
            .char_indices()
            .next_back()
            .map(|(end, _)| first[..end].to_owned());
        let after = after.filter(|after| !after.is_empty());
        // `0` follows the slash: behind this nothing belongs to the last key.
        let end = format!("{last}0");
        let most = (keys.len() * OBJECTS_FOR_ONE).max(PAGE_KEYS);
        let mut range = Range {
            objects: Vec::new(),
            after: after.clone(),
            until: None,
        };
        let mut from = after;
        loop {
            let listing = self.list(&prefix, from.as_deref(), PAGE_KEYS).await?;
            range.objects.extend(listing.objects);
            let reached = range.objects.last().map(|(key, _)| key.clone());
            match reached {
                Some(reached) if listing.more => {
                    if reached >= end || range.objects.len() >= most {
                        range.until = Some(reached);
                        return Ok(range);
                    }
                    from = Some(reached);
                }
                _ => return Ok(range),
            }
        }
    }
}

impl Range {
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
        };

        assert_eq!(range.standing("b"), Some(Standing::Object(State::default())));
        assert_eq!(range.standing("c"), Some(Standing::Folder));
        assert_eq!(range.standing("d"), Some(Standing::Nothing));
        assert_eq!(range.standing("a"), None);
        assert_eq!(range.standing("f"), None);
        assert!(range.has_no_object("c") && !range.has_no_object("b") && !range.has_no_object("a"));
    }
}
