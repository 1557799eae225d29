//! `fenzhen eval entities`, `masking` and `keywords`: the text path over labelled spans.

use super::SpanArgs;
use fenzhen::app::{Vocabulary, load_text};
use fenzhen::config::Config;
use fenzhen::eval::Options;
use fenzhen::eval::dataset::{Span, SpanRow, SpanSet};
use fenzhen::eval::report;
use fenzhen::eval::spans::{SpanReport, evaluate};
use fenzhen::text::entity::Entity;
use fenzhen::text::keyword::Keyword;
use fenzhen::triage::Read;
use jiff::Timestamp;
use std::path::Path;
use std::process::ExitCode;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Entities,
    Masking,
    Keywords,
}

pub(super) fn run(args: &SpanArgs, target: Target) -> anyhow::Result<ExitCode> {
    let config = args.output.settings.load()?;
    let report = measure(&config, target, &args.data, &args.output.options())?;
    args.output.print(&report, &report::spans(&report))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn measure(
    config: &Config,
    target: Target,
    data: &Path,
    options: &Options,
) -> anyhow::Result<SpanReport> {
    let set = SpanSet::load(data)?;
    let text = load_text(config, &Vocabulary::load(config)?)?;
    let present = Timestamp::now();
    let find = |row: &SpanRow| -> Vec<Span> {
        // A row of invisible characters only has nothing to find.
        let Ok(read) = text.read(&row.text, row.now.unwrap_or(present)) else { return Vec::new() };
        let Read { entities, keywords, .. } = read;
        let personal = |entity: &Entity| entity.kind.is_personal();
        match target {
            Target::Entities => entities.into_iter().map(entity_span).collect(),
            Target::Masking => entities.into_iter().filter(personal).map(entity_span).collect(),
            Target::Keywords => keywords.into_iter().map(keyword_span).collect(),
        }
    };
    Ok(evaluate(&set, find, target == Target::Masking, options))
}

fn entity_span(entity: Entity) -> Span {
    let label = entity.kind.as_str().to_owned();
    Span { label, start: entity.start, end: entity.end, value: Some(entity.value) }
}

fn keyword_span(keyword: Keyword) -> Span {
    let label = keyword.polarity.as_str().to_owned();
    Span { label, start: keyword.start, end: keyword.end, value: Some(keyword.phrase) }
}
