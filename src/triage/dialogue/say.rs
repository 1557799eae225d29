//! What the bot says, in the shop's words.

use super::Desk;
use super::find::FoundAnswer;
use crate::conversation::state::{Heard, Step};
use crate::conversation::{Action, StrikeReason};
use crate::routing::Decision;
use crate::triage::catalogue::Role;
use crate::triage::classification::Classification;
use crate::triage::reply::{Answer, Choice};

impl Desk {
    /// What the bot says.
    pub(super) fn answer(
        &self,
        heard: Heard<'_>,
        step: &Step,
        classification: &Classification,
        found: Option<&FoundAnswer>,
        decision: &Decision,
    ) -> Option<Answer> {
        let messages = &self.settings.messages;
        let own = |text: &str| Answer { text: text.to_owned(), article: None, choices: Vec::new() };
        let intents = &self.triage.intents;
        let label = classification.intent.label.as_str();
        Some(match (step.action, heard) {
            (Action::Silent, _) => return None,
            (Action::Transfer, _) => {
                own(&messages.transfer.replace("{group}", &decision.skill_group.name))
            }
            (Action::Answer, Heard::Solved) => own(&messages.solved),
            (Action::Answer, Heard::Courtesy) => own(match intents.role(label) {
                Role::Greeting => &messages.greeting,
                Role::Thanks => &messages.thanks,
                Role::Smalltalk => &messages.smalltalk,
                _ => &messages.confirmed,
            }),
            (Action::Answer, _) => {
                let mut text = found.map(|found| found.summary.clone()).unwrap_or_default();
                if step.strike == Some(StrikeReason::SameMatter) {
                    text.push('\n');
                    text.push_str(&messages.repeated);
                }
                let article = found.map(|found| found.article.clone());
                Answer { text, article, choices: Vec::new() }
            }
            (Action::Clarify, Heard::Ambiguous) => {
                let choices = self.choices(classification);
                let names: Vec<&str> = choices.iter().map(|choice| choice.name.as_str()).collect();
                let text = messages.clarify.replace("{choices}", &names.join("、"));
                Answer { choices, ..own(&text) }
            }
            (Action::Clarify, Heard::DidNotHelp) => own(&messages.did_not_help),
            (Action::Clarify, Heard::OutOfScope) => own(&messages.out_of_scope),
            (Action::Clarify, Heard::Matter { .. }) => {
                own(&messages.no_answer.replace("{intent}", intents.name(label)))
            }
            (Action::Clarify, _) => own(&messages.not_understood),
        })
    }

    /// Matters to choose from, best first.
    fn choices(&self, classification: &Classification) -> Vec<Choice> {
        let matters = classification
            .intents
            .iter()
            .filter(|intent| self.triage.intents.role(&intent.label) == Role::Matter);
        matters
            .take(self.settings.conversation.clarify_choices)
            .map(|intent| Choice { label: intent.label.clone(), name: intent.name.clone() })
            .collect()
    }
}
