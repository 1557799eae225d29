//! `fenzhen classify`.

use super::{Settings, print_json, runtime};
use clap::Args;
use fenzhen::app::{Vocabulary, build_triage};
use fenzhen::triage::classification::Classification;
use fenzhen::triage::{ClassifyOptions, Triage, TriageError};
use jiff::Timestamp;
use serde::Serialize;
use std::io::{self, BufRead};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Nobody waits for the command line; the pool wants a time all the same.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Args)]
pub(crate) struct ClassifyArgs {
    /// The text; without it each line of standard input is one.
    #[arg(long)]
    text: Option<String>,
    /// Ranked intents wanted.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    top_k: u16,
    /// Tell the words that carried the intent.
    #[arg(long)]
    explain: bool,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Line {
    Classification(Box<Classification>),
    Error { error: String },
}

pub(crate) fn run(args: &ClassifyArgs) -> anyhow::Result<ExitCode> {
    let config = args.settings.load()?;
    let (triage, _) = build_triage(&config, &Vocabulary::load(&config)?)?;
    let runtime = runtime()?;
    let classify = |text: &str| runtime.block_on(classify(&triage, text, args));
    if let Some(text) = &args.text {
        let classification = classify(text)?;
        if args.settings.json {
            print_json(&classification)?;
        } else {
            out!("{}", in_words(&classification));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut lines = Vec::new();
    for text in io::stdin().lock().lines() {
        let result = classify(&text?);
        if args.settings.json {
            lines.push(match result {
                Ok(classification) => Line::Classification(Box::new(classification)),
                Err(error) => Line::Error { error: error.to_string() },
            });
        } else {
            match result {
                Ok(classification) => out!("{}", in_words(&classification)),
                Err(error) => out!("- {error}"),
            }
        }
    }
    if args.settings.json {
        print_json(&lines)?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn classify(
    triage: &Triage,
    text: &str,
    args: &ClassifyArgs,
) -> Result<Classification, TriageError> {
    let options = ClassifyOptions {
        top_k: usize::from(args.top_k),
        explain: args.explain,
        now: Timestamp::now(),
        deadline: Instant::now() + PATIENCE,
        subject: None,
    };
    triage.classify(text, options).await
}

/// One line for people.
fn in_words(classification: &Classification) -> String {
    let Classification { intent, outcome, sentiment, emotion, urgency, entities, .. } =
        classification;
    let mut line = format!(
        "{} {} {:.3}  {}  {} {:.3}  {} urgency {urgency}",
        intent.label,
        intent.name,
        intent.score,
        format!("{outcome:?}").to_lowercase(),
        sentiment.label.as_str(),
        sentiment.score,
        emotion.label.as_str(),
    );
    for entity in entities {
        line.push_str(&format!("  {}={}", entity.kind.as_str(), entity.value));
    }
    for word in classification.explanation.iter().flatten().take(5) {
        line.push_str(&format!("  {}{:+.2}", word.word, word.weight));
    }
    line
}
