//! The pool: a bounded queue before worker threads that own their models.
//!
//! Async callers hand a text over and wait for the answer; a worker takes whatever waits, up to a
//! budget, without delaying anything to fill a batch (on a CPU that costs more than it gains).
//! Invariants: a full queue refuses at once; a caller that has gone costs no compute; a panic in a
//! model costs its batch, not the service.

mod queue;
mod worker;

use std::{
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tokio::{sync::oneshot, time::timeout_at};

use self::{
    queue::{Job, Queue},
    worker::Worker,
};
use super::{
    classifier::{Classifier, Scores},
    error::ModelError,
    plan::RunLimits,
};

/// Texts waiting for a model (gauge).
pub const QUEUE_DEPTH: &str = "fenzhen_model_queue_depth";
/// Time from entering the queue to the start of the computation (histogram, one value per text).
pub const QUEUE_SECONDS: &str = "fenzhen_model_queue_seconds";
/// Time the models take for one batch (histogram, one value per batch).
pub const COMPUTE_SECONDS: &str = "fenzhen_model_compute_seconds";
/// Texts per batch (histogram).
pub const BATCH_SIZE: &str = "fenzhen_model_batch_size";

/// How the pool uses the machine. Zeros are read as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolSettings {
    /// Worker threads, each with its own sessions of one thread; not more than there are cores.
    pub workers: usize,
    /// Texts that may wait; a group larger than this can never enter.
    pub queue_depth: usize,
    /// Most texts of one batch.
    pub max_batch: usize,
    /// Most tokens of one batch, padding included; a text counts its characters plus two.
    pub token_budget: usize,
}

/// What one worker owns.
pub struct Models {
    /// Reads what the customer wants.
    pub intent: Box<dyn Classifier>,
    /// Reads how the customer feels.
    pub sentiment: Box<dyn Classifier>,
    /// Reads which feeling it is; optional.
    pub emotion: Option<Box<dyn Classifier>>,
    /// Reads how soon somebody must act; optional.
    pub urgency: Option<Box<dyn Classifier>>,
}

/// What the models say about one text; any part may be missing.
#[derive(Debug, Clone)]
pub struct Understood {
    /// Over the labels of the intent model.
    pub intent: Result<Scores, ModelError>,
    /// Over the labels of the sentiment model.
    pub sentiment: Result<Scores, ModelError>,
    /// Over the labels of the emotion model, where there is one.
    pub emotion: Option<Result<Scores, ModelError>>,
    /// Over the labels of the urgency model, where there is one.
    pub urgency: Option<Result<Scores, ModelError>>,
    /// From entering the queue to the start of the computation.
    pub queue_time: Duration,
    /// Of the whole batch, all models.
    pub compute_time: Duration,
}

/// The workers and their queue. Share it behind an `Arc`; dropping the last one stops the workers
/// and waits for their current batch.
pub struct Pool {
    queue: Arc<Queue>,
    workers: Vec<JoinHandle<()>>,
}

impl Pool {
    /// Builds the models of every worker on the calling thread, then starts the workers.
    ///
    /// `make` gets the worker's number. It is kept to rebuild a worker after a panic, so it should
    /// not hold on to what it does not need.
    ///
    /// # Errors
    /// The first error of `make`, or [`ModelError::Spawn`]; no thread is left behind.
    pub fn start(
        settings: &PoolSettings,
        mut make: impl FnMut(usize) -> Result<Models, ModelError> + Send + 'static,
    ) -> Result<Pool, ModelError> {
        let models = (0..settings.workers.max(1)).map(&mut make).collect::<Result<Vec<_>, _>>()?;
        let make: worker::Make = Arc::new(Mutex::new(make));
        let limits = RunLimits {
            n_turns: settings.max_batch.max(1),
            token_budget: settings.token_budget.max(1),
        };
        let queue = Arc::new(Queue::new(settings.queue_depth.max(1), limits));
        let mut pool = Pool { queue, workers: Vec::new() };
        for (worker_idx, models) in models.into_iter().enumerate() {
            let worker = Worker::new(worker_idx, pool.queue.clone(), make.clone());
            let spawned = thread::Builder::new()
                .name(format!("fenzhen-model-{worker_idx}"))
                .spawn(move || worker.run(models))
                .map_err(|source| ModelError::Spawn { source: Arc::new(source) })?;
            pool.workers.push(spawned);
        }
        Ok(pool)
    }

    /// Reads one text. Dropping the future takes the text out of the queue.
    ///
    /// Must run in a tokio runtime with its timer enabled.
    ///
    /// # Errors
    /// [`ModelError::Overloaded`] at once, [`ModelError::Deadline`] when the answer is not there in
    /// time, [`ModelError::Stopped`]; what goes wrong inside a model is in [`Understood`].
    pub async fn understand(
        &self,
        raw: String,
        normalized: String,
        deadline: Instant,
    ) -> Result<Understood, ModelError> {
        let (job, answer) = Job::new(raw, normalized, deadline);
        let entered = job.entered;
        self.queue.enter([job])?;
        wait(answer, entered, deadline).await
    }

    /// Reads several texts, `(raw, normalized)`, answered in the order given.
    ///
    /// They enter the queue together or not at all.
    ///
    /// # Errors
    /// [`ModelError::Overloaded`], [`ModelError::Deadline`] or [`ModelError::Stopped`] for all of
    /// them when they cannot enter; afterwards each text has its own result.
    pub async fn understand_many(
        &self,
        texts: Vec<(String, String)>,
        deadline: Instant,
    ) -> Result<Vec<Result<Understood, ModelError>>, ModelError> {
        let entered = Instant::now();
        let jobs = texts.into_iter().map(|(raw, normalized)| Job::new(raw, normalized, deadline));
        let (jobs, answers): (Vec<_>, Vec<_>) = jobs.unzip();
        self.queue.enter(jobs)?;
        let mut results = Vec::with_capacity(answers.len());
        for answer in answers {
            results.push(wait(answer, entered, deadline).await);
        }
        Ok(results)
    }

    /// Texts waiting now.
    pub fn waiting(&self) -> usize {
        self.queue.waiting()
    }

    /// Refuses everything from now on and answers what waits with [`ModelError::Stopped`].
    pub fn stop(&self) {
        self.queue.stop();
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.queue.stop();
        for worker in self.workers.drain(..) {
            // A worker catches its panics; one that died all the same has nothing left to release.
            let _ = worker.join();
        }
    }
}

type Answer = Result<Understood, ModelError>;

async fn wait(answer: oneshot::Receiver<Answer>, entered: Instant, deadline: Instant) -> Answer {
    match timeout_at(deadline.into(), answer).await {
        Ok(Ok(result)) => result,
        Ok(Err(_closed)) => Err(ModelError::Stopped),
        Err(_elapsed) => Err(ModelError::Deadline { waited: entered.elapsed() }),
    }
}
