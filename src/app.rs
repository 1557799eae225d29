//! Every long-lived component, built once from the configuration; no globals.
//!
//! Start-up is strict: whatever cannot work stops the process with all reasons at once.

pub mod backup;
pub mod exchange;
pub mod index;
pub mod models;
pub mod rules;

use crate::config::{Config, KbConfig, ModelConfig};
use crate::kb::editorial::Policy;
use crate::kb::embed::EmbedError;
use crate::kb::tokenizer::Analyzer;
use crate::kb::{Embed, KbError, KbSettings, KnowledgeBase, RebuildReason, Vector};
use crate::library::{Library, LibrarySettings};
use crate::model::shadow::Shadow;
use crate::model::{
    Bundle, ClassPolicy, Classifier, Embedder, IntentBundles, IntentPolicy, ModelError, Models,
    OnnxClassifier, OnnxSettings, Pool, PoolSettings, SentimentPolicy, Task, URGENCY_CLASSES,
    runtime,
};
use crate::routing::RuleSet;
use crate::store::{SqlStore, Store, StoreError, postgres, sqlite};
use crate::text::entity::{EntityFinder, Products};
use crate::text::keyword::KeywordFinder;
use crate::text::lexicon::{EmotionLabel, Lexicon};
use crate::text::normalize::Normalizer;
use crate::text::segment::Dictionary;
use crate::triage::catalogue::IntentCatalogue;
use crate::triage::classification::ModelIds;
use crate::triage::dialogue::{Desk, DeskSettings};
use crate::triage::models::{BundleInfo, ModelSet};
use crate::triage::{Readers, TextTools, Triage, TriageSettings};
use anyhow::Context;
use index::{IndexError, Indexer};
use jiff::Timestamp;
use models::ModelFolders;
use rules::RuleFile;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::available_parallelism;

/// The database file below the data folder.
const DATABASE_FILE: &str = "fenzhen.db";
/// The index generations below the data folder.
const INDEX_FOLDER: &str = "kb";

/// The running service without its HTTP side.
pub struct App {
    /// Its settings.
    pub config: Config,
    /// Understands and decides.
    pub triage: Arc<Triage>,
    /// Leads conversations.
    pub desk: Arc<Desk>,
    /// Finds answers.
    pub kb: Arc<KnowledgeBase>,
    /// Keeps conversations and articles.
    pub store: Arc<dyn Store>,
    /// Keeps the index at what the store says is served.
    pub indexer: Arc<Indexer>,
    /// What editors do to the articles.
    pub library: Arc<Library>,
    /// Where the rules come from.
    pub rules: RuleFile,
    /// Where the models come from.
    pub models: ModelFolders,
}

impl App {
    /// Builds everything.
    ///
    /// # Errors
    /// Every reason why the service cannot start, one a line.
    pub async fn build(config: Config) -> anyhow::Result<Self> {
        let vocabulary = Vocabulary::load(&config)?;
        let knowledge = Knowledge::open(&config, &vocabulary);
        let triage = tokio::task::spawn_blocking({
            let (config, vocabulary) = (config.clone(), vocabulary.clone());
            move || build_triage(&config, &vocabulary)
        });
        let (knowledge, triage) = tokio::join!(knowledge, triage);
        match (triage?, knowledge) {
            (Ok((triage, rules)), Ok(knowledge)) => {
                Ok(Self::join(config, Arc::new(triage), knowledge, rules))
            }
            (triage, knowledge) => {
                let reasons: Vec<String> = [triage.err(), knowledge.err()]
                    .into_iter()
                    .flatten()
                    .map(|error| format!("{error:#}"))
                    .collect();
                Err(anyhow::anyhow!("the service cannot start:\n  {}", reasons.join("\n  ")))
            }
        }
    }

    /// Joins parts that are built already.
    #[must_use]
    pub fn join(
        config: Config,
        triage: Arc<Triage>,
        knowledge: Knowledge,
        rules: RuleFile,
    ) -> Self {
        let Knowledge { store, kb, indexer } = knowledge;
        let settings = DeskSettings {
            conversation: config.conversation.clone(),
            messages: config.messages.clone(),
            answer_threshold: config.kb.answer_threshold,
            answer_threshold_unsure: config.kb.answer_threshold_unsure,
        };
        let desk = Arc::new(Desk::new(triage.clone(), kb.clone(), store.clone(), settings));
        let library = Arc::new(Library::new(store.clone(), library_settings(&config, &triage)));
        let models = ModelFolders::new(config.model.clone());
        Self { config, triage, desk, kb, store, indexer, library, rules, models }
    }
}

/// The knowledge base with where it is kept: what `kb` commands need.
pub struct Knowledge {
    /// Keeps articles.
    pub store: Arc<dyn Store>,
    /// Finds them.
    pub kb: Arc<KnowledgeBase>,
    /// Keeps the second at what the first says is served.
    pub indexer: Arc<Indexer>,
}

impl Knowledge {
    /// Opens the store, fills it from the folder of articles if it is empty, and brings the index
    /// to what is served.
    ///
    /// # Errors
    /// Why the store cannot be opened, the faults of all articles, or why the index cannot be used.
    pub async fn open(config: &Config, vocabulary: &Vocabulary) -> anyhow::Result<Self> {
        let knowledge = Self::connect(config, vocabulary).await?;
        match knowledge.indexer.follow().await {
            // What is built is kept for all processes on the folder: this one takes it up later.
            Err(IndexError::Kb(KbError::Locked { .. })) if knowledge.kb.generation().number > 0 => {
                tracing::warn!("another process builds the index; the one before serves meanwhile");
            }
            followed => drop(followed?),
        }
        Ok(knowledge)
    }

    /// The same with the index as it lies there, which may be behind or empty.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn connect(config: &Config, vocabulary: &Vocabulary) -> anyhow::Result<Self> {
        let store = open_articles(config).await?;
        let shipped = vocabulary.analyzer();
        let served = store.publications().await?.served();
        let analyzer = index::analyzer_at(&*store, served, shipped.clone()).await?;
        let settings = kb_settings(config);
        let (kb, reason) = tokio::task::spawn_blocking({
            let config = config.clone();
            move || anyhow::Ok(KnowledgeBase::open(&settings, analyzer, load_encoder(&config)?)?)
        })
        .await??;
        if let Some(reason) = reason.filter(|reason| *reason != RebuildReason::NoGeneration) {
            tracing::warn!(%reason, "the knowledge base is indexed anew");
        }
        Ok(Self::join(store, Arc::new(kb), shipped))
    }

    /// Joins parts that are there already; `shipped` cuts words where the store has no lexicon.
    #[must_use]
    pub fn join(store: Arc<dyn Store>, kb: Arc<KnowledgeBase>, shipped: Analyzer) -> Self {
        let indexer = Arc::new(Indexer::new(store.clone(), kb.clone(), shipped));
        Self { store, kb, indexer }
    }
}

fn library_settings(config: &Config, triage: &Arc<Triage>) -> LibrarySettings {
    let normalizer = triage.text.normalizer.clone();
    let triage = triage.clone();
    LibrarySettings {
        policy: editorial_policy(config),
        mask: Box::new(move |text| triage.text.mask(text)),
        normalizer,
        // Start-up has read the file already; a copy that cannot be read now is shown as empty.
        dictionary: std::fs::read_to_string(&config.kb.dictionary).unwrap_or_default(),
    }
}

/// The store that the settings choose, filled from the folder of articles if it is empty.
///
/// # Errors
/// Why it cannot be opened, or the faults of all articles.
pub async fn open_articles(config: &Config) -> anyhow::Result<Arc<dyn Store>> {
    let store: Arc<dyn Store> = Arc::new(open_store(config).await?);
    index::seed(&*store, &config.kb.articles).await?;
    Ok(store)
}

/// The store that the settings choose, its tables brought up to date.
///
/// # Errors
/// Why it cannot be opened.
pub async fn open_store(config: &Config) -> Result<SqlStore, StoreError> {
    match config.store.postgres_url() {
        Some(url) => postgres::open(url).await,
        None => sqlite::open(&config.data_dir.join(DATABASE_FILE)).await,
    }
}

/// The tables that text path and knowledge base share, some 30 MiB. Cheap to clone.
#[derive(Clone)]
pub struct Vocabulary {
    normalizer: Arc<Normalizer>,
    dictionary: Arc<Dictionary>,
}

impl Vocabulary {
    /// Loads them; takes a tenth of a second.
    ///
    /// # Errors
    /// Why the shop's words cannot be read.
    pub fn load(config: &Config) -> anyhow::Result<Self> {
        let path = &config.kb.dictionary;
        let dictionary =
            Dictionary::new(&read(path)?).with_context(|| path.display().to_string())?;
        Ok(Self { normalizer: Arc::new(Normalizer::new()), dictionary: Arc::new(dictionary) })
    }

    /// What cuts the words of articles and queries.
    #[must_use]
    pub fn analyzer(&self) -> Analyzer {
        Analyzer::new(self.normalizer.clone(), self.dictionary.clone())
    }
}

/// Text path, models and rules: what `classify` and `route` need.
///
/// # Errors
/// Every reason why they cannot be built.
pub fn build_triage(
    config: &Config,
    vocabulary: &Vocabulary,
) -> anyhow::Result<(Triage, RuleFile)> {
    let models = load_model_set(&config.model, Timestamp::now())?;
    let intents = load_intents(config)?;
    let rules = RuleFile::new(config.rules.file.clone());
    let rule_set = rules.load(models.labels())?;
    let text = load_text(config, vocabulary)?;
    let settings = triage_settings(config);
    Ok((Triage::new(text, intents, models, rule_set, settings)?, rules))
}

/// What [`Triage`] needs of the configuration.
#[must_use]
pub fn triage_settings(config: &Config) -> TriageSettings {
    TriageSettings {
        languages: config.intents.languages.clone(),
        feeling: config.feeling.clone(),
        large_amount: config.complexity.large_amount_yuan,
    }
}

/// The rules of the life cycle of articles.
#[must_use]
pub fn editorial_policy(config: &Config) -> Policy {
    let KbConfig { require_review, two_person, .. } = config.kb;
    Policy { require_review, two_person }
}

/// The articles of the folder as they stand, without a store: what `eval retrieval` needs.
///
/// # Errors
/// Every fault of the articles, or why the index cannot be used.
pub fn build_kb(config: &Config, vocabulary: &Vocabulary) -> anyhow::Result<KnowledgeBase> {
    let encoder = load_encoder(config)?;
    Ok(KnowledgeBase::open_or_build(&kb_settings(config), vocabulary.analyzer(), encoder)?)
}

fn kb_settings(config: &Config) -> KbSettings {
    KbSettings { articles_dir: config.kb.articles.clone(), index_dir: index_dir(config) }
}

/// The folder of index generations.
#[must_use]
pub fn index_dir(config: &Config) -> PathBuf {
    config.data_dir.join(INDEX_FOLDER)
}

/// The encoder of dense retrieval, where the settings name one.
fn load_encoder(config: &Config) -> Result<Option<Arc<dyn Embed>>, ModelError> {
    let Some(folder) = config.kb.encoder() else { return Ok(None) };
    runtime::init(config.model.library())?;
    let embedder = Embedder::new(Bundle::load(folder)?)?;
    Ok(Some(Arc::new(Encoder(embedder))))
}

/// The model behind the knowledge base's seam.
struct Encoder(Embedder);

impl Embed for Encoder {
    fn id(&self) -> &str {
        self.0.id()
    }

    fn embed(&self, normalized: &[&str]) -> Result<Vec<Vector>, EmbedError> {
        let vectors = self.0.embed(normalized)?.into_iter().map(|vector| {
            Vector::new(&vector).ok_or_else(|| "the encoder gave no direction".into())
        });
        vectors.collect()
    }
}

/// The rules alone: what `rules check` needs.
///
/// # Errors
/// Every fault of the file with line and column.
pub fn load_rules(config: &Config) -> anyhow::Result<Arc<RuleSet>> {
    let intent = Bundle::load(&config.model.intent)?;
    RuleFile::new(config.rules.file.clone()).load(intent.labels())
}

fn load_intents(config: &Config) -> anyhow::Result<IntentCatalogue> {
    let path = &config.intents.file;
    IntentCatalogue::parse(&read(path)?).with_context(|| path.display().to_string())
}

/// The text path alone: what `eval entities` needs.
///
/// # Errors
/// Why the shop's goods cannot be read.
pub fn load_text(config: &Config, vocabulary: &Vocabulary) -> anyhow::Result<TextTools> {
    let path = &config.text.products;
    let products = Products::parse(&read(path)?).with_context(|| path.display().to_string())?;
    Ok(TextTools {
        normalizer: vocabulary.normalizer.clone(),
        dictionary: vocabulary.dictionary.clone(),
        entities: EntityFinder::new(products),
        keywords: KeywordFinder::new(),
        lexicon: Lexicon::new(),
    })
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| {
        format!("{} cannot be read (run from the project's root?)", path.display())
    })
}

/// Why bundles cannot be served: every fault found.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  "))]
pub struct ModelFaults(pub Vec<ModelError>);

impl From<ModelError> for ModelFaults {
    fn from(fault: ModelError) -> Self {
        Self(vec![fault])
    }
}

/// Loads what `config` names, checks it and starts its threads: everything that is replaced together.
///
/// # Errors
/// Every fault found.
pub fn load_model_set(config: &ModelConfig, now: Timestamp) -> Result<ModelSet, ModelFaults> {
    runtime::init(config.library())?;
    let (models, shadow) = match (load_models(config), load_shadow(config)) {
        (Ok(models), Ok(shadow)) => (models, shadow),
        (models, shadow) => {
            let faults = models.err().into_iter().flat_map(|faults| faults.0);
            return Err(ModelFaults(faults.chain(shadow.err()).collect()));
        }
    };
    let (make, readers, mut bundles) = models;
    let (shadow, shadow_bundle) = shadow.unzip();
    bundles.extend(shadow_bundle);
    let settings = PoolSettings {
        workers: match config.workers {
            0 => available_parallelism().map_or(1, usize::from),
            workers => workers,
        },
        queue_depth: config.queue_depth,
        max_batch: config.max_batch,
        token_budget: config.token_budget,
    };
    let pool = Pool::start(&settings, make)?;
    Ok(ModelSet { pool, readers, shadow, bundles, since: now })
}

/// Loads the bundles that answer: how a worker makes its models, how their scores are read, and
/// what operators see of them.
fn load_models(
    config: &ModelConfig,
) -> Result<(MakeModels, Readers, Vec<BundleInfo>), ModelFaults> {
    let mut faults = Vec::new();
    let intent = keep(read_intent(config), &mut faults);
    let sentiment = keep(read_bundle(&config.sentiment, SentimentPolicy::new), &mut faults);
    let emotions = EmotionLabel::ALL.map(EmotionLabel::as_str);
    let emotion = keep(
        read_optional(config.emotion(), |b| ClassPolicy::new(b, Task::Emotion, emotions)),
        &mut faults,
    );
    let urgency = keep(
        read_optional(config.urgency(), |b| ClassPolicy::new(b, Task::Urgency, URGENCY_CLASSES)),
        &mut faults,
    );
    let (
        Some((intent, intent_policy)),
        Some((sentiment, sentiment_policy)),
        Some((emotion, emotion_policy)),
        Some((urgency, urgency_policy)),
    ) = (intent, sentiment, emotion, urgency)
    else {
        return Err(ModelFaults(faults));
    };
    let id = |bundle: &Option<Bundle>| bundle.as_ref().map(|bundle| bundle.id().to_owned());
    let readers = Readers {
        intent_labels: intent.fast.labels().clone(),
        intent: intent_policy,
        sentiment: sentiment_policy,
        emotion: emotion_policy,
        urgency: urgency_policy,
        ids: ModelIds {
            intent: intent.id(),
            sentiment: sentiment.id().to_owned(),
            emotion: id(&emotion),
            urgency: id(&urgency),
        },
    };
    let roles = ["intent", "intent_accurate"].into_iter().zip(intent.bundles());
    let mut bundles: Vec<_> = roles.map(|(role, bundle)| BundleInfo::new(role, bundle)).collect();
    let others = [
        ("sentiment", Some(&sentiment)),
        ("emotion", emotion.as_ref()),
        ("urgency", urgency.as_ref()),
    ];
    bundles.extend(others.into_iter().filter_map(|(role, b)| Some(BundleInfo::new(role, b?))));
    let onnx = OnnxSettings { token_budget: config.token_budget };
    let make = move |_worker| {
        let open = |bundle: &Bundle| -> Result<Box<dyn Classifier>, ModelError> {
            Ok(Box::new(OnnxClassifier::new(bundle, onnx)?))
        };
        Ok(Models {
            intent: intent.classifier(onnx)?,
            sentiment: open(&sentiment)?,
            emotion: emotion.as_ref().map(open).transpose()?,
            urgency: urgency.as_ref().map(open).transpose()?,
        })
    };
    Ok((Box::new(make), readers, bundles))
}

/// Makes the models of the worker with this number.
type MakeModels = Box<dyn FnMut(usize) -> Result<Models, ModelError> + Send>;

/// Starts the shadow model where the settings name one.
fn load_shadow(config: &ModelConfig) -> Result<Option<(Shadow, BundleInfo)>, ModelError> {
    let Some(folder) = config.shadow() else { return Ok(None) };
    let (bundle, policy) = read_bundle(folder, IntentPolicy::new)?;
    let onnx = OnnxSettings { token_budget: config.token_budget };
    let classifier = Box::new(OnnxClassifier::new(&bundle, onnx)?);
    let shadow = Shadow::start(classifier, policy, config.shadow_share)?;
    Ok(Some((shadow, BundleInfo::new("shadow", &bundle))))
}

/// The intent bundles and how their scores are read.
fn read_intent(config: &ModelConfig) -> Result<(IntentBundles, IntentPolicy), ModelError> {
    let bundles = IntentBundles::load(&config.intent, config.accurate(), config.cascade_below)?;
    let policy = bundles.policy()?;
    Ok((bundles, policy))
}

/// A bundle and how its scores are read.
fn read_bundle<P>(
    folder: &Path,
    policy: impl FnOnce(&Bundle) -> Result<P, ModelError>,
) -> Result<(Bundle, P), ModelError> {
    let bundle = Bundle::load(folder)?;
    let policy = policy(&bundle)?;
    Ok((bundle, policy))
}

/// The same where a folder is named.
fn read_optional<P>(
    folder: Option<&Path>,
    policy: impl FnOnce(&Bundle) -> Result<P, ModelError>,
) -> Result<(Option<Bundle>, Option<P>), ModelError> {
    Ok(folder.map(|folder| read_bundle(folder, policy)).transpose()?.unzip())
}

fn keep<T>(result: Result<T, ModelError>, faults: &mut Vec<ModelError>) -> Option<T> {
    result.map_err(|fault| faults.push(fault)).ok()
}
