//! What a turn means: classified, and read as one thing heard.

use super::Desk;
use super::find::{Findings, FoundAnswer};
use crate::conversation::state::{Heard, State};
use crate::model::Outcome;
use crate::text::entity;
use crate::text::lexicon::Reading;
use crate::triage::catalogue::Role;
use crate::triage::classification::Classification;
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

/// A turn understood, before the conversation is looked at.
pub(super) struct Understood {
    pub(super) masked: String,
    words: Reading,
    pub(super) question_words: Vec<String>,
    pub(super) classification: Classification,
}

impl Understood {
    /// Whether the message has one intent that can be relied on.
    pub(super) fn is_certain(&self) -> bool {
        self.classification.outcome == Outcome::Accept && !self.words.out_of_scope
    }
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
        let entities = std::mem::take(&mut classification.entities);
        classification.entities = entities.into_iter().map(entity::Entity::masked).collect();
        Ok(Understood { masked, words, question_words, classification })
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

    /// Whether the turn may be read as following the last answer: it asks something, whatever the
    /// model makes of its few words.
    pub(super) fn may_follow(&self, understood: &Understood) -> bool {
        let Understood { words, classification, .. } = understood;
        let role = self.triage.intents.role(&classification.intent.label);
        matches!(role, Role::Matter | Role::OutOfScope)
            && !(classification.human_requested || words.solved || words.did_not_help)
            && self.courtesy_score(classification) < COURTESY_FROM
    }

    /// What a follow-up is about: what the model says if the article says so too, otherwise the
    /// matter before, otherwise what the article is about.
    fn intent_of<'a>(&self, answer: &'a FoundAnswer, state: &'a State, label: &'a str) -> &'a str {
        let before = state.last_answer().map(|last| last.intent.as_str());
        let names = |intent: &&str| answer.intents.iter().any(|named| named == intent);
        let first = answer.intents.first().map(String::as_str);
        Some(label).filter(names).or(before.filter(names)).or(first).or(before).unwrap_or(label)
    }

    /// What the turn says, strongest reading first.
    pub(super) fn heard<'a>(
        &self,
        state: &'a State,
        understood: &'a Understood,
        findings: &'a Findings,
    ) -> Heard<'a> {
        let Understood { words, question_words, classification, .. } = understood;
        let Findings { answer, settles, .. } = findings;
        let label = classification.intent.label.as_str();
        let role = self.triage.intents.role(label);
        let follows = answer.as_ref().filter(|answer| answer.article.follow_up_of.is_some());
        let matter = Heard::Matter {
            intent: follows.map_or(label, |answer| self.intent_of(answer, state, label)),
            article_id: answer.as_ref().map(|answer| answer.article.article_id.as_str()),
            words: question_words,
            follows: follows.is_some(),
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
        let is_ours = |answer: &FoundAnswer| answer.article.score >= ANSWERS_FAR_OFF_FROM;
        if words.out_of_scope && !answer.as_ref().is_some_and(is_ours) {
            return Heard::OutOfScope;
        }
        if follows.is_some() {
            return matter;
        }
        match (classification.outcome, role) {
            (Outcome::Reject, Role::OutOfScope) => Heard::OutOfScope,
            (Outcome::Reject, _) => Heard::Unsure,
            _ if self.courtesy_score(classification) >= COURTESY_FROM => Heard::Courtesy,
            (Outcome::Accept, Role::Deny) => Heard::DidNotHelp,
            (Outcome::Accept, _) => matter,
            (Outcome::Clarify, _) if answer.is_some() && *settles => matter,
            (Outcome::Clarify, _) => Heard::Ambiguous,
        }
    }
}
