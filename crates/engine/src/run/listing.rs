//! Which artifacts a run looks at, page by page, and where it stands in them.
//!
//! An ordinary run lists its scope. A retry first takes the selected details of its parent, then what the
//! parent never attempted. A place survives a crash: it is journalled as text.

use std::sync::Arc;

use domain::artifact::ArtifactKey;
use domain::detail::DetailFilter;
use domain::ports::{ConnectorResult, Cursor, KeyPage, Source};
use domain::task::Scope;
use serde::{Deserialize, Serialize};
use storage::Store;
use storage::db::StoreResult;

/// A place in a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Place {
    /// Before everything.
    Start,
    /// In a retry's selection, behind this key.
    Selected(Option<ArtifactKey>),
    /// In the source's list: on the page that begins at `page`, behind `behind`.
    Listed {
        /// Where the page begins; `None`: at the beginning.
        page: Option<Cursor>,
        /// The last key of that page that was taken; `None`: none was.
        behind: Option<ArtifactKey>,
    },
}

impl Place {
    /// Returns it as the journal keeps it.
    pub(crate) fn to_cursor(&self) -> Cursor {
        Cursor(serde_json::to_string(self).expect("a place is plain data"))
    }

    /// Reads what the journal kept; an unreadable place starts over, which repeats look-ups and no rows.
    pub(crate) fn from_cursor(cursor: Option<&Cursor>) -> Self {
        cursor
            .and_then(|cursor| serde_json::from_str(&cursor.0).ok())
            .unwrap_or(Self::Start)
    }
}

/// What a retry selects of its parent's unit.
pub(crate) struct Selection {
    pub(crate) store: Store,
    /// Number of the parent record in the store.
    pub(crate) parent_no: i64,
    pub(crate) unit_no: u16,
    pub(crate) filter: DetailFilter,
    /// What the parent never attempted; `None`: nothing, or the selection does not take it.
    pub(crate) rest: Option<Place>,
}

/// The keys of one unit of a run.
pub(crate) struct Listing {
    pub(crate) source: Arc<dyn Source>,
    pub(crate) scope: Scope,
    pub(crate) selection: Option<Selection>,
}

/// Why a page could not be had.
pub(crate) enum ListError {
    Source(domain::ports::ConnectorError),
    Store(storage::db::StoreError),
}

/// One page of keys, and where the next one begins.
pub(crate) struct Keys {
    pub(crate) keys: Vec<ArtifactKey>,
    /// `None` after the last page.
    pub(crate) next: Option<Place>,
    /// The page of the source these keys came from; tells where "behind the n-th" is.
    pub(crate) page: Option<Cursor>,
    /// Whether they came from a retry's selection.
    pub(crate) selected: bool,
}

impl Keys {
    /// Returns the place right behind `key`, one of these.
    pub(crate) fn place_behind(&self, key: &ArtifactKey) -> Place {
        if self.selected {
            Place::Selected(Some(key.clone()))
        } else {
            Place::Listed {
                page: self.page.clone(),
                behind: Some(key.clone()),
            }
        }
    }
}

impl Listing {
    /// Returns at most `limit` keys from `place` on.
    pub(crate) async fn keys(&self, place: &Place, limit: usize) -> Result<Keys, ListError> {
        match (place, &self.selection) {
            (Place::Start, Some(selection)) => self
                .selected(selection, None, limit)
                .await
                .map_err(ListError::Store),
            (Place::Selected(behind), Some(selection)) => self
                .selected(selection, behind.clone(), limit)
                .await
                .map_err(ListError::Store),
            (Place::Start | Place::Selected(_), None) => {
                self.listed(None, None, limit).await.map_err(ListError::Source)
            }
            (Place::Listed { page, behind }, _) => self
                .listed(page.as_ref(), behind.as_ref(), limit)
                .await
                .map_err(ListError::Source),
        }
    }

    async fn selected(
        &self,
        selection: &Selection,
        behind: Option<ArtifactKey>,
        limit: usize,
    ) -> StoreResult<Keys> {
        let details = selection.store.details();
        let keys = details
            .select_keys(
                selection.parent_no,
                selection.unit_no,
                &selection.filter,
                behind,
                limit,
            )
            .await?;
        let next = match keys.last() {
            Some(last) if keys.len() >= limit => Some(Place::Selected(Some(last.clone()))),
            _ => selection.rest.clone(),
        };
        Ok(Keys {
            keys,
            next,
            page: None,
            selected: true,
        })
    }

    async fn listed(
        &self,
        page: Option<&Cursor>,
        behind: Option<&ArtifactKey>,
        limit: usize,
    ) -> ConnectorResult<Keys> {
        let KeyPage { mut keys, next } = self.source.list(&self.scope, page, limit).await?;
        if let Some(taken) = behind.and_then(|behind| keys.iter().position(|key| key == behind)) {
            keys.drain(..=taken);
        }
        let next = next.map(|page| Place::Listed {
            page: Some(page),
            behind: None,
        });
        Ok(Keys {
            keys,
            next,
            page: page.cloned(),
            selected: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_back_as_it_was_journalled() {
        let place = Place::Listed {
            page: Some(Cursor("/a".into())),
            behind: Some(ArtifactKey {
                name: "/a/\"b\"".into(),
                version: None,
            }),
        };

        assert_eq!(Place::from_cursor(Some(&place.to_cursor())), place);
        assert_eq!(Place::from_cursor(None), Place::Start);
        assert_eq!(Place::from_cursor(Some(&Cursor("rubbish".into()))), Place::Start);
    }
}
