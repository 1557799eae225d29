//! Evaluating a classifier of messages; intent and sentiment alike.
//!
//! The caller gives labelled rows and a closure that predicts; what comes back holds every figure
//! that [`metrics`](super::metrics) defines, with intervals, and can be written as JSON and read
//! again to be compared.

mod report;

pub use report::{CascadeShare, Confused, IntentReport, OutOfScope, RowResult, Slice};

use super::{
    EvalError, Options,
    dataset::{LabelledRow, LabelledSet},
    error::BoxError,
    progress,
};
use std::time::Duration;

/// How far above 1 or below 0 a probability may be for having been summed in 32 bits.
const ROUNDING: f64 = 1e-5;

/// What the model says of one message.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Prediction {
    /// The label it stands by.
    pub label: String,
    /// Calibrated probability of `label`, in [0, 1].
    pub score: f64,
    /// Labels with their scores, best first. Give all of them: top-3 accuracy needs three, the
    /// Brier score every one. Empty: just `label` and `score`.
    pub ranked: Vec<(String, f64)>,
    /// How likely no intent is meant; any finite number, higher is likelier.
    pub out_of_scope: f64,
    /// `accept`, `clarify` or `reject`, where the model decides that.
    pub outcome: Option<String>,
    /// Whether the accurate model of a cascade was asked.
    pub by_accurate: bool,
    /// Time this message took.
    pub latency: Duration,
}

/// Predicts every row of the set, [`Options::batch`] texts a call and in order, and reports.
///
/// # Errors
/// `predict` fails, answers another number of rows than asked, or gives a score that is no
/// probability (or no number, for `out_of_scope`); the evaluation stops at the first.
pub fn evaluate<E: Into<BoxError>>(
    set: &LabelledSet,
    mut predict: impl FnMut(&[&str]) -> Result<Vec<Prediction>, E>,
    options: &Options,
) -> Result<IntentReport, EvalError> {
    let of_texts = |rows: &[LabelledRow]| {
        let texts: Vec<&str> = rows.iter().map(|row| row.text.as_str()).collect();
        predict(&texts)
    };
    evaluate_rows(set, of_texts, options)
}

/// The same for a decision that needs more than the text: the skill group or priority of a row
/// with its customer and channel, say, with `skill_group` as the label field.
///
/// # Errors
/// As [`evaluate`].
pub fn evaluate_rows<E: Into<BoxError>>(
    set: &LabelledSet,
    mut predict: impl FnMut(&[LabelledRow]) -> Result<Vec<Prediction>, E>,
    options: &Options,
) -> Result<IntentReport, EvalError> {
    let bar = progress::bar(set.rows.len(), options.progress);
    let mut predictions = Vec::with_capacity(set.rows.len());
    for rows in set.rows.chunks(options.batch.max(1)) {
        let index = rows[0].index;
        let answers = predict(rows).map_err(|source| EvalError::measured(index, source))?;
        if answers.len() != rows.len() {
            return Err(EvalError::Count { expected: rows.len(), got: answers.len() });
        }
        for (row, answer) in rows.iter().zip(answers) {
            predictions.push(checked(row.index, answer)?);
        }
        bar.inc(rows.len() as u64);
    }
    bar.finish_and_clear();
    Ok(report::build(set, &predictions, options))
}

/// Completes the ranking, brings rounding errors back into [0, 1] and refuses worse.
fn checked(index: usize, mut answer: Prediction) -> Result<Prediction, EvalError> {
    if !answer.out_of_scope.is_finite() {
        return Err(EvalError::Score { index, score: answer.out_of_scope });
    }
    if answer.ranked.is_empty() {
        answer.ranked = vec![(answer.label.clone(), answer.score)];
    }
    for score in answer.ranked.iter_mut().map(|(_, score)| score).chain([&mut answer.score]) {
        if !(-ROUNDING..=1.0 + ROUNDING).contains(score) {
            return Err(EvalError::Score { index, score: *score });
        }
        *score = score.clamp(0.0, 1.0);
    }
    Ok(answer)
}

#[cfg(test)]
mod tests;
