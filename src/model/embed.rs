//! Texts to vectors of meaning: the encoder of dense retrieval, behind a small pool of sessions.
//!
//! A bundle like the others whose outputs are no scores of labels but the coordinates of a vector of
//! length 1. Searches run on blocking threads; each takes a session out of the pool for the time of
//! one run and makes another where all are out, up to the number of cores.

use super::{Bundle, ModelError, OnnxSettings, onnx::OnnxVectors};
use std::sync::{Arc, Mutex, PoisonError};

/// The encoder of dense retrieval. Cheap to clone: sessions are shared.
#[derive(Clone)]
pub struct Embedder {
    bundle: Bundle,
    idle: Arc<Mutex<Vec<OnnxVectors>>>,
}

impl Embedder {
    /// Loads the bundle in a first session.
    ///
    /// # Errors
    /// As [`super::OnnxClassifier::new`].
    pub fn new(bundle: Bundle) -> Result<Self, ModelError> {
        let first = OnnxVectors::new(&bundle, OnnxSettings::default())?;
        Ok(Self { bundle, idle: Arc::new(Mutex::new(vec![first])) })
    }

    /// What makes the vectors: `name@` and eight hex digits of the model's hash. Vectors of another
    /// id lie in another space.
    #[must_use]
    pub fn id(&self) -> &str {
        self.bundle.id()
    }

    /// Coordinates of a vector.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.bundle.labels().len()
    }

    /// One vector of length 1 for each normalised text, in their order. Half a millisecond a text
    /// of 16 characters; blocks, so call it off the async executor.
    ///
    /// # Errors
    /// [`ModelError::Encode`], [`ModelError::Inference`] or [`ModelError::NotFinite`].
    pub fn embed(&self, normalized: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
        let taken = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut session = match taken {
            Some(session) => session,
            None => OnnxVectors::new(&self.bundle, OnnxSettings::default())?,
        };
        let vectors = session.vectors(normalized);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(session);
        vectors
    }
}
