//! Regular expressions that are safe to look for: time grows with the text only, and their size is bounded.

use regex::{RegexBuilder, escape};

/// Longest expression, in bytes.
const MOST_BYTES: usize = 1024;
/// Most memory an expression may take once it is understood.
const MOST_COMPILED_BYTES: usize = 1024 * 1024;

/// A regular expression that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    expression: String,
    /// What everything that fits begins with.
    head: String,
}

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidPattern(pub String);

impl Pattern {
    /// Reads a regular expression, found anywhere in a text: no look-around, no back-references.
    pub fn regex(expression: &str, any_case: bool) -> Result<Self, InvalidPattern> {
        if expression.len() > MOST_BYTES {
            return Err(InvalidPattern(format!("it is longer than {MOST_BYTES} bytes")));
        }
        let expression = if any_case {
            format!("(?i){expression}")
        } else {
            expression.to_owned()
        };
        let tried = RegexBuilder::new(&expression)
            .size_limit(MOST_COMPILED_BYTES)
            .dfa_size_limit(MOST_COMPILED_BYTES)
            .build();
        match tried {
            Ok(_) => Ok(Self {
                expression,
                head: String::new(),
            }),
            Err(error) => {
                let words = error.to_string();
                Err(InvalidPattern(words.lines().last().unwrap_or_default().into()))
            }
        }
    }

    /// Reads a text with `*` for anything; it has to fit from beginning to end.
    pub fn wildcards(text: &str, any_case: bool) -> Result<Self, InvalidPattern> {
        let middle = text.split('*').map(escape).collect::<Vec<_>>().join(".*");
        let head = if any_case {
            ""
        } else {
            text.split('*').next().unwrap_or_default()
        };
        Ok(Self {
            head: head.into(),
            ..Self::regex(&format!("(?s)^{middle}$"), any_case)?
        })
    }

    /// Reads what a text has to hold.
    pub fn holding(text: &str) -> Result<Self, InvalidPattern> {
        Self::regex(&escape(text), false)
    }

    /// Reads what a text has to end with.
    pub fn ending(text: &str) -> Result<Self, InvalidPattern> {
        Self::regex(&format!("{}$", escape(text)), false)
    }

    pub(super) fn expression(&self) -> &str {
        &self.expression
    }

    pub(super) fn head(&self) -> &str {
        &self.head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_take_too_much_is_refused_and_says_why() {
        for (expression, why) in [
            ("(a{1000}){1000}", "limit"),
            ("(?=x)y", "look-around"),
            (r"(a)\1", "backreferences"),
            ("(", "unclosed"),
            (&*"x".repeat(2000), "longer"),
        ] {
            let refused = Pattern::regex(expression, false).expect_err(expression);
            assert!(refused.0.contains(why), "{expression}: {refused}");
        }
    }

    #[test]
    fn a_star_is_the_only_wildcard_and_what_stands_before_it_is_the_head() {
        let pattern = Pattern::wildcards("/a.b/*.t[g]z", false).expect("a pattern");

        assert_eq!(pattern.expression(), r"(?s)^/a\.b/.*\.t\[g\]z$");
        assert_eq!(pattern.head(), "/a.b/");
        assert_eq!(Pattern::wildcards("A*", true).expect("a pattern").head(), "");
    }
}
