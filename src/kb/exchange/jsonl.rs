//! One JSON object in each line.

use super::cells::{DATES, plain_value};
use super::fault::{ExchangeError, FileProblem, Place};
use super::{MAX_ROWS, Row, Rows};
use crate::kb::article::{Article, Node, Table, Value, english_key};
use serde_json::Value as Json;

pub(super) fn rows(file: &str, bytes: &[u8]) -> Result<Rows, FileProblem> {
    let text = std::str::from_utf8(bytes).map_err(|_| FileProblem::Encoding)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let file = Place::file(file);
    let mut rows = Rows::default();
    for (idx, line) in text.split('\n').enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        if rows.rows.len() + rows.faults.len() >= MAX_ROWS {
            return Err(FileProblem::TooManyRows);
        }
        let place = file.at(idx + 1);
        let problem = match serde_json::from_str(line) {
            Ok(Json::Object(fields)) => {
                let table = fields.into_iter().filter_map(|(key, json)| field(key, json, idx + 1));
                rows.rows.push(Row { table: table.collect(), place, sound: true });
                continue;
            }
            Ok(_) => "another value".to_owned(),
            Err(error) => error.to_string(),
        };
        rows.faults.push(place.told(&FileProblem::NotAnObject(problem)));
    }
    Ok(rows)
}

/// Keys and words in Chinese are understood here too.
fn field(key: String, json: Json, line: usize) -> Option<(String, Node)> {
    let key = english_key(&key).map_or(key, str::to_owned);
    let value = match value(json, line)? {
        Value::Text(text) if DATES.contains(&key.as_str()) || key == "status" || key == "kind" => {
            plain_value(&key, text)
        }
        value => value,
    };
    Some((key, Node { line, value }))
}

/// The value of some JSON; `None` for null, which means absent.
pub(super) fn value(json: Json, line: usize) -> Option<Value> {
    Some(match json {
        Json::Null => return None,
        Json::String(text) => Value::Text(text),
        Json::Number(number) => number
            .as_u64()
            .and_then(|number| u32::try_from(number).ok())
            .map_or(Value::Other, Value::Count),
        Json::Bool(_) => Value::Other,
        Json::Array(items) => {
            let node = |item| Node { line, value: value(item, line).unwrap_or(Value::Other) };
            Value::List(items.into_iter().map(node).collect())
        }
        Json::Object(fields) => {
            let node = |(key, json)| Some((key, Node { line, value: value(json, line)? }));
            Value::Table(fields.into_iter().filter_map(node).collect::<Table>())
        }
    })
}

pub(super) fn write(articles: &[Article]) -> Result<Vec<u8>, ExchangeError> {
    let mut bytes = Vec::new();
    for article in articles {
        serde_json::to_writer(&mut bytes, article)?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}
