//! Tests over the whole module; filled below.
use super::*;

/// The contract in [`Classifier`]'s docs; every implementation goes through it.
pub(super) fn check_contract(classifier: &mut dyn Classifier) {
    let _ = classifier;
}
