//! Tables for the terminal; Chinese characters take two columns there.

use super::{FEW_ROWS, figure, named, percent, range};
use crate::eval::{
    DataInfo,
    baseline::Drop,
    compare::Comparison,
    conversations::ConversationReport,
    intent::IntentReport,
    metrics::{Detection, LabelScores},
    retrieval::RetrievalReport,
    spans::{SpanReport, SpanScores},
};
use comfy_table::{CellAlignment, Table, TableComponent, presets::NOTHING};

/// Confusions shown; the JSON has more.
const MAX_CONFUSED: usize = 10;
/// Label differences shown of a comparison.
const MAX_DIFFERENCES: usize = 10;

/// Everything about a classifier but the single rows.
#[must_use]
pub fn intent(report: &IntentReport) -> String {
    let unknown = (!report.unknown_labels.is_empty()).then(|| unknown_labels(report));
    let parts = [
        Some(heading(report.model.as_deref(), &report.data)),
        Some(summary(report)),
        unknown,
        Some(per_label(report)),
        Some(confusions(report)),
        Some(reliability(report)),
        report.out_of_scope.as_ref().map(|oos| sweep("out_of_scope", &oos.detection)),
        (!report.outcomes.is_empty()).then(|| outcomes(report)),
        (!report.slices.is_empty()).then(|| slices(report)),
    ];
    joined(parts.into_iter().flatten())
}

/// Everything about a search but the single queries.
#[must_use]
pub fn retrieval(report: &RetrievalReport) -> String {
    let rows = [
        [
            "queries".into(),
            format!("{} ({} answerable)", report.n, report.n_answerable),
            String::new(),
        ],
        ["recall@1".into(), figure(report.recall_at_1), String::new()],
        ["recall@3".into(), figure(report.recall_at_3), String::new()],
        ["recall@5".into(), figure(report.recall_at_5), range(report.recall_at_5_ci95)],
        ["hit@1".into(), figure(report.hit_at_1), String::new()],
        ["mrr".into(), figure(report.mrr), range(report.mrr_ci95)],
        ["ndcg@5".into(), figure(report.ndcg_at_5), String::new()],
        ["ndcg@10".into(), figure(report.ndcg_at_10), String::new()],
        ["map".into(), figure(report.map), String::new()],
        [
            "latency p50 / p99".into(),
            format!("{} / {} µs", report.latency_us.p50, report.latency_us.p99),
            String::new(),
        ],
    ];
    let answerable = report.answerable.auroc.map(|_| sweep("answerable", &report.answerable));
    let summary = table(["", "value", "95 % interval"], rows);
    joined([heading(report.model.as_deref(), &report.data), summary].into_iter().chain(answerable))
}

/// Everything about a finder but the single rows.
#[must_use]
pub fn spans(report: &SpanReport) -> String {
    let types = report.per_type.iter().map(|(label, scores)| (label.as_str(), scores));
    let rows = types.chain([("all", &report.all)]).map(|(label, scores)| {
        let SpanScores { support, precision, recall, f1, value_accuracy, .. } = scores;
        [
            label.to_owned(),
            support.to_string(),
            figure(*precision),
            range(scores.precision_ci95),
            figure(*recall),
            range(scores.recall_ci95),
            figure(*f1),
            value_accuracy.map_or_else(String::new, figure),
        ]
    });
    let header =
        ["type", "spans", "precision", "95 % interval", "recall", "95 % interval", "F1", "value"];
    let masking = report.masking.as_ref().map(|masking| {
        format!(
            "leaked: {} of {} rows ({}, 95 % interval {})\noverhidden: {} rows; of the {} without anything personal {} ({})",
            masking.n_leaked,
            masking.n_personal,
            percent(masking.leaked),
            range(masking.leaked_ci95),
            masking.n_overmasked,
            masking.n_other,
            percent(masking.overmasked),
            range(masking.overmasked_ci95),
        )
    });
    let summary = format!(
        "{} ({} rows), F1 {} ({}), p50 / p99 {} / {} µs",
        report.data.name,
        report.n,
        figure(report.all.f1),
        range(report.f1_ci95),
        report.latency_us.p50,
        report.latency_us.p99
    );
    joined([summary, table(header, rows)].into_iter().chain(masking))
}

/// The scripts that failed, and how many passed.
#[must_use]
pub fn conversations(report: &ConversationReport) -> String {
    let failed = report.scripts.iter().flat_map(|script| {
        script.mismatches.iter().map(|m| {
            let step = format!("{} / {}", m.step, script.n_steps);
            [named_script(script), step, m.field.clone(), m.expected.clone(), m.got.clone()]
        })
    });
    let failed = (report.n_passed < report.n)
        .then(|| aligned(5, ["script", "step", "field", "expected", "got"], failed));
    let total = format!(
        "{}: {} of {} scripts passed ({}, 95 % interval {}), {} of {} steps",
        report.data.name,
        report.n_passed,
        report.n,
        percent(report.passed),
        range(report.passed_ci95),
        report.n_steps_passed,
        report.n_steps
    );
    joined(failed.into_iter().chain([total]))
}

/// Two models on the same rows.
#[must_use]
pub fn comparison(comparison: &Comparison) -> String {
    let name = |model: &Option<String>, other: &str| model.clone().unwrap_or_else(|| other.into());
    let test = &comparison.mcnemar;
    let rows = [
        ["A".into(), name(&comparison.model_a, "first"), figure(comparison.accuracy_a)],
        ["B".into(), name(&comparison.model_b, "second"), figure(comparison.accuracy_b)],
        [
            "accuracy B − A".into(),
            range(comparison.accuracy_difference_ci95),
            signed(comparison.accuracy_difference),
        ],
        [
            "macro F1 B − A".into(),
            range(comparison.macro_f1_difference_ci95),
            signed(comparison.macro_f1_difference),
        ],
        [
            "McNemar, exact".into(),
            format!("only A right {}, only B right {}", test.only_a, test.only_b),
            format!("p = {}", p_value(test.p)),
        ],
    ];
    let labels = &comparison.per_label;
    let shown = labels.iter().filter(|l| l.difference < 0.0).take(MAX_DIFFERENCES);
    let worse =
        shown.map(|l| [l.label.clone(), figure(l.f1_a), figure(l.f1_b), signed(l.difference)]);
    joined([
        format!("{} rows, paired", comparison.n),
        table(["", "95 % interval", "accuracy"], rows),
        table(["labels that lose most", "F1 A", "F1 B", "B − A"], worse),
    ])
}

/// The figures that fell too far; a line saying so where none did.
#[must_use]
pub fn drops(drops: &[Drop]) -> String {
    if drops.is_empty() {
        return "no figure fell beyond its tolerance\n".into();
    }
    let rows = drops.iter().map(|drop| {
        [
            format!("{} {}", drop.suite, drop.metric),
            figure(drop.baseline),
            drop.measured.map_or_else(|| "not measured".into(), figure),
            drop.measured.map_or_else(String::new, |m| signed(m - drop.baseline)),
            figure(drop.tolerance),
        ]
    });
    table(["figure", "baseline", "now", "change", "tolerance"], rows)
}

pub(super) fn heading(model: Option<&str>, data: &DataInfo) -> String {
    let only = if data.only.is_empty() {
        String::new()
    } else {
        format!(", only {}", data.only.join(" and "))
    };
    format!("{} on {} ({} rows{only})", model.unwrap_or("model"), data.name, data.n)
}

fn summary(report: &IntentReport) -> String {
    let plain = |name: &str, value: f64| [name.to_owned(), figure(value), String::new()];
    let mut rows = vec![
        ["accuracy".into(), figure(report.accuracy), range(report.accuracy_ci95)],
        ["macro F1".into(), figure(report.macro_f1), range(report.macro_f1_ci95)],
        plain("weighted F1", report.weighted_f1),
        plain("top-3 accuracy", report.top3_accuracy),
        plain("ECE", report.ece),
        plain("Brier", report.brier),
    ];
    if let Some(ordinal) = &report.ordinal {
        rows.push(plain("mean absolute error", ordinal.mean_absolute_error));
        rows.extend(
            ordinal.quadratic_weighted_kappa.map(|kappa| plain("quadratic weighted kappa", kappa)),
        );
    }
    rows.extend(report.coverage.iter().map(|point| {
        plain(&format!("accuracy of the surest {:.0} %", 100.0 * point.coverage), point.accuracy)
    }));
    if let Some(oos) = &report.out_of_scope {
        rows.push(plain("out of scope: recall", oos.recall));
        rows.push(plain("out of scope: precision", oos.precision));
        rows.extend(oos.detection.auroc.map(|auroc| plain("out of scope: AUROC", auroc)));
    }
    if let Some(cascade) = &report.cascade {
        let below = format!("below {}", cascade.below);
        rows.push(["went on to the accurate model".into(), percent(cascade.share), below]);
    }
    let latency = format!("{} / {} µs", report.latency_us.p50, report.latency_us.p99);
    rows.push(["latency p50 / p99".into(), latency, String::new()]);
    table(["", "value", "95 % interval"], rows)
}

fn unknown_labels(report: &IntentReport) -> String {
    let listed = report.unknown_labels.iter().map(|(label, n)| format!("{label} ({n})"));
    let listed = listed.collect::<Vec<_>>().join(", ");
    format!("labels that the model cannot give, counted as wrong: {listed}")
}

fn per_label(report: &IntentReport) -> String {
    let rows = super::html::by_support(report).into_iter().map(|(label, scores)| {
        let LabelScores { precision, recall, f1, support, .. } = *scores;
        let mark = if support < FEW_ROWS { "*" } else { "" };
        [
            named(label, &report.names),
            format!("{mark}{support}"),
            figure(precision),
            figure(recall),
            figure(f1),
        ]
    });
    table(["label (* few rows)", "rows", "precision", "recall", "F1"], rows)
}

fn confusions(report: &IntentReport) -> String {
    let rows = report.worst_confusions.iter().take(MAX_CONFUSED).map(|confused| {
        [
            named(&confused.truth, &report.names),
            named(&confused.predicted, &report.names),
            confused.n.to_string(),
            percent(confused.share),
        ]
    });
    aligned(2, ["worst confusions: truth", "taken for", "rows", "of the truth"], rows)
}

fn reliability(report: &IntentReport) -> String {
    let rows = report.reliability.iter().map(|bin| {
        [
            format!("{:.3}–{:.3}", bin.low, bin.high),
            bin.n.to_string(),
            figure(bin.mean_score),
            figure(bin.accuracy),
            signed(bin.accuracy - bin.mean_score),
        ]
    });
    table(["score", "rows", "mean score", "accuracy", "gap"], rows)
}

fn sweep(what: &str, detection: &Detection) -> String {
    let best = detection.best.map(|best| best.threshold);
    let mut points: Vec<_> = detection.sweep.iter().copied().chain(detection.best).collect();
    points.sort_by(|a, b| a.threshold.total_cmp(&b.threshold));
    points.dedup();
    let rows = points.into_iter().map(|point| {
        let mark = if Some(point.threshold) == best { "best " } else { "" };
        [
            format!("{mark}{}", figure(point.threshold)),
            figure(point.recall),
            figure(point.precision),
            figure(point.false_positive_rate),
        ]
    });
    let header = format!("{what} from");
    table([header.as_str(), "recall", "precision", "false positives"], rows)
}

fn outcomes(report: &IntentReport) -> String {
    let rows = report.outcomes.iter().map(|(outcome, rate)| {
        [outcome.clone(), rate.n.to_string(), percent(rate.rate), figure(rate.accuracy)]
    });
    table(["outcome", "rows", "share", "accuracy"], rows)
}

fn slices(report: &IntentReport) -> String {
    let rows = report.slices.iter().flat_map(|(field, parts)| {
        parts.iter().map(move |(value, slice)| {
            [
                format!("{field} = {value}"),
                slice.n.to_string(),
                figure(slice.accuracy),
                range(slice.accuracy_ci95),
                figure(slice.macro_f1),
            ]
        })
    });
    table(["part", "rows", "accuracy", "95 % interval", "macro F1"], rows)
}

fn named_script(script: &crate::eval::conversations::ScriptResult) -> String {
    format!("{} {}", script.id, script.title).trim_end().to_owned()
}

fn signed(value: f64) -> String {
    format!("{value:+.4}")
}

fn p_value(p: f64) -> String {
    if p < 0.0001 { format!("{p:.1e}") } else { figure(p) }
}

/// First column to the left, figures to the right.
pub(super) fn table<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    aligned(1, header, rows)
}

/// The first `n_left` columns to the left, the others to the right.
fn aligned<const N: usize>(
    n_left: usize,
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table
        .load_preset(NOTHING)
        .set_style(TableComponent::HeaderLines, '─')
        .set_style(TableComponent::MiddleHeaderIntersections, '─')
        .set_header(header)
        .add_rows(rows);
    for column in table.column_iter_mut().skip(n_left) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

pub(super) fn joined(parts: impl IntoIterator<Item = String>) -> String {
    let parts: Vec<String> = parts.into_iter().map(|part| part.trim_end().to_owned()).collect();
    format!("{}\n", parts.join("\n\n"))
}
