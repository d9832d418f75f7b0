//! The languages there are texts in.

/// A language that texts are rendered in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Language {
    /// English, also for everything unknown.
    #[default]
    English,
    /// Simplified Chinese.
    SimplifiedChinese,
    /// Traditional Chinese.
    TraditionalChinese,
    /// Japanese.
    Japanese,
}

impl Language {
    /// Every language, English first.
    pub const ALL: [Self; 4] = [
        Self::English,
        Self::SimplifiedChinese,
        Self::TraditionalChinese,
        Self::Japanese,
    ];

    /// Returns its language tag (BCP 47), which is also the name of its file.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::SimplifiedChinese => "zh-CN",
            Self::TraditionalChinese => "zh-TW",
            Self::Japanese => "ja",
        }
    }

    /// Returns the language of a tag (BCP 47, in any case); English for everything unknown.
    ///
    /// Chinese without a country or a script is unknown: the contract's clients always name one.
    pub fn of_tag(tag: &str) -> Self {
        let tag = tag.to_ascii_lowercase();
        let mut subtags = tag.split('-');
        match (subtags.next(), subtags.next(), subtags.next_back()) {
            (Some("ja"), _, _) => Self::Japanese,
            (Some("zh"), Some("cn"), None) | (Some("zh"), Some(_), Some("cn")) => Self::SimplifiedChinese,
            (Some("zh"), Some("tw"), None) | (Some("zh"), Some("hant"), Some("tw")) => {
                Self::TraditionalChinese
            }
            (Some("zh"), Some("hans"), None) => Self::SimplifiedChinese,
            (Some("zh"), Some("hant"), None) => Self::TraditionalChinese,
            _ => Self::English,
        }
    }

    /// Returns the language of the best tag of an `Accept-Language` header (RFC 9110, 12.5.4).
    ///
    /// Only the best one counts, as the contract has it: one that is unknown means English, even before a
    /// second one that is known.
    pub fn of_header(header: &str) -> Self {
        let weighed = header.split(',').map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let tag = parts.next().unwrap_or_default();
            let weight = parts
                .find_map(|part| part.strip_prefix("q="))
                .map_or(Some(1.0), |weight| weight.parse::<f32>().ok())
                .unwrap_or(0.0);
            (tag, weight)
        });
        let mut best = ("", 0.0);
        for (tag, weight) in weighed {
            if weight > best.1 {
                best = (tag, weight);
            }
        }
        Self::of_tag(best.0)
    }
}
