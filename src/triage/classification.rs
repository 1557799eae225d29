//! What was understood of one message; the answer of `/v1/classify`.

use crate::model::{Outcome, Sentiment, SentimentScores};
use crate::text::entity::Entity;
use crate::text::keyword::Keyword;
use crate::text::lexicon::{EmotionLabel, Evidence};
use crate::triage::catalogue::Complexity;
use crate::triage::complexity::{Assessment, ComplexityReason, History};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What was understood of one message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Classification {
    /// The most probable intent.
    pub intent: Intent,
    /// The most probable intents, best first; as many as `top_k`.
    pub intents: Vec<Intent>,
    /// What to do with it: `accept` (act on it), `clarify` (offer the choices), `reject` (not
    /// understood or out of scope).
    pub outcome: Outcome,
    /// Probability that the message is none of the known intents.
    #[schema(example = 0.01)]
    pub out_of_scope: f32,
    /// Distance between the best and the second-best intent, in [0, 1].
    #[serde(default)]
    #[schema(example = 0.89)]
    pub margin: f32,
    /// How the customer feels about it.
    pub sentiment: SentimentResult,
    /// What the customer feels.
    pub emotion: Emotion,
    /// How soon somebody must act: 0 nothing to act on or no hurry, 1 the ordinary matter, 2 wanted
    /// soon, 3 now.
    #[schema(example = 2, maximum = 3)]
    pub urgency: u8,
    /// The words that say how soon; empty where only the model or the matter does.
    #[serde(default)]
    pub urgency_evidence: Vec<Evidence>,
    /// Whether a bot can answer, a person or an expert is needed.
    pub complexity: Complexity,
    /// Why it is no standard question.
    #[serde(default)]
    #[schema(example = json!(["repeated_failure"]))]
    pub complexity_reasons: Vec<ComplexityReason>,
    /// Whether the customer complains or threatens to, by intent or words.
    #[serde(default)]
    pub complaint: bool,
    /// What an agent would otherwise ask for again.
    #[serde(default)]
    pub entities: Vec<Entity>,
    /// What an open comment praises or blames; without an opinion its content words.
    #[serde(default)]
    pub keywords: Vec<Keyword>,
    /// ISO 639-1 code: zh (pinyin too), en, ja, ko, ru, th, vi, ar, es, fr or de; `und` for none of them.
    #[schema(example = "zh")]
    pub language: String,
    /// Whether the customer asks for a person in plain words.
    #[serde(default)]
    pub human_requested: bool,
    /// Bundles that read it, `name@sha256-8`.
    #[serde(default)]
    pub models: ModelIds,
    /// Parts of the pipeline that were missing; the rest is as good as it can be without them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub degraded: Vec<Degraded>,
    /// The words that carried the intent, where `explain` was asked for; most important first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Vec<WordWeight>>,
    /// Time from the text to this answer, microseconds, waiting for a worker included.
    #[serde(default)]
    #[schema(example = 640)]
    pub took_us: u64,
}

impl Classification {
    /// Raises the complexity by what the conversation knows.
    pub fn consider(&mut self, history: History) {
        let reasons = std::mem::take(&mut self.complexity_reasons);
        let mut found = Assessment { level: self.complexity, reasons };
        found.consider(history);
        Assessment { level: self.complexity, reasons: self.complexity_reasons } = found;
    }
}

/// One intent with its calibrated probability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Intent {
    /// Label of the model's label set.
    #[schema(example = "shipping.delay")]
    pub label: String,
    /// Its Chinese name.
    #[serde(default)]
    #[schema(example = "物流延误")]
    pub name: String,
    /// Calibrated probability in [0, 1].
    #[schema(example = 0.93)]
    pub score: f32,
}

/// Sentiment with its calibrated probabilities.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SentimentResult {
    /// The most probable of the three.
    pub label: Sentiment,
    /// Its probability.
    #[schema(example = 0.88)]
    pub score: f32,
    /// All three.
    pub scores: SentimentScores,
}

/// Emotion with its probability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Emotion {
    /// The most probable emotion.
    pub label: EmotionLabel,
    /// Its probability in [0, 1], model and words combined.
    #[schema(example = 0.7)]
    pub score: f32,
    /// The words that show it; empty where only the models do.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
}

/// The bundles that were asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModelIds {
    /// The intent bundle.
    #[schema(example = "intent-textcnn@1f0c3a9b")]
    pub intent: String,
    /// The sentiment bundle.
    #[schema(example = "sentiment-textcnn@77ab01ce")]
    pub sentiment: String,
    /// The emotion bundle, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "emotion-charcnn@5e1f0a27")]
    pub emotion: Option<String>,
    /// The urgency bundle, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "urgency-charcnn@b2a9c011")]
    pub urgency: Option<String>,
}

/// A part of the pipeline that was missing for one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Degraded {
    /// The intent comes from key words.
    IntentModel,
    /// The sentiment comes from key words.
    SentimentModel,
    /// The emotion comes from words and sentiment although there is a model.
    EmotionModel,
    /// The urgency comes from words although there is a model.
    UrgencyModel,
    /// No article was looked for.
    KnowledgeBase,
}

/// How much a word carried the decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WordWeight {
    /// The word, in normalised form.
    #[schema(example = "没动")]
    pub word: String,
    /// First character in the text as sent.
    pub start: usize,
    /// One past the last.
    pub end: usize,
    /// By how much the intent's probability falls without it; negative where it spoke against.
    #[schema(example = 0.41)]
    pub weight: f32,
}
