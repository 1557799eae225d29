//! Fields of the index and the documents put into them.
//!
//! One document is one *passage*: the standard question, one variant or the body of one version.
//! Questions are short texts, and a variant worded like the customer's turn should win however many
//! other variants its article has; in one long field it would be diluted.
//!
//! Words, pairs and ideas share a field and none has a boost: tantivy skips passages that cannot
//! come among the best only where a query is a plain union of terms.

use crate::kb::article::{Article, plain_text};
use crate::kb::tokenizer::Analyzer;
use tantivy::TantivyDocument;
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::{PreTokenizedString, Token};

/// Raised by hand whenever fields, term rules or the files of a generation change: generations of
/// another version are built anew.
pub(crate) const SCHEMA_VERSION: u32 = 2;
/// Name of the fast field that leads from a passage to its entry.
pub(crate) const SLOT: &str = "slot";

/// Handles of the fields.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields {
    /// Terms of a question or variant.
    pub(crate) asked: Field,
    /// Terms of a body.
    pub(crate) answered: Field,
    /// Whole category path and each of its ancestors.
    pub(crate) category: Field,
    /// The entry it belongs to.
    pub(crate) slot: Field,
}

/// The schema and its fields; built the same way each time, so handles of one fit all.
pub(crate) fn schema() -> (Schema, Fields) {
    let indexing = TextFieldIndexing::default().set_index_option(IndexRecordOption::WithFreqs);
    let terms = TextOptions::default().set_indexing_options(indexing);
    let exact = TextFieldIndexing::default()
        .set_tokenizer("raw")
        .set_fieldnorms(false)
        .set_index_option(IndexRecordOption::Basic);
    let mut builder = Schema::builder();
    let fields = Fields {
        asked: builder.add_text_field("asked", terms.clone()),
        answered: builder.add_text_field("answered", terms),
        category: builder
            .add_text_field("category", TextOptions::default().set_indexing_options(exact)),
        slot: builder.add_u64_field(SLOT, FAST | INDEXED),
    };
    (builder.build(), fields)
}

/// The passages of one version.
pub(crate) fn passages(
    article: &Article,
    slot: u32,
    fields: &Fields,
    analyzer: &Analyzer,
) -> Vec<TantivyDocument> {
    let passage = |field, text: &str| {
        let mut passage = TantivyDocument::default();
        passage.add_u64(fields.slot, slot.into());
        passage.add_pre_tokenized_text(field, terms(text, analyzer));
        for (end, _) in article.category.as_str().match_indices('/') {
            passage.add_text(fields.category, &article.category.as_str()[..end]);
        }
        passage.add_text(fields.category, article.category.as_str());
        passage
    };
    let mut passages: Vec<_> = article.questions().map(|q| passage(fields.asked, q)).collect();
    passages.push(passage(fields.answered, &plain_text(&article.body)));
    passages
}

/// The terms of a text as tantivy takes them; positions are not indexed.
fn terms(text: &str, analyzer: &Analyzer) -> PreTokenizedString {
    let normalized = analyzer.normalize(text);
    let token = |text: String| Token { text, position: 0, ..Token::default() };
    let tokens = analyzer.terms(normalized.text()).into_iter().map(token).collect();
    PreTokenizedString { text: String::new(), tokens }
}
