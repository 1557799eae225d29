//! The figures of a report that a baseline keeps.

use crate::eval::{
    conversations::ConversationReport, intent::IntentReport, retrieval::RetrievalReport,
    spans::SpanReport,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Today's figures of one suite. Latencies are not among them: they tell the machine, not the
/// change.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// File measured.
    pub data: String,
    /// By metric name, as in the report's JSON.
    pub metrics: BTreeMap<String, f64>,
    /// F1 by label; empty where there are no labels.
    pub per_label_f1: BTreeMap<String, f64>,
}

impl From<&IntentReport> for Measured {
    fn from(report: &IntentReport) -> Self {
        let mut metrics = named([
            ("accuracy", report.accuracy),
            ("macro_f1", report.macro_f1),
            ("weighted_f1", report.weighted_f1),
            ("top3_accuracy", report.top3_accuracy),
            ("ece", report.ece),
            ("brier", report.brier),
        ]);
        let kappa = report.ordinal.and_then(|ordinal| ordinal.quadratic_weighted_kappa);
        metrics.extend(kappa.map(|kappa| ("quadratic_weighted_kappa".into(), kappa)));
        if let Some(oos) = &report.out_of_scope {
            metrics.insert("out_of_scope_recall".into(), oos.recall);
            metrics.extend(oos.detection.auroc.map(|auroc| ("out_of_scope_auroc".into(), auroc)));
        }
        // A label that is only predicted has no rows to lose.
        let with_support = report.per_label.iter().filter(|(_, scores)| scores.support > 0);
        Self {
            data: report.data.name.clone(),
            metrics,
            per_label_f1: with_support.map(|(label, scores)| (label.clone(), scores.f1)).collect(),
        }
    }
}

impl From<&RetrievalReport> for Measured {
    fn from(report: &RetrievalReport) -> Self {
        let mut metrics = named([
            ("recall_at_1", report.recall_at_1),
            ("recall_at_3", report.recall_at_3),
            ("recall_at_5", report.recall_at_5),
            ("mrr", report.mrr),
            ("ndcg_at_5", report.ndcg_at_5),
            ("ndcg_at_10", report.ndcg_at_10),
            ("map", report.map),
        ]);
        metrics.extend(report.answerable.auroc.map(|auroc| ("answerable_auroc".into(), auroc)));
        Self { data: report.data.name.clone(), metrics, per_label_f1: BTreeMap::new() }
    }
}

impl From<&ConversationReport> for Measured {
    fn from(report: &ConversationReport) -> Self {
        Self {
            data: report.data.name.clone(),
            metrics: named([("passed", report.passed)]),
            per_label_f1: BTreeMap::new(),
        }
    }
}

impl From<&SpanReport> for Measured {
    fn from(report: &SpanReport) -> Self {
        let mut metrics = named([
            ("precision", report.all.precision),
            ("recall", report.all.recall),
            ("f1", report.all.f1),
        ]);
        metrics.extend(report.all.value_accuracy.map(|share| ("value_accuracy".into(), share)));
        if let Some(masking) = &report.masking {
            metrics.insert("leaked".into(), masking.leaked);
            metrics.insert("overmasked".into(), masking.overmasked);
        }
        let with_support = report.per_type.iter().filter(|(_, scores)| scores.support > 0);
        Self {
            data: report.data.name.clone(),
            metrics,
            per_label_f1: with_support.map(|(label, scores)| (label.clone(), scores.f1)).collect(),
        }
    }
}

fn named<const N: usize>(metrics: [(&str, f64); N]) -> BTreeMap<String, f64> {
    metrics.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
