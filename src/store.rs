//! Where conversations and articles are kept.
//!
//! [`Store`] has two implementations: the embedded database of a single node ([`sqlite`]) and a
//! shared one ([`postgres`]). Both pass the same contract test (`store/contract.rs`), and share
//! all statements (`store/sql.rs`); only tables and connections differ.
//!
//! Invariants: a change is stored whole or not at all; of two changes made from the same version
//! one is refused; a turn id exists once in a conversation and a hand-off once in an episode; what
//! was served at a publication never changes.

pub mod articles;
pub mod backup;
#[cfg(test)]
mod contract;
pub mod learning;
pub mod postgres;
mod sql;
pub mod sqlite;

pub use articles::ArticleStore;
pub use backup::BackupStore;
pub use learning::LearningStore;
pub use sql::SqlStore;

use crate::conversation::record::{Change, ConversationRecord, HandoffRecord, TurnRecord};
use crate::conversation::{ConversationId, TurnId};
use std::pin::Pin;

/// A boxed future, so that the trait can be held as `Arc<dyn Store>`.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Keeps conversations, and with the traits above it everything else. Methods are short; none
/// holds a lock across another, and none tries again by itself.
pub trait Store: ArticleStore + LearningStore + BackupStore {
    /// The conversation, `None` where there is none.
    fn conversation<'a>(
        &'a self,
        id: &'a ConversationId,
    ) -> StoreFuture<'a, Option<ConversationRecord>>;

    /// One turn, `None` where there is none.
    fn turn<'a>(
        &'a self,
        id: &'a ConversationId,
        turn_id: &'a TurnId,
    ) -> StoreFuture<'a, Option<TurnRecord>>;

    /// All turns in the order they came.
    fn turns<'a>(&'a self, id: &'a ConversationId) -> StoreFuture<'a, Vec<TurnRecord>>;

    /// The latest hand-off.
    fn last_handoff<'a>(&'a self, id: &'a ConversationId)
    -> StoreFuture<'a, Option<HandoffRecord>>;

    /// Stores a change if the conversation still has the version that the change was made from.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where it has not: read again and start over.
    fn commit(&self, change: Change) -> StoreFuture<'_, ()>;

    /// Whether reading works.
    fn ready(&self) -> StoreFuture<'_, ()>;
}

/// What can go wrong with storing.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another change came first; read again.
    #[error("it was changed meanwhile")]
    Conflict,
    /// There is no such publication to serve.
    #[error("there is no publication {publication}: the latest is {latest}")]
    NoPublication {
        /// The number asked for.
        publication: u64,
        /// The latest.
        latest: u64,
    },
    /// A backup is put into an empty store only.
    #[error(
        "the store holds articles or word lists already: a backup is put into an empty one only"
    )]
    NotEmpty,
    /// Whoever gives or takes the rows of a backup failed.
    #[error("the rows of a backup could not be handed over")]
    Transfer(#[source] backup::RowError),
    /// The disk is full, or the database may not be written.
    #[error("the database cannot be written: {reason}")]
    NotWritable {
        /// The database's own words.
        reason: String,
        /// Its error.
        #[source]
        source: Box<sqlx::Error>,
    },
    /// Somebody else holds the database, or a row of it, too long.
    #[error("the database is locked by another process")]
    Locked(#[source] Box<sqlx::Error>),
    /// The database does not answer, or the connection broke. A change under way was made as a
    /// whole or not at all; reading tells which.
    #[error("the database cannot be reached")]
    Unavailable(#[source] Box<sqlx::Error>),
    /// It is no database of ours, or damaged, or of a newer version, or does not let us in.
    #[error("the database {place} cannot be opened: {reason}")]
    Unusable {
        /// The file, or the address without its password.
        place: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A row does not have the form that this version writes.
    #[error("a stored {what} cannot be read")]
    BadRow {
        /// Which kind of row.
        what: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Anything else that the database answers.
    #[error("the database failed")]
    Failed(#[source] Box<sqlx::Error>),
}
