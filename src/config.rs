//! Typed settings, read once at start-up.
//!
//! Layers, later ones win: `config/default.toml` (compiled in), a file, environment variables
//! `FENZHEN_SECTION__NAME`. Every fault is listed at once; unknown names are faults. Each component
//! gets its own struct, never the whole [`Config`].

use serde::{Deserialize, Deserializer};
use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Begins the names of variables that steer tests.
const TEST_PREFIX: &str = "FENZHEN_TEST_";
/// Shortest API key accepted; shorter ones can be guessed.
const MIN_API_KEY_CHARS: usize = 16;
/// Most texts of one batch request (API.md); they enter the queue together.
pub const MAX_BATCH_TEXTS: usize = 256;

/// All settings; `config/default.toml` gives meaning, unit and default of each.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Folder for everything the service writes.
    pub data_dir: PathBuf,
    /// The HTTP interface.
    pub http: HttpConfig,
    /// The database.
    pub store: StoreConfig,
    /// The ONNX bundles and their workers.
    pub model: ModelConfig,
    /// The text path.
    pub text: TextConfig,
    /// The rule set.
    pub rules: RulesConfig,
    /// The intent catalogue.
    pub intents: IntentsConfig,
    /// How models and words make emotion and urgency.
    pub feeling: FeelingConfig,
    /// What makes a matter harder.
    pub complexity: ComplexityConfig,
    /// The knowledge base.
    pub kb: KbConfig,
    /// Strikes and hand-off.
    pub conversation: ConversationConfig,
    /// Log lines.
    pub log: LogConfig,
    /// What the bot says by itself.
    pub messages: Messages,
}

/// `[http]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// Address and port to listen on; `FENZHEN_HTTP__LISTEN`.
    pub listen: SocketAddr,
    /// Largest request body, bytes.
    pub max_body_bytes: usize,
    /// Largest body of a batch, bytes.
    pub max_batch_body_bytes: usize,
    /// Requests in work at once.
    pub max_in_flight: usize,
    /// Longest time for one request.
    #[serde(deserialize_with = "duration")]
    pub deadline: Duration,
    /// Time that requests in work get after a signal to stop.
    #[serde(deserialize_with = "duration")]
    pub shutdown_grace: Duration,
    /// Clients' keys; empty means no sign-in.
    pub api_keys: Vec<Secret>,
}

/// `[store]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreConfig {
    /// `sqlite`, or the address of a PostgreSQL database, password included; `FENZHEN_STORE__URL`.
    pub url: Secret,
}

impl StoreConfig {
    /// The address of the PostgreSQL database; `None`: SQLite below the data folder.
    #[must_use]
    pub fn postgres_url(&self) -> Option<&str> {
        let url = self.url.expose();
        (url.starts_with("postgres://") || url.starts_with("postgresql://")).then_some(url)
    }
}

/// `[model]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Folder of the intent bundle.
    pub intent: PathBuf,
    /// Folder of the accurate intent bundle, empty for none; `FENZHEN_MODEL__INTENT_ACCURATE`.
    pub intent_accurate: PathBuf,
    /// The accurate bundle is asked where the best score of the other is lower, 0 to 1.
    pub cascade_below: f32,
    /// Folder of the sentiment bundle.
    pub sentiment: PathBuf,
    /// Folder of the emotion bundle; empty: words and sentiment alone.
    pub emotion: PathBuf,
    /// Folder of the urgency bundle; empty: words alone.
    pub urgency: PathBuf,
    /// Folder of an intent bundle that reads along unheard, empty for none.
    pub shadow: PathBuf,
    /// Share of the messages that it reads, 0 to 1.
    pub shadow_share: f64,
    /// Folder below which a reload may name bundles, empty for the folders beside the bundles.
    pub root: PathBuf,
    /// Path of the ONNX Runtime library, empty to look beside the executable.
    pub onnxruntime: PathBuf,
    /// Worker threads, 0 for one a core.
    pub workers: usize,
    /// Texts that may wait.
    pub queue_depth: usize,
    /// Most texts in a batch.
    pub max_batch: usize,
    /// Most tokens in a batch, padding included.
    pub token_budget: usize,
}

impl ModelConfig {
    /// The ONNX Runtime library where one is named; `None`: look beside the executable.
    #[must_use]
    pub fn library(&self) -> Option<&Path> {
        given(&self.onnxruntime)
    }

    /// The folder of the accurate intent bundle, where one is named.
    #[must_use]
    pub fn accurate(&self) -> Option<&Path> {
        given(&self.intent_accurate)
    }

    /// The emotion bundle's folder where one is named.
    #[must_use]
    pub fn emotion(&self) -> Option<&Path> {
        given(&self.emotion)
    }

    /// The urgency bundle's folder where one is named.
    #[must_use]
    pub fn urgency(&self) -> Option<&Path> {
        given(&self.urgency)
    }

    /// The shadow bundle's folder where one is named.
    #[must_use]
    pub fn shadow(&self) -> Option<&Path> {
        given(&self.shadow)
    }

    /// The folder below which a reload may name bundles, where one is named.
    #[must_use]
    pub fn root(&self) -> Option<&Path> {
        given(&self.root)
    }
}

/// An empty path means none.
fn given(path: &Path) -> Option<&Path> {
    (!path.as_os_str().is_empty()).then_some(path)
}

/// `[text]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextConfig {
    /// The shop's goods by the names customers use.
    pub products: PathBuf,
}

/// `[rules]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RulesConfig {
    /// The rule file.
    pub file: PathBuf,
    /// Whether changes of the file are taken over by themselves.
    pub watch: bool,
}

/// `[intents]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntentsConfig {
    /// The intent catalogue.
    pub file: PathBuf,
    /// ISO 639-1 codes of the languages that the intent model reads; texts in others are rejected.
    pub languages: Vec<String>,
}

/// `[feeling]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeelingConfig {
    /// What an emotion's words add to its log-probability where there is no emotion model, at least 0.
    pub words_weight: f32,
    /// The same beside an emotion model.
    pub words_weight_beside_model: f32,
    /// Share of the sentiment beside an emotion model, in [0, 1].
    pub sentiment_weight: f32,
}

/// `[complexity]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComplexityConfig {
    /// Amount named in a message from which its matter needs a person, yuan.
    pub large_amount_yuan: f64,
}

/// `[kb]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KbConfig {
    /// Folder of source articles.
    pub articles: PathBuf,
    /// The shop's own words.
    pub dictionary: PathBuf,
    /// Score in [0, 1] from which an article is given as the answer, where the intent is certain.
    pub answer_threshold: f32,
    /// The same where the intent is not certain.
    pub answer_threshold_unsure: f32,
    /// Bundle of the encoder that finds articles by meaning; empty: by words alone.
    encoder: PathBuf,
    /// Whether only approved versions are published.
    pub require_review: bool,
    /// Whether the approver must be neither the author nor the submitter.
    pub two_person: bool,
}

impl KbConfig {
    /// Searches by words alone.
    pub fn without_encoder(&mut self) {
        self.encoder = PathBuf::new();
    }

    /// The encoder's bundle, where there is to be one.
    #[must_use]
    pub fn encoder(&self) -> Option<&Path> {
        (!self.encoder.as_os_str().is_empty()).then_some(&*self.encoder)
    }
}

/// `[conversation]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConversationConfig {
    /// Failed bot turns in a row before a person takes over, 1 to 10.
    pub max_strikes: u8,
    /// Whether silence after an answer means solved.
    pub silence_resolves: bool,
    /// Choices offered when the intent is not certain, 2 to 5.
    pub clarify_choices: usize,
    /// Whether a message that says too little alone is read as following the last answer.
    pub follow_ups: bool,
}

/// `[log]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// Level or filter.
    pub level: String,
    /// One JSON object a line, or text for people.
    pub format: LogFormat,
}

/// `[messages]`: what the bot says by itself, in Chinese.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Messages {
    /// To a greeting.
    pub greeting: String,
    /// To thanks or a goodbye.
    pub thanks: String,
    /// To a confirmation.
    pub confirmed: String,
    /// To talk without a matter.
    pub smalltalk: String,
    /// Where the customer says that it is solved.
    pub solved: String,
    /// Between several intents; `{choices}` stands for their names.
    pub clarify: String,
    /// Where no intent is certain.
    pub not_understood: String,
    /// Where the matter is none of the shop's.
    pub out_of_scope: String,
    /// Where no article answers; `{intent}` stands for the matter's name.
    pub no_answer: String,
    /// Where the last answer did not help.
    pub did_not_help: String,
    /// After an answer given a second time.
    pub repeated: String,
    /// With the hand-off; `{group}` stands for the skill group's name.
    pub transfer: String,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Lines for people.
    Text,
}

/// A value that must not be printed.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The value itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(value: &str) -> Self {
        Self(value.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A layer cannot be read, or a value has the wrong type or an unknown name.
    #[error("the configuration cannot be read: {0}")]
    Unreadable(#[from] config::ConfigError),
    /// Values that contradict each other or lie out of range, all of them.
    #[error("the configuration is refused:\n  - {}", .0.join("\n  - "))]
    Refused(Vec<String>),
}

impl Config {
    /// Reads the layers: defaults, `file`, environment.
    ///
    /// # Errors
    /// [`ConfigError`] with every fault found; the caller prints it and stops.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let config = Self::layered(file)?;
        config.validate()?;
        Ok(config)
    }

    /// The layers without the checks, for a caller that puts more over them; it must
    /// [`validate`](Self::validate).
    ///
    /// # Errors
    /// [`ConfigError::Unreadable`].
    pub fn layered(file: Option<&Path>) -> Result<Self, ConfigError> {
        Self::from_layers(file, std::env::vars_os())
    }

    fn from_layers(
        file: Option<&Path>,
        env: impl Iterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        // What tests are told is no setting, though processes that they start see it too.
        let texts = env
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| !name.starts_with(TEST_PREFIX));
        let env = config::Environment::with_prefix("FENZHEN").source(Some(texts.collect()));
        let defaults = config::File::from_str(
            include_str!("../config/default.toml"),
            config::FileFormat::Toml,
        );
        let mut layers = config::Config::builder().add_source(defaults);
        if let Some(file) = file {
            layers = layers.add_source(config::File::from(file).format(config::FileFormat::Toml));
        }
        let env = env
            .prefix_separator("_")
            .separator("__")
            .try_parsing(true)
            .list_separator(",")
            .with_list_parse_key("http.api_keys")
            .with_list_parse_key("intents.languages");
        Ok(layers.add_source(env).build()?.try_deserialize()?)
    }

    /// Checks ranges and relations.
    ///
    /// # Errors
    /// [`ConfigError::Refused`] with one sentence for each fault.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let mut faults = Vec::new();
        let mut require = |holds: bool, sentence: String| {
            if !holds {
                faults.push(sentence);
            }
        };
        let (http, model, kb, conversation) =
            (&self.http, &self.model, &self.kb, &self.conversation);
        let feeling = &self.feeling;
        require(
            http.listen.ip().is_loopback() || !http.api_keys.is_empty(),
            format!(
                "http.listen = {} can be reached from other machines: set http.api_keys, or listen on 127.0.0.1",
                http.listen
            ),
        );
        require(
            http.api_keys.iter().all(|key| key.0.chars().count() >= MIN_API_KEY_CHARS),
            format!("http.api_keys: each key needs at least {MIN_API_KEY_CHARS} characters"),
        );
        require(
            self.store.postgres_url().is_some() || self.store.url.expose() == "sqlite",
            "store.url must be \"sqlite\" or postgres://user:password@host:port/database"
                .to_owned(),
        );
        for (name, value) in [
            ("http.max_body_bytes", http.max_body_bytes),
            ("http.max_batch_body_bytes", http.max_batch_body_bytes),
            ("http.max_in_flight", http.max_in_flight),
            ("model.queue_depth", model.queue_depth),
            ("model.max_batch", model.max_batch),
            ("model.token_budget", model.token_budget),
        ] {
            require(value > 0, format!("{name} must be at least 1"));
        }
        require(
            model.queue_depth >= MAX_BATCH_TEXTS,
            format!("model.queue_depth must be at least {MAX_BATCH_TEXTS}, the texts of one batch"),
        );
        require(
            (0.0..=1.0).contains(&model.shadow_share),
            format!("model.shadow_share = {} lies outside 0 to 1", model.shadow_share),
        );
        require(model.workers <= 256, "model.workers must be at most 256".to_owned());
        require(!http.deadline.is_zero(), "http.deadline must be longer than 0".to_owned());
        for (name, threshold) in [
            ("model.cascade_below", model.cascade_below),
            ("kb.answer_threshold", kb.answer_threshold),
            ("kb.answer_threshold_unsure", kb.answer_threshold_unsure),
        ] {
            require(
                (0.0..=1.0).contains(&threshold),
                format!("{name} = {threshold} lies outside 0 to 1"),
            );
        }
        for (name, weight, max) in [
            ("feeling.words_weight", feeling.words_weight, 20.0),
            ("feeling.words_weight_beside_model", feeling.words_weight_beside_model, 20.0),
            ("feeling.sentiment_weight", feeling.sentiment_weight, 1.0),
        ] {
            require(
                (0.0..=max).contains(&weight),
                format!("{name} = {weight} lies outside 0 to {max}"),
            );
        }
        require(
            self.complexity.large_amount_yuan > 0.0,
            "complexity.large_amount_yuan must be more than 0".to_owned(),
        );
        require(
            kb.require_review || !kb.two_person,
            "kb.two_person = true needs kb.require_review = true: drafts would be published without a second person".to_owned(),
        );
        require(
            (1..=10).contains(&conversation.max_strikes),
            format!("conversation.max_strikes = {} lies outside 1 to 10", conversation.max_strikes),
        );
        require(
            (2..=5).contains(&conversation.clarify_choices),
            format!(
                "conversation.clarify_choices = {} lies outside 2 to 5",
                conversation.clarify_choices
            ),
        );
        if faults.is_empty() { Ok(()) } else { Err(ConfigError::Refused(faults)) }
    }
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    jiff::fmt::serde::unsigned_duration::friendly::compact::required::deserialize(deserializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(file: &str, env: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fenzhen.toml");
        std::fs::write(&path, file).unwrap();
        let env = env.iter().map(|&(name, value)| (name.into(), value.into()));
        let config = Config::from_layers(Some(&path), env)?;
        config.validate()?;
        Ok(config)
    }

    #[test]
    fn later_layers_win() {
        let config = load(
            "[http]\ndeadline = \"500ms\"\nlisten = \"127.0.0.1:9000\"\n",
            &[
                ("FENZHEN_HTTP__LISTEN", "0.0.0.0:9001"),
                ("FENZHEN_HTTP__API_KEYS", "0123456789abcdef,fedcba9876543210"),
                ("FENZHEN_MODEL__WORKERS", "3"),
                ("FENZHEN_DATA_DIR", "elsewhere"),
                ("FENZHEN_TEST_KILLS", "30"),
                ("FENZHEN_STORE__URL", "postgres://fenzhen:open-sesame@db:5432/fenzhen"),
            ],
        )
        .unwrap();
        assert_eq!(config.http.deadline, Duration::from_millis(500));
        assert_eq!(config.http.listen.port(), 9001);
        assert_eq!(config.http.api_keys.len(), 2);
        assert_eq!(config.model.workers, 3);
        assert_eq!(config.data_dir, Path::new("elsewhere"));
        assert_eq!(config.conversation.max_strikes, 3);
        assert!(config.store.postgres_url().is_some());
        let printed = format!("{config:?}");
        assert!(!printed.contains("fedcba") && !printed.contains("sesame"), "{printed}");
    }

    #[test]
    fn lists_all_faults_at_once() {
        let error = load(
            "[http]\nlisten = \"0.0.0.0:80\"\n[store]\nurl = \"mysql://u:sesame@db\"\n[model]\ncascade_below = 1.5\nshadow_share = 1.5\n[kb]\nanswer_threshold = 2.0\nrequire_review = false\ntwo_person = true\n[conversation]\nmax_strikes = 0\n",
            &[],
        )
        .unwrap_err()
        .to_string();
        for part in [
            "http.listen",
            "store.url",
            "model.cascade_below",
            "model.shadow_share",
            "kb.answer_threshold",
            "kb.two_person",
            "conversation.max_strikes",
        ] {
            assert!(error.contains(part), "{part} in {error}");
        }
        assert!(!error.contains("sesame"), "{error}");
    }

    #[test]
    fn names_what_it_does_not_know() {
        let error = load("[http]\nlissten = \"127.0.0.1:1\"\n", &[]).unwrap_err().to_string();
        assert!(error.contains("lissten"), "{error}");
        let error = load("[http]\ndeadline = \"soon\"\n", &[]).unwrap_err().to_string();
        assert!(error.contains("deadline"), "{error}");
    }
}
