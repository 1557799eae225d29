//! The two files of the exporters: `config.json` and `tokenizer.json`.

use std::{collections::BTreeMap, fs, io, path::Path, sync::Arc};

use serde::Deserialize;
use tokenizers::Tokenizer;

use crate::model::error::ModelError;

pub(super) const CONFIG_FILE: &str = "config.json";
pub(super) const TOKENIZER_FILE: &str = "tokenizer.json";

/// What we use of `config.json`; it holds much more, which is the exporter's business.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Config {
    #[serde(default)]
    id2label: BTreeMap<String, String>,
    num_labels: Option<usize>,
    max_position_embeddings: Option<usize>,
    pub(super) pad_token_id: Option<u32>,
    pub(super) vocab_size: Option<usize>,
    model_type: Option<String>,
    problem_type: Option<String>,
}

impl Config {
    pub(super) fn read(dir: &Path) -> Result<Config, ModelError> {
        let path = dir.join(CONFIG_FILE);
        let bytes = read(&path)?;
        serde_json::from_slice(&bytes)
            .map_err(|error| ModelError::BadConfig { path, message: error.to_string() })
    }

    /// The labels in output order.
    pub(super) fn labels(&self) -> Result<Vec<String>, String> {
        if self.id2label.is_empty() {
            return Err(
                "id2label is missing: it names the model's classes, such as {\"0\": \"invoice\"}"
                    .into(),
            );
        }
        if let Some(kind) = &self.problem_type
            && kind != "single_label_classification"
        {
            return Err(format!(
                "problem_type = {kind:?}: only single_label_classification can be served"
            ));
        }
        let n_labels = self.id2label.len();
        if let Some(num_labels) = self.num_labels
            && num_labels != n_labels
        {
            return Err(format!("num_labels = {num_labels}, but id2label names {n_labels} labels"));
        }
        let label = |id: usize| {
            let missing = || format!("id2label has {n_labels} labels, but none numbered {id}");
            self.id2label.get(&id.to_string()).cloned().ok_or_else(missing)
        };
        (0..n_labels).map(label).collect()
    }

    /// The longest sequence the model has positions for, where it has a limit.
    pub(super) fn position_limit(&self) -> Option<usize> {
        // These count positions from `pad_token_id + 1`, so that 514 positions hold 512 tokens.
        // `bert` models called RoBERTa, as most Chinese ones are, do not.
        const OFFSET_TYPES: [&str; 5] =
            ["roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "roberta-prelayernorm"];
        let is_offset = self.model_type.as_deref().is_some_and(|name| OFFSET_TYPES.contains(&name));
        let unused = if is_offset { self.pad_token_id.unwrap_or(1) as usize + 1 } else { 0 };
        self.max_position_embeddings.map(|positions| positions.saturating_sub(unused))
    }
}

/// The tokenizer without its own truncation and padding, which our encoder does, and the pad token
/// it names.
pub(super) fn read_tokenizer(dir: &Path) -> Result<(Tokenizer, Option<u32>), ModelError> {
    let path = dir.join(TOKENIZER_FILE);
    let bytes = read(&path)?;
    let bad = |source: tokenizers::Error| ModelError::BadTokenizer {
        path: path.clone(),
        source: source.into(),
    };
    let mut tokenizer = Tokenizer::from_bytes(bytes).map_err(bad)?;
    let named = tokenizer.get_padding().map(|padding| padding.pad_id);
    let pad_id =
        named.or_else(|| ["[PAD]", "<pad>"].iter().find_map(|token| tokenizer.token_to_id(token)));
    tokenizer.with_padding(None).with_truncation(None).map_err(bad)?;
    // A tokenizer that parses can still fail on every text, say for want of its unknown token.
    tokenizer.encode_fast(crate::model::onnx::SAMPLE_TEXT, true).map_err(bad)?;
    Ok((tokenizer, pad_id))
}

fn read(path: &Path) -> Result<Vec<u8>, ModelError> {
    fs::read(path).map_err(|source| file_error(path, source))
}

/// The error for a file that could not be read.
pub(super) fn file_error(path: &Path, source: io::Error) -> ModelError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::NotFound => ModelError::MissingFile { path },
        _ => ModelError::Unreadable { path, source: Arc::new(source) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(json: &str) -> Config {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn labels_come_in_the_order_of_their_numbers() {
        let ids: Vec<String> = (0..12).map(|id| format!("\"{id}\": \"l{id}\"")).collect();
        let labels = config(&format!("{{\"id2label\": {{{}}}}}", ids.join(","))).labels().unwrap();
        assert_eq!(labels[9..], ["l9", "l10", "l11"]);
    }

    #[test]
    fn unusable_label_lists_are_refused() {
        let check = |json: &str, expected: &str| {
            let message = config(json).labels().unwrap_err();
            assert!(message.contains(expected), "{message}");
        };
        check("{}", "id2label is missing");
        check(r#"{"id2label": {"0": "a", "2": "b"}}"#, "none numbered 1");
        check(r#"{"id2label": {"0": "a", "1": "b"}, "num_labels": 3}"#, "num_labels = 3");
        check(
            r#"{"id2label": {"0": "a", "1": "b"}, "problem_type": "multi_label_classification"}"#,
            "problem_type",
        );
    }

    #[test]
    fn roberta_positions_start_after_the_pad_token() {
        let check = |json: &str, expected| assert_eq!(config(json).position_limit(), expected);
        check(r#"{"model_type": "bert", "max_position_embeddings": 512}"#, Some(512));
        check(
            r#"{"model_type": "xlm-roberta", "max_position_embeddings": 514, "pad_token_id": 1}"#,
            Some(512),
        );
        check(r#"{"model_type": "textcnn"}"#, None);
    }
}
