//! What can go wrong when figures are made.

use std::{error::Error, io, path::PathBuf};

/// The cause behind an error of a closure passed in; its type is the caller's.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Why an evaluation gave no figures. Messages name file, line and field, never a message's text.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A line is not the JSON expected there; unknown keys of a script are among these.
    #[error("{data}:{line}: {source}")]
    Json {
        /// File name.
        data: String,
        /// Line, counted from 1.
        line: usize,
        /// Why.
        source: serde_json::Error,
    },
    /// A record of a CSV or TSV file is unreadable; the source names its line.
    #[error("{data}: {source}")]
    Csv {
        /// File name.
        data: String,
        /// Why.
        source: csv::Error,
    },
    /// A row lacks a field, or it is empty or no string.
    #[error("{data}:{line}: field `{field}` is missing, empty or not a string")]
    MissingField {
        /// File name.
        data: String,
        /// Line, counted from 1.
        line: usize,
        /// The field.
        field: String,
    },
    /// Two rows carry the same id, so results could not be paired.
    #[error("{data}:{line}: id `{id}` occurs twice")]
    DuplicateId {
        /// File name.
        data: String,
        /// Line of the second, counted from 1.
        line: usize,
        /// The id.
        id: String,
    },
    /// A step of a conversation makes no sense.
    #[error("{data}:{line}: step {step}: {fault}")]
    Step {
        /// File name.
        data: String,
        /// Line of the script, counted from 1.
        line: usize,
        /// Step, counted from 1.
        step: usize,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// A labelled span is not where it must be.
    #[error("{data}:{line}: span {span} does not stand in the text after the one before")]
    Span {
        /// File name.
        data: String,
        /// Line, counted from 1.
        line: usize,
        /// The span, counted from 1.
        span: usize,
    },
    /// The file holds no rows.
    #[error("{data} holds no rows")]
    Empty {
        /// File name.
        data: String,
    },
    /// No row has the boolean field asked for, most likely a slip of the pen.
    #[error("no row of {data} has the field `{field}`")]
    UnknownOnly {
        /// File name.
        data: String,
        /// The field.
        field: String,
    },
    /// Rows there are, but none for which all the fields are true.
    #[error("no row of {data} is left where {} is true", only.join(" and "))]
    NothingLeft {
        /// File name.
        data: String,
        /// The fields that had to be true.
        only: Vec<String>,
    },
    /// A table of costs cannot be used.
    #[error("{}: {fault}", path.display())]
    CostTable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// What is measured failed on a row.
    #[error("row {index}: {source}")]
    Measured {
        /// First row of the call, counted from 0.
        index: usize,
        /// Its error.
        source: BoxError,
    },
    /// `predict` answered another number of rows than it was given.
    #[error("{got} predictions for {expected} texts")]
    Count {
        /// Texts given.
        expected: usize,
        /// Predictions got.
        got: usize,
    },
    /// A score is not a number or, where it must be a probability, not in [0, 1].
    #[error("row {index}: score {score} is not usable")]
    Score {
        /// The row, counted from 0.
        index: usize,
        /// The score.
        score: f64,
    },
    /// Two reports are not about the same rows, so no paired test is possible.
    #[error("the reports cannot be paired: {fault}")]
    NotPaired {
        /// What differs.
        fault: String,
    },
}

impl EvalError {
    /// Wraps what a closure passed in failed with.
    pub(crate) fn measured(index: usize, source: impl Into<BoxError>) -> Self {
        Self::Measured { index, source: source.into() }
    }
}
