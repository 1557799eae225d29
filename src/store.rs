//! Where conversations are kept.
//!
//! One trait, made for two implementations: the embedded database of a single node ([`sqlite`])
//! and a shared one. All of them pass the same contract test (`store/contract.rs`).
//!
//! Invariants: a change is stored whole or not at all; of two changes made from the same version
//! one is refused; a turn id exists once in a conversation and a hand-off once in an episode.

#[cfg(test)]
mod contract;
pub mod sqlite;

use crate::conversation::record::{Change, ConversationRecord, HandoffRecord, TurnRecord};
use crate::conversation::{ConversationId, TurnId};
use std::path::PathBuf;
use std::pin::Pin;

/// A boxed future, so that the trait can be held as `Arc<dyn Store>`.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Keeps conversations. Methods are short; none holds a lock across another.
pub trait Store: Send + Sync {
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
    #[error("the conversation was changed meanwhile")]
    Conflict,
    /// The disk is full, or the folder may not be written.
    #[error("the database cannot be written: {reason}")]
    NotWritable {
        /// The database's own words.
        reason: String,
        /// Its error.
        #[source]
        source: Box<sqlx::Error>,
    },
    /// Another process holds the database too long.
    #[error("the database is locked by another process")]
    Locked(#[source] Box<sqlx::Error>),
    /// The file is no database, or damaged, or of a newer version.
    #[error("the database {path} cannot be opened: {reason}")]
    Unusable {
        /// The file.
        path: PathBuf,
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
