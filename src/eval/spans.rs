//! Evaluating what is found in a text: entities, personal data, keywords.
//!
//! A span counts as found where type and both ends are right. For masking, what matters more is
//! counted beside: rows in which a character of personal data stays, and rows in which something
//! else is hidden.

use super::{
    DataInfo, Interval, LatencyUs, Options,
    bootstrap::wilson,
    dataset::{Span, SpanRow, SpanSet},
    metrics, progress,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Instant};

/// Everything measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpanReport {
    /// On which rows.
    pub data: DataInfo,
    /// Seed of the bootstrap interval.
    pub seed: u64,
    /// Rows.
    pub n: usize,
    /// All types together; micro average.
    #[serde(flatten)]
    pub all: SpanScores,
    /// BCa bootstrap over rows: F1 is no share, so it has no Wilson interval.
    pub f1_ci95: Interval,
    /// By type.
    pub per_type: BTreeMap<String, SpanScores>,
    /// What becomes of a text whose spans are masked; `None` where masking is not the matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masking: Option<MaskingScores>,
    /// Time of a call.
    pub latency_us: LatencyUs,
    /// The rows that are not wholly right.
    pub rows: Vec<SpanResult>,
}

/// Figures of one type.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SpanScores {
    /// Spans labelled.
    pub support: usize,
    /// Spans found, right or wrong.
    pub n_found: usize,
    /// Spans found right.
    pub n_right: usize,
    /// Share of the found that is right; 0 of nothing.
    pub precision: f64,
    /// Wilson.
    pub precision_ci95: Interval,
    /// Share of the labelled that is found; 0 of nothing.
    pub recall: f64,
    /// Wilson.
    pub recall_ci95: Interval,
    /// Harmonic mean of both.
    pub f1: f64,
    /// Share of right spans with a labelled value whose value is right too; `None` of nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_accuracy: Option<f64>,
}

/// What masking leaves and takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MaskingScores {
    /// Rows with something personal.
    pub n_personal: usize,
    /// Of these, rows in which a character of it stays readable.
    pub n_leaked: usize,
    /// Their share.
    pub leaked: f64,
    /// Wilson.
    pub leaked_ci95: Interval,
    /// Rows with nothing personal.
    pub n_other: usize,
    /// Rows, personal or not, in which a character is hidden that is not personal.
    pub n_overmasked: usize,
    /// Share of the rows with nothing personal in which something is hidden.
    pub overmasked: f64,
    /// Wilson.
    pub overmasked_ci95: Interval,
}

/// One row that is not wholly right, without its text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpanResult {
    /// Its id.
    pub id: String,
    /// Labelled and not found.
    pub missed: Vec<Place>,
    /// Found and not labelled.
    pub spurious: Vec<Place>,
    /// Found right with a wrong value.
    pub wrong_value: Vec<Place>,
    /// Masking: a character of personal data stays.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub leaked: bool,
    /// Masking: a character that is not personal is hidden.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overmasked: bool,
}

/// A typed range of characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Type.
    #[serde(rename = "type")]
    pub label: String,
    /// First character, counted from 0.
    pub start: usize,
    /// One past the last.
    pub end: usize,
}

/// Finds the spans of every row with `find`; with `masking` also counts leaks.
pub fn evaluate(
    set: &SpanSet,
    mut find: impl FnMut(&SpanRow) -> Vec<Span>,
    masking: bool,
    options: &Options,
) -> SpanReport {
    let bar = progress::bar(set.rows.len(), options.progress);
    let mut times = Vec::with_capacity(set.rows.len());
    let mut counted: Vec<Counted> = Vec::with_capacity(set.rows.len());
    for row in &set.rows {
        let started = Instant::now();
        let found = find(row);
        times.push(started.elapsed());
        counted.push(Counted::new(row, &found));
        bar.inc(1);
    }
    bar.finish_and_clear();
    let mut all = Counts::default();
    let mut per_type: BTreeMap<String, Counts> = BTreeMap::new();
    for (label, counts) in counted.iter().flat_map(|row| &row.counts) {
        all.add(*counts);
        per_type.entry(label.clone()).or_default().add(*counts);
    }
    let totals: Vec<Counts> = counted.iter().map(Counted::total).collect();
    let f1 = |rows: &[usize]| {
        let mut sum = Counts::default();
        rows.iter().for_each(|&row| sum.add(totals[row]));
        sum.f1()
    };
    SpanReport {
        data: set.info.clone(),
        seed: options.bootstrap.seed,
        n: set.rows.len(),
        all: all.scores(),
        f1_ci95: options.bootstrap.bca(totals.len(), f1),
        per_type: per_type.into_iter().map(|(label, counts)| (label, counts.scores())).collect(),
        masking: masking.then(|| masking_scores(&counted)),
        latency_us: metrics::latency_us(times),
        rows: counted
            .into_iter()
            .filter(|row| !row.is_right())
            .map(|row| match masking {
                true => row.result,
                false => SpanResult { leaked: false, overmasked: false, ..row.result },
            })
            .collect(),
    }
}

/// Spans of one type, in one row or several.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    labelled: usize,
    found: usize,
    right: usize,
    valued: usize,
    right_value: usize,
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.labelled += other.labelled;
        self.found += other.found;
        self.right += other.right;
        self.valued += other.valued;
        self.right_value += other.right_value;
    }

    fn f1(self) -> f64 {
        metrics::ratio(2 * self.right, self.labelled + self.found)
    }

    fn scores(self) -> SpanScores {
        SpanScores {
            support: self.labelled,
            n_found: self.found,
            n_right: self.right,
            precision: metrics::ratio(self.right, self.found),
            precision_ci95: wilson(self.right, self.found),
            recall: metrics::ratio(self.right, self.labelled),
            recall_ci95: wilson(self.right, self.labelled),
            f1: self.f1(),
            value_accuracy: (self.valued > 0)
                .then(|| metrics::ratio(self.right_value, self.valued)),
        }
    }
}

/// One row with its counts.
struct Counted {
    counts: BTreeMap<String, Counts>,
    is_personal: bool,
    result: SpanResult,
}

impl Counted {
    fn new(row: &SpanRow, found: &[Span]) -> Self {
        let mut counts: BTreeMap<String, Counts> = BTreeMap::new();
        let mut result = SpanResult { id: row.id.clone(), ..SpanResult::default() };
        for span in &row.spans {
            let counts = counts.entry(span.label.clone()).or_default();
            counts.labelled += 1;
            let Some(hit) = found.iter().find(|found| is_same(found, span)) else {
                result.missed.push(Place::from(span));
                continue;
            };
            counts.right += 1;
            if span.value.is_some() {
                counts.valued += 1;
                if hit.value == span.value {
                    counts.right_value += 1;
                } else {
                    result.wrong_value.push(Place::from(span));
                }
            }
        }
        for span in found {
            counts.entry(span.label.clone()).or_default().found += 1;
            if !row.spans.iter().any(|labelled| is_same(labelled, span)) {
                result.spurious.push(Place::from(span));
            }
        }
        let covered =
            |spans: &[Span], i| spans.iter().any(|span| (span.start..span.end).contains(&i));
        let n_chars = row.text.chars().count();
        result.leaked = (0..n_chars).any(|i| covered(&row.spans, i) && !covered(found, i));
        result.overmasked = (0..n_chars).any(|i| covered(found, i) && !covered(&row.spans, i));
        Self { counts, is_personal: !row.spans.is_empty(), result }
    }

    fn total(&self) -> Counts {
        let mut total = Counts::default();
        self.counts.values().for_each(|counts| total.add(*counts));
        total
    }

    fn is_right(&self) -> bool {
        let SpanResult { missed, spurious, wrong_value, .. } = &self.result;
        missed.is_empty() && spurious.is_empty() && wrong_value.is_empty()
    }
}

impl From<&Span> for Place {
    fn from(span: &Span) -> Self {
        Self { label: span.label.clone(), start: span.start, end: span.end }
    }
}

fn is_same(a: &Span, b: &Span) -> bool {
    (&a.label, a.start, a.end) == (&b.label, b.start, b.end)
}

fn masking_scores(rows: &[Counted]) -> MaskingScores {
    let n_personal = rows.iter().filter(|row| row.is_personal).count();
    let n_other = rows.len() - n_personal;
    let n_leaked = rows.iter().filter(|row| row.result.leaked).count();
    let n_hidden = rows.iter().filter(|row| !row.is_personal && row.result.overmasked).count();
    MaskingScores {
        n_personal,
        n_leaked,
        leaked: metrics::ratio(n_leaked, n_personal),
        leaked_ci95: wilson(n_leaked, n_personal),
        n_other,
        n_overmasked: rows.iter().filter(|row| row.result.overmasked).count(),
        overmasked: metrics::ratio(n_hidden, n_other),
        overmasked_ci95: wilson(n_hidden, n_other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::bootstrap::Bootstrap;

    fn span(label: &str, start: usize, end: usize, value: &str) -> Span {
        Span { label: label.to_owned(), start, end, value: Some(value.to_owned()) }
    }

    #[test]
    fn figures_by_hand() {
        let lines = r#"{"id":"a","text":"我叫张三电话138","mask":[{"type":"name","text":"张三","value":"张三"},{"type":"phone","text":"138","value":"138"}]}
{"id":"b","text":"订单138","mask":[]}
{"id":"c","text":"李四","mask":[{"type":"name","text":"李四","value":"李四"}]}"#;
        let set = SpanSet::parse("set", lines).unwrap();
        let find = |row: &SpanRow| match row.id.as_str() {
            "a" => vec![span("name", 2, 4, "章三"), span("phone", 6, 8, "13")],
            "b" => vec![span("phone", 2, 5, "138")],
            _ => vec![span("name", 0, 2, "李四")],
        };
        let options = Options {
            bootstrap: Bootstrap { resamples: 50, threads: 1, ..Bootstrap::default() },
            progress: false,
            ..Options::default()
        };
        let report = evaluate(&set, find, true, &options);
        let SpanScores { support, n_found, n_right, precision, recall, f1, .. } = report.all;
        assert_eq!((support, n_found, n_right), (3, 4, 2));
        assert_eq!((precision, f1), (0.5, 4.0 / 7.0));
        assert!((recall - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!(report.per_type["name"].f1, 1.0);
        assert_eq!(report.per_type["name"].value_accuracy, Some(0.5));
        let masking = report.masking.as_ref().unwrap();
        assert_eq!((masking.n_leaked, masking.n_overmasked, masking.overmasked), (1, 1, 1.0));
        let ids: Vec<_> = report.rows.iter().map(|row| row.id.as_str()).collect();
        assert_eq!(ids, ["a", "b"]);
        assert!(report.rows[0].leaked && report.rows[1].overmasked);
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(serde_json::from_value::<SpanReport>(json).unwrap(), report);
    }
}
