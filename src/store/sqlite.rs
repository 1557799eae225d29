//! The embedded database of a single node: SQLite in write-ahead mode.
//!
//! One connection writes, a few read; readers never wait for the writer. Every commit is synced to
//! disk before it is answered, so that neither a killed process nor a power cut loses a turn.

use super::sql::{Dialect, SqlStore, install_drivers};
use super::{StoreError, sql};
use sqlx::ConnectOptions;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteError};
use std::io;
use std::path::Path;

/// Readers; more gain nothing on the few cores a node has.
const N_READERS: u32 = 4;
/// A statement waits a second for another process's write before it gives up.
const SETTINGS: &str = "PRAGMA busy_timeout = 1000; PRAGMA foreign_keys = ON;";
const WRITER_SETTINGS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;";

pub(super) const DIALECT: Dialect = Dialect {
    // IMMEDIATE takes the write lock at once: a transaction that read first and wrote later would
    // fail instead of waiting when another process writes between.
    begin: "BEGIN IMMEDIATE",
    // From its first statement on, which is what write-ahead mode is for.
    snapshot: "BEGIN",
    prepare: "",
    version: "PRAGMA user_version",
    migrations: &[
        include_str!("sqlite/001_conversations.sql"),
        include_str!("sqlite/002_articles.sql"),
        include_str!("sqlite/003_learning.sql"),
    ],
};

/// Opens or creates the database file and brings its tables up to date.
///
/// # Errors
/// [`StoreError::Unusable`] where the file is no database of ours, otherwise what the database
/// answers; the caller stops.
pub async fn open(path: &Path) -> Result<SqlStore, StoreError> {
    install_drivers();
    let place = path.display().to_string();
    let unusable = |reason: String| StoreError::Unusable { place: place.clone(), reason };
    let file = file_of(path).map_err(|error| unusable(error.to_string()))?;
    let options = SqliteConnectOptions::new().filename(file);
    let open = async {
        let options_of = |options: SqliteConnectOptions| {
            AnyConnectOptions::from_url(&options.to_url_lossy())
                .map(ConnectOptions::disable_statement_logging)
        };
        let writer = AnyPoolOptions::new()
            .max_connections(1)
            .after_connect(|connection, _| {
                Box::pin(async {
                    sqlx::raw_sql(SETTINGS).execute(&mut *connection).await?;
                    sqlx::raw_sql(WRITER_SETTINGS).execute(connection).await.map(drop)
                })
            })
            .connect_with(options_of(options.clone().create_if_missing(true))?)
            .await?;
        let readers = AnyPoolOptions::new()
            .max_connections(N_READERS)
            .after_connect(|connection, _| {
                Box::pin(async { sqlx::raw_sql(SETTINGS).execute(connection).await.map(drop) })
            })
            .connect_with(options_of(options.read_only(true))?)
            .await?;
        Ok(SqlStore::new(writer, readers, DIALECT))
    };
    let store = open.await.map_err(|error: sqlx::Error| match error.into() {
        StoreError::Failed(source) | StoreError::Unavailable(source) => {
            unusable(source.to_string())
        }
        other => other,
    })?;
    sql::migrate(&store, &place).await?;
    Ok(store)
}

/// The file's name as it survives the way through an address, which the generic driver takes: there
/// `..` would be cut out and `%` read as the start of a code. Makes the folder.
fn file_of(path: &Path) -> io::Result<String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let file = folder.canonicalize()?.join(path.file_name().unwrap_or_default());
    Ok(file.to_string_lossy().replace('%', "%25"))
}

/// Sorts SQLite's errors by what the caller can do. Codes: <https://sqlite.org/rescode.html>.
pub(super) fn classify(error: sqlx::Error) -> Result<StoreError, sqlx::Error> {
    let sqlite = error.as_database_error().and_then(|e| e.try_downcast_ref::<SqliteError>());
    let Some(sqlite) = sqlite else { return Err(error) };
    let code = sqlx::error::DatabaseError::code(sqlite).and_then(|code| code.parse::<u32>().ok());
    Ok(match code.map(|code| code & 0xff) {
        Some(5 | 6) => StoreError::Locked(Box::new(error)),
        // READONLY, IOERR, FULL, CANTOPEN
        Some(8 | 10 | 13 | 14) => {
            StoreError::NotWritable { reason: error.to_string(), source: Box::new(error) }
        }
        // CONSTRAINT: the same turn, hand-off, version or case came first.
        Some(19) => StoreError::Conflict,
        _ => StoreError::Failed(Box::new(error)),
    })
}

#[cfg(test)]
mod tests;
