//! Everything that can go wrong between a bundle on disk and a score, without a word about HTTP.

use std::{error::Error, io, path::PathBuf, sync::Arc, time::Duration};

use super::label::LabelFault;

/// A cause that several waiting turns can share.
pub type Cause = Arc<dyn Error + Send + Sync + 'static>;

/// Why a model could not be loaded or could not answer.
///
/// Cheap to clone: one failed batch is reported to every turn in it. `Overloaded` and `Deadline` are the caller's
/// to retry, `Stopped` means the process is going down, everything else needs an operator.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ModelError {
    /// No ONNX Runtime library was found.
    #[error(
        "the ONNX Runtime library {} is missing (looked for {}): run `make build` to fetch it, or name its path in the settings",
        super::runtime::file_name(),
        list(searched)
    )]
    MissingRuntime {
        /// Every path that was tried, in order.
        searched: Vec<PathBuf>,
    },
    /// A library was found but is not an ONNX Runtime we can use.
    #[error("{} is not a usable ONNX Runtime library: run `make build` to fetch the right one ({reason})", path.display())]
    WrongRuntime {
        /// The file that was tried.
        path: PathBuf,
        /// What the loader said.
        reason: String,
    },
    /// A file the bundle needs is not there.
    #[error("{} is missing", path.display())]
    MissingFile {
        /// The file.
        path: PathBuf,
    },
    /// A file is there but cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: Arc<io::Error>,
    },
    /// `config.json` or `fenzhen.toml` holds something unusable.
    #[error("{}: {message}", path.display())]
    BadConfig {
        /// The file.
        path: PathBuf,
        /// Which field, what is wrong with it, and what would be right.
        message: String,
    },
    /// A file is not the one the bundle was published with.
    #[error("{} has sha256 {actual}, but fenzhen.toml says {expected}", path.display())]
    HashMismatch {
        /// The file.
        path: PathBuf,
        /// From `fenzhen.toml`.
        expected: String,
        /// Of the file on disk.
        actual: String,
    },
    /// The label names cannot form a label set.
    #[error("the labels are unusable: {0}")]
    BadLabels(#[from] LabelFault),
    /// The sentiment labels do not say which of the three classes they mean.
    #[error(
        "the label {label:?} is not a sentiment: map each label in fenzhen.toml, such as [labels] {label:?} = \"negative\""
    )]
    UnknownSentiment {
        /// The first label that is not understood.
        label: String,
    },
    /// A sentiment bundle never says negative or never says positive.
    #[error("no label means {missing}: a sentiment bundle needs at least negative and positive")]
    MissingSentiment {
        /// The class without a label.
        missing: &'static str,
    },
    /// A label of an emotion or urgency model names none of the classes.
    #[error(
        "the label {label:?} is none of {known}: map each label in fenzhen.toml, such as [labels] {label:?} = ..."
    )]
    UnknownClass {
        /// The first label that is not understood.
        label: String,
        /// The classes there are.
        known: String,
    },
    /// The model's output is not as wide as the label list.
    #[error("the model gives {width} scores, but config.json names {labels} labels")]
    LabelCount {
        /// Labels in `config.json`.
        labels: usize,
        /// Width of the output.
        width: usize,
    },
    /// The two classifiers of a cascade do not give the same labels in the same order.
    #[error(
        "{fast} and {accurate} cannot form a cascade: {}",
        list_differences(only_fast, only_accurate)
    )]
    LabelsDiffer {
        /// Id of the fast classifier.
        fast: String,
        /// Id of the accurate classifier.
        accurate: String,
        /// Labels that only the fast one gives.
        only_fast: Vec<String>,
        /// Labels that only the accurate one gives; where both are empty, the order differs.
        only_accurate: Vec<String>,
    },
    /// `tokenizer.json` cannot be read or does not work.
    #[error("{} is not a usable tokenizer: {source}", path.display())]
    BadTokenizer {
        /// The file.
        path: PathBuf,
        /// The tokenizer library's reason.
        source: Cause,
    },
    /// `model.onnx` cannot be loaded: truncated, not ONNX, or with operators the runtime does not know.
    #[error("{} is not a usable ONNX model: {source}", path.display())]
    BadModel {
        /// The file.
        path: PathBuf,
        /// The runtime's reason.
        source: Cause,
    },
    /// The model asks for inputs or gives outputs that sequence classifiers do not have.
    #[error("the model cannot be driven: {message}")]
    UnsupportedModel {
        /// Which input or output, what it is, and what was expected.
        message: String,
    },
    /// Several of the above; all faults of a bundle are listed at once.
    #[error("{} has {} faults: {}", dir.display(), faults.len(), list_errors(faults))]
    BadBundle {
        /// The bundle's folder.
        dir: PathBuf,
        /// Two or more faults, in the order of the files.
        faults: Vec<ModelError>,
    },
    /// The built-in keyword table is broken.
    #[error("the keyword table is unusable: {message}")]
    BadKeywords {
        /// What is wrong with it.
        message: String,
    },
    /// The text could not be turned into tokens.
    #[error("the text could not be tokenized: {source}")]
    Encode {
        /// The tokenizer library's reason.
        source: Cause,
    },
    /// The runtime failed while computing.
    #[error("inference failed: {source}")]
    Inference {
        /// The runtime's reason.
        source: Cause,
    },
    /// A score is not a finite number.
    #[error("the model gave {value} as the score of label {label_idx}")]
    NotFinite {
        /// Position of the label.
        label_idx: usize,
        /// NaN or an infinity.
        value: f32,
    },
    /// The classifier panicked; its worker has been rebuilt.
    #[error("the model {model} panicked")]
    Panicked {
        /// The classifier's id, or `loading`. Not the panic's message, which may quote the text.
        model: String,
    },
    /// The queue is full. Nothing was done; try again after a while.
    #[error("{waiting} of {depth} places in the model queue are taken, no room for {wanted} more")]
    Overloaded {
        /// Texts waiting now.
        waiting: usize,
        /// Texts that may wait.
        depth: usize,
        /// Texts that asked to enter.
        wanted: usize,
    },
    /// The turn's deadline passed before there was an answer.
    #[error("the deadline passed after {} ms in the model queue", waited.as_millis())]
    Deadline {
        /// How long the turn had waited.
        waited: Duration,
    },
    /// The pool has been stopped; the process is shutting down.
    #[error("the model workers have been stopped")]
    Stopped,
    /// The operating system gave no thread for a worker.
    #[error("cannot start a model worker: {source}")]
    Spawn {
        /// The operating system's reason.
        source: Arc<io::Error>,
    },
}

impl ModelError {
    /// One error for a list of faults: the only one, or all of them.
    pub(crate) fn from_faults(dir: PathBuf, mut faults: Vec<ModelError>) -> Option<ModelError> {
        match faults.len() {
            0 => None,
            1 => faults.pop(),
            _ => Some(ModelError::BadBundle { dir, faults }),
        }
    }
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

fn list_differences(only_fast: &[String], only_accurate: &[String]) -> String {
    let sides = [("first", only_fast), ("second", only_accurate)];
    let listed = sides.into_iter().filter(|(_, labels)| !labels.is_empty());
    let parts: Vec<String> =
        listed.map(|(side, labels)| format!("only the {side} has {}", labels.join(", "))).collect();
    if parts.is_empty() {
        "they have the same labels in another order".to_owned()
    } else {
        parts.join("; ")
    }
}

fn list_errors(faults: &[ModelError]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
