//! Pages as the contract numbers and shows them: from 1, with totals, and two names for half of it.

use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::error::{ApiError, ApiResult};
use crate::params::Params;

/// Most rows of one page; a larger size is cut to this, and the answer says so.
pub const MOST_ROWS: u32 = 10_000;

const DEFAULT_ROWS: u32 = 20;

/// What asks for a page.
#[derive(IntoParams)]
#[into_params(rename_all = "camelCase", parameter_in = Query)]
pub struct PageParams {
    /// Number of the page, from 1.
    pub page_number: Option<i32>,
    /// Rows of a page; 20 when it is absent or not positive.
    pub page_size: Option<i32>,
}

/// Which page is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageQuery {
    /// Its number, from 1.
    pub number: u32,
    /// How many rows it has.
    pub size: u32,
}

impl PageQuery {
    /// Reads `pageNumber` and `pageSize`: never an error except for what is no 32-bit integer.
    pub fn of(params: &Params) -> ApiResult<Self> {
        let number = integer(params, "pageNumber")?.unwrap_or(1);
        let size = integer(params, "pageSize")?.unwrap_or(0);
        Ok(Self::from_numbers(number, size))
    }

    /// Takes numbers as they come: what is not positive means the first page, or a page of the usual size.
    pub fn from_numbers(number: i32, size: i32) -> Self {
        Self {
            number: u32::try_from(number).unwrap_or(0).max(1),
            size: match u32::try_from(size) {
                Ok(0) | Err(_) => DEFAULT_ROWS,
                Ok(size) => size.min(MOST_ROWS),
            },
        }
    }

    /// Returns how many rows come before this page.
    pub fn rows_before(self) -> u64 {
        u64::from(self.number - 1) * u64::from(self.size)
    }
}

fn integer(params: &Params, name: &str) -> ApiResult<Option<i32>> {
    let Some(value) = params.get(name) else {
        return Ok(None);
    };
    let parsed = value.trim().parse();
    parsed.map(Some).map_err(|_| ApiError::validation(name, value))
}

/// One page of an answer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PageView<T> {
    page_number: u32,
    page_size: u32,
    total_records: u64,
    total_pages: u64,
    records: Vec<T>,
    count: u64,
    page: u32,
}

impl<T> PageView<T> {
    /// Shows `records`, the rows of `query`'s page out of `total`.
    pub fn new(query: PageQuery, total: u64, records: Vec<T>) -> Self {
        Self {
            page_number: query.number,
            page_size: query.size,
            total_records: total,
            total_pages: total.div_ceil(u64::from(query.size)),
            records,
            count: total,
            page: query.number,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(query: &str) -> Option<(u32, u32)> {
        let page = PageQuery::of(&Params::of(query)).ok()?;
        Some((page.number, page.size))
    }

    #[test]
    fn pages_are_numbered_from_one_and_sizes_have_a_default() {
        assert_eq!(page(""), Some((1, 20)));
        assert_eq!(page("pageNumber=0&pageSize=0"), Some((1, 20)));
        assert_eq!(page("pageNumber=-3&pageSize=7"), Some((1, 7)));
        assert_eq!(page("pageNumber=4&pageSize=-7"), Some((4, 20)));
        assert_eq!(
            page("pageNumber=2147483647&pageSize=2147483647"),
            Some((2_147_483_647, MOST_ROWS))
        );
    }

    #[test]
    fn what_is_no_integer_is_refused() {
        for query in [
            "pageNumber=",
            "pageSize=x",
            "pageNumber=1.5",
            "pageSize=2147483648",
        ] {
            assert_eq!(page(query), None, "{query}");
        }
    }
}
