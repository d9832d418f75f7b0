//! Walks a folder in the byte order of full paths, holding one sorted level per depth and nothing else.
//!
//! A folder's name is compared with its slash, so that the order is that of the paths as texts: `/a.txt`
//! comes before `/a/b`. A walk can begin after any path, so a cursor is simply the last path listed.

use std::collections::BTreeMap;
use std::io;

use domain::path::{FilePath, NAME_BYTES};
use rustix::fs::{Dir, FileType};

use super::beneath::{Root, is_link};
use super::draft::is_ours;

/// Most names that are kept to be shown; all are counted.
const MOST_NAMED: usize = 1000;

/// Why something in a folder does not travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhyNot {
    /// It is a symbolic link.
    SymbolicLink,
    /// It is a pipe, a socket or a device.
    SpecialFile,
    /// Its name is not UTF-8.
    NotUtf8,
    /// Its path is too long, or has a control character or a backslash in it.
    BadName,
    /// It is a folder with nothing in it.
    EmptyFolder,
}

impl WhyNot {
    /// Says whether somebody would miss it at the target; an empty folder is only mentioned.
    pub fn is_loss(self) -> bool {
        match self {
            Self::SymbolicLink | Self::SpecialFile | Self::NotUtf8 | Self::BadName => true,
            Self::EmptyFolder => false,
        }
    }

    /// Says it in a few words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SymbolicLink => "symbolic link",
            Self::SpecialFile => "special file",
            Self::NotUtf8 => "name is not UTF-8",
            Self::BadName => "name is no path here",
            Self::EmptyFolder => "empty folder",
        }
    }
}

/// What was met and does not travel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotCarried {
    /// The first of them: path, fit to be shown, and reason.
    pub named: BTreeMap<String, WhyNot>,
    /// How many there are whose absence somebody would miss.
    pub losses: u64,
    /// How many empty folders there are.
    pub empty_folders: u64,
}

impl NotCarried {
    pub(super) fn note(&mut self, path: &str, why: WhyNot) {
        let shown: String = path
            .chars()
            .map(|c| if c.is_control() { '?' } else { c })
            .collect();
        if self.named.contains_key(&shown) {
            return;
        }
        match why.is_loss() {
            true => self.losses += 1,
            false => self.empty_folders += 1,
        }
        if self.named.len() < MOST_NAMED {
            self.named.insert(shown, why);
        }
    }
}

/// A walk that has come to some place.
#[derive(Debug)]
pub(super) struct Walk {
    /// Files and folders still to be visited, the next one last.
    starts: Vec<FilePath>,
    levels: Vec<Level>,
}

#[derive(Debug)]
struct Level {
    /// Path of the folder, with a slash at its end.
    folder: String,
    /// What is in it, folders with a slash at their ends, the next one last.
    entries: Vec<Box<str>>,
}

impl Walk {
    /// Begins with what lies at or below `starts`, after the path `after` of an earlier walk of the same.
    pub(super) fn new(
        root: &Root,
        starts: &[FilePath],
        after: Option<&FilePath>,
        notes: &mut NotCarried,
    ) -> io::Result<Self> {
        let mut starts: Vec<FilePath> = starts.to_vec();
        starts.sort_by(|a, b| b.cmp(a));
        starts.dedup();
        let outermost = |path: &FilePath| !starts.iter().any(|other| other != path && path.is_within(other));
        let starts: Vec<FilePath> = starts.iter().filter(|path| outermost(path)).cloned().collect();
        let mut walk = Self {
            starts,
            levels: Vec::new(),
        };
        if let Some(after) = after {
            walk.resume(root, after, notes)?;
        }
        Ok(walk)
    }

    fn resume(&mut self, root: &Root, after: &FilePath, notes: &mut NotCarried) -> io::Result<()> {
        let Some(place) = self.starts.iter().rposition(|start| after.is_within(start)) else {
            return Ok(());
        };
        let start = self.starts.split_off(place).swap_remove(0);
        let mut rest = match start.is_root() {
            true => &after.as_str()[1..],
            false => after.as_str()[start.as_str().len()..].trim_start_matches('/'),
        };
        let mut folder = String::from(&start.as_str()[1..]);
        while !rest.is_empty() {
            let name = rest.find('/').map_or(rest, |slash| &rest[..=slash]);
            self.descend(root, folder.clone(), Some(name), notes)?;
            rest = &rest[name.len()..];
            folder = [
                folder.as_str(),
                if folder.is_empty() { "" } else { "/" },
                name.trim_end_matches('/'),
            ]
            .concat();
        }
        Ok(())
    }

    /// Returns the next file; `None` after the last.
    pub(super) fn next(&mut self, root: &Root, notes: &mut NotCarried) -> io::Result<Option<FilePath>> {
        loop {
            let Some(level) = self.levels.last_mut() else {
                match self.starts.pop() {
                    None => return Ok(None),
                    Some(start) => match self.begin(root, start, notes)? {
                        Some(file) => return Ok(Some(file)),
                        None => continue,
                    },
                }
            };
            let Some(name) = level.entries.pop() else {
                self.levels.pop();
                continue;
            };
            let path = [level.folder.as_str(), &name].concat();
            match path.strip_suffix('/') {
                Some(folder) => self.descend(root, folder.into(), None, notes)?,
                None => match path.parse() {
                    Ok(path) => return Ok(Some(path)),
                    Err(_) => notes.note(&path, WhyNot::BadName),
                },
            }
        }
    }

    /// Begins with one start: returns it if it is a file, descends if it is a folder.
    fn begin(
        &mut self,
        root: &Root,
        start: FilePath,
        notes: &mut NotCarried,
    ) -> io::Result<Option<FilePath>> {
        let relative = &start.as_str()[1..];
        let kind = match root.stat(relative) {
            Ok(None) => return Ok(None),
            Ok(Some(stat)) => FileType::from_raw_mode(stat.st_mode),
            Err(error) if is_link(&error) => FileType::Symlink,
            Err(error) => return Err(error),
        };
        match kind {
            FileType::RegularFile => return Ok(Some(start)),
            FileType::Directory => self.descend(root, relative.into(), None, notes)?,
            FileType::Symlink => notes.note(relative, WhyNot::SymbolicLink),
            _ => notes.note(relative, WhyNot::SpecialFile),
        }
        Ok(None)
    }

    /// Reads the folder at `relative`, keeping what comes after `after` (a folder named there was begun already).
    fn descend(
        &mut self,
        root: &Root,
        relative: String,
        after: Option<&str>,
        notes: &mut NotCarried,
    ) -> io::Result<()> {
        let folder = match root.folder(&relative) {
            Ok(folder) => folder,
            // It vanished or was replaced since its name was read.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                return Ok(());
            }
            Err(error) if is_link(&error) => {
                notes.note(&relative, WhyNot::SymbolicLink);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let folder_path = if relative.is_empty() {
            String::new()
        } else {
            format!("{relative}/")
        };
        let mut entries: Vec<Box<str>> = Vec::new();
        let mut seen = 0_u64;
        for entry in Dir::read_from(&folder)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") || is_ours(name) {
                continue;
            }
            seen += 1;
            match carried(&folder, &folder_path, name, entry.file_type())? {
                Ok(name) if after.is_none_or(|after| *name > *after) => entries.push(name),
                Ok(_) => {}
                Err(_) if after.is_some_and(|after| name < after.as_bytes()) => {}
                Err(why) => notes.note(&[&folder_path, &*String::from_utf8_lossy(name)].concat(), why),
            }
        }
        if seen == 0 && !relative.is_empty() {
            notes.note(&folder_path, WhyNot::EmptyFolder);
        }
        entries.sort_unstable_by(|a, b| b.cmp(a));
        self.levels.push(Level {
            folder: folder_path,
            entries,
        });
        Ok(())
    }
}

/// Returns the name of an entry as it is listed, or why it does not travel.
fn carried(
    folder: &impl std::os::fd::AsFd,
    folder_path: &str,
    name: &[u8],
    kind: FileType,
) -> io::Result<Result<Box<str>, WhyNot>> {
    let Ok(text) = std::str::from_utf8(name) else {
        return Ok(Err(WhyNot::NotUtf8));
    };
    let kind = match kind {
        FileType::Unknown => {
            let stat = rustix::fs::statat(folder, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)?;
            FileType::from_raw_mode(stat.st_mode)
        }
        known => known,
    };
    let bad = text.chars().any(|c| c.is_control() || c == '\\') || text.len() > NAME_BYTES;
    Ok(match kind {
        _ if bad || folder_path.len() + text.len() > domain::path::PATH_BYTES => Err(WhyNot::BadName),
        FileType::RegularFile => Ok(text.into()),
        FileType::Directory => Ok([text, "/"].concat().into()),
        FileType::Symlink => Err(WhyNot::SymbolicLink),
        _ => Err(WhyNot::SpecialFile),
    })
}
