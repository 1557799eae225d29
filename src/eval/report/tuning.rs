//! Tables for choosing: scores for what is out of scope, thresholds, models.

use super::{
    figure, percent, range,
    tables::{heading, joined, table},
};
use crate::eval::{
    DataInfo,
    frontier::FrontierReport,
    intent::Slice,
    oos::OosReport,
    thresholds::{CurvePoint, Effect, ThresholdReport},
};

/// One line for each score.
#[must_use]
pub fn oos(report: &OosReport) -> String {
    let rows = report.scores.iter().map(|score| {
        [
            score.name.clone(),
            figure(score.auroc),
            range(score.auroc_ci95),
            percent(score.fpr_at_95_tpr),
            percent(score.passed_at_95_in_scope),
        ]
    });
    let header = ["score", "AUROC", "95 % interval", "FPR at 95 % TPR", "passed at 95 % in scope"];
    let DataInfo { name, n, .. } = &report.out_of_scope;
    let against = format!("against {name} ({n} rows)");
    joined([
        format!("{} {against}", heading(report.model.as_deref(), &report.in_scope)),
        table(header, rows),
    ])
}

/// The choice, what it does beside what is set now, and the cost around it.
#[must_use]
pub fn thresholds(report: &ThresholdReport) -> String {
    let mut parts = vec![heading(report.model.as_deref(), &report.data), effects(report)];
    if !report.at_bound.is_empty() {
        parts.push(format!("at an end of the grid: {}", report.at_bound.join(", ")));
    }
    for (threshold, points) in &report.curves {
        parts.push(curve(threshold, points, &report.chosen));
    }
    joined(parts)
}

/// One line for each model.
#[must_use]
pub fn frontier(report: &FrontierReport) -> String {
    let part = |slice: Option<Slice>| {
        slice.map_or_else(String::new, |s| {
            format!("{} ({})", figure(s.accuracy), range(s.accuracy_ci95))
        })
    };
    let rows = report.models.iter().map(|model| {
        [
            format!("{}{}", model.model, if model.is_dominated { " (dominated)" } else { "" }),
            format!("{:.1}", model.size_bytes as f64 / 1e6),
            figure(model.accuracy),
            part(model.clear),
            part(model.agreed),
            format!("{} / {}", model.latency_us.p50, model.latency_us.p99),
            model.cascade.map_or_else(String::new, |cascade| percent(cascade.share)),
        ]
    });
    let header = ["model", "MB", "accuracy", "clear", "agreed", "p50 / p99 µs", "went on"];
    joined([heading(Some("models"), &report.data), table(header, rows)])
}

fn effects(report: &ThresholdReport) -> String {
    let (chosen, current) = (&report.chosen, &report.current);
    let bound = |effect: &Effect| {
        effect.setting.reject_above.map_or_else(|| "none".to_owned(), |bound| bound.to_string())
    };
    let plain = |name: &str, value: fn(&Effect) -> String| {
        [name.to_owned(), value(chosen), String::new(), value(current), String::new()]
    };
    let mut rows = vec![
        plain("accept from", |effect| effect.setting.accept.to_string()),
        plain("clarify from", |effect| effect.setting.clarify.to_string()),
        ["reject above".into(), bound(chosen), String::new(), bound(current), String::new()],
        [
            "cost of a message".into(),
            figure(chosen.cost),
            range(chosen.cost_ci95),
            figure(current.cost),
            range(current.cost_ci95),
        ],
        [
            "cost on held-out rows".into(),
            figure(report.held_out_cost),
            String::new(),
            String::new(),
            String::new(),
        ],
    ];
    rows.extend(chosen.rates().into_iter().zip(current.rates()).map(|((name, a), (_, b))| {
        [
            format!("{} (of {} | {})", name.replace('_', " "), a.of, b.of),
            percent(a.rate),
            range(a.ci95),
            percent(b.rate),
            range(b.ci95),
        ]
    }));
    table(["", "chosen", "95 % interval", "as it is", "95 % interval"], rows)
}

fn curve(threshold: &str, points: &[CurvePoint], chosen: &Effect) -> String {
    let at = match threshold {
        "accept" => Some(chosen.setting.accept),
        "clarify" => Some(chosen.setting.clarify),
        _ => chosen.setting.reject_above,
    };
    let rows = points.iter().map(|point| {
        let mark = if Some(point.value) == at { "chosen " } else { "" };
        [
            format!("{mark}{:.2}", point.value),
            figure(point.cost),
            percent(point.accepted),
            percent(point.right_of_accepted),
            percent(point.rejected),
        ]
    });
    let header = [threshold, "cost", "accepted", "right of accepted", "rejected"];
    table(header, rows)
}
