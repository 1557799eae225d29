//! The bounded queue between async callers and worker threads.
//!
//! A plain mutex and condition variable: it is held for a few moves of a job, never across an
//! `.await`, and lets a group enter as a whole, which a channel does not.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use metrics::gauge;
use tokio::sync::oneshot;

use super::{Answer, QUEUE_DEPTH};
use crate::model::{error::ModelError, plan::RunLimits};

/// One text and who waits for it.
pub(super) struct Job {
    pub(super) raw: String,
    pub(super) normalized: String,
    pub(super) entered: Instant,
    deadline: Instant,
    /// Upper bound of the text's tokens: Chinese has at most one per character, plus two special.
    n_tokens: usize,
    reply: oneshot::Sender<Answer>,
}

impl Job {
    pub(super) fn new(
        raw: String,
        normalized: String,
        deadline: Instant,
    ) -> (Job, oneshot::Receiver<Answer>) {
        let (reply, answer) = oneshot::channel();
        let n_tokens = raw.chars().count() + 2;
        (Job { raw, normalized, entered: Instant::now(), deadline, n_tokens, reply }, answer)
    }

    /// Answers the caller; one that has gone meanwhile does not mind.
    pub(super) fn reply(self, answer: Answer) {
        let _ = self.reply.send(answer);
    }
}

pub(super) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
    depth: usize,
    limits: RunLimits,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    stopped: bool,
}

impl Queue {
    pub(super) fn new(depth: usize, limits: RunLimits) -> Queue {
        Queue { state: Mutex::default(), filled: Condvar::new(), depth, limits }
    }

    /// Lets all of `jobs` in, or none.
    pub(super) fn enter<J>(&self, jobs: J) -> Result<(), ModelError>
    where
        J: IntoIterator<Item = Job, IntoIter: ExactSizeIterator>,
    {
        let jobs = jobs.into_iter();
        let wanted = jobs.len();
        let mut state = self.lock();
        if state.stopped {
            return Err(ModelError::Stopped);
        }
        if state.jobs.len() + wanted > self.depth {
            // Callers that gave up still hold places; only a full queue is worth the walk.
            state.jobs.retain(|job| !job.reply.is_closed());
        }
        let waiting = state.jobs.len();
        if waiting + wanted > self.depth {
            return Err(ModelError::Overloaded { waiting, depth: self.depth, wanted });
        }
        state.jobs.extend(jobs);
        gauge!(QUEUE_DEPTH).set(state.jobs.len() as f64);
        drop(state);
        match wanted {
            1 => self.filled.notify_one(),
            _ => self.filled.notify_all(),
        }
        Ok(())
    }

    /// Waits for jobs and moves the first of them into `batch`, at least one, within the limits.
    /// Returns false when the queue has been stopped.
    ///
    /// Jobs nobody waits for any more are dropped; jobs past their deadline are answered so.
    pub(super) fn take(&self, batch: &mut Vec<Job>) -> bool {
        let mut state = self.lock();
        loop {
            if state.stopped {
                return false;
            }
            state.move_into(batch, self.limits);
            gauge!(QUEUE_DEPTH).set(state.jobs.len() as f64);
            if !batch.is_empty() {
                return true;
            }
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(super) fn waiting(&self) -> usize {
        self.lock().jobs.len()
    }

    pub(super) fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        // Dropping a job closes its reply, which its caller reads as stopped.
        state.jobs.clear();
        gauge!(QUEUE_DEPTH).set(0.0);
        drop(state);
        self.filled.notify_all();
    }

    /// No code that can panic runs under the lock, so a poisoned state is still whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn move_into(&mut self, batch: &mut Vec<Job>, limits: RunLimits) {
        let now = Instant::now();
        let mut padded_len = 0;
        while let Some(job) = self.jobs.pop_front() {
            if job.reply.is_closed() {
                continue;
            }
            if job.deadline <= now {
                let waited = job.entered.elapsed();
                job.reply(Err(ModelError::Deadline { waited }));
                continue;
            }
            padded_len = padded_len.max(job.n_tokens);
            let n_turns = batch.len() + 1;
            let fits = n_turns <= limits.n_turns && n_turns * padded_len <= limits.token_budget;
            if !batch.is_empty() && !fits {
                self.jobs.push_front(job);
                return;
            }
            batch.push(job);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn job(text: &str, deadline: Instant) -> (Job, oneshot::Receiver<Answer>) {
        Job::new(text.to_owned(), text.to_owned(), deadline)
    }

    #[test]
    fn late_jobs_are_answered_and_do_not_reach_a_worker() {
        let queue = Queue::new(10, RunLimits { n_turns: 10, token_budget: 1000 });
        let (late, mut late_answer) = job("late", Instant::now());
        let (gone, _) = job("gone", Instant::now() + Duration::from_secs(60));
        let (good, _good_answer) = job("good", Instant::now() + Duration::from_secs(60));
        queue.enter([late, gone, good]).unwrap();
        let mut batch = Vec::new();
        assert!(queue.take(&mut batch));
        let texts: Vec<&str> = batch.iter().map(|job| job.raw.as_str()).collect();
        assert_eq!(texts, ["good"]);
        let answer = late_answer.try_recv().unwrap();
        assert!(matches!(answer, Err(ModelError::Deadline { .. })));
    }

    #[test]
    fn batches_keep_to_the_token_budget_in_order() {
        let queue = Queue::new(10, RunLimits { n_turns: 3, token_budget: 20 });
        let deadline = Instant::now() + Duration::from_secs(60);
        // With two special tokens: 4, 4, 30, 4, 3, 3, 3 tokens.
        let lens = [2, 2, 28, 2, 1, 1, 1];
        let (jobs, _answers): (Vec<_>, Vec<_>) =
            lens.iter().map(|&len| job(&"字".repeat(len), deadline)).unzip();
        queue.enter(jobs).unwrap();
        let mut sizes = Vec::new();
        while queue.waiting() > 0 {
            let mut batch = Vec::new();
            assert!(queue.take(&mut batch));
            sizes.push(batch.len());
        }
        assert_eq!(sizes, [2, 1, 3, 1]);
    }
}
