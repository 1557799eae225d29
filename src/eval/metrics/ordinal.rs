//! How far predictions on an ordered scale miss.

use serde::{Deserialize, Serialize};

/// Figures of labels that are numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ordinal {
    /// Mean distance between prediction and truth.
    pub mean_absolute_error: f64,
    /// Cohen's kappa with squared distances as weights (Cohen 1968): 1 perfect, 0 as good as chance;
    /// absent where truth and prediction are one and the same number throughout.
    pub quadratic_weighted_kappa: Option<f64>,
}

/// The figures of (truth, prediction) pairs; `None` without pairs or where some label is no number.
pub fn ordinal<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<Ordinal> {
    let pairs: Vec<(f64, f64)> = pairs
        .into_iter()
        .map(|(truth, predicted)| Some((truth.parse().ok()?, predicted.parse().ok()?)))
        .collect::<Option<_>>()?;
    if pairs.is_empty() {
        return None;
    }
    let n = pairs.len() as f64;
    let mean = |value: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(value).sum::<f64>() / n;
    let observed = mean(&|(t, p)| (t - p).powi(2));
    // Over all pairs of a truth and an independent prediction: E(t²) + E(p²) − 2 E(t) E(p).
    let by_chance = mean(&|(t, _)| t * t) + mean(&|(_, p)| p * p)
        - 2.0 * mean(&|(t, _)| *t) * mean(&|(_, p)| *p);
    Some(Ordinal {
        mean_absolute_error: mean(&|(t, p)| (t - p).abs()),
        quadratic_weighted_kappa: (by_chance > 1e-12).then(|| 1.0 - observed / by_chance),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_scikit_learn() {
        // sklearn.metrics.cohen_kappa_score([0, 1, 2, 3, 1, 1], [0, 1, 1, 3, 2, 1], weights="quadratic")
        let truth = ["0", "1", "2", "3", "1", "1"];
        let predicted = ["0", "1", "1", "3", "2", "1"];
        let found = ordinal(truth.into_iter().zip(predicted)).unwrap();
        assert!((found.mean_absolute_error - 2.0 / 6.0).abs() < 1e-12);
        assert!((found.quadratic_weighted_kappa.unwrap() - 0.8125).abs() < 1e-12);
    }

    #[test]
    fn names_are_not_on_a_scale_and_one_number_has_no_kappa() {
        assert_eq!(ordinal([("calm", "1")]), None);
        assert_eq!(ordinal([]), None);
        assert_eq!(ordinal([("1", "1")]).unwrap().quadratic_weighted_kappa, None);
    }
}
