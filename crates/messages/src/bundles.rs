//! The parsed files, built once, and the look-up in them.

use std::borrow::Cow;
use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};

use crate::Language;
use crate::text::{Argument, Render};

type Bundle = FluentBundle<FluentResource>;

static BUNDLES: LazyLock<[Bundle; 4]> = LazyLock::new(|| Language::ALL.map(bundle));

/// Returns the files of `language`: what answers say, and what the console says.
fn files(language: Language) -> [&'static str; 2] {
    match language {
        Language::English => [
            include_str!("../texts/en.ftl"),
            include_str!("../texts/console/en.ftl"),
        ],
        Language::SimplifiedChinese => [
            include_str!("../texts/zh-CN.ftl"),
            include_str!("../texts/console/zh-CN.ftl"),
        ],
        Language::TraditionalChinese => [
            include_str!("../texts/zh-TW.ftl"),
            include_str!("../texts/console/zh-TW.ftl"),
        ],
        Language::Japanese => [
            include_str!("../texts/ja.ftl"),
            include_str!("../texts/console/ja.ftl"),
        ],
    }
}

/// Parses the files of `language`; tests see that no line of any file is in error.
fn bundle(language: Language) -> Bundle {
    let tag = language.tag().parse().unwrap_or_default();
    let mut bundle = Bundle::new_concurrent(vec![tag]);
    // Arguments are names and paths people copy: no invisible marks around them.
    bundle.set_use_isolating(false);
    for file in files(language) {
        let resource = match FluentResource::try_new(file.into()) {
            Ok(resource) | Err((resource, _)) => resource,
        };
        bundle.add_resource_overriding(resource);
    }
    bundle
}

/// Renders the text `key`; the key itself where there is none, which tests rule out.
pub(crate) fn render(language: Language, key: &str, arguments: &[(&'static str, Argument)]) -> String {
    let bundle = &BUNDLES[language as usize];
    let message = bundle.get_message(key);
    let Some(pattern) = message.and_then(|message| message.value()) else {
        debug_assert!(false, "there is no text `{key}`");
        return key.into();
    };
    let arguments = values(language, arguments);
    let mut missing = Vec::new();
    let words = bundle.format_pattern(pattern, Some(&arguments), &mut missing);
    debug_assert!(missing.is_empty(), "`{key}` in {language:?}: {missing:?}");
    words.into_owned()
}

fn values(language: Language, arguments: &[(&'static str, Argument)]) -> FluentArgs<'static> {
    let mut values = FluentArgs::with_capacity(arguments.len());
    for (name, argument) in arguments {
        let value = match argument {
            Argument::Number(number) => FluentValue::from(*number),
            Argument::Text(text) => FluentValue::String(Cow::Owned(text.render(language))),
        };
        values.set(*name, value);
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_understood_as_a_whole_and_has_no_key_twice() {
        for language in Language::ALL {
            let mut bundle = Bundle::new_concurrent(vec![language.tag().parse().expect("a tag")]);
            for file in files(language) {
                let resource = FluentResource::try_new(file.into());
                let resource = resource
                    .map_err(|(_, errors)| errors)
                    .expect("no line is in error");

                assert_eq!(bundle.add_resource(resource), Ok(()), "{language:?}");
            }
        }
    }
}
