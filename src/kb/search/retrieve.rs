//! First step: which entries are worth scoring. Asked of tantivy by words, of the vectors by meaning,
//! and of the list of intents.
//!
//! The query is a disjunction of terms. It is put together here and not by tantivy's query parser,
//! which reads an unspaced sentence as one exact phrase.

use super::terms::QueryTerms;
use super::{Query, Served};
use crate::kb::embed::Vector;
use crate::kb::index::{Generation, Slot};
use tantivy::Term;
use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, Occur, Query as TantivyQuery, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};

/// Passages taken from tantivy; several of one article count for it once.
const N_PASSAGES: usize = 300;
/// Passages taken where many of the first ones may not be served.
const N_PASSAGES_AGAIN: usize = 2_000;
/// Fewer articles than this make the search look further.
const ENOUGH: usize = 20;
/// Entries taken by meaning alone.
const N_NEAREST: usize = 40;
/// Up to so many vectors a query is compared with all of them, 15 ns each: 0.3 ms. Beyond that
/// only with those of the entries that words and intents brought.
const MAX_SCANNED: usize = 20_000;
/// An intent less likely than this brings no article.
const MIN_INTENT: f32 = 0.05;
/// Entries taken for their intent.
const N_BY_INTENT: usize = 200;

/// Places of the entries worth scoring, sorted, each once, none of them hidden.
pub(super) fn retrieve(
    generation: &Generation,
    terms: &QueryTerms<'_>,
    vector: Option<&Vector>,
    query: &Query<'_>,
    served: &Served<'_>,
) -> tantivy::Result<Vec<Slot>> {
    // A handful of articles is scored whole.
    if let Some(ids) = query.among {
        let mut slots: Vec<Slot> =
            ids.iter().flat_map(|id| generation.slots(id)).copied().collect();
        slots.retain(|slot| served.contains(*slot));
        slots.sort_unstable();
        slots.dedup();
        return Ok(slots);
    }
    let mut slots = by_words(generation, terms, query.category, N_PASSAGES)?;
    slots.retain(|slot| served.contains(*slot));
    if slots.len() < ENOUGH {
        slots = by_words(generation, terms, query.category, N_PASSAGES_AGAIN)?;
        slots.retain(|slot| served.contains(*slot));
        slots.truncate(N_PASSAGES);
    }
    for (intent, _) in query.intents.iter().filter(|(_, score)| *score >= MIN_INTENT) {
        let named = generation.with_intent(intent).iter().copied();
        slots.extend(named.filter(|slot| served.contains(*slot)).take(N_BY_INTENT));
    }
    if let Some(vector) = vector
        && generation.n_vectors <= MAX_SCANNED
    {
        let mut nearest: Vec<(f32, Slot)> = generation
            .entries()
            .filter(|entry| served.contains(entry.slot))
            .map(|entry| (nearest(&entry.vectors, vector), entry.slot))
            .collect();
        let n = N_NEAREST.min(nearest.len());
        if n > 0 {
            nearest.select_nth_unstable_by(n - 1, |a, b| b.0.total_cmp(&a.0));
        }
        slots.extend(nearest[..n].iter().map(|(_, slot)| *slot));
    }
    slots.sort_unstable();
    slots.dedup();
    Ok(slots)
}

/// Cosine with the nearest of some vectors; -1 where there is none.
pub(super) fn nearest(vectors: &[Vector], vector: &Vector) -> f32 {
    vectors.iter().map(|other| other.cosine(vector)).fold(-1.0, f32::max)
}

/// Entries of the passages that match best, the best first.
fn by_words(
    generation: &Generation,
    terms: &QueryTerms<'_>,
    category: Option<&str>,
    n_passages: usize,
) -> tantivy::Result<Vec<Slot>> {
    let fields = generation.fields;
    let of_field = |field| terms.retrieval().iter().map(move |term| term_query(field, term));
    let clauses: Vec<_> = of_field(fields.asked)
        .chain(of_field(fields.answered))
        .map(|query| (Occur::Should, query))
        .collect();
    let mut query = BooleanQuery::new(clauses);
    if let Some(category) = category {
        let within = term_query(fields.category, category.trim_end_matches('/'));
        query = BooleanQuery::new(vec![(Occur::Must, within), (Occur::Must, Box::new(query))]);
    }
    let collector = TopDocs::with_limit(n_passages).order_by_score();
    let passages = generation.searcher.search(&query, &collector)?;
    let slot = |(_, address): (f32, tantivy::DocAddress)| {
        let slot = generation.slot_of[address.segment_ord as usize].first(address.doc_id)?;
        Slot::try_from(slot).ok()
    };
    let mut slots: Vec<Slot> = Vec::with_capacity(passages.len());
    for slot in passages.into_iter().filter_map(slot) {
        if !slots.contains(&slot) {
            slots.push(slot);
        }
    }
    Ok(slots)
}

fn term_query(field: Field, text: &str) -> Box<dyn TantivyQuery> {
    Box::new(TermQuery::new(Term::from_field_text(field, text), IndexRecordOption::WithFreqs))
}
