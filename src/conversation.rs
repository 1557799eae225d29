//! The dialogue over time: strikes, resets, the hand-off.
//!
//! [`state`] is a pure state machine; [`record`] is what a store keeps of it. Nothing here reads a
//! clock, does I/O or knows models, rules or articles: `triage` says what was heard and acts on
//! the answer.
//!
//! Invariants: a turn adds one strike at most; strikes never exceed the limit; a conversation is
//! handed off at most once an episode; what is stored is masked before it comes here.

pub mod record;
pub mod state;

use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// Longest id accepted, in characters; clients use UUIDs, phone-system call ids and the like.
const MAX_ID_CHARS: usize = 128;

/// An id chosen by a client: 1 to 128 characters, none of them control characters or spaces.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct ClientId(String);

/// The id of a conversation, the same on every channel.
pub type ConversationId = ClientId;
/// The id of a turn, unique in its conversation; makes a retry harmless.
pub type TurnId = ClientId;

/// An id that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an id has 1 to {MAX_ID_CHARS} visible characters without spaces; this one has {chars}")]
pub struct BadId {
    /// Its length.
    pub chars: usize,
}

impl ClientId {
    /// The id as the client wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ClientId {
    type Error = BadId;

    fn try_from(id: String) -> Result<Self, BadId> {
        let chars = id.chars().count();
        let is_visible = |c: char| !c.is_control() && !c.is_whitespace();
        if (1..=MAX_ID_CHARS).contains(&chars) && id.chars().all(is_visible) {
            Ok(Self(id))
        } else {
            Err(BadId { chars })
        }
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the bot does with a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Send the answer.
    Answer,
    /// Ask back, offer choices.
    Clarify,
    /// Hand the conversation to a person; said once.
    Transfer,
    /// Say nothing: a person has it.
    Silent,
}

/// Why a bot turn counts as failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StrikeReason {
    /// The bot, or the customer's thumb, reported it.
    BotReported,
    /// No intent was certain enough, or the second question back in a row.
    Unsure,
    /// The message lies outside what the shop does.
    OutOfScope,
    /// The knowledge base has no answer.
    NoAnswer,
    /// The customer says that it did not help.
    DidNotHelp,
    /// The customer asks the same again in other words.
    SameMatter,
}

/// Why a conversation went to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HandoffReason {
    /// As many failed turns in a row as the setting `max_strikes` allows (three by default).
    ThreeStrikes,
    /// The customer asked for a person.
    Requested,
    /// A routing rule says so.
    Rule,
}

/// How a turn ended, as the bot or the customer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TurnOutcome {
    /// The answer solved the matter.
    Resolved,
    /// It did not.
    Unresolved,
}
