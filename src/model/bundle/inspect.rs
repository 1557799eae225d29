//! `fenzhen model inspect`: what a folder holds and whether it is sound.

use std::{fs, path::Path, time::Instant};

use serde::Serialize;

use super::{Bundle, Config, MODEL_FILE, Task, exported, hash_file, manifest};
use crate::model::{
    classes::{ClassPolicy, URGENCY_CLASSES},
    classifier::{Classifier as _, Utterance},
    encode::TokenBuf,
    error::ModelError,
    intent::Thresholds,
    onnx::{self, OnnxClassifier, OnnxSettings, SAMPLE_TEXT, TensorInfo},
    out_of_scope::OosScore,
    sentiment::SentimentPolicy,
};
use crate::text::lexicon::EmotionLabel;

/// Everything worth knowing about a bundle; parts that could not be read are absent and their
/// reason is among the problems.
#[derive(Debug, Clone, Serialize)]
pub struct BundleReport {
    /// The folder as given.
    pub dir: String,
    /// Whether a service can run on it: no problem was found.
    pub sound: bool,
    /// `name@` and eight hex digits.
    pub id: Option<String>,
    /// The version its publisher gave it.
    pub version: Option<String>,
    /// What it says it reads.
    pub task: Option<Task>,
    /// Its files, by name.
    pub files: Vec<FileReport>,
    /// The model's inputs.
    pub inputs: Vec<TensorInfo>,
    /// The model's outputs.
    pub outputs: Vec<TensorInfo>,
    /// The classes in output order.
    pub labels: Vec<String>,
    /// Entries of the tokenizer, added ones included.
    pub vocabulary_size: Option<usize>,
    /// Tokens kept of a text.
    pub max_tokens: Option<usize>,
    /// Whether normalised text is fed.
    pub normalize: Option<bool>,
    /// Divides the logits.
    pub temperature: Option<f32>,
    /// Those of the bundle; absent where defaults apply.
    pub thresholds: Option<Thresholds>,
    /// Its score for what is none of the intents; absent where that of the label counts.
    pub out_of_scope: Option<OosScore>,
    /// What to expect of the thresholds, as their fitting left it.
    pub expected: Option<toml::Table>,
    /// Its data card.
    pub card: Option<toml::Table>,
    /// What the tokenizer makes of a sample.
    pub tokenizer: Option<TokenizerReport>,
    /// What the model makes of it.
    pub trial: Option<TrialReport>,
    /// What is wrong, one sentence each.
    pub problems: Vec<String>,
}

/// One file of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileReport {
    /// Its name.
    pub name: String,
    /// Its size.
    pub size_bytes: u64,
    /// Its hash, 64 hex digits.
    pub sha256: String,
}

/// The tokens of a sample text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TokenizerReport {
    /// The sample.
    pub text: String,
    /// The numbers the model gets.
    pub input_ids: Vec<i64>,
}

/// The model's reading of a sample text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrialReport {
    /// The sample.
    pub text: String,
    /// The most probable label.
    pub label: String,
    /// Its calibrated probability.
    pub score: f32,
    /// Time of one warm run, tokenizing included.
    pub took_us: u64,
    /// Whether several texts can share a run without changing each other's scores.
    pub batches: bool,
}

impl Bundle {
    /// Looks at the folder `dir` and tries its model out. Starts ONNX Runtime if nobody has.
    pub fn inspect(dir: &Path) -> BundleReport {
        let mut report = BundleReport::of_files(dir);
        match Bundle::load(dir) {
            Ok(bundle) => report.add_bundle(&bundle),
            Err(error) => report.add_error(error),
        }
        report.sound = report.problems.is_empty();
        report
    }
}

impl BundleReport {
    fn of_files(dir: &Path) -> BundleReport {
        let mut report = BundleReport {
            dir: dir.display().to_string(),
            sound: false,
            id: None,
            version: None,
            task: None,
            files: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            labels: Vec::new(),
            vocabulary_size: None,
            max_tokens: None,
            normalize: None,
            temperature: None,
            thresholds: None,
            out_of_scope: None,
            expected: None,
            card: None,
            tokenizer: None,
            trial: None,
            problems: Vec::new(),
        };
        for name in [MODEL_FILE, exported::TOKENIZER_FILE, exported::CONFIG_FILE, manifest::FILE] {
            let path = dir.join(name);
            // What is missing or unreadable is reported by loading.
            if let (Ok(metadata), Ok(sha256)) = (fs::metadata(&path), hash_file(&path)) {
                let size_bytes = metadata.len();
                report.files.push(FileReport { name: name.to_owned(), size_bytes, sha256 });
            }
        }
        report
    }

    fn add_bundle(&mut self, bundle: &Bundle) {
        self.id = Some(bundle.id().to_owned());
        self.version = bundle.version.clone();
        self.task = bundle.task;
        self.expected = Some(bundle.expected.clone()).filter(|expected| !expected.is_empty());
        self.card = Some(bundle.card.clone()).filter(|card| !card.is_empty());
        self.labels = bundle.labels.names().iter().map(ToString::to_string).collect();
        self.vocabulary_size = Some(bundle.encoder.vocabulary_size());
        self.max_tokens = Some(bundle.encoder.max_tokens());
        self.normalize = Some(bundle.normalize);
        self.temperature = Some(bundle.temperature);
        self.thresholds = bundle.thresholds;
        self.out_of_scope = bundle.out_of_scope;
        let mut tokens = TokenBuf::default();
        match bundle.encoder.push(SAMPLE_TEXT, &mut tokens) {
            Ok(()) => {
                let input_ids = tokens.ids(0).to_vec();
                self.tokenizer = Some(TokenizerReport { text: SAMPLE_TEXT.to_owned(), input_ids });
            }
            Err(error) => self.add_error(error),
        }
        self.check_vocabulary(bundle);
        let labels = match bundle.task {
            Some(Task::Sentiment) => SentimentPolicy::new(bundle).err(),
            Some(Task::Emotion) => {
                let names = EmotionLabel::ALL.map(EmotionLabel::as_str);
                ClassPolicy::new(bundle, Task::Emotion, names).err()
            }
            Some(Task::Urgency) => ClassPolicy::new(bundle, Task::Urgency, URGENCY_CLASSES).err(),
            Some(Task::Retrieval) => None,
            Some(Task::Intent) | None => None,
        };
        if let Some(error) = labels {
            self.add_error(error);
        }
        match onnx::describe(&bundle.model_path()) {
            Ok((inputs, outputs)) => {
                (self.inputs, self.outputs) = (inputs, outputs);
                match try_out(bundle) {
                    Ok(trial) => self.trial = Some(trial),
                    Err(error) => self.add_error(error),
                }
            }
            Err(error) => self.add_error(error),
        }
    }

    /// A tokenizer larger than the embedding fails on some texts only, so loading lets it pass.
    fn check_vocabulary(&mut self, bundle: &Bundle) {
        let vocabulary_size = bundle.encoder.vocabulary_size();
        let stated = Config::read(&bundle.dir).ok().and_then(|config| config.vocab_size);
        if let Some(stated) = stated.filter(|stated| vocabulary_size > *stated) {
            self.problems.push(format!(
                "the tokenizer has {vocabulary_size} tokens, but config.json says the model knows {stated}"
            ));
        }
    }

    fn add_error(&mut self, error: ModelError) {
        match error {
            ModelError::BadBundle { faults, .. } => {
                self.problems.extend(faults.iter().map(ToString::to_string));
            }
            other => self.problems.push(other.to_string()),
        }
    }
}

fn try_out(bundle: &Bundle) -> Result<TrialReport, ModelError> {
    let mut classifier = OnnxClassifier::new(bundle, OnnxSettings::default())?;
    let utterance = [Utterance { raw: SAMPLE_TEXT, normalized: SAMPLE_TEXT }];
    let started = Instant::now();
    let scores = classifier.classify(&utterance)?;
    let took_us = started.elapsed().as_micros() as u64;
    let top = scores[0].top();
    Ok(TrialReport {
        text: SAMPLE_TEXT.to_owned(),
        label: bundle.labels.name(top.label).to_string(),
        score: top.score,
        took_us,
        batches: classifier.runs_batches(),
    })
}
