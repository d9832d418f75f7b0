//! Notes: what a reader of the log should know of an artifact that is there all the same.
//!
//! Structure, like failures; words are rendered when somebody reads them. What a remote said is cleaned and cut
//! before it gets here, and no list grows with what an artifact consists of.

use serde::{Deserialize, Serialize};

use crate::artifact::{Artifact, EXECUTABLE, Existing, MTIME, Metadata};
use crate::failure::{REMOTE_WORDS, clean_words};

/// Something about an artifact that arrived, or was there already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Note {
    /// Its source withdrew it from new installations, and its target has no way to be told.
    Yanked {
        /// Which of its files; `None`: all of them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        files: Option<String>,
        /// What the source says why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// Its target keeps no such properties.
    PropertiesUnkept {
        /// Their names.
        names: String,
    },
    /// Other properties stand at its target, and the conflict strategy leaves them alone.
    PropertiesDiffer {
        /// Their names.
        names: String,
    },
    /// It took the place of other content, of which files stay that its source does not have.
    FilesStay {
        /// Their names.
        files: String,
    },
}

impl Note {
    /// Notes that `files` are yanked, or, without a name, all of it is.
    pub fn yanked<'a>(files: impl IntoIterator<Item = &'a str>, why: &str) -> Self {
        let why = clean_words(why);
        Self::Yanked {
            files: listed(files),
            why: (!why.is_empty()).then_some(why),
        }
    }

    /// Notes which properties the target does not keep; `None` when there are none.
    ///
    /// A time of modification is not worth a note, since every target has one of its own; nor is it that a file
    /// cannot be executed.
    pub fn properties_unkept<'a>(
        names: impl IntoIterator<Item = &'a str>,
        wanted: &Metadata,
    ) -> Option<Self> {
        let is_plain = |name: &str| {
            name == MTIME || name == EXECUTABLE && wanted.get(name).is_none_or(|value| value != "true")
        };
        let names = names.into_iter().filter(|name| !is_plain(name));
        listed(names).map(|names| Self::PropertiesUnkept { names })
    }

    /// Notes which properties are others at the target, the time of modification aside; `None` when there are none.
    pub fn properties_differ<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        listed(names.into_iter().filter(|name| *name != MTIME)).map(|names| Self::PropertiesDiffer { names })
    }

    /// Notes which files of what stood there before stay beside those of `artifact`; `None` when there are none.
    pub fn files_stay(artifact: &Artifact, before: &Existing) -> Option<Self> {
        let is_of_it = |name: &str| artifact.blobs.iter().any(|blob| blob.name == name);
        let names = before.blobs.iter().map(|blob| blob.name.as_str());
        listed(names.filter(|name| !is_of_it(name))).map(|files| Self::FilesStay { files })
    }
}

/// Returns `names` in one line, as many of them as there is room for; `None` when there are none.
fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut line = String::new();
    for name in names {
        if !line.is_empty() {
            line.push_str(", ");
        }
        line.push_str(name);
        if line.len() > 4 * REMOTE_WORDS {
            break;
        }
    }
    let mut cleaned = clean_words(&line);
    if cleaned.chars().count() == REMOTE_WORDS {
        cleaned.pop();
        cleaned.push('…');
    }
    (!cleaned.is_empty()).then_some(cleaned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_remote_says_is_cleaned_and_cut_however_much_it_is() {
        let names: Vec<String> = (0..100_000).map(|n| format!("file-{n}\u{1b}[31m.whl")).collect();
        let Note::Yanked {
            files: Some(files),
            why: Some(why),
        } = Note::yanked(
            names.iter().map(String::as_str),
            "see\nhttps://a:b@host/x?token=s3cret",
        )
        else {
            unreachable!("files and a reason");
        };

        assert_eq!(files.chars().count(), REMOTE_WORDS);
        assert!(
            files.starts_with("file-0 [31m.whl, ") && files.ends_with('…'),
            "{files}"
        );
        assert!(!files.contains('\u{1b}'));
        assert_eq!(why, "see https://host/x");
        assert_eq!(
            Note::yanked([], "\n"),
            Note::Yanked {
                files: None,
                why: None
            }
        );
    }

    #[test]
    fn only_properties_that_matter_are_noted() {
        let wanted = |executable: &str| {
            let pairs = [(MTIME, "1.5"), (EXECUTABLE, executable), ("team", "core")];
            Metadata::from(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())))
        };
        let noted = |wanted: &Metadata| Note::properties_unkept(wanted.keys().map(String::as_str), wanted);
        let names = |names: &str| Some(Note::PropertiesUnkept { names: names.into() });

        assert_eq!(noted(&wanted("false")), names("team"));
        assert_eq!(noted(&wanted("true")), names("team, waybill.executable"));
        assert_eq!(noted(&Metadata::from([(MTIME.into(), "1.5".into())])), None);
    }
}
