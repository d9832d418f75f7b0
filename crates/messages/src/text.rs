//! Texts before they are words: a key and its arguments.

use crate::Language;
use crate::bundles;

/// What a reader is to be told, rendered once the reader is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// A text of the files.
    Keyed {
        key: &'static str,
        arguments: Vec<(&'static str, Argument)>,
    },
    /// Words of others, or names: the same in every language.
    Verbatim(String),
}

/// What stands where a text has a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// A number, which the languages may inflect a word for.
    Number(i64),
    /// Words.
    Text(Text),
}

impl Text {
    /// Names a text of the files; prefer [`text!`](crate::text), whose keys are checked by a test.
    pub fn new(key: &'static str) -> Self {
        Self(Kind::Keyed {
            key,
            arguments: Vec::new(),
        })
    }

    /// Keeps `words` as they are: names, values, and what other programs said.
    pub fn verbatim(words: impl Into<String>) -> Self {
        Self(Kind::Verbatim(words.into()))
    }

    /// Adds an argument; words of others take none.
    #[must_use]
    pub fn with(mut self, name: &'static str, argument: impl Into<Argument>) -> Self {
        if let Kind::Keyed { arguments, .. } = &mut self.0 {
            arguments.push((name, argument.into()));
        }
        self
    }
}

/// What can be told in words.
pub trait Render {
    /// Renders this in `language`.
    fn render(&self, language: Language) -> String;
}

impl Render for Text {
    fn render(&self, language: Language) -> String {
        match &self.0 {
            Kind::Keyed { key, arguments } => bundles::render(language, key, arguments),
            Kind::Verbatim(words) => words.clone(),
        }
    }
}

impl<T: Render> Render for &T {
    fn render(&self, language: Language) -> String {
        (*self).render(language)
    }
}

impl From<Text> for Argument {
    fn from(text: Text) -> Self {
        Self::Text(text)
    }
}

impl From<String> for Argument {
    fn from(words: String) -> Self {
        Self::Text(Text::verbatim(words))
    }
}

impl From<&String> for Argument {
    fn from(words: &String) -> Self {
        Self::Text(Text::verbatim(words))
    }
}

impl From<&str> for Argument {
    fn from(words: &str) -> Self {
        Self::Text(Text::verbatim(words))
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {
        $(impl From<$number> for Argument {
            fn from(number: $number) -> Self {
                Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
            }
        })*
    };
}

numbers!(i32, i64, u16, u32, u64, usize);
