//! Feedback, questions without an answer, word lists, cases.

use super::row::{NewPublication, number, stored, stored_text, time, word, word_of};
use super::{SqlStore, settle, take_publication};
use crate::store::articles::PublicationReason;
use crate::store::learning::{
    EvalCase, Feedback, LearningStore, Lexicon, LexiconDraft, LexiconName, ReviewRequest, Span,
    Unanswered,
};
use crate::store::{StoreError, StoreFuture};
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, Connection, Row};

impl LearningStore for SqlStore {
    fn add_feedback(&self, feedback: Feedback) -> StoreFuture<'_, ()> {
        let insert = sqlx::query(
            "INSERT INTO feedback (article_id, version, generation, conversation_id, reference, \
             query, verdict, at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
             ON CONFLICT (conversation_id, reference) WHERE verdict <> 'clicked' \
             DO UPDATE SET verdict = excluded.verdict, at_ms = excluded.at_ms",
        )
        .bind(feedback.article_id)
        .bind(i64::from(feedback.version))
        .bind(stored(feedback.generation))
        .bind(feedback.conversation_id)
        .bind(feedback.reference)
        .bind(stored_text(&feedback.query))
        .bind(word_of(&feedback.verdict))
        .bind(feedback.at.as_millisecond());
        Box::pin(self.append(insert))
    }

    fn feedback(&self, span: Span) -> StoreFuture<'_, Vec<Feedback>> {
        Box::pin(async move {
            let rows = sqlx::query(
                "SELECT * FROM feedback WHERE at_ms >= $1 AND at_ms < $2 ORDER BY at_ms, seq",
            )
            .bind(span.from.as_millisecond())
            .bind(span.until.as_millisecond())
            .fetch_all(&self.readers)
            .await?;
            rows.iter().map(feedback_of).collect()
        })
    }

    fn add_unanswered(&self, question: Unanswered) -> StoreFuture<'_, ()> {
        let insert = sqlx::query(
            "INSERT INTO unanswered \
             (query, intent, top_article, score, at_ms, conversation_id, reference) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) \
             ON CONFLICT (conversation_id, reference) DO NOTHING",
        )
        .bind(stored_text(&question.query))
        .bind(question.intent)
        .bind(question.top_article)
        .bind(question.score)
        .bind(question.at.as_millisecond())
        .bind(question.conversation_id)
        .bind(question.reference);
        Box::pin(self.append(insert))
    }

    fn unanswered(&self, span: Span) -> StoreFuture<'_, Vec<Unanswered>> {
        Box::pin(async move {
            let rows = sqlx::query(
                "SELECT * FROM unanswered WHERE at_ms >= $1 AND at_ms < $2 ORDER BY at_ms, seq",
            )
            .bind(span.from.as_millisecond())
            .bind(span.until.as_millisecond())
            .fetch_all(&self.readers)
            .await?;
            rows.iter().map(unanswered_of).collect()
        })
    }

    fn request_reviews(&self, requests: Vec<ReviewRequest>) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            let mut connection = self.writer.acquire().await?;
            let saved = request_reviews(&mut connection, self.dialect.begin, requests).await;
            settle(connection, saved).await
        })
    }

    fn review_requests(&self, span: Span) -> StoreFuture<'_, Vec<ReviewRequest>> {
        Box::pin(async move {
            let rows = sqlx::query(
                "SELECT * FROM review_requests WHERE at_ms >= $1 AND at_ms < $2 \
                 ORDER BY at_ms, seq",
            )
            .bind(span.from.as_millisecond())
            .bind(span.until.as_millisecond())
            .fetch_all(&self.readers)
            .await?;
            rows.iter().map(review_request_of).collect()
        })
    }

    fn lexicon(&self, name: LexiconName) -> StoreFuture<'_, Option<Lexicon>> {
        self.lexicon_at(name, u64::MAX)
    }

    fn lexicon_at(&self, name: LexiconName, publication: u64) -> StoreFuture<'_, Option<Lexicon>> {
        Box::pin(async move {
            let row = sqlx::query(
                "SELECT * FROM lexicons WHERE name = $1 AND published_in <= $2 \
                 ORDER BY version DESC LIMIT 1",
            )
            .bind(word_of(&name))
            .bind(stored(publication))
            .fetch_optional(&self.readers)
            .await?;
            row.as_ref().map(lexicon_of).transpose()
        })
    }

    fn lexicon_history(&self, name: LexiconName) -> StoreFuture<'_, Vec<Lexicon>> {
        Box::pin(async move {
            let rows = sqlx::query("SELECT * FROM lexicons WHERE name = $1 ORDER BY version DESC")
                .bind(word_of(&name))
                .fetch_all(&self.readers)
                .await?;
            rows.iter().map(lexicon_of).collect()
        })
    }

    fn save_lexicon(&self, base: u64, draft: LexiconDraft) -> StoreFuture<'_, Lexicon> {
        Box::pin(async move {
            let mut connection = self.writer.acquire().await?;
            let saved = save_lexicon(&mut connection, self.dialect.begin, base, draft).await;
            settle(connection, saved).await
        })
    }

    fn add_eval_case(&self, case: EvalCase) -> StoreFuture<'_, ()> {
        let insert = sqlx::query(
            "INSERT INTO eval_cases (id, query, relevant, actor, at_ms) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(case.id)
        .bind(stored_text(&case.query))
        .bind(case.relevant)
        .bind(case.actor.as_str().to_owned())
        .bind(case.at.as_millisecond());
        Box::pin(self.append(insert))
    }

    fn eval_cases(&self) -> StoreFuture<'_, Vec<EvalCase>> {
        Box::pin(async move {
            let rows = sqlx::query("SELECT * FROM eval_cases ORDER BY seq")
                .fetch_all(&self.readers)
                .await?;
            rows.iter().map(eval_case_of).collect()
        })
    }
}

impl SqlStore {
    /// One insert; it is a transaction by itself.
    async fn append(&self, insert: Query<'static, Any, AnyArguments>) -> Result<(), StoreError> {
        let mut connection = self.writer.acquire().await?;
        let result = insert.execute(&mut *connection).await;
        settle(connection, result.map(drop).map_err(StoreError::from)).await
    }
}

async fn save_lexicon(
    connection: &mut AnyConnection,
    begin: &'static str,
    base: u64,
    LexiconDraft { name, text, actor, at }: LexiconDraft,
) -> Result<Lexicon, StoreError> {
    let mut transaction = connection.begin_with(begin).await?;
    // The counter's lock comes first: whoever holds it sees the latest version.
    let reason = PublicationReason::Lexicon;
    let publication = NewPublication { reason, article_id: None, actor: &actor, at };
    let published_in = take_publication(&mut transaction, &publication).await?;
    let row =
        sqlx::query("SELECT COALESCE(MAX(version), 0) AS latest FROM lexicons WHERE name = $1")
            .bind(word_of(&name))
            .fetch_one(&mut *transaction)
            .await?;
    if number::<u64>(&row, "latest")? != base {
        return Err(StoreError::Conflict);
    }
    let text = stored_text(&text);
    let lexicon = Lexicon { name, version: base + 1, text, published_in, actor, at };
    sqlx::query(
        "INSERT INTO lexicons (name, version, text, published_in, actor, at_ms) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(word_of(&name))
    .bind(stored(lexicon.version))
    .bind(&lexicon.text)
    .bind(stored(published_in))
    .bind(lexicon.actor.as_str())
    .bind(at.as_millisecond())
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(lexicon)
}

async fn request_reviews(
    connection: &mut AnyConnection,
    begin: &'static str,
    requests: Vec<ReviewRequest>,
) -> Result<(), StoreError> {
    let mut transaction = connection.begin_with(begin).await?;
    for request in requests {
        sqlx::query(
            "INSERT INTO review_requests (article_id, changed, note, actor, at_ms) \
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(request.article_id)
        .bind(stored_text(&request.changed))
        .bind(stored_text(&request.note))
        .bind(request.actor.as_str().to_owned())
        .bind(request.at.as_millisecond())
        .execute(&mut *transaction)
        .await?;
    }
    Ok(transaction.commit().await?)
}

fn review_request_of(row: &AnyRow) -> Result<ReviewRequest, StoreError> {
    Ok(ReviewRequest {
        article_id: row.try_get("article_id")?,
        changed: row.try_get("changed")?,
        note: row.try_get("note")?,
        actor: word(row, "actor")?,
        at: time(row, "at_ms")?,
    })
}

fn feedback_of(row: &AnyRow) -> Result<Feedback, StoreError> {
    Ok(Feedback {
        article_id: row.try_get("article_id")?,
        version: number(row, "version")?,
        generation: number(row, "generation")?,
        conversation_id: row.try_get("conversation_id")?,
        reference: row.try_get("reference")?,
        query: row.try_get("query")?,
        verdict: word(row, "verdict")?,
        at: time(row, "at_ms")?,
    })
}

fn unanswered_of(row: &AnyRow) -> Result<Unanswered, StoreError> {
    Ok(Unanswered {
        conversation_id: row.try_get("conversation_id")?,
        reference: row.try_get("reference")?,
        query: row.try_get("query")?,
        intent: row.try_get("intent")?,
        top_article: row.try_get("top_article")?,
        score: row.try_get("score")?,
        at: time(row, "at_ms")?,
    })
}

fn lexicon_of(row: &AnyRow) -> Result<Lexicon, StoreError> {
    Ok(Lexicon {
        name: word(row, "name")?,
        version: number(row, "version")?,
        text: row.try_get("text")?,
        published_in: number(row, "published_in")?,
        actor: word(row, "actor")?,
        at: time(row, "at_ms")?,
    })
}

fn eval_case_of(row: &AnyRow) -> Result<EvalCase, StoreError> {
    Ok(EvalCase {
        id: row.try_get("id")?,
        query: row.try_get("query")?,
        relevant: row.try_get("relevant")?,
        actor: word(row, "actor")?,
        at: time(row, "at_ms")?,
    })
}
