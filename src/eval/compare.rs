//! Two reports of one data set against each other (`--compare A B`).
//!
//! Rows are paired by id (by number where ids are missing), so that what both models find hard
//! cancels out: far smaller differences show than between two separate intervals.

use super::{
    EvalError, Interval,
    bootstrap::{Bootstrap, McNemar, mcnemar},
    intent::{IntentReport, RowResult},
    metrics::{Coded, Counts},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How the second report differs from the first; differences are second − first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Model of the first.
    pub model_a: Option<String>,
    /// Model of the second.
    pub model_b: Option<String>,
    /// Rows.
    pub n: usize,
    /// Of the first.
    pub accuracy_a: f64,
    /// Of the second.
    pub accuracy_b: f64,
    /// Difference in accuracy.
    pub accuracy_difference: f64,
    /// Its paired BCa bootstrap interval; 0 outside of it: the difference is hardly chance.
    pub accuracy_difference_ci95: Interval,
    /// Difference in macro F1.
    pub macro_f1_difference: f64,
    /// Its paired BCa bootstrap interval.
    pub macro_f1_difference_ci95: Interval,
    /// McNemar's exact test on the rows that only one of them gets right.
    pub mcnemar: McNemar,
    /// Difference in F1 of each label that occurs in either, largest loss first.
    pub per_label: Vec<LabelDifference>,
}

/// How one label fares in both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabelDifference {
    /// The label.
    pub label: String,
    /// F1 in the first.
    pub f1_a: f64,
    /// F1 in the second.
    pub f1_b: f64,
    /// Second − first.
    pub difference: f64,
}

/// Compares two reports about the same rows.
///
/// # Errors
/// [`EvalError::NotPaired`]: a row of one is missing in the other or has another truth there.
pub fn compare(
    a: &IntentReport,
    b: &IntentReport,
    bootstrap: &Bootstrap,
) -> Result<Comparison, EvalError> {
    let pairs = paired(&a.rows, &b.rows)?;
    let coded_a = Coded::new(pairs.iter().map(|(a, _)| (a.truth.as_str(), a.predicted.as_str())));
    let coded_b = Coded::new(pairs.iter().map(|(_, b)| (b.truth.as_str(), b.predicted.as_str())));
    let difference = |figure: fn(&Counts) -> f64, rows: &[usize]| {
        let of = |coded: &Coded| figure(&coded.counts(rows.iter().copied()));
        of(&coded_b) - of(&coded_a)
    };
    let interval = |figure| bootstrap.bca(pairs.len(), |rows| difference(figure, rows));
    let (all_a, all_b) = (coded_a.all(), coded_b.all());
    Ok(Comparison {
        model_a: a.model.clone(),
        model_b: b.model.clone(),
        n: pairs.len(),
        accuracy_a: all_a.accuracy(),
        accuracy_b: all_b.accuracy(),
        accuracy_difference: all_b.accuracy() - all_a.accuracy(),
        accuracy_difference_ci95: interval(Counts::accuracy),
        macro_f1_difference: all_b.macro_f1() - all_a.macro_f1(),
        macro_f1_difference_ci95: interval(Counts::macro_f1),
        mcnemar: mcnemar((0..pairs.len()).map(|i| (coded_a.is_right(i), coded_b.is_right(i)))),
        per_label: label_differences(&coded_a, &coded_b),
    })
}

fn paired<'a>(
    a: &'a [RowResult],
    b: &'a [RowResult],
) -> Result<Vec<(&'a RowResult, &'a RowResult)>, EvalError> {
    let refuse = |fault: String| Err(EvalError::NotPaired { fault });
    if a.len() != b.len() {
        return refuse(format!("{} and {} rows", a.len(), b.len()));
    }
    let by_key: BTreeMap<_, _> = b.iter().map(|row| (key(row), row)).collect();
    if by_key.len() != b.len() {
        return refuse("an id occurs twice".into());
    }
    let mut pairs = Vec::with_capacity(a.len());
    for row in a {
        match by_key.get(&key(row)) {
            None => return refuse(format!("row {} of the first is not in the second", row.index)),
            Some(other) if other.truth != row.truth => {
                return refuse(format!("row {} has two truths", row.index));
            }
            Some(other) => pairs.push((row, *other)),
        }
    }
    Ok(pairs)
}

fn key(row: &RowResult) -> (Option<&str>, usize) {
    match &row.id {
        Some(id) => (Some(id), 0),
        None => (None, row.index),
    }
}

fn label_differences(a: &Coded, b: &Coded) -> Vec<LabelDifference> {
    let mut f1s: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for (label, scores) in a.per_label() {
        f1s.entry(label).or_default().0 = scores.f1;
    }
    for (label, scores) in b.per_label() {
        f1s.entry(label).or_default().1 = scores.f1;
    }
    let mut differences: Vec<LabelDifference> = f1s
        .into_iter()
        .map(|(label, (f1_a, f1_b))| LabelDifference { label, f1_a, f1_b, difference: f1_b - f1_a })
        .collect();
    differences.sort_by(|x, y| x.difference.total_cmp(&y.difference));
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A report with nothing but rows: (id, truth, predicted).
    fn report(rows: &[(&str, &str, &str)]) -> IntentReport {
        let rows = rows.iter().enumerate().map(|(index, (id, truth, predicted))| {
            serde_json::json!({"index": index, "id": id, "truth": truth, "predicted": predicted, "score": 0.5})
        });
        let json = serde_json::json!({
            "model": null, "data": {"name": "set", "n": 0}, "seed": 0, "n": 0, "accuracy": 0.0,
            "accuracy_ci95": [0.0, 0.0], "macro_f1": 0.0, "macro_f1_ci95": [0.0, 0.0],
            "weighted_f1": 0.0, "top3_accuracy": 0.0, "ece": 0.0, "brier": 0.0, "reliability": [],
            "per_label": {}, "confusion": {}, "worst_confusions": [], "coverage": [],
            "latency_us": {"p50": 0, "p99": 0}, "rows": rows.collect::<Vec<_>>(),
        });
        serde_json::from_value(json).unwrap()
    }

    fn compared(a: &IntentReport, b: &IntentReport) -> Result<Comparison, String> {
        let bootstrap = Bootstrap { resamples: 200, threads: 1, ..Bootstrap::default() };
        compare(a, b, &bootstrap).map_err(|error| error.to_string())
    }

    const A: [(&str, &str, &str); 4] =
        [("1", "x", "x"), ("2", "x", "y"), ("3", "y", "x"), ("4", "y", "x")];

    #[test]
    fn differences_by_hand_whatever_the_order() {
        let b = [("4", "y", "y"), ("3", "y", "y"), ("2", "x", "y"), ("1", "x", "x")];
        let found = compared(&report(&A), &report(&b)).unwrap();
        assert_eq!((found.accuracy_a, found.accuracy_b), (0.25, 0.75));
        assert_eq!(found.accuracy_difference, 0.5);
        assert_eq!((found.mcnemar.only_a, found.mcnemar.only_b, found.mcnemar.p), (0, 2, 0.5));
        let [low, high] = found.accuracy_difference_ci95;
        assert!((0.0..=0.5).contains(&low) && (0.5..=1.0).contains(&high));
        // F1 of x: 2/5, then 2/3; of y: 0, then 4/5.
        let differences: Vec<_> =
            found.per_label.iter().map(|l| (l.label.as_str(), l.f1_a, l.f1_b)).collect();
        assert_eq!(differences, [("x", 0.4, 2.0 / 3.0), ("y", 0.0, 0.8)]);
    }

    #[test]
    fn a_report_does_not_differ_from_itself() {
        let found = compared(&report(&A), &report(&A)).unwrap();
        assert_eq!((found.accuracy_difference, found.macro_f1_difference), (0.0, 0.0));
        assert_eq!((found.accuracy_difference_ci95, found.mcnemar.p), ([0.0, 0.0], 1.0));
    }

    #[test]
    fn other_rows_are_refused() {
        let mut other_id = A;
        other_id[0].0 = "9";
        let mut other_truth = A;
        other_truth[0].1 = "z";
        let mut twice = A;
        twice[0].0 = "2";
        for (b, fault) in [
            (&A[..3], "4 and 3 rows"),
            (&other_id[..], "row 0 of the first is not in the second"),
            (&other_truth[..], "row 0 has two truths"),
            (&twice[..], "an id occurs twice"),
        ] {
            let error = compared(&report(&A), &report(b)).unwrap_err();
            assert!(error.ends_with(fault), "{error}");
        }
    }
}
