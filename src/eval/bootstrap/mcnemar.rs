//! McNemar's exact test: do two models differ on the same rows?

use serde::{Deserialize, Serialize};

/// Rows that only one of two models gets right, and how likely such a split is by chance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct McNemar {
    /// Only the first is right.
    pub only_a: usize,
    /// Only the second is right.
    pub only_b: usize,
    /// Two-sided p: the chance of a split at least as uneven if neither were better.
    pub p: f64,
}

/// The exact test over (first right, second right) pairs: rows on which both are right or both
/// wrong say nothing, the others would fall to either side like a fair coin.
pub fn mcnemar(pairs: impl IntoIterator<Item = (bool, bool)>) -> McNemar {
    let (mut only_a, mut only_b) = (0, 0);
    for (a, b) in pairs {
        only_a += usize::from(a && !b);
        only_b += usize::from(b && !a);
    }
    McNemar { only_a, only_b, p: two_sided(only_a.min(only_b), only_a + only_b) }
}

/// Twice the chance of at most `k` heads in `n` tosses, at most 1. Summed in logarithms, since
/// 0.5ⁿ alone is 0 for n above 1074.
fn two_sided(k: usize, n: usize) -> f64 {
    let mut ln_term = -(n as f64) * std::f64::consts::LN_2;
    let mut sum = 0.0;
    for i in 0..=k {
        sum += ln_term.exp();
        ln_term += ((n - i) as f64 / (i + 1) as f64).ln();
    }
    (2.0 * sum).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_against_scipy() {
        // scipy 1.17 binomtest(min(b, c), b + c, 0.5).pvalue.
        let cases = [
            (0, 0, 1.0),
            (1, 1, 1.0),
            (0, 5, 0.0625),
            (5, 0, 0.0625),
            (2, 9, 0.065_429_687_5),
            (10, 25, 0.016_673_847_800_120_7),
            (20, 21, 1.0),
            (59, 121, 4.434_449_263_755e-6),
            (900, 1010, 0.012_608_304_160_630),
            (1500, 1400, 0.065_987_349_664_685),
        ];
        for (only_a, only_b, p) in cases {
            let rows = std::iter::repeat_n((true, false), only_a)
                .chain(std::iter::repeat_n((false, true), only_b))
                .chain([(true, true), (false, false)]);
            let found = mcnemar(rows);
            assert_eq!((found.only_a, found.only_b), (only_a, only_b));
            assert!((found.p / p - 1.0).abs() < 1e-9, "{only_a} {only_b}: {}", found.p);
        }
    }
}
