//! A model bundle: the folder that holds one classifier.
//!
//! Exported folders work as they are; `fenzhen.toml` adds what they do not say. Loading reads and
//! checks everything except the graph itself, which [`OnnxClassifier`](super::onnx::OnnxClassifier)
//! checks, and reports all faults at once.

mod exported;
mod inspect;
mod manifest;
mod tune;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
};

pub use inspect::{BundleReport, FileReport, TokenizerReport, TrialReport};
pub use manifest::Task;
pub use tune::Tuned;

use exported::{Config, file_error};
use manifest::{MIN_TOKENS, Manifest};
use sha2::{Digest as _, Sha256};
use tokenizers::Tokenizer;

use super::{
    cascade::CascadeTable,
    encode::Encoder,
    error::ModelError,
    intent::Thresholds,
    label::{LabelFault, LabelId, LabelSet},
    out_of_scope::OosScore,
};

const MODEL_FILE: &str = "model.onnx";

/// Tokens kept of a text where neither the bundle nor its model limits them: the limit of the BERT
/// family, and enough for nearly every text of 2,000 characters' worth of meaning.
const DEFAULT_MAX_TOKENS: usize = 512;

/// The label that means "none of these", where the bundle does not name it.
const DEFAULT_OOS_LABEL: &str = "oos";

/// A checked bundle, ready for any number of sessions. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Bundle {
    dir: PathBuf,
    id: Arc<str>,
    version: Option<String>,
    task: Option<Task>,
    labels: Arc<LabelSet>,
    card: toml::Table,
    expected: toml::Table,
    label_map: BTreeMap<String, String>,
    encoder: Encoder,
    normalize: bool,
    temperature: f32,
    thresholds: Option<Thresholds>,
    out_of_scope: Option<OosScore>,
    cascade: CascadeTable,
    oos: Option<LabelId>,
}

impl Bundle {
    /// Reads and checks the folder `dir`.
    ///
    /// # Errors
    /// The fault found, or [`ModelError::BadBundle`] with all of them: missing or unreadable files,
    /// values out of range, a hash unlike the published one, an unusable tokenizer.
    pub fn load(dir: &Path) -> Result<Bundle, ModelError> {
        if !dir.is_dir() {
            return Err(ModelError::MissingFile { path: dir.to_owned() });
        }
        let mut faults = Faults { dir, found: Vec::new() };
        let manifest = faults.keep(Manifest::read(dir)).flatten();
        let config = faults.keep(Config::read(dir)).unwrap_or_default();
        let tokenizer = faults.keep(exported::read_tokenizer(dir));
        let model_hash = faults.keep(hash_file(&dir.join(MODEL_FILE)));
        let labels = faults.labels(&config, manifest.as_ref());
        if let Some(manifest) = &manifest {
            faults.check_manifest(manifest, &config, labels.as_deref());
            faults.check_hashes(manifest, model_hash.as_deref());
        }
        match (tokenizer, model_hash, labels) {
            (Some((tokenizer, pad_id)), Some(model_hash), Some(labels))
                if faults.found.is_empty() =>
            {
                let parts = Parts { manifest, config, tokenizer, pad_id, labels };
                Ok(parts.into_bundle(dir, &model_hash))
            }
            _ => Err(ModelError::from_faults(dir.to_owned(), faults.found)
                .expect("a missing part leaves a fault")),
        }
    }

    /// `name@` and the first eight hex digits of the model's sha256.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The version its publisher gave it.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// The classes in output order.
    pub fn labels(&self) -> &Arc<LabelSet> {
        &self.labels
    }

    /// What the bundle says it reads.
    pub fn task(&self) -> Option<Task> {
        self.task
    }

    /// Whether the model was trained on normalised text.
    pub fn normalize(&self) -> bool {
        self.normalize
    }

    /// Divides the logits before softmax; fitted on held-out data, 1 where nobody did.
    pub fn temperature(&self) -> f32 {
        self.temperature
    }

    /// When to act on an intent, where the bundle says it.
    pub fn thresholds(&self) -> Option<Thresholds> {
        self.thresholds
    }

    /// How likely a message is none of the intents, where the bundle has a score of its own for it.
    pub fn out_of_scope(&self) -> Option<&OosScore> {
        self.out_of_scope.as_ref()
    }

    /// What differs where this is the accurate bundle of a cascade.
    pub fn cascade(&self) -> &CascadeTable {
        &self.cascade
    }

    /// The label for what is none of the others.
    pub fn oos(&self) -> Option<LabelId> {
        self.oos
    }

    /// `[labels]` of `fenzhen.toml`: the model's label to ours. Already applied to intents.
    pub fn label_map(&self) -> &BTreeMap<String, String> {
        &self.label_map
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Size of the model file, 0 where it has gone since.
    pub fn model_bytes(&self) -> u64 {
        std::fs::metadata(self.model_path()).map_or(0, |metadata| metadata.len())
    }

    pub(super) fn model_path(&self) -> PathBuf {
        self.dir.join(MODEL_FILE)
    }

    pub(super) fn encoder(&self) -> &Encoder {
        &self.encoder
    }

    /// Refuses a bundle that says it is for another task.
    pub(super) fn expect_task(&self, task: Task) -> Result<(), ModelError> {
        match self.task {
            Some(other) if other != task => Err(ModelError::BadConfig {
                path: self.dir.join(manifest::FILE),
                message: format!("task = {other:?}, but {task:?} was wanted").to_lowercase(),
            }),
            _ => Ok(()),
        }
    }
}

/// What a folder holds once every part of it has been read.
struct Parts {
    manifest: Option<Manifest>,
    config: Config,
    tokenizer: Tokenizer,
    pad_id: Option<u32>,
    labels: Arc<LabelSet>,
}

impl Parts {
    fn into_bundle(self, dir: &Path, model_hash: &str) -> Bundle {
        let Parts { manifest, config, tokenizer, pad_id, labels } = self;
        let manifest = manifest.unwrap_or_else(|| Manifest::named(folder_name(dir)));
        let limit = config.position_limit().unwrap_or(DEFAULT_MAX_TOKENS);
        let max_tokens = manifest.max_tokens.unwrap_or(limit.min(DEFAULT_MAX_TOKENS));
        let pad_id = config.pad_token_id.or(pad_id).unwrap_or(0);
        Bundle {
            dir: dir.to_owned(),
            id: format!("{}@{}", manifest.name, &model_hash[..8]).into(),
            version: manifest.version,
            task: manifest.task,
            oos: labels.id(manifest.oos_label.as_deref().unwrap_or(DEFAULT_OOS_LABEL)),
            labels,
            label_map: manifest.labels,
            encoder: Encoder::new(Arc::new(tokenizer), i64::from(pad_id), max_tokens),
            normalize: manifest.normalize,
            temperature: manifest.temperature.unwrap_or(1.0),
            thresholds: manifest.thresholds,
            out_of_scope: manifest.out_of_scope,
            cascade: manifest.cascade,
            card: manifest.card,
            expected: manifest.expected,
        }
    }
}

/// Collects what is wrong with a folder.
struct Faults<'a> {
    dir: &'a Path,
    found: Vec<ModelError>,
}

impl Faults<'_> {
    fn keep<T>(&mut self, result: Result<T, ModelError>) -> Option<T> {
        result.map_err(|error| self.found.push(error)).ok()
    }

    fn config(&mut self, file: &str, message: String) {
        self.found.push(ModelError::BadConfig { path: self.dir.join(file), message });
    }

    fn labels(&mut self, config: &Config, manifest: Option<&Manifest>) -> Option<Arc<LabelSet>> {
        if self.found.iter().any(|fault| is_about(fault, exported::CONFIG_FILE)) {
            return None; // One fault for one file: an unreadable config has no labels either.
        }
        let names = match config.labels() {
            Ok(names) => names,
            Err(message) => {
                self.config(exported::CONFIG_FILE, message);
                return None;
            }
        };
        let map = manifest.map(|manifest| &manifest.labels);
        for label in map.into_iter().flat_map(|map| map.keys()) {
            if !names.contains(label) {
                self.config(manifest::FILE, format!("labels: the model has no label {label:?}"));
            }
        }
        // Several labels of a sentiment model may mean one class; SentimentPolicy maps those.
        let map = map.filter(|_| manifest.is_some_and(|m| m.task == Some(Task::Intent)));
        let renamed = names
            .into_iter()
            .map(|name| map.and_then(|map| map.get(&name).cloned()).unwrap_or(name));
        let labels = LabelSet::new(renamed.collect::<Vec<String>>());
        self.keep(labels.map(Arc::new).map_err(|fault: LabelFault| fault.into()))
    }

    fn check_manifest(&mut self, manifest: &Manifest, config: &Config, labels: Option<&LabelSet>) {
        let mut messages = manifest.faults();
        let limit = config.position_limit();
        if let (Some(max_tokens), Some(limit)) = (manifest.max_tokens, limit)
            && max_tokens > limit.max(MIN_TOKENS)
        {
            messages.push(format!("max_tokens = {max_tokens}: the model has {limit} positions"));
        }
        if let (Some(oos), Some(labels)) = (&manifest.oos_label, labels)
            && labels.id(oos).is_none()
        {
            messages.push(format!("oos_label = {oos:?}: there is no such label"));
        }
        for message in messages {
            self.config(manifest::FILE, message);
        }
    }

    fn check_hashes(&mut self, manifest: &Manifest, model_hash: Option<&str>) {
        for (file, expected) in &manifest.sha256 {
            let path = self.dir.join(file);
            let actual = match model_hash {
                Some(hash) if file == MODEL_FILE => Some(hash.to_owned()),
                None if file == MODEL_FILE => None, // Reported already.
                _ => self.keep(hash_file(&path)),
            };
            if let Some(actual) = actual.filter(|actual| !actual.eq_ignore_ascii_case(expected)) {
                let expected = expected.clone();
                self.found.push(ModelError::HashMismatch { path, expected, actual });
            }
        }
    }
}

fn is_about(fault: &ModelError, file: &str) -> bool {
    match fault {
        ModelError::MissingFile { path }
        | ModelError::Unreadable { path, .. }
        | ModelError::BadConfig { path, .. } => path.ends_with(file),
        _ => false,
    }
}

fn folder_name(dir: &Path) -> String {
    let full = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    full.file_name().map_or("model".into(), |name| name.to_string_lossy().into_owned())
}

/// The sha256 of a file as 64 lower-case hex digits.
fn hash_file(path: &Path) -> Result<String, ModelError> {
    let hash = || -> std::io::Result<String> {
        let mut file = File::open(path)?;
        let mut hasher = Sha256::new();
        let mut chunk = vec![0; 1 << 16];
        loop {
            match file.read(&mut chunk)? {
                0 => break,
                n => hasher.update(&chunk[..n]),
            }
        }
        Ok(hasher.finalize().iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        }))
    };
    hash().map_err(|source| file_error(path, source))
}
