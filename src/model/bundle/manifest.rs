//! `fenzhen.toml`: what an exported folder does not say about its model.

use std::{collections::BTreeMap, fs, io, path::Path, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::model::{
    cascade::CascadeTable, error::ModelError, intent::Thresholds, out_of_scope::OosScore,
};

/// The file's name in a bundle.
pub(super) const FILE: &str = "fenzhen.toml";

/// What a model reads in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// What the customer wants.
    Intent,
    /// Whether the customer is pleased.
    Sentiment,
    /// What the customer feels.
    Emotion,
    /// How soon somebody must act.
    Urgency,
    /// Nothing: its outputs are the coordinates of a vector of meaning.
    Retrieval,
}

/// The schema of `fenzhen.toml`. Unknown keys are refused, since a misspelt threshold would
/// otherwise be a default nobody chose.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub(super) name: String,
    pub(super) version: Option<String>,
    pub(super) task: Option<Task>,
    #[serde(default)]
    pub(super) normalize: bool,
    pub(super) max_tokens: Option<usize>,
    pub(super) temperature: Option<f32>,
    pub(super) oos_label: Option<String>,
    pub(super) thresholds: Option<Thresholds>,
    pub(super) out_of_scope: Option<OosScore>,
    #[serde(default)]
    pub(super) cascade: CascadeTable,
    /// What to expect of the thresholds; for people.
    #[serde(default)]
    pub(super) expected: toml::Table,
    /// The model's label to ours.
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    /// File name to hash, 64 hex digits.
    #[serde(default)]
    pub(super) sha256: BTreeMap<String, String>,
    /// Data card; free form, for people.
    #[serde(default)]
    pub(super) card: toml::Table,
}

impl Manifest {
    /// The manifest of a folder that has none.
    pub(super) fn named(name: String) -> Manifest {
        Manifest { name, ..Manifest::default() }
    }

    /// The manifest of a bundle, or `None` for a folder exported by others.
    pub(super) fn read(dir: &Path) -> Result<Option<Manifest>, ModelError> {
        let path = dir.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(ModelError::Unreadable { path, source: Arc::new(source) }),
        };
        let manifest = toml::from_str(&text);
        manifest.map(Some).map_err(|error| ModelError::BadConfig {
            path,
            // toml's message is several lines long: where, the line itself, what is wrong.
            message: format!("{} at {}", error.message(), position(&text, error.span())),
        })
    }

    /// Every value out of range, as one sentence each.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if self.name.is_empty() || !self.name.chars().all(plain) {
            faults.push(format!(
                "name = {:?}: use letters, digits, dot, dash, underscore",
                self.name
            ));
        }
        if let Some(temperature) = self.temperature
            && !(temperature.is_finite() && (0.05..=20.0).contains(&temperature))
        {
            faults.push(format!("temperature = {temperature}: must be in [0.05, 20]"));
        }
        if let Some(max_tokens) = self.max_tokens
            && max_tokens < MIN_TOKENS
        {
            faults.push(format!("max_tokens = {max_tokens}: must be at least {MIN_TOKENS}"));
        }
        let CascadeTable { thresholds, reject_above, accurate_share, temperature, .. } =
            &self.cascade;
        if !(0.0..=1.0).contains(accurate_share) {
            faults.push(format!("cascade: accurate_share = {accurate_share} lies outside 0 to 1"));
        }
        if !(temperature.is_finite() && *temperature > 0.0) {
            faults.push(format!("cascade: temperature = {temperature} is not above 0"));
        }
        for (table, thresholds) in
            [("thresholds", &self.thresholds), ("cascade.thresholds", thresholds)]
        {
            if let Some(Thresholds { accept, clarify }) = thresholds
                && !(0.0 <= *clarify && clarify <= accept && *accept <= 1.0)
            {
                faults.push(format!(
                    "{table}: 0 <= clarify <= accept <= 1 must hold, but clarify = {clarify}, accept = {accept}"
                ));
            }
        }
        faults.extend(self.out_of_scope.iter().flat_map(OosScore::faults));
        if let Some(reject_above) = reject_above
            && !(0.0..=1.0).contains(reject_above)
        {
            faults.push(format!("cascade: reject_above = {reject_above} lies outside 0 to 1"));
        }
        let is_intent_only = self.out_of_scope.is_some() || self.cascade != CascadeTable::default();
        if is_intent_only && self.task == Some(Task::Sentiment) {
            faults.push("out_of_scope and cascade are for bundles that read intents".to_owned());
        }
        for (file, hash) in &self.sha256 {
            if Path::new(file).file_name().is_none_or(|name| name != file.as_str()) {
                faults.push(format!("sha256: {file:?} is not the name of a file in this folder"));
            }
            if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                faults.push(format!("sha256: {hash:?} is not 64 hex digits"));
            }
        }
        faults
    }
}

/// Two special tokens and something at each end of a text.
pub(super) const MIN_TOKENS: usize = 4;

fn position(text: &str, span: Option<std::ops::Range<usize>>) -> String {
    let before = span.and_then(|span| text.get(..span.start)).unwrap_or_default();
    format!("line {}", before.matches('\n').count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        toml::from_str::<Manifest>(text).unwrap().faults()
    }

    #[test]
    fn a_full_manifest_is_accepted() {
        let text = r#"
            name = "intent-textcnn"
            version = "0.1.0"
            task = "intent"
            normalize = true
            max_tokens = 128
            temperature = 1.23
            oos_label = "oos"
            [thresholds]
            accept = 0.50
            clarify = 0.25
            [out_of_scope]
            method = "logistic"
            oos = 3.0
            energy = -0.4
            bias = -1
            reject_above = 0.6
            [cascade]
            combine = "average"
            thresholds = { accept = 0.45, clarify = 0.2 }
            reject_above = 0.5
            expected = { accepted = 0.81 }
            [expected]
            accepted = 0.8
            [sha256]
            "model.onnx" = "0000000000000000000000000000000000000000000000000000000000000000"
            [card]
            rows = 26767
        "#;
        assert_eq!(faults(text), [] as [String; 0]);
    }

    #[test]
    fn every_value_out_of_range_is_listed() {
        let found = faults(
            r#"
            name = "a b"
            max_tokens = 3
            temperature = nan
            thresholds = { accept = 0.2, clarify = 0.3 }
            task = "sentiment"
            out_of_scope = { method = "logistic", margin = inf, reject_above = 1.1 }
            cascade = { thresholds = { accept = 1.1, clarify = 0.3 }, reject_above = -0.1 }
            sha256 = { "../model.onnx" = "12" }
            "#,
        );
        assert_eq!(found.len(), 11, "{found:#?}");
    }

    #[test]
    fn unknown_keys_are_refused_with_their_line() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE), "name = \"a\"\ntemprature = 1.2\n").unwrap();
        let message = Manifest::read(dir.path()).unwrap_err().to_string();
        assert!(message.contains("temprature") && message.ends_with("at line 2"), "{message}");
    }
}
