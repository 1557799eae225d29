//! Every long-lived component, built once from the configuration; no globals.
//!
//! Start-up is strict: whatever cannot work stops the process with all reasons at once.

pub mod rules;

use crate::config::{Config, ModelConfig};
use crate::kb::{KbError, KbSettings, KnowledgeBase};
use crate::model::{
    Bundle, IntentPolicy, ModelError, Models, OnnxClassifier, OnnxSettings, Pool, PoolSettings,
    SentimentPolicy, Task, runtime,
};
use crate::routing::RuleSet;
use crate::store::Store;
use crate::store::sqlite::SqliteStore;
use crate::text::entity::{EntityFinder, Products};
use crate::text::keyword::KeywordFinder;
use crate::text::lexicon::Lexicon;
use crate::text::normalize::Normalizer;
use crate::text::segment::Dictionary;
use crate::triage::catalogue::IntentCatalogue;
use crate::triage::classification::ModelIds;
use crate::triage::dialogue::{Desk, DeskSettings};
use crate::triage::{Readers, TextTools, Triage};
use anyhow::{Context, bail};
use rules::RuleFile;
use std::path::Path;
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
    /// Keeps conversations.
    pub store: Arc<dyn Store>,
    /// Where the rules come from.
    pub rules: RuleFile,
}

impl App {
    /// Builds everything.
    ///
    /// # Errors
    /// Every reason why the service cannot start, one a line.
    pub async fn build(config: Config) -> anyhow::Result<Self> {
        let store = SqliteStore::open(&config.data_dir.join(DATABASE_FILE)).await?;
        let parts = tokio::task::spawn_blocking({
            let config = config.clone();
            move || {
                let vocabulary = Vocabulary::load(&config)?;
                let triage = build_triage(&config, &vocabulary);
                let kb = build_kb(&config, &vocabulary);
                match (triage, kb) {
                    (Ok(triage), Ok(kb)) => Ok((triage, kb)),
                    (triage, kb) => {
                        let reasons: Vec<String> =
                            [triage.err(), kb.err().map(anyhow::Error::from)]
                                .into_iter()
                                .flatten()
                                .map(|error| format!("{error:#}"))
                                .collect();
                        Err(anyhow::anyhow!(
                            "the service cannot start:\n  {}",
                            reasons.join("\n  ")
                        ))
                    }
                }
            }
        });
        let ((triage, rules), kb) = parts.await??;
        Ok(Self::join(config, Arc::new(triage), Arc::new(kb), Arc::new(store), rules))
    }

    /// Joins parts that are built already.
    #[must_use]
    pub fn join(
        config: Config,
        triage: Arc<Triage>,
        kb: Arc<KnowledgeBase>,
        store: Arc<dyn Store>,
        rules: RuleFile,
    ) -> Self {
        let settings = DeskSettings {
            conversation: config.conversation.clone(),
            messages: config.messages.clone(),
            answer_threshold: config.kb.answer_threshold,
            answer_threshold_unsure: config.kb.answer_threshold_unsure,
        };
        let desk = Arc::new(Desk::new(triage.clone(), kb.clone(), store.clone(), settings));
        Self { config, triage, desk, kb, store, rules }
    }
}

/// The tables that text path and knowledge base share, some 30 MiB.
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
}

/// Text path, models and rules: what `classify` and `route` need.
///
/// # Errors
/// Every reason why they cannot be built.
pub fn build_triage(
    config: &Config,
    vocabulary: &Vocabulary,
) -> anyhow::Result<(Triage, RuleFile)> {
    let (models, readers) = load_models(&config.model)?;
    let known: Vec<String> =
        readers.intent_labels.names().iter().map(ToString::to_string).collect();
    let intents = load_intents(config)?;
    for label in intents.missing(known.iter().map(String::as_str)) {
        tracing::warn!(label, "the intent catalogue does not name this label of the model");
    }
    let rules = RuleFile::new(config.rules.file.clone(), known);
    let rule_set = rules.load()?;
    let text = load_text(config, vocabulary)?;
    Ok((Triage::new(text, intents, models, readers, rule_set)?, rules))
}

/// The knowledge base alone: what `kb search` needs.
///
/// # Errors
/// Every fault of the articles, or why the index cannot be used.
pub fn build_kb(config: &Config, vocabulary: &Vocabulary) -> Result<KnowledgeBase, KbError> {
    let settings = KbSettings {
        articles_dir: config.kb.articles.clone(),
        index_dir: config.data_dir.join(INDEX_FOLDER),
    };
    let Vocabulary { normalizer, dictionary } = vocabulary;
    KnowledgeBase::open_or_build(&settings, dictionary.clone(), normalizer.clone())
}

/// The rules alone: what `rules check` needs.
///
/// # Errors
/// Every fault of the file with line and column.
pub fn load_rules(config: &Config) -> anyhow::Result<Arc<RuleSet>> {
    let known = Bundle::load(&config.model.intent)
        .map(|bundle| bundle.labels().names().iter().map(ToString::to_string).collect())?;
    RuleFile::new(config.rules.file.clone(), known).load()
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

/// Loads both bundles and starts the workers, each with sessions of its own.
fn load_models(config: &ModelConfig) -> anyhow::Result<(Pool, Readers)> {
    runtime::init(config.library())?;
    let (intent, sentiment) = match (Bundle::load(&config.intent), Bundle::load(&config.sentiment))
    {
        (Ok(intent), Ok(sentiment)) => (intent, sentiment),
        (intent, sentiment) => {
            let faults: Vec<String> = [intent.err(), sentiment.err()]
                .into_iter()
                .flatten()
                .map(|error| error.to_string())
                .collect();
            bail!("{}", faults.join("\n  "));
        }
    };
    for (bundle, wanted) in [(&intent, Task::Intent), (&sentiment, Task::Sentiment)] {
        if bundle.task().is_some_and(|task| task != wanted) {
            bail!("{} is a bundle for another task than {wanted:?}", bundle.dir().display());
        }
    }
    let readers = Readers {
        intent_labels: intent.labels().clone(),
        intent: IntentPolicy::new(&intent)?,
        sentiment: SentimentPolicy::new(&sentiment)?,
        ids: ModelIds { intent: intent.id().to_owned(), sentiment: sentiment.id().to_owned() },
    };
    let workers = match config.workers {
        0 => available_parallelism().map_or(1, usize::from),
        workers => workers,
    };
    let settings = PoolSettings {
        workers,
        queue_depth: config.queue_depth,
        max_batch: config.max_batch,
        token_budget: config.token_budget,
    };
    let token_budget = config.token_budget;
    let make = move |_worker| -> Result<Models, ModelError> {
        let onnx = OnnxSettings { token_budget };
        Ok(Models {
            intent: Box::new(OnnxClassifier::new(&intent, onnx)?),
            sentiment: Box::new(OnnxClassifier::new(&sentiment, onnx)?),
        })
    };
    Ok((Pool::start(&settings, make)?, readers))
}
