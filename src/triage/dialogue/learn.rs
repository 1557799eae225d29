//! Tells the knowledge base what its answers were worth and which questions it had none for.
//!
//! Written beside the conversation, not with it: a failure is logged and costs the turn nothing. The
//! store keeps each turn once, so that a retry of a report makes up for what failed.

use super::Desk;
use super::find::Findings;
use super::understand::Understood;
use crate::conversation::state::Heard;
use crate::conversation::{ConversationId, TurnId, TurnOutcome};
use crate::store::learning::{Feedback, Unanswered, Verdict};
use crate::triage::TriageError;
use crate::triage::reply::TurnReply;
use jiff::Timestamp;

impl Desk {
    /// Keeps what a report says about the article that the turn was answered with.
    pub(super) async fn learn_from_report(
        &self,
        id: &ConversationId,
        turn_id: &TurnId,
        outcome: TurnOutcome,
        now: Timestamp,
    ) {
        if let Err(error) = self.keep_feedback(id, turn_id, outcome, now).await {
            tracing::error!(%error, conversation_id = %id, "feedback on an answer is lost");
        }
    }

    async fn keep_feedback(
        &self,
        id: &ConversationId,
        turn_id: &TurnId,
        outcome: TurnOutcome,
        now: Timestamp,
    ) -> Result<(), TriageError> {
        let Some(turn) = self.store.turn(id, turn_id).await? else { return Ok(()) };
        let reply: TurnReply = serde_json::from_str(&turn.reply)?;
        let Some(article) = reply.answer.and_then(|answer| answer.article) else { return Ok(()) };
        let feedback = Feedback {
            article_id: article.article_id,
            version: article.version,
            generation: article.generation,
            conversation_id: Some(id.to_string()),
            reference: Some(turn_id.to_string()),
            query: turn.text,
            verdict: match outcome {
                TurnOutcome::Resolved => Verdict::Helped,
                TurnOutcome::Unresolved => Verdict::NotHelped,
            },
            at: now,
        };
        Ok(self.store.add_feedback(feedback).await?)
    }

    /// Keeps a question that got no good answer.
    pub(super) async fn learn_from_gap(&self, gap: Unanswered) {
        let conversation_id = gap.conversation_id.clone();
        if let Err(error) = self.store.add_unanswered(gap).await {
            tracing::error!(%error, ?conversation_id, "a question without an answer is lost");
        }
    }
}

/// The turn as a question without a good answer, if it is one: a matter without an article, or
/// something not understood. What lies outside the shop's business, or only says that the last
/// answer was bad, asks nothing that an editor could answer.
pub(super) fn gap(
    id: &ConversationId,
    turn_id: &TurnId,
    heard: Heard<'_>,
    understood: &Understood,
    findings: &Findings,
    now: Timestamp,
) -> Option<Unanswered> {
    let intent = match heard {
        Heard::Matter { intent, article_id: None, .. } => Some(intent.to_owned()),
        Heard::Unsure => None,
        _ => return None,
    };
    let (top_article, score) = findings.nearest.clone().unzip();
    Some(Unanswered {
        conversation_id: Some(id.to_string()),
        reference: Some(turn_id.to_string()),
        query: understood.masked.clone(),
        intent,
        top_article,
        score: score.map(f64::from),
        at: now,
    })
}
