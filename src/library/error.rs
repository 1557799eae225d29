//! What can stop an editor.

use super::{LexiconText, LineFault, Opened};
use crate::kb::article::Problem;
use crate::kb::editorial::{Action, EditError};
use crate::store::StoreError;
use crate::store::learning::LexiconName;

/// Why the library refuses. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// There is no such article.
    #[error("there is no article {id}")]
    NoArticle {
        /// The id asked for.
        id: String,
    },
    /// The article has no such version.
    #[error("the article {id} has no version {version}")]
    NoVersion {
        /// The article.
        id: String,
        /// The version asked for.
        version: u32,
    },
    /// A new article has the id of another one.
    #[error("there is an article {id} already: open that one, or choose another id")]
    Exists {
        /// The id.
        id: String,
    },
    /// Somebody else changed the article meanwhile: show both texts and let the editor decide.
    #[error("the article was changed by {} meanwhile: compare and save again", current.version.head.author)]
    Conflict {
        /// What it is now.
        current: Box<Opened>,
    },
    /// Somebody else changed the word list meanwhile.
    #[error("the word list was changed meanwhile: compare and save again")]
    LexiconConflict {
        /// What it is now.
        current: Box<LexiconText>,
    },
    /// The life cycle forbids it.
    #[error("{error}")]
    Refused {
        /// What forbids it.
        #[source]
        error: EditError,
        /// What may be done instead.
        allowed: Vec<Action>,
    },
    /// The article has faults.
    #[error("the article has {} faults", faults.len())]
    Faulty {
        /// All of them.
        faults: Vec<Problem>,
    },
    /// The word list has faults.
    #[error("the word list has {} faults", faults.len())]
    LexiconFaulty {
        /// Which list.
        name: LexiconName,
        /// All of them, in the order of lines.
        faults: Vec<LineFault>,
    },
    /// A field of something else cannot be used.
    #[error("{field}: {reason}")]
    BadField {
        /// The field.
        field: &'static str,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
