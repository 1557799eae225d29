//! The normal distribution, as far as intervals need it.

use crate::eval::Interval;

/// Quantile of the normal distribution at 0.975.
const Z_975: f64 = 1.959_963_984_540_054;

/// Wilson's 95 % score interval of a share of `n_hits` in `n`; sound where the bootstrap is not,
/// with no or only hits. [0, 1] of nothing.
#[must_use]
pub fn wilson(n_hits: usize, n: usize) -> Interval {
    if n == 0 {
        return [0.0, 1.0];
    }
    let (n, z2) = (n as f64, Z_975 * Z_975);
    let share = n_hits as f64 / n;
    let centre = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z_975 * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt() / (1.0 + z2 / n);
    [(centre - half).max(0.0), (centre + half).min(1.0)]
}

/// Chance of a value up to `x`, by Marsaglia's series (*Evaluating the Normal Distribution*,
/// J. Stat. Software 11, 2004), exact to about 1e-15 within ±7; 0 or 1 outside, where resampling
/// cannot tell.
pub(super) fn normal_cdf(x: f64) -> f64 {
    /// ln √(2π).
    const LN_SQRT_2PI: f64 = 0.918_938_533_204_672_8;
    if x.is_nan() || x.abs() > 7.0 {
        return if x > 0.0 { 1.0 } else { 0.0 };
    }
    let (mut term, mut sum, mut i) = (x, x, 1.0);
    loop {
        i += 2.0;
        term *= x * x / i;
        if sum + term == sum {
            return (0.5 + sum * (-0.5 * x * x - LN_SQRT_2PI).exp()).clamp(0.0, 1.0);
        }
        sum += term;
    }
}

/// The `x` with [`normal_cdf`] of `share`, by bisection; called a few times only. ±7 at the ends.
pub(super) fn normal_quantile(share: f64) -> f64 {
    let (mut low, mut high) = (-7.0, 7.0);
    // 60 halvings of 14 reach the spacing of f64.
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if normal_cdf(middle) < share { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_against_tables() {
        let cases = [
            (0.0, 0.5),
            (1.0, 0.841_344_746_068_543),
            (-1.96, 0.024_997_895_148_220),
            (5.0, 0.999_999_713_348_428),
        ];
        for (x, share) in cases {
            assert!((normal_cdf(x) - share).abs() < 1e-14, "{x}");
            assert!((normal_quantile(share) - x).abs() < 1e-7, "{x}");
        }
        assert_eq!((normal_cdf(9.0), normal_cdf(f64::NEG_INFINITY)), (1.0, 0.0));
    }

    #[test]
    fn wilson_against_statsmodels() {
        // statsmodels 0.15 proportion_confint(method="wilson").
        let cases = [
            ((0, 10), [0.0, 0.277_532_799_863]),
            ((10, 10), [0.722_467_200_137, 1.0]),
            ((85, 100), [0.767_164_404_092, 0.906_940_147_163]),
            ((0, 0), [0.0, 1.0]),
        ];
        for ((hits, n), expected) in cases {
            let found = wilson(hits, n);
            assert!((0..2).all(|i| (found[i] - expected[i]).abs() < 1e-9), "{hits}/{n}: {found:?}");
        }
    }
}
