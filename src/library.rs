//! The library: what editors do to the articles in the store, and what is learnt from readers.
//!
//! It joins the [`store`](crate::store) with the life cycle ([`editorial`]) and the checks of
//! articles. Pages and HTTP interface are two faces of it. Searching is not its business: whoever
//! serves follows [`Library::changes`] and the publications in the store.
//!
//! Invariants: a change made from an old revision is told and not tried again, since only the
//! editor knows which of two texts is right. Texts of customers are masked before they are stored.
//! No clock: time comes with each call.

mod diff;
mod error;
mod learning;
mod lexicon;
#[cfg(test)]
mod tests;

pub use diff::{Diff, DiffLine, FieldDiff, LineChange};
pub use error::LibraryError;
pub use learning::{CaseDraft, FeedbackDraft, MAX_GRADE, QuestionGroup};
pub use lexicon::{LexiconText, LineFault, LineFaultCode};

use crate::kb::article::{Article, Problem};
use crate::kb::editorial::{
    self, Action, Actor, ArticleRecord, By, Edit, EditError, Event, Policy,
};
use crate::kb::exchange::derived_id;
use crate::store::articles::{
    ArticleFilter, ArticleList, Page, Publication, Publications, VersionRecord,
};
use crate::store::{Store, StoreError};
use crate::text::normalize::Normalizer;
use jiff::Timestamp;
use jiff::civil::Date;
use std::sync::Arc;
use tokio::sync::watch;

/// Masks personal data in a text.
pub type Mask = Box<dyn Fn(&str) -> String + Send + Sync>;

/// What the library works with beside the store.
pub struct LibrarySettings {
    /// The rules of the life cycle.
    pub policy: Policy,
    /// Masks texts of customers.
    pub mask: Mask,
    /// Brings questions and synonyms to the form they are compared in.
    pub normalizer: Arc<Normalizer>,
    /// The shop's words for segmentation as long as no editor has saved others.
    pub dictionary: String,
}

/// The editors' service. Share it through an `Arc`.
pub struct Library {
    store: Arc<dyn Store>,
    settings: LibrarySettings,
    changed: watch::Sender<u64>,
}

/// A version together with the article's revision that it was read at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The revision to base the next change on.
    pub revision: u64,
    /// The version.
    pub version: VersionRecord,
    /// What may be done to the article now.
    pub allowed: Vec<Action>,
}

impl Library {
    /// A library over `store`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, settings: LibrarySettings) -> Self {
        Self { store, settings, changed: watch::Sender::new(0) }
    }

    /// Tells of every change made here that concerns what is served: publications, pins, word
    /// lists. The value counts them. Changes of other nodes show in [`Self::publications`] alone.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// The rules of the life cycle.
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.settings.policy
    }

    /// Saves the first version of a new article. An empty id is derived from the question.
    ///
    /// # Errors
    /// [`LibraryError::Exists`], [`LibraryError::Faulty`], [`LibraryError::Store`].
    pub async fn create(&self, article: Article, by: By) -> Result<Opened, LibraryError> {
        let mut article = article.tidy();
        if article.id.is_empty() {
            article.id = derived_id(&article.question);
        }
        refuse_faulty(&article)?;
        let id = article.id.clone();
        let record = ArticleRecord::new(&*id, by.at);
        let edit = Edit::Save(Box::new(article));
        match self.commit(record, edit, By { revision: 0, ..by }).await {
            Err(LibraryError::Conflict { .. }) => Err(LibraryError::Exists { id }),
            other => other,
        }
    }

    /// Saves `article` as a new draft of the article `id`, made from revision `by.revision`; `id`,
    /// `version` and `status` in it do not count.
    ///
    /// # Errors
    /// [`LibraryError::Conflict`], [`LibraryError::Faulty`], [`LibraryError::NoArticle`],
    /// [`LibraryError::Store`].
    pub async fn save(&self, id: &str, article: Article, by: By) -> Result<Opened, LibraryError> {
        let record = self.record(id).await?;
        let article = Article { id: id.to_owned(), ..article.tidy() };
        refuse_faulty(&article)?;
        self.commit(record, Edit::Save(Box::new(article)), by).await
    }

    /// Moves the article `id` on in its life cycle: any [`Edit`] but saving.
    ///
    /// # Errors
    /// [`LibraryError::Conflict`], [`LibraryError::Refused`] with what forbids it,
    /// [`LibraryError::Faulty`] where ids it names do not exist, [`LibraryError::NoArticle`],
    /// [`LibraryError::Store`].
    pub async fn advance(&self, id: &str, edit: Edit, by: By) -> Result<Opened, LibraryError> {
        let record = self.record(id).await?;
        // Drafts may name articles that are still to be written.
        if matches!(edit, Edit::Submit | Edit::Publish) {
            let latest = record.latest().map_or(0, |head| head.version);
            self.refuse_dangling(&self.stored(id, latest).await?.article).await?;
        }
        self.commit(record, edit, by).await
    }

    /// Saves the content of version `version` again, as a new draft edited `today`.
    ///
    /// # Errors
    /// As [`Self::save`], and [`LibraryError::NoVersion`].
    pub async fn restore(
        &self,
        id: &str,
        version: u32,
        today: Date,
        by: By,
    ) -> Result<Opened, LibraryError> {
        let record = self.record(id).await?;
        let article = Article { updated: today, ..self.stored(id, version).await?.article };
        let comment = by.comment.or_else(|| Some(format!("restored from version {version}")));
        self.commit(record, Edit::Save(Box::new(article)), By { comment, ..by }).await
    }

    /// The latest version.
    ///
    /// # Errors
    /// [`LibraryError::NoArticle`], [`LibraryError::Store`].
    pub async fn latest(&self, id: &str) -> Result<Opened, LibraryError> {
        let record = self.record(id).await?;
        let version = record.latest().map_or(0, |head| head.version);
        self.opened(&record, version).await
    }

    /// One version.
    ///
    /// # Errors
    /// [`LibraryError::NoArticle`], [`LibraryError::NoVersion`], [`LibraryError::Store`].
    pub async fn version(&self, id: &str, version: u32) -> Result<Opened, LibraryError> {
        self.opened(&self.record(id).await?, version).await
    }

    /// The article with its versions, without their contents.
    ///
    /// # Errors
    /// [`LibraryError::NoArticle`], [`LibraryError::Store`].
    pub async fn record(&self, id: &str) -> Result<ArticleRecord, LibraryError> {
        let record = self.store.article(id).await?;
        record.ok_or_else(|| LibraryError::NoArticle { id: id.to_owned() })
    }

    /// What happened to the article, latest first.
    ///
    /// # Errors
    /// [`LibraryError::NoArticle`], [`LibraryError::Store`].
    pub async fn history(&self, id: &str) -> Result<Vec<Event>, LibraryError> {
        let events = self.store.events(id).await?;
        if events.is_empty() {
            return Err(LibraryError::NoArticle { id: id.to_owned() });
        }
        Ok(events)
    }

    /// What changed from one version to another.
    ///
    /// # Errors
    /// [`LibraryError::NoArticle`], [`LibraryError::NoVersion`], [`LibraryError::Store`].
    pub async fn diff(&self, id: &str, from: u32, to: u32) -> Result<Diff, LibraryError> {
        self.record(id).await?;
        let (old, new) = (self.stored(id, from).await?, self.stored(id, to).await?);
        Ok(Diff::between(&old.article, &new.article))
    }

    /// Articles by their latest version, latest change first.
    ///
    /// # Errors
    /// [`LibraryError::Store`].
    pub async fn list(
        &self,
        filter: &ArticleFilter,
        page: &Page,
    ) -> Result<ArticleList, LibraryError> {
        Ok(self.store.list(filter, page).await?)
    }

    /// Category paths with their number of articles, in the order of paths.
    ///
    /// # Errors
    /// [`LibraryError::Store`].
    pub async fn categories(&self) -> Result<Vec<(String, u64)>, LibraryError> {
        Ok(self.store.categories().await?)
    }

    /// Which publication is the latest, and which one is served.
    ///
    /// # Errors
    /// [`LibraryError::Store`].
    pub async fn publications(&self) -> Result<Publications, LibraryError> {
        Ok(self.store.publications().await?)
    }

    /// Up to `limit` publications before number `before`, latest first.
    ///
    /// # Errors
    /// [`LibraryError::Store`].
    pub async fn publication_log(
        &self,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<Publication>, LibraryError> {
        // The store's numbers are signed.
        let before = before.unwrap_or(i64::MAX as u64);
        Ok(self.store.publication_log(before, limit).await?)
    }

    /// Serves an earlier publication until further notice, or the latest again with `None`.
    ///
    /// # Errors
    /// [`LibraryError::Store`] with [`StoreError::NoPublication`] or another failure.
    pub async fn pin(
        &self,
        publication: Option<u64>,
        actor: &Actor,
        at: Timestamp,
    ) -> Result<Publications, LibraryError> {
        self.store.pin(publication, actor, at).await?;
        self.signal();
        self.publications().await
    }

    async fn opened(&self, record: &ArticleRecord, version: u32) -> Result<Opened, LibraryError> {
        Ok(Opened {
            revision: record.revision,
            version: self.stored(&record.id, version).await?,
            allowed: editorial::allowed(record, self.settings.policy),
        })
    }

    async fn stored(&self, id: &str, version: u32) -> Result<VersionRecord, LibraryError> {
        let stored = self.store.version(id, version).await?;
        stored.ok_or_else(|| LibraryError::NoVersion { id: id.to_owned(), version })
    }

    async fn commit(
        &self,
        record: ArticleRecord,
        edit: Edit,
        by: By,
    ) -> Result<Opened, LibraryError> {
        let id = record.id.clone();
        let change = match editorial::apply(&record, edit, by, self.settings.policy) {
            Ok(change) => change,
            Err(EditError::Stale { .. }) => return Err(self.conflict(&id).await),
            Err(error) => {
                let allowed = editorial::allowed(&record, self.settings.policy);
                return Err(LibraryError::Refused { error, allowed });
            }
        };
        // The answer is about this change, also where another one follows at once: an editor who
        // was given that one's revision would overwrite what they never saw.
        let (revision, latest) = (change.event.seq, change.latest);
        match self.store.commit_edit(change).await {
            Ok(committed) if committed.publication.is_some() => self.signal(),
            Ok(_) => {}
            Err(StoreError::Conflict) => return Err(self.conflict(&id).await),
            Err(error) => return Err(error.into()),
        }
        let record = self.record(&id).await?;
        Ok(Opened { revision, ..self.opened(&record, latest).await? })
    }

    /// What the other editor left.
    async fn conflict(&self, id: &str) -> LibraryError {
        match self.latest(id).await {
            Ok(current) => LibraryError::Conflict { current: Box::new(current) },
            Err(error) => error,
        }
    }

    async fn refuse_dangling(&self, article: &Article) -> Result<(), LibraryError> {
        let mut faults = Vec::new();
        for (key, ids) in article.references() {
            for id in ids {
                if self.store.article(id).await?.is_none() {
                    faults.push(Problem::DanglingLink { key, id: id.clone() });
                }
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(LibraryError::Faulty { faults }) }
    }

    fn signal(&self) {
        self.changed.send_modify(|n_changes| *n_changes += 1);
    }
}

fn refuse_faulty(article: &Article) -> Result<(), LibraryError> {
    let faults = article.problems();
    if faults.is_empty() { Ok(()) } else { Err(LibraryError::Faulty { faults }) }
}
