//! Reading labelled rows: one JSON object a line, or CSV or TSV with a header.
//!
//! First step of every evaluation. Lines are counted from 1 and named in every error; rows are
//! numbered from 0 as they stand in the file, before any filter, so that a row keeps its number.

mod read;
mod retrieval;
mod script;
mod spans;
mod texts;

pub use retrieval::{RetrievalRow, RetrievalSet};
pub use script::{Expect, OneOrMore, Outcome, Script, ScriptSet, Step, StepKind};
pub use spans::{Span, SpanRow, SpanSet};
pub use texts::TextSet;

use super::{DataInfo, EvalError};
use read::{RawRow, raw_rows};
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// How the rows of a file are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line; empty lines are skipped.
    JsonLines,
    /// Comma separated, first line the field names; every value is a string.
    Csv,
    /// The same, tab separated.
    Tsv,
}

impl Format {
    /// By the extension: `csv`, `tsv`; anything else, a pipe such as `/dev/stdin` too, is JSON lines.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        match path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase).as_deref() {
            Some("csv") => Self::Csv,
            Some("tsv") => Self::Tsv,
            _ => Self::JsonLines,
        }
    }
}

/// One message with its label.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledRow {
    /// Number in the file, counted from 0, before any filter.
    pub index: usize,
    /// Line in the file, counted from 1.
    pub line: usize,
    /// Field `id`, where there is one.
    pub id: Option<String>,
    /// Field `text`.
    pub text: String,
    /// The label in the field asked for.
    pub truth: String,
    /// All the fields as read, those above included.
    pub fields: Map<String, Value>,
}

/// The messages of one file that an evaluation is about.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledSet {
    /// Name, rows and filter.
    pub info: DataInfo,
    /// At least one.
    pub rows: Vec<LabelledRow>,
}

impl LabelledSet {
    /// Reads the file, takes the label from `label_field` (`intent`, `sentiment`) and keeps the
    /// rows for which every field of `only` is true (see [`is_true`]).
    ///
    /// # Errors
    /// The file is unreadable, a kept row lacks `text` or its label, an `only` field occurs
    /// nowhere, or no row is left. All are faults of the file or the call, not of the measured.
    pub fn load(path: &Path, label_field: &str, only: &[String]) -> Result<Self, EvalError> {
        let (name, content) = open(path)?;
        Self::parse(&name, &content, Format::of(path), label_field, only)
    }

    /// The same from a string; `name` is what errors and reports call it.
    ///
    /// # Errors
    /// As [`LabelledSet::load`].
    pub fn parse(
        name: &str,
        content: &str,
        format: Format,
        label_field: &str,
        only: &[String],
    ) -> Result<Self, EvalError> {
        let kept = filter(name, raw_rows(name, content, format)?, only)?;
        let rows = kept
            .into_iter()
            .map(|row| {
                Ok(LabelledRow {
                    id: row.id(),
                    text: row.string(name, "text")?,
                    truth: row.label(name, label_field)?,
                    index: row.index,
                    line: row.line,
                    fields: row.fields,
                })
            })
            .collect::<Result<Vec<_>, EvalError>>()?;
        let info = DataInfo { name: name.to_owned(), n: rows.len(), only: only.to_vec() };
        Ok(Self { info, rows })
    }

    /// Truths that are not among `known`, with their number of rows.
    #[must_use]
    pub fn unknown_labels(&self, known: &[String]) -> BTreeMap<String, usize> {
        let known: BTreeSet<&str> = known.iter().map(String::as_str).collect();
        let mut unknown = BTreeMap::new();
        for row in self.rows.iter().filter(|row| !known.contains(row.truth.as_str())) {
            *unknown.entry(row.truth.clone()).or_insert(0) += 1;
        }
        unknown
    }
}

/// Whether a field counts as true: JSON `true` or 1, or the strings "true", "True", "TRUE", "1"
/// that spreadsheets and data frames write.
#[must_use]
pub fn is_true(value: &Value) -> bool {
    match value {
        Value::Bool(b) => *b,
        Value::Number(n) => n.as_f64() == Some(1.0),
        Value::String(s) => matches!(s.trim(), "true" | "True" | "TRUE" | "1"),
        _ => false,
    }
}

/// Keeps the rows with every field of `only` true.
fn filter(name: &str, rows: Vec<RawRow>, only: &[String]) -> Result<Vec<RawRow>, EvalError> {
    if let Some(field) = only.iter().find(|f| !rows.iter().any(|r| r.fields.contains_key(*f))) {
        return Err(EvalError::UnknownOnly { data: name.to_owned(), field: field.clone() });
    }
    let kept: Vec<RawRow> = rows
        .into_iter()
        .filter(|row| only.iter().all(|field| row.fields.get(field).is_some_and(is_true)))
        .collect();
    if kept.is_empty() {
        return Err(EvalError::NothingLeft { data: name.to_owned(), only: only.to_vec() });
    }
    Ok(kept)
}

/// File name without folders, and content.
fn open(path: &Path) -> Result<(String, String), EvalError> {
    let content = fs::read_to_string(path)
        .map_err(|source| EvalError::Read { path: path.to_owned(), source })?;
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    Ok((name, content))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(content: &str, format: Format, only: &[&str]) -> Result<LabelledSet, EvalError> {
        let only: Vec<String> = only.iter().map(ToString::to_string).collect();
        LabelledSet::parse("set", content, format, "intent", &only)
    }

    #[test]
    fn reads_the_three_formats_alike() {
        let json = "\u{feff}{\"id\":\"a\",\"text\":\"快递到哪了\",\"intent\":\"shipping.track\",\"clear\":true}\n\n\
                    {\"id\":7,\"text\":\"你好\",\"intent\":\"chat.greeting\",\"clear\":false}\r\n";
        let csv =
            "id,text,intent,clear\na,快递到哪了,shipping.track,True\n7,你好,chat.greeting,0\n";
        let tsv = csv.replace(',', "\t");
        for (content, format) in
            [(json, Format::JsonLines), (csv, Format::Csv), (tsv.as_str(), Format::Tsv)]
        {
            let all = parse(content, format, &[]).unwrap();
            let ids: Vec<_> = all.rows.iter().map(|r| r.id.as_deref().unwrap()).collect();
            assert_eq!(ids, ["a", "7"], "{format:?}");
            assert_eq!(all.rows[1].truth, "chat.greeting");
            let clear = parse(content, format, &["clear"]).unwrap();
            assert_eq!((clear.info.n, clear.rows[0].index), (1, 0), "{format:?}");
        }
    }

    #[test]
    fn quoted_csv_fields_hold_commas_and_line_breaks() {
        let set =
            parse("text,intent\n\"退,还是\n\"\"换\"\"\",aftersale.return\n", Format::Csv, &[])
                .unwrap();
        assert_eq!(set.rows[0].text, "退,还是\n\"换\"");
    }

    #[test]
    fn faults_name_line_and_field() {
        let cases = [
            ("{\"text\":\"a\",\"intent\":\"x\"}\n\n{\"text\":\"b\"}", "set:3: field `intent`"),
            ("{\"text\":\"\",\"intent\":\"x\"}", "set:1: field `text`"),
            ("{\"text\":5,\"intent\":\"x\"}", "set:1: field `text`"),
            ("{\"text\":\"a\",\"intent\":\"x\"}\n{oops", "set:2: "),
            ("[1]", "set:1: "),
            ("\n", "set holds no rows"),
        ];
        for (content, message) in cases {
            let error = parse(content, Format::JsonLines, &[]).unwrap_err().to_string();
            assert!(error.starts_with(message), "{content}: {error}");
        }
        let error = parse("text,intent\na,x\n,y\n", Format::Csv, &[]).unwrap_err().to_string();
        assert!(error.starts_with("set:3: field `text`"), "{error}");
    }

    #[test]
    fn filters_that_keep_nothing_are_faults() {
        let row = "{\"text\":\"a\",\"intent\":\"x\",\"clear\":false}";
        let error = parse(row, Format::JsonLines, &["claer"]).unwrap_err();
        assert!(matches!(error, EvalError::UnknownOnly { .. }));
        let error = parse(row, Format::JsonLines, &["clear"]).unwrap_err();
        assert_eq!(error.to_string(), "no row of set is left where clear is true");
    }

    #[test]
    fn unknown_labels_are_listed_not_refused() {
        let rows = "{\"text\":\"a\",\"intent\":\"x\"}\n{\"text\":\"b\",\"intent\":\"y\"}";
        let set = parse(rows, Format::JsonLines, &[]).unwrap();
        assert_eq!(set.unknown_labels(&["x".into()]), BTreeMap::from([("y".into(), 1)]));
    }
}
