//! The statements of both databases, and how rows become records.
//!
//! Statements are written once: `$1`, `ON CONFLICT` and `RETURNING` mean the same to SQLite and
//! PostgreSQL, and numbers, texts and nulls are all that tables hold. What differs is a
//! [`Dialect`].

mod articles;
mod backup;
mod conversations;
mod learning;
mod row;

use super::{StoreError, postgres, sqlite};

use sqlx::pool::PoolConnection;
use sqlx::{Any, AnyConnection, AnyPool, Connection};

/// A store in SQLite or PostgreSQL. Cheap to clone.
#[derive(Clone)]
pub struct SqlStore {
    writer: AnyPool,
    readers: AnyPool,
    dialect: Dialect,
}

/// Where the two databases differ.
#[derive(Clone, Copy)]
pub(super) struct Dialect {
    /// Begins a transaction that writes.
    pub(super) begin: &'static str,
    /// Begins a transaction that reads one state of several tables.
    pub(super) snapshot: &'static str,
    /// What a transaction that migrates does first.
    pub(super) prepare: &'static str,
    /// Asks how many migrations have run; each ends with raising it.
    pub(super) version: &'static str,
    /// The migrations in order, each one transaction. A published one is never changed.
    pub(super) migrations: &'static [&'static str],
}

/// Tells the generic driver of both databases; repeated calls do nothing.
pub(super) fn install_drivers() {
    sqlx::any::install_default_drivers();
}

/// Runs the migrations that have not run yet. Nodes that start together take turns.
pub(super) async fn migrate(store: &SqlStore, place: &str) -> Result<(), StoreError> {
    let Dialect { begin, prepare, version, migrations, .. } = store.dialect;
    loop {
        let mut connection = store.writer.acquire().await?;
        let mut transaction = connection.begin_with(begin).await?;
        sqlx::raw_sql(prepare).execute(&mut *transaction).await?;
        let n_run: i64 = sqlx::query_scalar(version).fetch_one(&mut *transaction).await?;
        let n_run = usize::try_from(n_run).unwrap_or(usize::MAX);
        if n_run > migrations.len() {
            let known = migrations.len();
            return Err(StoreError::Unusable {
                place: place.to_owned(),
                reason: format!(
                    "its tables have version {n_run}, this program knows {known}: run the newer program"
                ),
            });
        }
        let Some(&migration) = migrations.get(n_run) else { return Ok(()) };
        sqlx::raw_sql(migration).execute(&mut *transaction).await?;
        transaction.commit().await?;
    }
}

impl SqlStore {
    pub(super) fn new(writer: AnyPool, readers: AnyPool, dialect: Dialect) -> Self {
        Self { writer, readers, dialect }
    }

    #[cfg(test)]
    pub(super) fn writer(&self) -> &AnyPool {
        &self.writer
    }
}

/// Ends the use of a connection that wrote: after a failure it is closed.
async fn settle<T>(
    connection: PoolConnection<Any>,
    result: Result<T, StoreError>,
) -> Result<T, StoreError> {
    if matches!(&result, Err(error) if !is_refusal(error)) {
        // A full disk makes SQLite roll back by itself, which sqlx does not notice: the
        // connection would refuse every later transaction ("non-zero transaction depth").
        // What closing it answers changes nothing.
        let _ = connection.close().await;
    }
    result
}

/// Whether a change was refused by its content, not by the database.
fn is_refusal(error: &StoreError) -> bool {
    matches!(error, StoreError::Conflict | StoreError::NoPublication { .. } | StoreError::NotEmpty)
}

/// Takes the next publication number. Whoever comes second waits until this transaction ends.
async fn take_publication(
    connection: &mut AnyConnection,
    publication: &row::NewPublication<'_>,
) -> Result<u64, StoreError> {
    let row = sqlx::query(
        "UPDATE publication_counter SET latest = latest + 1 WHERE only_row = 1 RETURNING latest",
    )
    .fetch_one(&mut *connection)
    .await?;
    let number: u64 = row::number(&row, "latest")?;
    sqlx::query(
        "INSERT INTO publications (number, reason, article_id, actor, at_ms) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(row::stored(number))
    .bind(row::word_of(&publication.reason))
    .bind(publication.article_id)
    .bind(publication.actor.as_str())
    .bind(publication.at.as_millisecond())
    .execute(connection)
    .await?;
    Ok(number)
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let error = match sqlite::classify(error).or_else(postgres::classify) {
            Ok(sorted) => return sorted,
            Err(error) => error,
        };
        match error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable(Box::new(error)),
            _ => Self::Failed(Box::new(error)),
        }
    }
}
