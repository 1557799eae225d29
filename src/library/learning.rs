//! What readers tell: feedback, questions without an answer, cases for the evaluation of search.

use super::{Library, LibraryError};
use crate::kb::editorial::Actor;
use crate::store::StoreError;
use crate::store::learning::{EvalCase, Feedback, Span, Unanswered, Verdict};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use utoipa::ToSchema;

/// Highest grade of an article in a case: it answers the question alone (`eval-data/retrieval.md`).
pub const MAX_GRADE: u8 = 3;
/// Longest id that a client may give a case or a reference, in characters.
const MAX_ID_CHARS: usize = 128;

/// Feedback as it came, not masked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedbackDraft {
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
    /// The question in the customer's words.
    pub query: String,
    /// What they did.
    pub verdict: Verdict,
}

/// A case as it came, not masked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseDraft {
    /// Its id; `None`: a new one.
    pub id: Option<String>,
    /// The question in the customer's words.
    pub query: String,
    /// Grades of articles, 0 to 3; none above 0: the question has no answer.
    pub relevant: BTreeMap<String, u8>,
}

/// Questions without a good answer that are the same when normalised.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct QuestionGroup {
    /// The question as asked last, masked.
    #[schema(example = "可以货到付款吗")]
    pub query: String,
    /// How often it was asked.
    #[schema(example = 17)]
    pub count: u64,
    /// When it was asked first.
    #[schema(value_type = String, format = DateTime)]
    pub first_at: Timestamp,
    /// When it was asked last.
    #[schema(value_type = String, format = DateTime)]
    pub last_at: Timestamp,
    /// Its intent when it was asked last.
    #[schema(example = "payment.method")]
    pub intent: Option<String>,
    /// The best article then, which was not good enough.
    #[schema(example = "payment-methods")]
    pub top_article: Option<String>,
    /// Its score in [0, 1].
    #[schema(example = 0.08)]
    pub score: Option<f64>,
}

impl Library {
    /// Keeps feedback on an answer, masked.
    ///
    /// # Errors
    /// [`LibraryError::BadField`], [`LibraryError::Store`].
    pub async fn give_feedback(
        &self,
        draft: FeedbackDraft,
        at: Timestamp,
    ) -> Result<(), LibraryError> {
        short("conversation_id", draft.conversation_id.as_deref())?;
        short("reference", draft.reference.as_deref())?;
        let FeedbackDraft { article_id, version, generation, conversation_id, reference, .. } =
            draft;
        let (query, verdict) = ((self.settings.mask)(&draft.query), draft.verdict);
        let feedback = Feedback {
            article_id,
            version,
            generation,
            conversation_id,
            reference,
            query,
            verdict,
            at,
        };
        Ok(self.store.add_feedback(feedback).await?)
    }

    /// Questions without a good answer of a time, the most frequent first, then the latest.
    ///
    /// # Errors
    /// [`LibraryError::Store`].
    pub async fn unanswered(&self, span: Span) -> Result<Vec<QuestionGroup>, LibraryError> {
        let mut groups: HashMap<String, QuestionGroup> = HashMap::new();
        for question in self.store.unanswered(span).await? {
            let key = self.settings.normalizer.normalize(&question.query).text().to_owned();
            let Unanswered { query, intent, top_article, score, at, .. } = question;
            let latest = QuestionGroup {
                query,
                count: 1,
                first_at: at,
                last_at: at,
                intent,
                top_article,
                score,
            };
            groups
                .entry(key)
                .and_modify(|group| {
                    let (count, first_at) = (group.count + 1, group.first_at);
                    *group = QuestionGroup { count, first_at, ..latest.clone() };
                })
                .or_insert(latest);
        }
        let mut groups: Vec<_> = groups.into_values().collect();
        groups.sort_by(|a, b| {
            (b.count, b.last_at).cmp(&(a.count, a.last_at)).then_with(|| a.query.cmp(&b.query))
        });
        Ok(groups)
    }

    /// Keeps a case for the evaluation of search, masked.
    ///
    /// # Errors
    /// [`LibraryError::BadField`] where it has no question, a grade above 3 or a taken id;
    /// [`LibraryError::Store`].
    pub async fn keep_case(
        &self,
        draft: CaseDraft,
        actor: Actor,
        at: Timestamp,
    ) -> Result<EvalCase, LibraryError> {
        short("id", draft.id.as_deref())?;
        if draft.query.trim().is_empty() {
            return Err(LibraryError::BadField { field: "query", reason: "it is empty".into() });
        }
        let bad = |reason| LibraryError::BadField { field: "relevant", reason };
        if let Some((id, grade)) = draft.relevant.iter().find(|(_, grade)| **grade > MAX_GRADE) {
            return Err(bad(format!("the grade {grade} of {id} lies outside 0 to {MAX_GRADE}")));
        }
        let relevant = serde_json::to_string(&draft.relevant).map_err(|e| bad(e.to_string()))?;
        let case = EvalCase {
            id: draft.id.unwrap_or_else(|| uuid::Uuid::now_v7().to_string()),
            query: (self.settings.mask)(&draft.query),
            relevant,
            actor,
            at,
        };
        match self.store.add_eval_case(case.clone()).await {
            Ok(()) => Ok(case),
            Err(StoreError::Conflict) => Err(LibraryError::BadField {
                field: "id",
                reason: format!("there is a case {} already: choose another id", case.id),
            }),
            Err(error) => Err(error.into()),
        }
    }

    /// All cases, oldest first.
    ///
    /// # Errors
    /// [`LibraryError::Store`].
    pub async fn cases(&self) -> Result<Vec<EvalCase>, LibraryError> {
        Ok(self.store.eval_cases().await?)
    }
}

fn short(field: &'static str, id: Option<&str>) -> Result<(), LibraryError> {
    match id.map(|id| id.chars().count()) {
        Some(chars) if !(1..=MAX_ID_CHARS).contains(&chars) => Err(LibraryError::BadField {
            field,
            reason: format!("1 to {MAX_ID_CHARS} characters, {chars} given"),
        }),
        _ => Ok(()),
    }
}
