//! What a store keeps of a conversation.
//!
//! Replies and packets are JSON text that the store does not look into: their shape belongs to
//! `triage`, and a retry must answer exactly what was answered first.

use super::state::{Mark, State};
use super::{ConversationId, StrikeReason, TurnId, TurnOutcome};
use jiff::Timestamp;

/// A conversation without its turns.
#[derive(Debug, Clone, PartialEq)]
pub struct ConversationRecord {
    /// Its id.
    pub id: ConversationId,
    /// Raised by one with each change; the compare-and-set compares it. 0: not stored yet.
    pub version: u64,
    /// The state machine's state.
    pub state: State,
    /// The customer as last told, JSON without free facts.
    pub customer: String,
    /// The channel of the last turn.
    pub channel: String,
    /// What closing it said: solved or not.
    pub resolved: Option<bool>,
    /// Stars given at the end, 1 to 5.
    pub rating: Option<u8>,
    /// When the first turn came.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// One turn.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnRecord {
    /// The client's id, unique in the conversation.
    pub turn_id: TurnId,
    /// Its number in the conversation, from 0.
    pub seq: u32,
    /// The episode it belongs to.
    pub episode: u32,
    /// When it came.
    pub at: Timestamp,
    /// The customer's words, masked.
    pub text: String,
    /// Why it counts as failed.
    pub strike: Option<StrikeReason>,
    /// What was reported about it.
    pub outcome: Option<TurnOutcome>,
    /// The reason given with the report.
    pub outcome_reason: Option<String>,
    /// The reply as JSON; a retry gets the same.
    pub reply: String,
}

impl TurnRecord {
    /// What reports look at.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark { seq: self.seq, episode: self.episode, strike: self.strike, outcome: self.outcome }
    }
}

/// A hand-off, at most one an episode.
#[derive(Debug, Clone, PartialEq)]
pub struct HandoffRecord {
    /// The episode that it ends.
    pub episode: u32,
    /// The packet for the receiving agent as JSON.
    pub packet: String,
}

/// One change of a conversation, stored as a whole or not at all.
#[derive(Debug, Clone)]
pub struct Change {
    /// The conversation after the change; `version` is the one it was read with.
    pub conversation: ConversationRecord,
    /// A turn that came with it, or an old one that was reported about.
    pub turn: Option<TurnRecord>,
    /// A hand-off that came with it.
    pub handoff: Option<HandoffRecord>,
}
