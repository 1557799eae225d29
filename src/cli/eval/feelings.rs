//! Measures emotion, urgency and complexity: what the whole pipeline makes of a message, since none
//! of them is the output of one model.

use crate::cli::classify::PATIENCE;
use crate::cli::runtime;
use anyhow::Context;
use fenzhen::app::{Vocabulary, build_triage};
use fenzhen::config::Config;
use fenzhen::eval::Options;
use fenzhen::eval::dataset::{LabelledRow, LabelledSet};
use fenzhen::eval::intent::{IntentReport, Prediction, evaluate_rows};
use fenzhen::triage::ClassifyOptions;
use fenzhen::triage::catalogue::Complexity;
use fenzhen::triage::classification::Classification;
use fenzhen::triage::complexity::History;
use std::path::Path;
use std::time::Instant;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Feeling {
    Emotion,
    Urgency,
    Complexity,
}

impl Feeling {
    pub(super) const ALL: [Self; 3] = [Self::Emotion, Self::Urgency, Self::Complexity];

    /// The field of a row that holds the truth.
    pub(super) fn field(self) -> &'static str {
        match self {
            Self::Emotion => "emotion",
            Self::Urgency => "urgency",
            Self::Complexity => "complexity",
        }
    }

    /// The label and, for emotion, its probability; the others come without one.
    fn label(self, found: &Classification) -> (String, f64) {
        match self {
            Self::Emotion => {
                (found.emotion.label.as_str().to_owned(), f64::from(found.emotion.score))
            }
            Self::Urgency => (found.urgency.to_string(), 1.0),
            Self::Complexity => (found.complexity.as_str().to_owned(), 1.0),
        }
    }
}

/// Runs the pipeline over the rows; `model` stands in for the configured bundle of what is measured.
pub(super) fn measure(
    config: &Config,
    feeling: Feeling,
    model: Option<&Path>,
    data: &Path,
    only: &[String],
    options: Options,
) -> anyhow::Result<IntentReport> {
    let mut config = config.clone();
    if let Some(model) = model {
        let bundle = match feeling {
            Feeling::Emotion => &mut config.model.emotion,
            Feeling::Urgency => &mut config.model.urgency,
            Feeling::Complexity => &mut config.model.intent,
        };
        model.clone_into(bundle);
    }
    let mut set = LabelledSet::load(data, feeling.field(), only)?;
    if feeling == Feeling::Complexity {
        set.rows.iter_mut().for_each(|row| row.truth = in_our_words(&row.truth));
    }
    let (triage, _) = build_triage(&config, &Vocabulary::load(&config)?)?;
    let runtime = runtime()?;
    let predict = |rows: &[LabelledRow]| -> anyhow::Result<Vec<Prediction>> {
        let predict = |row: &LabelledRow| {
            let history: History = match row.fields.get("history") {
                Some(history) => serde_json::from_value(history.clone())
                    .with_context(|| format!("line {}: field `history`", row.line))?,
                None => History::default(),
            };
            let started = Instant::now();
            let options =
                ClassifyOptions { top_k: 1, explain: false, deadline: started + PATIENCE };
            let mut found = runtime.block_on(triage.classify(&row.text, options))?;
            found.consider(history);
            let (label, score) = feeling.label(&found);
            Ok(Prediction { label, score, latency: started.elapsed(), ..Prediction::default() })
        };
        rows.iter().map(predict).collect()
    };
    let ids = triage.models();
    let by_model = match feeling {
        Feeling::Emotion => ids.emotion.clone(),
        Feeling::Urgency => ids.urgency.clone(),
        Feeling::Complexity => Some(ids.intent.clone()),
    };
    let options =
        Options { model: Some(by_model.unwrap_or_else(|| "words".to_owned())), ..options };
    Ok(evaluate_rows(&set, predict, &options)?)
}

/// The service's name of a level that data sets may call otherwise.
fn in_our_words(label: &str) -> String {
    let known = serde_json::from_value::<Complexity>(label.into());
    known.map_or_else(|_| label.to_owned(), |level| level.as_str().to_owned())
}
