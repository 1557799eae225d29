//! Figures over `eval-data/retrieval.jsonl`, where the set is present.

use super::{KnowledgeBase, Query};
use crate::kb::testing::{open, package};
use jiff::civil::Date;
use serde::Deserialize;
use std::collections::HashMap;
use std::fmt;

/// The day the set was written for.
const AS_OF: Date = Date::constant(2026, 11, 21);

/// One row of the set.
#[derive(Debug, Deserialize)]
struct Row {
    id: String,
    query: String,
    /// Grade 1 to 3 of each article that answers; empty where none does.
    relevant: HashMap<String, u32>,
    intent: Option<String>,
    #[serde(default)]
    style: String,
}

impl Row {
    /// Even-numbered rows were used for fitting the weights.
    fn is_for_fitting(&self) -> bool {
        self.id.ends_with(['0', '2', '4', '6', '8'])
    }
}

/// Means over the answerable rows of some selection.
#[derive(Debug, Default)]
struct Figures {
    n: usize,
    recall_at_1: f64,
    recall_at_3: f64,
    mrr: f64,
    ndcg_at_5: f64,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { n, recall_at_1, recall_at_3, mrr, ndcg_at_5 } = self;
        write!(f, "n {n:4} recall@1 {recall_at_1:.3} recall@3 {recall_at_3:.3} ")?;
        write!(f, "mrr {mrr:.3} ndcg@5 {ndcg_at_5:.3}")
    }
}

fn rows() -> Option<Vec<Row>> {
    let text = std::fs::read_to_string(package("eval-data/retrieval.jsonl")).ok()?;
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

#[test]
fn explore() {
    let Some(rows) = rows() else { return };
    let (kb, _temp) = open(package("kb-index/articles"));
    for with in [false, true] {
        for (name, keep) in [("fit", 0), ("held", 1), ("all", 2)] {
            let chosen = rows.iter().filter(|r| keep == 2 || r.is_for_fitting() == (keep == 0));
            println!("intent {with} {name}: {}", figures(&kb, chosen, with));
        }
        for style in ["plain", "voice", "traditional", "typo", "emoji", "english", "pinyin"] {
            let chosen = rows.iter().filter(|r| r.style == style);
            println!("intent {with} {style}: {}", figures(&kb, chosen, with));
        }
    }
    let mut dump = String::new();
    for row in &rows {
        let query = Query {
            limit: 50,
            intent: row.intent.as_deref(),
            explain: true,
            ..Query::new(&row.query, AS_OF)
        };
        let found = kb.search(&query).unwrap();
        let rank = found.hits.iter().position(|h| row.relevant.contains_key(&h.article_id));
        dump += &format!(
            "{} {:?} {} {:?} rank {:?}\n",
            row.id,
            row.intent,
            row.query,
            row.relevant,
            rank.map(|r| r + 1)
        );
        for h in found.hits.iter().take(4) {
            dump += &format!("    {:.3} {} {} {:?}\n", h.score, h.article_id, h.title, h.matched);
        }
    }
    std::fs::write("/tmp/kb-dump.txt", dump).unwrap();
}

fn figures<'a>(
    kb: &KnowledgeBase,
    rows: impl Iterator<Item = &'a Row>,
    with_intent: bool,
) -> Figures {
    let mut sum = Figures::default();
    for row in rows.filter(|row| !row.relevant.is_empty()) {
        let intent = row.intent.as_deref().filter(|_| with_intent);
        let query = Query { limit: 10, intent, ..Query::new(&row.query, AS_OF) };
        let hits = kb.search(&query).unwrap().hits;
        let grades: Vec<u32> = hits
            .iter()
            .map(|hit| row.relevant.get(&hit.article_id).copied().unwrap_or(0))
            .collect();
        let rank = grades.iter().position(|&grade| grade > 0);
        sum.n += 1;
        sum.recall_at_1 += f64::from(rank.is_some_and(|rank| rank < 1));
        sum.recall_at_3 += f64::from(rank.is_some_and(|rank| rank < 3));
        sum.mrr += rank.map_or(0.0, |rank| 1.0 / (rank as f64 + 1.0));
        sum.ndcg_at_5 += ndcg(&grades, row.relevant.values().copied().collect());
    }
    let n = (sum.n as f64).max(1.0);
    Figures {
        n: sum.n,
        recall_at_1: sum.recall_at_1 / n,
        recall_at_3: sum.recall_at_3 / n,
        mrr: sum.mrr / n,
        ndcg_at_5: sum.ndcg_at_5 / n,
    }
}

/// nDCG at 5 with gain `2^grade - 1`.
fn ndcg(grades: &[u32], mut ideal: Vec<u32>) -> f64 {
    ideal.sort_unstable_by(|a, b| b.cmp(a));
    let dcg = |grades: &[u32]| -> f64 {
        let top = grades.iter().take(5).enumerate();
        top.map(|(idx, &grade)| (2f64.powi(grade as i32) - 1.0) / (idx as f64 + 2.0).log2()).sum()
    };
    dcg(grades) / dcg(&ideal)
}
