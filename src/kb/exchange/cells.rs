//! Tables: what the cells of a row mean, the same for CSV and spreadsheets.
//!
//! A column is a field, named in English or Chinese. Lists have one item in each line of the cell;
//! tables inside (answers, actions, media, attachments) are JSON. A name such as `body#2` continues
//! the column before it, for what is too long for one cell.

use super::fault::{ExchangeError, FileProblem, Place};
use super::{Row, Rows, jsonl};
use crate::kb::article::{Article, Node, Problem, Table, Value, english_key, english_word, keys};
use jiff::civil::Date;
use serde_json::Value as Json;
use std::collections::BTreeMap;

const LISTS: [&str; 7] =
    ["variants", "intents", "tags", "links", "see_also", "replaces", "depends_on"];
const NESTED: [&str; 4] = ["media", "attachments", "actions", "answers"];
pub(super) const DATES: [&str; 4] = ["valid_from", "valid_until", "updated", "review_by"];
/// Columns that every table has; the others may be left out.
const REQUIRED: [&str; 4] = ["kind", "category", "question", "body"];

/// One cell that is not blank.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Text(String),
    Number(f64),
    Date(Date),
}

impl Cell {
    pub(super) fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => number.to_string(),
            Self::Date(date) => date.to_string(),
        }
    }
}

/// Puts rows together under a header.
pub(super) struct Sheet {
    place: Place,
    /// The field of each column.
    columns: Vec<Option<&'static str>>,
    rows: Rows,
}

impl Sheet {
    /// Reads the header, which stands on `place`.
    pub(super) fn new(place: Place, header: &[String]) -> Self {
        let mut rows = Rows::default();
        let mut columns: Vec<Option<&'static str>> = Vec::new();
        for (idx, name) in header.iter().enumerate() {
            let (plain, continues) = match name.rsplit_once('#') {
                Some((plain, n)) if n.parse::<u8>().is_ok() => (plain, true),
                _ => (name.as_str(), false),
            };
            let key = english_key(plain);
            let first = columns.iter().position(|column| key.is_some() && *column == key);
            match (key, first) {
                (None, _) if !name.trim().is_empty() => {
                    rows.faults.push(place.problem(&Problem::UnknownKey(name.trim().to_owned())));
                }
                (Some(_), Some(first)) if !continues => {
                    let (first, second) = (header[first].clone(), header[idx].clone());
                    rows.faults.push(place.told(&FileProblem::DuplicateColumn { first, second }));
                }
                _ => {}
            }
            columns.push(key);
        }
        for key in REQUIRED.into_iter().filter(|key| !columns.contains(&Some(key))) {
            rows.missing.push(key);
            rows.faults.push(place.problem(&Problem::MissingKey(key.to_owned())));
        }
        Self { place, columns, rows }
    }

    /// Takes the cells of one row with their columns; a row without cells is let pass.
    pub(super) fn push(&mut self, row: usize, cells: impl IntoIterator<Item = (usize, Cell)>) {
        let place = self.place.at(row);
        let found = self.rows.faults.len();
        let mut n_extra = 0;
        let mut fields: BTreeMap<&'static str, Cell> = BTreeMap::new();
        for (idx, cell) in cells {
            match self.columns.get(idx) {
                None => n_extra += 1,
                Some(None) => {}
                Some(Some(key)) => match fields.remove(key) {
                    None => {
                        fields.insert(key, cell);
                    }
                    Some(begun) => {
                        let text = begun.into_text() + &cell.into_text();
                        fields.insert(key, Cell::Text(text));
                    }
                },
            }
        }
        if n_extra > 0 {
            self.rows.faults.push(place.told(&FileProblem::ExtraCells));
        }
        if fields.is_empty() {
            return;
        }
        let mut table = Table::new();
        for (key, cell) in fields {
            match value(key, cell, row) {
                Ok(Some(value)) => {
                    table.insert(key.to_owned(), Node { line: row, value });
                }
                Ok(None) => {}
                Err(problem) => self.rows.faults.push(place.problem(&problem)),
            }
        }
        self.rows.rows.push(Row { place, table, sound: self.rows.faults.len() == found });
    }

    pub(super) fn finish(self) -> Rows {
        self.rows
    }
}

/// What a cell holds, by the field of its column; `None` for a blank one.
fn value(key: &'static str, cell: Cell, row: usize) -> Result<Option<Value>, Problem> {
    let text = match cell {
        Cell::Date(date) if DATES.contains(&key) => return Ok(Some(Value::Date(date))),
        cell => cell.into_text(),
    };
    if text.trim().is_empty() {
        return Ok(None);
    }
    if LISTS.contains(&key) {
        let items = text.lines().filter(|line| !line.trim().is_empty());
        let node = |item: &str| Node { line: row, value: Value::Text(item.to_owned()) };
        return Ok(Some(Value::List(items.map(node).collect())));
    }
    if NESTED.contains(&key) {
        let json: Json = serde_json::from_str(&text).map_err(|error| Problem::BadJson {
            key: key.to_owned(),
            message: error.to_string(),
        })?;
        return Ok(jsonl::value(json, row));
    }
    Ok(Some(plain_value(key, text)))
}

/// A field that is one text, number or date, from how people write it.
pub(super) fn plain_value(key: &str, text: String) -> Value {
    match key {
        // Spreadsheets turn 2 into 2.0.
        "version" => match text.trim().parse::<f64>() {
            Ok(number)
                if number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number) =>
            {
                Value::Count(number as u32)
            }
            _ => Value::Other,
        },
        "status" | "kind" => Value::Text(english_word(&text).to_owned()),
        key if DATES.contains(&key) => date(&text).map_or(Value::Other, Value::Date),
        _ => Value::Text(text),
    }
}

/// `2026-07-01`, `2026/7/1`, `2026.7.1` or `2026年7月1日`, with or without a time after it.
fn date(text: &str) -> Option<Date> {
    let text = text.trim().split([' ', 'T']).next()?.trim_end_matches('日');
    let mut parts = text.split(['-', '/', '.', '年', '月']);
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let rest = parts.next();
    let date = Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()?;
    (rest.is_none() && year.len() == 4).then_some(date)
}

/// The cells of an article in the order of [`keys`]; `None` for a field that is empty.
pub(super) fn cells(article: &Article) -> Result<Vec<Option<Cell>>, ExchangeError> {
    let json = serde_json::to_value(article)?;
    keys().map(|key| cell(key, &json[key])).collect()
}

fn cell(key: &str, json: &Json) -> Result<Option<Cell>, ExchangeError> {
    Ok(match json {
        Json::String(text) if DATES.contains(&key) => {
            Some(text.parse().map_or_else(|_| Cell::Text(text.clone()), Cell::Date))
        }
        Json::String(text) => Some(Cell::Text(text.clone())),
        Json::Number(number) => number.as_f64().map(Cell::Number),
        Json::Array(items) if items.is_empty() => None,
        Json::Array(items) if LISTS.contains(&key) => {
            let lines: Vec<&str> = items.iter().filter_map(Json::as_str).collect();
            Some(Cell::Text(lines.join("\n")))
        }
        Json::Array(_) => Some(Cell::Text(serde_json::to_string(json)?)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_dates_as_people_write_them() {
        for text in ["2026-07-01", "2026/7/1", "2026.7.1", "2026年7月1日", "2026-07-01 00:00:00"]
        {
            assert_eq!(date(text), Some(Date::constant(2026, 7, 1)), "{text}");
        }
        for text in ["7/1/2026", "26-07-01", "2026-13-01", "46204", "明天", "2026-07-01-02"] {
            assert_eq!(date(text), None, "{text}");
        }
    }

    #[test]
    fn reads_versions_that_a_spreadsheet_made_fractions_of() {
        for (text, expected) in
            [("2", Some(2)), ("2.0", Some(2)), ("2.5", None), ("-1", None), ("v2", None)]
        {
            let value = plain_value("version", text.to_owned());
            let count = if let Value::Count(count) = value { Some(count) } else { None };
            assert_eq!(count, expected, "{text}");
        }
    }
}
