//! `fenzhen kb`.

mod convert;

use super::{Settings, exit, print_json};
use clap::Subcommand;
use comfy_table::{Table, presets};
use convert::ConvertArgs;
use fenzhen::app::{Vocabulary, build_kb};
use fenzhen::kb::advice::advise;
use fenzhen::kb::article::check_articles;
use fenzhen::kb::{KnowledgeBase, Query};
use jiff::Zoned;
use jiff::civil::Date;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub(crate) enum KbCommand {
    /// Search the articles in force.
    Search {
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
    },
    /// Build a new index generation from the articles and put it in force.
    Reindex {
        #[command(flatten)]
        place: Place,
    },
    /// Check the articles: every fault with file and line, then what editors should look at.
    Check {
        #[command(flatten)]
        place: Place,
    },
    /// Turn articles from one format into another: a folder or .zip of Markdown, .csv, .xlsx, .jsonl.
    Convert(ConvertArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Place {
    /// Folder for everything the service writes; the index lies below it.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
}

impl Place {
    fn load(&self) -> anyhow::Result<fenzhen::config::Config> {
        let mut config = self.settings.load()?;
        if let Some(data_dir) = &self.data_dir {
            config.data_dir.clone_from(data_dir);
        }
        Ok(config)
    }

    fn open(&self) -> anyhow::Result<KnowledgeBase> {
        let config = self.load()?;
        Ok(build_kb(&config, &Vocabulary::load(&config)?)?)
    }
}

pub(crate) fn run(command: &KbCommand) -> anyhow::Result<ExitCode> {
    match command {
        KbCommand::Search { query, category, limit, as_of, explain, place } => {
            let kb = place.open()?;
            let query = Query {
                category: category.as_deref(),
                limit: *limit,
                explain: *explain,
                ..Query::new(query, as_of.unwrap_or_else(|| Zoned::now().date()))
            };
            let found = kb.search(&query)?;
            if place.settings.json || *explain {
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
        KbCommand::Reindex { place } => {
            let report = place.open()?.reindex()?;
            if place.settings.json {
                print_json(&report)?;
            } else {
                out!(
                    "generation {}: {} articles, {} versions, {} passages in {} ms",
                    report.generation,
                    report.n_articles,
                    report.n_versions,
                    report.n_passages,
                    report.took.as_millis()
                );
            }
            Ok(ExitCode::SUCCESS)
        }
        KbCommand::Check { place } => {
            let config = place.load()?;
            let checked = check_articles(&config.kb.articles)?;
            let advice = advise(&checked.articles, Zoned::now().date());
            if place.settings.json {
                let words = |faults: &[fenzhen::kb::article::ArticleFault]| {
                    faults.iter().map(ToString::to_string).collect::<Vec<_>>()
                };
                print_json(&json!({
                    "articles": checked.articles.len(),
                    "faults": words(&checked.faults),
                    "warnings": words(&checked.warnings),
                    "advice": advice,
                }))?;
            } else {
                for fault in &checked.faults {
                    out!("fault: {fault}");
                }
                for warning in &checked.warnings {
                    out!("warning: {warning}");
                }
                for advice in &advice {
                    out!("advice: {advice}");
                }
                out!("{} versions, {} faults", checked.articles.len(), checked.faults.len());
            }
            Ok(exit(checked.faults.is_empty()))
        }
        KbCommand::Convert(args) => convert::run(args),
    }
}
