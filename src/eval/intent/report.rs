//! From predictions to the report.

use super::Prediction;
use crate::eval::{
    DataInfo, Interval, LatencyUs, OUT_OF_SCOPE, Options,
    bootstrap::{Bootstrap, wilson},
    dataset::{LabelledRow, LabelledSet},
    metrics::{
        self, Bin, Coded, Confusion, CoveragePoint, Detection, LabelScores, Ordinal, OutcomeRate,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Shares of rows acted on at which the accuracy is given.
const COVERAGES: [f64; 2] = [0.8, 0.7];
/// Confusions listed; a screen full.
const MAX_CONFUSED: usize = 20;
/// A field with more values than this (an id, a free text) is no way to slice.
const MAX_SLICES: usize = 20;

/// Everything measured. Field names are part of the interface (`fenzhen eval intent --json`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IntentReport {
    /// What was measured, as the caller names it.
    pub model: Option<String>,
    /// On which rows.
    pub data: DataInfo,
    /// Seed of the intervals.
    pub seed: u64,
    /// Rows.
    pub n: usize,
    /// Share predicted right.
    pub accuracy: f64,
    /// BCa bootstrap; Wilson where all or none is right, which a bootstrap cannot judge.
    pub accuracy_ci95: Interval,
    /// Mean F1 over the labels that occur in truth or prediction.
    pub macro_f1: f64,
    /// BCa bootstrap.
    pub macro_f1_ci95: Interval,
    /// F1 weighted by support.
    pub weighted_f1: f64,
    /// Distances; only where all labels are numbers.
    #[serde(flatten)]
    pub ordinal: Option<Ordinal>,
    /// Share of rows whose truth is among the first three labels ranked.
    pub top3_accuracy: f64,
    /// Expected calibration error over 15 bins of equal width.
    pub ece: f64,
    /// Brier score over all labels ranked, in [0, 2].
    pub brier: f64,
    /// The bins behind `ece`, empty ones left out.
    pub reliability: Vec<Bin>,
    /// Of every label that occurs in truth or prediction.
    pub per_label: BTreeMap<String, LabelScores>,
    /// Truth, then prediction, then rows.
    pub confusion: Confusion,
    /// The most frequent mistakes, worst first, at most 20.
    pub worst_confusions: Vec<Confused>,
    /// How well messages without an intent are found; absent where the set has none or only such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_of_scope: Option<OutOfScope>,
    /// Accuracy on the surest 80 % and 70 % of the rows.
    pub coverage: Vec<CoveragePoint>,
    /// Accept, clarify, reject; empty where the model does not decide.
    #[serde(default)]
    pub outcomes: BTreeMap<String, OutcomeRate>,
    /// Parts of the set by the values of a field, e.g. `style`.
    #[serde(default)]
    pub slices: BTreeMap<String, BTreeMap<String, Slice>>,
    /// How much work the accurate model of a cascade got; absent for a single model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cascade: Option<CascadeShare>,
    /// Time per message as the caller measured it.
    pub latency_us: LatencyUs,
    /// Truths that the model cannot give, with their rows. They count as wrong.
    #[serde(default)]
    pub unknown_labels: BTreeMap<String, usize>,
    /// Chinese names of labels, as far as known.
    #[serde(default)]
    pub names: BTreeMap<String, String>,
    /// One entry a row, so that two reports can be paired.
    pub rows: Vec<RowResult>,
}

/// What went on to the accurate model of a cascade.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CascadeShare {
    /// It was asked where the best score of the fast one was lower.
    pub below: f32,
    /// Rows it was asked about.
    pub n: usize,
    /// Share of all rows.
    pub share: f64,
}

/// A kind of mistake.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Confused {
    /// What they are.
    pub truth: String,
    /// What they are taken for.
    pub predicted: String,
    /// Rows.
    pub n: usize,
    /// Share of the rows that are `truth`.
    pub share: f64,
}

/// Finding the messages that have no intent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutOfScope {
    /// Rows whose truth is `oos`.
    pub n: usize,
    /// Share of them predicted `oos`.
    pub recall: f64,
    /// Share of the rows predicted `oos` that are.
    pub precision: f64,
    /// Share of them with outcome `reject`, whatever the label; absent without outcomes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recall_rejected: Option<f64>,
    /// Share of the rows with outcome `reject` that are `oos`; absent where none is rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision_rejected: Option<f64>,
    /// The `out_of_scope` score as a detector of them.
    #[serde(flatten)]
    pub detection: Detection,
}

/// Figures of a part of the set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    /// Rows.
    pub n: usize,
    /// Share predicted right.
    pub accuracy: f64,
    /// Wilson.
    pub accuracy_ci95: Interval,
    /// Over the labels that occur in the part.
    pub macro_f1: f64,
}

/// One row, without its text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RowResult {
    /// Number in the file, counted from 0, before any filter.
    pub index: usize,
    /// Field `id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Label by the data.
    pub truth: String,
    /// Label by the model.
    pub predicted: String,
    /// Score of `predicted`.
    pub score: f64,
}

/// Makes all figures; `predictions` are those of the set's rows, in order and checked.
pub(super) fn build(
    set: &LabelledSet,
    predictions: &[Prediction],
    options: &Options,
) -> IntentReport {
    let pairs = || set.rows.iter().zip(predictions);
    let coded = Coded::new(pairs().map(|(row, p)| (row.truth.as_str(), p.label.as_str())));
    let ranked = || pairs().map(|(row, p)| (row.truth.as_str(), p.ranked.as_slice()));
    let scored: Vec<(f64, bool)> =
        predictions.iter().enumerate().map(|(i, p)| (p.score, coded.is_right(i))).collect();
    let (counts, per_label) = (coded.all(), coded.per_label());
    let (reliability, confusion) = (metrics::reliability(&scored), coded.confusion());
    let bootstrap = &options.bootstrap;
    IntentReport {
        model: options.model.clone(),
        data: set.info.clone(),
        seed: bootstrap.seed,
        n: coded.len(),
        accuracy: counts.accuracy(),
        accuracy_ci95: accuracy_interval(&coded, bootstrap),
        macro_f1: counts.macro_f1(),
        macro_f1_ci95: bootstrap
            .bca(coded.len(), |rows| coded.counts(rows.iter().copied()).macro_f1()),
        weighted_f1: counts.weighted_f1(),
        ordinal: metrics::ordinal(pairs().map(|(row, p)| (row.truth.as_str(), p.label.as_str()))),
        top3_accuracy: metrics::top_k_accuracy(ranked(), 3),
        ece: metrics::ece(&reliability),
        brier: metrics::brier(ranked()),
        reliability,
        worst_confusions: worst_confusions(&confusion),
        confusion,
        out_of_scope: out_of_scope(set, predictions, &per_label),
        per_label,
        coverage: metrics::coverage_points(&scored, &COVERAGES),
        outcomes: metrics::outcome_rates(
            predictions.iter().zip(&scored).filter_map(|(p, s)| Some((p.outcome.as_deref()?, s.1))),
        ),
        slices: slices(&set.rows, &coded, &options.slices),
        cascade: options.cascade_below.map(|below| {
            let n = predictions.iter().filter(|p| p.by_accurate).count();
            CascadeShare { below, n, share: metrics::ratio(n, coded.len()) }
        }),
        latency_us: metrics::latency_us(predictions.iter().map(|p| p.latency).collect()),
        unknown_labels: options
            .known_labels
            .as_ref()
            .map_or_else(BTreeMap::new, |known| set.unknown_labels(known)),
        names: options.names.clone(),
        rows: pairs().map(row_result).collect(),
    }
}

fn accuracy_interval(coded: &Coded, bootstrap: &Bootstrap) -> Interval {
    let n_right = (0..coded.len()).filter(|row| coded.is_right(*row)).count();
    if n_right == 0 || n_right == coded.len() {
        return wilson(n_right, coded.len());
    }
    bootstrap.bca(coded.len(), |rows| {
        metrics::ratio(rows.iter().filter(|row| coded.is_right(**row)).count(), rows.len())
    })
}

fn worst_confusions(confusion: &Confusion) -> Vec<Confused> {
    let mut confused: Vec<Confused> = confusion
        .iter()
        .flat_map(|(truth, row)| {
            let support = row.values().sum();
            row.iter().filter(move |(predicted, _)| *predicted != truth).map(
                move |(predicted, n)| Confused {
                    truth: truth.clone(),
                    predicted: predicted.clone(),
                    n: *n,
                    share: metrics::ratio(*n, support),
                },
            )
        })
        .collect();
    // Stable, so ties stay in order of the labels.
    confused.sort_by(|a, b| b.n.cmp(&a.n).then(b.share.total_cmp(&a.share)));
    confused.truncate(MAX_CONFUSED);
    confused
}

fn out_of_scope(
    set: &LabelledSet,
    predictions: &[Prediction],
    per_label: &BTreeMap<String, LabelScores>,
) -> Option<OutOfScope> {
    let is_oos: Vec<bool> = set.rows.iter().map(|row| row.truth == OUT_OF_SCOPE).collect();
    let n = is_oos.iter().filter(|is| **is).count();
    if n == 0 || n == is_oos.len() {
        return None;
    }
    let label = per_label.get(OUT_OF_SCOPE).copied().unwrap_or_default();
    let decides = predictions.iter().any(|p| p.outcome.is_some());
    let rejected = |p: &Prediction| p.outcome.as_deref() == Some("reject");
    let n_rejected = predictions.iter().filter(|p| rejected(p)).count();
    let n_both = predictions.iter().zip(&is_oos).filter(|(p, is)| **is && rejected(p)).count();
    let scored: Vec<_> =
        predictions.iter().zip(is_oos).map(|(p, is)| (p.out_of_scope, is)).collect();
    Some(OutOfScope {
        n,
        recall: label.recall,
        precision: label.precision,
        recall_rejected: decides.then(|| metrics::ratio(n_both, n)),
        precision_rejected: (n_rejected > 0).then(|| metrics::ratio(n_both, n_rejected)),
        detection: metrics::detection(&scored),
    })
}

/// Parts by the value of each field; a field that no row has, or with too many values, is left out.
fn slices(
    rows: &[LabelledRow],
    coded: &Coded,
    fields: &[String],
) -> BTreeMap<String, BTreeMap<String, Slice>> {
    let mut slices = BTreeMap::new();
    for field in fields {
        let mut parts: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (place, row) in rows.iter().enumerate() {
            if let Some(value) = row.fields.get(field).and_then(slice_name) {
                parts.entry(value).or_default().push(place);
            }
        }
        if (2..=MAX_SLICES).contains(&parts.len()) {
            let part = |(name, rows): (String, Vec<usize>)| (name, slice(coded, &rows));
            slices.insert(field.clone(), parts.into_iter().map(part).collect());
        }
    }
    slices
}

fn slice_name(value: &Value) -> Option<String> {
    match value {
        Value::String(s) if !s.is_empty() => Some(s.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}

fn slice(coded: &Coded, rows: &[usize]) -> Slice {
    let counts = coded.counts(rows.iter().copied());
    let n_right = rows.iter().filter(|row| coded.is_right(**row)).count();
    Slice {
        n: rows.len(),
        accuracy: counts.accuracy(),
        accuracy_ci95: wilson(n_right, rows.len()),
        macro_f1: counts.macro_f1(),
    }
}

fn row_result((row, prediction): (&LabelledRow, &Prediction)) -> RowResult {
    RowResult {
        index: row.index,
        id: row.id.clone(),
        truth: row.truth.clone(),
        predicted: prediction.label.clone(),
        score: prediction.score,
    }
}
