//! From probabilities to what the pipeline does with them: act, ask, or give up.

use serde::{Deserialize, Serialize};

use super::{
    bundle::{Bundle, Task},
    classifier::{Scored, Scores},
    error::ModelError,
    label::LabelId,
};

/// When an intent is sure enough; `0 <= clarify <= accept <= 1`, both inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// The lowest score that is acted on.
    pub accept: f32,
    /// The lowest score that is worth a question.
    pub clarify: f32,
}

impl Default for Thresholds {
    /// For bundles without thresholds of their own. 0.3: Dialogflow CX's default, also proposed in
    /// RasaHQ/rasa#5911; 0.5: that proposal's sample configuration.
    fn default() -> Thresholds {
        Thresholds { accept: 0.5, clarify: 0.3 }
    }
}

/// What to do with the best intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Act on it.
    Accept,
    /// Ask, offering the ranked choices.
    Clarify,
    /// Not understood, or none of the intents we know.
    Reject,
}

impl Outcome {
    /// The name used in JSON and as the rule fact `outcome`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Accept => "accept",
            Outcome::Clarify => "clarify",
            Outcome::Reject => "reject",
        }
    }
}

/// Turns the scores of one model into an [`IntentReading`]. Immutable; share it freely.
#[derive(Debug, Clone, PartialEq)]
pub struct IntentPolicy {
    /// The lowest score that is acted on.
    pub accept: f32,
    /// The lowest score that is worth a question.
    pub clarify: f32,
    /// The label for what is none of the intents.
    pub oos: Option<LabelId>,
}

/// What one message wants, by label number.
#[derive(Debug, Clone, PartialEq)]
pub struct IntentReading {
    /// The most probable label, which may be the out-of-scope one.
    pub top: Scored,
    /// The most probable labels, best first, ties by label number; starts with `top`.
    pub ranked: Vec<Scored>,
    /// Probability that the message is none of the intents; 0 where the model has no label for it.
    pub out_of_scope: f32,
    /// Distance of the best score from the second best, in [0, 1].
    pub margin: f32,
    /// What to do.
    pub outcome: Outcome,
}

impl IntentPolicy {
    /// The policy of a bundle, with default thresholds where it has none.
    ///
    /// # Errors
    /// [`ModelError::BadConfig`] for a bundle that says it reads sentiment.
    pub fn new(bundle: &Bundle) -> Result<IntentPolicy, ModelError> {
        bundle.expect_task(Task::Intent)?;
        Ok(IntentPolicy::with(bundle.thresholds().unwrap_or_default(), bundle.oos()))
    }

    /// A policy without a bundle, for the keyword fallback and for trying thresholds out.
    pub fn with(thresholds: Thresholds, oos: Option<LabelId>) -> IntentPolicy {
        IntentPolicy { accept: thresholds.accept, clarify: thresholds.clarify, oos }
    }

    /// Reads one message's scores, keeping the `top_k` best labels (at least one).
    pub fn read(&self, scores: &Scores, top_k: usize) -> IntentReading {
        let mut ranked = scores.ranked(top_k.max(2));
        let top = ranked[0];
        let margin = top.score - ranked[1].score;
        ranked.truncate(top_k.max(1));
        let out_of_scope = self.oos.map_or(0.0, |oos| scores.get(oos));
        IntentReading { top, ranked, out_of_scope, margin, outcome: self.outcome(top) }
    }

    fn outcome(&self, top: Scored) -> Outcome {
        match top.score {
            _ if Some(top.label) == self.oos => Outcome::Reject,
            score if score >= self.accept => Outcome::Accept,
            score if score >= self.clarify => Outcome::Clarify,
            _ => Outcome::Reject,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> IntentPolicy {
        IntentPolicy::with(Thresholds { accept: 0.5, clarify: 0.25 }, Some(LabelId(2)))
    }

    #[test]
    fn thresholds_are_inclusive_and_out_of_scope_is_rejected() {
        let check = |weights: [f32; 3], expected| {
            let scores = Scores::from_weights(weights.to_vec());
            assert_eq!(policy().read(&scores, 3).outcome, expected, "{weights:?}");
        };
        check([0.5, 0.25, 0.25], Outcome::Accept);
        check([0.49, 0.26, 0.25], Outcome::Clarify);
        check([0.05, 0.05, 0.9], Outcome::Reject);
        check([0.4, 0.1, 0.5], Outcome::Reject);

        let four = Scores::from_weights(vec![0.26, 0.25, 0.24, 0.25]);
        assert_eq!(policy().read(&four, 1).outcome, Outcome::Clarify);
        let five = Scores::from_weights(vec![0.24, 0.2, 0.2, 0.2, 0.16]);
        assert_eq!(policy().read(&five, 1).outcome, Outcome::Reject);
    }

    #[test]
    fn a_reading_tells_what_was_near() {
        let reading = policy().read(&Scores::from_weights(vec![2.0, 5.0, 3.0]), 1);
        assert_eq!(reading.top.label, LabelId(1));
        assert_eq!(reading.ranked, [reading.top]);
        assert!((reading.margin - 0.2).abs() < 1e-6);
        assert!((reading.out_of_scope - 0.3).abs() < 1e-6);
        assert_eq!(policy().read(&Scores::from_weights(vec![2.0, 5.0, 3.0]), 0).ranked.len(), 1);

        let without_oos = IntentPolicy { oos: None, ..policy() };
        let reading = without_oos.read(&Scores::from_weights(vec![0.1, 0.1, 0.8]), 5);
        assert_eq!((reading.outcome, reading.out_of_scope), (Outcome::Accept, 0.0));
        assert_eq!(reading.ranked.len(), 3);
    }

    #[test]
    fn outcomes_are_written_in_lower_case() {
        assert_eq!(serde_json::to_string(&Outcome::Clarify).unwrap(), r#""clarify""#);
    }
}
