//! Reads intent, sentiment and, where there are models, emotion and urgency out of a message;
//! second step of the pipeline, after [`crate::text`].
//!
//! A [`Bundle`] is a checked folder, a [`Classifier`] gives [`Scores`], [`IntentPolicy`],
//! [`SentimentPolicy`] and [`ClassPolicy`] say what scores mean, a [`Pool`] runs classifiers on
//! threads of their own behind a bounded queue. Intents are read by one bundle or by two in a
//! cascade ([`IntentBundles`]).
//!
//! Invariants: only `onnx` knows ort; nothing here knows HTTP, rules or the knowledge base; compute
//! never runs on the async executor; the same text gets the same scores, alone or in a batch;
//! no text is logged.

pub mod batch;
pub mod bundle;
pub mod cascade;
pub mod classes;
pub mod classifier;
pub mod embed;
pub mod encode;
pub mod error;
pub mod intent;
pub mod intent_bundles;
pub mod keyword;
pub mod label;
pub mod onnx;
pub mod out_of_scope;
mod plan;
pub mod runtime;
pub mod sentiment;
pub mod shadow;
#[cfg(test)]
mod tests;

pub use batch::{Models, Pool, PoolSettings, Understood};
pub use bundle::{Bundle, BundleReport, Task, Tuned};
pub use cascade::{CascadeClassifier, CascadeTable, Combine};
pub use classes::{ClassPolicy, URGENCY_CLASSES};
pub use classifier::{Classifier, Scored, Scores, Shape, Utterance};
pub use embed::Embedder;
pub use error::ModelError;
pub use intent::{IntentPolicy, IntentReading, Outcome, Thresholds};
pub use intent_bundles::IntentBundles;
pub use keyword::KeywordClassifier;
pub use label::{LabelFault, LabelId, LabelSet};
pub use onnx::{OnnxClassifier, OnnxSettings};
pub use out_of_scope::{OosFeatures, OosScore};
pub use sentiment::{Sentiment, SentimentPolicy, SentimentReading, SentimentScores};
