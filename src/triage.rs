//! The pipeline: text -> models -> rules -> decision, and knowledge base -> answer for a dialogue.
//!
//! [`Triage`] understands one message and decides on it; [`dialogue::Desk`] leads conversations
//! with it. The only modules that know text, models, rules, knowledge base and conversations
//! together.
//!
//! Invariants: a missing model or index costs quality, not the reply ([`Degraded`] tells); texts
//! are neither logged nor stored unmasked; time is an argument.

pub mod catalogue;
pub mod classification;
pub mod customer;
pub mod dialogue;
mod packet;
pub mod reply;

use crate::kb::KbError;
use crate::model::{
    Classifier, IntentPolicy, IntentReading, KeywordClassifier, LabelSet, ModelError, Outcome,
    Pool, Scores, Sentiment, SentimentPolicy, SentimentReading, Thresholds, Understood, Utterance,
};
use crate::routing::{Decision, Facts, RuleSet, Trace};
use crate::store::StoreError;
use crate::text::entity::{Entity, EntityFinder};
use crate::text::keyword::{Keyword, KeywordFinder};
use crate::text::language;
use crate::text::lexicon::{EmotionLabel, Lexicon, Reading};
use crate::text::normalize::{Normalized, Normalizer};
use crate::text::segment::Dictionary;
use arc_swap::ArcSwap;
use catalogue::{IntentCatalogue, Role};
use classification::{
    Classification, Degraded, Emotion, Intent, ModelIds, SentimentResult, WordWeight,
};
use customer::Customer;
use jiff::Timestamp;
use jiff::tz::Offset;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// The clocks by which customers say 昨天 and 8点: one zone in all of China, without summer time.
pub const CHINESE_TIME: Offset = jiff::tz::offset(8);
/// Longest text taken, in characters (API.md).
pub const MAX_TEXT_CHARS: usize = 2000;
/// Negative sentiment from which words without emotion still count as disappointed; the middle of
/// the negative range, since a three-class argmax can be as low as a third.
const DISAPPOINTED_FROM: f32 = 0.6;
/// Most words an explanation looks at: each costs one run of the models.
const MAX_EXPLAINED_WORDS: usize = 48;

/// What can go wrong with a message.
#[derive(Debug, thiserror::Error)]
pub enum TriageError {
    /// Nothing visible in it.
    #[error("the text is empty")]
    EmptyText,
    /// Longer than [`MAX_TEXT_CHARS`].
    #[error("the text has {chars} characters, at most {MAX_TEXT_CHARS} are taken")]
    TextTooLong {
        /// Its length.
        chars: usize,
    },
    /// The models could not take it: too busy, too late or stopping.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The knowledge base failed.
    #[error(transparent)]
    Kb(#[from] KbError),
    /// The conversation could not be read or stored.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No such conversation.
    #[error("there is no conversation {id}")]
    NoConversation {
        /// The id asked for.
        id: String,
    },
    /// No such turn in the conversation.
    #[error("the conversation {id} has no turn {turn_id}")]
    NoTurn {
        /// The conversation.
        id: String,
        /// The turn asked for.
        turn_id: String,
    },
    /// The turn id was used for another text.
    #[error("the turn {turn_id} of the conversation {id} was sent before with another text")]
    TurnReused {
        /// The conversation.
        id: String,
        /// The turn.
        turn_id: String,
    },
    /// Other changes of the same conversation came first, again and again.
    #[error("the conversation {id} is changed by too many requests at once")]
    Contended {
        /// The conversation.
        id: String,
    },
    /// What was stored cannot be read.
    #[error("a stored reply cannot be read")]
    BadRecord(#[from] serde_json::Error),
}

/// The tools of the text path, built once.
pub struct TextTools {
    /// Normaliser.
    pub normalizer: Arc<Normalizer>,
    /// Segmenter.
    pub dictionary: Arc<Dictionary>,
    /// Entities and masking.
    pub entities: EntityFinder,
    /// Praise, blame and the matter of a comment.
    pub keywords: KeywordFinder,
    /// Emotion, urgency, plain requests.
    pub lexicon: Lexicon,
}

/// A message after the text path.
pub struct Read {
    /// In one form, with the way back.
    pub normalized: Normalized,
    /// Numbers, addresses, names, dates, goods, faults.
    pub entities: Vec<Entity>,
    /// What the comment praises or blames.
    pub keywords: Vec<Keyword>,
    /// What its words say.
    pub words: Reading,
}

impl TextTools {
    /// Reads one text; `now` is what dates such as 昨天 are counted from.
    ///
    /// # Errors
    /// [`TriageError::EmptyText`], [`TriageError::TextTooLong`].
    pub fn read(&self, text: &str, now: Timestamp) -> Result<Read, TriageError> {
        let chars = text.chars().count();
        if chars > MAX_TEXT_CHARS {
            return Err(TriageError::TextTooLong { chars });
        }
        let normalized = self.normalizer.normalize(text);
        if normalized.text().is_empty() {
            return Err(TriageError::EmptyText);
        }
        let entities = self.entities.find(text, &normalized, CHINESE_TIME.to_datetime(now));
        let words = self.lexicon.read(normalized.text());
        let keywords = self.keywords.find(text, &normalized, &entities, &self.dictionary);
        Ok(Read { normalized, entities, keywords, words })
    }

    /// `text` with personal data masked.
    #[must_use]
    pub fn mask(&self, text: &str) -> String {
        let normalized = self.normalizer.normalize(text);
        self.entities.mask(text, &normalized)
    }
}

/// How the scores of the two models in service are read.
pub struct Readers {
    /// Labels of the intent model.
    pub intent_labels: Arc<LabelSet>,
    /// Its thresholds.
    pub intent: IntentPolicy,
    /// Classes of the sentiment model.
    pub sentiment: SentimentPolicy,
    /// Ids of both.
    pub ids: ModelIds,
}

/// A classifier that needs no model, for the time one is missing.
struct Fallback {
    classifier: Mutex<KeywordClassifier>,
    labels: Arc<LabelSet>,
}

impl Fallback {
    fn new(classifier: KeywordClassifier) -> Self {
        let labels = classifier.labels().clone();
        Self { classifier: Mutex::new(classifier), labels }
    }

    fn scores(&self, normalized: &str) -> Result<Scores, ModelError> {
        let utterance = Utterance { raw: normalized, normalized };
        let mut classifier = self.classifier.lock().unwrap_or_else(PoisonError::into_inner);
        let mut scores = classifier.classify(&[utterance])?;
        scores.pop().ok_or(ModelError::Stopped)
    }
}

/// Understands messages and decides on them. Share it through an `Arc`.
pub struct Triage {
    /// The text path.
    pub text: TextTools,
    /// Names, complexity and role of intents.
    pub intents: IntentCatalogue,
    pool: Pool,
    readers: Readers,
    fallback_intent: Fallback,
    fallback_sentiment: Fallback,
    rules: ArcSwap<RuleSet>,
}

/// What a caller wants of [`Triage::classify`].
#[derive(Debug, Clone, Copy)]
pub struct ClassifyOptions {
    /// Ranked intents wanted.
    pub top_k: usize,
    /// Whether to tell the words that carried the intent.
    pub explain: bool,
    /// When it is: what 昨天 is counted from.
    pub now: Timestamp,
    /// When the answer is no longer wanted.
    pub deadline: Instant,
}

/// What a decision is made on beside the message.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// The customer.
    pub customer: &'a Customer,
    /// The channel.
    pub channel: &'a str,
    /// Failed bot turns in a row.
    pub strikes: u8,
    /// When it is.
    pub now: Timestamp,
}

impl Triage {
    /// Joins the parts.
    ///
    /// # Errors
    /// [`ModelError`] where the compiled-in key words cannot be read.
    pub fn new(
        text: TextTools,
        intents: IntentCatalogue,
        pool: Pool,
        readers: Readers,
        rules: Arc<RuleSet>,
    ) -> Result<Self, ModelError> {
        Ok(Self {
            text,
            intents,
            pool,
            readers,
            fallback_intent: Fallback::new(KeywordClassifier::intent()?),
            fallback_sentiment: Fallback::new(KeywordClassifier::sentiment()?),
            rules: ArcSwap::new(rules),
        })
    }

    /// The rules in force.
    pub fn rules(&self) -> Arc<RuleSet> {
        self.rules.load_full()
    }

    /// Puts other rules in force; decisions under way end with the old ones.
    pub fn replace_rules(&self, rules: Arc<RuleSet>) {
        self.rules.store(rules);
    }

    /// The models in service.
    pub fn models(&self) -> &ModelIds {
        &self.readers.ids
    }

    /// Understands one message.
    ///
    /// # Errors
    /// [`TriageError::EmptyText`], [`TriageError::TextTooLong`]; [`ModelError::Overloaded`],
    /// [`ModelError::Deadline`] and [`ModelError::Stopped`] from the queue.
    pub async fn classify(
        &self,
        text: &str,
        options: ClassifyOptions,
    ) -> Result<Classification, TriageError> {
        let started = Instant::now();
        let read = self.text.read(text, options.now)?;
        self.classify_read(text, read, options, started).await
    }

    async fn classify_read(
        &self,
        text: &str,
        read: Read,
        options: ClassifyOptions,
        started: Instant,
    ) -> Result<Classification, TriageError> {
        let normalized = read.normalized.text().to_owned();
        let understood =
            self.pool.understand(text.to_owned(), normalized, options.deadline).await?;
        let mut classification = self.put_together(&read, &understood, options.top_k)?;
        if options.explain {
            let label = &classification.intent;
            let weights = self.word_weights(&read.normalized, label, options.deadline).await?;
            classification.explanation = Some(weights);
        }
        (classification.entities, classification.keywords) = (read.entities, read.keywords);
        classification.took_us = micros(started);
        Ok(classification)
    }

    /// Understands several messages; they share the deadline, and each has its own result.
    ///
    /// # Errors
    /// What the queue says of all of them together.
    pub async fn classify_many(
        &self,
        texts: &[String],
        options: ClassifyOptions,
    ) -> Result<Vec<Result<Classification, TriageError>>, TriageError> {
        let started = Instant::now();
        let reads: Vec<_> = texts.iter().map(|text| self.text.read(text, options.now)).collect();
        let readable = texts.iter().zip(&reads).filter_map(|(text, read)| {
            read.as_ref().ok().map(|read| (text.clone(), read.normalized.text().to_owned()))
        });
        let understood = self.pool.understand_many(readable.collect(), options.deadline).await?;
        let mut understood = understood.into_iter();
        let results = reads.into_iter().map(|read| {
            let read = read?;
            let understood = understood.next().unwrap_or(Err(ModelError::Stopped))?;
            let mut classification = self.put_together(&read, &understood, options.top_k)?;
            (classification.entities, classification.keywords) = (read.entities, read.keywords);
            classification.took_us = micros(started);
            Ok(classification)
        });
        Ok(results.collect())
    }

    /// Decides on what was understood; with `explain` also says why and why not.
    #[must_use]
    pub fn decide(
        &self,
        classification: &Classification,
        situation: Situation<'_>,
        explain: bool,
    ) -> (Decision, Option<Trace>) {
        let facts = facts(classification, situation);
        let rules = self.rules.load();
        if explain {
            let (decision, trace) = rules.explain(&facts, situation.now);
            (decision, Some(trace))
        } else {
            (rules.decide(&facts, situation.now), None)
        }
    }

    /// Joins models and words. Entities, keywords, explanation and time are filled in by
    /// the caller.
    fn put_together(
        &self,
        read: &Read,
        understood: &Understood,
        top_k: usize,
    ) -> Result<Classification, TriageError> {
        let mut degraded = Vec::new();
        let normalized = read.normalized.text();
        let (labels, intent) = match &understood.intent {
            Ok(scores) => (&self.readers.intent_labels, self.readers.intent.read(scores, top_k)),
            Err(error) => {
                tracing::warn!(%error, "the intent model failed, key words stand in");
                degraded.push(Degraded::IntentModel);
                let labels = &self.fallback_intent.labels;
                let policy = IntentPolicy::with(Thresholds::default(), labels.id("oos"));
                (labels, policy.read(&self.fallback_intent.scores(normalized)?, top_k))
            }
        };
        let sentiment = match &understood.sentiment {
            Ok(scores) => self.readers.sentiment.read(scores),
            Err(error) => {
                tracing::warn!(%error, "the sentiment model failed, key words stand in");
                degraded.push(Degraded::SentimentModel);
                let labels = &self.fallback_sentiment.labels;
                let policy = SentimentPolicy::from_labels(labels, &Default::default())?;
                policy.read(&self.fallback_sentiment.scores(normalized)?)
            }
        };
        Ok(self.describe(labels, &intent, sentiment, &read.words, degraded, normalized))
    }

    fn describe(
        &self,
        labels: &LabelSet,
        reading: &IntentReading,
        sentiment: SentimentReading,
        words: &Reading,
        degraded: Vec<Degraded>,
        normalized: &str,
    ) -> Classification {
        let intents: Vec<Intent> = reading
            .ranked
            .iter()
            .map(|scored| {
                let label = labels.name(scored.label);
                Intent {
                    label: label.to_string(),
                    name: self.intents.name(label).to_owned(),
                    score: scored.score,
                }
            })
            .collect();
        let intent = intents[0].clone();
        let role = self.intents.role(&intent.label);
        Classification {
            complexity: self.intents.complexity(&intent.label),
            human_requested: words
                .asks_for_human
                .unwrap_or(role == Role::Human && reading.outcome == Outcome::Accept),
            intent,
            intents,
            outcome: reading.outcome,
            out_of_scope: reading.out_of_scope,
            margin: reading.margin,
            emotion: emotion(words, &sentiment),
            sentiment: SentimentResult {
                label: sentiment.label,
                score: sentiment.score,
                scores: sentiment.scores,
            },
            urgency: words.urgency,
            entities: Vec::new(),
            keywords: Vec::new(),
            language: language::detect(normalized).to_owned(),
            models: self.readers.ids.clone(),
            degraded,
            explanation: None,
            took_us: 0,
        }
    }

    /// Leaves out one word at a time: the probability lost is the word's weight.
    ///
    /// Cost: one run of the models for each word, batched.
    async fn word_weights(
        &self,
        normalized: &Normalized,
        intent: &Intent,
        deadline: Instant,
    ) -> Result<Vec<WordWeight>, TriageError> {
        let Some(label) = self.readers.intent_labels.id(&intent.label) else {
            return Ok(Vec::new());
        };
        let text = normalized.text();
        let mut words = self.text.dictionary.cut(text);
        words.retain(|word| word.text.chars().any(char::is_alphanumeric));
        words.truncate(MAX_EXPLAINED_WORDS);
        let without = words.iter().map(|word| {
            let rest = format!("{}{}", &text[..word.bytes.start], &text[word.bytes.end..]);
            (rest.clone(), rest)
        });
        let understood = self.pool.understand_many(without.collect(), deadline).await?;
        let mut weights = Vec::with_capacity(words.len());
        for (word, understood) in words.into_iter().zip(understood) {
            let range = normalized.original(word.bytes);
            weights.push(WordWeight {
                word: word.text.to_owned(),
                start: range.start,
                end: range.end,
                weight: intent.score - understood?.intent?.get(label),
            });
        }
        weights.sort_by(|a, b| b.weight.total_cmp(&a.weight).then(a.start.cmp(&b.start)));
        Ok(weights)
    }
}

/// Everything the rules may ask for.
fn facts(classification: &Classification, situation: Situation<'_>) -> Facts {
    let mut facts = Facts {
        intent: classification.intent.label.clone(),
        intent_score: f64::from(classification.intent.score),
        margin: f64::from(classification.margin),
        outcome: classification.outcome.as_str().to_owned(),
        out_of_scope: f64::from(classification.out_of_scope),
        sentiment: classification.sentiment.label.as_str().to_owned(),
        sentiment_score: f64::from(classification.sentiment.score),
        emotion: classification.emotion.label.as_str().to_owned(),
        urgency: i64::from(classification.urgency),
        complexity: classification.complexity.as_str().to_owned(),
        language: classification.language.clone(),
        entities: classification.entities.iter().map(|e| e.kind.as_str().to_owned()).collect(),
        channel: situation.channel.to_owned(),
        strikes: i64::from(situation.strikes),
        human_requested: classification.human_requested,
        ..Facts::default()
    };
    situation.customer.fill(&mut facts);
    facts
}

/// Words say which emotion, the model says whether there is one where words are silent.
fn emotion(words: &Reading, sentiment: &SentimentReading) -> Emotion {
    let is_negative =
        sentiment.label == Sentiment::Negative && sentiment.score >= DISAPPOINTED_FROM;
    match words.emotion {
        EmotionLabel::Calm | EmotionLabel::Pleased if is_negative => {
            Emotion { label: EmotionLabel::Disappointed, score: sentiment.score }
        }
        label => Emotion { label, score: words.emotion_score },
    }
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}
