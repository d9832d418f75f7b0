//! A listing that is only to be had in numbered pages, read so that nothing is left out while it changes.
//!
//! Files that come and go move all rows behind them. So each look overlaps the one before: it has to show the last
//! key that was listed, or one in front of it; otherwise it begins too late and an earlier one is taken. Page
//! numbers only say where to look first, the order of the keys decides.

use domain::failure::{ErrorKind, Stage};
use domain::path::FilePath;
use domain::ports::{ConnectorError, ConnectorResult, Cursor};

/// Rows a look takes at least, half of which may lie in front of what is wanted.
const LEAST_ROWS: u64 = 2_000;
/// Most pages in front of a look; more rows are taken instead.
const MOST_PAGES: u64 = 1_000;

/// A place in a listing: the last key, and about how many rows of its root end with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Place {
    /// The last key that was listed; empty: none.
    pub(super) last: String,
    /// How many rows that were, when it was listed.
    pub(super) rows: u64,
}

impl Place {
    /// Reads a cursor.
    pub(super) fn of(cursor: &Cursor) -> ConnectorResult<Self> {
        let parsed = cursor.0.split_once(' ').and_then(|(rows, last)| {
            let rows = rows.parse().ok()?;
            let last = last.to_owned();
            Some(Self { last, rows })
        });
        parsed.ok_or_else(|| {
            ConnectorError::new(ErrorKind::Protocol, Stage::List, "cursor")
                .words("it is not one of this source")
        })
    }

    /// Writes it as a cursor.
    pub(super) fn cursor(&self) -> Cursor {
        Cursor(format!("{} {}", self.rows, self.last))
    }
}

/// A page: which one, and how many rows each has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    /// Number, from 1.
    pub(super) number: u64,
    /// Rows.
    pub(super) size: u64,
}

impl Page {
    /// Returns a page that shows row number `rows` (from 1) and at least `wanted` rows behind it.
    pub(super) fn after(rows: u64, wanted: u64) -> Self {
        let Some(before) = rows.checked_sub(1) else {
            return Self {
                number: 1,
                size: wanted.max(LEAST_ROWS / 2),
            };
        };
        let pages = (before / LEAST_ROWS.max(2 * wanted)).min(MOST_PAGES);
        match before.checked_div(pages) {
            // Fewer rows than pages lie between the page's beginning and row `rows`.
            Some(size) => Self {
                number: pages + 1,
                size,
            },
            None => Self {
                number: 1,
                size: rows + wanted,
            },
        }
    }

    fn first_row(self) -> u64 {
        (self.number - 1) * self.size
    }
}

/// What one look at a listing showed.
#[derive(Debug)]
pub(super) struct Look {
    root: FilePath,
    first_row: u64,
    size: u64,
    paths: Vec<String>,
    is_last: bool,
}

/// What a look shows behind a place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Behind {
    /// These, and whether they are the last ones.
    These(Vec<Place>, bool),
    /// It begins or ends at the wrong row: look around this one.
    Elsewhere(u64),
}

impl Look {
    /// Takes the answer to asking for `page` below `root`; keys have to be in order.
    pub(super) fn of(root: &FilePath, page: Page, paths: Vec<String>) -> ConnectorResult<Self> {
        if !paths.is_sorted_by(|a, b| a < b) {
            let error = ConnectorError::new(ErrorKind::Protocol, Stage::List, root.as_str());
            return Err(error.words("it does not list files in the order of their paths"));
        }
        Ok(Self {
            root: root.clone(),
            first_row: page.first_row(),
            size: page.size,
            is_last: (paths.len() as u64) < page.size,
            paths,
        })
    }

    /// Says whether it answers what stands behind `place` below `root` with at least `wanted` keys.
    pub(super) fn serves(&self, root: &FilePath, place: &Place, wanted: u64) -> bool {
        let covers = match self.paths.first() {
            Some(first) => *first <= place.last,
            None => false,
        };
        let left = self.paths.len() - self.paths.partition_point(|path| *path <= place.last);
        self.root == *root && covers && (self.is_last || left as u64 >= wanted)
    }

    /// Returns what stands behind `place`, at most `wanted` keys.
    pub(super) fn behind(&self, place: &Place, wanted: u64) -> Behind {
        let overlaps = self.first_row == 0 || self.paths.first().is_some_and(|first| *first <= place.last);
        if !overlaps {
            return Behind::Elsewhere(self.first_row.saturating_sub(self.size / 2));
        }
        let begin = self.paths.partition_point(|path| *path <= place.last);
        let rest = &self.paths[begin..];
        if rest.is_empty() && !self.is_last {
            return Behind::Elsewhere(self.first_row + self.paths.len() as u64);
        }
        let taken = rest.len().min(usize::try_from(wanted).unwrap_or(usize::MAX));
        let places = (begin..begin + taken).map(|index| Place {
            last: self.paths[index].clone(),
            rows: self.first_row + index as u64 + 1,
        });
        Behind::These(places.collect(), self.is_last && taken == rest.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(keys: &[u32], page: Page) -> Look {
        let begin = usize::try_from(page.first_row()).expect("small").min(keys.len());
        let end = keys.len().min(begin + usize::try_from(page.size).expect("small"));
        let paths = keys[begin..end].iter().map(|key| format!("/{key:06}")).collect();
        Look::of(&FilePath::root(), page, paths).expect("in order")
    }

    #[test]
    fn a_page_shows_the_row_it_has_to_and_enough_behind_it() {
        for rows in (0..10_000).chain([99_999, 1_000_000, 9_999_999, 123_456_789]) {
            for wanted in [1, 2, 51, 1_001] {
                let page = Page::after(rows, wanted);
                let first = page.first_row();

                assert!(first <= rows.saturating_sub(1), "{rows} {wanted}: {page:?}");
                assert!(first + page.size >= rows + wanted, "{rows} {wanted}: {page:?}");
            }
        }
    }

    #[test]
    fn rows_that_vanish_or_appear_in_front_leave_nothing_out() {
        let mut keys: Vec<u32> = (0..4_000).map(|n| n * 10).collect();
        let mut place = Place::default();
        let mut listed = Vec::new();
        let mut turn = 0;
        'listing: loop {
            let mut rows = place.rows;
            loop {
                match look(&keys, Page::after(rows, 51)).behind(&place, 50) {
                    Behind::Elsewhere(other) => rows = other,
                    Behind::These(places, end) => {
                        place = places.last().cloned().unwrap_or(place);
                        listed.extend(places.into_iter().map(|place| place.last));
                        if end {
                            break 'listing;
                        }
                        break;
                    }
                }
            }
            // Many files in front of the place go, others come; none of those that stay is touched.
            turn += 1;
            let here: u32 = place.last[1..].parse().expect("a number");
            match turn % 4 {
                1 => keys.retain(|key| *key > here || key % 70 != 0),
                3 => {
                    keys.extend((0..here).step_by(40).map(|key| key + 3));
                    keys.sort_unstable();
                    keys.dedup();
                }
                _ => {}
            }
        }

        let staying = (0..4_000).map(|n| n * 10).filter(|key| key % 70 != 0);
        let expected: Vec<String> = staying.map(|key| format!("/{key:06}")).collect();
        let mut seen = listed.clone();
        seen.dedup();
        assert_eq!(seen.len(), listed.len(), "nothing is listed twice");
        assert!(listed.is_sorted());
        assert!(expected.iter().all(|key| listed.binary_search(key).is_ok()));
    }

    #[test]
    fn a_listing_out_of_order_is_refused() {
        let paths = vec!["/b".to_owned(), "/a".to_owned()];

        assert!(Look::of(&FilePath::root(), Page { number: 1, size: 2 }, paths).is_err());
    }
}
