//! Fields of the index and the documents put into them.
//!
//! One document is one *passage*: the standard question, one variant or the body of one version.
//! Questions are short texts, and a variant worded like the customer's turn should win however many
//! other variants its article has; in one long field it would be diluted.

use crate::kb::article::{Article, plain_text};
use crate::kb::tokenizer::{Analyzer, PairTokenizer};
use tantivy::schema::{
    FAST, Field, IndexRecordOption, STORED, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::TokenizerManager;
use tantivy::{TantivyDocument, doc};

/// Raised by hand whenever fields, term rules or the files of a generation change: generations of
/// another version are built anew.
pub(crate) const SCHEMA_VERSION: u32 = 1;
/// Name of the fast field that leads from a passage to its article.
pub(crate) const ARTICLE: &str = "article";

/// Name under which the word tokenizer is registered.
const WORDS: &str = "words";
/// Name under which the concept tokenizer is registered.
const CONCEPTS: &str = "concepts";
/// Name under which the pair tokenizer is registered.
const PAIRS: &str = "pairs";

/// Handles of the fields.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields {
    /// Words of a standard question.
    pub(crate) question: Field,
    /// Words of a variant.
    pub(crate) variant: Field,
    /// Words of a body.
    pub(crate) body: Field,
    /// Pairs of neighbouring characters of a question or variant.
    pub(crate) pairs: Field,
    /// Ideas named in a question, variant or body.
    pub(crate) concepts: Field,
    /// Place of the version in the generation's list of articles.
    pub(crate) article: Field,
}

/// The schema and its fields; built the same way each time, so handles of one fit all.
pub(crate) fn schema() -> (Schema, Fields) {
    let text = |tokenizer| {
        let indexing = TextFieldIndexing::default()
            .set_tokenizer(tokenizer)
            .set_index_option(IndexRecordOption::WithFreqs);
        TextOptions::default().set_indexing_options(indexing)
    };
    let mut builder = Schema::builder();
    let fields = Fields {
        question: builder.add_text_field("question", text(WORDS)),
        variant: builder.add_text_field("variant", text(WORDS)),
        body: builder.add_text_field("body", text(WORDS)),
        pairs: builder.add_text_field("pairs", text(PAIRS)),
        concepts: builder.add_text_field("concepts", text(CONCEPTS)),
        article: builder.add_u64_field(ARTICLE, FAST | STORED),
    };
    (builder.build(), fields)
}

/// The tokenizers that the schema names.
pub(crate) fn tokenizers(analyzer: &Analyzer) -> TokenizerManager {
    let tokenizers = TokenizerManager::default();
    tokenizers.register(WORDS, analyzer.word_tokenizer());
    tokenizers.register(PAIRS, PairTokenizer);
    tokenizers.register(CONCEPTS, analyzer.concept_tokenizer());
    tokenizers
}

/// The passages of one version, texts normalised.
pub(crate) fn passages(
    article: &Article,
    article_idx: usize,
    fields: &Fields,
    analyzer: &Analyzer,
) -> Vec<TantivyDocument> {
    let article_idx = article_idx as u64;
    let question = |(idx, question): (usize, &str)| {
        let text = analyzer.normalize(question);
        let field = if idx == 0 { fields.question } else { fields.variant };
        doc!(
            fields.article => article_idx,
            field => text.text(),
            fields.pairs => text.text(),
            fields.concepts => text.text(),
        )
    };
    let mut passages: Vec<_> = article.questions().enumerate().map(question).collect();
    let body = analyzer.normalize(&plain_text(&article.body));
    passages.push(doc!(
        fields.article => article_idx,
        fields.body => body.text(),
        fields.concepts => body.text(),
    ));
    passages
}
