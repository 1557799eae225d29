//! The classifier over ONNX Runtime; this file and its folder are the only ones that know ort.
//!
//! One session, one set of buffers, one thread. Loading is strict: whatever would fail on the first
//! message fails here, by trial runs with a short and with an overlong text.

pub(super) mod environment;
mod graph;

use std::{path::Path, sync::Arc};

pub use graph::TensorInfo;
use graph::{Graph, Logits};

use super::{
    bundle::Bundle,
    classifier::{Classifier, Scores, Utterance},
    encode::{EncodeBuf, Encoder, TokenBuf},
    error::ModelError,
    label::LabelSet,
    plan::{RunLimits, plan},
    runtime,
};

/// Read by trial runs; an ordinary complaint with letters, digits and a mark that is rare.
pub(super) const SAMPLE_TEXT: &str = "我的iPhone15订单怎么还没发货？！";

/// Repeated until it is overlong; has little in common with the other sample.
const OVERLONG_TEXT: &str = "商品质量太差，要求退款并赔偿200元。";

/// Logits of one text may differ by this much, relative to values above 1, between running alone and
/// in company. Measured in November 2026: at most 3e-7 in single precision (fixtures, our TextCNNs),
/// 0.03 to 0.2 with dynamic int8, whose rounding depends on the whole batch, and 1.5 where padding
/// shows through.
const INDEPENDENCE_TOLERANCE: f32 = 1e-3;

/// Enough for the 512 tokens of the largest usual models even where a sentence is one token.
const MAX_TRIAL_REPEATS: usize = 512;

/// How an [`OnnxClassifier`] uses its model.
#[derive(Debug, Clone, Copy)]
pub struct OnnxSettings {
    /// Most tokens of one run, padding included (`padded_len * n_turns`). Default 1024: measured in
    /// November 2026 at 32 tokens on one core, neither an encoder nor a TextCNN gains from more
    /// than 8 texts in a run, an n-gram bag little from more than 32.
    pub token_budget: usize,
}

impl Default for OnnxSettings {
    fn default() -> OnnxSettings {
        OnnxSettings { token_budget: 1024 }
    }
}

/// A bundle's model in a session of its own.
#[derive(Debug)]
pub struct OnnxClassifier {
    graph: Graph,
    id: Arc<str>,
    labels: Arc<LabelSet>,
    encoder: Encoder,
    normalize: bool,
    temperature: f32,
    limits: RunLimits,
    tokens: TokenBuf,
    order: Vec<usize>,
    batch: EncodeBuf,
    logits: Logits,
}

impl OnnxClassifier {
    /// Loads the bundle's model, starts ONNX Runtime if nobody has, and makes the trial runs.
    ///
    /// A model whose answers change in company (dynamic quantisation, padding that shows through) is
    /// run one text at a time, so that the same message always gets the same scores.
    ///
    /// # Errors
    /// [`ModelError::MissingRuntime`], [`ModelError::WrongRuntime`], [`ModelError::BadModel`],
    /// [`ModelError::UnsupportedModel`], [`ModelError::LabelCount`], [`ModelError::NotFinite`] or
    /// [`ModelError::Inference`].
    pub fn new(bundle: &Bundle, settings: OnnxSettings) -> Result<OnnxClassifier, ModelError> {
        runtime::init(None)?;
        let graph = Graph::load(&bundle.model_path())?;
        let n_turns = match graph.fixed_turns {
            None => usize::MAX,
            Some(1) => 1,
            Some(n) => {
                let message = format!(
                    "it takes batches of exactly {n} texts: export it with a dynamic batch axis"
                );
                return Err(ModelError::UnsupportedModel { message });
            }
        };
        let encoder = bundle.encoder().clone();
        let encoder = match graph.fixed_len {
            Some(len) => encoder.limited_to(len),
            None => encoder,
        };
        let mut classifier = OnnxClassifier {
            graph,
            id: bundle.id().into(),
            labels: bundle.labels().clone(),
            encoder,
            normalize: bundle.normalize(),
            temperature: bundle.temperature(),
            limits: RunLimits { token_budget: settings.token_budget, n_turns },
            tokens: TokenBuf::default(),
            order: Vec::new(),
            batch: EncodeBuf::default(),
            logits: Logits::default(),
        };
        classifier.try_out()?;
        Ok(classifier)
    }

    /// Whether several texts share a run.
    pub fn runs_batches(&self) -> bool {
        self.limits.n_turns > 1
    }

    fn try_out(&mut self) -> Result<(), ModelError> {
        if let Some(width) = self.graph.stated_width {
            self.check_width(width)?;
        }
        self.tokens.clear();
        self.encoder.push(SAMPLE_TEXT, &mut self.tokens)?;
        let overlong = OVERLONG_TEXT.repeat(self.encoder.max_tokens().min(MAX_TRIAL_REPEATS));
        self.encoder.push(&overlong, &mut self.tokens)?;
        let alone = [self.run(&[0])?, self.run(&[1])?].concat();
        if self.limits.n_turns > 1 {
            // Some exporters fix the batch size inside the graph although its input is dynamic.
            let agree = self.run(&[0, 1]).is_ok_and(|together| {
                let near = |(a, b): (&f32, &f32)| {
                    (a - b).abs() <= INDEPENDENCE_TOLERANCE * a.abs().max(1.0)
                };
                alone.iter().zip(&together).all(near)
            });
            if !agree {
                self.limits.n_turns = 1;
            }
        }
        Ok(())
    }

    /// The logits of some of the texts in `tokens`, checked to be finite.
    fn run(&mut self, text_idx: &[usize]) -> Result<Vec<f32>, ModelError> {
        self.compute(text_idx)?;
        for row in self.logits.values.chunks_exact(self.logits.width) {
            Scores::from_logits(row, self.temperature)?;
        }
        Ok(self.logits.values.clone())
    }

    fn tokenize<'a>(&mut self, texts: impl Iterator<Item = &'a str>) -> Result<(), ModelError> {
        self.tokens.clear();
        for text in texts {
            self.encoder.push(text, &mut self.tokens)?;
        }
        Ok(())
    }

    /// Runs the model over the `n_texts` texts in `tokens` and hands out the row of each.
    fn each_output(
        &mut self,
        n_texts: usize,
        mut take: impl FnMut(usize, &[f32]) -> Result<(), ModelError>,
    ) -> Result<(), ModelError> {
        let mut order = std::mem::take(&mut self.order);
        order.clear();
        order.extend(0..n_texts);
        let runs = plan(|idx| self.tokens.ids(idx).len(), &mut order, self.limits);
        for run in runs {
            let text_idx = &order[run];
            self.compute(text_idx)?;
            let rows = self.logits.values.chunks_exact(self.logits.width);
            for (&idx, row) in text_idx.iter().zip(rows) {
                take(idx, row)?;
            }
        }
        self.order = order;
        Ok(())
    }

    fn compute(&mut self, text_idx: &[usize]) -> Result<(), ModelError> {
        self.encoder.fill(&self.tokens, text_idx, self.graph.fixed_len, &mut self.batch);
        self.graph.run(&self.batch, &mut self.logits)?;
        self.check_width(self.logits.width)
    }

    fn check_width(&self, width: usize) -> Result<(), ModelError> {
        let labels = self.labels.len();
        if width == labels { Ok(()) } else { Err(ModelError::LabelCount { labels, width }) }
    }
}

impl Classifier for OnnxClassifier {
    fn id(&self) -> &str {
        &self.id
    }

    fn labels(&self) -> &Arc<LabelSet> {
        &self.labels
    }

    fn classify(&mut self, utterances: &[Utterance<'_>]) -> Result<Vec<Scores>, ModelError> {
        let normalize = self.normalize;
        self.tokenize(utterances.iter().map(|u| if normalize { u.normalized } else { u.raw }))?;
        let temperature = self.temperature;
        let mut scores: Vec<Option<Scores>> = vec![None; utterances.len()];
        self.each_output(utterances.len(), |idx, row| {
            scores[idx] = Some(Scores::from_logits(row, temperature)?);
            Ok(())
        })?;
        Ok(scores.into_iter().map(|scores| scores.expect("runs cover every text")).collect())
    }
}

/// A bundle's model whose outputs are coordinates, in a session of its own.
#[derive(Debug)]
pub(super) struct OnnxVectors(OnnxClassifier);

impl OnnxVectors {
    /// As [`OnnxClassifier::new`].
    pub(super) fn new(bundle: &Bundle, settings: OnnxSettings) -> Result<Self, ModelError> {
        OnnxClassifier::new(bundle, settings).map(Self)
    }

    /// The outputs for each normalised text, in their order.
    pub(super) fn vectors(&mut self, normalized: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
        let mut vectors = vec![Vec::new(); normalized.len()];
        self.0.tokenize(normalized.iter().copied())?;
        self.0.each_output(normalized.len(), |idx, row| {
            vectors[idx] = row.to_vec();
            Ok(())
        })?;
        Ok(vectors)
    }
}

/// The inputs and outputs of a model file, without judging them.
///
/// # Errors
/// [`ModelError::BadModel`], or the runtime's own errors.
pub(super) fn describe(path: &Path) -> Result<(Vec<TensorInfo>, Vec<TensorInfo>), ModelError> {
    runtime::init(None)?;
    graph::describe(path)
}
