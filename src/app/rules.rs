//! The rule file: loading, and taking over its changes while the service runs.
//!
//! Rules are compiled for the labels of the intent model in service, so models and rules are
//! replaced under one lock: each change sees the other's.

use crate::model::LabelSet;
use crate::routing::{CompileOptions, RuleError, RuleSet};
use crate::telemetry::RULE_RELOADS;
use crate::triage::Triage;
use crate::triage::models::ModelSet;
use anyhow::Context;
use notify::{RecursiveMode, Watcher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Quiet time after a change before the file is read: editors write in several steps.
const SETTLE: Duration = Duration::from_millis(200);

/// Where the rules come from. Clones are the same file.
#[derive(Debug, Clone)]
pub struct RuleFile {
    path: PathBuf,
    /// The text of the rules in force, which the file may have left behind.
    in_force: Arc<Mutex<String>>,
}

impl RuleFile {
    /// The file at `path`.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path, in_force: Arc::default() }
    }

    /// Reads and compiles the file for a model with these labels; the first rules in force.
    ///
    /// # Errors
    /// Every fault with line and column, or why the file cannot be read.
    pub fn load(&self, labels: &LabelSet) -> anyhow::Result<Arc<RuleSet>> {
        let mut in_force = self.lock();
        let (text, rule_set) = self.read(labels)?;
        *in_force = text;
        Ok(rule_set)
    }

    /// Reads the file and puts its rules in force; on any fault the old ones go on.
    ///
    /// # Errors
    /// As [`RuleFile::load`].
    pub fn reload(&self, triage: &Triage) -> anyhow::Result<Arc<RuleSet>> {
        let mut in_force = self.lock();
        let loaded = self.read(triage.models().labels());
        let result = if loaded.is_ok() { "ok" } else { "refused" };
        metrics::counter!(RULE_RELOADS, "result" => result).increment(1);
        let (text, rule_set) = loaded?;
        triage.replace_rules(rule_set.clone());
        *in_force = text;
        tracing::info!(rule_set = rule_set.id(), "rules in force");
        Ok(rule_set)
    }

    /// Puts other models in service, with the rules in force compiled for their labels; gives the
    /// old models back.
    ///
    /// Where the rules in force name labels that the new models lack, the file is asked: rules and
    /// models that need each other come into force together.
    ///
    /// # Errors
    /// The faults of the rules in force; nothing is replaced.
    pub fn replace_models(
        &self,
        triage: &Triage,
        models: ModelSet,
    ) -> Result<Arc<ModelSet>, RuleError> {
        let mut in_force = self.lock();
        let rule_set = match compile(&in_force, models.labels()) {
            Ok(rule_set) => rule_set,
            Err(faults) => {
                let (text, rule_set) = self.read(models.labels()).map_err(|_| faults)?;
                *in_force = text;
                rule_set
            }
        };
        Ok(triage.replace_models(models, rule_set))
    }

    fn read(&self, labels: &LabelSet) -> anyhow::Result<(String, Arc<RuleSet>)> {
        let path = self.path.display();
        let text = std::fs::read_to_string(&self.path)
            .with_context(|| format!("{path} cannot be read (run from the project's root?)"))?;
        let rule_set = compile(&text, labels).with_context(|| path.to_string())?;
        Ok((text, rule_set))
    }

    fn lock(&self) -> MutexGuard<'_, String> {
        self.in_force.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over changes of the file until the watcher returned is dropped.
    ///
    /// The folder is watched, not the file: editors and configuration maps replace the file, and a
    /// watch on the old one would never fire again.
    ///
    /// # Errors
    /// What the system says where the folder cannot be watched.
    pub fn watch(&self, triage: Arc<Triage>) -> anyhow::Result<impl Watcher + use<>> {
        let (sender, receiver) = std::sync::mpsc::channel();
        let name = self.path.file_name().map(ToOwned::to_owned);
        let mut watcher =
            notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
                let concerns = |path: &PathBuf| path.file_name() == name.as_deref();
                if event
                    .is_ok_and(|event| !event.kind.is_access() && event.paths.iter().any(concerns))
                {
                    // The receiver is gone only when the service stops.
                    let _ = sender.send(());
                }
            })?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        watcher.watch(folder.unwrap_or(Path::new(".")), RecursiveMode::NonRecursive)?;
        let file = self.clone();
        std::thread::Builder::new().name("fenzhen-rules".to_owned()).spawn(move || {
            while receiver.recv().is_ok() {
                while receiver.recv_timeout(SETTLE).is_ok() {}
                if let Err(error) = file.reload(&triage) {
                    tracing::error!(
                        error = format!("{error:#}"),
                        "the changed rules are refused, the old ones stay in force"
                    );
                }
            }
        })?;
        Ok(watcher)
    }
}

fn compile(text: &str, labels: &LabelSet) -> Result<Arc<RuleSet>, RuleError> {
    let known: Vec<String> = labels.names().iter().map(ToString::to_string).collect();
    RuleSet::parse(text, &CompileOptions { known_intents: Some(&known) }).map(Arc::new)
}
