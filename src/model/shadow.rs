//! A second intent model that reads the same messages beside the one in service, off the reply
//! path, and what it would have answered otherwise.
//!
//! One thread owns the model and takes messages from a bounded queue. Invariants: offering a
//! message neither waits nor fails (a full queue drops and counts it); texts live only as long as
//! they wait, differences are kept and logged without them.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use metrics::{counter, histogram};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    classifier::{Classifier, Utterance},
    error::ModelError,
    intent::{IntentPolicy, Outcome},
};

/// Messages read by both models, by result `agree` or `differ` (counter).
pub const SHADOW_COMPARED: &str = "fenzhen_shadow_compared_total";
/// Messages whose outcome would be another, by `from` and `to` (counter).
pub const SHADOW_OUTCOMES: &str = "fenzhen_shadow_outcome_changes_total";
/// Messages the shadow model did not read, by reason `queue_full` or `failed` (counter).
pub const SHADOW_SKIPPED: &str = "fenzhen_shadow_skipped_total";
/// Time the shadow model takes for one message (histogram).
pub const SHADOW_SECONDS: &str = "fenzhen_shadow_compute_seconds";

/// Messages that may wait for the shadow model: a burst of some tenths of a second. More are
/// dropped, since figures need a sample and not every message.
const QUEUE_DEPTH: usize = 256;
/// Differences kept, the newest ones.
const N_DIFFERENCES: usize = 100;

/// How a model reads one message.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Verdict {
    /// The most probable intent.
    #[schema(example = "shipping.delay")]
    pub label: String,
    /// Its calibrated probability.
    #[schema(example = 0.93)]
    pub score: f32,
    /// What is done with it.
    pub outcome: Outcome,
}

/// A message that the two models read differently; without its text.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Difference {
    /// Id of the request, or of conversation and turn, where one was given.
    #[schema(example = "c-1/t-1")]
    pub subject: Option<String>,
    /// Length of the text in characters.
    #[schema(example = 17)]
    pub chars: usize,
    /// What was answered.
    pub served: Verdict,
    /// What the shadow model would have answered.
    pub shadow: Verdict,
}

/// How often one outcome would become another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OutcomeChange {
    /// The outcome as answered.
    pub from: Outcome,
    /// The shadow model's.
    pub to: Outcome,
    /// Messages.
    pub count: u64,
}

/// What was found since this pair of models is in service.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct ShadowFigures {
    /// Messages read by both.
    pub compared: u64,
    /// Of these: same label and same outcome.
    pub agreed: u64,
    /// Of these: another label.
    pub label_changed: u64,
    /// Of these: another outcome, the label the same or not.
    pub outcome_changed: u64,
    /// The changes of outcome that occurred.
    pub outcome_changes: Vec<OutcomeChange>,
    /// Messages left out because the queue was full.
    pub dropped: u64,
    /// Messages that the shadow model could not read.
    pub failed: u64,
    /// Mean time for one message, microseconds.
    pub mean_us: u64,
    /// Longest time for one message, microseconds.
    pub max_us: u64,
    /// The last messages read differently, newest first, at most 100.
    pub differences: Vec<Difference>,
}

/// A message and how it was answered.
struct Sample {
    subject: Option<String>,
    raw: String,
    normalized: String,
    served: Verdict,
}

/// The shadow model at work. Share it behind an `Arc`; dropping it waits for the message at hand.
pub struct Shadow {
    /// `None` only while dropping.
    queue: Option<SyncSender<Sample>>,
    worker: Option<JoinHandle<()>>,
    share: f64,
    offered: AtomicU64,
    notes: Arc<Notes>,
}

impl Shadow {
    /// Starts the thread that owns `classifier`, whose scores `policy` reads.
    ///
    /// `share` of the messages offered are read, 0 to 1, evenly spread.
    ///
    /// # Errors
    /// [`ModelError::Spawn`].
    pub fn start(
        classifier: Box<dyn Classifier>,
        policy: IntentPolicy,
        share: f64,
    ) -> Result<Shadow, ModelError> {
        let (queue, samples) = sync_channel(QUEUE_DEPTH);
        let notes = Arc::new(Notes::default());
        let worker = Worker { classifier, policy, notes: notes.clone() };
        let worker = thread::Builder::new()
            .name("fenzhen-shadow".to_owned())
            .spawn(move || worker.run(&samples))
            .map_err(|source| ModelError::Spawn { source: Arc::new(source) })?;
        let offered = AtomicU64::new(0);
        Ok(Shadow { queue: Some(queue), worker: Some(worker), share, offered, notes })
    }

    /// Lets the shadow model read a message too, if its turn comes and there is room.
    ///
    /// `served` is asked for only then.
    pub fn offer(
        &self,
        subject: Option<&str>,
        raw: &str,
        normalized: &str,
        served: impl FnOnce() -> Verdict,
    ) {
        if !self.takes_next() {
            return;
        }
        let sample = Sample {
            subject: subject.map(str::to_owned),
            raw: raw.to_owned(),
            normalized: normalized.to_owned(),
            served: served(),
        };
        if self.queue.as_ref().is_some_and(|queue| queue.try_send(sample).is_err()) {
            self.notes.dropped.fetch_add(1, Ordering::Relaxed);
            counter!(SHADOW_SKIPPED, "reason" => "queue_full").increment(1);
        }
    }

    /// The figures up to now.
    pub fn figures(&self) -> ShadowFigures {
        let dropped = self.notes.dropped.load(Ordering::Relaxed);
        ShadowFigures { dropped, ..self.notes.lock().figures() }
    }

    /// Whether the next message belongs to the share: every time the running sum of shares passes
    /// a whole number.
    fn takes_next(&self) -> bool {
        let n_before = self.offered.fetch_add(1, Ordering::Relaxed) as f64;
        ((n_before + 1.0) * self.share).floor() > (n_before * self.share).floor()
    }
}

impl Drop for Shadow {
    fn drop(&mut self) {
        self.notes.stopped.store(true, Ordering::Relaxed);
        self.queue = None;
        if let Some(worker) = self.worker.take() {
            // The worker catches its panics.
            let _ = worker.join();
        }
    }
}

/// What callers and the worker share.
#[derive(Default)]
struct Notes {
    stopped: AtomicBool,
    dropped: AtomicU64,
    tally: Mutex<Tally>,
}

impl Notes {
    /// Nothing that can panic runs under the lock.
    fn lock(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct Tally {
    /// Without what follows.
    figures: ShadowFigures,
    compute_time: Duration,
    /// Newest first.
    differences: VecDeque<Difference>,
}

impl Tally {
    fn figures(&self) -> ShadowFigures {
        let n_compared = u32::try_from(self.figures.compared.max(1)).unwrap_or(u32::MAX);
        let mean_us = micros(self.compute_time / n_compared);
        let differences = self.differences.iter().cloned().collect();
        ShadowFigures { mean_us, differences, ..self.figures.clone() }
    }

    fn add(&mut self, compute_time: Duration, found: &Difference) {
        let (served, shadow) = (&found.served, &found.shadow);
        let figures = &mut self.figures;
        figures.compared += 1;
        self.compute_time += compute_time;
        figures.max_us = figures.max_us.max(micros(compute_time));
        figures.label_changed += u64::from(served.label != shadow.label);
        if served.outcome != shadow.outcome {
            figures.outcome_changed += 1;
            let (from, to) = (served.outcome, shadow.outcome);
            let changes = &mut figures.outcome_changes;
            match changes.iter_mut().find(|change| (change.from, change.to) == (from, to)) {
                Some(change) => change.count += 1,
                None => changes.push(OutcomeChange { from, to, count: 1 }),
            }
        }
        if found.agrees() {
            figures.agreed += 1;
        } else {
            self.differences.truncate(N_DIFFERENCES - 1);
            self.differences.push_front(found.clone());
        }
    }
}

impl Difference {
    fn agrees(&self) -> bool {
        self.served.label == self.shadow.label && self.served.outcome == self.shadow.outcome
    }
}

/// The thread's side.
struct Worker {
    classifier: Box<dyn Classifier>,
    policy: IntentPolicy,
    notes: Arc<Notes>,
}

impl Worker {
    fn run(mut self, samples: &Receiver<Sample>) {
        while let Ok(sample) = samples.recv() {
            if self.notes.stopped.load(Ordering::Relaxed) {
                return;
            }
            let started = Instant::now();
            match catch_unwind(AssertUnwindSafe(|| self.read(&sample))) {
                Ok(Ok(shadow)) => self.note(sample, shadow, started.elapsed()),
                Ok(Err(error)) => {
                    self.count_failure();
                    tracing::warn!(target: "shadow", %error, "the shadow model failed");
                }
                Err(_payload) => {
                    // It must not be used again. From now on messages are counted as dropped.
                    self.count_failure();
                    let model = self.classifier.id();
                    tracing::error!(target: "shadow", model, "the shadow model panicked and has ended");
                    return;
                }
            }
        }
    }

    fn read(&mut self, sample: &Sample) -> Result<Verdict, ModelError> {
        let utterance = Utterance { raw: &sample.raw, normalized: &sample.normalized };
        let scores = self.classifier.classify(&[utterance])?;
        let reading = self.policy.read(scores.first().ok_or(ModelError::Stopped)?, 1);
        let label = self.classifier.labels().name(reading.top.label).to_string();
        Ok(Verdict { label, score: reading.top.score, outcome: reading.outcome })
    }

    fn note(&self, sample: Sample, shadow: Verdict, compute_time: Duration) {
        let chars = sample.raw.chars().count();
        let found = Difference { subject: sample.subject, chars, served: sample.served, shadow };
        histogram!(SHADOW_SECONDS).record(compute_time);
        let result = if found.agrees() { "agree" } else { "differ" };
        counter!(SHADOW_COMPARED, "result" => result).increment(1);
        let (from, to) = (found.served.outcome.as_str(), found.shadow.outcome.as_str());
        if from != to {
            counter!(SHADOW_OUTCOMES, "from" => from, "to" => to).increment(1);
        }
        if !found.agrees() {
            tracing::info!(
                target: "shadow",
                subject = found.subject,
                chars,
                served_label = found.served.label,
                served_score = found.served.score,
                served_outcome = from,
                shadow_label = found.shadow.label,
                shadow_score = found.shadow.score,
                shadow_outcome = to,
                "the shadow model differs"
            );
        }
        self.notes.lock().add(compute_time, &found);
    }

    fn count_failure(&self) {
        counter!(SHADOW_SKIPPED, "reason" => "failed").increment(1);
        self.notes.lock().figures.failed += 1;
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;
    use crate::model::{classifier::Scores, intent::Thresholds, label::LabelSet};

    /// Says `delay` for "快递", a weak `refund` for "退款", fails on "error", panics on "panic"; tells the
    /// test of each message and goes on when allowed.
    struct Fake {
        labels: Arc<LabelSet>,
        entered: Sender<()>,
        go_on: Receiver<()>,
    }

    impl Classifier for Fake {
        fn id(&self) -> &str {
            "fake@0"
        }

        fn labels(&self) -> &Arc<LabelSet> {
            &self.labels
        }

        fn classify(&mut self, utterances: &[Utterance<'_>]) -> Result<Vec<Scores>, ModelError> {
            self.entered.send(()).unwrap();
            // A closed gate lets everything through.
            let _ = self.go_on.recv();
            let scores = |utterance: &Utterance<'_>| match utterance.raw {
                "error" => Err(ModelError::NotFinite { label_idx: 0, value: f32::NAN }),
                "panic" => panic!("on command"),
                raw if raw.contains("快递") => Ok(Scores::from_weights(vec![0.9, 0.1])),
                _ => Ok(Scores::from_weights(vec![0.4, 0.6])),
            };
            utterances.iter().map(scores).collect()
        }
    }

    fn shadow(share: f64) -> (Shadow, Receiver<()>, Sender<()>) {
        let labels = Arc::new(LabelSet::new(["delay", "refund"]).unwrap());
        let ((entered, was_entered), (open, go_on)) = (channel(), channel());
        let policy = IntentPolicy::with(Thresholds { accept: 0.8, clarify: 0.5 }, None);
        let fake = Fake { labels, entered, go_on };
        (Shadow::start(Box::new(fake), policy, share).unwrap(), was_entered, open)
    }

    fn served(label: &str, outcome: Outcome) -> Verdict {
        Verdict { label: label.to_owned(), score: 0.9, outcome }
    }

    /// Offers each text, waits until all are judged and gives the figures.
    fn figures(offers: &[(&str, Verdict)]) -> ShadowFigures {
        let (shadow, entered, gate) = shadow(1.0);
        drop(gate);
        for (text, served) in offers {
            shadow.offer(Some("c-1/t-1"), text, text, || served.clone());
            entered.recv().unwrap();
        }
        // The end of the thread is the end of its last message.
        let notes = shadow.notes.clone();
        drop(shadow);
        let figures = notes.lock().figures();
        ShadowFigures { mean_us: 0, max_us: 0, ..figures }
    }

    #[test]
    fn counts_what_agrees_and_keeps_what_differs_without_the_text() {
        let mut figures = figures(&[
            ("快递没到", served("delay", Outcome::Accept)),
            ("快递没到吗", served("refund", Outcome::Accept)),
            ("退款", served("refund", Outcome::Accept)),
            ("退款退款", served("refund", Outcome::Clarify)),
        ]);
        let differences = std::mem::take(&mut figures.differences);
        let change = OutcomeChange { from: Outcome::Accept, to: Outcome::Clarify, count: 1 };
        assert_eq!(
            figures,
            ShadowFigures {
                compared: 4,
                agreed: 2,
                label_changed: 1,
                outcome_changed: 1,
                outcome_changes: vec![change],
                ..ShadowFigures::default()
            }
        );
        let newest = Difference {
            subject: Some("c-1/t-1".to_owned()),
            chars: 2,
            served: served("refund", Outcome::Accept),
            shadow: Verdict { label: "refund".to_owned(), score: 0.6, outcome: Outcome::Clarify },
        };
        assert_eq!(differences.len(), 2);
        assert_eq!(differences[0], newest);
        let written = serde_json::to_string(&differences).unwrap();
        assert!(!written.contains("退款") && !written.contains("快递"), "{written}");
    }

    #[test]
    fn keeps_the_newest_differences_only() {
        let found = |chars| Difference {
            subject: None,
            chars,
            served: served("a", Outcome::Accept),
            shadow: served("b", Outcome::Accept),
        };
        let mut tally = Tally::default();
        (0..=N_DIFFERENCES).for_each(|chars| tally.add(Duration::ZERO, &found(chars)));
        let kept: Vec<usize> = tally.differences.iter().map(|d| d.chars).collect();
        assert_eq!((kept.len(), kept[0], kept[kept.len() - 1]), (N_DIFFERENCES, N_DIFFERENCES, 1));
    }

    #[test]
    fn errors_and_panics_are_counted_and_stay_inside() {
        let accept = || served("delay", Outcome::Accept);
        let found = figures(&[("error", accept()), ("快递", accept()), ("panic", accept())]);
        assert_eq!((found.compared, found.agreed, found.failed), (1, 1, 2));
    }

    #[test]
    fn a_full_queue_drops_and_never_waits() {
        let (shadow, entered, gate) = shadow(1.0);
        let offer = || shadow.offer(None, "快递", "快递", || served("delay", Outcome::Accept));
        offer();
        entered.recv().unwrap();
        // One is being read, the queue takes its depth, three are too many.
        (0..QUEUE_DEPTH + 3).for_each(|_| offer());
        assert_eq!(shadow.figures().dropped, 3);
        drop(gate);
    }

    #[test]
    fn the_share_is_exact_and_evenly_spread() {
        for (share, taken) in [(1.0, 100), (0.25, 25), (0.1, 10), (0.0, 0)] {
            let (shadow, _entered, gate) = shadow(share);
            drop(gate);
            let pattern: Vec<bool> = (0..100).map(|_| shadow.takes_next()).collect();
            assert_eq!(pattern.iter().filter(|taken| **taken).count(), taken, "{share}");
        }
    }
}
