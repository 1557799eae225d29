//! What a turn means: classified, searched for, and read as one thing heard.

use super::Desk;
use crate::conversation::state::{Heard, State};
use crate::kb::{Hit, Query};
use crate::model::{ModelError, Outcome};
use crate::text::entity;
use crate::text::lexicon::Reading;
use crate::triage::catalogue::Role;
use crate::triage::classification::{Classification, Degraded};
use crate::triage::reply::AnswerArticle;
use crate::triage::{ClassifyOptions, Read, TriageError};
use jiff::Timestamp;
use std::time::Instant;

/// Ranked intents kept with a turn.
const TOP_K: usize = 5;
/// Words that carry no question; beside them two questions are compared.
const EMPTY_WORDS: [&str; 40] = [
    "怎么",
    "怎样",
    "如何",
    "什么",
    "哪里",
    "哪",
    "请问",
    "一下",
    "可以",
    "能",
    "能不能",
    "可不可以",
    "我",
    "我们",
    "你",
    "你们",
    "您",
    "的",
    "了",
    "吗",
    "呢",
    "呀",
    "啊",
    "吧",
    "啦",
    "是",
    "有",
    "在",
    "要",
    "想",
    "就",
    "都",
    "也",
    "还",
    "那",
    "这",
    "个",
    "我要",
    "我想",
    "办",
];
/// Joint probability of greetings, thanks, confirmations and small talk from which a message is one
/// of them: the `accept` of the default bundle.
const COURTESY_FROM: f32 = 0.5;
/// Score from which an article answers a message whose words name a far-off topic: the drink maker
/// that is no recipe. Articles that share only filling words stay below 0.5 on eval-data.
const ANSWERS_FAR_OFF_FROM: f32 = 0.5;
/// Ranked intents of an unsure message that an article may settle by naming one of them.
const SETTLED_WITHIN: usize = 2;

/// A turn understood, before the conversation is looked at.
pub(super) struct Understood {
    pub(super) masked: String,
    words: Reading,
    question_words: Vec<String>,
    pub(super) classification: Classification,
    pub(super) hit: Option<FoundAnswer>,
    hit_settles: bool,
}

/// The article that answers a turn.
pub(super) struct FoundAnswer {
    pub(super) article: AnswerArticle,
    /// Its first paragraph: what the bot sends.
    pub(super) summary: String,
    /// Intents it answers.
    pub(super) intents: Vec<String>,
}

impl Desk {
    pub(super) async fn understand(
        &self,
        text: &str,
        read: Read,
        masked: String,
        now: Timestamp,
        deadline: Instant,
        subject: &str,
    ) -> Result<Understood, TriageError> {
        let question_words = self.question_words(&masked);
        let words = read.words.clone();
        let subject = Some(subject);
        let options = ClassifyOptions { top_k: TOP_K, explain: false, now, deadline, subject };
        let started = Instant::now();
        let mut classification = self.triage.classify_read(text, read, options, started).await?;
        let role = self.triage.intents.role(&classification.intent.label);
        let mut hit = None;
        if role == Role::Matter && classification.outcome != Outcome::Reject {
            let is_certain = classification.outcome == Outcome::Accept && !words.out_of_scope;
            match self.search(text, &classification, is_certain, now).await {
                Ok(found) => hit = found,
                Err(error) => {
                    tracing::error!(%error, "the knowledge base failed, the bot has no answers");
                    classification.degraded.push(Degraded::KnowledgeBase);
                }
            }
        }
        let entities = std::mem::take(&mut classification.entities);
        classification.entities = entities.into_iter().map(entity::Entity::masked).collect();
        let mut likely = classification.intents.iter().take(SETTLED_WITHIN);
        let hit_settles = hit.as_ref().is_some_and(|hit: &FoundAnswer| {
            likely.any(|intent| hit.intents.contains(&intent.label))
        });
        Ok(Understood { masked, words, question_words, classification, hit, hit_settles })
    }

    /// The words that carry a question, each once.
    fn question_words(&self, masked: &str) -> Vec<String> {
        let text = &self.triage.text;
        let normalized = text.normalizer.normalize(masked);
        let mut words: Vec<String> = Vec::new();
        for segment in text.dictionary.cut_for_search(normalized.text()) {
            let carries = segment.text.chars().all(char::is_alphanumeric)
                && !EMPTY_WORDS.contains(&segment.text);
            if carries && !words.iter().any(|word| word == segment.text) {
                words.push(segment.text.to_owned());
            }
        }
        words
    }

    /// The best article if it is good enough to be given.
    async fn search(
        &self,
        text: &str,
        classification: &Classification,
        is_certain: bool,
        now: Timestamp,
    ) -> Result<Option<FoundAnswer>, TriageError> {
        let kb = self.kb.clone();
        let text = text.to_owned();
        let threshold = match is_certain {
            true => self.settings.answer_threshold,
            false => self.settings.answer_threshold_unsure,
        };
        let out_of_scope = Some(classification.out_of_scope);
        let intents = classification.intents.iter();
        let intents: Vec<_> = intents.map(|intent| (intent.label.clone(), intent.score)).collect();
        let as_of = now.to_zoned(self.triage.rules().time_zone().clone()).date();
        // Searching takes well under a millisecond, yet it is computing: not for async threads.
        let found = tokio::task::spawn_blocking(move || {
            let intents: Vec<_> = intents.iter().map(|(label, score)| (&**label, *score)).collect();
            let of = Query { intents: &intents, out_of_scope, ..Query::new(&text, as_of) };
            kb.search(&Query { limit: 1, ..of })
        });
        let found = found.await.map_err(|_| ModelError::Stopped)??;
        let generation = found.generation;
        let best = found.hits.into_iter().next();
        let best = best.filter(|hit| hit.score >= threshold);
        Ok(best.map(|mut hit| FoundAnswer {
            summary: std::mem::take(&mut hit.summary),
            intents: std::mem::take(&mut hit.intents),
            article: answer_article(hit, generation),
        }))
    }

    /// Probability that the message is some courtesy, whichever of them.
    fn courtesy_score(&self, classification: &Classification) -> f32 {
        let is_courtesy = |label: &str| {
            matches!(
                self.triage.intents.role(label),
                Role::Greeting | Role::Thanks | Role::Confirmation | Role::Smalltalk
            )
        };
        let courtesies = classification.intents.iter().filter(|intent| is_courtesy(&intent.label));
        courtesies.map(|intent| intent.score).sum()
    }

    /// What the turn says, strongest reading first.
    pub(super) fn heard<'a>(&self, state: &State, understood: &'a Understood) -> Heard<'a> {
        let Understood { words, question_words, classification, hit, hit_settles, .. } = understood;
        let label = classification.intent.label.as_str();
        let role = self.triage.intents.role(label);
        let matter = Heard::Matter {
            intent: label,
            article_id: hit.as_ref().map(|hit| hit.article.article_id.as_str()),
            words: question_words,
        };
        let is_known_matter = role == Role::Matter && classification.outcome == Outcome::Accept;
        // "还是不行" about the matter just answered did not help; about another it is new, unless it
        // is what the customer says first.
        let is_other_matter = is_known_matter && state.last_answered_intent() != Some(label);
        if classification.human_requested {
            return Heard::HumanRequested;
        }
        if words.solved && !is_known_matter && !words.did_not_help {
            return Heard::Solved;
        }
        let is_about_answer = words.did_not_help_first || !is_other_matter;
        if words.did_not_help && state.n_turns > 0 && is_about_answer {
            return Heard::DidNotHelp;
        }
        // Far-off topics that the model takes for one of ours; a good article says otherwise.
        let is_ours = |hit: &FoundAnswer| hit.article.score >= ANSWERS_FAR_OFF_FROM;
        if words.out_of_scope && !hit.as_ref().is_some_and(is_ours) {
            return Heard::OutOfScope;
        }
        match (classification.outcome, role) {
            (Outcome::Reject, Role::OutOfScope) => Heard::OutOfScope,
            (Outcome::Reject, _) => Heard::Unsure,
            _ if self.courtesy_score(classification) >= COURTESY_FROM => Heard::Courtesy,
            (Outcome::Accept, Role::Deny) => Heard::DidNotHelp,
            (Outcome::Accept, _) => matter,
            (Outcome::Clarify, _) if hit.is_some() && *hit_settles => matter,
            (Outcome::Clarify, _) => Heard::Ambiguous,
        }
    }
}

fn answer_article(hit: Hit, generation: u64) -> AnswerArticle {
    AnswerArticle {
        article_id: hit.article_id,
        version: hit.version,
        title: hit.title,
        score: hit.score,
        body: hit.answer,
        media: hit.media,
        links: hit.links,
        generation,
    }
}
