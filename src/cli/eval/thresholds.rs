//! `fenzhen eval thresholds`.

use super::Output;
use super::reader::{ModelArgs, intents};
use clap::Args;
use fenzhen::eval::OUT_OF_SCOPE;
use fenzhen::eval::dataset::LabelledSet;
use fenzhen::eval::report;
use fenzhen::eval::thresholds::{
    COMPLAINT_PREFIX, CostTable, Row, Sample, Setting, ThresholdReport,
};
use fenzhen::model::{IntentBundles, LabelSet, Scores, Tuned};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(crate) struct ThresholdArgs {
    /// Rows {"text","intent",…} as JSON lines, CSV or TSV; others than those the figures are made of.
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Only rows whose boolean field is true; several must all be.
    #[arg(long, value_name = "FIELD")]
    only: Vec<String>,
    /// What mistakes cost, and which settings are tried.
    #[arg(long, value_name = "FILE", default_value = "config/costs.toml")]
    costs: PathBuf,
    #[command(flatten)]
    model: ModelArgs,
    /// Store the choice in the bundle's fenzhen.toml, of a cascade the accurate one's.
    #[arg(long)]
    write: bool,
    #[command(flatten)]
    output: Output,
}

pub(super) fn run(args: &ThresholdArgs) -> anyhow::Result<ExitCode> {
    let config = args.output.settings.load()?;
    let table = CostTable::load(&args.costs)?;
    let set = LabelledSet::load(&args.data, "intent", &args.only)?;
    let (bundles, mut reader, policy) = intents(&config, &args.model)?;
    let scores = reader.read_singly(set.rows.iter().map(|row| row.text.as_str()))?;

    let labels = reader.labels();
    let n_offered = config.conversation.clarify_choices;
    let rows: Vec<Row> = set
        .rows
        .iter()
        .zip(&scores)
        .map(|(row, scores)| costed(&row.truth, scores, labels, n_offered))
        .collect();
    let read: Vec<_> =
        scores.iter().map(|scores| (scores.top(), policy.out_of_scope(scores))).collect();
    let decide = |row: usize, setting: &Setting| {
        let tried = policy.clone().with_bounds(setting.thresholds(), setting.reject_above);
        let (top, out_of_scope) = read[row];
        tried.outcome(top, out_of_scope)
    };
    let current = Setting {
        accept: policy.accept,
        clarify: policy.clarify,
        reject_above: policy.reject_above,
    };
    let has_score = policy.out_of_scope_score().is_some();
    let bootstrap = args.output.options().bootstrap;
    let sample = Sample { rows: &rows, decide };
    let report = ThresholdReport {
        model: Some(reader.id().to_owned()),
        ..sample.choose(set.info, &table, current, has_score, &bootstrap)
    };
    if args.write {
        store(&bundles, &report)?;
    }
    args.output.print(&report, &report::thresholds(&report))?;
    Ok(ExitCode::SUCCESS)
}

fn costed(truth: &str, scores: &Scores, labels: &LabelSet, n_offered: usize) -> Row {
    let ranked = scores.ranked(n_offered.max(1));
    let is_truth = |label| labels.name(label).as_ref() == truth;
    let best = ranked[0].label;
    Row {
        is_out_of_scope: truth == OUT_OF_SCOPE,
        is_complaint: truth.starts_with(COMPLAINT_PREFIX),
        is_right: is_truth(best),
        is_taken_for_complaint: labels.name(best).starts_with(COMPLAINT_PREFIX),
        is_offered: ranked.iter().any(|scored| is_truth(scored.label)),
    }
}

fn store(bundles: &IntentBundles, report: &ThresholdReport) -> anyhow::Result<()> {
    let rounded = |value: f64| (value * 1000.0).round() / 1000.0;
    let chosen = &report.chosen;
    let rates = chosen.rates().map(|(name, rate)| (name.to_owned(), rounded(rate.rate)));
    let tuned = Tuned {
        thresholds: chosen.setting.thresholds(),
        reject_above: chosen.setting.reject_above,
        data: (report.data.name.clone(), report.data.n),
        expected: rates.into_iter().chain([("cost".to_owned(), rounded(chosen.cost))]).collect(),
    };
    match &bundles.accurate {
        None => bundles.fast.store_tuned(&tuned, false)?,
        Some(accurate) => accurate.store_tuned(&tuned, true)?,
    }
    Ok(())
}
