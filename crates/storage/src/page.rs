//! Pages: which part of a list is asked for, and what is answered.

/// Which page is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// Its number, counted from 1; 0 is the first page too.
    pub number: u32,
    /// Rows of a full page.
    pub size: u32,
}

impl PageRequest {
    /// Asks for page `number` (counted from 1) of `size` rows.
    pub fn new(number: u32, size: u32) -> Self {
        Self { number, size }
    }

    /// Returns how many rows stand before it.
    pub fn offset(self) -> u64 {
        u64::from(self.number.saturating_sub(1)) * u64::from(self.size)
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows of this page.
    pub rows: Vec<T>,
    /// How many rows the whole list has.
    pub total: u64,
}

impl<T> Page<T> {
    /// Returns a page beyond the end of a list of `total` rows.
    pub fn empty(total: u64) -> Self {
        Self {
            rows: Vec::new(),
            total,
        }
    }
}
