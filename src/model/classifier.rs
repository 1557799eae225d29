//! The seam of this module: what every classifier, ONNX or keyword table, gives to the pipeline.

use std::{cmp::Ordering, sync::Arc};

use super::{
    error::ModelError,
    label::{LabelId, LabelSet},
};

/// One customer message in the two forms a classifier may ask for.
#[derive(Debug, Clone, Copy)]
pub struct Utterance<'a> {
    /// The text as sent.
    pub raw: &'a str,
    /// The text after [`crate::text`]'s normalisation; the raw text again where a caller has no other.
    pub normalized: &'a str,
}

/// Reads one property (intent, sentiment) of messages.
///
/// The contract, checked on every implementation by one shared test:
/// - `classify` returns one [`Scores`] per utterance in the order given, each over exactly
///   [`labels`](Classifier::labels); no utterances give no scores.
/// - The scores of an utterance do not depend on its neighbours in the slice, within 1e-5.
/// - Any text is answered: empty, very long, control characters, other scripts.
/// - An error concerns the whole call; nothing is partly answered, and the classifier stays usable.
///
/// `&mut self` because an ONNX session and its buffers belong to one worker thread; it computes
/// without waiting for anything, so call it off the async executor.
pub trait Classifier: Send {
    /// What answers: `name@` and eight hex digits of the model's hash. Stable across restarts.
    fn id(&self) -> &str;

    /// The classes in score order; the same for the classifier's whole life.
    fn labels(&self) -> &Arc<LabelSet>;

    /// The probabilities of each utterance over [`labels`](Classifier::labels).
    ///
    /// # Errors
    /// [`ModelError::Encode`], [`ModelError::Inference`] or [`ModelError::NotFinite`]. A caller that
    /// sent several utterances can send them singly to find out which one is at fault.
    fn classify(&mut self, utterances: &[Utterance<'_>]) -> Result<Vec<Scores>, ModelError>;
}

/// A label and how probable it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored {
    /// The label.
    pub label: LabelId,
    /// Calibrated probability in [0, 1].
    pub score: f32,
}

/// What softmax forgets of the logits: how large they were. Large where the model has seen the like,
/// small where it has not, whatever label leads. Of a model whose outputs are log-probabilities
/// already, the energy only tells how far the members of an ensemble disagree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shape {
    /// Log-sum-exp of the logits at temperature 1 (Liu et al., *Energy-based Out-of-distribution
    /// Detection*, NeurIPS 2020, with the opposite sign).
    pub energy: f32,
    /// The largest logit.
    pub max_logit: f32,
}

/// Calibrated probabilities of one utterance, one per label; finite, in [0, 1], summing to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    probabilities: Box<[f32]>,
    shape: Option<Shape>,
    by_accurate: bool,
}

impl Scores {
    /// `softmax(logits / temperature)`, and the [`Shape`] of the logits. `logits` holds one value per
    /// label; `temperature` is positive.
    ///
    /// # Errors
    /// [`ModelError::NotFinite`] for the first NaN or infinite logit.
    pub fn from_logits(logits: &[f32], temperature: f32) -> Result<Scores, ModelError> {
        if let Some(label_idx) = logits.iter().position(|logit| !logit.is_finite()) {
            return Err(ModelError::NotFinite { label_idx, value: logits[label_idx] });
        }
        // The true maximum is subtracted before dividing: the largest exponent is then exactly 0.
        let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let weights = logits.iter().map(|logit| ((logit - max) / temperature).exp()).collect();
        let sum_exp: f32 = logits.iter().map(|logit| (logit - max).exp()).sum();
        let shape = Shape { energy: max + sum_exp.ln(), max_logit: max };
        Ok(Scores { shape: Some(shape), ..Scores::from_weights(weights) })
    }

    /// Weights scaled to sum to 1. They are finite, not negative, and at least one is positive.
    pub(crate) fn from_weights(mut weights: Vec<f32>) -> Scores {
        let sum: f32 = weights.iter().sum();
        debug_assert!(sum.is_finite() && sum > 0.0, "weights must have a positive sum");
        weights.iter_mut().for_each(|weight| *weight /= sum);
        Scores { probabilities: weights.into_boxed_slice(), shape: None, by_accurate: false }
    }

    /// The size of the logits; `None` where there were none.
    pub fn shape(&self) -> Option<Shape> {
        self.shape
    }

    /// Whether the accurate classifier of a cascade was asked; its logits gave the shape then.
    pub fn by_accurate(&self) -> bool {
        self.by_accurate
    }

    /// These, as the answer of a cascade's accurate classifier.
    pub(super) fn marked_accurate(self) -> Scores {
        Scores { by_accurate: true, ..self }
    }

    /// The weighted geometric mean of both at a temperature, with the shape of these, whose weight is
    /// `share`. Both are over the same labels.
    pub(super) fn mean_with(mut self, other: &Scores, share: f32, temperature: f32) -> Scores {
        /// Keeps the logarithm finite where a probability was rounded to 0.
        const FLOOR: f32 = 1e-12;
        let mut total = 0.0;
        for (mine, theirs) in self.probabilities.iter_mut().zip(&other.probabilities) {
            let logit = share * mine.max(FLOOR).ln() + (1.0 - share) * theirs.max(FLOOR).ln();
            *mine = (logit / temperature).exp();
            total += *mine;
        }
        for probability in &mut self.probabilities {
            *probability /= total;
        }
        self
    }

    /// The probability of a label; 0 for a number outside the label set.
    pub fn get(&self, label: LabelId) -> f32 {
        self.probabilities.get(label.index()).copied().unwrap_or(0.0)
    }

    /// All probabilities, indexed by label number.
    pub fn as_slice(&self) -> &[f32] {
        &self.probabilities
    }

    /// The most probable label; of equal ones the first.
    pub fn top(&self) -> Scored {
        self.iter().min_by(by_rank).expect("a label set has at least two labels")
    }

    /// The `k` most probable labels, best first, ties by label number; all of them if `k` is larger.
    pub fn ranked(&self, k: usize) -> Vec<Scored> {
        let mut all: Vec<Scored> = self.iter().collect();
        let k = k.min(all.len());
        if 0 < k && k < all.len() {
            all.select_nth_unstable_by(k - 1, by_rank);
        }
        all.truncate(k);
        all.sort_unstable_by(by_rank);
        all
    }

    fn iter(&self) -> impl Iterator<Item = Scored> + '_ {
        let scored = |(index, &score)| Scored { label: LabelId(index as u16), score };
        self.probabilities.iter().enumerate().map(scored)
    }
}

fn by_rank(a: &Scored, b: &Scored) -> Ordering {
    b.score.total_cmp(&a.score).then(a.label.cmp(&b.label))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ids(ranked: &[Scored]) -> Vec<u16> {
        ranked.iter().map(|scored| scored.label.0).collect()
    }

    #[test]
    fn ties_are_ranked_by_label_number() {
        let scores = Scores::from_logits(&[1.0, 2.0, 2.0, 0.0], 1.0).unwrap();
        assert_eq!(scores.top().label, LabelId(1));
        assert_eq!(ids(&scores.ranked(3)), [1, 2, 0]);
        assert_eq!(ids(&scores.ranked(0)), [] as [u16; 0]);
        assert_eq!(ids(&scores.ranked(99)), [1, 2, 0, 3]);
        assert_eq!(scores.get(LabelId(9)), 0.0);
    }

    #[test]
    fn huge_logits_do_not_overflow() {
        let scores = Scores::from_logits(&[f32::MAX, f32::MIN, 0.0], 0.05).unwrap();
        assert_eq!(scores.as_slice(), [1.0, 0.0, 0.0]);
    }

    #[test]
    fn temperature_flattens_without_reordering() {
        let sharp = Scores::from_logits(&[2.0, 1.0], 1.0).unwrap();
        let flat = Scores::from_logits(&[2.0, 1.0], 2.0).unwrap();
        assert!((sharp.get(LabelId(0)) - 0.731_058_6).abs() < 1e-6);
        assert!((flat.get(LabelId(0)) - 0.622_459_3).abs() < 1e-6);
    }

    #[test]
    fn the_shape_is_that_of_the_raw_logits() {
        for temperature in [0.5, 2.0] {
            let shape = Scores::from_logits(&[2.0, 1.0, -1.0], temperature).unwrap().shape();
            let Shape { energy, max_logit } = shape.unwrap();
            // ln(e² + e + 1/e).
            assert!((energy - 2.349_012_4).abs() < 1e-5, "{energy}");
            assert_eq!(max_logit, 2.0);
        }
        assert_eq!(Scores::from_weights(vec![1.0, 3.0]).shape(), None);
    }

    #[test]
    fn a_logit_that_is_no_number_is_an_error() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let error = Scores::from_logits(&[0.0, bad, f32::NAN], 1.0).unwrap_err();
            assert!(matches!(error, ModelError::NotFinite { label_idx: 1, .. }), "{error}");
        }
    }

    proptest! {
        #[test]
        fn scores_are_probabilities(
            logits in prop::collection::vec(-1e30f32..1e30, 2..60),
            temperature in 0.05f32..20.0,
        ) {
            let scores = Scores::from_logits(&logits, temperature).unwrap();
            prop_assert!(scores.as_slice().iter().all(|p| (0.0..=1.0).contains(p)));
            prop_assert!((scores.as_slice().iter().sum::<f32>() - 1.0).abs() < 1e-4);
            let all = scores.ranked(usize::MAX);
            for k in 0..=logits.len() {
                prop_assert_eq!(&scores.ranked(k), &all[..k]);
            }
            prop_assert_eq!(scores.top(), all[0]);
        }
    }
}
