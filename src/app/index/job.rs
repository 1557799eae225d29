//! Re-indexing as a job that can be watched and called off.

use serde::Serialize;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use utoipa::ToSchema;
use uuid::Uuid;

/// Jobs remembered after their end.
const N_KEPT: usize = 100;

/// Where a job stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobState {
    /// Waiting or at work.
    Running,
    /// Its generation serves.
    Done,
    /// Called off; the generation before goes on serving.
    Cancelled,
    /// Why it failed; the generation before goes on serving.
    Failed(String),
}

/// One re-index. Cheap to clone: all clones are the same job.
#[derive(Debug, Clone)]
pub struct Job(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    id: String,
    generation: AtomicU64,
    done: AtomicUsize,
    total: AtomicUsize,
    cancelled: AtomicBool,
    state: Mutex<JobState>,
}

/// What clients see of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct JobView {
    /// Its id.
    #[schema(example = "019385c2-6f0e-7c31-9c51-2c4a1f0b8d3e")]
    pub id: String,
    /// `running`, `done`, `cancelled` or `failed`.
    #[schema(example = "running")]
    pub state: &'static str,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Article versions analysed.
    #[schema(example = 512)]
    pub done: usize,
    /// Article versions to analyse, as far as known.
    #[schema(example = 406)]
    pub total: usize,
    /// The generation it builds; absent until its turn comes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 17)]
    pub generation: Option<u64>,
}

impl Job {
    fn new() -> Self {
        Self(Arc::new(Inner {
            id: Uuid::now_v7().to_string(),
            generation: AtomicU64::new(0),
            done: AtomicUsize::new(0),
            total: AtomicUsize::new(0),
            cancelled: AtomicBool::new(false),
            state: Mutex::new(JobState::Running),
        }))
    }

    /// A job nobody asks after.
    pub(super) fn unseen() -> Self {
        Self::new()
    }

    /// Which generation it builds.
    pub(super) fn builds(&self, generation: u64) {
        self.0.generation.store(generation, Ordering::Relaxed);
    }

    /// How much there is to do, as far as known.
    pub(super) fn expect(&self, total: usize) {
        self.0.total.store(total, Ordering::Relaxed);
    }

    /// Notes what is done; tells whether to go on.
    pub(super) fn progress(&self, done: usize) -> bool {
        self.0.done.store(done, Ordering::Relaxed);
        self.0.total.fetch_max(done, Ordering::Relaxed);
        !self.0.cancelled.load(Ordering::Relaxed)
    }

    pub(super) fn end(&self, state: JobState) {
        *self.0.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// Calls it off; what it has built is thrown away. One that has ended stays as it is.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::Relaxed);
    }

    /// Where it stands.
    #[must_use]
    pub fn view(&self) -> JobView {
        let state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (state, reason) = match state {
            JobState::Running => ("running", None),
            JobState::Done => ("done", None),
            JobState::Cancelled => ("cancelled", None),
            JobState::Failed(reason) => ("failed", Some(reason)),
        };
        JobView {
            id: self.0.id.clone(),
            state,
            reason,
            done: self.0.done.load(Ordering::Relaxed),
            total: self.0.total.load(Ordering::Relaxed),
            generation: Some(self.0.generation.load(Ordering::Relaxed))
                .filter(|&number| number > 0),
        }
    }
}

/// The last jobs of this node.
#[derive(Debug, Default)]
pub struct Jobs(Mutex<VecDeque<Job>>);

impl Jobs {
    pub(super) fn start(&self) -> Job {
        let job = Job::new();
        let mut jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.push_front(job.clone());
        jobs.truncate(N_KEPT);
        job
    }

    /// The job of that id, while it is remembered.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<Job> {
        let jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.iter().find(|job| job.0.id == id).cloned()
    }

    /// The jobs, latest first.
    #[must_use]
    pub fn list(&self) -> Vec<JobView> {
        let jobs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.iter().map(Job::view).collect()
    }
}
