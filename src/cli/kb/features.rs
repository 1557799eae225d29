//! `fenzhen kb features`.

use crate::cli::Settings;
use crate::cli::eval::Scratch;
use anyhow::Context;
use fenzhen::app::{Vocabulary, build_kb};
use fenzhen::kb::Query;
use fenzhen::kb::search::Feature;
use jiff::Zoned;
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(crate) struct FeaturesArgs {
    /// Lines {"id","query","intents":[[label, probability]],"out_of_scope"}, the last two optional.
    queries: PathBuf,
    /// Search by words alone.
    #[arg(long)]
    by_words: bool,
    /// The day whose valid versions are searched; today where absent.
    #[arg(long, value_name = "DATE")]
    as_of: Option<Date>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Deserialize)]
struct Row {
    id: String,
    query: String,
    #[serde(default)]
    intents: Vec<(String, f32)>,
    out_of_scope: Option<f32>,
}

/// Prints the names of the features, then a line for each query: its candidates, best first.
pub(crate) fn run(args: &FeaturesArgs) -> anyhow::Result<ExitCode> {
    let scratch = Scratch::new()?;
    let mut config = scratch.config(&args.settings.load()?);
    if args.by_words {
        config.kb.without_encoder();
    }
    let kb = build_kb(&config, &Vocabulary::load(&config)?)?;
    let as_of = args.as_of.unwrap_or_else(|| Zoned::now().date());
    out!("{}", json!({ "features": Feature::ALL.map(Feature::name) }));
    let text = std::fs::read_to_string(&args.queries)
        .with_context(|| args.queries.display().to_string())?;
    for (idx, line) in text.lines().enumerate() {
        let row: Row = serde_json::from_str(line).with_context(|| format!("line {}", idx + 1))?;
        let intents: Vec<_> = row.intents.iter().map(|(label, p)| (&**label, *p)).collect();
        let of = Query { intents: &intents, ..Query::new(&row.query, as_of) };
        let found = kb.features(&Query { out_of_scope: row.out_of_scope, ..of })?;
        let candidates =
            found.iter().map(|(id, values)| json!({"article_id": id, "values": values}));
        out!("{}", json!({ "id": row.id, "candidates": candidates.collect::<Vec<_>>() }));
    }
    Ok(ExitCode::SUCCESS)
}
