//! `fenzhen kb search`.

use super::{Place, print_json, runtime};
use comfy_table::{Table, presets};
use fenzhen::app::{Knowledge, Vocabulary};
use fenzhen::kb::Query;
use jiff::Zoned;
use jiff::civil::Date;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(crate) struct SearchArgs {
    /// The customer's words.
    query: String,
    /// Only articles in this category or below, such as 售后/退款.
    #[arg(long)]
    category: Option<String>,
    /// Hits wanted.
    #[arg(long, default_value_t = 5)]
    limit: usize,
    /// The day whose valid versions are searched; today where absent.
    #[arg(long, value_name = "DATE")]
    as_of: Option<Date>,
    /// Tell what each score is made of.
    #[arg(long)]
    explain: bool,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(args: &SearchArgs) -> anyhow::Result<ExitCode> {
    let config = args.place.load()?;
    let vocabulary = Vocabulary::load(&config)?;
    let runtime = runtime()?;
    let kb = runtime.block_on(Knowledge::open(&config, &vocabulary))?.kb;
    let query = Query {
        category: args.category.as_deref(),
        limit: args.limit,
        explain: args.explain,
        ..Query::new(&args.query, args.as_of.unwrap_or_else(|| Zoned::now().date()))
    };
    let found = kb.search(&query)?;
    if args.place.settings.json || args.explain {
        print_json(&found)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header(["score", "article", "question", "category", "matched"]);
    for hit in &found.hits {
        table.add_row([
            format!("{:.3}", hit.score),
            format!("{}@{}", hit.article_id, hit.version),
            hit.title.clone(),
            hit.category.clone(),
            hit.matched.join(" "),
        ]);
    }
    out!("{table}\ngeneration {}", found.generation);
    Ok(ExitCode::SUCCESS)
}
