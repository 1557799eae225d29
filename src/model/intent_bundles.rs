//! What reads intents in service: one bundle, or a fast and an accurate one in a cascade.

use std::path::Path;

use super::{
    bundle::Bundle,
    cascade::CascadeClassifier,
    classifier::Classifier,
    error::ModelError,
    intent::IntentPolicy,
    onnx::{OnnxClassifier, OnnxSettings},
};

/// One or two checked bundles, ready for any number of classifiers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct IntentBundles {
    /// The only bundle, or the one asked about every text.
    pub fast: Bundle,
    /// The one asked about texts that the fast one is unsure of.
    pub accurate: Option<Bundle>,
    /// The accurate one is asked where the best fast score is lower; 1: always, 0: never.
    pub below: f32,
}

impl IntentBundles {
    /// Loads one folder, or two.
    ///
    /// # Errors
    /// As [`Bundle::load`], with the faults of both folders at once.
    pub fn load(
        fast: &Path,
        accurate: Option<&Path>,
        below: f32,
    ) -> Result<IntentBundles, ModelError> {
        match (Bundle::load(fast), accurate.map(Bundle::load).transpose()) {
            (Ok(fast), Ok(accurate)) => Ok(IntentBundles { fast, accurate, below }),
            (Err(fault), Ok(_)) | (Ok(_), Err(fault)) => Err(fault),
            (Err(one), Err(other)) => {
                Err(ModelError::BadBundle { dir: fast.to_owned(), faults: vec![one, other] })
            }
        }
    }

    /// The same from `FAST` or `FAST+ACCURATE`, as lists of bundles to compare name them.
    ///
    /// # Errors
    /// As [`load`](IntentBundles::load).
    pub fn named(folders: &str, below: f32) -> Result<IntentBundles, ModelError> {
        match folders.split_once('+') {
            Some((fast, accurate)) => {
                IntentBundles::load(Path::new(fast), Some(Path::new(accurate)), below)
            }
            None => IntentBundles::load(Path::new(folders), None, below),
        }
    }

    /// `name@sha256-8`, of a cascade those of both with a plus between.
    pub fn id(&self) -> String {
        let ids: Vec<&str> = self.bundles().map(Bundle::id).collect();
        ids.join("+")
    }

    /// The fast bundle, then the accurate one.
    pub fn bundles(&self) -> impl Iterator<Item = &Bundle> {
        [&self.fast].into_iter().chain(&self.accurate)
    }

    /// How the scores are read.
    ///
    /// # Errors
    /// [`ModelError::BadConfig`] for a bundle that says it reads sentiment.
    pub fn policy(&self) -> Result<IntentPolicy, ModelError> {
        match &self.accurate {
            None => IntentPolicy::new(&self.fast),
            Some(accurate) => IntentPolicy::cascade(&self.fast, accurate),
        }
    }

    /// A classifier with sessions of its own.
    ///
    /// # Errors
    /// As [`OnnxClassifier::new`] and [`CascadeClassifier::new`].
    pub fn classifier(&self, settings: OnnxSettings) -> Result<Box<dyn Classifier>, ModelError> {
        let fast = Box::new(OnnxClassifier::new(&self.fast, settings)?);
        let Some(accurate) = &self.accurate else { return Ok(fast) };
        let table = accurate.cascade().clone();
        let accurate = Box::new(OnnxClassifier::new(accurate, settings)?);
        Ok(Box::new(CascadeClassifier::new(fast, accurate, self.below, &table)?))
    }
}
