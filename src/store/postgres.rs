//! The shared database of several nodes: PostgreSQL.
//!
//! Transactions run at `READ COMMITTED`. That is enough: the compare-and-set is one `UPDATE` of
//! one row, which waits for the other writer and then compares what that one left; publications
//! come in order because each takes the lock of the counter's row until it is committed.

use super::sql::{Dialect, SqlStore, install_drivers};
use super::{StoreError, sql};
use sqlx::ConnectOptions;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::postgres::{PgConnectOptions, PgDatabaseError};
use std::str::FromStr;
use std::time::Duration;

/// Connections of one node: PostgreSQL admits 100 in all by default, for about ten nodes.
const N_CONNECTIONS: u32 = 8;
/// How long a request waits for a connection; half of the default deadline of a request.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(1);
/// A row held by another node for a second, and a statement that takes longer than any of ours
/// needs, are given up. Notices ("already exists, skipping") would only fill the log.
const SETTINGS: &str = "SET lock_timeout = '1s'; SET statement_timeout = '60s'; \
                        SET application_name = 'fenzhen'; \
                        SET client_min_messages = warning";

pub(super) const DIALECT: Dialect = Dialect {
    begin: "BEGIN",
    snapshot: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    // Two nodes that start together take turns; the number is "fenzhen" in ASCII. lock_timeout does
    // not let go of a migration that takes longer: the other node may wait for it.
    prepare: "SET LOCAL lock_timeout = '60s'; \
              DO $$ BEGIN PERFORM pg_advisory_xact_lock(28821972798956910); END $$; \
              CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL); \
              INSERT INTO schema_version SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM schema_version)",
    version: "SELECT version FROM schema_version",
    migrations: &[
        include_str!("postgres/001_conversations.sql"),
        include_str!("postgres/002_articles.sql"),
        include_str!("postgres/003_learning.sql"),
    ],
};

/// Connects to the database at `url` (`postgres://user:password@host:port/database`) and brings its
/// tables up to date. TLS as the address says (`sslmode`, by default where the server has it).
///
/// # Errors
/// [`StoreError::Unusable`] where the address or the database cannot be used,
/// [`StoreError::Unavailable`] where nothing answers; the caller stops.
pub async fn open(url: &str) -> Result<SqlStore, StoreError> {
    install_drivers();
    let bad_address = |error: sqlx::Error| StoreError::Unusable {
        place: "store.url".to_owned(),
        reason: format!("{error}: write postgres://user:password@host:port/database"),
    };
    let place = place_of(&PgConnectOptions::from_str(url).map_err(bad_address)?);
    let options = AnyConnectOptions::from_str(url).map_err(bad_address)?;
    let pool = AnyPoolOptions::new()
        .max_connections(N_CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .after_connect(|connection, _| {
            Box::pin(async { sqlx::raw_sql(SETTINGS).execute(connection).await.map(drop) })
        })
        .connect_with(options.disable_statement_logging())
        .await
        .map_err(|error| match error.into() {
            StoreError::Failed(source) => {
                StoreError::Unusable { place: place.clone(), reason: source.to_string() }
            }
            other => other,
        })?;
    let store = SqlStore::new(pool.clone(), pool, DIALECT);
    sql::migrate(&store, &place).await?;
    Ok(store)
}

/// The address as logs may show it.
fn place_of(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or_default();
    format!("postgres://{}:{}/{database}", options.get_host(), options.get_port())
}

/// Sorts PostgreSQL's errors by what the caller can do. Codes:
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
pub(super) fn classify(error: sqlx::Error) -> Result<StoreError, sqlx::Error> {
    let postgres = error.as_database_error().and_then(|e| e.try_downcast_ref::<PgDatabaseError>());
    let Some(postgres) = postgres else { return Err(error) };
    Ok(match postgres.code() {
        // The same turn, hand-off, version or case came first; or of two transactions that wait
        // for each other, or cannot be put in order, this one was given up.
        "23505" | "40001" | "40P01" => StoreError::Conflict,
        // lock_timeout, statement_timeout
        "55P03" | "57014" => StoreError::Locked(Box::new(error)),
        // read_only_sql_transaction, insufficient_privilege, disk_full
        "25006" | "42501" | "53100" => {
            StoreError::NotWritable { reason: error.to_string(), source: Box::new(error) }
        }
        // Class 08, shutdown and start-up of the server, too many connections.
        code if code.starts_with("08") || code.starts_with("57P") || code == "53300" => {
            StoreError::Unavailable(Box::new(error))
        }
        _ => StoreError::Failed(Box::new(error)),
    })
}

#[cfg(test)]
mod tests;
