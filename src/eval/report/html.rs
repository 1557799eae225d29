//! The page of `--report`: one file without outside assets or scripts.
//!
//! Whatever comes from data (labels, names, model, file) passes [`escape`].

use super::{FEW_ROWS, figure, named, percent, range, svg};
use crate::eval::{intent::IntentReport, metrics::LabelScores};

/// Confusions listed beside the heat map.
const MAX_CONFUSED: usize = 20;

/// A self-contained page about one classifier.
#[must_use]
pub fn html(report: &IntentReport) -> String {
    let model = escape(report.model.as_deref().unwrap_or("model"));
    let data = escape(&about_data(report));
    let sections = [
        section("Summary", &summary(report)),
        section("Confusions", &confusions(report)),
        section("Calibration", &calibration(report)),
        section("Labels", &labels(report)),
        section("Parts of the set", &slices(report)),
    ]
    .concat();
    format!(
        "<!doctype html>\n<html lang='en'>\n<meta charset='utf-8'>\n\
         <meta name='viewport' content='width=device-width, initial-scale=1'>\n\
         <title>{model}: evaluation</title>\n<style>\n{css}</style>\n\
         <h1>{model}</h1>\n<p>{data}</p>\n{sections}</html>\n",
        css = include_str!("page.css")
    )
}

/// Labels with most rows first, ties by label.
pub(super) fn by_support(report: &IntentReport) -> Vec<(&str, &LabelScores)> {
    let mut labels: Vec<_> = report.per_label.iter().map(|(l, s)| (l.as_str(), s)).collect();
    labels.sort_by_key(|(_, scores)| std::cmp::Reverse(scores.support));
    labels
}

/// Makes text safe between tags and in quoted attributes.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

fn about_data(report: &IntentReport) -> String {
    let only = report.data.only.iter().map(|field| format!(", only {field}")).collect::<String>();
    format!("{}, {} rows{only}, seed {}", report.data.name, report.n, report.seed)
}

fn summary(report: &IntentReport) -> String {
    let plain = |name: &str, value: f64| [name.to_owned(), figure(value), String::new()];
    let mut rows = vec![
        ["Accuracy".into(), figure(report.accuracy), range(report.accuracy_ci95)],
        ["Macro F1".into(), figure(report.macro_f1), range(report.macro_f1_ci95)],
        plain("Weighted F1", report.weighted_f1),
        plain("Top-3 accuracy", report.top3_accuracy),
        plain("Calibration error (ECE)", report.ece),
        plain("Brier score", report.brier),
    ];
    if let Some(ordinal) = &report.ordinal {
        rows.push(plain("Mean absolute error", ordinal.mean_absolute_error));
        rows.extend(
            ordinal.quadratic_weighted_kappa.map(|kappa| plain("Quadratic weighted kappa", kappa)),
        );
    }
    rows.extend(report.coverage.iter().map(|point| {
        plain(&format!("Accuracy of the surest {:.0} %", 100.0 * point.coverage), point.accuracy)
    }));
    rows.extend(report.outcomes.iter().map(|(outcome, rate)| {
        let accuracy = format!("{} right", figure(rate.accuracy));
        [format!("Outcome {outcome}"), percent(rate.rate), accuracy]
    }));
    if let Some(oos) = &report.out_of_scope {
        rows.push(plain("Out of scope, recall", oos.recall));
        rows.push(plain("Out of scope, precision", oos.precision));
        rows.extend(oos.detection.auroc.map(|auroc| plain("Out of scope, AUROC", auroc)));
    }
    let latency = format!("{} / {} µs", report.latency_us.p50, report.latency_us.p99);
    rows.push(["Latency p50 / p99".into(), latency, String::new()]);
    rows.extend(report.unknown_labels.iter().map(|(label, n)| {
        [format!("Label the model cannot give: {label}"), n.to_string(), "counted as wrong".into()]
    }));
    table(["", "Value", "95 % interval"], rows)
}

fn confusions(report: &IntentReport) -> String {
    let worst = report.worst_confusions.iter().take(MAX_CONFUSED).map(|confused| {
        let (truth, predicted) =
            (named(&confused.truth, &report.names), named(&confused.predicted, &report.names));
        [format!("{truth} → {predicted}"), confused.n.to_string(), percent(confused.share)]
    });
    format!(
        "<p>Truth downwards, prediction to the right; the stronger the colour, the \
         larger the share of the truth's rows.</p><div class='wide'>{}</div>{}",
        svg::heat_map(report),
        table(["Truth → prediction", "Rows", "Of the truth"], worst)
    )
}

fn calibration(report: &IntentReport) -> String {
    let bins = report.reliability.iter().map(|bin| {
        let score = format!("{:.2}–{:.2}", bin.low, bin.high);
        [score, bin.n.to_string(), figure(bin.mean_score), figure(bin.accuracy)]
    });
    format!(
        "<p>Bars are the accuracy by score; those of a calibrated model end at the dashed line. \
         Pale: fewer than {FEW_ROWS} rows.</p>\
         {}{}",
        svg::reliability(report),
        table(["Score", "Rows", "Mean score", "Accuracy"], bins)
    )
}

fn labels(report: &IntentReport) -> String {
    let rows = by_support(report).into_iter().map(|(label, scores)| {
        let mark = if scores.support < FEW_ROWS { "*" } else { "" };
        let [precision, recall, f1] = [scores.precision, scores.recall, scores.f1].map(short);
        let rows = format!("{mark}{}", scores.support);
        [named(label, &report.names), rows, precision, recall, f1]
    });
    format!(
        "<p>* fewer than {FEW_ROWS} rows: these figures tell little.</p>{}",
        table(["Label", "Rows", "Prec.", "Recall", "F1"], rows)
    )
}

fn slices(report: &IntentReport) -> String {
    let rows = report.slices.iter().flat_map(|(field, parts)| {
        parts.iter().map(move |(value, slice)| {
            let name = format!("{field} = {value}");
            [name, slice.n.to_string(), short(slice.accuracy), range(slice.accuracy_ci95)]
        })
    });
    table(["Part", "Rows", "Accuracy", "95 % interval"], rows)
}

/// `0.913`: five columns must fit a telephone.
fn short(value: f64) -> String {
    format!("{value:.3}")
}

/// Nothing where a table has no rows.
fn table<const N: usize>(header: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let cells = |row: [String; N], tag: &str| -> String {
        row.iter().map(|cell| format!("<{tag}>{}</{tag}>", escape(cell))).collect()
    };
    let body: String =
        rows.into_iter().map(|row| format!("<tr>{}</tr>\n", cells(row, "td"))).collect();
    if body.is_empty() {
        return String::new();
    }
    let head = cells(header.map(str::to_owned), "th");
    format!("<div class='wide'><table>\n<tr>{head}</tr>\n{body}</table></div>")
}

fn section(title: &str, body: &str) -> String {
    if body.is_empty() { String::new() } else { format!("<h2>{title}</h2>\n{body}\n") }
}
