//! The figures against those of scikit-learn (see `tests/fixtures/eval/make.py`), and what must
//! hold for any input.

use super::*;
use proptest::prelude::*;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Fixture {
    classification: Vec<ClassificationCase>,
    ranking: Vec<RankingCase>,
}

#[derive(Deserialize)]
struct ClassificationCase {
    truth: Vec<String>,
    predicted: Vec<String>,
    ranked: Vec<Vec<(String, f64)>>,
    positive: Vec<bool>,
    out_of_scope: Vec<f64>,
    accuracy: f64,
    macro_f1: f64,
    micro_f1: f64,
    weighted_f1: f64,
    per_label: BTreeMap<String, (f64, f64, f64, usize)>,
    confusion: Vec<Vec<usize>>,
    top3: f64,
    ece: f64,
    brier: f64,
    auroc: Option<f64>,
    fpr95: Option<f64>,
}

#[derive(Deserialize)]
struct RankingCase {
    results: Vec<String>,
    relevant: BTreeMap<String, u8>,
    recall: [f64; 3],
    mrr: f64,
    ndcg: [f64; 2],
    map: f64,
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("../../../tests/fixtures/eval/metrics.json")).unwrap()
}

#[track_caller]
fn near(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() < 1e-9, "{what}: {found}, expected {expected}");
}

fn coded(truth: &[String], predicted: &[String]) -> Coded {
    Coded::new(truth.iter().map(String::as_str).zip(predicted.iter().map(String::as_str)))
}

#[test]
fn classification_agrees_with_scikit_learn() {
    let cases = fixture().classification;
    assert!(cases.len() >= 20);
    for (number, case) in cases.iter().enumerate() {
        let coded = coded(&case.truth, &case.predicted);
        let counts = coded.all();
        near(counts.accuracy(), case.accuracy, &format!("accuracy of case {number}"));
        near(counts.macro_f1(), case.macro_f1, &format!("macro F1 of case {number}"));
        near(counts.micro_f1(), case.micro_f1, &format!("micro F1 of case {number}"));
        near(counts.weighted_f1(), case.weighted_f1, &format!("weighted F1 of case {number}"));
        let per_label = coded.per_label();
        assert!(per_label.keys().eq(case.per_label.keys()), "case {number}");
        for (label, (precision, recall, f1, support)) in &case.per_label {
            let found = per_label[label];
            near(found.precision, *precision, &format!("precision of {label}, case {number}"));
            near(found.recall, *recall, &format!("recall of {label}, case {number}"));
            near(found.f1, *f1, &format!("F1 of {label}, case {number}"));
            assert_eq!(found.support, *support);
        }
        let confusion = coded.confusion();
        for (truth, row) in case.per_label.keys().zip(&case.confusion) {
            for (predicted, n) in case.per_label.keys().zip(row) {
                let found = confusion.get(truth).and_then(|row| row.get(predicted));
                assert_eq!(
                    found.copied().unwrap_or(0),
                    *n,
                    "{truth} as {predicted}, case {number}"
                );
            }
        }
    }
}

#[test]
fn scores_agree_with_the_reference() {
    for (number, case) in fixture().classification.iter().enumerate() {
        let ranked =
            || case.truth.iter().map(String::as_str).zip(case.ranked.iter().map(Vec::as_slice));
        let right = case.truth.iter().zip(&case.predicted).map(|(t, p)| t == p);
        let scored: Vec<_> = case.ranked.iter().map(|row| row[0].1).zip(right).collect();
        near(top_k_accuracy(ranked(), 3), case.top3, &format!("top 3 of case {number}"));
        near(ece(&reliability(&scored)), case.ece, &format!("ECE of case {number}"));
        near(brier(ranked()), case.brier, &format!("Brier of case {number}"));
        let oos: Vec<_> =
            case.out_of_scope.iter().copied().zip(case.positive.iter().copied()).collect();
        let found = detection(&oos);
        assert_eq!(found.auroc.is_some(), case.auroc.is_some(), "case {number}");
        near(found.auroc.unwrap_or(0.0), case.auroc.unwrap_or(0.0), "AUROC");
        near(found.fpr_at_95_recall.unwrap_or(0.0), case.fpr95.unwrap_or(0.0), "FPR at 95 %");
    }
}

#[test]
fn rankings_agree_with_the_reference() {
    for (number, case) in fixture().ranking.iter().enumerate() {
        let ranked = Ranked::new(case.results.iter().map(String::as_str), &case.relevant);
        for (k, expected) in [1, 3, 5].into_iter().zip(case.recall) {
            near(recall_at(&ranked, k), expected, &format!("recall@{k} of case {number}"));
        }
        for (k, expected) in [5, 10].into_iter().zip(case.ndcg) {
            near(ndcg_at(&ranked, k), expected, &format!("nDCG@{k} of case {number}"));
        }
        near(reciprocal_rank(&ranked), case.mrr, &format!("MRR of case {number}"));
        near(average_precision(&ranked), case.map, &format!("MAP of case {number}"));
    }
}

#[test]
fn percentiles_are_nearest_rank() {
    let cases: [(&[u64], u64, u64); 5] = [
        (&[], 0, 0),
        (&[7], 7, 7),
        (&[4, 1, 3, 2], 2, 4),
        (&[15, 20, 35, 40, 50], 35, 50), // the textbook example of the nearest-rank method
        (&[2, 1], 1, 2),
    ];
    for (times, p50, p99) in cases {
        let times = times.iter().map(|t| Duration::from_micros(*t)).collect();
        assert_eq!(latency_us(times), LatencyUs { p50, p99 });
    }
    let hundred = (1..=100).map(Duration::from_micros).collect();
    assert_eq!(latency_us(hundred), LatencyUs { p50: 50, p99: 99 });
}

/// Rows of (truth, prediction, score): few labels and coarse scores, so that ties are common.
fn rows() -> impl Strategy<Value = Vec<(String, String, f64)>> {
    let label = || prop::sample::select(vec!["a", "b", "c", "oos"]).prop_map(str::to_owned);
    prop::collection::vec((label(), label(), (0..=20u8).prop_map(|s| f64::from(s) / 20.0)), 1..40)
}

fn is_share(value: f64) -> bool {
    (0.0..=1.0).contains(&value)
}

proptest! {
    #[test]
    fn figures_are_shares(rows in rows()) {
        let coded = Coded::new(rows.iter().map(|(t, p, _)| (t.as_str(), p.as_str())));
        let counts = coded.all();
        for figure in [counts.accuracy(), counts.macro_f1(), counts.micro_f1(), counts.weighted_f1()] {
            prop_assert!(is_share(figure));
        }
        prop_assert!((counts.micro_f1() - counts.accuracy()).abs() < 1e-12);
        let scored: Vec<_> = rows.iter().map(|(t, p, s)| (*s, t == p)).collect();
        let bins = reliability(&scored);
        prop_assert!(is_share(ece(&bins)));
        prop_assert_eq!(bins.iter().map(|bin| bin.n).sum::<usize>(), rows.len());
        for point in coverage_points(&scored, &[0.1, 0.7, 0.8, 1.0]) {
            prop_assert!(is_share(point.accuracy));
        }
        let whole = coverage_points(&scored, &[1.0])[0];
        prop_assert!((whole.accuracy - counts.accuracy()).abs() < 1e-12);
        let found = detection(&scored);
        for point in found.sweep.iter().chain(&found.best) {
            prop_assert!([point.recall, point.precision, point.false_positive_rate].into_iter().all(is_share));
        }
    }

    #[test]
    fn perfect_predictions_are_one(rows in rows()) {
        let counts = Coded::new(rows.iter().map(|(t, ..)| (t.as_str(), t.as_str()))).all();
        let figures = [counts.accuracy(), counts.macro_f1(), counts.micro_f1(), counts.weighted_f1()];
        prop_assert!(figures.iter().all(|figure| (figure - 1.0).abs() < 1e-12));
    }

    #[test]
    fn auroc_is_symmetric_and_blind_to_order(rows in rows()) {
        let scored: Vec<_> = rows.iter().map(|(t, _, s)| (*s, t == "oos")).collect();
        let mirrored: Vec<_> = scored.iter().map(|(s, oos)| (-s, *oos)).collect();
        let reversed: Vec<_> = scored.iter().rev().copied().collect();
        prop_assert_eq!(auroc(&scored), auroc(&reversed));
        if let (Some(one), Some(other)) = (auroc(&scored), auroc(&mirrored)) {
            prop_assert!(is_share(one) && (one + other - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn ranked_figures_are_shares_and_the_ideal_is_one(
        grades in prop::collection::vec(0..4u8, 1..12),
        seed in any::<u64>(),
    ) {
        let ids: Vec<String> = (0..grades.len()).map(|i| format!("d{i}")).collect();
        let relevant: BTreeMap<String, u8> = ids.iter().cloned().zip(grades).collect();
        let mut shuffled: Vec<&String> = ids.iter().collect();
        shuffled.rotate_left((seed % ids.len() as u64) as usize);
        let ranked = Ranked::new(shuffled.iter().map(|id| id.as_str()), &relevant);
        for k in [1, 3, 5, 10] {
            prop_assert!(is_share(recall_at(&ranked, k)) && is_share(hit_at(&ranked, k)));
            prop_assert!((0.0..=1.0 + 1e-12).contains(&ndcg_at(&ranked, k)));
        }
        prop_assert!(is_share(average_precision(&ranked)) && is_share(reciprocal_rank(&ranked)));
        shuffled.sort_by_key(|id| std::cmp::Reverse(relevant[*id]));
        let ideal = Ranked::new(shuffled.into_iter().map(String::as_str), &relevant);
        if relevant.values().any(|grade| *grade > 0) {
            let figures = [ndcg_at(&ideal, 5), average_precision(&ideal), reciprocal_rank(&ideal)];
            prop_assert!(figures.iter().all(|figure| (figure - 1.0).abs() < 1e-12));
        }
    }
}
