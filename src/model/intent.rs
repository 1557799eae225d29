//! From probabilities to what the pipeline does with them: act, ask, or give up.

use serde::{Deserialize, Serialize};

use super::{
    bundle::{Bundle, Task},
    classifier::{Scored, Scores},
    error::ModelError,
    label::LabelId,
    out_of_scope::{OosFeatures, OosScore},
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
    /// A message whose [`out_of_scope`](IntentReading::out_of_scope) is higher is rejected.
    pub reject_above: Option<f32>,
    /// The label for what is none of the intents.
    pub oos: Option<LabelId>,
    /// Judges the scores of the model, or of the fast one of a cascade.
    score: Option<OosScore>,
    /// Judges the scores of a cascade's accurate model: each model's logits are its own.
    accurate_score: Option<OosScore>,
}

/// What one message wants, by label number.
#[derive(Debug, Clone, PartialEq)]
pub struct IntentReading {
    /// The most probable label, which may be the out-of-scope one.
    pub top: Scored,
    /// The most probable labels, best first, ties by label number; starts with `top`.
    pub ranked: Vec<Scored>,
    /// Probability that the message is none of the intents: by the bundle's
    /// [`OosScore`] where it has one and the scores come from logits, otherwise that of the
    /// out-of-scope label, 0 without such a label.
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
        let policy = IntentPolicy::with(bundle.thresholds().unwrap_or_default(), bundle.oos());
        let score = bundle.out_of_scope().copied();
        Ok(IntentPolicy {
            reject_above: score.and_then(|score| score.reject_above),
            score,
            ..policy
        })
    }

    /// The policy of a cascade: the accurate bundle's, with what its `[cascade]` says otherwise.
    ///
    /// Thresholds decide about unsure scores, and those come from the accurate model; a fast score
    /// that is sure enough to stand passes any sensible threshold.
    ///
    /// # Errors
    /// As [`new`](IntentPolicy::new), for either bundle.
    pub fn cascade(fast: &Bundle, accurate: &Bundle) -> Result<IntentPolicy, ModelError> {
        let (fast, alone) = (IntentPolicy::new(fast)?, IntentPolicy::new(accurate)?);
        let table = accurate.cascade();
        let thresholds = table.thresholds.unwrap_or(alone.thresholds());
        let reject_above = table.reject_above.or(alone.reject_above);
        Ok(IntentPolicy {
            score: fast.score,
            accurate_score: alone.score,
            ..alone.with_bounds(thresholds, reject_above)
        })
    }

    /// A policy without a bundle, for the keyword fallback and for trying thresholds out.
    pub fn with(thresholds: Thresholds, oos: Option<LabelId>) -> IntentPolicy {
        let Thresholds { accept, clarify } = thresholds;
        IntentPolicy { accept, clarify, reject_above: None, oos, score: None, accurate_score: None }
    }

    /// The same policy with other thresholds, for trying them out.
    #[must_use]
    pub fn with_bounds(self, thresholds: Thresholds, reject_above: Option<f32>) -> IntentPolicy {
        let Thresholds { accept, clarify } = thresholds;
        IntentPolicy { accept, clarify, reject_above, ..self }
    }

    /// The thresholds on the best score.
    pub fn thresholds(&self) -> Thresholds {
        Thresholds { accept: self.accept, clarify: self.clarify }
    }

    /// The score for what is out of scope, where the bundle, of a cascade the accurate one, has it.
    pub fn out_of_scope_score(&self) -> Option<&OosScore> {
        self.accurate_score.as_ref().or(self.score.as_ref())
    }

    /// Reads one message's scores, keeping the `top_k` best labels (at least one).
    pub fn read(&self, scores: &Scores, top_k: usize) -> IntentReading {
        let mut ranked = scores.ranked(top_k.max(2));
        let top = ranked[0];
        let margin = top.score - ranked[1].score;
        ranked.truncate(top_k.max(1));
        let out_of_scope = self.out_of_scope(scores);
        let outcome = self.outcome(top, out_of_scope);
        IntentReading { top, ranked, out_of_scope, margin, outcome }
    }

    /// See [`IntentReading::out_of_scope`].
    pub fn out_of_scope(&self, scores: &Scores) -> f32 {
        let score = if scores.by_accurate() { &self.accurate_score } else { &self.score };
        match (score, OosFeatures::new(scores, self.oos)) {
            (Some(score), Some(features)) => score.of(&features),
            _ => self.oos.map_or(0.0, |oos| scores.get(oos)),
        }
    }

    /// What to do with the best label, given how likely the message is none of the intents.
    pub fn outcome(&self, top: Scored, out_of_scope: f32) -> Outcome {
        match top.score {
            _ if Some(top.label) == self.oos => Outcome::Reject,
            _ if self.reject_above.is_some_and(|bound| out_of_scope > bound) => Outcome::Reject,
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

    /// Out of scope where the model has seen nothing like it: small logits.
    fn by_energy(reject_above: f32) -> OosScore {
        let text = format!(
            "method = \"logistic\"\nenergy = -1.0\nbias = 3.0\nreject_above = {reject_above}"
        );
        toml::from_str(&text).unwrap()
    }

    #[test]
    fn a_high_out_of_scope_score_rejects_whatever_leads() {
        let policy = |score: OosScore| IntentPolicy {
            reject_above: score.reject_above,
            score: Some(score),
            ..policy()
        };
        let read = |policy: &IntentPolicy, logits: [f32; 3]| {
            let reading = policy.read(&Scores::from_logits(&logits, 1.0).unwrap(), 1);
            (reading.outcome, reading.out_of_scope)
        };
        // The same probabilities at energy 7.0 and 2.0: only the size of the logits differs.
        let (seen, strange) = ([7.0, 1.0, 0.0], [2.0, -4.0, -5.0]);
        let (outcome, score) = read(&policy(by_energy(0.7)), seen);
        assert!(outcome == Outcome::Accept && score < 0.02, "{score}");
        let (outcome, score) = read(&policy(by_energy(0.7)), strange);
        assert!(outcome == Outcome::Reject && (0.7..0.75).contains(&score), "{score}");
        assert_eq!(read(&policy(by_energy(0.75)), strange).0, Outcome::Accept);
        // The leading out-of-scope label rejects also where the score is low.
        assert_eq!(read(&policy(by_energy(0.7)), [0.0, 1.0, 7.0]).0, Outcome::Reject);
        // Scores without logits fall back to the out-of-scope label.
        let keywords = Scores::from_weights(vec![0.6, 0.1, 0.3]);
        let reading = policy(by_energy(0.7)).read(&keywords, 1);
        assert_eq!(
            (reading.outcome, reading.out_of_scope),
            (Outcome::Accept, keywords.get(LabelId(2)))
        );
    }

    #[test]
    fn each_model_of_a_cascade_is_judged_by_its_own_score() {
        let policy = IntentPolicy {
            reject_above: Some(0.7),
            accurate_score: Some(by_energy(0.7)),
            ..policy()
        };
        let strange = Scores::from_logits(&[2.0, -4.0, -5.0], 1.0).unwrap();
        assert_eq!(policy.read(&strange, 1).outcome, Outcome::Accept);
        assert_eq!(policy.read(&strange.marked_accurate(), 1).outcome, Outcome::Reject);
    }

    #[test]
    fn outcomes_are_written_in_lower_case() {
        assert_eq!(serde_json::to_string(&Outcome::Clarify).unwrap(), r#""clarify""#);
    }
}
