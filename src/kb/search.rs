//! Asks the knowledge base: retrieve candidates with tantivy, score them, dress the best as hits.
//!
//! Two steps, because they answer different questions. Tantivy's BM25 finds the passages worth a
//! look among however many there are, but its numbers grow with the length of the query and mean
//! nothing on their own. The scorer then asks of each article how much of the query its best
//! question covers and the other way round, which is comparable across queries: the bot holds it
//! against one threshold.

mod retrieve;
mod score;
mod snippet;
mod terms;

#[cfg(test)]
mod measure;
#[cfg(test)]
mod tests;

pub use score::{Contribution, Feature, Features};

use super::article::{Action, Article, Block, Media, first_paragraph, load_articles, plain_text};
use super::embed::{Embed, Vector};
use super::index::{
    Folder, Generation, GenerationInfo, ReindexReport, Slot, Tools, published,
    write as write_generation,
};
use super::tokenizer::Analyzer;
use super::{KbError, KbSettings, RebuildReason};
use arc_swap::ArcSwap;
use jiff::civil::Date;
use score::{Asked, Scored};
use serde::Serialize;
use std::sync::Arc;
use std::time::Instant;
use terms::QueryTerms;
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
    /// Intents the turn may have with their probabilities; articles that name them rise. Empty where
    /// nothing is known.
    pub intents: &'a [(&'a str, f32)],
    /// Probability that the turn belongs to no intent, where it is known.
    pub out_of_scope: Option<f32>,
    /// Only these articles; all where absent.
    pub among: Option<&'a [&'a str]>,
    /// Channel of the reader: an article may have another answer there.
    pub channel: Option<&'a str>,
    /// The reader's tags: an article may have another answer for them.
    pub tags: &'a [String],
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
        Self {
            q,
            category: None,
            intents: &[],
            out_of_scope: None,
            among: None,
            channel: None,
            tags: &[],
            limit: 5,
            as_of,
            explain: false,
        }
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
    /// The whole answer as Markdown, first paragraph included: the one meant for the reader's
    /// channel and tags.
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
/// build.
pub struct KnowledgeBase {
    folder: Folder,
    embed: Option<Arc<dyn Embed>>,
    serving: ArcSwap<Serving>,
}

/// A generation with the rules that cut its words: a query is cut by the same.
struct Serving {
    generation: Generation,
    analyzer: Analyzer,
}

/// What a generation is built of.
pub enum Content<'a> {
    /// All published versions, those of one article together.
    All(&'a mut dyn Iterator<Item = Result<Article, KbError>>),
    /// The generation in use with all versions of some articles replaced.
    Changed {
        /// Ids of the articles.
        ids: &'a [String],
        /// Their published versions; an article without any is no longer served.
        articles: Vec<Article>,
    },
}

impl KnowledgeBase {
    /// Opens the generation in use if it fits dictionary, encoder and schema; otherwise nothing is
    /// found before the first [`Self::build`]. The second value tells why, if so.
    ///
    /// # Errors
    /// [`KbError::Index`] where not even an empty index can be made.
    pub fn open(
        settings: &KbSettings,
        analyzer: Analyzer,
        embed: Option<Arc<dyn Embed>>,
    ) -> Result<(Self, Option<RebuildReason>), KbError> {
        let folder = Folder::new(&settings.index_dir);
        let opened = folder.current().and_then(|name| {
            Generation::open_fitting(&folder.path(name), &analyzer, embed.as_deref())
        });
        let (generation, reason) = match opened {
            Ok(generation) => (generation, None),
            Err(reason) => (Generation::empty()?, Some(reason)),
        };
        let serving = ArcSwap::from_pointee(Serving { generation, analyzer });
        Ok((Self { folder, embed, serving }, reason))
    }

    /// Opens the generation in use, or builds one from the folder of articles where there is none
    /// that fits it.
    ///
    /// # Errors
    /// [`KbError::Faulty`] lists the faults of all articles; [`KbError::Locked`] where a build is
    /// needed and another process is at it; [`KbError::DiskFull`], [`KbError::NotWritable`] and
    /// the others where the index folder cannot be used.
    pub fn open_or_build(
        settings: &KbSettings,
        analyzer: Analyzer,
        embed: Option<Arc<dyn Embed>>,
    ) -> Result<Self, KbError> {
        let (kb, reason) = Self::open(settings, analyzer, embed)?;
        let articles = published(load_articles(&settings.articles_dir)?);
        let reason = reason
            .or_else(|| (!kb.holds_exactly(&articles)).then_some(RebuildReason::ArticlesChanged));
        if let Some(reason) = reason {
            if reason != RebuildReason::NoGeneration {
                tracing::warn!(%reason, "the knowledge base is indexed anew");
            }
            kb.build_all(articles)?;
        }
        Ok(kb)
    }

    /// Builds a generation of the published versions among `articles` under the next number.
    ///
    /// # Errors
    /// As [`Self::build`].
    pub fn build_all(&self, articles: Vec<Article>) -> Result<ReindexReport, KbError> {
        let number = self.generation().number.max(self.folder.last_number()) + 1;
        let mut articles = published(articles).into_iter().map(Ok);
        self.build(number, Content::All(&mut articles), None, &|_| true)
    }

    /// Builds the generation of a publication and swaps it in; searches go on meanwhile, each with
    /// the generation it began with. `analyzer` cuts its words where they are cut otherwise than so
    /// far. `progress` is told how many articles are done and answers whether to go on.
    ///
    /// # Errors
    /// [`KbError::Locked`], [`KbError::DiskFull`], [`KbError::Cancelled`] and the others; the old
    /// generation stays in use then.
    pub fn build(
        &self,
        number: u64,
        content: Content<'_>,
        analyzer: Option<Analyzer>,
        progress: &(dyn Fn(usize) -> bool + Sync),
    ) -> Result<ReindexReport, KbError> {
        let started = Instant::now();
        let lock = self.folder.lock()?;
        let serving = self.serving.load_full();
        let analyzer = analyzer.unwrap_or_else(|| serving.analyzer.clone());
        let embed = self.embed.as_deref();
        let tools = Tools { analyzer: &analyzer, embed, progress };
        let name = self.folder.add(&lock, number, |dir| match content {
            Content::All(articles) => write_generation(dir, number, articles, tools),
            Content::Changed { ids, articles } => {
                serving.generation.write_changed(dir, number, ids, articles, tools)
            }
        })?;
        let generation = Generation::open(&self.folder.path(name))?;
        self.folder.use_generation(&lock, name)?;
        let info = &generation.info;
        let report = ReindexReport {
            generation: number,
            n_articles: info.n_articles,
            n_versions: info.n_versions,
            n_passages: generation.n_passages(),
            took: started.elapsed(),
        };
        // The lock is still held: of two builders the later one also swaps later.
        self.serving.store(Arc::new(Serving { generation, analyzer }));
        tracing::info!(
            generation = number,
            n_articles = report.n_articles,
            took_ms = report.took.as_millis() as u64,
            "knowledge base indexed"
        );
        Ok(report)
    }

    /// Goes back, or forward, to the generation of a publication if it is still on disk and fits;
    /// tells whether it is.
    ///
    /// # Errors
    /// [`KbError::Locked`] and what the file system says; the generation in use stays then.
    pub fn go_to(&self, number: u64) -> Result<bool, KbError> {
        let lock = self.folder.lock()?;
        let Some(name) = self.folder.latest(number) else { return Ok(false) };
        let analyzer = self.serving.load().analyzer.clone();
        let path = self.folder.path(name);
        match Generation::open_fitting(&path, &analyzer, self.embed.as_deref()) {
            Ok(generation) => {
                self.folder.use_generation(&lock, name)?;
                self.serving.store(Arc::new(Serving { generation, analyzer }));
                Ok(true)
            }
            Err(reason) => {
                tracing::warn!(%reason, generation = number, "a kept generation cannot be used");
                Ok(false)
            }
        }
    }

    /// Swaps in the generation another process has published since, if it fits; tells whether it
    /// did.
    ///
    /// # Errors
    /// The reason why what lies on disk cannot be used; the old generation stays in use then.
    pub fn refresh(&self) -> Result<bool, RebuildReason> {
        let name = self.folder.current()?;
        let serving = self.serving.load_full();
        let path = self.folder.path(name);
        if serving.generation.is_in(&path) {
            return Ok(false);
        }
        let analyzer = serving.analyzer.clone();
        let generation = Generation::open_fitting(&path, &analyzer, self.embed.as_deref())?;
        self.serving.store(Arc::new(Serving { generation, analyzer }));
        Ok(true)
    }

    /// Finds the articles closest to a query; blocks on nothing but page faults of the mapped index.
    ///
    /// # Errors
    /// [`KbError::Index`] where the index cannot be read, most likely because its disk failed; the
    /// caller goes on without an answer.
    pub fn search(&self, query: &Query<'_>) -> Result<Found, KbError> {
        let serving = self.serving.load_full();
        let generation = serving.generation.info.number;
        let hits = self.rank(&serving, query, |scored, terms| {
            let limit = query.limit.clamp(1, MAX_LIMIT);
            let best = scored.into_iter().take(limit);
            best.map(|scored| hit(&scored, terms, query)).collect()
        })?;
        Ok(Found { hits: hits.unwrap_or_default(), generation })
    }

    /// The features of all entries worth scoring, best first: what weights are fitted on.
    ///
    /// # Errors
    /// As [`Self::search`].
    pub fn features(&self, query: &Query<'_>) -> Result<Vec<(String, Features)>, KbError> {
        let named = |scored: Vec<Scored<'_>>, _: &QueryTerms<'_>| {
            scored.iter().map(|s| (s.entry.article.id.clone(), s.features)).collect()
        };
        Ok(self.rank(&self.serving.load_full(), query, named)?.unwrap_or_default())
    }

    /// Hands all entries worth scoring to `take`, best first; nothing where the query holds nothing
    /// to search for.
    fn rank<T>(
        &self,
        serving: &Serving,
        query: &Query<'_>,
        take: impl FnOnce(Vec<Scored<'_>>, &QueryTerms<'_>) -> T,
    ) -> Result<Option<T>, KbError> {
        let Serving { generation, analyzer } = serving;
        let normalized = analyzer.normalize(query.q);
        let terms = QueryTerms::new(normalized.text(), analyzer, &generation.background);
        if terms.is_empty() {
            return Ok(None);
        }
        let vector = self.vector(normalized.text());
        let Query { as_of, category, among, .. } = *query;
        let served = Served { generation, as_of, category, among };
        let slots = retrieve::retrieve(generation, &terms, vector.as_ref(), query, &served)
            .map_err(|error| KbError::index(self.folder.dir(), error))?;
        let asked = Asked {
            terms: &terms,
            vector: vector.as_ref(),
            intents: query.intents,
            out_of_scope: query.out_of_scope,
        };
        let entries = slots.iter().filter_map(|slot| generation.entry(*slot));
        let mut scored: Vec<Scored<'_>> =
            entries.map(|entry| Scored::new(entry, &asked, &generation.background)).collect();
        scored.sort_by(|a, b| {
            let by_id = || a.entry.article.id.cmp(&b.entry.article.id);
            b.score.total_cmp(&a.score).then_with(by_id)
        });
        Ok(Some(take(scored, &terms)))
    }

    /// What the query means; words alone have to do where the encoder fails.
    fn vector(&self, normalized: &str) -> Option<Vector> {
        match self.embed.as_ref()?.embed(&[normalized]) {
            Ok(vectors) => vectors.into_iter().next(),
            Err(error) => {
                tracing::warn!(%error, "the encoder failed; searching by words alone");
                None
            }
        }
    }

    /// The version of an article served on `as_of`.
    #[must_use]
    pub fn article(&self, id: &str, as_of: Date) -> Option<Article> {
        self.serving.load().generation.article(id, as_of).cloned()
    }

    /// The versions of all articles served on `as_of`, ordered by id.
    #[must_use]
    pub fn articles(&self, as_of: Date) -> Vec<Article> {
        let serving = self.serving.load();
        let generation = &serving.generation;
        let served = Served { generation, as_of, category: None, among: None };
        let entries = generation.entries().filter(|entry| served.contains(entry.slot));
        let mut articles: Vec<Article> = entries.map(|entry| entry.article.clone()).collect();
        articles.sort_by(|a, b| a.id.cmp(&b.id));
        articles
    }

    /// What the generation in use was built from.
    #[must_use]
    pub fn generation(&self) -> GenerationInfo {
        self.serving.load().generation.info.clone()
    }

    /// Whether exactly these versions are served; they are ordered by id and version.
    fn holds_exactly(&self, articles: &[Article]) -> bool {
        let serving = self.serving.load();
        let mut held: Vec<&Article> =
            serving.generation.entries().map(|entry| &entry.article).collect();
        held.sort_by(|a, b| (&a.id, a.version).cmp(&(&b.id, b.version)));
        held.into_iter().eq(articles)
    }
}

/// Which entries a search may see: those whose version is the highest of its article valid on the
/// day, in the category and among the articles asked for.
///
/// Kept out of tantivy's query because "the highest version valid on that day" relates documents
/// to each other, which a filter on date fields cannot express.
struct Served<'a> {
    generation: &'a Generation,
    as_of: Date,
    category: Option<&'a str>,
    among: Option<&'a [&'a str]>,
}

impl Served<'_> {
    fn contains(&self, slot: Slot) -> bool {
        let Some(entry) = self.generation.entry(slot) else { return false };
        let article = &entry.article;
        article.is_served_at(self.as_of)
            && self.category.is_none_or(|category| article.category.is_within(category))
            && self.among.is_none_or(|ids| ids.contains(&article.id.as_str()))
            && self.generation.article(&article.id, self.as_of).map(|a| a.version)
                == Some(article.version)
    }
}

fn hit(scored: &Scored<'_>, terms: &QueryTerms<'_>, query: &Query<'_>) -> Hit {
    let article = &scored.entry.article;
    let answer = article.answer_for(query.channel, query.tags);
    Hit {
        article_id: article.id.clone(),
        version: article.version,
        title: article.question.clone(),
        category: article.category.as_str().to_owned(),
        score: scored.score,
        snippet: snippet::snippet(&plain_text(answer), terms),
        summary: first_paragraph(answer),
        answer: answer.to_owned(),
        blocks: article.blocks(answer),
        actions: article.actions.clone(),
        media: article.media.clone(),
        matched: terms.matched(&scored.entry.text),
        links: article.links.clone(),
        intents: article.intents.clone(),
        explanation: query.explain.then(|| scored.explain()),
    }
}
