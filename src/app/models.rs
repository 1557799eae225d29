//! The model folders: replacing the models while the service runs.

use super::{ModelFaults, load_model_set};
use crate::app::rules::RuleFile;
use crate::config::ModelConfig;
use crate::routing::RuleError;
use crate::telemetry::MODEL_RELOADS;
use crate::triage::Triage;
use crate::triage::classification::ModelIds;
use crate::triage::models::ModelSet;
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Where the models come from.
pub struct ModelFolders {
    /// The settings in force: those of start-up with the folders of the last swap. Held during a
    /// swap, so that there is one at a time.
    in_force: Arc<Mutex<ModelConfig>>,
    /// Folders below which a swap may name others; canonical.
    roots: Vec<PathBuf>,
}

/// Other folders for a swap; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct ModelChange {
    /// The intent bundle.
    pub intent: Option<PathBuf>,
    /// The accurate intent bundle; `Some(None)` ends the cascade.
    pub intent_accurate: Option<Option<PathBuf>>,
    /// The sentiment bundle.
    pub sentiment: Option<PathBuf>,
    /// The shadow bundle; `Some(None)` ends the shadow.
    pub shadow: Option<Option<PathBuf>>,
}

/// A swap that was made.
#[derive(Debug, Clone)]
pub struct ModelSwap {
    /// The bundles before.
    pub before: ModelIds,
    /// The bundles from now on.
    pub after: ModelIds,
    /// Reading, checking and starting the new ones.
    pub load_time: Duration,
    /// From the swap to the end of the old workers.
    pub drain_time: Duration,
}

/// Why the models were not replaced; the old ones go on.
#[derive(Debug, thiserror::Error)]
pub enum ModelSwapError {
    /// Another swap is under way.
    #[error("the models are being replaced already")]
    Running,
    /// A folder that may not be named.
    #[error("there is no bundle folder {} below {}", folder.display(), list(roots))]
    Outside {
        /// The field of the change.
        field: &'static str,
        /// The folder as given.
        folder: PathBuf,
        /// Below which it must lie.
        roots: Vec<PathBuf>,
    },
    /// The bundles have faults.
    #[error(transparent)]
    Faulty(#[from] ModelFaults),
    /// The rules name labels that the new intent bundle lacks.
    #[error("the rules do not fit the labels of the new intent bundle: {0}")]
    Rules(#[from] RuleError),
}

impl ModelFolders {
    /// The folders of the settings. Without `model.root`, swaps may name folders beside them.
    #[must_use]
    pub fn new(config: ModelConfig) -> Self {
        let roots = match config.root() {
            Some(root) => vec![root.to_owned()],
            None => [config.accurate(), config.shadow()]
                .into_iter()
                .flatten()
                .chain([&*config.intent, &*config.sentiment])
                .filter_map(|folder| folder.canonicalize().ok()?.parent().map(Path::to_owned))
                .collect(),
        };
        let mut roots: Vec<_> = roots.iter().filter_map(|root| root.canonicalize().ok()).collect();
        roots.sort();
        roots.dedup();
        Self { in_force: Arc::new(Mutex::new(config)), roots }
    }

    /// Begins a swap; no other can begin until the result is dropped.
    ///
    /// # Errors
    /// [`ModelSwapError::Running`], [`ModelSwapError::Outside`].
    pub fn begin(&self, change: ModelChange) -> Result<PendingSwap, ModelSwapError> {
        let in_force =
            self.in_force.clone().try_lock_owned().map_err(|_| ModelSwapError::Running)?;
        let mut wanted = in_force.clone();
        if let Some(folder) = change.intent {
            wanted.intent = self.checked("intent", folder)?;
        }
        if let Some(folder) = change.sentiment {
            wanted.sentiment = self.checked("sentiment", folder)?;
        }
        if let Some(folder) = change.intent_accurate {
            wanted.intent_accurate = self.checked_or_none("intent_accurate", folder)?;
        }
        if let Some(folder) = change.shadow {
            wanted.shadow = self.checked_or_none("shadow", folder)?;
        }
        Ok(PendingSwap { in_force, wanted })
    }

    /// The same, or the empty path that means none.
    fn checked_or_none(
        &self,
        field: &'static str,
        folder: Option<PathBuf>,
    ) -> Result<PathBuf, ModelSwapError> {
        folder.map_or_else(|| Ok(PathBuf::new()), |folder| self.checked(field, folder))
    }

    /// A folder below one of the roots, symbolic links followed first. That it is missing and that
    /// it lies elsewhere is told in the same words: the file system is nobody's to explore.
    fn checked(&self, field: &'static str, folder: PathBuf) -> Result<PathBuf, ModelSwapError> {
        match folder.canonicalize() {
            Ok(real) if real.is_dir() && self.roots.iter().any(|r| real.starts_with(r)) => Ok(real),
            _ => Err(ModelSwapError::Outside { field, folder, roots: self.roots.clone() }),
        }
    }
}

/// A swap that has begun.
pub struct PendingSwap {
    in_force: OwnedMutexGuard<ModelConfig>,
    wanted: ModelConfig,
}

impl PendingSwap {
    /// Loads and checks the bundles, puts them in service with the rules compiled for their labels,
    /// and waits for the end of the old workers. Blocks for as long: call it off the async executor.
    ///
    /// # Errors
    /// [`ModelSwapError::Faulty`], [`ModelSwapError::Rules`]; the old models go on.
    pub fn run(
        mut self,
        triage: &Triage,
        rules: &RuleFile,
        now: Timestamp,
    ) -> Result<ModelSwap, ModelSwapError> {
        let started = Instant::now();
        let swapped = load_model_set(&self.wanted, now)
            .map_err(ModelSwapError::from)
            .and_then(|models| Ok(rules.replace_models(triage, models)?));
        let result = if swapped.is_ok() { "ok" } else { "refused" };
        metrics::counter!(MODEL_RELOADS, "result" => result).increment(1);
        let old = swapped?;
        *self.in_force = self.wanted;
        let (before, after) = (old.readers.ids.clone(), triage.models().readers.ids.clone());
        let load_time = started.elapsed();
        tracing::info!(
            intent_model = after.intent,
            sentiment_model = after.sentiment,
            load_ms = load_time.as_secs_f64() * 1e3,
            "models in service"
        );
        ModelSet::retire(old);
        Ok(ModelSwap { before, after, load_time, drain_time: started.elapsed() - load_time })
    }
}

fn list(folders: &[PathBuf]) -> String {
    folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ")
}
