//! Digests of files that were read before, by what the file system or a server says of them.
//!
//! A table of fixed slots in one file, looked up with one small read each, so that a million entries cost
//! no memory. An entry counts only if all of its [`Identity`] is the same and its checksum is right; anything
//! doubtful is a miss and the file is hashed again. Losing the table loses time only.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use bytes::{Buf, BufMut};
use domain::digest::Digest;
use rustix::fs::Stat;

const MAGIC: &[u8; 16] = b"waybill digests1";
/// Bytes before the first slot; also the slot size, so that everything lies on the same grid.
const SLOT_BYTES: usize = 96;
/// Slots an entry may lie in, beginning at the one its key hashes to.
const WINDOW: u64 = 16;
/// Room for about 25,000 entries; what is not written takes none on the disk.
const FIRST_SLOTS: u64 = 64 << 10;
/// How much a table grows when a window is full.
const GROWTH: u64 = 4;
/// Beyond this (384 MiB) entries replace each other.
const MOST_SLOTS: u64 = 4 << 20;

/// What is said of a file's content: while it stays the same, so does the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    inode: u64,
    /// Its length.
    pub size_bytes: u64,
    /// When its content changed last: seconds and nanoseconds.
    pub modified: (i64, u32),
    /// When anything about it changed last.
    pub changed: (i64, u32),
}

impl Identity {
    /// Reads it from what `stat` said.
    pub fn of(stat: &Stat) -> Self {
        let nanos = |nanos: u64| u32::try_from(nanos).unwrap_or(0);
        Self {
            device: stat.st_dev,
            inode: stat.st_ino,
            size_bytes: u64::try_from(stat.st_size).unwrap_or(0),
            modified: (stat.st_mtime, nanos(stat.st_mtime_nsec)),
            changed: (stat.st_ctime, nanos(stat.st_ctime_nsec)),
        }
    }

    /// Makes one of what a server says: what stands at `place` has this size and is in the state called `mark`.
    pub fn remote(place: &str, size_bytes: u64, mark: &str) -> Self {
        let (place, mark) = (Digest::of(place.as_bytes()), Digest::of(mark.as_bytes()));
        let (mut place, mut mark) = (&place.as_bytes()[..], &mark.as_bytes()[..]);
        Self {
            device: place.get_u64(),
            // Zero stands for a free slot.
            inode: place.get_u64() | 1,
            size_bytes,
            modified: (mark.get_i64(), mark.get_u32()),
            changed: (mark.get_i64(), mark.get_u32()),
        }
    }

    /// Says whether content that was like `self` and is now like `later` can be the same.
    pub fn is_same_content(&self, later: &Self) -> bool {
        let content = |identity: &Self| {
            (
                identity.device,
                identity.inode,
                identity.size_bytes,
                identity.modified,
            )
        };
        content(self) == content(later)
    }

    /// Spreads device and inode over all bits.
    fn hash(&self) -> u64 {
        let mut mixed = self.inode ^ self.device.rotate_left(32);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// Digests by [`Identity`], in one file.
#[derive(Debug)]
pub struct DigestCache {
    path: PathBuf,
    table: Mutex<Table>,
}

#[derive(Debug)]
struct Table {
    file: File,
    slots: u64,
}

impl DigestCache {
    /// Opens the cache at `path`, making it (and the folders above) if it is not there or not readable as one.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let table = match Table::open(&path)? {
            Some(table) => table,
            None => Table::create(&path, FIRST_SLOTS)?,
        };
        Ok(Self {
            path,
            table: Mutex::new(table),
        })
    }

    /// Returns the digest of the file that `identity` belongs to, if it is known.
    pub fn get(&self, identity: &Identity) -> Option<Digest> {
        let table = self.table.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let window = table.window(identity).ok()?;
        let entries = window.chunks_exact(SLOT_BYTES).filter_map(decoded);
        entries
            .filter(|(known, _)| known == identity)
            .map(|(_, digest)| digest)
            .next()
    }

    /// Remembers `digest` for `identity`.
    pub fn put(&self, identity: &Identity, digest: &Digest) -> io::Result<()> {
        let mut table = self.table.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        while !table.put(identity, digest, table.slots >= MOST_SLOTS)? {
            let grown = table.grow(&self.path)?;
            *table = grown;
        }
        Ok(())
    }
}

impl Table {
    fn open(path: &Path) -> io::Result<Option<Self>> {
        let file = match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut head = [0; SLOT_BYTES];
        if file.read_exact_at(&mut head, 0).is_err() || &head[..MAGIC.len()] != MAGIC {
            return Ok(None);
        }
        let slots = (&head[MAGIC.len()..]).get_u64();
        let sound = slots.is_power_of_two()
            && (FIRST_SLOTS..=MOST_SLOTS).contains(&slots)
            && file.metadata()?.len() == (slots + 1) * SLOT_BYTES as u64;
        Ok(sound.then_some(Self { file, slots }))
    }

    /// Makes an empty table and puts it in the place of whatever stood at `path`.
    fn create(path: &Path, slots: u64) -> io::Result<Self> {
        let table = Self::beside(path, slots)?;
        std::fs::rename(beside(path), path)?;
        Ok(table)
    }

    fn beside(path: &Path, slots: u64) -> io::Result<Self> {
        let temporary = beside(path);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&temporary)?;
        let mut head = Vec::with_capacity(SLOT_BYTES);
        head.put_slice(MAGIC);
        head.put_u64(slots);
        file.write_all_at(&head, 0)?;
        file.set_len((slots + 1) * SLOT_BYTES as u64)?;
        Ok(Self { file, slots })
    }

    /// Copies everything into a larger table and puts that in this one's place.
    fn grow(&self, path: &Path) -> io::Result<Self> {
        let grown = Self::beside(path, (self.slots * GROWTH).min(MOST_SLOTS))?;
        let mut piece = vec![0; SLOT_BYTES * 4096];
        for first in (0..self.slots).step_by(4096) {
            self.file.read_exact_at(&mut piece, place(first))?;
            for (identity, digest) in piece.chunks_exact(SLOT_BYTES).filter_map(decoded) {
                grown.put(&identity, &digest, true)?;
            }
        }
        std::fs::rename(beside(path), path)?;
        Ok(grown)
    }

    fn first_slot(&self, identity: &Identity) -> u64 {
        let slot = identity.hash() & (self.slots - 1);
        slot.min(self.slots - WINDOW)
    }

    fn window(&self, identity: &Identity) -> io::Result<[u8; SLOT_BYTES * WINDOW as usize]> {
        let mut window = [0; SLOT_BYTES * WINDOW as usize];
        self.file
            .read_exact_at(&mut window, place(self.first_slot(identity)))?;
        Ok(window)
    }

    /// Writes an entry into its own old slot, or a free one; says whether there was one, or takes any if `must`.
    fn put(&self, identity: &Identity, digest: &Digest, must: bool) -> io::Result<bool> {
        let window = self.window(identity)?;
        let mut free = None;
        for (slot, bytes) in (0u64..).zip(window.chunks_exact(SLOT_BYTES)) {
            match decoded(bytes) {
                Some((known, _)) if (known.device, known.inode) == (identity.device, identity.inode) => {
                    free = Some(slot);
                    break;
                }
                Some(_) => {}
                None => free = free.or(Some(slot)),
            }
        }
        let Some(slot) = free.or(must.then_some(identity.hash() >> 60)) else {
            return Ok(false);
        };
        self.file.write_all_at(
            &encoded(identity, digest),
            place(self.first_slot(identity) + slot),
        )?;
        Ok(true)
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

fn place(slot: u64) -> u64 {
    (slot + 1) * SLOT_BYTES as u64
}

fn encoded(identity: &Identity, digest: &Digest) -> Vec<u8> {
    let mut slot = Vec::with_capacity(SLOT_BYTES);
    slot.put_u64(identity.device);
    slot.put_u64(identity.inode);
    slot.put_u64(identity.size_bytes);
    for (seconds, nanos) in [identity.modified, identity.changed] {
        slot.put_i64(seconds);
        slot.put_u32(nanos);
    }
    slot.put_slice(digest.as_bytes());
    slot.put_u32(crc32fast::hash(&slot));
    slot.resize(SLOT_BYTES, 0);
    slot
}

fn decoded(slot: &[u8]) -> Option<(Identity, Digest)> {
    let mut rest = slot;
    let identity = Identity {
        device: rest.get_u64(),
        inode: rest.get_u64(),
        size_bytes: rest.get_u64(),
        modified: (rest.get_i64(), rest.get_u32()),
        changed: (rest.get_i64(), rest.get_u32()),
    };
    let mut digest = [0; 32];
    rest.copy_to_slice(&mut digest);
    let covered = slot.len() - rest.len();
    let sound = rest.get_u32() == crc32fast::hash(&slot[..covered]);
    (sound && identity.inode != 0).then(|| (identity, Digest::from_bytes(digest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(inode: u64) -> Identity {
        Identity {
            device: 7,
            inode,
            size_bytes: inode * 3,
            modified: (1_700_000_000, 5),
            changed: (1_700_000_000, 6),
        }
    }

    fn digest(number: u64) -> Digest {
        Digest::of(&number.to_be_bytes())
    }

    #[test]
    fn what_was_remembered_is_known_after_reopening() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state/digests");
        let cache = DigestCache::open(&path).expect("a cache");

        // More than the first table holds, so it grows.
        for inode in 1..=70_000 {
            cache.put(&identity(inode), &digest(inode)).expect("room");
        }
        drop(cache);
        let cache = DigestCache::open(&path).expect("a cache");

        assert!((1..=70_000).all(|inode| cache.get(&identity(inode)) == Some(digest(inode))));
        assert_eq!(cache.get(&identity(70_001)), None);
    }

    #[test]
    fn a_file_that_changed_in_any_way_is_not_known() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = DigestCache::open(folder.path().join("digests")).expect("a cache");
        let known = identity(1);
        cache.put(&known, &digest(1)).expect("room");

        let changed = [
            Identity {
                size_bytes: 4,
                ..known
            },
            Identity {
                modified: (1_700_000_000, 4),
                ..known
            },
            Identity {
                changed: (1_700_000_001, 6),
                ..known
            },
            Identity { device: 8, ..known },
        ];

        assert!(changed.iter().all(|identity| cache.get(identity).is_none()));
        assert_eq!(cache.get(&known), Some(digest(1)));
    }

    #[test]
    fn a_newer_digest_of_a_file_replaces_the_older() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = DigestCache::open(folder.path().join("digests")).expect("a cache");
        let newer = Identity {
            changed: (1_700_000_009, 0),
            ..identity(1)
        };
        cache.put(&identity(1), &digest(1)).expect("room");

        cache.put(&newer, &digest(2)).expect("room");

        assert_eq!(cache.get(&identity(1)), None);
        assert_eq!(cache.get(&newer), Some(digest(2)));
    }

    #[test]
    fn a_damaged_cache_is_a_miss_and_never_a_wrong_digest() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("digests");
        let cache = DigestCache::open(&path).expect("a cache");
        cache.put(&identity(1), &digest(1)).expect("room");
        drop(cache);
        let mut bytes = std::fs::read(&path).expect("the cache");
        let flipped = bytes.iter().rposition(|byte| *byte != 0).expect("an entry");
        bytes[flipped] ^= 1;
        std::fs::write(&path, &bytes).expect("the cache");

        assert_eq!(DigestCache::open(&path).expect("a cache").get(&identity(1)), None);
        std::fs::write(&path, b"something else").expect("a file");
        assert_eq!(
            DigestCache::open(&path).expect("a new cache").get(&identity(1)),
            None
        );
    }
}
