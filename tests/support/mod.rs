//! The service in process, with classifiers that answer from a table instead of a model.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use fenzhen::app::rules::RuleFile;
use fenzhen::app::{self, App, Knowledge, Vocabulary};
use fenzhen::config::Config;
use fenzhen::kb::tokenizer::Analyzer;
use fenzhen::kb::{KbSettings, KnowledgeBase};
use fenzhen::model::{
    ClassPolicy, Classifier, IntentPolicy, LabelId, LabelSet, ModelError, Models, Pool,
    PoolSettings, Scores, SentimentPolicy, Thresholds, URGENCY_CLASSES, Utterance,
};
use fenzhen::store::sqlite;
use fenzhen::text::entity::{EntityFinder, Products};
use fenzhen::text::keyword::KeywordFinder;
use fenzhen::text::lexicon::{EmotionLabel, Lexicon};
use fenzhen::text::normalize::Normalizer;
use fenzhen::text::segment::Dictionary;
use fenzhen::triage::catalogue::IntentCatalogue;
use fenzhen::triage::classification::ModelIds;
use fenzhen::triage::models::ModelSet;
use fenzhen::triage::{Readers, TextTools, Triage};
use fenzhen::{http, telemetry};
use http_body_util::BodyExt;
use jiff::Timestamp;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tempfile::TempDir;
use tower::ServiceExt;

/// Words that decide the intent of a scripted text, first match wins; none: out of scope.
const INTENTS: [(&str, &str, f32); 12] = [
    ("地址", "order.modify", 0.9),
    ("快递", "shipping.delay", 0.93),
    ("发票", "invoice", 0.9),
    ("投影仪", "product.info", 0.9),
    ("退换", "aftersale.return", 0.4),
    ("没用", "chat.deny", 0.9),
    ("人工", "chat.human", 0.9),
    ("你好", "chat.greeting", 0.9),
    ("谢谢", "chat.closing", 0.9),
    ("投诉", "complaint.service", 0.9),
    ("退货", "aftersale.return", 0.9),
    ("emmm", "product.info", 0.1),
];

mod postgres;

pub(crate) use postgres::with_postgres;

/// The folder of the package.
pub(crate) fn package(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(package(path)).unwrap()
}

/// One index for all tests; building it takes a second.
static KB: LazyLock<(Arc<KnowledgeBase>, TempDir)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let settings = KbSettings {
        articles_dir: package("kb-index/articles"),
        index_dir: folder.path().to_owned(),
    };
    let kb = KnowledgeBase::open_or_build(
        &settings,
        Analyzer::new(NORMALIZER.clone(), DICTIONARY.clone()),
        None,
    );
    (Arc::new(kb.unwrap()), folder)
});
static VOCABULARY: LazyLock<Vocabulary> =
    LazyLock::new(|| Vocabulary::load(&Config::load(None).unwrap()).unwrap());
static NORMALIZER: LazyLock<Arc<Normalizer>> = LazyLock::new(|| Arc::new(Normalizer::new()));
static DICTIONARY: LazyLock<Arc<Dictionary>> =
    LazyLock::new(|| Arc::new(Dictionary::new(&read("config/dictionary.txt")).unwrap()));

/// What cuts the words of the tests' indexes.
pub(crate) fn analyzer() -> Analyzer {
    VOCABULARY.analyzer()
}

/// A node of the knowledge base: the index below `data_dir`, the store there or at `url`, filled
/// with a folder of articles.
pub(crate) async fn open_knowledge(
    data_dir: &Path,
    articles: &str,
    url: Option<&str>,
) -> Knowledge {
    std::fs::create_dir_all(data_dir).unwrap();
    let settings = data_dir.join("settings.toml");
    // Words alone: none of these tests is about what queries mean.
    std::fs::write(&settings, "[kb]\nencoder = \"\"\n").unwrap();
    let mut config = Config::load(Some(&settings)).unwrap();
    config.data_dir = data_dir.to_owned();
    config.kb.articles = package(articles);
    if let Some(url) = url {
        config.store.url = url.into();
    }
    Knowledge::open(&config, &VOCABULARY).await.unwrap()
}

/// A classifier that answers from a table, after a pause.
struct Scripted {
    labels: Arc<LabelSet>,
    answer: fn(&LabelSet, &str) -> (LabelId, f32),
    pause: Duration,
}

impl Classifier for Scripted {
    fn id(&self) -> &str {
        "scripted@00000000"
    }

    fn labels(&self) -> &Arc<LabelSet> {
        &self.labels
    }

    fn classify(&mut self, utterances: &[Utterance<'_>]) -> Result<Vec<Scores>, ModelError> {
        std::thread::sleep(self.pause);
        let score = |utterance: &Utterance<'_>| {
            let (top, score) = (self.answer)(&self.labels, utterance.normalized);
            let n_others = (self.labels.len() - 1) as f32;
            let logits: Vec<f32> = self
                .labels
                .iter()
                .map(|(id, _)| if id == top { score.ln() } else { ((1.0 - score) / n_others).ln() })
                .collect();
            Scores::from_logits(&logits, 1.0)
        };
        utterances.iter().map(score).collect()
    }
}

fn intent(labels: &LabelSet, text: &str) -> (LabelId, f32) {
    let hit = INTENTS.iter().find(|(word, _, _)| text.contains(word));
    let &(_, label, score) = hit.unwrap_or(&("", "oos", 0.95));
    (labels.id(label).unwrap(), score)
}

fn sentiment(labels: &LabelSet, text: &str) -> (LabelId, f32) {
    let (label, score) = if text.contains('!') { ("negative", 0.88) } else { ("neutral", 0.9) };
    (labels.id(label).unwrap(), score)
}

fn emotion(labels: &LabelSet, text: &str) -> (LabelId, f32) {
    let label = if text.contains("谢谢你们") { "angry" } else { "calm" };
    (labels.id(label).unwrap(), 0.97)
}

/// A classifier that always fails.
struct Failing(Arc<LabelSet>);

impl Classifier for Failing {
    fn id(&self) -> &str {
        "failing@00000000"
    }

    fn labels(&self) -> &Arc<LabelSet> {
        &self.0
    }

    fn classify(&mut self, _: &[Utterance<'_>]) -> Result<Vec<Scores>, ModelError> {
        Err(ModelError::Panicked { model: self.id().to_owned() })
    }
}

/// What a test changes of the service.
pub(crate) struct Setup {
    pub(crate) pause: Duration,
    pub(crate) workers: usize,
    /// Whether there is a model of emotion, which answers, and one of urgency, which fails.
    pub(crate) feeling_models: bool,
    /// The folder of articles of a store and an index of its own; `None`: the shared index, and a
    /// store without articles.
    pub(crate) articles: Option<&'static str>,
    pub(crate) configure: fn(&mut Config),
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            pause: Duration::ZERO,
            workers: 2,
            feeling_models: false,
            articles: None,
            configure: |_| {},
        }
    }
}

/// The service in process; its data folder goes with it.
pub(crate) struct Service {
    router: Router,
    pub(crate) app: Arc<App>,
    _folder: TempDir,
}

/// Status and body of a response.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: axum::http::HeaderMap,
    pub(crate) body: Value,
}

impl Service {
    pub(crate) async fn new() -> Self {
        Self::with(Setup::default()).await
    }

    pub(crate) async fn with(setup: Setup) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::load(None).unwrap();
        config.data_dir = folder.path().to_owned();
        config.rules.file = package("config/rules.toml");
        (setup.configure)(&mut config);

        let catalogue: toml::Table = toml::from_str(&read("config/intents.toml")).unwrap();
        let names: Vec<String> = catalogue.keys().cloned().collect();
        let intent_labels = Arc::new(LabelSet::new(names).unwrap());
        let sentiment_labels =
            Arc::new(LabelSet::new(["negative", "neutral", "positive"]).unwrap());
        let emotions = EmotionLabel::ALL.map(EmotionLabel::as_str);
        let emotion_labels = Arc::new(LabelSet::new(emotions).unwrap());
        let urgency_labels = Arc::new(LabelSet::new(URGENCY_CLASSES).unwrap());
        let readers = Readers {
            intent: IntentPolicy::with(
                Thresholds { accept: 0.5, clarify: 0.25 },
                intent_labels.id("oos"),
            ),
            sentiment: SentimentPolicy::from_labels(&sentiment_labels, &Default::default())
                .unwrap(),
            intent_labels: intent_labels.clone(),
            ids: ModelIds {
                intent: "scripted@00000000".to_owned(),
                sentiment: "scripted@00000000".to_owned(),
                ..ModelIds::default()
            },
            emotion: setup.feeling_models.then(|| {
                ClassPolicy::from_labels(&emotion_labels, &Default::default(), emotions).unwrap()
            }),
            urgency: setup.feeling_models.then(|| {
                let map = Default::default();
                ClassPolicy::from_labels(&urgency_labels, &map, URGENCY_CLASSES).unwrap()
            }),
        };
        let settings = PoolSettings {
            workers: setup.workers,
            queue_depth: config.model.queue_depth,
            max_batch: 1,
            token_budget: 1024,
        };
        let (pause, feeling_models) = (setup.pause, setup.feeling_models);
        let pool = Pool::start(&settings, move |_| {
            Ok(Models {
                intent: Box::new(Scripted { labels: intent_labels.clone(), answer: intent, pause }),
                sentiment: Box::new(Scripted {
                    labels: sentiment_labels.clone(),
                    answer: sentiment,
                    pause: Duration::ZERO,
                }),
                emotion: feeling_models.then(|| {
                    let labels = emotion_labels.clone();
                    Box::new(Scripted { labels, answer: emotion, pause: Duration::ZERO }) as Box<_>
                }),
                urgency: feeling_models
                    .then(|| Box::new(Failing(urgency_labels.clone())) as Box<_>),
            })
        })
        .unwrap();
        let text = TextTools {
            normalizer: NORMALIZER.clone(),
            dictionary: DICTIONARY.clone(),
            keywords: KeywordFinder::new(),
            entities: EntityFinder::new(Products::parse(&read("config/products.txt")).unwrap()),
            lexicon: Lexicon::new(),
        };
        let models =
            ModelSet { pool, readers, shadow: None, bundles: Vec::new(), since: Timestamp::now() };
        let rules = RuleFile::new(config.rules.file.clone());
        let rule_set = rules.load(models.labels()).unwrap();
        let intents = IntentCatalogue::parse(&read("config/intents.toml")).unwrap();
        let settings = app::triage_settings(&config);
        let triage = Triage::new(text, intents, models, rule_set, settings).unwrap();
        let knowledge = match setup.articles {
            Some(articles) => open_knowledge(folder.path(), articles, None).await,
            None => {
                let store = sqlite::open(&folder.path().join("fenzhen.db")).await.unwrap();
                let analyzer = Analyzer::new(NORMALIZER.clone(), DICTIONARY.clone());
                Knowledge::join(Arc::new(store), KB.0.clone(), analyzer)
            }
        };
        let app = Arc::new(App::join(config, Arc::new(triage), knowledge, rules));
        let router = http::router(app.clone(), telemetry::metrics().unwrap());
        Self { router, app, _folder: folder }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(json_request("POST", path, body.to_string())).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(json_request("PUT", path, body.to_string())).await
    }

    /// One turn of conversation `id`.
    pub(crate) async fn turn(&self, id: &str, turn_id: &str, text: &str) -> Value {
        let body = serde_json::json!({ "turn_id": turn_id, "text": text, "channel": "app" });
        let answer = self.post(&format!("/v1/conversations/{id}/turns"), body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.body
    }
}

pub(crate) fn json_request(method: &str, path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::CONTENT_TYPE, "application/json")
        .body(body.into())
        .unwrap()
}
