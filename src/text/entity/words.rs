//! The word lists of `words.toml`.

use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Words {
    pub(super) places: Places,
    pub(super) names: Names,
    /// Canonical name -> names customers write, separated by spaces.
    pub(super) carriers: BTreeMap<String, String>,
    pub(super) fault: Fault,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Places {
    pub(super) provinces: String,
    pub(super) cities: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Names {
    pub(super) single: String,
    pub(super) double: String,
    pub(super) none: String,
    pub(super) titles: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fault {
    pub(super) parts: String,
    pub(super) fillers: String,
    pub(super) negations: String,
    /// Canonical symptom -> phrases, separated by spaces.
    pub(super) symptoms: BTreeMap<String, String>,
}

impl Words {
    pub(super) fn compiled_in() -> Self {
        toml::from_str(include_str!("words.toml"))
            .expect("the compiled-in word lists have the form of Words")
    }
}

/// The words of one list.
pub(super) fn split(list: &str) -> impl Iterator<Item = &str> {
    list.split_whitespace()
}
