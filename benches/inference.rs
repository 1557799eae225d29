//! Encoding and inference with the default bundles, at 16, 32 and 64 characters.
//!
//! Measured: one thread with a session of its own, as a worker of the pool has it, batch of 1;
//! `intent` and `sentiment` each encode, run and apply softmax, `both` is what one message costs a
//! worker. Left out: the queue and its thread changes (see `triage`), normalising (see `text`),
//! loading and the trial runs.

mod support;
#[path = "support/texts.rs"]
mod texts;

use anyhow::{Context, ensure};
use fenzhen::config::Config;
use fenzhen::model::encode::{EncodeBuf, Encoder, TokenBuf};
use fenzhen::model::{
    Bundle, Classifier, IntentPolicy, ModelError, OnnxClassifier, OnnxSettings, Outcome, Scores,
    Sentiment, SentimentPolicy, Utterance,
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

fn main() -> anyhow::Result<()> {
    let config = Config::load(None)?;
    let settings = OnnxSettings { token_budget: config.model.token_budget };
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
