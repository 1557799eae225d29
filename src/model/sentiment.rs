//! Three classes out of whatever labels a sentiment model has.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    bundle::{Bundle, Task},
    classifier::Scores,
    error::ModelError,
    label::LabelSet,
};

/// How the customer feels about what the message is about.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Sentiment {
    /// Reproach, anger, distress, disappointment, impatience, or harm done.
    Negative,
    /// Plain questions and requests.
    Neutral,
    /// Thanks for help received, praise, pleased.
    Positive,
}

impl Sentiment {
    /// All three, in the order used everywhere.
    pub const ALL: [Sentiment; 3] = [Sentiment::Negative, Sentiment::Neutral, Sentiment::Positive];

    /// The name as written in responses.
    pub fn as_str(self) -> &'static str {
        match self {
            Sentiment::Negative => "negative",
            Sentiment::Neutral => "neutral",
            Sentiment::Positive => "positive",
        }
    }

    /// The class a label means, case aside; `LABEL_0` and the like mean nothing.
    fn from_label(label: &str) -> Option<Sentiment> {
        match label.trim().to_lowercase().as_str() {
            "negative" | "neg" | "负面" | "消极" => Some(Sentiment::Negative),
            "neutral" | "neu" | "中性" => Some(Sentiment::Neutral),
            "positive" | "pos" | "正面" | "积极" => Some(Sentiment::Positive),
            _ => None,
        }
    }
}

/// Probabilities of the three classes, summing to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SentimentScores {
    /// Probability in [0, 1] that the customer is displeased.
    #[schema(example = 0.88)]
    pub negative: f32,
    /// Probability in [0, 1] that the message is plain; 0 for models of two classes.
    #[schema(example = 0.11)]
    pub neutral: f32,
    /// Probability in [0, 1] that the customer is pleased.
    #[schema(example = 0.01)]
    pub positive: f32,
}

/// How one message sounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SentimentReading {
    /// The most probable class; of equal ones the first of [`Sentiment::ALL`], the one that gets
    /// more attention.
    pub label: Sentiment,
    /// Its calibrated probability.
    pub score: f32,
    /// All three.
    pub scores: SentimentScores,
}

/// Knows which class each label of a model means. Immutable; share it freely.
#[derive(Debug, Clone, PartialEq)]
pub struct SentimentPolicy {
    /// By label number.
    classes: Vec<Sentiment>,
}

impl SentimentPolicy {
    /// The policy of a bundle, with the label map of its `fenzhen.toml`.
    ///
    /// # Errors
    /// [`ModelError::UnknownSentiment`] or [`ModelError::MissingSentiment`] say which label to map;
    /// [`ModelError::BadConfig`] for a bundle that says it reads intents.
    pub fn new(bundle: &Bundle) -> Result<SentimentPolicy, ModelError> {
        bundle.expect_task(Task::Sentiment)?;
        SentimentPolicy::from_labels(bundle.labels(), bundle.label_map())
    }

    /// The policy for a label set. `map` holds the model's label and ours, such as `LABEL_0` and
    /// `negative`; several labels may mean one class.
    ///
    /// # Errors
    /// [`ModelError::UnknownSentiment`] or [`ModelError::MissingSentiment`].
    pub fn from_labels(
        labels: &LabelSet,
        map: &BTreeMap<String, String>,
    ) -> Result<SentimentPolicy, ModelError> {
        let class = |name: &str| {
            let ours = map.get(name).map_or(name, String::as_str);
            let unknown = || ModelError::UnknownSentiment { label: name.to_owned() };
            Sentiment::from_label(ours).ok_or_else(unknown)
        };
        let classes =
            labels.names().iter().map(|name| class(name)).collect::<Result<Vec<_>, _>>()?;
        for needed in [Sentiment::Negative, Sentiment::Positive] {
            if !classes.contains(&needed) {
                return Err(ModelError::MissingSentiment { missing: needed.as_str() });
            }
        }
        Ok(SentimentPolicy { classes })
    }

    /// Reads one message's scores, which come from the model this policy was made for.
    pub fn read(&self, scores: &Scores) -> SentimentReading {
        let mut sums = [0.0; 3];
        for (class, score) in self.classes.iter().zip(scores.as_slice()) {
            sums[*class as usize] += score;
        }
        let [negative, neutral, positive] = sums;
        let (mut label, mut score) = (Sentiment::Negative, negative);
        for class in Sentiment::ALL {
            if sums[class as usize] > score {
                (label, score) = (class, sums[class as usize]);
            }
        }
        SentimentReading { label, score, scores: SentimentScores { negative, neutral, positive } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(labels: &[&str], map: &[(&str, &str)]) -> Result<SentimentPolicy, ModelError> {
        let map = map.iter().map(|(from, to)| (from.to_string(), to.to_string())).collect();
        SentimentPolicy::from_labels(&LabelSet::new(labels.iter().copied()).unwrap(), &map)
    }

    fn read(labels: &[&str], map: &[(&str, &str)], weights: &[f32]) -> SentimentReading {
        policy(labels, map).unwrap().read(&Scores::from_weights(weights.to_vec()))
    }

    #[test]
    fn any_order_and_case_of_labels_is_understood() {
        let reading = read(&["POSITIVE", "Negative", "neu"], &[], &[1.0, 8.0, 1.0]);
        assert_eq!(reading.label, Sentiment::Negative);
        assert!((reading.score - 0.8).abs() < 1e-6);
        let reading = read(&["消极", "积极"], &[], &[1.0, 3.0]);
        assert_eq!(reading.label, Sentiment::Positive);
        assert_eq!(reading.scores.neutral, 0.0);
    }

    #[test]
    fn several_labels_may_mean_one_class() {
        let map = [("1 star", "negative"), ("2 stars", "negative"), ("5 stars", "positive")];
        let reading =
            read(&["1 star", "2 stars", "neutral", "5 stars"], &map, &[3.0, 3.0, 4.0, 1.0]);
        assert_eq!(reading.label, Sentiment::Negative);
    }

    #[test]
    fn of_equal_classes_the_worse_wins() {
        let reading = read(&["positive", "neutral", "negative"], &[], &[1.0, 1.0, 1.0]);
        assert_eq!(reading.label, Sentiment::Negative);
    }

    #[test]
    fn unnamed_classes_are_refused_with_the_remedy() {
        let message = policy(&["LABEL_0", "LABEL_1"], &[]).unwrap_err().to_string();
        assert!(message.contains("\"LABEL_0\"") && message.contains("[labels]"), "{message}");
        let message = policy(&["negative", "neutral"], &[]).unwrap_err().to_string();
        assert!(message.contains("no label means positive"), "{message}");
    }

    #[test]
    fn the_number_of_a_class_is_its_place_in_the_list() {
        for (index, class) in Sentiment::ALL.into_iter().enumerate() {
            assert_eq!(class as usize, index);
        }
    }
}
