//! First step: which articles are worth scoring, asked of tantivy.
//!
//! The query is a disjunction of terms with a boost for each field. It is put together here and not
//! by tantivy's query parser, which reads an unspaced sentence as one exact phrase.

use super::score::QueryTerms;
use crate::kb::article::Article;
use crate::kb::index::{ARTICLE, Generation};
use jiff::civil::Date;
use std::sync::Arc;
use tantivy::Term;
use tantivy::collector::{FilterCollector, TopDocs};
use tantivy::query::{BooleanQuery, BoostQuery, Occur, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};

/// Passages taken from tantivy; several of one article count for it once.
const N_PASSAGES: usize = 120;

/// Boosts of the fields in BM25. They only decide what is looked at, so that they are no more than
/// plausible: questions before answers, pairs as second chance.
const QUESTION_BOOST: f32 = 1.2;
const VARIANT_BOOST: f32 = 1.0;
const BODY_BOOST: f32 = 0.5;
const PAIR_BOOST: f32 = 0.3;
const CONCEPT_BOOST: f32 = 1.0;

/// Which versions a search may see: one bit each.
///
/// Kept out of tantivy's query because "the highest version valid on that day" relates documents
/// to each other, which a filter on date fields cannot express.
pub(super) struct Served(Arc<[bool]>);

impl Served {
    /// `articles` are ordered by id and version.
    pub(super) fn new(articles: &[Article], as_of: Date, category: Option<&str>) -> Self {
        let mut served: Vec<bool> =
            articles.iter().map(|article| article.is_served_at(as_of)).collect();
        for idx in 0..articles.len() {
            let higher = articles[idx + 1..].iter().zip(idx + 1..);
            let mut higher = higher.take_while(|(article, _)| article.id == articles[idx].id);
            if higher.any(|(_, above)| served[above]) {
                served[idx] = false;
            }
        }
        if let Some(category) = category {
            for (article, served) in articles.iter().zip(&mut served) {
                *served &= article.category.is_within(category);
            }
        }
        Self(served.into())
    }
}

/// Places of the articles worth scoring, sorted, each once: those whose passages match best, and
/// all that name the intent, since a turn in pinyin may share no word with any article.
pub(super) fn retrieve(
    generation: &Generation,
    terms: &QueryTerms<'_>,
    intent: Option<&str>,
    served: Served,
) -> tantivy::Result<Vec<usize>> {
    let fields = generation.fields;
    let mut clauses = Vec::new();
    for word in terms.known_words() {
        clauses.push(clause(fields.question, word, QUESTION_BOOST));
        clauses.push(clause(fields.variant, word, VARIANT_BOOST));
        clauses.push(clause(fields.body, word, BODY_BOOST));
    }
    clauses.extend(terms.known_pairs().map(|pair| clause(fields.pairs, pair, PAIR_BOOST)));
    let concepts = terms.known_concepts();
    clauses.extend(concepts.map(|concept| clause(fields.concepts, concept, CONCEPT_BOOST)));
    let by_intent = intent.map_or(&[][..], |intent| generation.lexicon.with_intent(intent));
    let mut articles: Vec<usize> =
        by_intent.iter().copied().filter(|&article_idx| served.0[article_idx]).collect();
    let is_served = move |article_idx: u64| served.0.get(article_idx as usize) == Some(&true);
    let collector = FilterCollector::new(
        ARTICLE.to_owned(),
        is_served,
        TopDocs::with_limit(N_PASSAGES).order_by_score(),
    );
    let passages = generation.searcher.search(&BooleanQuery::new(clauses), &collector)?;
    let of_passages = passages.into_iter().filter_map(|(_, address)| {
        generation.article_of[address.segment_ord as usize].first(address.doc_id)
    });
    articles.extend(of_passages.map(|article_idx| article_idx as usize));
    articles.sort_unstable();
    articles.dedup();
    Ok(articles)
}

fn clause(field: Field, text: &str, boost: f32) -> (Occur, Box<dyn Query>) {
    let query = TermQuery::new(Term::from_field_text(field, text), IndexRecordOption::WithFreqs);
    (Occur::Should, Box::new(BoostQuery::new(Box::new(query), boost)))
}
