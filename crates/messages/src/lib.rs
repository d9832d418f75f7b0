//! Every text a reader is shown, in English, Simplified Chinese, Traditional Chinese and Japanese.
//!
//! The words stand in `texts/*.ftl` (Fluent), one file per language with the same keys and the same
//! variables; code holds a [`Text`], which is a key and its arguments, until the reader is known. What is
//! stored and logged is structure and never comes from here.
#![warn(missing_docs)]

mod bundles;
pub mod failures;
mod faults;
mod language;
pub mod notes;
mod text;

pub use language::Language;
pub use text::{Argument, Render, Text};

/// Makes a [`Text`] of its key and its arguments: `text!("list-too-large", most = 1000)`.
///
/// The key is always a literal: a test compares the keys used like this with those of the files.
#[macro_export]
macro_rules! text {
    ($key:literal $(, $name:ident = $value:expr)* $(,)?) => {
        $crate::Text::new($key)$(.with(stringify!($name), $value))*
    };
}
