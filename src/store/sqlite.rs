//! The embedded database of a single node: SQLite in write-ahead mode.
//!
//! One connection writes, a few read; readers never wait for the writer. Every commit is synced to
//! disk before it is answered, so that neither a killed process nor a power cut loses a turn.

use super::{Store, StoreError, StoreFuture};
use crate::conversation::record::{Change, ConversationRecord, HandoffRecord, TurnRecord};
use crate::conversation::{ClientId, ConversationId, TurnId};
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, Row, SqliteConnection};
use std::path::Path;
use std::time::Duration;

/// Readers; more gain nothing on the few cores a node has.
const N_READERS: u32 = 4;
/// How long a statement waits for another process's write before it gives up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(1);
/// Raised with every change of the tables; kept in `PRAGMA user_version`.
const SCHEMA_VERSION: i64 = 1;
const SCHEMA: &str = include_str!("sqlite.sql");

/// The store of a single node. Cheap to clone.
#[derive(Clone)]
pub struct SqliteStore {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl SqliteStore {
    /// Opens or creates the database file.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] where the file is no database of ours, otherwise what the database
    /// answers; the caller stops.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let unusable = |reason: String| StoreError::Unusable { path: path.to_owned(), reason };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| unusable(error.to_string()))?;
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .disable_statement_logging();
        let open = async {
            let writer =
                SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
            let readers = SqlitePoolOptions::new()
                .max_connections(N_READERS)
                .connect_with(options.read_only(true).create_if_missing(false))
                .await?;
            let version: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&writer).await?;
            Ok((Self { writer, readers }, version))
        };
        let (store, version) = open.await.map_err(|error: sqlx::Error| match classify(error) {
            StoreError::Failed(source) => unusable(source.to_string()),
            other => other,
        })?;
        match version {
            SCHEMA_VERSION => Ok(store),
            0 => {
                let mut transaction = store.writer.begin_with("BEGIN IMMEDIATE").await?;
                sqlx::raw_sql(SCHEMA).execute(&mut *transaction).await?;
                transaction.commit().await?;
                Ok(store)
            }
            newer => Err(unusable(format!(
                "its tables have version {newer}, this program knows {SCHEMA_VERSION}: run the newer program"
            ))),
        }
    }
}

impl Store for SqliteStore {
    fn conversation<'a>(
        &'a self,
        id: &'a ConversationId,
    ) -> StoreFuture<'a, Option<ConversationRecord>> {
        Box::pin(async move {
            let row = sqlx::query("SELECT * FROM conversations WHERE id = ?")
                .bind(id.as_str())
                .fetch_optional(&self.readers)
                .await?;
            row.map(|row| conversation_of(id, &row)).transpose()
        })
    }

    fn turn<'a>(
        &'a self,
        id: &'a ConversationId,
        turn_id: &'a TurnId,
    ) -> StoreFuture<'a, Option<TurnRecord>> {
        Box::pin(async move {
            let row = sqlx::query("SELECT * FROM turns WHERE conversation_id = ? AND turn_id = ?")
                .bind(id.as_str())
                .bind(turn_id.as_str())
                .fetch_optional(&self.readers)
                .await?;
            row.as_ref().map(turn_of).transpose()
        })
    }

    fn turns<'a>(&'a self, id: &'a ConversationId) -> StoreFuture<'a, Vec<TurnRecord>> {
        Box::pin(async move {
            let rows = sqlx::query("SELECT * FROM turns WHERE conversation_id = ? ORDER BY seq")
                .bind(id.as_str())
                .fetch_all(&self.readers)
                .await?;
            rows.iter().map(turn_of).collect()
        })
    }

    fn last_handoff<'a>(
        &'a self,
        id: &'a ConversationId,
    ) -> StoreFuture<'a, Option<HandoffRecord>> {
        Box::pin(async move {
            let row = sqlx::query(
                "SELECT * FROM handoffs WHERE conversation_id = ? ORDER BY episode DESC LIMIT 1",
            )
            .bind(id.as_str())
            .fetch_optional(&self.readers)
            .await?;
            row.map(|row| {
                Ok(HandoffRecord {
                    episode: row.try_get("episode")?,
                    packet: row.try_get("packet")?,
                })
            })
            .transpose()
        })
    }

    fn commit(&self, change: Change) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            let mut connection = self.writer.acquire().await?;
            let committed = write(&mut connection, &change).await;
            if matches!(committed, Err(ref error) if !matches!(error, StoreError::Conflict)) {
                // A full disk makes SQLite roll back by itself, which sqlx does not notice: the
                // connection would refuse every later transaction ("non-zero transaction depth").
                // What closing it answers changes nothing.
                let _ = connection.close().await;
            }
            committed
        })
    }

    fn ready(&self) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            sqlx::query("SELECT 1 FROM conversations LIMIT 1").execute(&self.readers).await?;
            Ok(())
        })
    }
}

/// Writes a change in one transaction, which a dropped future rolls back.
async fn write(connection: &mut SqliteConnection, change: &Change) -> Result<(), StoreError> {
    // IMMEDIATE takes the write lock at once: a transaction that read first and wrote
    // later would fail instead of waiting when another process writes between.
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let conversation = &change.conversation;
    let id = conversation.id.as_str();
    let result = sqlx::query(
        "INSERT INTO conversations \
         (id, version, state, customer, channel, resolved, rating, created_ms, updated_ms) \
         SELECT ?1, 1, ?3, ?4, ?5, ?6, ?7, ?8, ?9 WHERE ?2 = 0 OR \
         EXISTS (SELECT 1 FROM conversations WHERE id = ?1) \
         ON CONFLICT (id) DO UPDATE SET version = version + 1, state = ?3, customer = ?4, \
         channel = ?5, resolved = ?6, rating = ?7, updated_ms = ?9 WHERE version = ?2",
    )
    .bind(id)
    .bind(i64::try_from(conversation.version).unwrap_or(i64::MAX))
    .bind(to_json(&conversation.state))
    .bind(&conversation.customer)
    .bind(&conversation.channel)
    .bind(conversation.resolved)
    .bind(conversation.rating)
    .bind(conversation.created_at.as_millisecond())
    .bind(conversation.updated_at.as_millisecond())
    .execute(&mut *transaction)
    .await?;
    if result.rows_affected() != 1 {
        return Err(StoreError::Conflict);
    }
    if let Some(turn) = &change.turn {
        sqlx::query(
            "INSERT INTO turns (conversation_id, seq, turn_id, episode, at_ms, text, \
             strike, outcome, outcome_reason, reply) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
             ON CONFLICT (conversation_id, seq) DO UPDATE SET strike = excluded.strike, \
             outcome = excluded.outcome, outcome_reason = excluded.outcome_reason \
             WHERE turn_id = excluded.turn_id",
        )
        .bind(id)
        .bind(turn.seq)
        .bind(turn.turn_id.as_str())
        .bind(turn.episode)
        .bind(turn.at.as_millisecond())
        .bind(&turn.text)
        .bind(turn.strike.map(|strike| to_json(&strike)))
        .bind(turn.outcome.map(|outcome| to_json(&outcome)))
        .bind(&turn.outcome_reason)
        .bind(&turn.reply)
        .execute(&mut *transaction)
        .await?;
    }
    if let Some(handoff) = &change.handoff {
        sqlx::query("INSERT INTO handoffs (conversation_id, episode, packet) VALUES (?, ?, ?)")
            .bind(id)
            .bind(handoff.episode)
            .bind(&handoff.packet)
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await?;
    Ok(())
}

fn conversation_of(id: &ConversationId, row: &SqliteRow) -> Result<ConversationRecord, StoreError> {
    Ok(ConversationRecord {
        id: id.clone(),
        version: row.try_get::<i64, _>("version")?.try_into().unwrap_or_default(),
        state: from_json("conversation", row.try_get("state")?)?,
        customer: row.try_get("customer")?,
        channel: row.try_get("channel")?,
        resolved: row.try_get("resolved")?,
        rating: row.try_get("rating")?,
        created_at: timestamp(row.try_get("created_ms")?)?,
        updated_at: timestamp(row.try_get("updated_ms")?)?,
    })
}

fn turn_of(row: &SqliteRow) -> Result<TurnRecord, StoreError> {
    let optional = |column: &str| row.try_get::<Option<&str>, _>(column);
    let turn_id = ClientId::try_from(row.try_get::<String, _>("turn_id")?);
    Ok(TurnRecord {
        turn_id: turn_id.map_err(|error| bad_row("turn", error))?,
        seq: row.try_get("seq")?,
        episode: row.try_get("episode")?,
        at: timestamp(row.try_get("at_ms")?)?,
        text: row.try_get("text")?,
        strike: optional("strike")?.map(|json| from_json("turn", json)).transpose()?,
        outcome: optional("outcome")?.map(|json| from_json("turn", json)).transpose()?,
        outcome_reason: row.try_get("outcome_reason")?,
        reply: row.try_get("reply")?,
    })
}

fn timestamp(milliseconds: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(milliseconds).map_err(|error| bad_row("time", error))
}

fn to_json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("plain structs without maps of odd keys serialise")
}

fn from_json<T: DeserializeOwned>(what: &'static str, json: &str) -> Result<T, StoreError> {
    serde_json::from_str(json).map_err(|error| bad_row(what, error))
}

fn bad_row(
    what: &'static str,
    source: impl std::error::Error + Send + Sync + 'static,
) -> StoreError {
    StoreError::BadRow { what, source: Box::new(source) }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        classify(error)
    }
}

/// Sorts the database's errors by what the caller can do. Codes: <https://sqlite.org/rescode.html>.
fn classify(error: sqlx::Error) -> StoreError {
    let primary_code = error
        .as_database_error()
        .and_then(|error| error.code()?.parse::<u32>().ok())
        .map(|code| code & 0xff);
    match primary_code {
        Some(5 | 6) => StoreError::Locked(Box::new(error)),
        // READONLY, IOERR, FULL, CANTOPEN
        Some(8 | 10 | 13 | 14) => {
            StoreError::NotWritable { reason: error.to_string(), source: Box::new(error) }
        }
        // CONSTRAINT: the same turn or hand-off came first.
        Some(19) => StoreError::Conflict,
        _ => StoreError::Failed(Box::new(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract;

    async fn open(folder: &Path) -> SqliteStore {
        SqliteStore::open(&folder.join("fenzhen.db")).await.unwrap()
    }

    #[tokio::test]
    async fn keeps_the_contract() {
        let folder = tempfile::tempdir().unwrap();
        contract::check(&open(folder.path()).await).await;
    }

    #[tokio::test]
    async fn what_was_committed_is_there_after_reopening() {
        let folder = tempfile::tempdir().unwrap();
        let id = contract::id("c1");
        {
            let store = open(folder.path()).await;
            store.commit(contract::first_turn(&id)).await.unwrap();
        }
        let store = open(folder.path()).await;
        assert_eq!(store.turns(&id).await.unwrap().len(), 1);
        assert_eq!(store.conversation(&id).await.unwrap().unwrap().version, 1);
    }

    #[tokio::test]
    async fn refuses_what_is_no_database_and_what_is_newer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fenzhen.db");
        std::fs::write(&path, "no database at all, only a text of some length".repeat(50)).unwrap();
        let error = SqliteStore::open(&path).await.err().unwrap();
        assert!(matches!(error, StoreError::Unusable { .. }), "{error:?}");
        let store = SqliteStore::open(&folder.path().join("new.db")).await.unwrap();
        sqlx::raw_sql("PRAGMA user_version = 99").execute(&store.writer).await.unwrap();
        let error = SqliteStore::open(&folder.path().join("new.db")).await.err().unwrap();
        assert!(error.to_string().contains("99"), "{error}");
    }

    #[tokio::test]
    async fn says_when_the_disk_is_full() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).await;
        let pages: i64 =
            sqlx::query_scalar("PRAGMA page_count").fetch_one(&store.writer).await.unwrap();
        let limit = format!("PRAGMA max_page_count = {pages}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(limit)).execute(&store.writer).await.unwrap();
        let mut change = contract::first_turn(&contract::id("c1"));
        if let Some(turn) = &mut change.turn {
            turn.reply = "满".repeat(100_000);
        }
        let error = store.commit(change).await.err().unwrap();
        assert!(matches!(error, StoreError::NotWritable { .. }), "{error:?}");
        assert!(store.conversation(&contract::id("c1")).await.unwrap().is_none());
    }
}
