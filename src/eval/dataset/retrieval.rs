//! Queries with graded relevant articles.

use super::open;
use super::read::{check_row, json_lines};
use crate::eval::{DataInfo, EvalError};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// One query and the articles that answer it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct RetrievalRow {
    /// Unique in the set.
    pub id: String,
    /// What the customer asks, e.g. 退货运费谁出.
    pub query: String,
    /// Grade of each relevant article: 0 judged and useless, 1 related, higher is better. Nothing
    /// above 0 makes the query unanswerable: the best result is none.
    pub relevant: BTreeMap<String, u8>,
    /// Every further field.
    #[serde(flatten)]
    pub fields: Map<String, Value>,
}

impl RetrievalRow {
    /// Whether an article answers it.
    #[must_use]
    pub fn is_answerable(&self) -> bool {
        self.relevant.values().any(|grade| *grade > 0)
    }
}

/// The queries of one file.
#[derive(Debug, Clone, PartialEq)]
pub struct RetrievalSet {
    /// Name and rows.
    pub info: DataInfo,
    /// At least one.
    pub rows: Vec<RetrievalRow>,
}

impl RetrievalSet {
    /// Reads JSON lines `{"id","query","relevant":{article id: grade},…}`.
    ///
    /// # Errors
    /// The file is unreadable or empty, a line lacks a field or is of another shape, a query is
    /// blank, or an id occurs twice.
    pub fn load(path: &Path) -> Result<Self, EvalError> {
        let (name, content) = open(path)?;
        Self::parse(&name, &content)
    }

    /// The same from a string.
    ///
    /// # Errors
    /// As [`RetrievalSet::load`].
    pub fn parse(name: &str, content: &str) -> Result<Self, EvalError> {
        let mut seen = BTreeSet::new();
        let mut rows = Vec::new();
        for (line, row) in json_lines::<RetrievalRow>(name, content)? {
            check_row(name, line, &row.id, ("query", &row.query), &mut seen)?;
            rows.push(row);
        }
        let info = DataInfo { name: name.to_owned(), n: rows.len(), only: Vec::new() };
        Ok(Self { info, rows })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_grades_and_keeps_further_fields() {
        let line =
            r#"{"id":"q1","query":"退货运费谁出","relevant":{"A1":2,"A2":0},"style":"typo"}"#;
        let set = RetrievalSet::parse("kb", line).unwrap();
        assert_eq!(set.rows[0].relevant["A1"], 2);
        assert_eq!(set.rows[0].fields["style"], "typo");
        assert!(set.rows[0].is_answerable());
        let none = RetrievalSet::parse("kb", r#"{"id":"q","query":"x","relevant":{}}"#).unwrap();
        assert!(!none.rows[0].is_answerable());
    }

    #[test]
    fn faults_name_the_line() {
        let good = r#"{"id":"q1","query":"x","relevant":{}}"#;
        let cases = [
            (r#"{"id":"q2","query":"x"}"#, "kb:2: missing field `relevant`"),
            (r#"{"id":"q2","query":" ","relevant":{}}"#, "kb:2: field `query`"),
            (r#"{"id":"q2","query":"x","relevant":{"A":-1}}"#, "kb:2: "),
            (good, "kb:2: id `q1` occurs twice"),
        ];
        for (bad, message) in cases {
            let error = RetrievalSet::parse("kb", &format!("{good}\n{bad}")).unwrap_err();
            assert!(error.to_string().starts_with(message), "{error}");
        }
    }
}
