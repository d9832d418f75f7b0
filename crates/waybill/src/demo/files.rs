//! The files a demonstration replicates: a folder's, else what git tracks here, else a few of our own.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use bytes::Bytes;

/// One file to replicate.
pub struct DemoFile {
    /// Its path in the repository, without the leading slash; always with `/` between names.
    pub name: String,
    /// Where its bytes are.
    pub content: Content,
}

/// Where a file's bytes are.
pub enum Content {
    /// On this computer's disk.
    Disk(PathBuf),
    /// In the binary.
    Bundled(&'static [u8]),
}

impl Content {
    /// Opens it for reading; the whole file is in memory only if it is bundled.
    pub async fn open(&self) -> io::Result<Box<dyn tokio::io::AsyncRead + Send + Unpin>> {
        match self {
            Self::Disk(path) => Ok(Box::new(tokio::fs::File::open(path).await?)),
            Self::Bundled(bytes) => Ok(Box::new(io::Cursor::new(Bytes::from_static(bytes)))),
        }
    }
}

/// The chosen files, and where they come from.
pub struct Chosen {
    /// Where they come from, for people.
    pub origin: String,
    /// The files.
    pub files: Vec<DemoFile>,
    /// Names that are no plain files, or no UTF-8: they stay behind.
    pub left: usize,
}

const SAMPLE: [(&str, &[u8]); 5] = [
    ("config/app.toml", include_bytes!("../../sample/config/app.toml")),
    ("docs/steps.md", include_bytes!("../../sample/docs/steps.md")),
    (
        "docs/welcome.txt",
        include_bytes!("../../sample/docs/welcome.txt"),
    ),
    ("empty", include_bytes!("../../sample/empty")),
    ("img/arrow.svg", include_bytes!("../../sample/img/arrow.svg")),
];

/// Chooses the files: all of `folder`, else what git tracks in the current folder, else the bundled ones.
pub fn choose(folder: Option<&Path>) -> io::Result<Chosen> {
    if let Some(folder) = folder {
        return of_folder(folder);
    }
    match of_git(Path::new(".")) {
        Some(chosen) => Ok(chosen),
        None => Ok(bundled()),
    }
}

fn bundled() -> Chosen {
    let files = SAMPLE.iter().map(|(name, bytes)| DemoFile {
        name: (*name).into(),
        content: Content::Bundled(bytes),
    });
    Chosen {
        origin: "a bundled sample".into(),
        files: files.collect(),
        left: 0,
    }
}

fn of_git(folder: &Path) -> Option<Chosen> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--deduplicate"])
        .current_dir(folder)
        .output()
        .ok()?;
    let names = String::from_utf8(listed.stdout)
        .ok()
        .filter(|_| listed.status.success())?;
    let (files, left) =
        names
            .split('\0')
            .filter(|name| !name.is_empty())
            .fold((Vec::new(), 0), |(mut files, left), name| {
                let path = folder.join(name);
                match path.symlink_metadata() {
                    Ok(found) if found.is_file() => {
                        files.push(DemoFile {
                            name: name.into(),
                            content: Content::Disk(path),
                        });
                        (files, left)
                    }
                    Ok(_) | Err(_) => (files, left + 1),
                }
            });
    if files.is_empty() {
        None
    } else {
        Some(Chosen {
            origin: "what git tracks here".into(),
            files,
            left,
        })
    }
}

fn of_folder(root: &Path) -> io::Result<Chosen> {
    let mut chosen = Chosen {
        origin: root.display().to_string(),
        files: Vec::new(),
        left: 0,
    };
    let mut folders = vec![(root.to_path_buf(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            let Ok(name) = entry.file_name().into_string() else {
                chosen.left += 1;
                continue;
            };
            let name = if prefix.is_empty() {
                name
            } else {
                format!("{prefix}/{name}")
            };
            if kind.is_dir() {
                folders.push((entry.path(), name));
            } else if kind.is_file() {
                chosen.files.push(DemoFile {
                    name,
                    content: Content::Disk(entry.path()),
                });
            } else {
                chosen.left += 1;
            }
        }
    }
    chosen.files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_gives_its_files_sorted_and_leaves_links_behind() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("b")).expect("made");
        std::fs::write(folder.path().join("b/x"), "x").expect("written");
        std::fs::write(folder.path().join("a"), "a").expect("written");
        std::os::unix::fs::symlink("a", folder.path().join("link")).expect("linked");

        let chosen = choose(Some(folder.path())).expect("readable");

        let names: Vec<&str> = chosen.files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!((names, chosen.left), (vec!["a", "b/x"], 1));
    }

    #[test]
    fn outside_a_work_tree_there_is_no_list_of_git() {
        let folder = tempfile::tempdir().expect("a temporary folder");

        assert!(of_git(folder.path()).is_none());
    }
}
