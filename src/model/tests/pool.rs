//! The pool over fake classifiers that wait, fail and panic on command.

use std::{
    collections::HashSet,
    future::Future,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    task::{Context, Poll, Waker},
};

use super::*;

/// What happened inside the fakes, and the gate that holds them.
#[derive(Default)]
struct Watch {
    batches: Mutex<Vec<Vec<String>>>,
    n_made: AtomicUsize,
}

/// Says 0 for texts of even length and 1 for odd ones. A text with "panic" panics, one with
/// "error" is an error, and each call first waits for the gate, if there is one.
struct Fake {
    labels: Arc<LabelSet>,
    watch: Arc<Watch>,
    entered: Option<Sender<()>>,
    gate: Option<SharedReceiver>,
}

type SharedReceiver = Arc<Mutex<Receiver<()>>>;

impl Classifier for Fake {
    fn id(&self) -> &str {
        "fake@0"
    }

    fn labels(&self) -> &Arc<LabelSet> {
        &self.labels
    }

    fn classify(&mut self, utterances: &[Utterance<'_>]) -> Result<Vec<Scores>, ModelError> {
        let texts = utterances.iter().map(|utterance| utterance.raw.to_owned()).collect();
        self.watch.batches.lock().unwrap().push(texts);
        if let (Some(entered), Some(gate)) = (&self.entered, &self.gate) {
            entered.send(()).unwrap();
            // A closed gate ends the test's wait as well.
            let _ = gate.lock().unwrap().recv();
        }
        if utterances.iter().any(|utterance| utterance.raw.contains("panic")) {
            panic!("on command");
        }
        if utterances.iter().any(|utterance| utterance.raw.contains("error")) {
            return Err(ModelError::NotFinite { label_idx: 0, value: f32::NAN });
        }
        let score = |utterance: &Utterance<'_>| {
            let odd = (utterance.raw.chars().count() % 2) as f32;
            Scores::from_weights(vec![1.0 - odd, odd])
        };
        Ok(utterances.iter().map(score).collect())
    }
}

const SETTINGS: PoolSettings =
    PoolSettings { workers: 1, queue_depth: 4, max_batch: 3, token_budget: 100 };

/// A pool of fakes without a gate.
fn pool(settings: PoolSettings) -> (Pool, Arc<Watch>) {
    let watch = Arc::new(Watch::default());
    let shared = watch.clone();
    let make = move |_| {
        shared.n_made.fetch_add(1, Ordering::SeqCst);
        Ok(fakes(shared.clone(), None))
    };
    (Pool::start(&settings, make).unwrap(), watch)
}

/// The test's side of a gate: `entered` tells that a computation has begun, `open` lets it end.
struct Gate {
    entered: Receiver<()>,
    open: Sender<()>,
}

/// A pool whose intent model waits at a gate.
fn gated_pool(settings: PoolSettings) -> (Pool, Arc<Watch>, Gate) {
    let watch = Arc::new(Watch::default());
    let (entered_tx, entered) = channel();
    let (open, open_rx) = channel();
    let (shared, open_rx) = (watch.clone(), Arc::new(Mutex::new(open_rx)));
    let make = move |_| Ok(fakes(shared.clone(), Some((entered_tx.clone(), open_rx.clone()))));
    (Pool::start(&settings, make).unwrap(), watch, Gate { entered, open })
}

fn fakes(watch: Arc<Watch>, gate: Option<(Sender<()>, SharedReceiver)>) -> Models {
    let labels = Arc::new(LabelSet::new(["even", "odd"]).unwrap());
    let (entered, gate) = gate.unzip();
    // Only the intent model is watched and gated; the other is the plain fallback.
    let intent = Fake { labels, watch, entered, gate };
    two_models(intent, KeywordClassifier::sentiment().unwrap())
}

fn two_models(intent: impl Classifier + 'static, sentiment: impl Classifier + 'static) -> Models {
    let (intent, sentiment) = (Box::new(intent), Box::new(sentiment));
    Models { intent, sentiment, emotion: None, urgency: None }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

fn ask(pool: &Pool, text: &str) -> impl Future<Output = Result<Understood, ModelError>> {
    pool.understand(text.to_owned(), text.to_owned(), soon())
}

/// Runs a future up to its first wait, so that its text is in the queue.
fn start(future: std::pin::Pin<&mut impl Future<Output = Result<Understood, ModelError>>>) {
    let mut context = Context::from_waker(Waker::noop());
    assert!(matches!(future.poll(&mut context), Poll::Pending));
}

#[tokio::test]
async fn texts_are_answered_by_both_models() {
    let (pool, _) = pool(SETTINGS);
    let understood = ask(&pool, "谢谢你").await.unwrap();
    assert_eq!(understood.intent.unwrap().top().label, LabelId(1));
    assert_eq!(understood.sentiment.unwrap().as_slice().len(), 3);
    assert!(understood.emotion.is_none() && understood.urgency.is_none());
    assert!(understood.compute_time > Duration::ZERO);
}

#[tokio::test]
async fn optional_models_answer_beside_the_others_and_fail_alone() {
    let make = |_| {
        let labels = Arc::new(LabelSet::new(["even", "odd"]).unwrap());
        let emotion = Fake { labels, watch: Arc::default(), entered: None, gate: None };
        let models = fakes(Arc::default(), None);
        let urgency = KeywordClassifier::sentiment()?;
        Ok(Models { emotion: Some(Box::new(emotion)), urgency: Some(Box::new(urgency)), ..models })
    };
    let pool = Pool::start(&SETTINGS, make).unwrap();
    let understood = ask(&pool, "谢谢你").await.unwrap();
    assert_eq!(understood.emotion.unwrap().unwrap().top().label, LabelId(1));
    assert_eq!(understood.urgency.unwrap().unwrap().as_slice().len(), 3);
    let understood = ask(&pool, "error").await.unwrap();
    assert!(understood.emotion.unwrap().is_err());
    assert!(understood.sentiment.is_ok() && understood.urgency.unwrap().is_ok());
}

#[tokio::test]
async fn a_group_is_answered_in_its_order() {
    let settings = PoolSettings { workers: 2, queue_depth: 50, ..SETTINGS };
    let (pool, watch) = pool(settings);
    let texts: Vec<String> = (0..50).map(|len| "字".repeat(len)).collect();
    let group = texts.iter().map(|text| (text.clone(), text.clone())).collect();
    let answers = pool.understand_many(group, soon()).await.unwrap();
    for (len, answer) in answers.into_iter().enumerate() {
        let top = answer.unwrap().intent.unwrap().top();
        assert_eq!(top.label, LabelId(len as u16 % 2));
    }
    assert!(pool.understand_many(Vec::new(), soon()).await.unwrap().is_empty());
    let batches = watch.batches.lock().unwrap();
    let seen: HashSet<&String> = batches.iter().flatten().collect();
    assert_eq!(seen.len(), texts.len());
    for batch in batches.iter() {
        let longest = batch.iter().map(|text| text.chars().count() + 2).max().unwrap();
        assert!(batch.len() <= settings.max_batch);
        assert!(batch.len() == 1 || batch.len() * longest <= settings.token_budget);
    }
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_as_a_whole() {
    let (pool, _, gate) = gated_pool(SETTINGS);
    let mut first = pin!(ask(&pool, "a"));
    start(first.as_mut());
    gate.entered.recv().unwrap();
    let group = |n: usize| vec![("b".to_owned(), "b".to_owned()); n];
    let mut three = Box::pin(pool.understand_many(group(3), soon()));
    let mut context = Context::from_waker(Waker::noop());
    assert!(three.as_mut().poll(&mut context).is_pending());

    let error = pool.understand_many(group(2), soon()).await.unwrap_err();
    let refused = matches!(error, ModelError::Overloaded { waiting: 3, depth: 4, wanted: 2 });
    assert!(refused, "{error}");
    assert_eq!(pool.waiting(), 3);

    // A caller that leaves makes room.
    drop(three);
    let mut second = Box::pin(pool.understand_many(group(4), soon()));
    assert!(second.as_mut().poll(&mut context).is_pending());
    assert!(matches!(ask(&pool, "c").await, Err(ModelError::Overloaded { .. })));
    drop(gate);
    first.await.unwrap();
    assert_eq!(second.await.unwrap().len(), 4);
}

#[tokio::test]
async fn nothing_is_computed_for_callers_that_have_gone() {
    let (pool, watch, gate) = gated_pool(SETTINGS);
    let mut first = pin!(ask(&pool, "first"));
    start(first.as_mut());
    gate.entered.recv().unwrap();
    let mut gone = Box::pin(ask(&pool, "gone"));
    start(gone.as_mut());
    let late = pool.understand("late".into(), "late".into(), Instant::now());
    let mut stays = pin!(ask(&pool, "stays"));
    start(stays.as_mut());
    drop(gone);
    let error = late.await.unwrap_err();
    assert!(matches!(error, ModelError::Deadline { .. }), "{error}");

    gate.open.send(()).unwrap();
    gate.open.send(()).unwrap();
    first.await.unwrap();
    stays.await.unwrap();
    assert_eq!(*watch.batches.lock().unwrap(), [["first"], ["stays"]]);
}

#[tokio::test]
async fn a_panic_costs_its_batch_and_the_worker_is_rebuilt() {
    let (pool, watch) = pool(SETTINGS);
    for _ in 0..2 {
        let understood = ask(&pool, "panic").await.unwrap();
        let error = understood.intent.unwrap_err();
        assert_eq!(error.to_string(), "the model fake@0 panicked");
        assert!(understood.sentiment.is_ok(), "the other model still answers");
    }
    assert!(ask(&pool, "fine").await.unwrap().intent.is_ok());
    assert_eq!(watch.n_made.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_worker_that_cannot_be_rebuilt_tries_again() {
    let watch = Arc::new(Watch::default());
    let mut n_made = 0;
    let make = move |_| {
        n_made += 1;
        match n_made {
            2 => Err(ModelError::MissingFile { path: "model.onnx".into() }),
            3 => panic!("while loading"),
            _ => Ok(fakes(watch.clone(), None)),
        }
    };
    let pool = Pool::start(&SETTINGS, make).unwrap();
    ask(&pool, "panic").await.unwrap();
    // The third attempt panics, the fourth succeeds.
    let error = ask(&pool, "fine").await.unwrap_err();
    assert!(matches!(error, ModelError::Panicked { .. }), "{error}");
    assert!(ask(&pool, "fine").await.unwrap().intent.is_ok());
}

#[tokio::test]
async fn one_bad_text_costs_only_itself() {
    let (pool, _) = pool(SETTINGS);
    let texts = ["a", "error", "b"].map(|text| (text.to_owned(), text.to_owned()));
    let answers = pool.understand_many(texts.to_vec(), soon()).await.unwrap();
    let ok: Vec<bool> = answers.into_iter().map(|a| a.unwrap().intent.is_ok()).collect();
    assert_eq!(ok, [true, false, true]);
}

#[tokio::test]
async fn a_stopped_pool_answers_everybody() {
    let (pool, _, gate) = gated_pool(SETTINGS);
    let mut running = pin!(ask(&pool, "running"));
    start(running.as_mut());
    gate.entered.recv().unwrap();
    let mut waiting = pin!(ask(&pool, "waiting"));
    start(waiting.as_mut());
    pool.stop();
    assert!(matches!(waiting.await, Err(ModelError::Stopped)));
    assert!(matches!(ask(&pool, "after").await, Err(ModelError::Stopped)));
    drop(gate);
    assert!(running.await.is_ok(), "the batch under way is finished");
}

/// Each worker thread owns a part of `alive`; when the drop returns, all threads have ended.
#[test]
fn dropping_the_pool_joins_its_threads() {
    let alive = Arc::new(Watch::default());
    let shared = alive.clone();
    let settings = PoolSettings { workers: 3, ..SETTINGS };
    let pool = Pool::start(&settings, move |_| Ok(fakes(shared.clone(), None))).unwrap();
    assert_eq!(Arc::strong_count(&alive), 5);
    drop(pool);
    assert_eq!(Arc::strong_count(&alive), 1);
}

#[test]
fn a_pool_without_models_does_not_start() {
    let missing = |_| Err(ModelError::MissingFile { path: "model.onnx".into() });
    assert!(matches!(Pool::start(&SETTINGS, missing), Err(ModelError::MissingFile { .. })));
}

/// The whole path with a real model: forty callers, two workers.
#[tokio::test]
async fn real_models_answer_through_the_pool() {
    let bundle = Bundle::load(&fixture("bert-tiny")).unwrap();
    let make = move |_| {
        let intent = OnnxClassifier::new(&bundle, OnnxSettings::default())?;
        Ok(two_models(intent, KeywordClassifier::sentiment()?))
    };
    let settings = PoolSettings { workers: 2, queue_depth: 64, max_batch: 8, token_budget: 512 };
    let pool = Arc::new(Pool::start(&settings, make).unwrap());
    let expected = expected("bert-tiny");
    let mut answers = Vec::new();
    for Expected { text, .. } in expected.iter().cycle().take(40) {
        let (pool, text) = (pool.clone(), text.clone());
        answers.push(tokio::spawn(async move { ask(&pool, &text).await }));
    }
    for (answer, expected) in answers.into_iter().zip(expected.iter().cycle()) {
        let intent = answer.await.unwrap().unwrap().intent.unwrap();
        let reference = Scores::from_logits(&expected.logits, 1.0).unwrap();
        assert_near(intent.as_slice(), reference.as_slice(), 1e-4);
    }
}
