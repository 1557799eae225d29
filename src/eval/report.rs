//! Reports for people: tables for the terminal, one page for the browser, JSON for the rest.
//!
//! Nothing is measured here. Functions return strings; printing is the command line's.

mod html;
mod svg;
mod tables;
mod tuning;

pub use html::html;
pub use tables::{comparison, conversations, drops, intent, retrieval, spans};
pub use tuning::{frontier, oos, thresholds};

use super::{EvalError, Interval};
use serde::{Serialize, de::DeserializeOwned};
use std::{collections::BTreeMap, fs, path::Path};

/// Labels with fewer rows are marked: one row moves their recall by more than 0.05, so their
/// figures tell little.
const FEW_ROWS: usize = 20;

/// Writes a report as indented JSON.
///
/// # Errors
/// [`EvalError::Write`].
pub fn write_json(path: &Path, report: &impl Serialize) -> Result<(), EvalError> {
    let json = serde_json::to_string_pretty(report)
        .map_err(|source| EvalError::Write { path: path.to_owned(), source: source.into() })?;
    write(path, &json)
}

/// Writes a page or a table.
///
/// # Errors
/// [`EvalError::Write`].
pub fn write(path: &Path, content: &str) -> Result<(), EvalError> {
    fs::write(path, content).map_err(|source| EvalError::Write { path: path.to_owned(), source })
}

/// Reads a report that [`write_json`] wrote.
///
/// # Errors
/// [`EvalError::Read`], or [`EvalError::Json`] where it is another kind of report.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, EvalError> {
    let content = fs::read_to_string(path)
        .map_err(|source| EvalError::Read { path: path.to_owned(), source })?;
    serde_json::from_str(&content).map_err(|source| EvalError::Json {
        data: path.display().to_string(),
        line: source.line(),
        source,
    })
}

/// A label with its Chinese name, as far as known: `物流延误 shipping.delay`.
fn named(label: &str, names: &BTreeMap<String, String>) -> String {
    names.get(label).map_or_else(|| label.to_owned(), |name| format!("{name} {label}"))
}

/// `0.9132`.
fn figure(value: f64) -> String {
    format!("{value:.4}")
}

/// `0.8965–0.9280`.
fn range([low, high]: Interval) -> String {
    format!("{low:.4}–{high:.4}")
}

/// `91.3 %`.
fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

#[cfg(test)]
mod tests;
