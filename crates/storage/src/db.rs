//! The one file that knows the database driver.
//!
//! Everything above it writes the same `$n` SQL for SQLite and PostgreSQL and sees only [`Value`]s and
//! [`Row`]s. One connection writes, a few read: a deferred transaction that turns into a write is
//! refused by SQLite at once, so every transaction here begins as a write. Writers queue first come,
//! first served; record details come as one group at a time, so nobody waits for more than one of those.

mod sql;
mod value;

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _, Sqlite, SqlitePool, Transaction};
use tokio::sync::Notify;

use crate::live::{Live, Subject};
use sql::grouped;
pub use sql::{
    by_index, found_in, hex_of, json_member, list_of, number_of, placeholders, prefix_end, unindexed,
};
pub use value::{Value, blob, flag, int, maybe, size, text};

/// What a store answers.
pub type StoreResult<T> = Result<T, StoreError>;

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused or broke.
    #[error("database: {0}")]
    Database(#[source] sqlx::Error),
    /// Something with this name or id exists already; nothing was written.
    #[error("it exists already: {0}")]
    Taken(String),
    /// The database could not be brought to this version's schema.
    #[error("database schema: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A file of the data folder could not be read or written.
    #[error("data folder: {0}")]
    Disk(#[from] std::io::Error),
    /// A row holds something this version does not understand.
    #[error("row of {table} holds {found}")]
    Unreadable {
        /// Table it stands in.
        table: &'static str,
        /// What was found there.
        found: String,
    },
    /// Another process uses this data folder.
    #[error("data folder {} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// The key that seals secrets is missing, unreadable or not this data folder's.
    #[error("secret key {}: {reason}", .file.display())]
    BadKey {
        /// Where the key lies.
        file: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A group of details could not be written; why, in words.
    #[error("details were not written: {0}")]
    Unwritten(String),
    /// Another node holds the lease this write was made under; nothing was written.
    #[error("the lease is lost")]
    LeaseLost,
    /// Bytes that arrived are not the ones announced; nothing was stored.
    #[error("{0}")]
    Mismatch(String),
    /// The question took longer than it may.
    #[error("the database was still looking after {} s", .0.as_secs())]
    TookTooLong(Duration),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(database) if database.is_unique_violation() => {
                Self::Taken(database.message().into())
            }
            _ => Self::Database(error),
        }
    }
}

impl StoreError {
    /// Says whether a disk that is full was the reason.
    pub fn is_disk_full(&self) -> bool {
        match self {
            Self::Disk(error) => matches!(
                error.kind(),
                std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded
            ),
            Self::Database(sqlx::Error::Database(error)) => {
                // SQLITE_FULL, with or without more detail in the higher bits.
                let code = error.code().and_then(|code| code.parse::<i64>().ok());
                code.is_some_and(|code| code & 0xff == 13)
            }
            _ => false,
        }
    }
}

/// One row of an answer, read by column name.
pub struct Row(SqliteRow);

impl Row {
    /// Returns a number that is never null.
    pub fn int(&self, column: &str) -> StoreResult<i64> {
        Ok(self.0.try_get(column)?)
    }

    /// Returns a count or a size; a negative one reads as 0.
    pub fn size(&self, column: &str) -> StoreResult<u64> {
        Ok(u64::try_from(self.int(column)?).unwrap_or(0))
    }

    /// Returns yes or no.
    pub fn flag(&self, column: &str) -> StoreResult<bool> {
        Ok(self.int(column)? != 0)
    }

    /// Returns a number or nothing.
    pub fn maybe_int(&self, column: &str) -> StoreResult<Option<i64>> {
        Ok(self.0.try_get(column)?)
    }

    /// Returns a text that is never null.
    pub fn text(&self, column: &str) -> StoreResult<String> {
        Ok(self.0.try_get(column)?)
    }

    /// Returns a text or nothing.
    pub fn maybe_text(&self, column: &str) -> StoreResult<Option<String>> {
        Ok(self.0.try_get(column)?)
    }

    /// Returns raw bytes that are never null.
    pub fn blob(&self, column: &str) -> StoreResult<Vec<u8>> {
        Ok(self.0.try_get(column)?)
    }

    /// Returns raw bytes or nothing.
    pub fn maybe_blob(&self, column: &str) -> StoreResult<Option<Vec<u8>>> {
        Ok(self.0.try_get(column)?)
    }

    /// Returns `N` raw bytes: an id or a digest.
    pub fn bytes<const N: usize>(&self, column: &str) -> StoreResult<[u8; N]> {
        let bytes = self.blob(column)?;
        let found = bytes.len();
        bytes.try_into().map_err(|_| StoreError::Unreadable {
            table: "bytes",
            found: format!("{found} bytes in `{column}` instead of {N}"),
        })
    }
}

/// A statement's text: fixed, or put together from fixed parts and `$n` only.
pub trait Statement: Send {
    /// Returns the text in the driver's wrapping.
    fn sql(self) -> sqlx::SqlStr;
}

impl Statement for &'static str {
    fn sql(self) -> sqlx::SqlStr {
        sqlx::SqlSafeStr::into_sql_str(self)
    }
}

impl Statement for String {
    fn sql(self) -> sqlx::SqlStr {
        sqlx::SqlSafeStr::into_sql_str(AssertSqlSafe(self))
    }
}

type Query = sqlx::query::Query<'static, Sqlite, sqlx::sqlite::SqliteArguments>;

fn query(sql: impl Statement, values: Vec<Value>) -> Query {
    let sql = sql.sql();
    // The driver binds what is missing as null, without a word.
    debug_assert!(
        [0, values.len()].contains(&sql.as_str().matches('?').count()),
        "{} values for `{}`",
        values.len(),
        sql.as_str().chars().take(200).collect::<String>()
    );
    values
        .into_iter()
        .fold(sqlx::query(sql), |query, value| match value {
            Value::Null => query.bind(None::<i64>),
            Value::Int(number) => query.bind(number),
            Value::Text(text) => query.bind(text),
            Value::Blob(bytes) => query.bind(bytes),
        })
}

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// Makes the database `file`, empty and with this version's schema: beside its place, so that it is whole or not there,
/// and nothing need be made durable before the end.
async fn make(file: &Path) -> StoreResult<()> {
    let beside = file.with_extension("new");
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        Ok(()) | Err(_) => {}
    }
    let options = SqliteConnectOptions::from_str("sqlite:")?
        .filename(&beside)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Off)
        .synchronous(SqliteSynchronous::Off)
        .auto_vacuum(SqliteAutoVacuum::Incremental);
    let mut connection = options.connect().await?;
    MIGRATIONS.run(&mut connection).await?;
    connection.close().await?;
    std::fs::File::open(&beside)?.sync_all()?;
    std::fs::rename(&beside, file)?;
    if let Some(folder) = file.parent() {
        std::fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// How many of its steps SQLite makes before it asks whether to go on.
const STEPS_BETWEEN_LOOKS: i32 = 10_000;

fn is_interrupted(error: &sqlx::Error) -> bool {
    // SQLITE_INTERRUPT.
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| code == "9")
}

/// The database: one connection that writes, a few that read.
#[derive(Clone)]
pub struct Db {
    readers: SqlitePool,
    writer: SqlitePool,
    live: Arc<Live>,
}

impl Db {
    /// Opens (or makes) the database file and brings it to this version's schema.
    pub async fn open(file: &Path) -> StoreResult<Self> {
        if !file.exists() {
            make(file).await?;
        }
        let options = SqliteConnectOptions::from_str("sqlite:")?
            .filename(file)
            .foreign_keys(false)
            .busy_timeout(Duration::from_secs(30))
            .pragma("temp_store", "memory")
            .statement_cache_capacity(64);
        // What a read-only connection would be refused: the database already has it when it opens.
        let writing = options
            .clone()
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("wal_autocheckpoint", "4000")
            .pragma("journal_size_limit", "67108864")
            .pragma("cache_size", "-24000");
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .min_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(Duration::from_secs(300))
            .connect_with(writing)
            .await?;
        MIGRATIONS.run(&writer).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(4)
            .acquire_timeout(Duration::from_secs(60))
            .idle_timeout(Duration::from_secs(60))
            .connect_with(
                options
                    .read_only(true)
                    .pragma("cache_size", "-4000")
                    .with_regexp(),
            )
            .await?;
        Ok(Self {
            readers,
            writer,
            live: Arc::default(),
        })
    }

    /// Returns what changed just now.
    pub fn live(&self) -> &Arc<Live> {
        &self.live
    }

    /// Closes every connection; what was committed stays.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// Returns every row of the answer: only for lists that are bounded by a `LIMIT` or by nature.
    pub async fn fetch_all(&self, sql: impl Statement, values: Vec<Value>) -> StoreResult<Vec<Row>> {
        Ok(query(sql, values)
            .fetch_all(&self.readers)
            .await?
            .into_iter()
            .map(Row)
            .collect())
    }

    /// Returns the first row, if there is one.
    pub async fn fetch_optional(&self, sql: impl Statement, values: Vec<Value>) -> StoreResult<Option<Row>> {
        Ok(query(sql, values).fetch_optional(&self.readers).await?.map(Row))
    }

    /// Returns every row of an answer that nobody waits for longer than `most`.
    ///
    /// It goes on when the caller goes away: a question is never left behind on a connection.
    pub async fn fetch_within(
        &self,
        most: Duration,
        sql: String,
        values: Vec<Value>,
    ) -> StoreResult<Vec<Row>> {
        let readers = self.readers.clone();
        let asking = tokio::spawn(async move {
            let mut connection = readers.acquire().await?;
            let until = Instant::now() + most;
            let mut handle = connection.lock_handle().await?;
            handle.set_progress_handler(STEPS_BETWEEN_LOOKS, move || Instant::now() < until);
            drop(handle);
            let found = query(sql, values).fetch_all(&mut *connection).await;
            connection.lock_handle().await?.remove_progress_handler();
            found
        });
        match asking.await {
            Ok(Ok(rows)) => Ok(rows.into_iter().map(Row).collect()),
            Ok(Err(error)) if is_interrupted(&error) => Err(StoreError::TookTooLong(most)),
            Ok(Err(error)) => Err(error.into()),
            Err(error) => Err(StoreError::Disk(std::io::Error::other(error))),
        }
    }

    /// Begins to read: everything read from it is of one moment, whatever is written meanwhile.
    pub async fn snapshot(&self) -> StoreResult<Snapshot> {
        Ok(Snapshot(self.readers.begin().await?))
    }

    /// Runs one statement in a transaction of its own and returns how many rows it touched.
    pub async fn execute(&self, sql: impl Statement, values: Vec<Value>) -> StoreResult<u64> {
        let mut write = self.begin().await?;
        let touched = write.execute(sql, values).await?;
        write.commit().await?;
        Ok(touched)
    }

    /// Gives at most `pages` pages of the file that hold nothing any more back to the file system.
    pub async fn give_back(&self, pages: u32) -> StoreResult<()> {
        let sql = AssertSqlSafe(format!("PRAGMA incremental_vacuum({pages})"));
        sqlx::query(sql).execute(&self.writer).await?;
        Ok(())
    }

    /// Begins a write; nobody else writes until it is committed or dropped. Never held across the network.
    pub async fn begin(&self) -> StoreResult<Write> {
        Ok(Write {
            transaction: self.writer.begin_with("BEGIN IMMEDIATE").await?,
            bell: None,
            live: self.live.clone(),
            changed: Vec::new(),
        })
    }
}

/// The database at one moment.
pub struct Snapshot(Transaction<'static, Sqlite>);

impl Snapshot {
    /// Returns every row of the answer: only for lists that are bounded by a `LIMIT` or by nature.
    pub async fn fetch_all(&mut self, sql: impl Statement, values: Vec<Value>) -> StoreResult<Vec<Row>> {
        Ok(query(sql, values)
            .fetch_all(&mut *self.0)
            .await?
            .into_iter()
            .map(Row)
            .collect())
    }

    /// Returns the first row, if there is one.
    pub async fn fetch_optional(
        &mut self,
        sql: impl Statement,
        values: Vec<Value>,
    ) -> StoreResult<Option<Row>> {
        Ok(query(sql, values).fetch_optional(&mut *self.0).await?.map(Row))
    }
}

/// A transaction that may write; dropped without [`Write::commit`] it leaves nothing behind.
pub struct Write {
    transaction: Transaction<'static, Sqlite>,
    bell: Option<Arc<Notify>>,
    live: Arc<Live>,
    changed: Vec<Subject>,
}

impl Write {
    /// Runs one statement and returns how many rows it touched.
    pub async fn execute(&mut self, sql: impl Statement, values: Vec<Value>) -> StoreResult<u64> {
        Ok(query(sql, values)
            .execute(&mut *self.transaction)
            .await?
            .rows_affected())
    }

    /// Returns every row of the answer.
    pub async fn fetch_all(&mut self, sql: impl Statement, values: Vec<Value>) -> StoreResult<Vec<Row>> {
        Ok(query(sql, values)
            .fetch_all(&mut *self.transaction)
            .await?
            .into_iter()
            .map(Row)
            .collect())
    }

    /// Returns the first row, if there is one.
    pub async fn fetch_optional(
        &mut self,
        sql: impl Statement,
        values: Vec<Value>,
    ) -> StoreResult<Option<Row>> {
        Ok(query(sql, values)
            .fetch_optional(&mut *self.transaction)
            .await?
            .map(Row))
    }

    /// Inserts `rows`, all of `columns` values each, with as few statements as the driver allows.
    ///
    /// `head` is `INSERT INTO t (a, b) VALUES`, `tail` what follows the rows (`ON CONFLICT ...` or nothing).
    pub async fn insert_all(
        &mut self,
        head: &'static str,
        columns: usize,
        tail: &'static str,
        rows: Vec<Vec<Value>>,
    ) -> StoreResult<u64> {
        let mut touched = 0;
        for (places, values) in grouped(columns, rows) {
            touched += self.execute(format!("{head} {places} {tail}"), values).await?;
        }
        Ok(touched)
    }

    /// Changes what `rows` name, all of `columns` values each, with as few statements as the driver allows; returns
    /// what the statements return.
    ///
    /// `head` ends with `(VALUES`, `tail` begins with the parenthesis behind the rows and ends with `RETURNING ...`.
    pub async fn change_all(
        &mut self,
        head: &'static str,
        columns: usize,
        tail: &'static str,
        rows: Vec<Vec<Value>>,
    ) -> StoreResult<Vec<Row>> {
        let mut returned = Vec::new();
        for (places, values) in grouped(columns, rows) {
            returned.extend(self.fetch_all(format!("{head} {places} {tail}"), values).await?);
        }
        Ok(returned)
    }

    /// Makes everything written durable.
    pub async fn commit(self) -> StoreResult<()> {
        self.transaction.commit().await?;
        if let Some(bell) = self.bell {
            bell.notify_waiters();
        }
        for subject in self.changed {
            self.live.note(subject);
        }
        Ok(())
    }

    /// Tells all who look on that `subject` changed, once what is written is durable.
    pub fn changed(&mut self, subject: Subject) {
        if self.changed.last() != Some(&subject) {
            self.changed.push(subject);
        }
    }

    /// Rings `bell` for all who wait for it, once what is written is durable.
    pub fn ring_once_committed(&mut self, bell: Arc<Notify>) {
        self.bell = Some(bell);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_question_without_end_is_cut_off_and_its_connection_answers_the_next_one() {
        const ENDLESS: &str =
            "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT MAX(n) AS n FROM c";
        let folder = tempfile::tempdir().expect("a folder");
        let db = Db::open(&folder.path().join("test.db"))
            .await
            .expect("a database");
        let most = Duration::from_millis(20);

        for _ in 0..8 {
            let cut = db.fetch_within(most, ENDLESS.into(), vec![]).await;
            assert!(matches!(cut, Err(StoreError::TookTooLong(_))));
            let answered = db.fetch_all("SELECT 'abc' REGEXP '^a.c$' AS fits", vec![]).await;
            let fits = answered.expect("an answer")[0].flag("fits");
            assert!(fits.expect("a flag"));
        }
    }

    #[tokio::test]
    async fn what_is_left_of_a_database_in_the_making_is_made_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("test.db");
        std::fs::write(folder.path().join("test.new"), b"half of one").expect("a file");

        let db = Db::open(&file).await.expect("a database");
        let modes = db.fetch_all("SELECT * FROM pragma_auto_vacuum()", vec![]).await;
        assert_eq!(
            modes.expect("an answer")[0].int("auto_vacuum").expect("a mode"),
            2
        );
        db.close().await;

        let names = std::fs::read_dir(folder.path()).expect("a folder");
        let names: Vec<_> = names.map(|entry| entry.expect("an entry").file_name()).collect();
        assert_eq!(names, ["test.db"]);
    }
}
