//! Spreadsheets as Excel and WPS write them.

use super::Rows;
use super::cells::{Cell, Sheet, cells};
use super::fault::{ExchangeError, FileProblem, Place};
use super::markdown::unpack;
use crate::kb::article::{Article, keys};
use calamine::{DataRef, Reader as _, Xlsx};
use jiff::civil::Date;
use rust_xlsxwriter::{Format, Workbook, Worksheet};
use std::collections::BTreeMap;
use std::io::Cursor;

/// The sheet that is read where there are several, and the one written.
const SHEET: &str = "知识库";
/// UTF-16 units of a cell at most; Excel takes 32,767.
const MAX_CELL_UNITS: usize = 32_000;
/// Memory of a cell besides its text, about. Cells share their texts in the file, not here: a
/// small file may hold one long text a million times.
const CELL_BYTES: usize = 64;
/// Excel counts days from 1900 and has a 29 February then; earlier dates are written as text.
const FIRST_YEAR: i16 = 1901;

pub(super) fn rows(file: &str, bytes: &[u8]) -> Result<Rows, FileProblem> {
    // A spreadsheet is a zip; its size is checked before anything is made of it.
    unpack(bytes, |_, _| {})?;
    let unreadable = |error: calamine::XlsxError| FileProblem::Unreadable(error.to_string());
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(unreadable)?;
    let names = book.sheet_names();
    let name = names.iter().find(|name| *name == SHEET).or(names.first());
    let name = name.ok_or(FileProblem::Empty)?.clone();
    let place = Place { sheet: Some(name.as_str().into()), ..Place::file(file) };
    // Cell by cell: a range would take memory for the rectangle around all cells, and one cell in
    // the last corner makes that seventeen thousand million.
    let mut reader = book.worksheet_cells_reader(&name).map_err(unreadable)?;
    let mut left = super::MAX_UNPACKED_BYTES;
    let mut cells: BTreeMap<u32, BTreeMap<u32, Cell>> = BTreeMap::new();
    while let Some(found) = reader.next_cell().map_err(unreadable)? {
        let (row, column) = found.get_position();
        if let Some(cell) = cell(found.get_value()) {
            let size = if let Cell::Text(text) = &cell { text.len() } else { 0 };
            left =
                left.checked_sub((size + CELL_BYTES) as u64).ok_or(FileProblem::UnpacksTooLarge)?;
            cells.entry(row).or_default().insert(column, cell);
        }
        if cells.len() > super::MAX_ROWS + 1 {
            return Err(FileProblem::TooManyRows);
        }
    }
    let (first, header) = cells.pop_first().ok_or(FileProblem::Empty)?;
    let width = header.last_key_value().map_or(0, |(column, _)| *column as usize + 1);
    let mut names = vec![String::new(); width];
    for (column, cell) in header {
        names[column as usize] = cell.into_text();
    }
    let mut sheet = Sheet::new(place.at(first as usize + 1), &names);
    for (row, cells) in cells {
        let cells = cells.into_iter().map(|(column, cell)| (column as usize, cell));
        sheet.push(row as usize + 1, cells);
    }
    Ok(sheet.finish())
}

fn cell(data: &DataRef<'_>) -> Option<Cell> {
    let text = match data {
        DataRef::Empty => return None,
        DataRef::Int(number) => return Some(Cell::Number(*number as f64)),
        DataRef::Float(number) => return Some(Cell::Number(*number)),
        DataRef::DateTime(time) => {
            let (year, month, day, ..) = time.to_ymd_hms_milli();
            return Date::new(year as i16, month as i8, day as i8).ok().map(Cell::Date);
        }
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => {
            text.clone()
        }
        DataRef::Bool(truth) => truth.to_string(),
        DataRef::Error(error) => error.to_string(),
    };
    (!text.trim().is_empty()).then_some(Cell::Text(text))
}

pub(super) fn write(articles: &[Article]) -> Result<Vec<u8>, ExchangeError> {
    let mut book = Workbook::new();
    let date_format = Format::new().set_num_format("yyyy-mm-dd");
    let wrapped = Format::new().set_text_wrap();
    let sheet = book.add_worksheet().set_name(SHEET)?;
    sheet.set_freeze_panes(1, 0)?;
    let mut columns = Columns::new(sheet)?;
    for (idx, article) in articles.iter().enumerate() {
        let row = idx as u32 + 1;
        for (key, cell) in keys().zip(cells(article)?) {
            match cell {
                None => {}
                Some(Cell::Number(number)) => {
                    let column = columns.of(sheet, key, 0)?;
                    sheet.write_number(row, column, number)?;
                }
                Some(Cell::Date(date)) if date.year() >= FIRST_YEAR => {
                    let column = columns.of(sheet, key, 0)?;
                    sheet.write_datetime_with_format(row, column, date, &date_format)?;
                }
                Some(cell) => {
                    for (part, text) in parts(&cell.into_text()).into_iter().enumerate() {
                        let column = columns.of(sheet, key, part)?;
                        // As a text, whatever it begins with: Excel runs no text.
                        sheet.write_string_with_format(row, column, text, &wrapped)?;
                    }
                }
            }
        }
    }
    Ok(book.save_to_buffer()?)
}

/// Which column holds which part of which field; parts after the first get columns at the end
/// when they first occur.
struct Columns {
    of: BTreeMap<(&'static str, usize), u16>,
    bold: Format,
}

impl Columns {
    fn new(sheet: &mut Worksheet) -> Result<Self, ExchangeError> {
        let mut columns = Self { of: BTreeMap::new(), bold: Format::new().set_bold() };
        for key in keys() {
            let column = columns.of(sheet, key, 0)?;
            let width = if matches!(key, "question" | "variants" | "body") { 40 } else { 16 };
            sheet.set_column_width(column, width)?;
        }
        Ok(columns)
    }

    fn of(
        &mut self,
        sheet: &mut Worksheet,
        key: &'static str,
        part: usize,
    ) -> Result<u16, ExchangeError> {
        if let Some(column) = self.of.get(&(key, part)) {
            return Ok(*column);
        }
        let column = self.of.len() as u16;
        let name = if part == 0 { key.to_owned() } else { format!("{key}#{}", part + 1) };
        sheet.write_string_with_format(0, column, name, &self.bold)?;
        self.of.insert((key, part), column);
        Ok(column)
    }
}

/// `text` cut so that each part fits a cell.
fn parts(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut units) = (Vec::new(), 0, 0);
    for (place, c) in text.char_indices() {
        if units + c.len_utf16() > MAX_CELL_UNITS {
            parts.push(&text[start..place]);
            (start, units) = (place, 0);
        }
        units += c.len_utf16();
    }
    parts.push(&text[start..]);
    parts
}
