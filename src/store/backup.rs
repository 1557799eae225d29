//! The knowledge base of a store as rows, for backups and for moving from one database to another.
//!
//! Conversations are not part of it: they hold customers' data and have a life of their own.

use super::StoreFuture;
use serde_json::{Map, Value};
use std::error::Error;

/// The tables in the order in which rows may be put in again.
pub const TABLES: [&str; 10] = [
    "publications",
    "articles",
    "article_versions",
    "article_events",
    "pins",
    "review_requests",
    "lexicons",
    "feedback",
    "unanswered",
    "eval_cases",
];

/// Gives the knowledge base out as a whole, and takes it in.
pub trait BackupStore: Send + Sync {
    /// Hands all rows to `take`, table by table in the order of [`TABLES`], as they are at one
    /// moment; writers go on meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Transfer`](super::StoreError::Transfer) where `take` fails.
    fn dump<'a>(&'a self, take: &'a mut TakeRow<'a>) -> StoreFuture<'a, ()>;

    /// Puts in what [`dump`](Self::dump) of either database gave, all or nothing.
    ///
    /// # Errors
    /// [`StoreError::NotEmpty`](super::StoreError::NotEmpty) where something is there already;
    /// [`StoreError::Transfer`](super::StoreError::Transfer) where `rows` fails.
    fn load<'a>(&'a self, rows: &'a mut Rows<'a>) -> StoreFuture<'a, ()>;
}

/// Takes one row.
pub type TakeRow<'a> = dyn FnMut(DumpRow) -> Result<(), RowError> + Send + 'a;
/// Gives rows.
pub type Rows<'a> = dyn Iterator<Item = Result<DumpRow, RowError>> + Send + 'a;
/// Why a row could not be taken or given.
pub type RowError = Box<dyn Error + Send + Sync>;

/// One row of one table.
#[derive(Debug, Clone, PartialEq)]
pub struct DumpRow {
    /// One of [`TABLES`].
    pub table: &'static str,
    /// Its columns but those that are null and those that a database numbers by itself.
    pub columns: Map<String, Value>,
}
