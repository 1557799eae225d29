//! How likely a message is none of the intents, judged by more than the `oos` class.
//!
//! A class trained on some out-of-scope texts knows others badly. How large the logits are and how
//! near the best two intents lie say something of those too; a logistic regression, fitted beside
//! the model, weighs all of it.

use serde::{Deserialize, Serialize};

use super::{classifier::Scores, label::LabelId};

/// What can be told of one message beside its best intent. Probabilities are the calibrated ones.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OosFeatures {
    /// Probability of the `oos` class, in [0, 1]; 0 where the model has none.
    pub oos: f32,
    /// See [`Shape`](super::classifier::Shape).
    pub energy: f32,
    /// The largest logit.
    pub max_logit: f32,
    /// Best probability less the second best, in [0, 1], the `oos` class left out.
    pub margin: f32,
    /// Of all probabilities, in nats: 0 for a sure model, ln(labels) for one that knows nothing.
    pub entropy: f32,
}

impl OosFeatures {
    /// The features of one message; `None` where its scores come from no logits.
    pub fn new(scores: &Scores, oos: Option<LabelId>) -> Option<OosFeatures> {
        let shape = scores.shape()?;
        let (mut best, mut second) = (0.0, 0.0);
        for (label_idx, &p) in scores.as_slice().iter().enumerate() {
            if oos.is_none_or(|oos| oos.index() != label_idx) {
                (best, second) = if p > best { (p, best) } else { (best, p.max(second)) };
            }
        }
        let information = |p: &f32| if *p > 0.0 { -p * p.ln() } else { 0.0 };
        Some(OosFeatures {
            oos: oos.map_or(0.0, |oos| scores.get(oos)),
            energy: shape.energy,
            max_logit: shape.max_logit,
            margin: best - second,
            entropy: scores.as_slice().iter().map(information).sum(),
        })
    }
}

/// How the features become a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// `sigmoid(Σ weight · feature + bias)`.
    Logistic,
}

/// `[out_of_scope]` of a bundle: the weight of each feature, 0 where it is not named. They are fitted
/// to one model's logits and mean nothing for another's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OosScore {
    /// How the features become a score.
    pub method: Method,
    /// Weight of [`OosFeatures::oos`].
    #[serde(default)]
    pub oos: f32,
    /// Weight of [`OosFeatures::energy`].
    #[serde(default)]
    pub energy: f32,
    /// Weight of [`OosFeatures::max_logit`].
    #[serde(default)]
    pub max_logit: f32,
    /// Weight of [`OosFeatures::margin`].
    #[serde(default)]
    pub margin: f32,
    /// Weight of [`OosFeatures::entropy`].
    #[serde(default)]
    pub entropy: f32,
    /// Added to the weighted sum.
    #[serde(default)]
    pub bias: f32,
    /// A message with a higher score is rejected, whatever intent leads; in [0, 1], not included.
    pub reject_above: Option<f32>,
}

impl OosScore {
    /// Probability that the message is none of the intents, in [0, 1].
    pub fn of(&self, features: &OosFeatures) -> f32 {
        let sum = self.oos * features.oos
            + self.energy * features.energy
            + self.max_logit * features.max_logit
            + self.margin * features.margin
            + self.entropy * features.entropy
            + self.bias;
        // Huge logits of opposite weights may cancel to no number; nothing is known then.
        if sum.is_nan() { 0.5 } else { 1.0 / (1.0 + (-sum).exp()) }
    }

    /// Every value out of range, as one sentence each.
    pub(super) fn faults(&self) -> Vec<String> {
        let weights = [
            ("oos", self.oos),
            ("energy", self.energy),
            ("max_logit", self.max_logit),
            ("margin", self.margin),
            ("entropy", self.entropy),
            ("bias", self.bias),
        ];
        let infinite = weights.into_iter().filter(|(_, weight)| !weight.is_finite());
        let mut faults: Vec<String> = infinite
            .map(|(name, weight)| format!("out_of_scope: {name} = {weight} is no finite number"))
            .collect();
        if let Some(reject_above) = self.reject_above
            && !(0.0..=1.0).contains(&reject_above)
        {
            faults.push(format!("out_of_scope: reject_above = {reject_above} lies outside 0 to 1"));
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZERO: OosScore = OosScore {
        method: Method::Logistic,
        oos: 0.0,
        energy: 0.0,
        max_logit: 0.0,
        margin: 0.0,
        entropy: 0.0,
        bias: 0.0,
        reject_above: None,
    };

    /// Probabilities 8/15, 4/15, 2/15, 1/15.
    fn features(oos: Option<LabelId>) -> OosFeatures {
        let logits = [8.0f32, 4.0, 2.0, 1.0].map(f32::ln);
        OosFeatures::new(&Scores::from_logits(&logits, 1.0).unwrap(), oos).unwrap()
    }

    #[test]
    fn features_by_hand() {
        let near = |a: f32, b: f32| assert!((a - b).abs() < 1e-5, "{a} {b}");
        let found = features(Some(LabelId(1)));
        near(found.oos, 4.0 / 15.0);
        near(found.energy, 15.0f32.ln());
        near(found.max_logit, 8.0f32.ln());
        // 8/15 − 2/15: the oos class is none of the two best.
        near(found.margin, 6.0 / 15.0);
        // ln 15 − (8 ln 8 + 4 ln 4 + 2 ln 2) / 15.
        near(found.entropy, 1.136_916_6);
        let found = features(None);
        near(found.oos, 0.0);
        near(found.margin, 4.0 / 15.0);
        assert_eq!(OosFeatures::new(&Scores::from_weights(vec![1.0, 2.0]), None), None);
    }

    #[test]
    fn each_weight_reaches_its_feature() {
        let features = features(Some(LabelId(1)));
        let logit = |score: OosScore| {
            let p = score.of(&features);
            (p / (1.0 - p)).ln()
        };
        let cases = [
            (OosScore { oos: 2.0, ..ZERO }, 2.0 * features.oos),
            (OosScore { energy: -0.5, ..ZERO }, -0.5 * features.energy),
            (OosScore { max_logit: 0.5, ..ZERO }, 0.5 * features.max_logit),
            (OosScore { margin: -3.0, ..ZERO }, -3.0 * features.margin),
            (OosScore { entropy: 1.5, ..ZERO }, 1.5 * features.entropy),
            (OosScore { bias: -1.0, ..ZERO }, -1.0),
            (ZERO, 0.0),
        ];
        for (score, expected) in cases {
            assert!((logit(score) - expected).abs() < 1e-4, "{score:?}: {}", logit(score));
        }
    }

    #[test]
    fn extreme_logits_give_a_probability() {
        let scores = Scores::from_logits(&[f32::MAX, f32::MIN], 1.0).unwrap();
        let features = OosFeatures::new(&scores, None).unwrap();
        let score = OosScore { energy: 1e30, max_logit: -1e30, ..ZERO };
        assert_eq!(score.of(&features), 0.5);
        assert_eq!(OosScore { energy: 1e30, ..ZERO }.of(&features), 1.0);
    }

    #[test]
    fn misspelt_weights_are_refused() {
        let read = |text: &str| toml::from_str::<OosScore>(text);
        let score = read("method = \"logistic\"\noos = 3\nreject_above = 0.7").unwrap();
        assert_eq!(score, OosScore { oos: 3.0, reject_above: Some(0.7), ..ZERO });
        assert!(read("method = \"logistic\"\nenergi = 1.0").is_err());
        assert!(read("method = \"forest\"").is_err());
        assert!(read("oos = 1.0").is_err());
        let faults = OosScore { margin: f32::NAN, reject_above: Some(1.5), ..ZERO }.faults();
        assert_eq!(faults.len(), 2, "{faults:?}");
    }
}
