//! `fenzhen kb check`.

use super::{Place, exit, print_json, runtime};
use fenzhen::app::exchange::{Which, export};
use fenzhen::app::open_articles;
use fenzhen::kb::advice::advise;
use fenzhen::kb::article::{ArticleFault, check_articles};
use jiff::Zoned;
use serde_json::json;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(crate) struct CheckArgs {
    /// Advice on what the store serves instead of the folder; articles in a store have no faults.
    #[arg(long)]
    served: bool,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let config = args.place.load()?;
    let (articles, faults, warnings) = if args.served {
        let served = runtime()?.block_on(async {
            anyhow::Ok(export(&*open_articles(&config).await?, Which::Served).await?)
        })?;
        (served, Vec::new(), Vec::new())
    } else {
        let checked = check_articles(&config.kb.articles)?;
        (checked.articles, checked.faults, checked.warnings)
    };
    let advice = advise(&articles, Zoned::now().date());
    if args.place.settings.json {
        let words =
            |faults: &[ArticleFault]| faults.iter().map(ToString::to_string).collect::<Vec<_>>();
        print_json(&json!({
            "articles": articles.len(),
            "faults": words(&faults),
            "warnings": words(&warnings),
            "advice": advice,
        }))?;
        return Ok(exit(faults.is_empty()));
    }
    for fault in &faults {
        out!("fault: {fault}");
    }
    for warning in &warnings {
        out!("warning: {warning}");
    }
    for advice in &advice {
        out!("advice: {advice}");
    }
    out!("{} versions, {} faults", articles.len(), faults.len());
    Ok(exit(faults.is_empty()))
}
