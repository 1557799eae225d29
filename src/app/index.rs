//! Keeps this node's index at the publication that the store says is served.
//!
//! Every node sharing a store builds its own index from the same publications, so that a search is
//! local and its generation's number means the same everywhere. A node asks for the number
//! every half second, and at once where it published something itself.

pub mod job;

use crate::kb::article::{Article, load_articles};
use crate::kb::editorial::{Actor, ArticleRecord, By, Change, Edit, Policy, apply};
use crate::kb::tokenizer::Analyzer;
use crate::kb::{Content, KbError, KnowledgeBase};
use crate::store::articles::Committed;
use crate::store::learning::LexiconName;
use crate::store::{Store, StoreError};
use crate::text::segment::Dictionary;
use jiff::Timestamp;
use job::{Job, JobState, Jobs};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, Notify};

/// How long a change made on another node may go unnoticed.
const POLL: Duration = Duration::from_millis(500);
/// Articles read from the store at a time.
const PAGE: u32 = 1_000;
/// With more changed articles than this a whole build is quicker than a change of the old index.
const MAX_CHANGED: usize = 2_000;
/// Who brought in the articles of an empty store.
const SEEDER: &str = "fenzhen";

/// Why the index could not be brought up to the store.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The index cannot be built.
    #[error(transparent)]
    Kb(#[from] KbError),
    /// The synonyms of the publication have a line that cannot be read; saving them checks this.
    #[error("line {line} of the synonyms cannot be read")]
    Synonyms {
        /// The line, from 1.
        line: usize,
    },
    /// The words of the publication have a line that cannot be read.
    #[error(transparent)]
    Dictionary(#[from] crate::text::segment::DictionaryError),
    /// The service is stopping.
    #[error("the service is stopping")]
    Stopped,
}

/// Follows the store. Share it through an `Arc`.
pub struct Indexer {
    store: Arc<dyn Store>,
    kb: Arc<KnowledgeBase>,
    /// Cuts words where the store has no lexicon of its own.
    shipped: Analyzer,
    /// One build at a time; a second one waits and then finds nothing to do.
    building: Mutex<()>,
    published: Notify,
    jobs: Jobs,
}

impl Indexer {
    /// Joins store and index.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, kb: Arc<KnowledgeBase>, shipped: Analyzer) -> Self {
        let (building, published) = (Mutex::new(()), Notify::new());
        Self { store, kb, shipped, building, published, jobs: Jobs::default() }
    }

    /// Says that something was published here: the index follows at once.
    pub fn published(&self) {
        self.published.notify_one();
    }

    /// Follows the store until the service stops.
    pub async fn run(self: Arc<Self>) {
        loop {
            let _ = tokio::time::timeout(POLL, self.published.notified()).await;
            match self.follow().await {
                Ok(_) => {}
                Err(IndexError::Kb(error @ KbError::Locked { .. })) => tracing::debug!(%error),
                Err(error) => {
                    tracing::error!(%error, "the index cannot follow the store; the old one goes on");
                }
            }
        }
    }

    /// Brings the index to the publication that is served; tells its number.
    ///
    /// # Errors
    /// [`IndexError`]; what served before goes on serving.
    pub async fn follow(&self) -> Result<u64, IndexError> {
        let _turn = self.building.lock().await;
        let served = self.store.publications().await?.served();
        if served != self.kb.generation().number {
            self.go_to(served, &Job::unseen()).await?;
        }
        Ok(served)
    }

    /// Starts building the articles `ids`, or all, anew; as a publication of its own, so that other
    /// nodes do too.
    #[must_use]
    pub fn reindex(self: &Arc<Self>, ids: Option<Vec<String>>, actor: Actor) -> Job {
        let job = self.jobs.start();
        let (indexer, started) = (self.clone(), job.clone());
        tokio::spawn(async move {
            // Taken first: the follower must not begin to build what this job is for.
            let _turn = indexer.building.lock().await;
            started.end(match indexer.build_anew(ids, &actor, &started).await {
                Ok(()) => JobState::Done,
                Err(IndexError::Kb(KbError::Cancelled)) => JobState::Cancelled,
                Err(error) => {
                    tracing::error!(%error, "a re-index failed; the old index goes on");
                    JobState::Failed(error.to_string())
                }
            });
        });
        job
    }

    async fn build_anew(
        &self,
        ids: Option<Vec<String>>,
        actor: &Actor,
        job: &Job,
    ) -> Result<(), IndexError> {
        let before = self.kb.generation().number;
        let bumped = self.store.bump_publication(actor, Timestamp::now()).await?;
        // Another one where an earlier publication is pinned.
        let number = self.store.publications().await?.served();
        job.builds(number);
        // Where the index is further behind, other articles have changed besides.
        let only_those = number == before || (number == bumped && before + 1 == bumped);
        match ids {
            Some(ids) if before > 0 && only_those => self.build_changed(number, ids, job).await,
            _ => self.build_all(number, job).await,
        }
    }

    /// The jobs of this node.
    #[must_use]
    pub fn jobs(&self) -> &Jobs {
        &self.jobs
    }

    async fn go_to(&self, number: u64, job: &Job) -> Result<(), IndexError> {
        let now = self.kb.generation().number;
        let (low, high) = (now.min(number), now.max(number));
        // A kept generation was built with the words of its time, the one in use with those of
        // another: only where no word changed between can it be taken up as it is.
        let rebuild = now == 0 || self.store.needs_rebuild(low, high).await?;
        if !rebuild {
            let kb = self.kb.clone();
            if blocking(move || kb.go_to(number)).await?? {
                return Ok(());
            }
            let changed = self.store.changed_between(low, high).await?;
            if changed.len() <= MAX_CHANGED {
                match self.build_changed(number, changed, job).await {
                    // Another process has removed the generation in use, to which it is old.
                    Err(IndexError::Kb(error @ (KbError::Io { .. } | KbError::Index { .. }))) => {
                        tracing::warn!(%error, "the index cannot be changed and is built anew");
                    }
                    changed => return changed,
                }
            }
        }
        self.build_all(number, job).await
    }

    async fn build_changed(
        &self,
        number: u64,
        ids: Vec<String>,
        job: &Job,
    ) -> Result<(), IndexError> {
        let mut articles = Vec::new();
        for id in &ids {
            articles.extend(self.store.served_of(number, id).await?);
        }
        let n_versions = articles.len();
        job.expect(n_versions);
        let (kb, progress) = (self.kb.clone(), job.clone());
        blocking(move || {
            let content = Content::Changed { ids: &ids, articles };
            kb.build(number, content, None, &|done| progress.progress(done))
        })
        .await??;
        // A few are done without a report.
        job.progress(n_versions);
        Ok(())
    }

    async fn build_all(&self, number: u64, job: &Job) -> Result<(), IndexError> {
        let analyzer = self.analyzer(number).await?;
        let (kb, store, job) = (self.kb.clone(), self.store.clone(), job.clone());
        job.expect(kb.generation().n_versions);
        let runtime = Handle::current();
        blocking(move || {
            let mut pages =
                Pages { store: &*store, runtime, number, page: Vec::new().into_iter(), last: None };
            kb.build(number, Content::All(&mut pages), Some(analyzer), &|done| job.progress(done))
        })
        .await??;
        Ok(())
    }

    async fn analyzer(&self, number: u64) -> Result<Analyzer, IndexError> {
        analyzer_at(&*self.store, number, self.shipped.clone()).await
    }
}

/// What cuts the words of a publication: `shipped`, with what the store has in its place.
///
/// # Errors
/// What the store says.
pub async fn analyzer_at(
    store: &dyn Store,
    number: u64,
    shipped: Analyzer,
) -> Result<Analyzer, IndexError> {
    let dictionary = store.lexicon_at(LexiconName::Dictionary, number).await?;
    let synonyms = store.lexicon_at(LexiconName::Synonyms, number).await?;
    let mut analyzer = shipped;
    if let Some(dictionary) = dictionary {
        analyzer = analyzer.with_dictionary(Arc::new(Dictionary::new(&dictionary.text)?));
    }
    if let Some(synonyms) = synonyms {
        analyzer =
            analyzer.with_synonyms(&synonyms.text).map_err(|line| IndexError::Synonyms { line })?;
    }
    Ok(analyzer)
}

/// Computes off the executor.
async fn blocking<T: Send + 'static>(
    compute: impl FnOnce() -> T + Send + 'static,
) -> Result<T, IndexError> {
    tokio::task::spawn_blocking(compute).await.map_err(|_| IndexError::Stopped)
}

/// The versions of a publication, read page by page on a blocking thread.
struct Pages<'a> {
    store: &'a dyn Store,
    runtime: Handle,
    number: u64,
    page: std::vec::IntoIter<Article>,
    last: Option<Article>,
}

impl Iterator for Pages<'_> {
    type Item = Result<Article, KbError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.as_slice().is_empty() {
            let read = self.store.served_at(self.number, self.last.as_ref(), PAGE);
            match self.runtime.block_on(read) {
                Ok(page) => self.page = page.into_iter(),
                Err(error) => return Some(Err(KbError::Source(Box::new(error)))),
            }
            // Kept at the end, where it is asked once more.
            self.last = self.page.as_slice().last().cloned().or(self.last.take());
        }
        self.page.next().map(Ok)
    }
}

/// Fills an empty store with the articles of a folder, each version as it stands there.
///
/// # Errors
/// The folder's faults, or what the store says. Of two nodes that start together one does it.
pub async fn seed(store: &dyn Store, folder: &Path) -> Result<(), IndexError> {
    if store.publications().await?.latest > 0 {
        return Ok(());
    }
    let folder = folder.to_owned();
    let articles = blocking(move || load_articles(&folder)).await??;
    let n_versions = articles.len();
    match store.import(imports(articles)).await {
        Ok(Committed { .. }) => {
            tracing::info!(n_versions, "the articles of the folder are in the store")
        }
        Err(StoreError::Conflict) => tracing::info!("another node has filled the store"),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// Articles ordered by id as changes of a store that has none of them.
fn imports(articles: Vec<Article>) -> Vec<Change> {
    let at = Timestamp::now();
    let actor = Actor::try_from(SEEDER.to_owned()).expect("the name is visible and short");
    let by = By { actor, at, revision: 0, comment: None };
    let policy = Policy { require_review: false, two_person: false };
    let of_one = articles.chunk_by(|a, b| a.id == b.id).map(|versions| {
        let record = ArticleRecord::new(&versions[0].id, at);
        apply(&record, Edit::Import(versions.to_vec()), by.clone(), policy)
            .expect("a folder's ids and versions are unique, and the record is new")
    });
    of_one.collect()
}
