//! Index generations: built aside, published by one atomic rename, never changed afterwards.
//!
//! Layout of the index folder: `generations/<n>/` holds a generation (`generation.toml`, the
//! articles it was built from and tantivy's files), `CURRENT` names the one in use, `LOCK` is held
//! by whoever builds. A crash at any moment leaves `CURRENT` naming a whole generation.

mod folder;
mod generation;
mod schema;

pub(super) use folder::Folder;
pub use folder::RebuildReason;
pub use generation::GenerationInfo;
pub(super) use generation::{Generation, article_set_hash};
pub(super) use schema::{ARTICLE, Fields};

use super::article::{Article, Status};
use super::tokenizer::Analyzer;
use super::{KbError, KbSettings, article};
use serde::Serialize;
use std::time::{Duration, Instant};
use utoipa::ToSchema;

/// What a rebuild did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReindexReport {
    /// Number of the new generation.
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
    /// Milliseconds from reading the first file to the swap.
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

/// Reads the articles and builds and publishes a generation from them.
///
/// # Errors
/// [`KbError::Faulty`], [`KbError::Locked`], [`KbError::DiskFull`] and the others; in each case
/// the generation in use stays.
pub(super) fn rebuild(
    settings: &KbSettings,
    analyzer: &Analyzer,
) -> Result<(Generation, ReindexReport), KbError> {
    let started = Instant::now();
    let folder = Folder::new(&settings.index_dir);
    let lock = folder.lock()?;
    let articles = published(article::load_articles(&settings.articles_dir)?);
    let number = folder
        .publish(&lock, |path, number| generation::write(path, number, &articles, analyzer))?;
    let path = folder.generation_path(number);
    let generation = Generation::open(&path, number, analyzer)?;
    folder.remove_old(&lock, number);
    let mut ids: Vec<&str> = articles.iter().map(|article| article.id.as_str()).collect();
    ids.dedup();
    let report = ReindexReport {
        generation: number,
        n_articles: ids.len(),
        n_versions: articles.len(),
        n_passages: generation.n_passages(),
        took: started.elapsed(),
    };
    tracing::info!(
        generation = number,
        n_articles = report.n_articles,
        took_ms = started.elapsed().as_millis() as u64,
        "knowledge base indexed"
    );
    Ok((generation, report))
}
