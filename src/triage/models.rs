//! The models in service: one immutable snapshot, replaced as a whole while requests go on.

use super::Readers;
use crate::model::shadow::Shadow;
use crate::model::{Bundle, LabelSet, Pool};
use jiff::Timestamp;
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use utoipa::ToSchema;

/// How often a replaced set is looked at while requests still use it. They end within their
/// deadlines, mostly within milliseconds.
const RETIRE_POLL: Duration = Duration::from_millis(2);

/// Workers, how their scores are read, and a shadow model where there is one.
///
/// A request takes the set once and ends with it, so that labels, thresholds and ids always belong
/// to the scores.
pub struct ModelSet {
    /// The workers.
    pub pool: Pool,
    /// How their scores are read.
    pub readers: Readers,
    /// Reads along without being heard.
    pub shadow: Option<Shadow>,
    /// The folders that all this comes from.
    pub bundles: Vec<BundleInfo>,
    /// Since when it is in service.
    pub since: Timestamp,
}

impl ModelSet {
    /// The labels of the intent model.
    #[must_use]
    pub fn labels(&self) -> &LabelSet {
        &self.readers.intent_labels
    }

    /// Waits until no request uses the set any more, then stops its threads and waits for them.
    ///
    /// Blocks: call it off the async executor. Having the last hold on the set, it also keeps a
    /// request from ever being the one that joins threads.
    pub fn retire(mut set: Arc<Self>) {
        while let Err(in_use) = Arc::try_unwrap(set) {
            set = in_use;
            std::thread::sleep(RETIRE_POLL);
        }
    }
}

/// A bundle in service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct BundleInfo {
    /// What it is used for: `intent`, `intent_accurate`, `sentiment` or `shadow`.
    #[schema(value_type = String, example = "intent")]
    pub role: &'static str,
    /// `name@sha256-8`.
    #[schema(example = "intent-textcnn@4ef2f469")]
    pub id: String,
    /// The version its publisher gave it.
    #[schema(example = "0.1.1")]
    pub version: Option<String>,
    /// Classes it tells apart.
    #[schema(example = 51)]
    pub n_labels: usize,
    /// The folder it was read from.
    #[schema(value_type = String, example = "models/intent")]
    pub folder: PathBuf,
}

impl BundleInfo {
    /// What operators see of `bundle`.
    #[must_use]
    pub fn new(role: &'static str, bundle: &Bundle) -> Self {
        Self {
            role,
            id: bundle.id().to_owned(),
            version: bundle.version().map(str::to_owned),
            n_labels: bundle.labels().len(),
            folder: bundle.dir().to_owned(),
        }
    }
}
