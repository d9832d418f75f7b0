//! A zip archive made while it is sent: what goes in comes out packed, and nothing else is kept.
//!
//! Nothing is known ahead of a file but its size, so its checksum follows it (a data descriptor), which every reader
//! understands behind deflated bytes. Files of 4 GiB and archives of 65,536 entries are written in ZIP64. What
//! stays in memory is the directory at the end: some hundred bytes per entry.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, DateTime, ZipWriter};

/// Files from this size on are announced as ZIP64: deflating may lengthen them past 4 GiB.
const LARGE_BYTES: u64 = 0xF000_0000;

/// What comes next in an archive.
#[derive(Debug)]
pub(super) enum Step {
    /// A folder begins and ends.
    Folder(Entry),
    /// A file begins; its bytes follow.
    File(Entry),
    /// The next bytes of the file that began last.
    Bytes(Bytes),
}

/// How a file or folder is called in an archive.
#[derive(Debug)]
pub(super) struct Entry {
    /// Path within the archive, without a slash at either end.
    pub name: String,
    /// When it was changed, as a clock shows it that whoever unpacks it looks at.
    pub modified: DateTime,
    /// How long it will be.
    pub size_bytes: u64,
}

/// Bytes that are packed and not taken yet.
#[derive(Clone, Default)]
struct Packed(Arc<Mutex<Vec<u8>>>);

impl Packed {
    fn take(&self) -> Bytes {
        let mut bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *bytes).into()
    }
}

impl Write for Packed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut packed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        packed.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An archive on its way.
pub(super) struct Archive {
    /// Boxed, for it is large and passes from thread to thread.
    zip: Box<ZipWriter<StreamWriter<Packed>>>,
    packed: Packed,
}

impl Archive {
    /// Begins an archive.
    pub(super) fn new() -> Self {
        let packed = Packed::default();
        Self {
            zip: Box::new(ZipWriter::new_stream(packed.clone())),
            packed,
        }
    }

    /// Takes `steps` and returns the bytes that came of them, if any did yet. Works on a thread that may block.
    pub(super) async fn write(mut self, steps: Vec<Step>) -> io::Result<(Self, Bytes)> {
        blocking(move || {
            steps.into_iter().try_for_each(|step| self.take(step))?;
            let bytes = self.packed.take();
            Ok((self, bytes))
        })
        .await
    }

    /// Ends the archive and returns its last bytes.
    pub(super) async fn finish(self) -> io::Result<Bytes> {
        blocking(move || {
            self.zip.finish()?;
            Ok(self.packed.take())
        })
        .await
    }

    fn take(&mut self, step: Step) -> io::Result<()> {
        match step {
            Step::Folder(entry) => self.zip.add_directory(entry.name, options(entry.modified, 0))?,
            Step::File(entry) => {
                let options = options(entry.modified, entry.size_bytes);
                self.zip.start_file(entry.name, options)?;
            }
            Step::Bytes(bytes) => self.zip.write_all(&bytes)?,
        }
        Ok(())
    }
}

fn options(modified: DateTime, size_bytes: u64) -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        // Most of what repositories hold is packed already: a fast level finds what there is to find. The fastest
        // has fixed codes only and makes such bytes longer by a twentieth.
        .compression_level(Some(2))
        .large_file(size_bytes >= LARGE_BYTES)
        .last_modified_time(modified)
}

/// Returns the instant `ms` (Unix time) as an archive writes it: the clock of `zone`, from 1980 to 2107.
pub(super) fn clock_time(ms: i64, zone: &TimeZone) -> DateTime {
    Timestamp::from_millisecond(ms)
        .ok()
        .and_then(|instant| {
            let clock = instant.to_zoned(zone.clone());
            let part = |number: i8| u8::try_from(number).ok();
            DateTime::from_date_and_time(
                u16::try_from(clock.year()).ok()?,
                part(clock.month())?,
                part(clock.day())?,
                part(clock.hour())?,
                part(clock.minute())?,
                part(clock.second())?,
            )
            .ok()
        })
        .unwrap_or_default()
}

/// Returns `path` as a name that stays within the folder an archive is unpacked into, on every system.
///
/// Paths of repositories hold neither `..` nor backslashes; what is left is a first name that Windows takes for a
/// drive.
pub(super) fn safe_name(path: &str) -> String {
    let path = path.trim_start_matches('/');
    match path.as_bytes() {
        [letter, b':', ..] if letter.is_ascii_alphabetic() => format!("_{path}"),
        _ => path.into(),
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use zip::ZipArchive;

    use super::*;

    fn entry(name: &str, size_bytes: u64) -> Entry {
        Entry {
            name: name.into(),
            modified: clock_time(1_721_877_600_000, &TimeZone::UTC),
            size_bytes,
        }
    }

    async fn whole(steps: Vec<Vec<Step>>) -> Vec<u8> {
        let mut archive = Archive::new();
        let mut made = Vec::new();
        for steps in steps {
            let (next, bytes) = archive.write(steps).await.expect("it is taken");
            archive = next;
            made.extend_from_slice(&bytes);
        }
        made.extend_from_slice(&archive.finish().await.expect("it ends"));
        made
    }

    #[tokio::test]
    async fn what_goes_in_piece_by_piece_comes_out_whole() {
        let made = whole(vec![
            vec![Step::Folder(entry("empty", 0)), Step::File(entry("ü/a.txt", 11))],
            vec![Step::Bytes("hello ".into())],
            vec![Step::Bytes("world".into()), Step::File(entry("b", 0))],
        ])
        .await;

        let mut read = ZipArchive::new(Cursor::new(made)).expect("an archive");
        let names: Vec<String> = read
            .file_names()
            .map(|name| name.expect("a name").into_owned())
            .collect();
        assert_eq!(names, ["empty/", "ü/a.txt", "b"]);
        let mut text = String::new();
        let mut file = read.by_name("ü/a.txt").expect("an entry");
        file.read_to_string(&mut text).expect("its bytes");
        assert_eq!(text, "hello world");
        let modified = file.last_modified().expect("a time");
        assert_eq!(modified.to_string(), "2024-07-25 03:20:00");
    }

    #[tokio::test]
    async fn more_entries_than_a_plain_archive_counts_are_all_found_again() {
        let steps = (0..70_000).map(|no| Step::Folder(entry(&format!("{no}"), 0)));

        let made = whole(vec![steps.collect()]).await;

        let read = ZipArchive::new(Cursor::new(made)).expect("an archive");
        assert_eq!(read.len(), 70_000);
    }

    #[test]
    fn names_stay_within_the_folder_they_are_unpacked_into() {
        assert_eq!(safe_name("/a/b"), "a/b");
        assert_eq!(safe_name("C:/windows"), "_C:/windows");
        assert_eq!(safe_name("c:x"), "_c:x");
        assert_eq!(safe_name("a/C:/b"), "a/C:/b");
    }

    #[test]
    fn a_time_no_archive_can_write_becomes_its_first_one() {
        assert_eq!(clock_time(0, &TimeZone::UTC), DateTime::default());
        assert_eq!(clock_time(i64::MAX, &TimeZone::UTC), DateTime::default());
    }
}
