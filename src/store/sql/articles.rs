//! Articles, their history and publications.

use super::row::{
    NewPublication, bad_row, json, number, optional_number, optional_word, stored, stored_text,
    time, word, word_of,
};
use super::{SqlStore, settle, take_publication};
use crate::kb::article::{Article, Status};
use crate::kb::editorial::{Actor, ArticleRecord, Change, Event, Move, VersionHead};
use crate::store::articles::{
    ArticleFilter, ArticleList, ArticleStore, ArticleSummary, Committed, Cursor, Page, Publication,
    PublicationReason, Publications, VersionRecord,
};
use crate::store::{StoreError, StoreFuture};
use jiff::Timestamp;
use serde_json::Value;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, Connection, Row};

/// The content at publication $1.
macro_rules! served {
    ($rest:literal) => {
        concat!(
            "SELECT content FROM article_versions WHERE published_in <= $1 \
             AND (archived_in IS NULL OR archived_in > $1) ",
            $rest
        )
    };
}

/// Articles that pass the filter bound by [`bind_filter`].
macro_rules! filtered {
    ($columns:literal, $rest:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM articles WHERE ($1 IS NULL OR latest_status = $1) \
             AND ($2 IS NULL OR (published IS NOT NULL) = ($2 = 1)) \
             AND ($3 IS NULL OR kind = $3) \
             AND ($4 IS NULL OR category = $4 OR substr(category, 1, length($4) + 1) = $4 || '/') \
             AND ($5 IS NULL OR owner = $5) \
             AND ($6 IS NULL OR lower(question) LIKE $6 ESCAPE '\\' OR id LIKE $6 ESCAPE '\\') \
             AND ($7 IS NULL OR (review_by < $7 AND latest_status <> 'archived')) ",
            $rest
        )
    };
}

impl ArticleStore for SqlStore {
    fn article<'a>(&'a self, id: &'a str) -> StoreFuture<'a, Option<ArticleRecord>> {
        Box::pin(async move {
            // One statement, so that article and versions belong to one revision.
            let rows = sqlx::query(
                "SELECT v.version, v.status, v.author, v.submitted_by, v.published_in, \
                 v.archived_in, v.created_ms, v.changed_ms, a.revision, \
                 a.created_ms AS article_created_ms, a.updated_ms \
                 FROM articles a JOIN article_versions v ON v.article_id = a.id \
                 WHERE a.id = $1 ORDER BY v.version",
            )
            .bind(id)
            .fetch_all(&self.readers)
            .await?;
            let Some(first) = rows.first() else { return Ok(None) };
            Ok(Some(ArticleRecord {
                id: id.to_owned(),
                revision: number(first, "revision")?,
                versions: rows.iter().map(head_of).collect::<Result<_, _>>()?,
                created_at: time(first, "article_created_ms")?,
                updated_at: time(first, "updated_ms")?,
            }))
        })
    }

    fn version<'a>(&'a self, id: &'a str, version: u32) -> StoreFuture<'a, Option<VersionRecord>> {
        Box::pin(async move {
            let row = sqlx::query(
                "SELECT * FROM article_versions WHERE article_id = $1 AND version = $2",
            )
            .bind(id)
            .bind(i64::from(version))
            .fetch_optional(&self.readers)
            .await?;
            row.as_ref().map(version_of).transpose()
        })
    }

    fn versions<'a>(&'a self, id: &'a str) -> StoreFuture<'a, Vec<VersionRecord>> {
        Box::pin(async move {
            let rows = sqlx::query(
                "SELECT * FROM article_versions WHERE article_id = $1 ORDER BY version DESC",
            )
            .bind(id)
            .fetch_all(&self.readers)
            .await?;
            rows.iter().map(version_of).collect()
        })
    }

    fn versions_after<'a>(
        &'a self,
        after: Option<&'a Article>,
        limit: u32,
    ) -> StoreFuture<'a, Vec<VersionRecord>> {
        Box::pin(async move {
            let rows = sqlx::query(
                "SELECT * FROM article_versions WHERE (article_id, version) > ($1, $2) \
                 ORDER BY article_id, version LIMIT $3",
            )
            .bind(after.map_or("", |article| &article.id))
            .bind(after.map_or(0, |article| i64::from(article.version)))
            .bind(i64::from(limit))
            .fetch_all(&self.readers)
            .await?;
            rows.iter().map(version_of).collect()
        })
    }

    fn events<'a>(&'a self, id: &'a str) -> StoreFuture<'a, Vec<Event>> {
        Box::pin(async move {
            let rows =
                sqlx::query("SELECT * FROM article_events WHERE article_id = $1 ORDER BY seq DESC")
                    .bind(id)
                    .fetch_all(&self.readers)
                    .await?;
            rows.iter().map(event_of).collect()
        })
    }

    fn list<'a>(
        &'a self,
        filter: &'a ArticleFilter,
        page: &'a Page,
    ) -> StoreFuture<'a, ArticleList> {
        Box::pin(async move {
            let counted = bind_filter(sqlx::query(filtered!("COUNT(*) AS total", "")), filter);
            let counted = counted.fetch_one(&self.readers).await?;
            let listed = sqlx::query(filtered!(
                "*",
                "AND ($8 IS NULL OR updated_ms < $8 OR (updated_ms = $8 AND id < $9)) \
                 ORDER BY updated_ms DESC, id DESC LIMIT $10"
            ));
            let after = page.after.as_ref();
            let rows = bind_filter(listed, filter)
                .bind(after.map(|cursor| cursor.updated_at.as_millisecond()))
                .bind(after.map(|cursor| cursor.id.as_str()))
                // One more tells whether there are more.
                .bind(i64::from(page.limit) + 1)
                .fetch_all(&self.readers)
                .await?;
            let mut articles: Vec<_> = rows.iter().map(summary_of).collect::<Result<_, _>>()?;
            let n_wanted = page.limit as usize;
            let has_more = articles.len() > n_wanted;
            articles.truncate(n_wanted);
            let cursor =
                |last: &ArticleSummary| Cursor { updated_at: last.updated_at, id: last.id.clone() };
            let next = articles.last().filter(|_| has_more).map(cursor);
            Ok(ArticleList { articles, total: number(&counted, "total")?, next })
        })
    }

    fn categories(&self) -> StoreFuture<'_, Vec<(String, u64)>> {
        Box::pin(async move {
            let rows = sqlx::query(
                "SELECT category, COUNT(*) AS n FROM articles WHERE latest_status <> 'archived' \
                 GROUP BY category",
            )
            .fetch_all(&self.readers)
            .await?;
            let counted = |row: &AnyRow| Ok((row.try_get("category")?, number(row, "n")?));
            let mut counts: Vec<_> = rows.iter().map(counted).collect::<Result<_, StoreError>>()?;
            // The databases differ in how they order Chinese.
            counts.sort_unstable();
            Ok(counts)
        })
    }

    fn commit_edit(&self, change: Change) -> StoreFuture<'_, Committed> {
        Box::pin(self.commit_changes(PublicationReason::Edit, vec![change]))
    }

    fn import(&self, changes: Vec<Change>) -> StoreFuture<'_, Committed> {
        Box::pin(self.commit_changes(PublicationReason::Import, changes))
    }

    fn publications(&self) -> StoreFuture<'_, Publications> {
        Box::pin(async move {
            let row = sqlx::query(
                "SELECT latest, (SELECT publication FROM pins ORDER BY seq DESC LIMIT 1) AS pinned \
                 FROM publication_counter",
            )
            .fetch_one(&self.readers)
            .await?;
            Ok(Publications {
                latest: number(&row, "latest")?,
                pinned: optional_number(&row, "pinned")?,
            })
        })
    }

    fn publication_log(&self, before: u64, limit: u32) -> StoreFuture<'_, Vec<Publication>> {
        Box::pin(async move {
            let rows = sqlx::query(
                "SELECT * FROM publications WHERE number < $1 ORDER BY number DESC LIMIT $2",
            )
            .bind(stored(before))
            .bind(i64::from(limit))
            .fetch_all(&self.readers)
            .await?;
            rows.iter().map(publication_of).collect()
        })
    }

    fn pin<'a>(
        &'a self,
        publication: Option<u64>,
        actor: &'a Actor,
        at: Timestamp,
    ) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let latest = self.publications().await?.latest;
            if let Some(publication) = publication.filter(|number| !(1..=latest).contains(number)) {
                return Err(StoreError::NoPublication { publication, latest });
            }
            let mut connection = self.writer.acquire().await?;
            let pinned =
                sqlx::query("INSERT INTO pins (publication, actor, at_ms) VALUES ($1, $2, $3)")
                    .bind(publication.map(stored))
                    .bind(actor.as_str())
                    .bind(at.as_millisecond())
                    .execute(&mut *connection)
                    .await;
            settle(connection, pinned.map(drop).map_err(StoreError::from)).await
        })
    }

    fn bump_publication<'a>(&'a self, actor: &'a Actor, at: Timestamp) -> StoreFuture<'a, u64> {
        Box::pin(async move {
            let publication =
                NewPublication { reason: PublicationReason::Reindex, article_id: None, actor, at };
            let mut connection = self.writer.acquire().await?;
            let bumped = async {
                let mut transaction = connection.begin_with(self.dialect.begin).await?;
                let number = take_publication(&mut transaction, &publication).await?;
                transaction.commit().await?;
                Ok(number)
            }
            .await;
            settle(connection, bumped).await
        })
    }

    fn served_at<'a>(
        &'a self,
        publication: u64,
        after: Option<&'a Article>,
        limit: u32,
    ) -> StoreFuture<'a, Vec<Article>> {
        Box::pin(async move {
            let rows = sqlx::query(served!(
                "AND (article_id, version) > ($2, $3) ORDER BY article_id, version LIMIT $4"
            ))
            .bind(stored(publication))
            .bind(after.map_or("", |article| &article.id))
            .bind(after.map_or(0, |article| i64::from(article.version)))
            .bind(i64::from(limit))
            .fetch_all(&self.readers)
            .await?;
            rows.iter().map(served_of).collect()
        })
    }

    fn served_of<'a>(&'a self, publication: u64, id: &'a str) -> StoreFuture<'a, Vec<Article>> {
        Box::pin(async move {
            let rows = sqlx::query(served!("AND article_id = $2 ORDER BY version"))
                .bind(stored(publication))
                .bind(id)
                .fetch_all(&self.readers)
                .await?;
            rows.iter().map(served_of).collect()
        })
    }

    fn needs_rebuild(&self, a: u64, b: u64) -> StoreFuture<'_, bool> {
        Box::pin(async move {
            let row = sqlx::query(
                "SELECT number FROM publications WHERE number > $1 AND number <= $2 \
                 AND reason IN ('lexicon', 'reindex') LIMIT 1",
            )
            .bind(stored(a.min(b)))
            .bind(stored(a.max(b)))
            .fetch_optional(&self.readers)
            .await?;
            Ok(row.is_some())
        })
    }

    fn changed_between(&self, a: u64, b: u64) -> StoreFuture<'_, Vec<String>> {
        Box::pin(async move {
            let ids = sqlx::query_scalar(
                "SELECT article_id FROM article_versions WHERE published_in > $1 AND published_in <= $2 \
                 UNION SELECT article_id FROM article_versions WHERE archived_in > $1 AND archived_in <= $2 \
                 ORDER BY article_id",
            )
            .bind(stored(a.min(b)))
            .bind(stored(a.max(b)))
            .fetch_all(&self.readers)
            .await?;
            Ok(ids)
        })
    }
}

impl SqlStore {
    async fn commit_changes(
        &self,
        reason: PublicationReason,
        changes: Vec<Change>,
    ) -> Result<Committed, StoreError> {
        let mut connection = self.writer.acquire().await?;
        let written = write(&mut connection, self.dialect.begin, reason, changes).await;
        settle(connection, written).await
    }
}

/// Writes changes in one transaction, which a dropped future rolls back.
async fn write(
    connection: &mut AnyConnection,
    begin: &'static str,
    reason: PublicationReason,
    mut changes: Vec<Change>,
) -> Result<Committed, StoreError> {
    // Rows are locked in one order, so that two imports do not wait for each other.
    changes.sort_by(|a, b| a.article_id.cmp(&b.article_id));
    let mut transaction = connection.begin_with(begin).await?;
    for change in &changes {
        compare_and_set(&mut transaction, change).await?;
    }
    let publication = match changes.iter().find(|change| change.touches_readers()) {
        Some(Change { event, .. }) => {
            let article_id = Some(event.article_id.as_str());
            let article_id = article_id.filter(|_| reason == PublicationReason::Edit);
            let new = NewPublication { reason, article_id, actor: &event.actor, at: event.at };
            Some(take_publication(&mut transaction, &new).await?)
        }
        None => None,
    };
    for change in &changes {
        write_versions(&mut transaction, change, publication).await?;
    }
    transaction.commit().await?;
    Ok(Committed { publication })
}

/// Writes the article's row if its revision is the one that the change was made from.
async fn compare_and_set(
    connection: &mut AnyConnection,
    change: &Change,
) -> Result<(), StoreError> {
    let (id, at_ms) = (change.article_id.as_str(), change.event.at.as_millisecond());
    let latest = change.created.iter().find(|article| article.version == change.latest);
    let query = match latest {
        Some(article) => {
            let columns = Columns::of(article);
            sqlx::query(
                "INSERT INTO articles (id, revision, latest, latest_status, published, kind, \
                 category, question, owner, review_by, created_ms, updated_ms) \
                 SELECT $1, 1, $3, $4, $5, $7, $8, $9, $10, $11, $6, $6 WHERE $2 = 0 OR \
                 EXISTS (SELECT 1 FROM articles WHERE id = $1) \
                 ON CONFLICT (id) DO UPDATE SET revision = articles.revision + 1, latest = $3, \
                 latest_status = $4, published = $5, updated_ms = $6, kind = $7, category = $8, \
                 question = $9, owner = $10, review_by = $11 WHERE articles.revision = $2",
            )
            .bind(id)
            .bind(stored(change.revision))
            .bind(i64::from(change.latest))
            .bind(word_of(&change.latest_status))
            .bind(change.published.map(i64::from))
            .bind(at_ms)
            .bind(word_of(&article.kind))
            .bind(stored_text(article.category.as_str()))
            .bind(stored_text(&article.question))
            .bind(columns.owner)
            .bind(columns.review_by)
        }
        None => sqlx::query(
            "UPDATE articles SET revision = revision + 1, latest = $3, latest_status = $4, \
             published = $5, updated_ms = $6 WHERE id = $1 AND revision = $2",
        )
        .bind(id)
        .bind(stored(change.revision))
        .bind(i64::from(change.latest))
        .bind(word_of(&change.latest_status))
        .bind(change.published.map(i64::from))
        .bind(at_ms),
    };
    match query.execute(connection).await?.rows_affected() {
        1 => Ok(()),
        _ => Err(StoreError::Conflict),
    }
}

/// Writes the versions of a change and its event.
async fn write_versions(
    connection: &mut AnyConnection,
    change: &Change,
    publication: Option<u64>,
) -> Result<(), StoreError> {
    let Change { article_id, event, .. } = change;
    let (publication, at_ms) = (publication.map(stored), event.at.as_millisecond());
    for article in &change.created {
        sqlx::query(
            "INSERT INTO article_versions (article_id, version, status, content, author, \
             published_in, created_ms, changed_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $7)",
        )
        .bind(article_id)
        .bind(i64::from(article.version))
        .bind(word_of(&article.status))
        .bind(super::row::to_json(article))
        .bind(event.actor.as_str())
        .bind(publication.filter(|_| article.status == Status::Published))
        .bind(at_ms)
        .execute(&mut *connection)
        .await?;
    }
    for &Move { version, from, to } in &change.moves {
        let result = sqlx::query(
            "UPDATE article_versions SET status = $4, changed_ms = $5, \
             submitted_by = COALESCE($6, submitted_by), \
             published_in = COALESCE($7, published_in), archived_in = $8 \
             WHERE article_id = $1 AND version = $2 AND status = $3",
        )
        .bind(article_id)
        .bind(i64::from(version))
        .bind(word_of(&from))
        .bind(word_of(&to))
        .bind(at_ms)
        .bind((to == Status::Review).then_some(event.actor.as_str()))
        .bind(publication.filter(|_| to == Status::Published))
        .bind(publication.filter(|_| from == Status::Published))
        .execute(&mut *connection)
        .await?;
        if result.rows_affected() != 1 {
            return Err(StoreError::Conflict);
        }
    }
    sqlx::query(
        "INSERT INTO article_events (article_id, seq, version, action, actor, at_ms, comment) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(article_id)
    .bind(stored(event.seq))
    .bind(i64::from(event.version))
    .bind(word_of(&event.action))
    .bind(event.actor.as_str())
    .bind(at_ms)
    .bind(event.comment.as_deref().map(stored_text))
    .execute(connection)
    .await?;
    Ok(())
}

/// Fields that the store filters by but does not know the types of: looked up in the JSON text,
/// null where an article has none.
struct Columns {
    owner: Option<String>,
    review_by: Option<String>,
}

impl Columns {
    fn of(article: &Article) -> Self {
        let content = serde_json::to_value(article).unwrap_or(Value::Null);
        let text = |key: &str| content[key].as_str().map(stored_text);
        Self { owner: text("owner"), review_by: text("review_by") }
    }
}

type AnyQuery<'q> = Query<'q, Any, AnyArguments>;

fn bind_filter<'q>(query: AnyQuery<'q>, filter: &ArticleFilter) -> AnyQuery<'q> {
    // Ids are lower case; `lower` of both databases changes Latin letters alone.
    let contains = |text: &String| {
        let text = text.to_ascii_lowercase();
        format!("%{}%", text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))
    };
    query
        .bind(filter.status.map(|status| word_of(&status)))
        .bind(filter.published.map(i64::from))
        .bind(filter.kind.map(|kind| word_of(&kind)))
        .bind(filter.category.as_deref().map(|path| path.trim_end_matches('/').to_owned()))
        .bind(filter.owner.clone())
        .bind(filter.text.as_ref().map(contains))
        .bind(filter.review_before.map(|day| day.to_string()))
}

fn head_of(row: &AnyRow) -> Result<VersionHead, StoreError> {
    Ok(VersionHead {
        version: number(row, "version")?,
        status: word(row, "status")?,
        author: word(row, "author")?,
        submitted_by: optional_word(row, "submitted_by")?,
        published_in: optional_number(row, "published_in")?,
        archived_in: optional_number(row, "archived_in")?,
        created_at: time(row, "created_ms")?,
        changed_at: time(row, "changed_ms")?,
    })
}

fn version_of(row: &AnyRow) -> Result<VersionRecord, StoreError> {
    let head = head_of(row)?;
    let article = Article { status: head.status, ..json(row, "content")? };
    Ok(VersionRecord { head, article })
}

/// A version as it was when it was served.
fn served_of(row: &AnyRow) -> Result<Article, StoreError> {
    Ok(Article { status: Status::Published, ..json(row, "content")? })
}

fn event_of(row: &AnyRow) -> Result<Event, StoreError> {
    Ok(Event {
        seq: number(row, "seq")?,
        article_id: row.try_get("article_id")?,
        version: number(row, "version")?,
        action: word(row, "action")?,
        actor: word(row, "actor")?,
        at: time(row, "at_ms")?,
        comment: row.try_get("comment")?,
    })
}

fn publication_of(row: &AnyRow) -> Result<Publication, StoreError> {
    Ok(Publication {
        number: number(row, "number")?,
        reason: word(row, "reason")?,
        article_id: row.try_get("article_id")?,
        actor: word(row, "actor")?,
        at: time(row, "at_ms")?,
    })
}

fn summary_of(row: &AnyRow) -> Result<ArticleSummary, StoreError> {
    let review_by: Option<String> = row.try_get("review_by")?;
    let review_by = review_by.map(|day| day.parse()).transpose();
    Ok(ArticleSummary {
        id: row.try_get("id")?,
        revision: number(row, "revision")?,
        latest: number(row, "latest")?,
        status: word(row, "latest_status")?,
        published: optional_number(row, "published")?,
        kind: word(row, "kind")?,
        category: row.try_get("category")?,
        question: row.try_get("question")?,
        owner: row.try_get("owner")?,
        review_by: review_by.map_err(|error| bad_row("review_by", error))?,
        updated_at: time(row, "updated_ms")?,
    })
}
