//! Labels by number: everything between the model and the response carries a [`LabelId`], not a name.

use std::{collections::HashMap, sync::Arc};

/// Position of a label in its [`LabelSet`], equal to the column of the model's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LabelId(pub u16);

impl LabelId {
    /// The position as an index.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// Why a list of names is no label set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabelFault {
    /// A classifier needs two classes at least.
    #[error("{n_labels} labels given, at least 2 are needed")]
    TooFew {
        /// How many there are.
        n_labels: usize,
    },
    /// More than a [`LabelId`] can number.
    #[error("{n_labels} labels given, at most 65536 are possible")]
    TooMany {
        /// How many there are.
        n_labels: usize,
    },
    /// A name is empty or only white space.
    #[error("label {index} has no name")]
    Unnamed {
        /// Position of the label.
        index: usize,
    },
    /// Two labels share a name.
    #[error("the label {name:?} is listed twice")]
    Duplicate {
        /// The name.
        name: String,
    },
}

/// The names of a model's classes in output order; between 2 and 65536, each once.
#[derive(Debug, PartialEq, Eq)]
pub struct LabelSet {
    names: Box<[Arc<str>]>,
    ids: HashMap<Arc<str>, LabelId>,
}

impl LabelSet {
    /// A label set with the names in the order of the model's output columns.
    ///
    /// # Errors
    /// [`LabelFault`] names the first name that cannot be used.
    pub fn new<N: Into<Arc<str>>>(
        names: impl IntoIterator<Item = N>,
    ) -> Result<LabelSet, LabelFault> {
        let names: Box<[Arc<str>]> = names.into_iter().map(Into::into).collect();
        let n_labels = names.len();
        if n_labels < 2 {
            return Err(LabelFault::TooFew { n_labels });
        }
        let mut ids = HashMap::with_capacity(n_labels);
        for (index, name) in names.iter().enumerate() {
            let id = u16::try_from(index).map_err(|_| LabelFault::TooMany { n_labels })?;
            if name.trim().is_empty() {
                return Err(LabelFault::Unnamed { index });
            }
            if ids.insert(name.clone(), LabelId(id)).is_some() {
                return Err(LabelFault::Duplicate { name: name.to_string() });
            }
        }
        Ok(LabelSet { names, ids })
    }

    /// How many labels there are.
    #[expect(clippy::len_without_is_empty, reason = "a label set is never empty")]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// The name of a label.
    ///
    /// # Panics
    /// When `id` belongs to a larger label set.
    pub fn name(&self, id: LabelId) -> &Arc<str> {
        &self.names[id.index()]
    }

    /// The number of a name; names are compared as they are, case included.
    pub fn id(&self, name: &str) -> Option<LabelId> {
        self.ids.get(name).copied()
    }

    /// All names in the order of their numbers.
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// All numbers with their names, in order.
    pub fn iter(&self) -> impl Iterator<Item = (LabelId, &Arc<str>)> {
        self.names.iter().enumerate().map(|(index, name)| (LabelId(index as u16), name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_agree() {
        let labels = LabelSet::new(["invoice", "shipping.delay", "oos"]).unwrap();
        assert_eq!(labels.len(), 3);
        for (id, name) in labels.iter() {
            assert_eq!(labels.id(name), Some(id));
            assert_eq!(labels.name(id), name);
        }
        assert_eq!(labels.id("OOS"), None);
    }

    #[test]
    fn unusable_names_are_refused() {
        let check = |names: &[&str], expected| {
            assert_eq!(LabelSet::new(names.iter().copied()).unwrap_err(), expected);
        };
        check(&[], LabelFault::TooFew { n_labels: 0 });
        check(&["a"], LabelFault::TooFew { n_labels: 1 });
        check(&["a", " "], LabelFault::Unnamed { index: 1 });
        check(&["a", "b", "a"], LabelFault::Duplicate { name: "a".into() });
    }
}
