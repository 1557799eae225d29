//! Asks the knowledge base: retrieve candidates with tantivy, score them, dress the best as hits.
//!
//! Two steps, because they answer different questions. Tantivy's BM25 finds the passages worth a
//! look among however many there are, but its numbers grow with the length of the query and mean
//! nothing on their own. The scorer then asks of each article how much of the query its best
//! question covers and the other way round, which is comparable across queries: the bot holds it
//! against one threshold.

mod lexicon;
mod retrieve;
mod score;
mod snippet;

#[cfg(test)]
mod measure;
#[cfg(test)]
mod tests;

pub(super) use lexicon::Lexicon;
pub use score::Contribution;

use super::article::{Action, Article, Block, Media, first_paragraph, served_version};
use super::index::{Folder, Generation, GenerationInfo, ReindexReport, article_set_hash};
use super::tokenizer::Analyzer;
use super::{KbError, KbSettings, RebuildReason, article, index};
use crate::text::normalize::Normalizer;
use crate::text::segment::Dictionary;
use arc_swap::ArcSwap;
use jiff::civil::Date;
use retrieve::Served;
use score::{Candidate, QueryTerms};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// Hits a caller gets at most, whatever limit it asks for.
const MAX_LIMIT: usize = 50;

/// What to search for.
#[derive(Debug, Clone)]
pub struct Query<'a> {
    /// The customer's words as sent.
    pub q: &'a str,
    /// Only articles in this category or below, such as `售后/退款`.
    pub category: Option<&'a str>,
    /// The intent the turn was classified as; articles that name it rise. `None` where the
    /// classifier was unsure.
    pub intent: Option<&'a str>,
    /// Hits wanted, 1 to 50.
    pub limit: usize,
    /// The day whose valid versions are searched.
    pub as_of: Date,
    /// Whether hits tell what their score is made of.
    pub explain: bool,
}

impl<'a> Query<'a> {
    /// A query for five hits as of `as_of`, without filter.
    #[must_use]
    pub fn new(q: &'a str, as_of: Date) -> Self {
        Self { q, category: None, intent: None, limit: 5, as_of, explain: false }
    }
}

/// Hits with the generation they came from.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Found {
    /// Best first; ties by `article_id`.
    pub hits: Vec<Hit>,
    /// Number of the index generation that answered.
    #[schema(example = 4)]
    pub generation: u64,
}

/// One article that may answer the query.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Hit {
    /// The article.
    #[schema(example = "order-change-address")]
    pub article_id: String,
    /// Its version in force on the day asked for.
    #[schema(example = 1)]
    pub version: u32,
    /// The standard question.
    #[schema(example = "下单后怎么修改收货地址？")]
    pub title: String,
    /// Category path.
    #[schema(example = "服务/订单/修改订单/改收货地址")]
    pub category: String,
    /// How well the article fits, 0 to 1, comparable across queries.
    #[schema(example = 0.93, minimum = 0, maximum = 1)]
    pub score: f32,
    /// The sentence of the answer closest to the query, as plain text.
    #[schema(
        example = "还没发货的订单，请到「我的-订单-订单详情」点「修改地址」，保存后立即生效。"
    )]
    pub snippet: String,
    /// First paragraph as plain text: what a bot can send alone.
    #[schema(
        example = "还没发货的订单，请到「我的-订单-订单详情」点「修改地址」，每单可改 1 次。"
    )]
    pub summary: String,
    /// The whole answer as Markdown, first paragraph included.
    pub answer: String,
    /// The answer in blocks that can be shown one by one.
    pub blocks: Vec<Block>,
    /// What the customer can have done at once by the shop's own systems.
    pub actions: Vec<Action>,
    /// Pictures and films of the answer.
    pub media: Vec<Media>,
    /// The query's words found in the article, in the customer's order, in normalised form.
    #[schema(example = json!(["怎么", "改", "收货地址"]))]
    pub matched: Vec<String>,
    /// Ids of articles that often come next.
    pub links: Vec<String>,
    /// Intents the article answers.
    #[schema(example = json!(["order.modify"]))]
    pub intents: Vec<String>,
    /// What the score is made of; only where asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Vec<Contribution>>,
}

/// The knowledge base. Share it through an `Arc`; searches run side by side and never wait for a
/// rebuild.
pub struct KnowledgeBase {
    settings: KbSettings,
    analyzer: Analyzer,
    generation: ArcSwap<Generation>,
}

impl KnowledgeBase {
    /// Opens the generation in use, or builds one where there is none that fits dictionary, schema
    /// and articles.
    ///
    /// # Errors
    /// [`KbError::Faulty`] lists the faults of all articles; [`KbError::Locked`] where a rebuild is
    /// needed and another process is at it; [`KbError::DiskFull`], [`KbError::NotWritable`] and
    /// the others where the index folder cannot be used.
    pub fn open_or_build(
        settings: &KbSettings,
        dictionary: Arc<Dictionary>,
        normalizer: Arc<Normalizer>,
    ) -> Result<Self, KbError> {
        let analyzer = Analyzer::new(normalizer, dictionary);
        let generation = match open_current(settings, &analyzer)? {
            Ok(generation) => generation,
            Err(reason) => {
                if reason != RebuildReason::NoGeneration {
                    tracing::warn!(%reason, "the knowledge base is indexed anew");
                }
                index::rebuild(settings, &analyzer)?.0
            }
        };
        let generation = ArcSwap::from_pointee(generation);
        Ok(Self { settings: settings.clone(), analyzer, generation })
    }

    /// Finds the articles closest to a query. Takes well under a millisecond for some hundred
    /// articles; blocks on nothing but page faults of the mapped index.
    ///
    /// # Errors
    /// [`KbError::Index`] where the index cannot be read, most likely because its disk failed; the
    /// caller goes on without an answer.
    pub fn search(&self, query: &Query<'_>) -> Result<Found, KbError> {
        let generation = self.generation.load_full();
        let hits = search(&generation, &self.analyzer, query)
            .map_err(|error| KbError::index(&self.settings.index_dir, error))?;
        Ok(Found { hits, generation: generation.info.number })
    }

    /// Reads the articles again, builds a generation and swaps it in; searches go on meanwhile,
    /// each with the generation it began with.
    ///
    /// # Errors
    /// As [`Self::open_or_build`]; the old generation stays in use then.
    pub fn reindex(&self) -> Result<ReindexReport, KbError> {
        let (generation, report) = index::rebuild(&self.settings, &self.analyzer)?;
        self.swap_in(generation);
        Ok(report)
    }

    /// Swaps in the generation another process has published since, if it fits; tells whether it
    /// did.
    ///
    /// # Errors
    /// The reason why what lies on disk cannot be used; the old generation stays in use then.
    pub fn refresh(&self) -> Result<bool, RebuildReason> {
        let folder = Folder::new(&self.settings.index_dir);
        let number = folder.current()?;
        if number == self.generation.load().info.number {
            return Ok(false);
        }
        let path = folder.generation_path(number);
        let generation = Generation::open_fitting(&path, number, &self.analyzer)?;
        self.swap_in(generation);
        Ok(true)
    }

    /// Puts a generation in use unless a newer one got there first: the lock of the index folder
    /// orders builders, not those who come back from building.
    fn swap_in(&self, generation: Generation) {
        let new = Arc::new(generation);
        self.generation.rcu(|old| {
            let newest = if old.info.number < new.info.number { &new } else { old };
            Arc::clone(newest)
        });
    }

    /// Why the generation in use should be built anew, `None` where it is up to date.
    ///
    /// # Errors
    /// [`KbError::Faulty`] and [`KbError::Io`] where the articles cannot be read.
    pub fn needs_rebuild(&self) -> Result<Option<RebuildReason>, KbError> {
        let articles = index::published(article::load_articles(&self.settings.articles_dir)?);
        let generation = self.generation.load();
        let changed = article_set_hash(&articles) != generation.info.article_set_hash;
        Ok(changed.then_some(RebuildReason::ArticlesChanged))
    }

    /// The version of an article served on `as_of`.
    #[must_use]
    pub fn article(&self, id: &str, as_of: Date) -> Option<Article> {
        let generation = self.generation.load();
        let start = generation.articles.partition_point(|article| article.id.as_str() < id);
        let versions = generation.articles[start..].iter().take_while(|article| article.id == id);
        served_version(versions, as_of).cloned()
    }

    /// What the generation in use was built from.
    #[must_use]
    pub fn generation(&self) -> GenerationInfo {
        self.generation.load().info.clone()
    }
}

/// The generation on disk, or why it has to be built anew.
fn open_current(
    settings: &KbSettings,
    analyzer: &Analyzer,
) -> Result<Result<Generation, RebuildReason>, KbError> {
    let folder = Folder::new(&settings.index_dir);
    let opened = folder.current().and_then(|number| {
        Generation::open_fitting(&folder.generation_path(number), number, analyzer)
    });
    let generation = match opened {
        Ok(generation) => generation,
        Err(reason) => return Ok(Err(reason)),
    };
    let articles = index::published(article::load_articles(&settings.articles_dir)?);
    if article_set_hash(&articles) != generation.info.article_set_hash {
        return Ok(Err(RebuildReason::ArticlesChanged));
    }
    Ok(Ok(generation))
}

fn search(
    generation: &Generation,
    analyzer: &Analyzer,
    query: &Query<'_>,
) -> tantivy::Result<Vec<Hit>> {
    let normalized = analyzer.normalize(query.q);
    let terms = QueryTerms::new(normalized.text(), analyzer, &generation.lexicon);
    if terms.is_empty() {
        return Ok(Vec::new());
    }
    let served = Served::new(&generation.articles, query.as_of, query.category);
    let mut candidates: Vec<Candidate> =
        retrieve::retrieve(generation, &terms, query.intent, served)?
            .into_iter()
            .map(|article_idx| {
                let intents = &generation.articles[article_idx].intents;
                let names_intent =
                    query.intent.map(|intent| intents.iter().any(|named| named == intent));
                Candidate::new(article_idx, &terms, names_intent, &generation.lexicon)
            })
            .collect();
    // Article order is id order, so ties come out by id.
    candidates.sort_by(|a, b| {
        b.score.total_cmp(&a.score).then_with(|| a.article_idx.cmp(&b.article_idx))
    });
    candidates.truncate(query.limit.clamp(1, MAX_LIMIT));
    Ok(candidates.into_iter().map(|found| hit(generation, &terms, found, query.explain)).collect())
}

fn hit(
    generation: &Generation,
    terms: &QueryTerms<'_>,
    candidate: Candidate,
    explain: bool,
) -> Hit {
    let article = &generation.articles[candidate.article_idx];
    let lexicon = &generation.lexicon;
    Hit {
        article_id: article.id.clone(),
        version: article.version,
        title: article.question.clone(),
        category: article.category.as_str().to_owned(),
        score: candidate.score,
        snippet: snippet::snippet(lexicon.body(candidate.article_idx), terms),
        summary: first_paragraph(&article.body),
        answer: article.body.clone(),
        blocks: article.blocks(&article.body),
        actions: article.actions.clone(),
        media: article.media.clone(),
        matched: terms.matched(lexicon.words(candidate.article_idx)),
        links: article.links.clone(),
        intents: article.intents.clone(),
        explanation: explain.then(|| candidate.explain(article)),
    }
}
