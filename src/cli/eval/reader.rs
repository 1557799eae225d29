//! The models of an evaluation, read as the service reads them.

use clap::Args;
use fenzhen::config::Config;
use fenzhen::model::{
    Bundle, Classifier, IntentBundles, IntentPolicy, LabelSet, ModelError, OnnxClassifier,
    OnnxSettings, Scores, Utterance, runtime,
};
use fenzhen::text::normalize::Normalizer;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Which bundle or cascade is measured.
#[derive(Debug, Default, Args)]
pub(super) struct ModelArgs {
    /// The bundle; without it the one in the settings.
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// A second bundle, asked where the first is unsure; with neither, as in the settings.
    #[arg(long, value_name = "DIR")]
    accurate: Option<PathBuf>,
    /// The second is asked where the best score is lower; without it as in the settings.
    #[arg(long, value_name = "SCORE", value_parser = score)]
    below: Option<f32>,
}

fn score(text: &str) -> Result<f32, String> {
    let score: f32 = text.parse().map_err(|_| format!("{text:?} is no number"))?;
    if (0.0..=1.0).contains(&score) { Ok(score) } else { Err("must lie in 0 to 1".to_owned()) }
}

impl ModelArgs {
    /// The bundle for `configured`, where no second one makes sense.
    pub(super) fn single<'a>(&'a self, configured: &'a Path) -> anyhow::Result<&'a Path> {
        Ok(self.named()?.unwrap_or(configured))
    }

    /// The bundle that is named, where no second one makes sense.
    pub(super) fn named(&self) -> anyhow::Result<Option<&Path>> {
        anyhow::ensure!(
            self.accurate.is_none() && self.below.is_none(),
            "only intents are read by a cascade"
        );
        Ok(self.model.as_deref())
    }

    /// The bundles for intents. A bundle that is named is measured alone unless a second is named
    /// too, whatever the settings say.
    pub(super) fn bundles(&self, config: &Config) -> Result<IntentBundles, ModelError> {
        let settings = &config.model;
        let accurate = match (&self.model, &self.accurate) {
            (_, Some(accurate)) => Some(accurate.as_path()),
            (Some(_), None) => None,
            (None, None) => settings.accurate(),
        };
        let below = self.below.unwrap_or(settings.cascade_below);
        IntentBundles::load(self.model.as_deref().unwrap_or(&settings.intent), accurate, below)
    }
}

/// A classifier with the normaliser before it.
pub(super) struct Reader {
    classifier: Box<dyn Classifier>,
    normalizer: Normalizer,
}

impl Reader {
    /// Reads intents.
    pub(super) fn of_intents(config: &Config, bundles: &IntentBundles) -> anyhow::Result<Self> {
        runtime::init(config.model.library())?;
        Ok(Self::new(bundles.classifier(settings(config))?))
    }

    /// Reads with a single bundle.
    pub(super) fn of_bundle(config: &Config, bundle: &Bundle) -> anyhow::Result<Self> {
        runtime::init(config.model.library())?;
        Ok(Self::new(Box::new(OnnxClassifier::new(bundle, settings(config))?)))
    }

    fn new(classifier: Box<dyn Classifier>) -> Self {
        Self { classifier, normalizer: Normalizer::new() }
    }

    pub(super) fn id(&self) -> &str {
        self.classifier.id()
    }

    pub(super) fn labels(&self) -> &Arc<LabelSet> {
        self.classifier.labels()
    }

    /// The scores of each text.
    pub(super) fn read(&mut self, texts: &[&str]) -> Result<Vec<Scores>, ModelError> {
        let normalized: Vec<_> = texts.iter().map(|text| self.normalizer.normalize(text)).collect();
        let utterances: Vec<_> = texts
            .iter()
            .zip(&normalized)
            .map(|(raw, normalized)| Utterance { raw, normalized: normalized.text() })
            .collect();
        self.classifier.classify(&utterances)
    }

    /// The scores of each text, one a call as in service.
    pub(super) fn read_singly<'t>(
        &mut self,
        texts: impl IntoIterator<Item = &'t str>,
    ) -> Result<Vec<Scores>, ModelError> {
        let mut scores = Vec::new();
        for text in texts {
            scores.extend(self.read(&[text])?);
        }
        Ok(scores)
    }
}

/// The intent classifier and how its scores are read.
pub(super) fn intents(
    config: &Config,
    args: &ModelArgs,
) -> anyhow::Result<(IntentBundles, Reader, IntentPolicy)> {
    let bundles = args.bundles(config)?;
    let reader = Reader::of_intents(config, &bundles)?;
    let policy = bundles.policy()?;
    Ok((bundles, reader, policy))
}

fn settings(config: &Config) -> OnnxSettings {
    OnnxSettings { token_budget: config.model.token_budget }
}
