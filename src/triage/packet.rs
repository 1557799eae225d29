//! Puts together what the receiving agent gets: the whole context, so that nobody has to repeat.

use super::TriageError;
use super::classification::Classification;
use super::reply::{
    HandoffPacket, Line, Speaker, TriedArticle, TurnIntent, TurnReply, TurnSentiment, TurnView,
};
use crate::conversation::HandoffReason;
use crate::conversation::record::{ConversationRecord, HandoffRecord, TurnRecord};
use crate::routing::Decision;
use jiff::Timestamp;
use std::collections::HashSet;
use std::hash::Hash;

/// Everything the receiving agent needs; `turns` are all turns so far, oldest first.
pub(super) fn packet(
    conversation: &ConversationRecord,
    reason: HandoffReason,
    decision: &Decision,
    turns: &[TurnRecord],
    now: Timestamp,
) -> Result<HandoffPacket, TriageError> {
    let mut packet = HandoffPacket {
        id: uuid::Uuid::now_v7().to_string(),
        conversation_id: conversation.id.to_string(),
        episode: conversation.state.episode,
        reason,
        strike_reasons: conversation.state.reasons.clone(),
        created_at: now,
        skill_group: decision.skill_group.clone(),
        priority: decision.priority,
        sla: decision.sla,
        tags: decision.tags.clone(),
        reply_hints: decision.reply_hints.clone(),
        customer: serde_json::from_str(&conversation.customer)?,
        channel: conversation.channel.clone(),
        history: Vec::new(),
        intents: Vec::new(),
        sentiments: Vec::new(),
        entities: Vec::new(),
        articles_tried: Vec::new(),
    };
    for turn in turns {
        let reply: TurnReply = serde_json::from_str(&turn.reply)?;
        let turn_id = turn.turn_id.to_string();
        let mut line = |role, text| {
            packet.history.push(Line { role, text, turn_id: turn_id.clone(), at: turn.at });
        };
        line(Speaker::Customer, turn.text.clone());
        if let Some(answer) = reply.answer {
            line(Speaker::Bot, answer.text);
            packet.articles_tried.extend(answer.article.map(|article| TriedArticle {
                article_id: article.article_id,
                version: article.version,
                title: article.title,
                turn_id: turn_id.clone(),
            }));
        }
        let Classification { intent, sentiment, emotion, entities, .. } = reply.classification;
        packet.intents.push(TurnIntent { turn_id: turn_id.clone(), intent });
        packet.sentiments.push(TurnSentiment {
            turn_id,
            label: sentiment.label,
            score: sentiment.score,
            emotion,
        });
        packet.entities.extend(entities);
    }
    keep_first(&mut packet.articles_tried, |article| (article.article_id.clone(), article.version));
    keep_first(&mut packet.entities, |entity| (entity.kind, entity.value.clone()));
    Ok(packet)
}

/// Keeps the first of the items with the same key.
fn keep_first<T, K: Eq + Hash>(items: &mut Vec<T>, key: impl Fn(&T) -> K) {
    let mut seen = HashSet::new();
    items.retain(|item| seen.insert(key(item)));
}

impl TryFrom<&HandoffPacket> for HandoffRecord {
    type Error = TriageError;

    fn try_from(packet: &HandoffPacket) -> Result<Self, TriageError> {
        Ok(Self { episode: packet.episode, packet: serde_json::to_string(packet)? })
    }
}

impl TryFrom<&TurnRecord> for TurnView {
    type Error = TriageError;

    fn try_from(turn: &TurnRecord) -> Result<Self, TriageError> {
        let reply: TurnReply = serde_json::from_str(&turn.reply)?;
        let article = reply.answer.as_ref().and_then(|answer| answer.article.as_ref());
        Ok(TurnView {
            turn_id: turn.turn_id.to_string(),
            seq: turn.seq,
            episode: turn.episode,
            at: turn.at,
            text: turn.text.clone(),
            intent: reply.classification.intent.label.clone(),
            sentiment: reply.classification.sentiment.label,
            action: reply.action,
            article_id: article.map(|article| article.article_id.clone()),
            answer: reply.answer.map(|answer| answer.text),
            strike: turn.strike,
            outcome: turn.outcome,
            outcome_reason: turn.outcome_reason.clone(),
        })
    }
}
