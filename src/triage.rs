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
pub mod complexity;
pub mod customer;
pub mod dialogue;
pub mod feeling;
pub mod models;
mod packet;
pub mod reply;

use crate::config::FeelingConfig;
use crate::kb::KbError;
use crate::model::shadow::Verdict;
use crate::model::{
    ClassPolicy, Classifier, IntentPolicy, IntentReading, KeywordClassifier, LabelSet, ModelError,
    Outcome, Scores, SentimentPolicy, SentimentReading, Thresholds, Understood, Utterance,
};
use crate::routing::{Decision, Facts, RuleSet, Trace};
use crate::store::StoreError;
use crate::text::entity::{Entity, EntityFinder};
use crate::text::keyword::{Keyword, KeywordFinder};
use crate::text::language;
use crate::text::lexicon::{EmotionLabel, Lexicon, N_EMOTIONS, Reading};
use crate::text::normalize::{Normalized, Normalizer};
use crate::text::segment::Dictionary;
use arc_swap::ArcSwap;
use catalogue::{Complexity, IntentCatalogue, Role};
use classification::{
    Classification, Degraded, Emotion, Intent, ModelIds, SentimentResult, WordWeight,
};
use complexity::Assessment;
use customer::Customer;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use models::ModelSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// The clocks by which customers say 昨天 and 8点: one zone in all of China, without summer time.
pub const CHINESE_TIME: Offset = jiff::tz::offset(8);
/// Longest text taken, in characters (API.md).
pub const MAX_TEXT_CHARS: usize = 2000;
/// Intents whose label begins so are complaints, whatever the label set.
const COMPLAINTS: &str = "complaint.";
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
    /// Emotion, urgency, trouble, plain requests.
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
        let words = self.lexicon.read(text, &normalized);
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

/// How the scores of the models in service are read.
pub struct Readers {
    /// Labels of the intent model.
    pub intent_labels: Arc<LabelSet>,
    /// Its thresholds.
    pub intent: IntentPolicy,
    /// Classes of the sentiment model.
    pub sentiment: SentimentPolicy,
    /// Classes of the emotion model, where there is one.
    pub emotion: Option<ClassPolicy<N_EMOTIONS>>,
    /// Levels of the urgency model, where there is one.
    pub urgency: Option<ClassPolicy<4>>,
    /// Ids of all of them.
    pub ids: ModelIds,
}

/// The settings of [`Triage`].
#[derive(Debug, Clone)]
pub struct TriageSettings {
    /// Languages that the intent model reads; texts in others are rejected, `und` is not.
    pub languages: Vec<String>,
    /// How models and words are weighed.
    pub feeling: FeelingConfig,
    /// Amount in yuan from which a matter needs a person.
    pub large_amount: f64,
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
    models: ArcSwap<ModelSet>,
    fallback_intent: Fallback,
    fallback_sentiment: Fallback,
    rules: ArcSwap<RuleSet>,
    settings: TriageSettings,
}

/// What a caller wants of [`Triage::classify`].
#[derive(Debug, Clone, Copy)]
pub struct ClassifyOptions<'a> {
    /// Ranked intents wanted.
    pub top_k: usize,
    /// Whether to tell the words that carried the intent.
    pub explain: bool,
    /// When it is: what 昨天 is counted from.
    pub now: Timestamp,
    /// When the answer is no longer wanted.
    pub deadline: Instant,
    /// Id under which a shadow model's difference is kept, such as the request's.
    pub subject: Option<&'a str>,
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
        models: ModelSet,
        rules: Arc<RuleSet>,
        settings: TriageSettings,
    ) -> Result<Self, ModelError> {
        warn_of_unnamed(&intents, &models);
        Ok(Self {
            text,
            intents,
            models: ArcSwap::from_pointee(models),
            fallback_intent: Fallback::new(KeywordClassifier::intent()?),
            fallback_sentiment: Fallback::new(KeywordClassifier::sentiment()?),
            rules: ArcSwap::new(rules),
            settings,
        })
    }

    /// The rules in force.
    pub fn rules(&self) -> Arc<RuleSet> {
        self.rules.load_full()
    }

    /// The day it is in the shop.
    #[must_use]
    pub fn today(&self, now: Timestamp) -> Date {
        now.to_zoned(self.rules().time_zone().clone()).date()
    }

    /// Puts other rules in force; decisions under way end with the old ones.
    pub fn replace_rules(&self, rules: Arc<RuleSet>) {
        self.rules.store(rules);
    }

    /// The models in service. Let go of them soon: replaced ones wait for their users.
    pub fn models(&self) -> Arc<ModelSet> {
        self.models.load_full()
    }

    /// Puts other models in service, with rules that know their labels; messages under way end with
    /// the old ones, which are given back to be [retired](ModelSet::retire).
    pub fn replace_models(&self, models: ModelSet, rules: Arc<RuleSet>) -> Arc<ModelSet> {
        warn_of_unnamed(&self.intents, &models);
        self.rules.store(rules);
        self.models.swap(Arc::new(models))
    }

    /// Understands one message.
    ///
    /// # Errors
    /// [`TriageError::EmptyText`], [`TriageError::TextTooLong`]; [`ModelError::Overloaded`],
    /// [`ModelError::Deadline`] and [`ModelError::Stopped`] from the queue.
    pub async fn classify(
        &self,
        text: &str,
        options: ClassifyOptions<'_>,
    ) -> Result<Classification, TriageError> {
        let started = Instant::now();
        let read = self.text.read(text, options.now)?;
        self.classify_read(text, read, options, started).await
    }

    async fn classify_read(
        &self,
        text: &str,
        read: Read,
        options: ClassifyOptions<'_>,
        started: Instant,
    ) -> Result<Classification, TriageError> {
        let models = self.models();
        let normalized = read.normalized.text().to_owned();
        let understood =
            models.pool.understand(text.to_owned(), normalized, options.deadline).await?;
        let mut classification = self.put_together(&models, &read, &understood, options.top_k)?;
        shadow(&models, text, &read, &classification, options.subject);
        if options.explain {
            let label = &classification.intent;
            let weights =
                self.word_weights(&models, &read.normalized, label, options.deadline).await?;
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
        options: ClassifyOptions<'_>,
    ) -> Result<Vec<Result<Classification, TriageError>>, TriageError> {
        let started = Instant::now();
        let reads: Vec<_> = texts.iter().map(|text| self.text.read(text, options.now)).collect();
        let readable = texts.iter().zip(&reads).filter_map(|(text, read)| {
            read.as_ref().ok().map(|read| (text.clone(), read.normalized.text().to_owned()))
        });
        let models = self.models();
        let understood = models.pool.understand_many(readable.collect(), options.deadline).await?;
        let mut understood = understood.into_iter();
        let results = texts.iter().zip(reads).map(|(text, read)| {
            let read = read?;
            let understood = understood.next().unwrap_or(Err(ModelError::Stopped))?;
            let mut classification =
                self.put_together(&models, &read, &understood, options.top_k)?;
            shadow(&models, text, &read, &classification, options.subject);
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
        models: &ModelSet,
        read: &Read,
        understood: &Understood,
        top_k: usize,
    ) -> Result<Classification, TriageError> {
        let mut degraded = Vec::new();
        let normalized = read.normalized.text();
        let (labels, mut intent) = match &understood.intent {
            Ok(scores) => {
                (&models.readers.intent_labels, models.readers.intent.read(scores, top_k))
            }
            Err(error) => {
                tracing::warn!(%error, "the intent model failed, key words stand in");
                degraded.push(Degraded::IntentModel);
                let labels = &self.fallback_intent.labels;
                let policy = IntentPolicy::with(Thresholds::default(), labels.id("oos"));
                (labels, policy.read(&self.fallback_intent.scores(normalized)?, top_k))
            }
        };
        let sentiment = match &understood.sentiment {
            Ok(scores) => models.readers.sentiment.read(scores),
            Err(error) => {
                tracing::warn!(%error, "the sentiment model failed, key words stand in");
                degraded.push(Degraded::SentimentModel);
                let labels = &self.fallback_sentiment.labels;
                let policy = SentimentPolicy::from_labels(labels, &Default::default())?;
                policy.read(&self.fallback_sentiment.scores(normalized)?)
            }
        };
        let emotion_model = optional(
            &understood.emotion,
            models.readers.emotion.as_ref(),
            Degraded::EmotionModel,
            &mut degraded,
        );
        let urgency_model = optional(
            &understood.urgency,
            models.readers.urgency.as_ref(),
            Degraded::UrgencyModel,
            &mut degraded,
        );
        let words = &read.words;
        let feeling = &self.settings.feeling;
        let emotion = feeling::emotion(emotion_model, words, sentiment.scores, feeling);
        let top = labels.name(intent.top.label);
        let language = language::detect(normalized);
        // What the model says of a language that it never saw is noise, however sure it is.
        let is_read = self.reads(language);
        if !is_read {
            intent.outcome = Outcome::Reject;
        }
        let is_matter =
            !is_read || matches!(self.intents.role(top), Role::Matter | Role::Deny | Role::Human);
        let urgency = feeling::urgency(urgency_model, words, emotion.label, is_matter, normalized);
        let beside = Beside { sentiment, emotion, urgency, language, degraded };
        let mut classification = self.describe(labels, intent, beside, read);
        classification.models = models.readers.ids.clone();
        Ok(classification)
    }

    fn describe(
        &self,
        labels: &LabelSet,
        reading: IntentReading,
        beside: Beside,
        read: &Read,
    ) -> Classification {
        let Beside { sentiment, emotion, urgency, language, degraded } = beside;
        let words = &read.words;
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
        // Praise has the intent of what it praises (修好啦) and leaves nothing to do.
        let is_praise = emotion.label == EmotionLabel::Pleased && urgency == 0;
        let base = if is_praise || reading.outcome == Outcome::Reject {
            Complexity::Standard
        } else {
            self.intents.complexity(&intent.label)
        };
        let Assessment { level, reasons } =
            complexity::assess(base, words, &read.entities, self.settings.large_amount);
        let is_complaint =
            reading.outcome == Outcome::Accept && intent.label.starts_with(COMPLAINTS);
        let urgency_phrases = words.urgency_phrases.clone();
        Classification {
            complexity: level,
            complexity_reasons: reasons,
            complaint: is_complaint || words.complains,
            human_requested: words
                .asks_for_human
                .unwrap_or(role == Role::Human && reading.outcome == Outcome::Accept),
            intent,
            intents,
            outcome: reading.outcome,
            out_of_scope: reading.out_of_scope,
            margin: reading.margin,
            emotion,
            sentiment: SentimentResult {
                label: sentiment.label,
                score: sentiment.score,
                scores: sentiment.scores,
            },
            urgency,
            urgency_evidence: if urgency == words.urgency { urgency_phrases } else { Vec::new() },
            entities: Vec::new(),
            keywords: Vec::new(),
            language: language.to_owned(),
            models: ModelIds::default(),
            degraded,
            explanation: None,
            took_us: 0,
        }
    }

    /// Whether the intent model reads `language`; nothing speaks against a text without one.
    fn reads(&self, language: &str) -> bool {
        language == language::UNDETERMINED
            || self.settings.languages.iter().any(|read| read == language)
    }

    /// Leaves out one word at a time: the probability lost is the word's weight.
    ///
    /// Cost: one run of the models for each word, batched.
    async fn word_weights(
        &self,
        models: &ModelSet,
        normalized: &Normalized,
        intent: &Intent,
        deadline: Instant,
    ) -> Result<Vec<WordWeight>, TriageError> {
        let Some(label) = models.readers.intent_labels.id(&intent.label) else {
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
        let understood = models.pool.understand_many(without.collect(), deadline).await?;
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

/// Labels without a name are shown as they are: worth a line in the catalogue.
fn warn_of_unnamed(intents: &IntentCatalogue, models: &ModelSet) {
    for label in intents.missing(models.labels().names().iter().map(AsRef::as_ref)) {
        tracing::warn!(label, "the intent catalogue does not name this label of the model");
    }
}

/// Lets the shadow model, where there is one, read a message that the intent model has read.
fn shadow(
    models: &ModelSet,
    text: &str,
    read: &Read,
    classification: &Classification,
    subject: Option<&str>,
) {
    let is_read_by_model = !classification.degraded.contains(&Degraded::IntentModel);
    if let Some(shadow) = models.shadow.as_ref().filter(|_| is_read_by_model) {
        shadow.offer(subject, text, read.normalized.text(), || Verdict {
            label: classification.intent.label.clone(),
            score: classification.intent.score,
            outcome: classification.outcome,
        });
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
        complaint: classification.complaint,
        ..Facts::default()
    };
    situation.customer.fill(&mut facts);
    facts
}

/// What was found beside the intent.
struct Beside {
    sentiment: SentimentReading,
    emotion: Emotion,
    urgency: u8,
    language: &'static str,
    degraded: Vec<Degraded>,
}

/// The classes of a model that need not be there; a configured one that failed is noted.
fn optional<const N: usize>(
    scores: &Option<Result<Scores, ModelError>>,
    policy: Option<&ClassPolicy<N>>,
    part: Degraded,
    degraded: &mut Vec<Degraded>,
) -> Option<[f32; N]> {
    match scores.as_ref()? {
        Ok(scores) => policy.map(|policy| policy.read(scores)),
        Err(error) => {
            tracing::warn!(%error, ?part, "an optional model failed, words stand in");
            degraded.push(part);
            None
        }
    }
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}
