//! Index generations: built aside, published by one atomic rename, never changed afterwards.
//!
//! Layout of the index folder: `generations/<n>/` holds a generation (`generation.toml`, the
//! analysed articles and tantivy's files), `CURRENT` names the one in use, `LOCK` is held by whoever
//! builds. A crash at any moment leaves `CURRENT` naming a whole generation. A change of some articles
//! builds on the generation in use: files it does not change are hard links.

mod background;
mod entry;
mod folder;
mod generation;
mod schema;

pub(super) use background::Background;
pub(super) use entry::{Counts, Entry, Kind, Slot, TermId};
pub(super) use folder::Folder;
pub use folder::{Name, RebuildReason};
pub use generation::GenerationInfo;
pub(super) use generation::{Generation, Tools, write};
pub(super) use schema::Fields;

use super::article::{Article, Status};
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

/// What a rebuild did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReindexReport {
    /// Number of the new generation: the publication whose content it holds.
    #[schema(example = 4)]
    pub generation: u64,
    /// Articles with at least one published version.
    #[schema(example = 208)]
    pub n_articles: usize,
    /// Published versions that were indexed.
    #[schema(example = 210)]
    pub n_versions: usize,
    /// Questions, variants and bodies that were indexed.
    #[schema(example = 1480)]
    pub n_passages: usize,
    /// Milliseconds from the first article to the swap.
    #[serde(rename = "took_ms", serialize_with = "as_millis")]
    #[schema(value_type = u64, example = 180)]
    pub took: Duration,
}

fn as_millis<S: serde::Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(took.as_millis().try_into().unwrap_or(u64::MAX))
}

/// The published versions among `articles`: drafts and archived ones never reach an index.
pub(super) fn published(articles: Vec<Article>) -> Vec<Article> {
    articles.into_iter().filter(|article| article.status == Status::Published).collect()
}
