//! Named classes out of a model's labels, whatever their order: emotion and urgency.

use std::collections::BTreeMap;

use super::{
    bundle::{Bundle, Task},
    classifier::Scores,
    error::ModelError,
    label::LabelSet,
};

/// The classes of an urgency model, which are the levels 0 to 3.
pub const URGENCY_CLASSES: [&str; 4] = ["0", "1", "2", "3"];

/// Knows which of `N` classes each label of a model means. Immutable; share it freely.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassPolicy<const N: usize> {
    /// Class by label number.
    classes: Vec<usize>,
}

impl<const N: usize> ClassPolicy<N> {
    /// The policy of a bundle for `task`, with the label map of its `fenzhen.toml`.
    ///
    /// # Errors
    /// [`ModelError::UnknownClass`] says which label to map; [`ModelError::BadConfig`] for a bundle
    /// that says it is for another task.
    pub fn new(bundle: &Bundle, task: Task, names: [&str; N]) -> Result<Self, ModelError> {
        bundle.expect_task(task)?;
        Self::from_labels(bundle.labels(), bundle.label_map(), names)
    }

    /// The policy for a label set. `map` holds the model's label and ours; several labels may mean
    /// one class, and a class without a label has probability 0.
    ///
    /// # Errors
    /// [`ModelError::UnknownClass`].
    pub fn from_labels(
        labels: &LabelSet,
        map: &BTreeMap<String, String>,
        names: [&str; N],
    ) -> Result<Self, ModelError> {
        let class = |label: &str| {
            let ours = map.get(label).map_or(label, String::as_str).trim().to_lowercase();
            names.iter().position(|name| *name == ours).ok_or_else(|| ModelError::UnknownClass {
                label: label.to_owned(),
                known: names.join(", "),
            })
        };
        let classes = labels.names().iter().map(|label| class(label)).collect::<Result<_, _>>()?;
        Ok(Self { classes })
    }

    /// The probability of each class; `scores` come from the model this policy was made for.
    #[must_use]
    pub fn read(&self, scores: &Scores) -> [f32; N] {
        let mut sums = [0.0; N];
        for (class, score) in self.classes.iter().zip(scores.as_slice()) {
            sums[*class] += score;
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_in_any_order_and_under_other_names_are_understood() {
        let labels = LabelSet::new(["2", "LABEL_0", "1"]).unwrap();
        let map = BTreeMap::from([("LABEL_0".to_owned(), "0".to_owned())]);
        let policy = ClassPolicy::from_labels(&labels, &map, URGENCY_CLASSES).unwrap();
        let read = policy.read(&Scores::from_weights(vec![1.0, 2.0, 1.0]));
        assert_eq!(read, [0.5, 0.25, 0.25, 0.0]);
    }

    #[test]
    fn an_unknown_class_is_refused_with_the_remedy() {
        let labels = LabelSet::new(["0", "high"]).unwrap();
        let error = ClassPolicy::from_labels(&labels, &BTreeMap::new(), URGENCY_CLASSES);
        let message = error.unwrap_err().to_string();
        assert!(message.contains("\"high\"") && message.contains("0, 1, 2, 3"), "{message}");
    }
}
