//! Texts with labelled spans: entities, personal data, keywords.

use super::open;
use super::read::{check_row, json_lines};
use crate::eval::{DataInfo, EvalError};
use jiff::Timestamp;
use serde::Deserialize;
use std::{collections::BTreeSet, path::Path};

/// A typed part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Its type: of an entity, or the polarity of a keyword.
    pub label: String,
    /// First character of the text as sent, counted from 0.
    pub start: usize,
    /// One past the last character.
    pub end: usize,
    /// In one form, where that is labelled.
    pub value: Option<String>,
}

/// One text with all its spans in the order they stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanRow {
    /// Unique in the set.
    pub id: String,
    /// The message.
    pub text: String,
    /// What relative dates are counted from, where the row says so.
    pub now: Option<Timestamp>,
    /// Every span of the types that the set labels; none where there is nothing to find.
    pub spans: Vec<Span>,
}

/// The texts of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanSet {
    /// Name and rows.
    pub info: DataInfo,
    /// At least one.
    pub rows: Vec<SpanRow>,
}

#[derive(Deserialize)]
struct RawRow {
    id: String,
    text: String,
    #[serde(default)]
    now: Option<Timestamp>,
    #[serde(alias = "entities", alias = "mask", alias = "keywords")]
    spans: Vec<RawSpan>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSpan {
    #[serde(alias = "type", alias = "polarity")]
    label: String,
    text: String,
    #[serde(default, alias = "phrase")]
    value: Option<String>,
}

impl SpanSet {
    /// Reads JSON lines `{"id","text","entities":[{"type","text","value"}]}`; the list may also be
    /// called `mask` or `keywords`, with `polarity` and `phrase` instead of type and value. Spans
    /// are listed in the order they stand, so that a text that occurs twice is told apart.
    ///
    /// # Errors
    /// The file is unreadable or empty, a line is of another shape, a text is blank, an id occurs
    /// twice, or a span does not stand in the text after the one before.
    pub fn load(path: &Path) -> Result<Self, EvalError> {
        let (name, content) = open(path)?;
        Self::parse(&name, &content)
    }

    /// The same from a string.
    ///
    /// # Errors
    /// As [`SpanSet::load`].
    pub fn parse(name: &str, content: &str) -> Result<Self, EvalError> {
        let mut seen = BTreeSet::new();
        let mut rows = Vec::new();
        for (line, row) in json_lines::<RawRow>(name, content)? {
            check_row(name, line, &row.id, ("text", &row.text), &mut seen)?;
            let spans = placed(&row.text, row.spans).map_err(|span| EvalError::Span {
                data: name.to_owned(),
                line,
                span,
            })?;
            rows.push(SpanRow { id: row.id, text: row.text, now: row.now, spans });
        }
        let info = DataInfo { name: name.to_owned(), n: rows.len(), only: Vec::new() };
        Ok(Self { info, rows })
    }
}

/// Finds where each span stands; the number of the first that stands nowhere, counted from 1.
fn placed(text: &str, spans: Vec<RawSpan>) -> Result<Vec<Span>, usize> {
    let mut from = 0;
    let mut placed = Vec::with_capacity(spans.len());
    for (span, number) in spans.into_iter().zip(1_usize..) {
        let found = text[from..].find(&span.text).filter(|_| !span.text.is_empty());
        let start = from + found.ok_or(number)?;
        from = start + span.text.len();
        placed.push(Span {
            label: span.label,
            start: text[..start].chars().count(),
            end: text[..from].chars().count(),
            value: span.value,
        });
    }
    Ok(placed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_placed_in_order() {
        let row = r#"{"id":"a","text":"今天说今天到","now":"2026-11-21T14:30:00+08:00",
            "entities":[{"type":"date","text":"今天","value":"2026-11-21"},{"type":"date","text":"今天"}]}"#;
        let set = SpanSet::parse("set", &row.replace('\n', "")).unwrap();
        let places: Vec<_> = set.rows[0].spans.iter().map(|s| (s.start, s.end)).collect();
        assert_eq!(places, [(0, 2), (3, 5)]);
        assert!(set.rows[0].now.is_some());
    }

    #[test]
    fn faults_name_line_and_span() {
        let cases = [
            (r#"{"id":"a","text":"好","mask":[{"type":"phone","text":"138"}]}"#, "set:1: span 1"),
            (
                "{\"id\":\"a\",\"text\":\"好\",\"mask\":[]}\n{\"id\":\"a\",\"text\":\"好\",\"mask\":[]}",
                "set:2: id",
            ),
            (r#"{"id":"a","text":" ","mask":[]}"#, "set:1: field `text`"),
        ];
        for (content, message) in cases {
            let error = SpanSet::parse("set", content).unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }
}
