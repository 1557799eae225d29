//! How far a figure might have come out otherwise: bootstrap intervals and paired tests.
//!
//! Resamples draw rows with replacement. Each resample has its own random stream, chosen by seed
//! and number alone, so that the result does not depend on how many threads share the work.

mod mcnemar;
mod normal;

pub use mcnemar::{McNemar, mcnemar};
pub use normal::wilson;

use super::Interval;
use normal::{normal_cdf, normal_quantile};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use serde::{Deserialize, Serialize};
use std::{num::NonZero, thread};

/// Resamples where none are given: Efron and Tibshirani (1993, p. 275) advise at least 1000 for
/// intervals, BCa needs some more.
pub const DEFAULT_RESAMPLES: usize = 2000;
/// Any number will do; fixed so that two runs of one evaluation agree.
pub const DEFAULT_SEED: u64 = 20_240_601;
/// Ends of a 95 % interval.
const TAILS: [f64; 2] = [0.025, 0.975];
/// Groups of the jackknife at most: leaving out blocks instead of rows estimates the same
/// acceleration (both go with skewness by √n) and keeps the cost below that of the resampling.
const MAX_JACKKNIFE: usize = 2000;

/// How to resample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bootstrap {
    /// Same seed, same interval.
    pub seed: u64,
    /// Resamples, at least 1.
    pub resamples: usize,
    /// Threads that share the work; does not change the result.
    pub threads: usize,
}

impl Default for Bootstrap {
    fn default() -> Self {
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        Self { seed: DEFAULT_SEED, resamples: DEFAULT_RESAMPLES, threads }
    }
}

impl Bootstrap {
    /// The 95 % percentile interval of a statistic of `n` rows; `statistic` is given row numbers
    /// below `n`, as many as there are rows.
    pub fn percentile(&self, n: usize, statistic: impl Fn(&[usize]) -> f64 + Sync) -> Interval {
        percentile_of(&sorted(self.resampled(n, statistic)))
    }

    /// The 95 % bias-corrected and accelerated interval (Efron 1987), which unlike the percentile
    /// interval allows for a statistic that is biased or skewed, as F1 and accuracies near 1 are.
    /// Where no resample differs from the others it is that one value. With few rows (below about
    /// 50) any bootstrap interval is somewhat too narrow.
    pub fn bca(&self, n: usize, statistic: impl Fn(&[usize]) -> f64 + Sync) -> Interval {
        let sorted = sorted(self.resampled(n, &statistic));
        self.bca_of(&sorted, n, statistic)
    }

    /// The statistic of each resample, in order of their numbers.
    pub fn resampled(&self, n: usize, statistic: impl Fn(&[usize]) -> f64 + Sync) -> Vec<f64> {
        let base = ChaCha8Rng::seed_from_u64(self.seed);
        self.in_parallel(self.resamples.max(1), |number, rows| {
            let mut rng = base.clone();
            rng.set_stream(number as u64);
            rows.clear();
            rows.extend((0..n).map(|_| below(&mut rng, n)));
            statistic(rows)
        })
    }

    fn bca_of(
        &self,
        sorted: &[f64],
        n: usize,
        statistic: impl Fn(&[usize]) -> f64 + Sync,
    ) -> Interval {
        let rows: Vec<usize> = (0..n).collect();
        let bias = bias(sorted, statistic(&rows));
        let acceleration = self.acceleration(n, &statistic);
        TAILS.map(|tail| {
            let shifted = bias + normal_quantile(tail);
            let adjusted = normal_cdf(bias + shifted / (1.0 - acceleration * shifted));
            quantile(sorted, adjusted)
        })
    }

    /// Skewness of the statistic's influence, from the jackknife; 0 where nothing varies.
    fn acceleration(&self, n: usize, statistic: impl Fn(&[usize]) -> f64 + Sync) -> f64 {
        if n < 2 {
            return 0.0;
        }
        let block = n.div_ceil(MAX_JACKKNIFE);
        let without = self.in_parallel(n.div_ceil(block), |number, rows| {
            let left_out = number * block..(number + 1) * block;
            rows.clear();
            rows.extend((0..n).filter(|row| !left_out.contains(row)));
            statistic(rows)
        });
        let mean = super::metrics::mean(without.iter().copied());
        let power_sum = |k| without.iter().map(|value| (mean - value).powi(k)).sum::<f64>();
        let spread = power_sum(2);
        if spread > 0.0 { power_sum(3) / (6.0 * spread.powf(1.5)) } else { 0.0 }
    }

    /// `work(number, buffer)` for every number below `n`; each thread owns a buffer.
    fn in_parallel(
        &self,
        n: usize,
        work: impl Fn(usize, &mut Vec<usize>) -> f64 + Sync,
    ) -> Vec<f64> {
        let mut results = vec![0.0; n];
        let share = n.div_ceil(self.threads.max(1)).max(1);
        thread::scope(|scope| {
            for (part, first) in results.chunks_mut(share).zip((0..n).step_by(share)) {
                let work = &work;
                scope.spawn(move || {
                    let mut buffer = Vec::new();
                    for (result, number) in part.iter_mut().zip(first..) {
                        *result = work(number, &mut buffer);
                    }
                });
            }
        });
        results
    }
}

fn percentile_of(sorted: &[f64]) -> Interval {
    TAILS.map(|tail| quantile(sorted, tail))
}

/// A row number below `n`, by multiplication (Lemire 2019) without its rejection step: the bias is
/// below n / 2³². Written out because `rand` may change its mapping between releases.
fn below(rng: &mut ChaCha8Rng, n: usize) -> usize {
    ((u64::from(rng.next_u32()) * n as u64) >> 32) as usize
}

/// Normal quantile of the share of resamples below the observed value, ties by half.
fn bias(sorted: &[f64], observed: f64) -> f64 {
    let below = sorted.partition_point(|value| *value < observed);
    let up_to = sorted.partition_point(|value| *value <= observed);
    let n = sorted.len() as f64;
    let share = (below + up_to) as f64 / (2.0 * n);
    normal_quantile(share.clamp(0.5 / n, 1.0 - 0.5 / n))
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// Quantile with linear interpolation between order statistics, as numpy's default.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    low + (high - low) * place.fract()
}

#[cfg(test)]
mod tests;
