//! Messages of which only the text counts.

use super::{Format, open, read::raw_rows};
use crate::eval::{DataInfo, EvalError};
use std::path::Path;

/// The messages of one file.
#[derive(Debug, Clone, PartialEq)]
pub struct TextSet {
    /// Name and rows.
    pub info: DataInfo,
    /// At least one.
    pub texts: Vec<String>,
}

impl TextSet {
    /// Reads rows with a field `text` (JSON lines, CSV, TSV) or, where the first line of a file that
    /// is neither CSV nor TSV begins with no brace, each line as a text. Rows whose `intent` is
    /// `without` are left out.
    ///
    /// # Errors
    /// The file is unreadable, a row lacks `text`, or no row is left.
    pub fn load(path: &Path, without: Option<&str>) -> Result<Self, EvalError> {
        let (name, content) = open(path)?;
        Self::parse(&name, &content, Format::of(path), without)
    }

    /// The same from a string.
    ///
    /// # Errors
    /// As [`TextSet::load`].
    pub fn parse(
        name: &str,
        content: &str,
        format: Format,
        without: Option<&str>,
    ) -> Result<Self, EvalError> {
        let is_plain = format == Format::JsonLines
            && !content.trim_start_matches('\u{feff}').trim_start().starts_with('{');
        let texts: Vec<String> = if is_plain {
            let lines = content.lines().map(|line| line.trim_start_matches('\u{feff}').trim());
            lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
        } else {
            raw_rows(name, content, format)?
                .into_iter()
                .filter(|row| {
                    without.is_none()
                        || row.fields.get("intent").and_then(|label| label.as_str()) != without
                })
                .map(|row| row.string(name, "text"))
                .collect::<Result<_, _>>()?
        };
        if texts.is_empty() {
            return Err(EvalError::Empty { data: name.to_owned() });
        }
        let info = DataInfo { name: name.to_owned(), n: texts.len(), only: Vec::new() };
        Ok(Self { info, texts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_plain_lines() {
        let rows = "{\"text\":\"退款\",\"intent\":\"refund.request\"}\n{\"text\":\"股市\",\"intent\":\"oos\"}\n{\"text\":\"在吗\"}\n";
        let texts = |content: &str, format, without| {
            TextSet::parse("set", content, format, without).unwrap().texts
        };
        assert_eq!(texts(rows, Format::JsonLines, Some("oos")), ["退款", "在吗"]);
        assert_eq!(texts(rows, Format::JsonLines, None).len(), 3);
        let plain = "\u{feff}今天下雨吗\r\n\n 一加一, 等于几 \n{不是 JSON\n";
        assert_eq!(
            texts(plain, Format::JsonLines, None),
            ["今天下雨吗", "一加一, 等于几", "{不是 JSON"]
        );
        assert_eq!(texts("id,text\n1,下雨\n", Format::Csv, None), ["下雨"]);
    }

    #[test]
    fn faults_are_told() {
        let parse = |content| TextSet::parse("set", content, Format::JsonLines, Some("oos"));
        assert!(matches!(parse("\n"), Err(EvalError::Empty { .. })));
        assert!(matches!(
            parse("{\"text\":\"股市\",\"intent\":\"oos\"}"),
            Err(EvalError::Empty { .. })
        ));
        let error = parse("{\"text\":\"a\"}\n{\"txt\":\"a\"}").unwrap_err().to_string();
        assert!(error.starts_with("set:2: field `text`"), "{error}");
    }
}
