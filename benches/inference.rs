//! Encoding and inference with the default bundles, at 16, 32 and 64 characters.
//!
//! Measured: one thread with a session of its own, as a worker of the pool has it, batch of 1;
//! `intent` and `sentiment` each encode, run and apply softmax, `both` is what one message costs a
//! worker. Left out: the queue and its thread changes (see `triage`), normalising (see `text`),
//! loading and the trial runs.
//!
//! With `BENCH_BUNDLES=DIR:DIR:FAST+ACCURATE` intent bundles of your own are measured instead,
//! side by side in one run, a cascade where the fast bundle suffices and where both are asked; what
//! it takes on average follows from the share that goes on (`fenzhen eval intent --accurate`).
//! `taskset -c 0 cargo bench --bench inference` keeps all of it on one core.

mod support;
#[path = "support/texts.rs"]
mod texts;

use anyhow::{Context, ensure};
use fenzhen::config::Config;
use fenzhen::model::encode::{EncodeBuf, Encoder, TokenBuf};
use fenzhen::model::{
    Bundle, Classifier, IntentBundles, IntentPolicy, ModelError, OnnxClassifier, OnnxSettings,
    Outcome, Scores, Sentiment, SentimentPolicy, Utterance,
};
use fenzhen::text::normalize::Normalizer;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use support::{Bench, measure};
use texts::TEXTS;
use tokenizers::Tokenizer;

/// Texts of the batch: the default of `model.max_batch`.
const BATCH: usize = 16;

/// The variable with the intent bundles to compare, colons between. Without our prefix, which is for
/// settings.
const BUNDLES: &str = "BENCH_BUNDLES";

fn main() -> anyhow::Result<()> {
    let config = Config::load(None)?;
    let settings = OnnxSettings { token_budget: config.model.token_budget };
    match std::env::var(BUNDLES) {
        Ok(bundles) => compare(&bundles, settings),
        Err(_) => defaults(&config, settings),
    }
}

/// Every intent bundle or cascade of the list.
fn compare(bundles: &str, settings: OnnxSettings) -> anyhow::Result<()> {
    let normalizer = Normalizer::new();
    let mut bench = Bench::from_args();
    for folders in bundles.split(':') {
        let cascade = [("fast suffices", 0.0), ("both asked", 1.0)];
        let bounds = if folders.contains('+') { &cascade[..] } else { &[("", 0.0)] };
        for (which, below) in bounds {
            let bundles = IntentBundles::named(folders, *below)?;
            let mut classifier = bundles.classifier(settings)?;
            let name = [folders, which].join(" ");
            for (chars, text) in TEXTS {
                let normalized = normalizer.normalize(text);
                let utterances = [Utterance { raw: text, normalized: normalized.text() }];
                let scores = only(classifier.classify(&utterances))?;
                ensure!(
                    scores.by_accurate() == (*below > 0.0),
                    "{name}: the wrong bundle answered"
                );
                measure(&mut bench, &format!("{}, {chars} characters", name.trim_end()), || {
                    classifier.classify(black_box(&utterances))
                });
            }
        }
    }
    bench.finish();
    Ok(())
}

/// The default bundles, part by part.
fn defaults(config: &Config, settings: OnnxSettings) -> anyhow::Result<()> {
    let (intent_bundle, sentiment_bundle) =
        (Bundle::load(&config.model.intent)?, Bundle::load(&config.model.sentiment)?);
    let mut intent = OnnxClassifier::new(&intent_bundle, settings)?;
    let mut sentiment = OnnxClassifier::new(&sentiment_bundle, settings)?;
    let intent_policy = IntentPolicy::new(&intent_bundle)?;
    let sentiment_policy = SentimentPolicy::new(&sentiment_bundle)?;
    let encoder = encoder(&config.model.intent)?;
    let normalizer = Normalizer::new();

    let mut bench = Bench::from_args();
    for (chars, text) in TEXTS {
        let normalized = normalizer.normalize(text);
        let utterances = [Utterance { raw: text, normalized: normalized.text() }];

        let reading = intent_policy.read(&only(intent.classify(&utterances))?, 1);
        let label = intent.labels().name(reading.top.label).to_string();
        ensure!(label == "shipping.delay", "{chars} characters: {label}");
        ensure!(reading.outcome == Outcome::Accept, "{chars} characters: {reading:?}");
        let reading = sentiment_policy.read(&only(sentiment.classify(&utterances))?);
        ensure!(reading.label == Sentiment::Negative, "{chars} characters: {reading:?}");

        let (mut tokens, mut batch) = (TokenBuf::default(), EncodeBuf::default());
        measure(&mut bench, &format!("encode, {chars} characters"), || {
            tokens.clear();
            let pushed = encoder.push(black_box(normalized.text()), &mut tokens);
            encoder.fill(&tokens, &[0], None, &mut batch);
            pushed.map(|()| batch.padded_len)
        });
        ensure!(batch.padded_len >= chars, "{} tokens of {chars} characters", batch.padded_len);
        measure(&mut bench, &format!("intent, {chars} characters"), || {
            intent.classify(black_box(&utterances))
        });
        measure(&mut bench, &format!("sentiment, {chars} characters"), || {
            sentiment.classify(black_box(&utterances))
        });
        measure(&mut bench, &format!("both, {chars} characters"), || {
            both(&mut intent, &mut sentiment, black_box(&utterances))
        });
        let many = utterances.repeat(BATCH);
        measure(&mut bench, &format!("both, {BATCH} texts of {chars} characters"), || {
            both(&mut intent, &mut sentiment, black_box(&many))
        });
    }
    bench.finish();
    Ok(())
}

fn both(
    intent: &mut OnnxClassifier,
    sentiment: &mut OnnxClassifier,
    utterances: &[Utterance<'_>],
) -> Result<(Vec<Scores>, Vec<Scores>), ModelError> {
    Ok((intent.classify(utterances)?, sentiment.classify(utterances)?))
}

fn only(scores: Result<Vec<Scores>, ModelError>) -> anyhow::Result<Scores> {
    scores?.pop().context("no scores")
}

/// The encoder of a bundle, which keeps its own to itself.
fn encoder(bundle: &Path) -> anyhow::Result<Encoder> {
    let path = bundle.join("tokenizer.json");
    let mut tokenizer = Tokenizer::from_file(&path).map_err(anyhow::Error::from_boxed)?;
    tokenizer.with_padding(None).with_truncation(None).map_err(anyhow::Error::from_boxed)?;
    let pad_id = tokenizer.token_to_id("[PAD]").context("the tokenizer has no [PAD]")?;
    // 128: `max_tokens` of the default bundles; longer than every text here.
    Ok(Encoder::new(Arc::new(tokenizer), i64::from(pad_id), 128))
}
