//! Articles in a store: versions, history, publications.
//!
//! Publications are numbered over the whole store. Each change of what readers may get takes the
//! next number, and a version knows the publication that brought it and the one that took it away.
//! What was served at a publication therefore never changes, whatever is edited later: an index
//! generation is built of one publication, bears its number, and is the same on every node.

use super::StoreFuture;
use crate::kb::article::{Article, Kind, Status};
use crate::kb::editorial::{Actor, ArticleRecord, Change, Event, VersionHead};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Keeps articles. Reads see whole changes only.
pub trait ArticleStore: Send + Sync {
    /// The article without contents, `None` where there is none.
    fn article<'a>(&'a self, id: &'a str) -> StoreFuture<'a, Option<ArticleRecord>>;

    /// One version, `None` where there is none.
    fn version<'a>(&'a self, id: &'a str, version: u32) -> StoreFuture<'a, Option<VersionRecord>>;

    /// All versions, highest number first.
    fn versions<'a>(&'a self, id: &'a str) -> StoreFuture<'a, Vec<VersionRecord>>;

    /// Up to `limit` versions of all articles that come after `after` in the order of id and
    /// version. Give the last one back as `after` for more; fewer than `limit` are the end.
    fn versions_after<'a>(
        &'a self,
        after: Option<&'a Article>,
        limit: u32,
    ) -> StoreFuture<'a, Vec<VersionRecord>>;

    /// The article's history, latest event first.
    fn events<'a>(&'a self, id: &'a str) -> StoreFuture<'a, Vec<Event>>;

    /// Articles that pass `filter`, latest change first (ties by id, descending).
    fn list<'a>(
        &'a self,
        filter: &'a ArticleFilter,
        page: &'a Page,
    ) -> StoreFuture<'a, ArticleList>;

    /// Category paths with the number of articles whose latest version has them and is not
    /// archived, in the order of paths.
    fn categories(&self) -> StoreFuture<'_, Vec<(String, u64)>>;

    /// Stores a change if the article still has the revision that it was made from.
    ///
    /// # Errors
    /// [`StoreError::Conflict`](super::StoreError::Conflict) where it has not: read again.
    fn commit_edit(&self, change: Change) -> StoreFuture<'_, Committed>;

    /// Stores changes of many articles, all or none; together they take one publication number.
    /// Other publications wait meanwhile, in SQLite every other write: 100,000 articles take some
    /// 7 s there and 35 s in PostgreSQL (two cores, unoptimised build, 2026-11-22).
    ///
    /// # Errors
    /// [`StoreError::Conflict`](super::StoreError::Conflict) where one of the articles has another
    /// revision than its change was made from.
    fn import(&self, changes: Vec<Change>) -> StoreFuture<'_, Committed>;

    /// Which publication is the latest, and which one is served.
    fn publications(&self) -> StoreFuture<'_, Publications>;

    /// Up to `limit` publications before number `before`, latest first.
    fn publication_log(&self, before: u64, limit: u32) -> StoreFuture<'_, Vec<Publication>>;

    /// Serves an earlier publication until further notice, or the latest again with `None`.
    ///
    /// # Errors
    /// [`StoreError::NoPublication`](super::StoreError::NoPublication).
    fn pin<'a>(
        &'a self,
        publication: Option<u64>,
        actor: &'a Actor,
        at: Timestamp,
    ) -> StoreFuture<'a, ()>;

    /// Takes the next publication number without a change of articles, so that every node builds
    /// its index anew.
    fn bump_publication<'a>(&'a self, actor: &'a Actor, at: Timestamp) -> StoreFuture<'a, u64>;

    /// Up to `limit` versions of the content at `publication` that come after `after` in the order
    /// of id and version, each with the status `published` that it had then. Give the last one
    /// back as `after` for more; fewer than `limit` are the end.
    fn served_at<'a>(
        &'a self,
        publication: u64,
        after: Option<&'a Article>,
        limit: u32,
    ) -> StoreFuture<'a, Vec<Article>>;

    /// The versions of one article in the content at `publication`, lowest number first.
    fn served_of<'a>(&'a self, publication: u64, id: &'a str) -> StoreFuture<'a, Vec<Article>>;

    /// Whether word lists were saved or a new index was asked for between two publications: then
    /// every article has to be indexed anew, not only those of
    /// [`changed_between`](Self::changed_between).
    fn needs_rebuild(&self, a: u64, b: u64) -> StoreFuture<'_, bool>;

    /// Ids of the articles whose content differs between two publications, or was changed and
    /// changed back, in order.
    fn changed_between(&self, a: u64, b: u64) -> StoreFuture<'_, Vec<String>>;
}

/// A version with its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VersionRecord {
    /// What happened to it.
    pub head: VersionHead,
    /// Its content; the status is the present one.
    pub article: Article,
}

/// What a commit led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Committed {
    /// The publication number it took, where readers are concerned.
    pub publication: Option<u64>,
}

/// Which publications there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Publications {
    /// The latest; 0 where nothing was published yet.
    pub latest: u64,
    /// The earlier one that is served instead, see [`ArticleStore::pin`].
    pub pinned: Option<u64>,
}

impl Publications {
    /// The publication that is served.
    #[must_use]
    pub fn served(self) -> u64 {
        self.pinned.unwrap_or(self.latest)
    }
}

/// One publication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Publication {
    /// Its number, from 1.
    pub number: u64,
    /// What it came from.
    pub reason: PublicationReason,
    /// The article, where it came from the edit of one.
    pub article_id: Option<String>,
    /// Who.
    pub actor: Actor,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// What a publication came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PublicationReason {
    /// An article was published or archived.
    Edit,
    /// Articles were taken in.
    Import,
    /// Synonyms or the dictionary were saved.
    Lexicon,
    /// Somebody asked for a new index.
    Reindex,
}

/// Which articles to list; every field that is set must hold. All but `published` concern the
/// latest version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArticleFilter {
    /// Its status.
    pub status: Option<Status>,
    /// Whether some version is published.
    pub published: Option<bool>,
    /// Its kind.
    pub kind: Option<Kind>,
    /// A category; those below it count too.
    pub category: Option<String>,
    /// Who looks after it.
    pub owner: Option<String>,
    /// A text in its standard question or its id; upper and lower case Latin letters are the same.
    pub text: Option<String>,
    /// Its review was due before this day, and the article is not archived.
    pub review_before: Option<Date>,
}

/// Which part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Where the part before ended ([`ArticleList::next`]); `None` for the first.
    pub after: Option<Cursor>,
    /// Most articles wanted.
    pub limit: u32,
}

/// A place in a list of articles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Last change of the last article.
    pub updated_at: Timestamp,
    /// Its id.
    pub id: String,
}

/// A part of a list of articles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ArticleList {
    /// The articles.
    pub articles: Vec<ArticleSummary>,
    /// How many pass the filter, this part or not.
    pub total: u64,
    /// Where the next part starts; `None` at the end.
    pub next: Option<Cursor>,
}

/// An article as lists show it: its latest version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ArticleSummary {
    /// The article's id.
    #[schema(example = "return-seven-days")]
    pub id: String,
    /// Its revision.
    pub revision: u64,
    /// The highest version.
    pub latest: u32,
    /// Its status.
    pub status: Status,
    /// The highest published version.
    pub published: Option<u32>,
    /// Its kind.
    pub kind: Kind,
    /// Its category path.
    #[schema(example = "售后/退货/七天无理由")]
    pub category: String,
    /// Its standard question.
    #[schema(example = "支持七天无理由退货吗？")]
    pub question: String,
    /// Who looks after it.
    #[schema(example = "售后组 林晓")]
    pub owner: Option<String>,
    /// When its next review is due.
    #[schema(value_type = Option<String>, format = Date, example = "2027-01-01")]
    pub review_by: Option<Date>,
    /// When the article last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}
