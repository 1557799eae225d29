//! What the knowledge base learns from: feedback, questions without an answer, word lists, cases.
//!
//! Everything is appended; only a later verdict on the same turn takes the place of the earlier one. Texts of customers are masked before they come here.

use super::StoreFuture;
use crate::kb::editorial::Actor;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Keeps what the knowledge base learns from.
pub trait LearningStore: Send + Sync {
    /// Keeps feedback on an answer. Of one turn the last verdict counts, clicks aside.
    fn add_feedback(&self, feedback: Feedback) -> StoreFuture<'_, ()>;

    /// Feedback of a time, oldest first.
    fn feedback(&self, span: Span) -> StoreFuture<'_, Vec<Feedback>>;

    /// Keeps a question without an answer; the same turn again changes nothing.
    fn add_unanswered(&self, question: Unanswered) -> StoreFuture<'_, ()>;

    /// Questions without an answer of a time, oldest first.
    fn unanswered(&self, span: Span) -> StoreFuture<'_, Vec<Unanswered>>;

    /// Keeps requests to look at articles again.
    fn request_reviews(&self, requests: Vec<ReviewRequest>) -> StoreFuture<'_, ()>;

    /// Requests of a time, oldest first.
    fn review_requests(&self, span: Span) -> StoreFuture<'_, Vec<ReviewRequest>>;

    /// The latest text of a word list, `None` where none was saved.
    fn lexicon(&self, name: LexiconName) -> StoreFuture<'_, Option<Lexicon>>;

    /// The text of a word list that the index of `publication` is built with.
    fn lexicon_at(&self, name: LexiconName, publication: u64) -> StoreFuture<'_, Option<Lexicon>>;

    /// All texts of a word list, latest first.
    fn lexicon_history(&self, name: LexiconName) -> StoreFuture<'_, Vec<Lexicon>>;

    /// Saves a new text of a word list made from version `base` (0: none before). It takes the
    /// next publication number, since every index has to be built anew.
    ///
    /// # Errors
    /// [`StoreError::Conflict`](super::StoreError::Conflict) where there is a later version.
    fn save_lexicon(&self, base: u64, draft: LexiconDraft) -> StoreFuture<'_, Lexicon>;

    /// Keeps a case for the evaluation of search.
    ///
    /// # Errors
    /// [`StoreError::Conflict`](super::StoreError::Conflict) where the id is taken.
    fn add_eval_case(&self, case: EvalCase) -> StoreFuture<'_, ()>;

    /// All cases, oldest first.
    fn eval_cases(&self) -> StoreFuture<'_, Vec<EvalCase>>;
}

/// A stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its first moment.
    pub from: Timestamp,
    /// The moment after its last.
    pub until: Timestamp,
}

/// What somebody did with an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Feedback {
    /// The article.
    pub article_id: String,
    /// Its version.
    pub version: u32,
    /// The index generation that it was found in.
    pub generation: u64,
    /// The conversation, where there is one.
    pub conversation_id: Option<String>,
    /// The turn, or an id of the client's.
    pub reference: Option<String>,
    /// The question, masked.
    pub query: String,
    /// What they did.
    pub verdict: Verdict,
    /// When.
    pub at: Timestamp,
}

/// What an answer was worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It helped (有帮助).
    Helped,
    /// It did not (没帮助).
    NotHelped,
    /// It was opened.
    Clicked,
}

/// A question without a good answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Unanswered {
    /// The conversation, where there is one.
    pub conversation_id: Option<String>,
    /// The turn, or an id of the client's.
    pub reference: Option<String>,
    /// The question, masked.
    pub query: String,
    /// Its intent, where it was understood.
    pub intent: Option<String>,
    /// The best article, which was not good enough.
    pub top_article: Option<String>,
    /// Its score in [0, 1].
    pub score: Option<f64>,
    /// When.
    pub at: Timestamp,
}

/// Something changed that an article relies on: somebody should look at it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReviewRequest {
    /// The article.
    #[schema(example = "return-seven-days")]
    pub article_id: String,
    /// What changed.
    #[schema(example = "policy:return-7d")]
    pub changed: String,
    /// What is new.
    #[schema(example = "退货期限改为 15 天")]
    pub note: String,
    /// Who says so.
    #[schema(value_type = String, example = "运营 周宁")]
    pub actor: Actor,
    /// When.
    #[schema(value_type = String, example = "2026-11-21T08:30:00Z")]
    pub at: Timestamp,
}

/// Which word list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LexiconName {
    /// Words that mean the same.
    Synonyms,
    /// The shop's own words, for segmentation.
    Dictionary,
}

/// One version of a word list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lexicon {
    /// Which list.
    pub name: LexiconName,
    /// Counts from 1.
    pub version: u64,
    /// The whole list.
    pub text: String,
    /// The publication that it took.
    pub published_in: u64,
    /// Who saved it.
    pub actor: Actor,
    /// When.
    pub at: Timestamp,
}

/// A word list to be saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LexiconDraft {
    /// Which list.
    pub name: LexiconName,
    /// The whole list.
    pub text: String,
    /// Who saves it.
    pub actor: Actor,
    /// When.
    pub at: Timestamp,
}

/// A question with the articles that answer it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EvalCase {
    /// Its id.
    pub id: String,
    /// The question.
    pub query: String,
    /// The articles with their grades, JSON that the store does not look into.
    pub relevant: String,
    /// Who kept it.
    pub actor: Actor,
    /// When.
    pub at: Timestamp,
}
