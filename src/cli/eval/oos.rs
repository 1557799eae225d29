//! `fenzhen eval oos`.
//!
//! Of a cascade, the features are those of two models, which are not comparable; measure its bundles
//! singly and the cascade for its `logistic` score.

use super::Output;
use super::reader::{ModelArgs, intents};
use clap::Args;
use fenzhen::eval::OUT_OF_SCOPE;
use fenzhen::eval::dataset::TextSet;
use fenzhen::eval::oos::{Candidate, evaluate};
use fenzhen::eval::report;
use fenzhen::model::{OosFeatures, Scores};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
pub(crate) struct OosArgs {
    /// Messages with an intent: rows {"text",…}, or a text a line; rows with intent "oos" are left out.
    #[arg(long, value_name = "FILE")]
    in_scope: PathBuf,
    /// Messages without one, in the same form.
    #[arg(long, value_name = "FILE")]
    out_of_scope: PathBuf,
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    output: Output,
}

pub(super) fn run(args: &OosArgs) -> anyhow::Result<ExitCode> {
    let config = args.output.settings.load()?;
    let (_, mut reader, policy) = intents(&config, &args.model)?;
    let inside = TextSet::load(&args.in_scope, Some(OUT_OF_SCOPE))?;
    let outside = TextSet::load(&args.out_of_scope, None)?;
    let texts = inside.texts.iter().chain(&outside.texts);
    let scores = reader.read_singly(texts.map(String::as_str))?;

    let oos = policy.oos;
    let by_feature = |name: &str, of: fn(&OosFeatures) -> f32| {
        let features = scores.iter().filter_map(|scores| OosFeatures::new(scores, oos));
        let scores = features.map(|features| f64::from(of(&features))).collect();
        Candidate { name: name.to_owned(), scores }
    };
    let best_in_scope = |scores: &Scores| {
        let ranked = scores.ranked(2);
        ranked.into_iter().find(|scored| Some(scored.label) != oos).map_or(0.0, |s| s.score)
    };
    let mut candidates = vec![
        Candidate {
            name: "1-max".to_owned(),
            scores: scores.iter().map(|s| 1.0 - f64::from(best_in_scope(s))).collect(),
        },
        by_feature("energy", |features| -features.energy),
        by_feature("max_logit", |features| -features.max_logit),
        by_feature("margin", |features| -features.margin),
        by_feature("entropy", |features| features.entropy),
    ];
    if oos.is_some() {
        candidates.insert(0, by_feature("oos", |features| features.oos));
    }
    if policy.out_of_scope_score().is_some() {
        let scores = scores.iter().map(|scores| f64::from(policy.out_of_scope(scores))).collect();
        candidates.push(Candidate { name: "logistic".to_owned(), scores });
    }
    let model = Some(reader.id().to_owned());
    let bootstrap = args.output.options().bootstrap;
    let report = evaluate(model, inside.info, outside.info, &candidates, &bootstrap)?;
    args.output.print(&report, &report::oos(&report))?;
    Ok(ExitCode::SUCCESS)
}
