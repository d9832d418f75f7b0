//! What a node keeps: SQL rows and blobs.
//!
//! [`Store`] is the door: one per data folder, one process at a time. Each noun has its own room
//! (`store.clusters()`, `store.tasks()`, ...); only `db` knows the database driver.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::clock::Clock;
use domain::id::{IdSource, random_hex32};
use tokio::sync::{Notify, mpsc};

pub mod access;
pub mod appends;
mod attempts;
pub mod blobfiles;
pub mod blobs;
pub mod block_uploads;
mod builder;
mod causes;
mod changes;
pub mod checks;
mod closing;
pub mod clusters;
pub mod collect;
mod conditions;
pub mod console_logins;
pub mod db;
pub mod details;
pub mod distributions;
mod entries;
pub mod events;
mod failing;
mod folder;
pub mod folders;
pub mod foreign;
mod glance;
pub mod hosted;
pub mod hours;
pub mod images;
mod import;
mod journal;
mod lags;
mod lanes;
mod leases;
pub mod listing;
pub mod live;
pub mod moves;
pub mod node_pages;
pub mod nodes;
mod notices;
pub mod open_failures;
mod open_uploads;
pub mod orders;
pub mod packages;
pub mod page;
mod passwords;
pub mod platforms;
pub mod projects;
pub mod properties;
pub mod publish;
pub mod records;
pub mod removal;
pub mod repositories;
mod retain;
mod room;
mod rows;
pub mod search;
mod secrets;
mod selection;
mod settle;
mod shortcuts;
mod standing;
mod stretches;
mod strides;
pub mod tags;
pub mod tasks;
pub mod tokens;
pub mod undelivered;
pub mod uploads;
pub mod users;
mod walks;
mod watches;
pub mod webhooks;
pub mod writer;

pub use causes::CauseRow;
pub use db::{StoreError, StoreResult};
pub use lags::Lag;
pub use page::{Page, PageRequest};

use access::ProjectAccess;
use clusters::Clusters;
use console_logins::ConsoleLogins;
use db::{Db, text};
use details::Details;
use distributions::Distributions;
use hours::Hours;
use live::Live;
use open_failures::OpenFailures;
use passwords::Passwords;
use platforms::Platforms;
use records::Records;
use secrets::Vault;
use tasks::Tasks;
use tokens::Tokens;
use users::Users;
use webhooks::Webhooks;
use writer::DetailWriter;

/// Everything one node keeps; clones share it.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    db: Db,
    clock: Arc<dyn Clock>,
    ids: IdSource,
    vault: Vault,
    passwords: Passwords,
    node_id: String,
    groups: mpsc::Sender<writer::Job>,
    event_bell: Arc<Notify>,
    lock: File,
}

const READ_NODE_ID: &str = "SELECT CAST(value AS TEXT) AS value FROM meta WHERE name = 'node_id'";
const WRITE_NODE_ID: &str = "INSERT INTO meta (name, value) VALUES ('node_id', $1)";

impl Store {
    /// Opens the data folder, making what is missing: the folder, the database, the secret key.
    ///
    /// Secrets are sealed with the key in `secret_key_file`; without one, with `secret.key` in the folder.
    /// A folder another process uses and a key that is not this folder's are refused.
    pub async fn open(
        folder: &Path,
        clock: Arc<dyn Clock>,
        secret_key_file: Option<&Path>,
    ) -> StoreResult<Self> {
        folder::make(folder)?;
        let lock = folder::lock(folder)?;
        let own_key = folder.join("secret.key");
        let key_file = secret_key_file.unwrap_or(&own_key);
        let db = Db::open(&folder.join("waybill.db")).await?;
        let vault = Vault::load(key_file, secret_key_file.is_some())?;
        vault.check(&db, key_file).await?;
        let node_id = node_id(&db).await?;
        Ok(Self(Arc::new(Inner {
            folder: folder.into(),
            groups: writer::spawn(db.clone()),
            db,
            clock,
            ids: IdSource::default(),
            vault,
            passwords: Passwords::default(),
            node_id,
            event_bell: Arc::default(),
            lock,
        })))
    }

    /// Returns the database, for the rooms of this crate.
    pub(crate) fn db(&self) -> &Db {
        &self.0.db
    }

    pub(crate) fn vault(&self) -> &Vault {
        &self.0.vault
    }

    pub(crate) fn passwords(&self) -> &Passwords {
        &self.0.passwords
    }

    /// Returns what is rung when something was noted for a REAL_TIME task.
    pub(crate) fn event_bell(&self) -> &Arc<Notify> {
        &self.0.event_bell
    }

    /// Returns what changed just now, for those who look on.
    pub fn live(&self) -> &Live {
        self.0.db.live()
    }

    pub(crate) fn groups(&self) -> &mpsc::Sender<writer::Job> {
        &self.0.groups
    }

    /// Returns the present in Unix milliseconds.
    pub fn now_ms(&self) -> i64 {
        self.0.clock.now_ms()
    }

    /// Returns the clock everything here goes by.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// Returns what makes the ids of this process.
    pub fn ids(&self) -> &IdSource {
        &self.0.ids
    }

    /// Returns a new id for something created now.
    pub fn next_id<I: From<[u8; 12]>>(&self) -> I {
        self.0.ids.next(self.now_ms())
    }

    /// Returns the data folder.
    pub fn folder(&self) -> &Path {
        &self.0.folder
    }

    /// Returns the random id this data folder got at its first start.
    pub fn node_id(&self) -> &str {
        &self.0.node_id
    }

    /// Closes the database and lets go of the folder; what was committed stays.
    ///
    /// Nothing can be read or written afterwards, whoever still holds a clone of this.
    pub async fn close(&self) {
        self.0.db.close().await;
        if let Err(error) = folder::unlock(&self.0.lock) {
            tracing::warn!(%error, "data folder stays locked until the process ends");
        }
    }

    /// The clusters known here.
    pub fn clusters(&self) -> Clusters<'_> {
        Clusters(self)
    }

    /// The tasks.
    pub fn tasks(&self) -> Tasks<'_> {
        Tasks(self)
    }

    /// The records: one run of one task each.
    pub fn records(&self) -> Records<'_> {
        Records(self)
    }

    /// The record details: one artifact to one target each.
    pub fn details(&self) -> Details<'_> {
        Details(self)
    }

    /// What was settled, by hours.
    pub fn hours(&self) -> Hours<'_> {
        Hours(self)
    }

    /// The distributions: tasks that come and go with a cluster of their own.
    pub fn distributions(&self) -> Distributions<'_> {
        Distributions(self)
    }

    /// The artifacts whose latest detail failed.
    pub fn open_failures(&self) -> OpenFailures<'_> {
        OpenFailures(self)
    }

    /// The writer of record details.
    pub fn writer(&self) -> DetailWriter<'_> {
        DetailWriter(self)
    }

    /// The users that may log in.
    pub fn users(&self) -> Users<'_> {
        Users(self)
    }

    /// Who may do what in which project.
    pub fn access(&self) -> ProjectAccess<'_> {
        ProjectAccess(self)
    }

    /// The platforms that act as the users they name.
    pub fn platforms(&self) -> Platforms<'_> {
        Platforms(self)
    }

    /// The webhooks, and what they were told.
    pub fn webhooks(&self) -> Webhooks<'_> {
        Webhooks(self)
    }

    /// The logins at the console.
    pub fn console_logins(&self) -> ConsoleLogins<'_> {
        ConsoleLogins(self)
    }

    /// The tokens that act as their users.
    pub fn tokens(&self) -> Tokens<'_> {
        Tokens(self)
    }
}

async fn node_id(db: &Db) -> StoreResult<String> {
    if let Some(row) = db.fetch_optional(READ_NODE_ID, vec![]).await? {
        return row.text("value");
    }
    let node_id = random_hex32();
    db.execute(WRITE_NODE_ID, vec![text(&node_id)]).await?;
    Ok(node_id)
}
