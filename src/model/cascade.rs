//! A fast classifier, and an accurate one for what the fast one is unsure of.
//!
//! Most messages are plain and a small model reads them as well as a large one; the time of the large
//! one is spent where it can change the answer. Who is asked depends on the text alone, so the same
//! text gets the same scores in any company (but for a fast score within rounding of the bound).
//!
//! Both classifiers tokenise for themselves, also where they share a tokenizer: 11 µs for 32
//! characters, 2 % of what even the small default model takes (README, figures), and neither has to
//! know the other.

use std::{collections::BTreeSet, sync::Arc};

use metrics::counter;
use serde::{Deserialize, Serialize};

use super::{
    classifier::{Classifier, Scores, Utterance},
    error::ModelError,
    intent::Thresholds,
    label::LabelSet,
};

/// Texts read by a cascade, by the model that had the last word (counter): `fast`, `accurate`, or
/// `fast_after_failure` where the accurate one was asked in vain.
pub const CASCADE_TEXTS: &str = "fenzhen_model_cascade_texts_total";

/// What the accurate scores do to the fast ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Combine {
    /// They replace them. The default: a fast model that was unsure has little to add, and its
    /// mistakes are those the accurate one was trained not to make.
    #[default]
    Replace,
    /// Each probability is the weighted geometric mean of both: a label must convince both. Better
    /// where two models of like strength err on different texts (0.943 of dev's clear rows, the
    /// arithmetic mean 0.940); thresholds must be fitted to the mean then.
    Average,
}

/// `[cascade]` of a bundle: what differs where it is the accurate one of a cascade, whose scores are
/// then those of the texts another model is unsure of.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CascadeTable {
    /// What its scores do to the fast ones.
    pub combine: Combine,
    /// Of a mean: the weight of this bundle's scores, 0 to 1; the fast ones have the rest.
    pub accurate_share: f32,
    /// Of a mean: its temperature, above 0. A mean of two is less sure than it is right, so below 1.
    pub temperature: f32,
    /// Instead of the bundle's own.
    pub thresholds: Option<Thresholds>,
    /// Instead of the one in `[out_of_scope]`.
    pub reject_above: Option<f32>,
    /// What to expect of these thresholds; for people.
    pub expected: toml::Table,
}

impl Default for CascadeTable {
    fn default() -> Self {
        Self {
            combine: Combine::default(),
            accurate_share: 0.5,
            temperature: 1.0,
            thresholds: None,
            reject_above: None,
            expected: toml::Table::new(),
        }
    }
}

/// Asks `fast` about everything and `accurate` about what `fast` is unsure of.
pub struct CascadeClassifier {
    fast: Box<dyn Classifier>,
    accurate: Box<dyn Classifier>,
    below: f32,
    combine: Combine,
    accurate_share: f32,
    temperature: f32,
    id: String,
}

impl CascadeClassifier {
    /// A cascade that goes on where the best fast score is below `below`: at 0 never, at 1 always
    /// (a score of exactly 1 included). How both scores become one stands in `table`.
    ///
    /// # Errors
    /// [`ModelError::LabelsDiffer`] where the two do not give the same labels in the same order.
    pub fn new(
        fast: Box<dyn Classifier>,
        accurate: Box<dyn Classifier>,
        below: f32,
        table: &CascadeTable,
    ) -> Result<CascadeClassifier, ModelError> {
        check_labels(fast.as_ref(), accurate.as_ref())?;
        let id = format!("{}+{}", fast.id(), accurate.id());
        let CascadeTable { combine, accurate_share, temperature, .. } = *table;
        Ok(CascadeClassifier { fast, accurate, below, combine, accurate_share, temperature, id })
    }

    fn is_unsure(&self, scores: &Scores) -> bool {
        self.below >= 1.0 || scores.top().score < self.below
    }

    /// The accurate scores of each text; `None` for one that the accurate classifier fails on. Such a
    /// text keeps its fast scores: less sure is better than the key words that stand in for an error.
    fn ask_accurate(&mut self, unsure: &[Utterance<'_>]) -> Vec<Option<Scores>> {
        match self.accurate.classify(unsure) {
            Ok(scores) => {
                assert_eq!(scores.len(), unsure.len(), "a classifier answers every utterance");
                scores.into_iter().map(|scores| Some(scores.marked_accurate())).collect()
            }
            Err(error) if unsure.len() == 1 => {
                tracing::warn!(%error, model = self.accurate.id(), "the accurate model failed");
                vec![None]
            }
            // Singly, so that one bad text costs only itself.
            Err(_) => unsure.chunks(1).flat_map(|single| self.ask_accurate(single)).collect(),
        }
    }
}

impl Classifier for CascadeClassifier {
    fn id(&self) -> &str {
        &self.id
    }

    fn labels(&self) -> &Arc<LabelSet> {
        self.fast.labels()
    }

    fn classify(&mut self, utterances: &[Utterance<'_>]) -> Result<Vec<Scores>, ModelError> {
        let mut scores = self.fast.classify(utterances)?;
        let unsure: Vec<usize> =
            (0..scores.len()).filter(|idx| self.is_unsure(&scores[*idx])).collect();
        let n_fast = scores.len() - unsure.len();
        let mut n_failed = 0;
        if !unsure.is_empty() {
            let texts: Vec<Utterance<'_>> = unsure.iter().map(|idx| utterances[*idx]).collect();
            for (idx, accurate) in unsure.iter().zip(self.ask_accurate(&texts)) {
                let fast = &mut scores[*idx];
                match (accurate, self.combine) {
                    (None, _) => n_failed += 1,
                    (Some(accurate), Combine::Replace) => *fast = accurate,
                    (Some(accurate), Combine::Average) => {
                        *fast = accurate.mean_with(fast, self.accurate_share, self.temperature);
                    }
                }
            }
        }
        for (by, n) in [
            ("fast", n_fast),
            ("accurate", unsure.len() - n_failed),
            ("fast_after_failure", n_failed),
        ] {
            counter!(CASCADE_TEXTS, "answered_by" => by).increment(n as u64);
        }
        Ok(scores)
    }
}

fn check_labels(fast: &dyn Classifier, accurate: &dyn Classifier) -> Result<(), ModelError> {
    if fast.labels().names() == accurate.labels().names() {
        return Ok(());
    }
    let [of_fast, of_accurate] = [fast, accurate]
        .map(|model| model.labels().names().iter().map(ToString::to_string).collect());
    let without = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect();
    Err(ModelError::LabelsDiffer {
        fast: fast.id().to_owned(),
        accurate: accurate.id().to_owned(),
        only_fast: without(&of_fast, &of_accurate),
        only_accurate: without(&of_accurate, &of_fast),
    })
}
