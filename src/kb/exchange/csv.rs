//! CSV as spreadsheet programs write it, in China too.

use super::cells::{Cell, Sheet, cells};
use super::fault::{ExchangeError, FileProblem, Place};
use super::{MAX_ROWS, Rows};
use crate::kb::article::{Article, english_key, keys};
use csv::{ReaderBuilder, StringRecord, Terminator, WriterBuilder};
use encoding_rs::{Encoding, GB18030, UTF_8};
use std::borrow::Cow;

/// Without it Excel takes UTF-8 for GBK.
const BOM: &[u8] = b"\xef\xbb\xbf";
/// A cell that begins with one of these is a formula to a spreadsheet program; the wide forms are
/// to those of East Asia.
const FORMULA: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];

pub(super) fn rows(file: &str, bytes: &[u8]) -> Result<Rows, FileProblem> {
    let text = decode(bytes)?;
    let mut records = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator(&text))
        .from_reader(text.as_bytes());
    let unreadable = |error: csv::Error| FileProblem::Unreadable(error.to_string());
    let (mut record, mut row, mut n_records) = (StringRecord::new(), 0, 0);
    let mut sheet: Option<Sheet> = None;
    while records.read_record(&mut record).map_err(unreadable)? {
        n_records += 1;
        // The header is one of them.
        if n_records > MAX_ROWS + 1 {
            return Err(FileProblem::TooManyRows);
        }
        row += 1 + blank_lines(&text, &record);
        match &mut sheet {
            None => {
                let header: Vec<String> = record.iter().map(str::to_owned).collect();
                sheet = Some(Sheet::new(Place::file(file).at(row), &header));
            }
            Some(sheet) => {
                let filled = record.iter().enumerate().filter(|(_, cell)| !cell.trim().is_empty());
                sheet.push(row, filled.map(|(idx, cell)| (idx, Cell::Text(unguard(cell).into()))));
            }
        }
    }
    sheet.map(Sheet::finish).ok_or(FileProblem::Empty)
}

/// UTF-8 and UTF-16 by their mark, UTF-8 without, or GBK and its larger form.
fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, FileProblem> {
    let strict = |encoding: &'static Encoding, bytes| {
        encoding.decode_without_bom_handling_and_without_replacement(bytes)
    };
    let text = match Encoding::for_bom(bytes) {
        Some((encoding, n)) => strict(encoding, &bytes[n..]),
        None => strict(UTF_8, bytes).or_else(|| strict(GB18030, bytes)),
    };
    text.ok_or(FileProblem::Encoding)
}

/// The separator under which the header has the most names we know; a comma where none has.
fn separator(text: &str) -> u8 {
    let n_known = |separator: &u8| {
        let mut records = ReaderBuilder::new().delimiter(*separator).from_reader(text.as_bytes());
        let header = records.headers().cloned().unwrap_or_default();
        header.iter().filter(|name| english_key(name).is_some()).count()
    };
    // Of equals the last counts.
    b"\t;,".iter().copied().max_by_key(n_known).unwrap_or(b',')
}

/// Blank lines before a record: the reader skips them, but the editor counts them.
fn blank_lines(text: &str, record: &StringRecord) -> usize {
    let start = record.position().map_or(0, |place| place.byte() as usize);
    let bytes = text.as_bytes();
    let before = start.checked_sub(1).and_then(|last| bytes.get(last));
    let mut rest = bytes.get(start..).unwrap_or_default();
    // The reader may stop between the two bytes of a line break.
    if before == Some(&b'\r') {
        rest = rest.strip_prefix(b"\n").unwrap_or(rest);
    }
    let breaks = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    breaks.filter(|&&byte| byte == b'\n').count()
}

/// Whether a spreadsheet program would run it, or take it for one that we guarded.
fn is_formula(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(FORMULA)
}

/// The mark by which spreadsheet programs know that a cell is text.
fn guard(text: String) -> String {
    if is_formula(&text) { format!("'{text}") } else { text }
}

fn unguard(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(text) if is_formula(text) => text,
        _ => cell,
    }
}

pub(super) fn write(articles: &[Article]) -> Result<Vec<u8>, ExchangeError> {
    let failed = |error: csv::Error| ExchangeError::Csv(Box::new(error));
    let mut table = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(BOM.to_vec());
    table.write_record(keys()).map_err(failed)?;
    for article in articles {
        let text = |cell| match cell {
            None => String::new(),
            Some(Cell::Text(text)) => guard(text),
            Some(Cell::Number(number)) => number.to_string(),
            Some(Cell::Date(date)) => date.to_string(),
        };
        table.write_record(cells(article)?.into_iter().map(text)).map_err(failed)?;
    }
    table.into_inner().map_err(|error| ExchangeError::Csv(Box::new(error.into_error())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guards_what_a_spreadsheet_would_run() {
        for (text, cell) in [
            ("=1+1", "'=1+1"),
            ("-10 度", "'-10 度"),
            ("'=1", "''=1"),
            ("''", "''"),
            ("@a", "'@a"),
            ("７天", "７天"),
            ("＝1", "'＝1"),
        ] {
            assert_eq!(guard(text.to_owned()), cell);
            assert_eq!(unguard(cell), text);
        }
    }

    #[test]
    fn knows_encodings_and_separators() {
        let (gbk, ..) = GB18030.encode("问题");
        assert_eq!(decode(&gbk).unwrap(), "问题");
        assert_eq!(decode("\u{feff}问题".as_bytes()).unwrap(), "问题");
        assert_eq!(decode(b"\xff\xfe\x2e\x95").unwrap(), "键");
        assert_eq!(decode(b"\xff\xff"), Err(FileProblem::Encoding));
        assert_eq!(separator("问题;答案\n1,2;3"), b';');
        assert_eq!(separator("question\tbody"), b'\t');
        assert_eq!(separator("\"问题\",答案"), b',');
        assert_eq!(separator(""), b',');
    }
}
