//! Articles from files into the store and back: what the command line and HTTP share.
//!
//! An import is planned first, without touching anything: which rows are new, which change
//! something, which are there already. The plan is stored as a whole or not at all. Versions are
//! immutable, so that a row that changes one becomes a new version.

use crate::kb::article::{Article, Status};
use crate::kb::editorial::{
    Actor, ArticleRecord, By, Change, Edit, EditError, Policy, VersionHead, apply,
};
use crate::kb::exchange::{Dry, Fault, Incoming};
use crate::store::articles::VersionRecord;
use crate::store::{Store, StoreError};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};
use utoipa::ToSchema;

/// Versions read from the store at a time.
const PAGE: u32 = 1_000;

/// How to take rows in.
#[derive(Debug, Clone)]
pub struct ImportSettings {
    /// Who imports.
    pub actor: Actor,
    /// When.
    pub at: Timestamp,
    /// Whether rows that are published come to readers at once; otherwise they become drafts.
    pub publish: bool,
    /// The rules of the life cycle.
    pub policy: Policy,
}

/// Why rows cannot be taken in.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The rules want a review before anything is published.
    #[error(
        "`kb.require_review` is set: import without publishing and have the drafts reviewed, or \
         unset it for this import"
    )]
    ReviewRequired,
    /// The life cycle forbids it.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What an import does, or would do.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct ImportReport {
    /// Versions of articles that were not there.
    #[schema(example = 3)]
    pub new: usize,
    /// New versions of articles that were there.
    #[schema(example = 12)]
    pub changed: usize,
    /// Rows that are stored already; skipped.
    #[schema(example = 386)]
    pub unchanged: usize,
    /// Every fault; with one of them nothing is taken in.
    pub faults: Vec<Fault>,
    /// Whether it was stored.
    pub stored: bool,
    /// The publication that it took, where readers are concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 17)]
    pub publication: Option<u64>,
}

/// An import that can be stored.
#[derive(Debug)]
pub struct ImportPlan {
    /// What it does.
    pub report: ImportReport,
    changes: Vec<Change>,
}

impl ImportPlan {
    /// Compares what was read with what is stored.
    ///
    /// # Errors
    /// [`ImportError::ReviewRequired`], and what the store says.
    pub async fn new(
        store: &dyn Store,
        dry: Dry,
        settings: &ImportSettings,
    ) -> Result<Self, ImportError> {
        if settings.publish && settings.policy.require_review {
            return Err(ImportError::ReviewRequired);
        }
        let mut by_id: BTreeMap<String, Vec<Incoming>> = BTreeMap::new();
        for incoming in dry.articles {
            by_id.entry(incoming.article.id.clone()).or_default().push(incoming);
        }
        let mut report = ImportReport { faults: dry.faults, ..ImportReport::default() };
        let mut changes = Vec::new();
        for (id, rows) in by_id {
            let (stored, record) = match store.article(&id).await? {
                Some(record) => (store.versions(&id).await?, record),
                None => (Vec::new(), ArticleRecord::new(&id, settings.at)),
            };
            let n_rows = rows.len();
            let mut created = new_versions(&record.versions, &stored, rows);
            report.unchanged += n_rows - created.len();
            if created.is_empty() {
                continue;
            }
            *if stored.is_empty() { &mut report.new } else { &mut report.changed } += created.len();
            set_statuses(&mut created, settings.publish);
            let ImportSettings { actor, at, policy, .. } = settings;
            let revision = record.revision;
            let by = By { actor: actor.clone(), at: *at, revision, comment: None };
            changes.push(apply(&record, Edit::Import(created), by, *policy)?);
        }
        Ok(Self { report, changes })
    }

    /// Stores it as a whole; nothing where there are faults.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where an article was changed since: plan again.
    pub async fn store(self, store: &dyn Store) -> Result<ImportReport, StoreError> {
        let Self { mut report, changes } = self;
        if !report.faults.is_empty() {
            return Ok(report);
        }
        if !changes.is_empty() {
            report.publication = store.import(changes).await?.publication;
        }
        report.stored = true;
        Ok(report)
    }
}

/// The rows that are not stored yet, with the numbers they get.
fn new_versions(
    heads: &[VersionHead],
    stored: &[VersionRecord],
    mut rows: Vec<Incoming>,
) -> Vec<Article> {
    // Highest first.
    let latest = stored.first().map(|record| content(record.article.clone()));
    let is_stored = |incoming: &Incoming| {
        let same = content(incoming.article.clone());
        let named = stored.iter().find(|record| Some(record.head.version) == incoming.version);
        latest.as_ref() == Some(&same)
            || named.is_some_and(|record| content(record.article.clone()) == same)
    };
    rows.retain(|incoming| !is_stored(incoming));
    // Those that name no version follow the others.
    rows.sort_by_key(|incoming| incoming.version.unwrap_or(u32::MAX));
    let mut taken: HashSet<u32> = heads.iter().map(|head| head.version).collect();
    let mut highest = taken.iter().max().copied().unwrap_or(0);
    let number = |Incoming { article, version, .. }| {
        let free = version.filter(|version| !taken.contains(version));
        let version = free.unwrap_or(highest + 1);
        highest = highest.max(version);
        taken.insert(version);
        Article { version, ..article }
    };
    rows.into_iter().map(number).collect()
}

/// What makes two versions the same to their readers.
fn content(article: Article) -> Article {
    // Where a file has no day of its last change, that of the import stands there.
    let updated = Date::ZERO;
    Article { version: 0, status: Status::Draft, updated, ..article }.tidy()
}

/// Only the highest version can still go through its life; a lower one that was not published is
/// put away, as a draft is when the next one is saved.
fn set_statuses(created: &mut [Article], publish: bool) {
    let highest = created.iter().map(|article| article.version).max();
    for article in created {
        article.status = match article.status {
            Status::Published if publish => Status::Published,
            Status::Archived => Status::Archived,
            _ if Some(article.version) == highest => Status::Draft,
            _ => Status::Archived,
        };
    }
}

/// Which versions to write to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The highest version of each article.
    Latest,
    /// Those that readers may get.
    Served,
    /// All.
    All,
}

/// The versions to write to a file, by id and version.
///
/// # Errors
/// What the store says.
pub async fn export(store: &dyn Store, which: Which) -> Result<Vec<Article>, StoreError> {
    let served = store.publications().await?.served();
    let mut articles: Vec<Article> = Vec::new();
    let mut last: Option<Article> = None;
    loop {
        let page = match which {
            Which::Served => store.served_at(served, last.as_ref(), PAGE).await?,
            Which::Latest | Which::All => {
                let page = store.versions_after(last.as_ref(), PAGE).await?;
                page.into_iter().map(|record| record.article).collect()
            }
        };
        let is_end = page.len() < PAGE as usize;
        last = page.last().cloned();
        for article in page {
            match articles.last_mut() {
                Some(lower) if which == Which::Latest && lower.id == article.id => *lower = article,
                _ => articles.push(article),
            }
        }
        if is_end {
            return Ok(articles);
        }
    }
}

/// The ids of all articles: what rows of a file may link to.
///
/// # Errors
/// What the store says.
pub async fn known_ids(store: &dyn Store) -> Result<HashSet<String>, StoreError> {
    let articles = export(store, Which::Latest).await?;
    Ok(articles.into_iter().map(|article| article.id).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kb::editorial::testing::{actor, article, at};
    use crate::store::ArticleStore;

    fn settings(publish: bool) -> ImportSettings {
        let policy = Policy { require_review: !publish, two_person: false };
        ImportSettings { actor: actor("编辑甲"), at: at(0), publish, policy }
    }

    /// A row: id, version, status and question.
    type Row = (&'static str, Option<u32>, Status, &'static str);

    fn dry(rows: &[Row]) -> Dry {
        let incoming = |(row, &(id, version, status, question)): (usize, &Row)| {
            let question = question.to_owned();
            let article = Article { question, ..article(id, version.unwrap_or(1), status) };
            Incoming { article, version, file: "a.csv".into(), row }
        };
        Dry { articles: rows.iter().enumerate().map(incoming).collect(), faults: Vec::new() }
    }

    #[tokio::test]
    async fn takes_in_what_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let store = crate::store::sqlite::open(&folder.path().join("fenzhen.db")).await.unwrap();
        let check = async |publish: bool, rows: &[Row], counts: [usize; 3], expected: &[Row]| {
            let plan = ImportPlan::new(&store, dry(rows), &settings(publish)).await.unwrap();
            let report = plan.store(&store).await.unwrap();
            assert_eq!([report.new, report.changed, report.unchanged], counts, "{rows:?}");
            let all = export(&store, Which::All).await.unwrap();
            let all: Vec<_> = all
                .iter()
                .map(|a| (a.id.as_str(), Some(a.version), a.status, a.question.as_str()))
                .collect();
            assert_eq!(all, expected);
        };
        use Status::{Approved, Archived, Draft, Published};
        let first = [("a", Some(1), Published, "一"), ("a", Some(2), Published, "二")];
        let drafts = [("a", Some(1), Archived, "一"), ("a", Some(2), Draft, "二")];
        check(false, &first, [2, 0, 0], &drafts).await;
        check(false, &first, [0, 0, 2], &drafts).await;
        // The latest once more, under no number or another one.
        let again = [("a", None, Draft, "二"), ("a", Some(9), Approved, "二")];
        check(true, &again, [0, 0, 2], &drafts).await;
        // A changed row becomes a new version, whatever number it names.
        let changed = [("a", Some(2), Published, "三"), ("b", None, Published, "四")];
        let published = [
            drafts[0],
            drafts[1],
            ("a", Some(3), Published, "三"),
            ("b", Some(1), Published, "四"),
        ];
        check(true, &changed, [1, 1, 0], &published).await;
        check(true, &changed, [0, 0, 2], &published).await;
        assert_eq!(store.publications().await.unwrap().latest, 1);
        assert_eq!(export(&store, Which::Latest).await.unwrap().len(), 2);
        assert_eq!(export(&store, Which::Served).await.unwrap().len(), 2);
        assert_eq!(known_ids(&store).await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn takes_in_all_or_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = crate::store::sqlite::open(&folder.path().join("fenzhen.db")).await.unwrap();
        let rows = [("a", None, Status::Published, "一")];
        let strict = ImportSettings { publish: true, ..settings(false) };
        let refused = ImportPlan::new(&store, dry(&rows), &strict).await;
        assert!(matches!(refused, Err(ImportError::ReviewRequired)), "{refused:?}");
        let plan = async || ImportPlan::new(&store, dry(&rows), &settings(true)).await.unwrap();
        let mut faulty = plan().await;
        faulty.report.faults.push(Fault {
            file: "a.csv".into(),
            sheet: None,
            row: Some(2),
            column: None,
            code: "missing_key",
            message: String::new(),
            message_zh: String::new(),
        });
        assert!(!faulty.store(&store).await.unwrap().stored);
        assert_eq!(export(&store, Which::All).await.unwrap(), []);
        // Of two plans made at the same time the second one is stale.
        let (first, second) = (plan().await, plan().await);
        assert_eq!(first.store(&store).await.unwrap().publication, Some(1));
        let refused = second.store(&store).await;
        assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
    }
}
