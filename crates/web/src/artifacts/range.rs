//! The `Range` header: one range of bytes, or a refusal.

use std::ops::Range;

use crate::codes::Code;
use crate::error::{ApiError, ApiResult};

/// Returns the bytes of a file of `size_bytes` that `header` asks for.
///
/// Several ranges, a bad syntax, an end before the beginning and a beginning past the end are refused.
pub(crate) fn of(header: &str, size_bytes: u64) -> ApiResult<Range<u64>> {
    parse(header, size_bytes).ok_or_else(|| ApiError::new(Code::RangeInvalid, []))
}

fn parse(header: &str, size_bytes: u64) -> Option<Range<u64>> {
    let (first, last) = header.trim().strip_prefix("bytes=")?.trim().split_once('-')?;
    let range = match (number(first)?, number(last)?) {
        (None, None) => return None,
        (None, Some(count)) => size_bytes.saturating_sub(count)..size_bytes,
        (Some(first), None) => first..size_bytes,
        (Some(first), Some(last)) if last < first => return None,
        (Some(first), Some(last)) => first..size_bytes.min(last.saturating_add(1)),
    };
    (range.start < range.end).then_some(range)
}

/// Returns a number, nothing for an empty text, and `None` outside for anything else.
fn number(text: &str) -> Option<Option<u64>> {
    let text = text.trim();
    if text.is_empty() {
        return Some(None);
    }
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    // Numbers past the end of any file count as the last one there is.
    digits.then(|| Some(text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_range_is_served_and_clipped_to_the_end() {
        assert_eq!(parse("bytes=0-0", 10), Some(0..1));
        assert_eq!(parse("bytes=2-5", 10), Some(2..6));
        assert_eq!(parse("bytes=2-", 10), Some(2..10));
        assert_eq!(parse("bytes=-3", 10), Some(7..10));
        assert_eq!(parse("bytes=-30", 10), Some(0..10));
        assert_eq!(parse("bytes=9-99999999999999999999999", 10), Some(9..10));
    }

    #[test]
    fn everything_else_is_refused() {
        for header in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=5-2",
            "bytes=10-",
            "bytes=10-11",
            "bytes=0-1,3-4",
            "bytes=-0",
            "items=0-1",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=1--2",
        ] {
            assert_eq!(parse(header, 10), None, "{header}");
        }
        assert_eq!(parse("bytes=0-", 0), None);
    }

    proptest! {
        #[test]
        fn what_is_served_lies_within_the_file(header in "(bytes=)?[0-9-]{0,24}", size_bytes in 0..1000_u64) {
            if let Some(range) = parse(&header, size_bytes) {
                prop_assert!(range.start < range.end && range.end <= size_bytes);
            }
        }
    }
}
