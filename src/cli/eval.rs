//! `fenzhen eval`: measures on labelled data, prints tables or JSON, compares with a baseline.

mod desk;
mod feelings;
mod frontier;
mod oos;
mod reader;
mod spans;
mod thresholds;

use super::{Settings, exit, print_json, runtime};
use anyhow::Context;
use clap::{Args, Subcommand};
use desk::DeskDriver;
use feelings::Feeling;
use fenzhen::app::{App, Vocabulary, build_kb};
use fenzhen::config::Config;
use fenzhen::eval::baseline::{Baseline, Measured, compare as drops};
use fenzhen::eval::bootstrap::Bootstrap;
use fenzhen::eval::compare::compare;
use fenzhen::eval::conversations::{self, ConversationReport};
use fenzhen::eval::dataset::{LabelledSet, RetrievalSet, ScriptSet};
use fenzhen::eval::intent::{self, IntentReport, Prediction};
use fenzhen::eval::report;
use fenzhen::eval::retrieval::{self, RetrievalReport};
use fenzhen::eval::{EvalError, Options};
use fenzhen::kb::Query;
use fenzhen::model::{Bundle, IntentPolicy, ModelError};
use fenzhen::triage::catalogue::IntentCatalogue;
use jiff::Zoned;
use jiff::civil::Date;
use reader::{ModelArgs, Reader, intents};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

/// The day for which the queries in eval-data were judged: articles come into force and expire.
const EVAL_DATE: Date = jiff::civil::date(2026, 11, 21);
/// Hits asked for each query, enough for every measure.
const N_HITS: usize = 10;

#[derive(Debug, Subcommand)]
pub(crate) enum EvalCommand {
    /// Intents: accuracy, F1, calibration, out of scope, latency.
    Intent(LabelledArgs),
    /// Sentiment: the same figures.
    Sentiment(LabelledArgs),
    /// Scores for what is out of scope, side by side: AUROC, false positives.
    Oos(oos::OosArgs),
    /// Choose the thresholds of an intent bundle by what mistakes cost.
    Thresholds(thresholds::ThresholdArgs),
    /// Several intent bundles on the same rows: accuracy, size, time.
    Frontier(frontier::FrontierArgs),
    /// Emotion as the whole pipeline finds it: the same figures.
    Emotion(LabelledArgs),
    /// Urgency likewise, with mean absolute error and quadratic weighted kappa.
    Urgency(LabelledArgs),
    /// Complexity likewise; rows may carry "history": {"strikes", "handoffs"}.
    Complexity(LabelledArgs),
    /// Search: recall, MRR, nDCG, telling answerable queries from others.
    Retrieval {
        /// Rows {"id","query","relevant":{article: grade}}.
        #[arg(long, value_name = "FILE")]
        data: PathBuf,
        /// The day whose valid versions are searched; today where absent.
        #[arg(long, value_name = "DATE")]
        as_of: Option<Date>,
        #[command(flatten)]
        output: Output,
    },
    /// Whole conversations: scripted dialogues passed.
    Conversations {
        /// Scripts {"id","title","customer","channel","steps"}.
        #[arg(long, value_name = "FILE")]
        data: PathBuf,
        #[command(flatten)]
        output: Output,
    },
    /// Entities found, by exact span and value.
    Entities(SpanArgs),
    /// Personal data found, and rows that leak it or hide something else.
    Masking(SpanArgs),
    /// Keywords of open comments, by exact span, polarity and phrase.
    Keywords(SpanArgs),
    /// Everything in eval-data against its baseline; exit status 1 on a drop beyond tolerance.
    Check {
        /// Folder with the sets and `baseline.json`.
        #[arg(long, value_name = "DIR", default_value = "eval-data")]
        data: PathBuf,
        /// Write today's figures as the new baseline.
        #[arg(long)]
        record: bool,
        #[command(flatten)]
        settings: Settings,
    },
}

#[derive(Debug, Args)]
pub(crate) struct LabelledArgs {
    /// Rows {"text","intent","sentiment",…} as JSON lines, CSV or TSV.
    #[arg(long, value_name = "FILE", required_unless_present = "compare")]
    data: Option<PathBuf>,
    #[command(flatten)]
    model: ModelArgs,
    /// Only rows whose boolean field is true; several must all be.
    #[arg(long, value_name = "FIELD")]
    only: Vec<String>,
    /// Compare two JSON results of the same rows: paired interval and McNemar's test.
    #[arg(long, num_args = 2, value_names = ["A", "B"])]
    compare: Option<Vec<PathBuf>>,
    /// Write a self-contained HTML page.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct SpanArgs {
    /// Rows {"id","text","entities":[{"type","text","value"}]}, `mask` or `keywords` instead.
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct Output {
    /// Seed of the bootstrap intervals.
    #[arg(long)]
    seed: Option<u64>,
    #[command(flatten)]
    settings: Settings,
}

impl Output {
    fn options(&self) -> Options {
        let mut bootstrap = Bootstrap::default();
        if let Some(seed) = self.seed {
            bootstrap.seed = seed;
        }
        Options { bootstrap, ..Options::default() }
    }

    fn print(&self, report: &impl Serialize, table: &str) -> anyhow::Result<()> {
        if self.settings.json {
            print_json(report)
        } else {
            out!("{table}");
            Ok(())
        }
    }
}

/// What is measured on labelled rows.
#[derive(Clone, Copy)]
enum Target {
    Intent,
    Sentiment,
    Feeling(Feeling),
}

pub(crate) fn run(command: &EvalCommand) -> anyhow::Result<ExitCode> {
    match command {
        EvalCommand::Intent(args) => labelled(args, Target::Intent),
        EvalCommand::Sentiment(args) => labelled(args, Target::Sentiment),
        EvalCommand::Oos(args) => oos::run(args),
        EvalCommand::Thresholds(args) => thresholds::run(args),
        EvalCommand::Frontier(args) => frontier::run(args),
        EvalCommand::Emotion(args) => labelled(args, Target::Feeling(Feeling::Emotion)),
        EvalCommand::Urgency(args) => labelled(args, Target::Feeling(Feeling::Urgency)),
        EvalCommand::Complexity(args) => labelled(args, Target::Feeling(Feeling::Complexity)),
        EvalCommand::Retrieval { data, as_of, output } => {
            let config = output.settings.load()?;
            let report = measure_retrieval(&config, data, *as_of, &output.options())?;
            output.print(&report, &report::retrieval(&report))?;
            Ok(ExitCode::SUCCESS)
        }
        EvalCommand::Conversations { data, output } => {
            let report = measure_conversations(&output.settings.load()?, data)?;
            output.print(&report, &report::conversations(&report))?;
            Ok(exit(report.n_passed == report.n))
        }
        EvalCommand::Entities(args) => spans::run(args, spans::Target::Entities),
        EvalCommand::Masking(args) => spans::run(args, spans::Target::Masking),
        EvalCommand::Keywords(args) => spans::run(args, spans::Target::Keywords),
        EvalCommand::Check { data, record, settings } => check(data, *record, settings),
    }
}

fn labelled(args: &LabelledArgs, target: Target) -> anyhow::Result<ExitCode> {
    let config = args.output.settings.load()?;
    if let Some([a, b]) = args.compare.as_deref() {
        let (a, b): (IntentReport, IntentReport) = (report::read_json(a)?, report::read_json(b)?);
        let comparison = compare(&a, &b, &args.output.options().bootstrap)?;
        args.output.print(&comparison, &report::comparison(&comparison))?;
        return Ok(ExitCode::SUCCESS);
    }
    let data = args.data.as_deref().context("--data is missing")?;
    let options = args.output.options();
    let report = measure_labelled(&config, target, &args.model, data, &args.only, options)?;
    if let Some(path) = &args.report {
        report::write(path, &report::html(&report))?;
    }
    args.output.print(&report, &report::intent(&report))?;
    Ok(ExitCode::SUCCESS)
}

fn measure_labelled(
    config: &Config,
    target: Target,
    model: &ModelArgs,
    data: &Path,
    only: &[String],
    options: Options,
) -> anyhow::Result<IntentReport> {
    let field = match target {
        Target::Intent => "intent",
        Target::Sentiment => "sentiment",
        Target::Feeling(feeling) => {
            let model = model.named()?;
            return feelings::measure(config, feeling, model, data, only, options);
        }
    };
    let set = LabelledSet::load(data, field, only)?;
    let (mut reader, policy, cascade_below) = match target {
        Target::Intent => {
            let (bundles, reader, policy) = intents(config, model)?;
            (reader, Some(policy), bundles.accurate.is_some().then_some(bundles.below))
        }
        Target::Sentiment => {
            let bundle = Bundle::load(model.single(&config.model.sentiment)?)?;
            (Reader::of_bundle(config, &bundle)?, None, None)
        }
        Target::Feeling(_) => unreachable!("measured above"),
    };
    let known: Vec<String> = reader.labels().names().iter().map(ToString::to_string).collect();
    let text = std::fs::read_to_string(&config.intents.file)
        .with_context(|| config.intents.file.display().to_string())?;
    let catalogue = IntentCatalogue::parse(&text)?;
    let names: BTreeMap<_, _> =
        known.iter().map(|label| (label.clone(), catalogue.name(label).to_owned())).collect();
    let options = Options {
        model: Some(reader.id().to_owned()),
        known_labels: Some(known),
        names,
        cascade_below,
        ..options
    };
    let predict = |texts: &[&str]| predict(&mut reader, policy.as_ref(), texts);
    Ok(intent::evaluate(&set, predict, &options)?)
}

/// What the model says of each text, with the whole ranking; outcomes where there is a policy.
fn predict(
    reader: &mut Reader,
    policy: Option<&IntentPolicy>,
    texts: &[&str],
) -> Result<Vec<Prediction>, ModelError> {
    let started = Instant::now();
    let scores = reader.read(texts)?;
    let latency = started.elapsed();
    let labels = reader.labels();
    let predictions = scores.iter().map(|scores| {
        let ranked: Vec<_> = scores
            .ranked(labels.len())
            .iter()
            .map(|scored| (labels.name(scored.label).to_string(), f64::from(scored.score)))
            .collect();
        let reading = policy.map(|policy| policy.read(scores, 1));
        Prediction {
            label: ranked[0].0.clone(),
            score: ranked[0].1,
            ranked,
            out_of_scope: reading.as_ref().map_or(0.0, |r| f64::from(r.out_of_scope)),
            outcome: reading.map(|reading| reading.outcome.as_str().to_owned()),
            by_accurate: scores.by_accurate(),
            latency,
        }
    });
    Ok(predictions.collect())
}

fn measure_retrieval(
    config: &Config,
    data: &Path,
    as_of: Option<Date>,
    options: &Options,
) -> anyhow::Result<RetrievalReport> {
    let set = RetrievalSet::load(data)?;
    let scratch = Scratch::new()?;
    let scratch_config = &scratch.config(config);
    let kb = build_kb(scratch_config, &Vocabulary::load(scratch_config)?)?;
    let as_of = as_of.unwrap_or_else(|| Zoned::now().date());
    let search = |query: &str| -> Result<Vec<(String, f64)>, fenzhen::kb::KbError> {
        let found = kb.search(&Query { limit: N_HITS, ..Query::new(query, as_of) })?;
        Ok(found.hits.into_iter().map(|hit| (hit.article_id, f64::from(hit.score))).collect())
    };
    Ok(retrieval::evaluate(&set, search, options)?)
}

fn measure_conversations(config: &Config, data: &Path) -> anyhow::Result<ConversationReport> {
    let set = ScriptSet::load(data)?;
    let scratch = Scratch::new()?;
    let runtime = runtime()?;
    let app = runtime.block_on(App::build(scratch.config(config)))?;
    Ok(conversations::run(&set, &mut DeskDriver::new(&app, &runtime), true))
}

/// Every set of `folder` against its baseline.
fn check(folder: &Path, record: bool, settings: &Settings) -> anyhow::Result<ExitCode> {
    let config = settings.load()?;
    let path = folder.join("baseline.json");
    let rows = folder.join("intent.jsonl");
    let options = Options::default();
    let mut measured: BTreeMap<String, Measured> = BTreeMap::new();
    for (suite, target) in [("intent", Target::Intent), ("sentiment", Target::Sentiment)] {
        let report =
            measure_labelled(&config, target, &ModelArgs::default(), &rows, &[], options.clone())?;
        measured.insert(suite.to_owned(), Measured::from(&report));
    }
    for feeling in Feeling::ALL {
        let rows = folder.join("feelings.jsonl");
        let report = feelings::measure(&config, feeling, None, &rows, &[], options.clone())?;
        measured.insert(feeling.field().to_owned(), Measured::from(&report));
    }
    let retrieval =
        measure_retrieval(&config, &folder.join("retrieval.jsonl"), Some(EVAL_DATE), &options)?;
    measured.insert("retrieval".to_owned(), Measured::from(&retrieval));
    let scripts = measure_conversations(&config, &folder.join("conversations.jsonl"))?;
    measured.insert("conversations".to_owned(), Measured::from(&scripts));
    for (suite, target) in [
        ("entities", spans::Target::Entities),
        ("masking", spans::Target::Masking),
        ("keywords", spans::Target::Keywords),
    ] {
        let file = folder.join(format!("{suite}.jsonl"));
        let report = spans::measure(&config, target, &file, &options)?;
        measured.insert(suite.to_owned(), Measured::from(&report));
    }
    if record {
        let mut baseline = match Baseline::load(&path) {
            Ok(baseline) => baseline,
            Err(EvalError::Read { .. }) => Baseline::default(),
            Err(error) => return Err(error.into()),
        };
        for (suite, measured) in &measured {
            baseline.record(suite, measured);
        }
        report::write_json(&path, &baseline)?;
        out!("recorded {}", path.display());
        return Ok(ExitCode::SUCCESS);
    }
    let drops = drops(&Baseline::load(&path)?, &measured);
    if settings.json {
        print_json(&drops)?;
    } else {
        out!("{}", report::drops(&drops));
    }
    Ok(exit(drops.is_empty()))
}

/// A data folder of its own, so that measuring touches no running service; removed at the end.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new() -> anyhow::Result<Self> {
        let folder = std::env::temp_dir().join(format!("fenzhen-eval-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        Ok(Self(folder))
    }

    pub(super) fn config(&self, config: &Config) -> Config {
        Config { data_dir: self.0.clone(), ..config.clone() }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed from the temporary folder is the system's to clean up.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
