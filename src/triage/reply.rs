//! What a bot gets back for a turn, what an agent gets with the hand-off, and what a conversation
//! looks like from outside. Everything here is masked.

use super::classification::{Classification, Emotion, Intent};
use super::customer::Customer;
use crate::conversation::state::Phase;
use crate::conversation::{Action, HandoffReason, StrikeReason, TurnOutcome};
use crate::kb::article::{self, Block, Media};
use crate::model::Sentiment;
use crate::routing::{Decision, GroupRef, Priority, Sla};
use crate::text::entity::Entity;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The reply to a turn. A retry of the turn gets the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TurnReply {
    /// The conversation.
    #[schema(example = "c-7f3a")]
    pub conversation_id: String,
    /// The turn.
    #[schema(example = "t-1")]
    pub turn_id: String,
    /// What the bot does.
    pub action: Action,
    /// Failed bot turns in a row, this one included where its own words show the failure.
    #[schema(example = 1)]
    pub strikes: u8,
    /// Strikes that hand off.
    #[schema(example = 3)]
    pub max_strikes: u8,
    /// Why each strike counts, oldest first.
    pub reasons: Vec<StrikeReason>,
    /// What to say to the customer; absent where `action` is `silent`.
    pub answer: Option<Answer>,
    /// The hand-off; present where `action` is `transfer`.
    pub handoff: Option<HandoffPacket>,
    /// Skill group, priority, deadlines as they would be or are for a hand-off.
    pub decision: Decision,
    /// What was understood, personal data masked.
    pub classification: Classification,
}

/// What to say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Answer {
    /// The words for the customer, in Chinese.
    #[schema(
        example = "还没发货的订单，请到「我的-订单-订单详情」点「修改地址」，每单可改 1 次。"
    )]
    pub text: String,
    /// The article it comes from; absent for the bot's own words.
    pub article: Option<AnswerArticle>,
    /// Intents to choose from; only with `clarify`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Choice>,
}

/// The article behind an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AnswerArticle {
    /// Its id.
    #[schema(example = "order-change-address")]
    pub article_id: String,
    /// The version that was served.
    #[schema(example = 1)]
    pub version: u32,
    /// Its standard question.
    #[schema(example = "下单后怎么修改收货地址？")]
    pub title: String,
    /// How well it fits, 0 to 1.
    #[schema(example = 0.93)]
    pub score: f32,
    /// The whole answer as Markdown: the one meant for the customer's channel and tags.
    pub body: String,
    /// The same in blocks that can be shown one by one.
    #[serde(default)]
    pub blocks: Vec<Block>,
    /// What the customer can have done at once by the shop's own systems.
    #[serde(default)]
    pub actions: Vec<article::Action>,
    /// Pictures and films.
    pub media: Vec<Media>,
    /// Articles that often come next.
    pub links: Vec<String>,
    /// The index generation that answered.
    #[schema(example = 4)]
    pub generation: u64,
    /// The article given before, where the message was read as a question that follows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "order-cancel-unshipped")]
    pub follow_up_of: Option<String>,
}

/// An intent to choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Choice {
    /// Label.
    #[schema(example = "refund.status")]
    pub label: String,
    /// Chinese name.
    #[schema(example = "退款进度")]
    pub name: String,
}

/// What the receiving agent gets: nobody has to repeat anything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HandoffPacket {
    /// Id of the hand-off; the same in every reply about it.
    #[schema(example = "019a7c0e-0000-7000-8000-000000000000")]
    pub id: String,
    /// The conversation.
    pub conversation_id: String,
    /// Counts hand-overs of one conversation: at most one an episode.
    #[schema(example = 1)]
    pub episode: u32,
    /// Why it goes to a person.
    pub reason: HandoffReason,
    /// Why each strike counted, oldest first.
    pub strike_reasons: Vec<StrikeReason>,
    /// When.
    #[schema(value_type = String, example = "2026-11-21T08:30:00Z")]
    pub created_at: Timestamp,
    /// The group that takes it.
    pub skill_group: GroupRef,
    /// P0 to P3.
    pub priority: Priority,
    /// Deadlines.
    pub sla: Sla,
    /// Tags for the agent, such as `soothe_first`.
    pub tags: Vec<String>,
    /// How to open, in Chinese.
    pub reply_hints: Vec<String>,
    /// The customer as told, without free facts.
    pub customer: Customer,
    /// Channel of the last turn.
    #[schema(example = "app")]
    pub channel: String,
    /// What was said, oldest first.
    pub history: Vec<Line>,
    /// The intent of each of the customer's turns.
    pub intents: Vec<TurnIntent>,
    /// How the customer felt in each turn.
    pub sentiments: Vec<TurnSentiment>,
    /// Order numbers and the like, each once; personal values masked.
    pub entities: Vec<Entity>,
    /// Articles already given, each once.
    pub articles_tried: Vec<TriedArticle>,
}

/// Who said something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Speaker {
    /// The customer.
    Customer,
    /// The bot.
    Bot,
}

/// One thing said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Line {
    /// Who.
    pub role: Speaker,
    /// What, masked.
    #[schema(example = "我的快递三天没动了，电话138****8000")]
    pub text: String,
    /// In which turn.
    pub turn_id: String,
    /// When.
    #[schema(value_type = String, example = "2026-11-21T08:30:00Z")]
    pub at: Timestamp,
}

/// The intent of a turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TurnIntent {
    /// The turn.
    pub turn_id: String,
    /// Its intent.
    #[serde(flatten)]
    pub intent: Intent,
}

/// The sentiment of a turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TurnSentiment {
    /// The turn.
    pub turn_id: String,
    /// Its sentiment.
    pub label: Sentiment,
    /// Probability of it.
    pub score: f32,
    /// Its emotion.
    pub emotion: Emotion,
}

/// An article that was given before the hand-off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TriedArticle {
    /// Its id.
    pub article_id: String,
    /// The version.
    pub version: u32,
    /// Its standard question.
    pub title: String,
    /// The turn it answered first.
    pub turn_id: String,
}

/// A conversation from outside.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ConversationView {
    /// Its id.
    pub id: String,
    /// Who has it.
    pub state: Phase,
    /// Counts from 1; a new one starts after closing or a return to the bot.
    pub episode: u32,
    /// Failed bot turns in a row.
    pub strikes: u8,
    /// Strikes that hand off.
    pub max_strikes: u8,
    /// Why each strike counts, oldest first.
    pub reasons: Vec<StrikeReason>,
    /// Channel of the last turn.
    pub channel: String,
    /// The customer as told, without free facts.
    pub customer: Customer,
    /// All turns, masked, oldest first.
    pub turns: Vec<TurnView>,
    /// The last hand-off, also after a return to the bot.
    pub handoff: Option<HandoffPacket>,
    /// What closing it said.
    pub resolved: Option<bool>,
    /// Stars given at the end.
    pub rating: Option<u8>,
    /// First turn.
    #[schema(value_type = String, example = "2026-11-21T08:30:00Z")]
    pub created_at: Timestamp,
    /// Last change.
    #[schema(value_type = String, example = "2026-11-21T08:31:10Z")]
    pub updated_at: Timestamp,
}

/// A turn from outside.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TurnView {
    /// Its id.
    pub turn_id: String,
    /// Its number, from 0.
    pub seq: u32,
    /// Its episode.
    pub episode: u32,
    /// When it came.
    #[schema(value_type = String, example = "2026-11-21T08:30:00Z")]
    pub at: Timestamp,
    /// The customer's words, masked.
    #[schema(example = "我的快递三天没动了")]
    pub text: String,
    /// Label of its intent.
    pub intent: String,
    /// Its sentiment.
    pub sentiment: Sentiment,
    /// What the bot did.
    pub action: Action,
    /// What the bot said.
    pub answer: Option<String>,
    /// The article given.
    pub article_id: Option<String>,
    /// Why it counts as failed.
    pub strike: Option<StrikeReason>,
    /// What was reported about it.
    pub outcome: Option<TurnOutcome>,
    /// The reason given with the report.
    pub outcome_reason: Option<String>,
}
