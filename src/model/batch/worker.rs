//! One worker thread: takes batches, computes, answers, and gets new models after a panic.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use metrics::histogram;

use super::{
    BATCH_SIZE, COMPUTE_SECONDS, Models, QUEUE_SECONDS, Understood,
    queue::{Job, Queue},
};
use crate::model::{
    classifier::{Classifier, Scores, Utterance},
    error::ModelError,
};

/// Builds the models of a worker; shared, because only a panicked worker needs it again.
pub(super) type Make = Arc<Mutex<dyn FnMut(usize) -> Result<Models, ModelError> + Send>>;

type Results = Vec<Result<Scores, ModelError>>;

pub(super) struct Worker {
    idx: usize,
    queue: Arc<Queue>,
    make: Make,
}

impl Worker {
    pub(super) fn new(idx: usize, queue: Arc<Queue>, make: Make) -> Worker {
        Worker { idx, queue, make }
    }

    /// Works until the queue is stopped.
    pub(super) fn run(self, models: Models) {
        let mut models = Ok(models);
        let mut batch = Vec::new();
        while self.queue.take(&mut batch) {
            if models.is_err() {
                // Rebuilding failed before; the cause (a file, memory) may be gone.
                models = self.rebuild();
            }
            let panicked = match &mut models {
                Ok(models) => answer(models, &mut batch),
                Err(error) => {
                    let error: &ModelError = error;
                    batch.drain(..).for_each(|job| job.reply(Err(error.clone())));
                    false
                }
            };
            if panicked {
                models = self.rebuild();
            }
        }
    }

    fn rebuild(&self) -> Result<Models, ModelError> {
        let mut make = self.make.lock().unwrap_or_else(PoisonError::into_inner);
        let made = catch_unwind(AssertUnwindSafe(|| make(self.idx)));
        let models = made.unwrap_or_else(|_| Err(ModelError::Panicked { model: "loading".into() }));
        match &models {
            Ok(_) => tracing::warn!(worker = self.idx, "model worker {} was rebuilt", self.idx),
            Err(error) => tracing::error!(
                worker = self.idx,
                %error,
                "model worker {} cannot be rebuilt: {error}",
                self.idx
            ),
        }
        models
    }
}

/// Computes and answers a batch; returns whether a model panicked and must not be used again.
fn answer(models: &mut Models, batch: &mut Vec<Job>) -> bool {
    let started = Instant::now();
    let utterances: Vec<Utterance<'_>> =
        batch.iter().map(|job| Utterance { raw: &job.raw, normalized: &job.normalized }).collect();
    let (intents, intent_panicked) = guarded(models.intent.as_mut(), &utterances);
    let (sentiments, sentiment_panicked) = guarded(models.sentiment.as_mut(), &utterances);
    let (emotions, emotion_panicked) = optional(models.emotion.as_mut(), &utterances);
    let (urgencies, urgency_panicked) = optional(models.urgency.as_mut(), &utterances);
    let compute_time = started.elapsed();

    histogram!(BATCH_SIZE).record(batch.len() as f64);
    histogram!(COMPUTE_SECONDS).record(compute_time);
    let queue_seconds = histogram!(QUEUE_SECONDS);
    let feelings = sentiments.into_iter().zip(emotions).zip(urgencies);
    for ((job, intent), ((sentiment, emotion), urgency)) in
        batch.drain(..).zip(intents).zip(feelings)
    {
        let queue_time = started.saturating_duration_since(job.entered);
        queue_seconds.record(queue_time);
        let understood =
            Understood { intent, sentiment, emotion, urgency, queue_time, compute_time };
        job.reply(Ok(understood));
    }
    intent_panicked || sentiment_panicked || emotion_panicked || urgency_panicked
}

/// One result per utterance where there is a classifier, and whether it panicked.
fn optional(
    classifier: Option<&mut Box<dyn Classifier>>,
    utterances: &[Utterance<'_>],
) -> (Vec<Option<Result<Scores, ModelError>>>, bool) {
    match classifier {
        Some(classifier) => {
            let (results, panicked) = guarded(classifier.as_mut(), utterances);
            (results.into_iter().map(Some).collect(), panicked)
        }
        None => (utterances.iter().map(|_| None).collect(), false),
    }
}

/// One result per utterance, and whether the classifier panicked.
fn guarded(classifier: &mut dyn Classifier, utterances: &[Utterance<'_>]) -> (Results, bool) {
    let model = classifier.id().to_owned();
    match catch_unwind(AssertUnwindSafe(|| classify_each(classifier, utterances))) {
        Ok(results) => (results, false),
        Err(_payload) => {
            // The payload is not passed on: messages of the standard library quote the text.
            let error = ModelError::Panicked { model };
            (vec![Err(error); utterances.len()], true)
        }
    }
}

/// Classifies all at once, or singly after an error, so that one bad text costs only itself.
fn classify_each(classifier: &mut dyn Classifier, utterances: &[Utterance<'_>]) -> Results {
    match classifier.classify(utterances) {
        Ok(scores) => {
            assert_eq!(scores.len(), utterances.len(), "a classifier answers every utterance");
            scores.into_iter().map(Ok).collect()
        }
        Err(error) if utterances.len() == 1 => vec![Err(error)],
        Err(_) => {
            utterances.chunks(1).flat_map(|single| classify_each(classifier, single)).collect()
        }
    }
}
