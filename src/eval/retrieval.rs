//! Evaluating the search: are the articles that answer a query found, and first?
//!
//! Queries that no article answers are not part of recall, MRR and the like; they say how well
//! the score of the first hit tells "we have an answer" from "we have none".

use super::{
    DataInfo, EvalError, Interval, LatencyUs, Options,
    dataset::{RetrievalRow, RetrievalSet},
    error::BoxError,
    metrics::{self, Detection, Ranked},
    progress,
};
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// Everything measured; means are over the answerable queries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RetrievalReport {
    /// What was measured, as the caller names it (an index generation, say).
    pub model: Option<String>,
    /// On which queries.
    pub data: DataInfo,
    /// Seed of the intervals.
    pub seed: u64,
    /// Queries.
    pub n: usize,
    /// Queries that an article answers.
    pub n_answerable: usize,
    /// Share of the relevant articles that is the first hit.
    pub recall_at_1: f64,
    /// Share of the relevant articles among the first 3.
    pub recall_at_3: f64,
    /// Share of the relevant articles among the first 5.
    pub recall_at_5: f64,
    /// BCa bootstrap.
    pub recall_at_5_ci95: Interval,
    /// Share of queries whose first hit is relevant.
    pub hit_at_1: f64,
    /// Share of queries with a relevant article among the first 3.
    pub hit_at_3: f64,
    /// Share of queries with a relevant article among the first 5.
    pub hit_at_5: f64,
    /// Mean of one by the place of the first relevant hit.
    pub mrr: f64,
    /// BCa bootstrap.
    pub mrr_ci95: Interval,
    /// Normalised discounted gain of the first 5, gain 2^grade − 1.
    pub ndcg_at_5: f64,
    /// Of the first 10.
    pub ndcg_at_10: f64,
    /// Mean average precision over all hits returned.
    pub map: f64,
    /// The first hit's score as a detector of answerable queries; no hit scores below all hits.
    /// `best` and `sweep` are the thresholds to answer from.
    pub answerable: Detection,
    /// Time of a search.
    pub latency_us: LatencyUs,
    /// One entry a query.
    pub rows: Vec<QueryResult>,
}

/// One query, without its text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueryResult {
    /// Its id.
    pub id: String,
    /// Whether an article answers it.
    pub answerable: bool,
    /// Place of the first relevant hit, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_relevant: Option<usize>,
    /// First hit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_id: Option<String>,
    /// Its score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_score: Option<f64>,
}

/// Searches for every query; `search` gives article ids with scores, best first. Let it return at
/// least 10 hits, or nDCG@10 is that of fewer.
///
/// # Errors
/// `search` fails or gives a score that is no number; the evaluation stops at the first.
pub fn evaluate<E: Into<BoxError>>(
    set: &RetrievalSet,
    mut search: impl FnMut(&str) -> Result<Vec<(String, f64)>, E>,
    options: &Options,
) -> Result<RetrievalReport, EvalError> {
    let bar = progress::bar(set.rows.len(), options.progress);
    let mut searched = Vec::with_capacity(set.rows.len());
    for (index, row) in set.rows.iter().enumerate() {
        let start = Instant::now();
        let hits = search(&row.query).map_err(|source| EvalError::measured(index, source))?;
        let latency = start.elapsed();
        if let Some((_, score)) = hits.iter().find(|(_, score)| !score.is_finite()) {
            return Err(EvalError::Score { index, score: *score });
        }
        searched.push(Searched::new(row, &hits, latency));
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(build(set, searched, options))
}

/// One query with what was found.
struct Searched {
    ranked: Ranked,
    latency: Duration,
    result: QueryResult,
}

impl Searched {
    fn new(row: &RetrievalRow, hits: &[(String, f64)], latency: Duration) -> Self {
        let ranked = Ranked::new(hits.iter().map(|(id, _)| id.as_str()), &row.relevant);
        let result = QueryResult {
            id: row.id.clone(),
            answerable: row.is_answerable(),
            first_relevant: ranked.first_relevant(),
            top_id: hits.first().map(|(id, _)| id.clone()),
            top_score: hits.first().map(|(_, score)| *score),
        };
        Self { ranked, latency, result }
    }
}

fn build(set: &RetrievalSet, searched: Vec<Searched>, options: &Options) -> RetrievalReport {
    let answerable: Vec<&Ranked> =
        searched.iter().filter(|s| s.result.answerable).map(|s| &s.ranked).collect();
    let mean =
        |figure: &dyn Fn(&Ranked) -> f64| metrics::mean(answerable.iter().map(|r| figure(r)));
    let bootstrap = &options.bootstrap;
    let values =
        |figure: fn(&Ranked) -> f64| answerable.iter().map(|r| figure(r)).collect::<Vec<_>>();
    let (recalls, ranks) = (values(|r| metrics::recall_at(r, 5)), values(metrics::reciprocal_rank));
    RetrievalReport {
        model: options.model.clone(),
        data: set.info.clone(),
        seed: bootstrap.seed,
        n: searched.len(),
        n_answerable: answerable.len(),
        recall_at_1: mean(&|r| metrics::recall_at(r, 1)),
        recall_at_3: mean(&|r| metrics::recall_at(r, 3)),
        recall_at_5: mean(&|r| metrics::recall_at(r, 5)),
        recall_at_5_ci95: interval(&recalls, options),
        hit_at_1: mean(&|r| metrics::hit_at(r, 1)),
        hit_at_3: mean(&|r| metrics::hit_at(r, 3)),
        hit_at_5: mean(&|r| metrics::hit_at(r, 5)),
        mrr: mean(&metrics::reciprocal_rank),
        mrr_ci95: interval(&ranks, options),
        ndcg_at_5: mean(&|r| metrics::ndcg_at(r, 5)),
        ndcg_at_10: mean(&|r| metrics::ndcg_at(r, 10)),
        map: mean(&metrics::average_precision),
        answerable: metrics::detection(&top_scores(&searched)),
        latency_us: metrics::latency_us(searched.iter().map(|s| s.latency).collect()),
        rows: searched.into_iter().map(|s| s.result).collect(),
    }
}

/// BCa interval of a mean; [0, 0] of nothing.
fn interval(values: &[f64], options: &Options) -> Interval {
    if values.is_empty() {
        return [0.0, 0.0];
    }
    options.bootstrap.bca(values.len(), |rows| metrics::mean(rows.iter().map(|row| values[*row])))
}

/// (score of the first hit, answerable) of every query. One without hits takes a score below all
/// others, since thresholds must stay numbers that JSON can hold.
fn top_scores(searched: &[Searched]) -> Vec<(f64, bool)> {
    let lowest = searched.iter().filter_map(|s| s.result.top_score).fold(0.0, f64::min);
    let score = |result: &QueryResult| result.top_score.unwrap_or(lowest - 1.0);
    searched.iter().map(|s| (score(&s.result), s.result.answerable)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::bootstrap::Bootstrap;

    fn options() -> Options {
        Options {
            bootstrap: Bootstrap { resamples: 100, threads: 1, ..Bootstrap::default() },
            progress: false,
            ..Options::default()
        }
    }

    fn set() -> RetrievalSet {
        let lines = r#"{"id":"q1","query":"退货运费","relevant":{"A":2}}
{"id":"q2","query":"发票抬头","relevant":{"B":1,"C":1}}
{"id":"q3","query":"天气","relevant":{}}"#;
        RetrievalSet::parse("kb", lines).unwrap()
    }

    fn search(query: &str) -> Result<Vec<(String, f64)>, String> {
        let hits: &[(&str, f64)] = match query {
            "退货运费" => &[("A", 0.9), ("B", 0.2)],
            "发票抬头" => &[("X", 0.8), ("B", 0.7), ("B", 0.6)],
            _ => &[],
        };
        Ok(hits.iter().map(|(id, score)| (id.to_string(), *score)).collect())
    }

    #[test]
    fn figures_by_hand() {
        let report = evaluate(&set(), search, &options()).unwrap();
        assert_eq!((report.n, report.n_answerable), (3, 2));
        assert_eq!((report.recall_at_1, report.recall_at_5, report.hit_at_3), (0.5, 0.75, 1.0));
        assert_eq!((report.mrr, report.map), (0.75, 0.625));
        assert_eq!(report.answerable.auroc, Some(1.0));
        assert_eq!(report.answerable.best.unwrap().threshold, 0.8);
        assert_eq!(report.rows[1].first_relevant, Some(2));
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(serde_json::from_value::<RetrievalReport>(json).unwrap(), report);
    }

    #[test]
    fn failures_name_the_row() {
        let error = evaluate(&set(), |_| Err::<Vec<_>, _>("closed"), &options()).unwrap_err();
        assert_eq!(error.to_string(), "row 0: closed");
        let nan = |_: &str| Ok::<_, String>(vec![("A".to_owned(), f64::NAN)]);
        assert!(evaluate(&set(), nan, &options()).is_err());
    }
}
