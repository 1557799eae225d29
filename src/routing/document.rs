//! Reading the rule file's TOML with positions, collecting faults instead of stopping at one.

use super::fault::{RuleFault, RuleFaultCode};
use super::hint::did_you_mean;
use super::position::Lines;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Faults found so far, placed in the file.
#[derive(Debug)]
pub(crate) struct Faults<'t> {
    lines: Lines<'t>,
    found: Vec<RuleFault>,
    /// Id of the row or group being read.
    pub(crate) row: Option<String>,
}

impl<'t> Faults<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { lines: Lines::new(text), found: Vec::new(), row: None }
    }

    /// Records a fault at a byte offset of the file.
    pub(crate) fn at(&mut self, offset: usize, code: RuleFaultCode, message: impl Into<String>) {
        let (line, column) = self.lines.position(offset);
        let (row, message) = (self.row.clone(), message.into());
        self.found.push(RuleFault { line, column, row, code, message });
    }

    /// Records a fault at a byte of a string's value.
    pub(crate) fn in_text(
        &mut self,
        text: &Text<'_>,
        inner: usize,
        code: RuleFaultCode,
        message: String,
    ) {
        let offset = self.lines.offset_in_string(text.span.clone(), inner);
        self.at(offset, code, message);
    }

    /// Line and column of a byte offset.
    pub(crate) fn position(&self, offset: usize) -> (usize, usize) {
        self.lines.position(offset)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// All faults in the order of the file.
    pub(crate) fn into_sorted(mut self) -> Vec<RuleFault> {
        self.found.sort_by_key(|fault| (fault.line, fault.column));
        self.found
    }
}

/// A string of the file and where its literal stands.
#[derive(Debug, Clone)]
pub(crate) struct Text<'a> {
    /// The value.
    pub(crate) value: &'a str,
    /// Bytes of the literal, quotes included.
    pub(crate) span: Range<usize>,
}

impl Text<'_> {
    /// Byte offset of the literal.
    pub(crate) fn offset(&self) -> usize {
        self.span.start
    }
}

/// A table of the file and where it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table<'a> {
    entries: &'a DeTable<'a>,
    /// Byte offset of its header or brace.
    pub(crate) offset: usize,
}

impl<'a> Table<'a> {
    pub(crate) fn new(entries: &'a DeTable<'a>, offset: usize) -> Self {
        Self { entries, offset }
    }

    fn get(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.entries.get(key)
    }

    /// Byte offset of a key's value, or of the table where the key is missing.
    pub(crate) fn offset_of(&self, key: &str) -> usize {
        self.get(key).map_or(self.offset, |value| value.span().start)
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Keys and values with the offset of the key.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'a str, usize, &'a Spanned<DeValue<'a>>)> {
        self.entries.iter().map(|(key, value)| (key.get_ref().as_ref(), key.span().start, value))
    }

    /// Faults every key that is not one of `keys`.
    pub(crate) fn refuse_unknown(&self, keys: &[&str], faults: &mut Faults<'_>) {
        for (key, offset, _) in self.iter().filter(|(key, ..)| !keys.contains(key)) {
            let hint = did_you_mean(key, keys.iter().copied());
            faults.at(offset, RuleFaultCode::UnknownKey, format!("unknown key `{key}`{hint}"));
        }
    }

    /// A string; faults another type.
    pub(crate) fn text(&self, key: &str, faults: &mut Faults<'_>) -> Option<Text<'a>> {
        text(self.get(key)?, faults)
    }

    /// A string that must be there and not empty.
    pub(crate) fn required_text(&self, key: &str, faults: &mut Faults<'_>) -> Option<Text<'a>> {
        if !self.has(key) {
            let message = format!("`{key}` is missing");
            faults.at(self.offset, RuleFaultCode::MissingKey, message);
        }
        let text = self.text(key, faults)?;
        if text.value.trim().is_empty() {
            faults.at(text.offset(), RuleFaultCode::BadValue, format!("`{key}` is empty"));
            return None;
        }
        Some(text)
    }

    /// A string or an array of strings; empty where the key is missing.
    pub(crate) fn texts(&self, key: &str, faults: &mut Faults<'_>) -> Vec<Text<'a>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        match value.get_ref() {
            DeValue::Array(items) => items.iter().filter_map(|item| text(item, faults)).collect(),
            DeValue::String(_) => text(value, faults).into_iter().collect(),
            other => {
                wrong_type(value, other, "a string or an array of strings", faults);
                Vec::new()
            }
        }
    }

    /// A whole number and its offset.
    pub(crate) fn int(&self, key: &str, faults: &mut Faults<'_>) -> Option<(i64, usize)> {
        let value = self.get(key)?;
        let DeValue::Integer(digits) = value.get_ref() else {
            wrong_type(value, value.get_ref(), "a whole number", faults);
            return None;
        };
        let offset = value.span().start;
        let number = i64::from_str_radix(digits.as_str(), digits.radix());
        if number.is_err() {
            faults.at(offset, RuleFaultCode::BadValue, "the number is too large");
        }
        number.ok().map(|number| (number, offset))
    }

    /// `true` or `false`.
    pub(crate) fn bool(&self, key: &str, faults: &mut Faults<'_>) -> Option<bool> {
        let value = self.get(key)?;
        let truth = value.get_ref().as_bool();
        if truth.is_none() {
            wrong_type(value, value.get_ref(), "true or false", faults);
        }
        truth
    }

    /// A table under a key.
    pub(crate) fn table(&self, key: &str, faults: &mut Faults<'_>) -> Option<Table<'a>> {
        table(self.get(key)?, faults)
    }

    /// An array of tables; empty where the key is missing.
    pub(crate) fn tables(&self, key: &str, faults: &mut Faults<'_>) -> Vec<Table<'a>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let DeValue::Array(items) = value.get_ref() else {
            wrong_type(value, value.get_ref(), &format!("tables, each under [[{key}]]"), faults);
            return Vec::new();
        };
        items.iter().filter_map(|item| table(item, faults)).collect()
    }

    /// Whether a key is missing or holds an empty array.
    pub(crate) fn is_blank(&self, key: &str) -> bool {
        self.get(key).is_none_or(|value| value.get_ref().as_array().is_some_and(|a| a.is_empty()))
    }

    /// Whether a key holds one string and not an array or table.
    pub(crate) fn is_text(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| value.get_ref().is_str())
    }
}

fn table<'a>(value: &'a Spanned<DeValue<'a>>, faults: &mut Faults<'_>) -> Option<Table<'a>> {
    match value.get_ref() {
        DeValue::Table(entries) => Some(Table::new(entries, value.span().start)),
        other => {
            wrong_type(value, other, "a table", faults);
            None
        }
    }
}

/// A string; faults another type.
pub(crate) fn text<'a>(
    value: &'a Spanned<DeValue<'a>>,
    faults: &mut Faults<'_>,
) -> Option<Text<'a>> {
    match value.get_ref() {
        DeValue::String(text) => Some(Text { value: text, span: value.span() }),
        other => {
            wrong_type(value, other, "a string", faults);
            None
        }
    }
}

fn wrong_type(
    value: &Spanned<DeValue<'_>>,
    found: &DeValue<'_>,
    wanted: &str,
    faults: &mut Faults<'_>,
) {
    let message = format!("expected {wanted}, found {}", found.type_str());
    faults.at(value.span().start, RuleFaultCode::TypeMismatch, message);
}
