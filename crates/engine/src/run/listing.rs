//! Which artifacts a run looks at, page by page, and where it stands in them.
//!
//! An ordinary run lists its scope. A retry first takes the selected details of its parent, then what the
//! parent never attempted. A place survives a crash: it is journalled as text.

use std::sync::Arc;

use domain::artifact::ArtifactKey;
use domain::detail::DetailFilter;
use domain::id::EventId;
use domain::ports::{ConnectorError, Cursor, KeyPage, Source};
use domain::task::Scope;
use serde::{Deserialize, Serialize};
use storage::Store;
use storage::db::{StoreError, StoreResult};

use super::feed::Feed;

/// A place in a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Place {
    /// Before everything.
    Start,
    /// In what a retry selects, behind a key.
    Selected {
        /// Whose details: 0 is the parent, 1 the record that one retried, and so on.
        level: usize,
        /// The last key that was taken; `None`: none was.
        behind: Option<ArtifactKey>,
    },
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

    /// Returns where a retry goes on behind its selection `level`, if the record selected from ended here.
    ///
    /// That record counted its own selections from 0; a retry of it counts them one further.
    pub(crate) fn behind_selection(self, level: usize, was_retry: bool) -> Self {
        match self {
            Self::Start if was_retry => Self::Selected {
                level: level + 1,
                behind: None,
            },
            Self::Start => Self::Listed {
                page: None,
                behind: None,
            },
            Self::Selected { level: own, behind } => Self::Selected {
                level: level + 1 + own,
                behind,
            },
            listed @ Self::Listed { .. } => listed,
        }
    }

    /// Reads what the journal kept; an unreadable place starts over, which repeats look-ups and no rows.
    pub(crate) fn from_cursor(cursor: Option<&Cursor>) -> Self {
        cursor
            .and_then(|cursor| serde_json::from_str(&cursor.0).ok())
            .unwrap_or(Self::Start)
    }
}

/// What a retry selects of one unit of a record it goes back to: its parent, or a parent of that.
pub(crate) struct Selection {
    pub(crate) store: Store,
    /// Number of that record in the store.
    pub(crate) parent_no: i64,
    pub(crate) unit_no: u16,
    pub(crate) filter: DetailFilter,
    /// Where that record ended without having attempted the rest; `None`: nowhere, or the rest is not selected.
    pub(crate) rest: Option<Place>,
}

/// The keys of one unit of a run: of its scope, of a retry's selection, or of what changed.
pub(crate) struct Listing {
    pub(crate) source: Arc<dyn Source>,
    pub(crate) scope: Scope,
    /// What a retry selects, the parent's details first; empty for an ordinary run.
    pub(crate) selections: Vec<Selection>,
    /// What changed, when the record carries events; then nothing else counts.
    pub(crate) feed: Option<Arc<Feed>>,
}

/// Why a page could not be had.
pub(crate) enum ListError {
    Source(ConnectorError),
    Store(StoreError),
}

impl From<StoreError> for ListError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// One page of keys, and where the next one begins.
pub(crate) struct Keys {
    pub(crate) keys: Vec<ArtifactKey>,
    /// The events that name them, one for each; empty when no events do.
    pub(crate) events: Vec<EventId>,
    /// `None` after the last page.
    pub(crate) next: Option<Place>,
    /// The page of the source these keys came from; tells where "behind the n-th" is.
    pub(crate) page: Option<Cursor>,
    /// The retry's selection these keys came from instead.
    pub(crate) level: Option<usize>,
}

impl Keys {
    /// Returns the place right behind `key`, one of these.
    pub(crate) fn place_behind(&self, key: &ArtifactKey) -> Place {
        let behind = Some(key.clone());
        match self.level {
            Some(level) => Place::Selected { level, behind },
            None => Place::Listed {
                page: self.page.clone(),
                behind,
            },
        }
    }
}

impl Listing {
    /// Returns at most `limit` keys from `place` on.
    pub(crate) async fn keys(&self, place: &Place, limit: usize) -> Result<Keys, ListError> {
        if let Some(feed) = &self.feed {
            return Ok(feed.keys(limit).await?);
        }
        let (level, behind) = match place {
            Place::Start => (0, None),
            Place::Selected { level, behind } => (*level, behind.clone()),
            Place::Listed { page, behind } => {
                return self.listed(page.as_ref(), behind.as_ref(), limit).await;
            }
        };
        match self.selections.get(level) {
            Some(selection) => Ok(selected(selection, level, behind, limit).await?),
            None => self.listed(None, None, limit).await,
        }
    }

    async fn listed(
        &self,
        page: Option<&Cursor>,
        behind: Option<&ArtifactKey>,
        limit: usize,
    ) -> Result<Keys, ListError> {
        let listed = self.source.list(&self.scope, page, limit).await;
        let KeyPage { mut keys, next } = listed.map_err(ListError::Source)?;
        if let Some(taken) = behind.and_then(|behind| keys.iter().position(|key| key == behind)) {
            keys.drain(..=taken);
        }
        // What an earlier record of a retry settled was selected, or needs no retry.
        for selection in &self.selections {
            let Selection { store, unit_no, .. } = selection;
            let settled = store
                .writer()
                .settled_keys(selection.parent_no, *unit_no, &keys)
                .await?;
            keys.retain(|key| !settled.contains(key));
        }
        let next = next.map(|page| Place::Listed {
            page: Some(page),
            behind: None,
        });
        Ok(Keys {
            keys,
            events: Vec::new(),
            next,
            page: page.cloned(),
            level: None,
        })
    }
}

/// Says that `key`, which `scope` names, is not there.
pub(crate) fn absent(scope: &Scope, key: &ArtifactKey) -> String {
    let ArtifactKey { name, version } = key;
    match (scope, version) {
        (Scope::Packages(_), Some(version)) => format!("there is no version {version} of {name}"),
        (Scope::Packages(_), None) => format!("there is no package {name}"),
        (Scope::Paths(_) | Scope::Repository, _) => format!("there is no file or folder {key}"),
    }
}

async fn selected(
    selection: &Selection,
    level: usize,
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
        Some(last) if keys.len() >= limit => Some(Place::Selected {
            level,
            behind: Some(last.clone()),
        }),
        _ => selection.rest.clone(),
    };
    Ok(Keys {
        keys,
        events: Vec::new(),
        next,
        page: None,
        level: Some(level),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_called_what_the_scope_holds() {
        let key = |version: Option<&str>| ArtifactKey {
            name: "npm://a".into(),
            version: version.map(String::from),
        };
        let packages = Scope::Packages(Vec::new());

        assert_eq!(absent(&packages, &key(None)), "there is no package npm://a");
        assert_eq!(
            absent(&packages, &key(Some("1"))),
            "there is no version 1 of npm://a"
        );
        let file = ArtifactKey::file(&"/a".parse().expect("a path"));
        assert_eq!(
            absent(&Scope::Paths(Vec::new()), &file),
            "there is no file or folder /a"
        );
    }

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
