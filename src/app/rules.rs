//! The rule file: loading, and taking over its changes while the service runs.

use crate::routing::{CompileOptions, RuleSet};
use crate::telemetry::RULE_RELOADS;
use crate::triage::Triage;
use anyhow::Context;
use notify::{RecursiveMode, Watcher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Quiet time after a change before the file is read: editors write in several steps.
const SETTLE: Duration = Duration::from_millis(200);

/// Where the rules come from and what they may name.
#[derive(Debug, Clone)]
pub struct RuleFile {
    path: PathBuf,
    known_intents: Arc<[String]>,
}

impl RuleFile {
    /// The file at `path`, for a model with these labels.
    #[must_use]
    pub fn new(path: PathBuf, known_intents: Vec<String>) -> Self {
        Self { path, known_intents: known_intents.into() }
    }

    /// Reads and compiles the file.
    ///
    /// # Errors
    /// Every fault with line and column, or why the file cannot be read.
    pub fn load(&self) -> anyhow::Result<Arc<RuleSet>> {
        let path = self.path.display();
        let text = std::fs::read_to_string(&self.path)
            .with_context(|| format!("{path} cannot be read (run from the project's root?)"))?;
        let options = CompileOptions { known_intents: Some(&self.known_intents) };
        let rule_set = RuleSet::parse(&text, &options).with_context(|| path.to_string())?;
        Ok(Arc::new(rule_set))
    }

    /// Loads the file and puts its rules in force; on any fault the old ones go on.
    ///
    /// # Errors
    /// As [`RuleFile::load`].
    pub fn reload(&self, triage: &Triage) -> anyhow::Result<Arc<RuleSet>> {
        let loaded = self.load();
        let result = if loaded.is_ok() { "ok" } else { "refused" };
        metrics::counter!(RULE_RELOADS, "result" => result).increment(1);
        let rule_set = loaded?;
        triage.replace_rules(rule_set.clone());
        tracing::info!(rule_set = rule_set.id(), "rules in force");
        Ok(rule_set)
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
