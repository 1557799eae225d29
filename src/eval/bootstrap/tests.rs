//! Intervals against scipy's, against the truth they should cover, and on any number of threads.

use super::*;
use crate::eval::metrics::{self, Coded};
use serde::Deserialize;

#[derive(Deserialize)]
struct Fixture {
    intervals: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    values: Vec<f64>,
    percentile: Interval,
    bca: Interval,
}

fn mean_of(values: &[f64]) -> impl Fn(&[usize]) -> f64 + Sync {
    move |rows| metrics::mean(rows.iter().map(|row| values[*row]))
}

/// Uniform in (0, 1).
fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    (f64::from(rng.next_u32()) + 0.5) / 2f64.powi(32)
}

#[test]
fn intervals_agree_with_scipy() {
    let fixture: Fixture =
        serde_json::from_str(include_str!("../../../tests/fixtures/eval/metrics.json")).unwrap();
    let bootstrap = Bootstrap { resamples: 2500, ..Bootstrap::default() };
    for case in fixture.intervals {
        let n = case.values.len();
        // Both ends are themselves random, and those of a share of 200 rows go by steps: allowed is a
        // tenth of the width.
        let allowed = (case.bca[1] - case.bca[0]) / 10.0;
        let found = [
            (bootstrap.percentile(n, mean_of(&case.values)), case.percentile),
            (bootstrap.bca(n, mean_of(&case.values)), case.bca),
        ];
        for (found, expected) in found {
            let is_near = (0..2).all(|i| (found[i] - expected[i]).abs() < allowed);
            assert!(is_near, "{}: {found:?}, expected {expected:?}", case.name);
        }
    }
}

#[test]
fn intervals_cover_the_truth_95_times_in_100() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let (n_sets, n) = (500, 60);
    let (mut percentile_hits, mut bca_hits) = (0, 0);
    for set in 0..n_sets {
        let values: Vec<f64> = (0..n).map(|_| uniform(&mut rng)).collect();
        let bootstrap = Bootstrap { seed: set, resamples: 400, threads: 1 };
        let covers = |[low, high]: Interval| usize::from(low <= 0.5 && 0.5 <= high);
        let sorted = sorted(bootstrap.resampled(n, mean_of(&values)));
        percentile_hits += covers(percentile_of(&sorted));
        bca_hits += covers(bootstrap.bca_of(&sorted, n, mean_of(&values)));
    }
    for hits in [percentile_hits, bca_hits] {
        let share = metrics::ratio(hits, n_sets as usize);
        assert!((0.93..=0.97).contains(&share), "{hits} of {n_sets}");
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let labels = ["a", "b", "c"];
    let pairs = (0..97).map(|i| (labels[i % 3], labels[(i * i) % 3]));
    let coded = Coded::new(pairs);
    let macro_f1 = |rows: &[usize]| coded.counts(rows.iter().copied()).macro_f1();
    let at = |threads| Bootstrap { threads, resamples: 201, ..Bootstrap::default() };
    let one = (at(1).resampled(97, macro_f1), at(1).bca(97, macro_f1));
    for threads in [0, 2, 3, 8, 64, 500] {
        let found = (at(threads).resampled(97, macro_f1), at(threads).bca(97, macro_f1));
        assert_eq!(found, one, "{threads} threads");
    }
}

#[test]
fn another_seed_gives_another_interval() {
    let values: Vec<f64> = (0..50).map(f64::from).collect();
    let at = |seed| Bootstrap { seed, ..Bootstrap::default() }.bca(50, mean_of(&values));
    assert_eq!(at(1), at(1));
    assert_ne!(at(1), at(2));
}

#[test]
fn the_random_stream_is_pinned() {
    // Recorded intervals must not change with a release of the generator.
    let bootstrap = Bootstrap { seed: 1, resamples: 2, threads: 1 };
    let sums = bootstrap.resampled(1000, |rows| rows.iter().sum::<usize>() as f64);
    assert_eq!(sums, [501_850.0, 497_328.0]);
}

#[test]
fn nothing_varies_where_all_rows_agree() {
    let bootstrap = Bootstrap { resamples: 50, ..Bootstrap::default() };
    assert_eq!(bootstrap.bca(10, |_| 1.0), [1.0, 1.0]);
    assert_eq!(bootstrap.bca(1, |_| 0.5), [0.5, 0.5]);
}

#[test]
fn blocks_estimate_the_acceleration_of_rows() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let values: Vec<f64> = (0..MAX_JACKKNIFE * 2).map(|_| -uniform(&mut rng).ln()).collect();
    let bootstrap = Bootstrap::default();
    let by_blocks = bootstrap.acceleration(values.len(), mean_of(&values));
    let mean = metrics::mean(values.iter().copied());
    let power_sum = |k| values.iter().map(|v| (v - mean).powi(k)).sum::<f64>();
    let by_rows = power_sum(3) / (6.0 * power_sum(2).powf(1.5));
    assert!((by_blocks / by_rows - 1.0).abs() < 0.15, "{by_blocks} {by_rows}");
}
