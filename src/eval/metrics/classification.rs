//! Accuracy, precision, recall, F1 and who is taken for whom.

use super::{mean, ratio};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Rows by truth, then by prediction; pairs that never occur are absent.
pub type Confusion = BTreeMap<String, BTreeMap<String, usize>>;

/// Truths and predictions as numbers into one sorted list of labels, so that resampling is cheap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coded {
    labels: Vec<String>,
    truth: Vec<usize>,
    predicted: Vec<usize>,
}

/// How one label fares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct LabelScores {
    /// Share of the rows predicted so that are so; 0 where none is predicted so.
    pub precision: f64,
    /// Share of the rows that are so and predicted so; 0 where none is so.
    pub recall: f64,
    /// Harmonic mean of the two.
    pub f1: f64,
    /// Rows that are so.
    pub support: usize,
    /// Rows predicted so.
    pub predicted: usize,
}

impl Coded {
    /// Codes pairs of truth and prediction.
    pub fn new<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let pairs: Vec<_> = pairs.into_iter().collect();
        let labels: BTreeSet<&str> = pairs.iter().flat_map(|(t, p)| [*t, *p]).collect();
        let code: BTreeMap<&str, usize> = labels.iter().copied().zip(0..).collect();
        Self {
            truth: pairs.iter().map(|(t, _)| code[t]).collect(),
            predicted: pairs.iter().map(|(_, p)| code[p]).collect(),
            labels: labels.into_iter().map(str::to_owned).collect(),
        }
    }

    /// Rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.truth.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.truth.is_empty()
    }

    /// Whether the prediction of a row is its truth.
    #[must_use]
    pub fn is_right(&self, row: usize) -> bool {
        self.truth[row] == self.predicted[row]
    }

    /// Counts over all rows.
    #[must_use]
    pub fn all(&self) -> Counts {
        self.counts(0..self.len())
    }

    /// Counts over some rows; a row may come up several times.
    pub fn counts(&self, rows: impl IntoIterator<Item = usize>) -> Counts {
        let mut counts = Counts::new(self.labels.len());
        for row in rows {
            let (truth, predicted) = (self.truth[row], self.predicted[row]);
            counts.truth[truth] += 1;
            counts.predicted[predicted] += 1;
            counts.right[truth] += usize::from(truth == predicted);
        }
        counts
    }

    /// Scores of every label that occurs in truth or prediction.
    #[must_use]
    pub fn per_label(&self) -> BTreeMap<String, LabelScores> {
        let counts = self.all();
        self.labels.iter().cloned().zip((0..self.labels.len()).map(|l| counts.label(l))).collect()
    }

    /// The confusion matrix.
    #[must_use]
    pub fn confusion(&self) -> Confusion {
        let mut confusion = Confusion::new();
        for (truth, predicted) in self.truth.iter().zip(&self.predicted) {
            let of_truth = confusion.entry(self.labels[*truth].clone()).or_default();
            *of_truth.entry(self.labels[*predicted].clone()).or_default() += 1;
        }
        confusion
    }
}

/// Rows per label of a set or a resample of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    truth: Vec<usize>,
    predicted: Vec<usize>,
    right: Vec<usize>,
}

impl Counts {
    fn new(n_labels: usize) -> Self {
        Self { truth: vec![0; n_labels], predicted: vec![0; n_labels], right: vec![0; n_labels] }
    }

    /// Share of rows predicted right.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        ratio(self.right.iter().sum(), self.truth.iter().sum())
    }

    /// Mean F1 over the labels that occur in truth or prediction, as scikit-learn's
    /// `f1_score(average="macro")` without `labels`: one that is only predicted counts with 0.
    #[must_use]
    pub fn macro_f1(&self) -> f64 {
        mean(self.occurring().map(|label| self.label(label).f1))
    }

    /// F1 weighted by support.
    #[must_use]
    pub fn weighted_f1(&self) -> f64 {
        let weighted = self.occurring().map(|l| self.label(l).f1 * self.truth[l] as f64);
        let n: usize = self.truth.iter().sum();
        if n == 0 { 0.0 } else { weighted.sum::<f64>() / n as f64 }
    }

    /// F1 of all decisions pooled; equals the accuracy, since each row has one label.
    #[must_use]
    pub fn micro_f1(&self) -> f64 {
        let right: usize = self.right.iter().sum();
        let (n_truth, n_predicted): (usize, usize) =
            (self.truth.iter().sum(), self.predicted.iter().sum());
        ratio(2 * right, n_truth + n_predicted)
    }

    /// Scores of one label by its code.
    #[must_use]
    pub fn label(&self, label: usize) -> LabelScores {
        let (right, support, predicted) =
            (self.right[label], self.truth[label], self.predicted[label]);
        LabelScores {
            precision: ratio(right, predicted),
            recall: ratio(right, support),
            f1: ratio(2 * right, support + predicted),
            support,
            predicted,
        }
    }

    fn occurring(&self) -> impl Iterator<Item = usize> {
        (0..self.truth.len()).filter(|label| self.truth[*label] + self.predicted[*label] > 0)
    }
}

/// Share of rows whose truth is among the first `k` labels ranked.
pub fn top_k_accuracy<'a>(
    rows: impl IntoIterator<Item = (&'a str, &'a [(String, f64)])>,
    k: usize,
) -> f64 {
    let found = |(truth, ranked): (&str, &[(String, f64)])| {
        f64::from(u8::from(ranked.iter().take(k).any(|(label, _)| label == truth)))
    };
    mean(rows.into_iter().map(found))
}
