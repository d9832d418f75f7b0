//! Notes of artifacts in words: what a reader should know of one that is there all the same.

use domain::note::Note;

use crate::{Language, Render, Text, text};

impl From<&Note> for Text {
    fn from(note: &Note) -> Self {
        match note {
            Note::Yanked {
                files: None,
                why: None,
            } => text!("note-yanked"),
            Note::Yanked {
                files: None,
                why: Some(why),
            } => text!("note-yanked-why", why = why),
            Note::Yanked {
                files: Some(files),
                why: None,
            } => text!("note-files-yanked", files = files),
            Note::Yanked {
                files: Some(files),
                why: Some(why),
            } => text!("note-files-yanked-why", files = files, why = why),
            Note::PropertiesUnkept { names } => text!("note-properties-unkept", names = names),
            Note::PropertiesDiffer { names } => text!("note-properties-differ", names = names),
            Note::FilesStay { files } => text!("note-files-stay", files = files),
        }
    }
}

impl Render for Note {
    fn render(&self, language: Language) -> String {
        Text::from(self).render(language)
    }
}

/// Returns `notes` in one line; `None` when there are none.
pub fn in_words(notes: &[Note], language: Language) -> Option<String> {
    let said: Vec<String> = notes.iter().map(|note| note.render(language)).collect();
    (!said.is_empty()).then(|| said.join("; "))
}
