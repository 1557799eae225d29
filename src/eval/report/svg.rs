//! The two drawings of the page. Colours come from its style sheet, so they follow light and dark.

use super::{FEW_ROWS, html::escape, named};
use crate::eval::intent::IntentReport;
use std::fmt::Write as _;

/// Side of the plot area of the reliability diagram, in user units.
const PLOT: f64 = 300.0;
/// Room for its axis labels.
const MARGIN: f64 = 40.0;
/// Side of a heat map cell: readable with three labels, still one screen with fifty.
const CELL: std::ops::RangeInclusive<f64> = 14.0..=56.0;
/// Width that the cells share where there are few labels.
const HEAT_WIDTH: f64 = 260.0;
/// Cells at least this wide show their number.
const NUMBERED: f64 = 24.0;
/// Share drawn for a single row among many, so that it can be seen at all.
const FAINTEST: f64 = 0.2;

/// Truth downwards, prediction to the right; the shade is the share of the truth's rows.
pub(super) fn heat_map(report: &IntentReport) -> String {
    let labels: Vec<&String> = report.per_label.keys().collect();
    let cell = (HEAT_WIDTH / labels.len().max(1) as f64).clamp(*CELL.start(), *CELL.end());
    // The short form; the full one is in the cells' titles.
    let shown: Vec<&String> =
        labels.iter().map(|label| report.names.get(*label).unwrap_or(label)).collect();
    // A Chinese character is as wide as the font is high, a Latin letter about 0.6 of it.
    let width = |text: &&String| text.chars().map(|c| if c.is_ascii() { 6.1 } else { 10.0 }).sum();
    let gutter = shown.iter().map(width).fold(40.0, f64::max) + 8.0;
    let side = gutter + cell * labels.len() as f64 + 2.0;
    let mut svg = open("Confusion matrix: truth downwards, prediction to the right", side, true);
    let _ = write!(
        svg,
        "<rect class='none' x='{gutter:.1}' y='{gutter:.1}' width='{0:.1}' height='{0:.1}'/>",
        cell * labels.len() as f64
    );
    for (i, text) in shown.iter().enumerate() {
        let middle = gutter + (i as f64 + 0.5) * cell + 3.5;
        let text = escape(text);
        let _ = write!(
            svg,
            "<text x='{:.1}' y='{middle:.1}' text-anchor='end'>{text}</text>",
            gutter - 5.0
        );
        let _ = write!(
            svg,
            "<text transform='translate({middle:.1} {:.1}) rotate(-90)'>{text}</text>",
            gutter - 5.0
        );
    }
    for (row, truth) in labels.iter().enumerate() {
        for (column, predicted) in labels.iter().enumerate() {
            let at = |i: usize| gutter + i as f64 * cell;
            cell_rect(&mut svg, report, (truth, predicted), (at(column), at(row)), cell);
        }
    }
    svg + "</svg>"
}

/// One bar a bin, its height the accuracy; calibrated bars end at the diagonal.
pub(super) fn reliability(report: &IntentReport) -> String {
    let mut svg = open("Reliability diagram: accuracy by score", PLOT + MARGIN + 10.0, false);
    let (x, y) = (|v: f64| MARGIN + v * PLOT, |v: f64| 10.0 + (1.0 - v) * PLOT);
    for tick in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let _ = write!(
            svg,
            "<path class='grid' d='M{x0} {y:.1}H{x1}'/><text x='{tx}' y='{ty:.1}' text-anchor='end'>{tick}</text>\
             <text x='{bx:.1}' y='{by}' text-anchor='middle'>{tick}</text>",
            x0 = x(0.0),
            x1 = x(1.0),
            y = y(tick),
            tx = MARGIN - 6.0,
            ty = y(tick) + 3.5,
            bx = x(tick),
            by = y(0.0) + 16.0
        );
    }
    for bin in &report.reliability {
        let class = if bin.n < FEW_ROWS { "bar few" } else { "bar" };
        let _ = write!(
            svg,
            "<rect class='{class}' x='{:.1}' y='{:.1}' width='{:.1}' height='{:.1}'><title>score {:.2}–{:.2}: \
             {} rows, mean score {:.3}, accuracy {:.3}</title></rect>",
            x(bin.low) + 1.0,
            y(bin.accuracy),
            (bin.high - bin.low) * PLOT - 2.0,
            bin.accuracy * PLOT,
            bin.low,
            bin.high,
            bin.n,
            bin.mean_score,
            bin.accuracy
        );
    }
    let _ = write!(
        svg,
        "<path class='ideal' d='M{} {}L{} {}'/><text x='{}' y='{}' text-anchor='middle'>score</text>",
        x(0.0),
        y(0.0),
        x(1.0),
        y(1.0),
        x(0.5),
        y(0.0) + 30.0
    );
    svg + "</svg>"
}

fn cell_rect(
    svg: &mut String,
    report: &IntentReport,
    (truth, predicted): (&str, &str),
    (x, y): (f64, f64),
    cell: f64,
) {
    let row = report.confusion.get(truth);
    let n = row.and_then(|row| row.get(predicted)).copied().unwrap_or(0);
    if n == 0 {
        return;
    }
    let share = n as f64 / row.map_or(1, |row| row.values().sum()) as f64;
    let class = if truth == predicted { "right" } else { "wrong" };
    let _ = write!(
        svg,
        "<rect class='{class}' fill-opacity='{:.2}' x='{x:.1}' y='{y:.1}' width='{1:.1}' height='{1:.1}'>\
         <title>{2} → {3}: {n} ({4:.0} %)</title></rect>",
        share.max(FAINTEST),
        cell - 1.0,
        escape(&named(truth, &report.names)),
        escape(&named(predicted, &report.names)),
        100.0 * share
    );
    if cell >= NUMBERED {
        let middle = cell / 2.0;
        let _ = write!(
            svg,
            "<text class='n' x='{:.1}' y='{:.1}' text-anchor='middle'>{n}</text>",
            x + middle - 0.5,
            y + middle + 3.0
        );
    }
}

/// A square drawing; `fixed` keeps its size and lets the page scroll it sideways.
fn open(title: &str, side: f64, fixed: bool) -> String {
    let size = if fixed { format!(" width='{side:.0}' height='{side:.0}'") } else { String::new() };
    format!("<svg role='img' viewBox='0 0 {side:.0} {side:.0}'{size}><title>{title}</title>")
}
