//! Lines and records to maps of fields.

use super::{EvalError, Format};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// A row as read, no field looked at yet.
pub(super) struct RawRow {
    /// Number in the file, counted from 0.
    pub(super) index: usize,
    /// Line, counted from 1.
    pub(super) line: usize,
    /// All fields; strings only where the file is CSV or TSV.
    pub(super) fields: Map<String, Value>,
}

impl RawRow {
    /// The `id` as a string; numbers are written out.
    pub(super) fn id(&self) -> Option<String> {
        match self.fields.get("id")? {
            Value::String(id) if !id.is_empty() => Some(id.clone()),
            Value::Number(id) => Some(id.to_string()),
            _ => None,
        }
    }

    /// A field that holds a label: a string, or a number as it is written.
    pub(super) fn label(&self, name: &str, field: &str) -> Result<String, EvalError> {
        match self.fields.get(field) {
            Some(Value::Number(number)) => Ok(number.to_string()),
            _ => Ok(self.string(name, field)?.trim().to_owned()),
        }
    }

    /// A field that must be a string with more than white space.
    pub(super) fn string(&self, name: &str, field: &str) -> Result<String, EvalError> {
        match self.fields.get(field) {
            Some(Value::String(value)) if !value.trim().is_empty() => Ok(value.clone()),
            _ => Err(EvalError::MissingField {
                data: name.to_owned(),
                line: self.line,
                field: field.to_owned(),
            }),
        }
    }
}

/// Checks what rows of every shape share: `said`, a field and its text, is not blank, and the id is
/// not among those `seen`, which it joins.
pub(super) fn check_row(
    name: &str,
    line: usize,
    id: &str,
    said: (&str, &str),
    seen: &mut BTreeSet<String>,
) -> Result<(), EvalError> {
    let (field, text) = said;
    if text.trim().is_empty() {
        return Err(EvalError::MissingField {
            data: name.to_owned(),
            line,
            field: field.to_owned(),
        });
    }
    if !seen.insert(id.to_owned()) {
        return Err(EvalError::DuplicateId { data: name.to_owned(), line, id: id.to_owned() });
    }
    Ok(())
}

/// All rows of a file, at least one.
pub(super) fn raw_rows(
    name: &str,
    content: &str,
    format: Format,
) -> Result<Vec<RawRow>, EvalError> {
    match format {
        Format::JsonLines => Ok(json_lines(name, content)?
            .into_iter()
            .enumerate()
            .map(|(index, (line, fields))| RawRow { index, line, fields })
            .collect()),
        Format::Csv => separated(name, content, b','),
        Format::Tsv => separated(name, content, b'\t'),
    }
}

/// Each non-empty line as a `T`, with its line number; at least one.
pub(super) fn json_lines<T: DeserializeOwned>(
    name: &str,
    content: &str,
) -> Result<Vec<(usize, T)>, EvalError> {
    let rows: Vec<(usize, T)> = without_bom(content)
        .lines()
        .zip(1..)
        .filter(|(row, _)| !row.trim().is_empty())
        .map(|(row, line)| match serde_json::from_str(row) {
            Ok(value) => Ok((line, value)),
            Err(source) => Err(EvalError::Json { data: name.to_owned(), line, source }),
        })
        .collect::<Result<_, _>>()?;
    at_least_one(name, rows)
}

fn separated(name: &str, content: &str, delimiter: u8) -> Result<Vec<RawRow>, EvalError> {
    let fault = |source| EvalError::Csv { data: name.to_owned(), source };
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).from_reader(without_bom(content).as_bytes());
    let header = reader.headers().map_err(fault)?.clone();
    let mut rows = Vec::new();
    for (index, record) in reader.records().enumerate() {
        let record = record.map_err(fault)?;
        let line = record.position().map_or(0, csv::Position::line);
        let fields = header
            .iter()
            .zip(record.iter())
            .map(|(field, value)| (field.trim().to_owned(), Value::String(value.to_owned())))
            .collect();
        rows.push(RawRow { index, line: usize::try_from(line).unwrap_or(usize::MAX), fields });
    }
    at_least_one(name, rows)
}

/// Editors on Windows put a byte-order mark first; it belongs to no field.
fn without_bom(content: &str) -> &str {
    content.strip_prefix('\u{feff}').unwrap_or(content)
}

fn at_least_one<T>(name: &str, rows: Vec<T>) -> Result<Vec<T>, EvalError> {
    if rows.is_empty() { Err(EvalError::Empty { data: name.to_owned() }) } else { Ok(rows) }
}
