//! Articles in the formats editors have: a folder of Markdown files (or a zip of it), CSV, XLSX
//! and JSON lines.
//!
//! Reading is a dry run: it never stops at the first fault and stores nothing. What comes out are
//! the sound versions and every fault of every row, with its place as the editor sees it and a
//! sentence in English and in Chinese. Writing and reading again gives the same articles, in each
//! format and over all fields ([`Article::tidy`] is the form that comes back).
//!
//! One row is one version. Id, version, status and dates may be left out: the id is derived from
//! the question, the version is the next one, the status draft, the dates the day of the import.
//!
//! Invariants: nothing here touches the network or an index; what is read is bounded in size,
//! rows and unpacked bytes before it is held in memory.

mod cells;
mod csv;
mod fault;
mod jsonl;
mod markdown;
mod xlsx;

pub use fault::{ExchangeError, Fault, FileProblem};

use super::article::{Article, Node, Problem, Read, Table, Value, read_article};
use fault::Place;
use jiff::civil::Date;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};
use std::path::Path;
use utoipa::ToSchema;

/// Bytes of one file at most.
pub const MAX_FILE_BYTES: usize = 50_000_000;
/// Rows of one file at most: versions, whatever the format.
pub const MAX_ROWS: usize = 200_000;
/// Bytes that a zip or a spreadsheet unpacks to at most; they pack a thousand to one.
pub const MAX_UNPACKED_BYTES: u64 = 500_000_000;
/// Faults told of one file at most: a file with more is wrong as a whole, not in its rows.
pub const MAX_FAULTS: usize = 100_000;
/// Rows between two reports of progress.
const PROGRESS_ROWS: usize = 500;

/// A format of exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, serde::Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Markdown files with front matter, in a folder or a zip.
    Markdown,
    /// A table with one row for each version; UTF-8 or GBK, separated by comma, semicolon or tab.
    Csv,
    /// The same table as a spreadsheet.
    Xlsx,
    /// One JSON object in each line, in the form of the HTTP interface.
    Jsonl,
}

impl Format {
    /// The format of a file by the end of its name; a folder is Markdown.
    #[must_use]
    pub fn of_path(path: &Path) -> Option<Self> {
        let Some(ending) = path.extension() else { return Some(Self::Markdown) };
        match ending.to_string_lossy().to_ascii_lowercase().as_str() {
            "zip" => Some(Self::Markdown),
            "csv" | "tsv" | "txt" => Some(Self::Csv),
            "xlsx" => Some(Self::Xlsx),
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            _ => None,
        }
    }

    /// What the name of a file ends in.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Markdown => "zip",
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
            Self::Jsonl => "jsonl",
        }
    }

    /// What HTTP calls it.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Markdown => "application/zip",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Jsonl => "application/x-ndjson",
        }
    }
}

/// What reading needs besides the file.
pub struct Reading<'a> {
    /// Day of the import, for dates that are left out.
    pub today: Date,
    /// Whether an article exists already outside the file; links to it do not dangle.
    pub known: &'a dyn Fn(&str) -> bool,
    /// Told how many rows of how many are checked.
    pub progress: &'a mut dyn FnMut(usize, usize),
}

/// What a file holds and everything that can be said against it.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Dry {
    /// The sound versions, in the order of the file.
    pub articles: Vec<Incoming>,
    /// Every fault of every row, ordered by file and row.
    pub faults: Vec<Fault>,
}

/// A version that may be stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Incoming {
    /// The article; its `version` is 1 where the file names none.
    pub article: Article,
    /// The version as the file names it; `None` means the next one.
    pub version: Option<u32>,
    /// The file, or the file in the folder or zip.
    #[schema(example = "售后知识.xlsx")]
    pub file: String,
    /// Row or line it starts on, counted from 1.
    #[schema(example = 2)]
    pub row: usize,
}

impl Dry {
    /// The articles ordered by id and version; those without a version follow the highest one of
    /// their id in the file.
    #[must_use]
    pub fn into_articles(self) -> Vec<Article> {
        let mut highest: HashMap<String, u32> = HashMap::new();
        for incoming in &self.articles {
            let version = highest.entry(incoming.article.id.clone()).or_default();
            *version = incoming.version.map_or(*version, |given| given.max(*version));
        }
        let number = |mut incoming: Incoming| {
            if incoming.version.is_none() {
                incoming.article.version = highest.get(&incoming.article.id).map_or(1, |v| v + 1);
            }
            incoming.article
        };
        let mut articles: Vec<Article> = self.articles.into_iter().map(number).collect();
        articles.sort_by(|a, b| (&a.id, a.version).cmp(&(&b.id, b.version)));
        articles
    }

    fn refused(file: &str, problem: &FileProblem) -> Self {
        let fault = Place::file(file).told(problem);
        Self { articles: Vec::new(), faults: vec![fault] }
    }
}

/// Reads a whole file; Markdown comes as a zip here.
pub fn read(format: Format, file: &str, bytes: &[u8], reading: &mut Reading<'_>) -> Dry {
    if bytes.len() > MAX_FILE_BYTES {
        return Dry::refused(file, &FileProblem::TooLarge { bytes: bytes.len() });
    }
    let rows = match format {
        Format::Markdown => markdown::unzip(bytes),
        Format::Csv => csv::rows(file, bytes),
        Format::Xlsx => xlsx::rows(file, bytes),
        Format::Jsonl => jsonl::rows(file, bytes),
    };
    match rows {
        Ok(rows) if rows.rows.len() > MAX_ROWS => Dry::refused(file, &FileProblem::TooManyRows),
        Ok(rows) => check(rows, reading),
        Err(problem) => Dry::refused(file, &problem),
    }
}

/// Reads all `.md` files below `dir`.
///
/// # Errors
/// [`KbError::Io`](super::KbError::Io) where the folder cannot be listed.
pub fn read_dir(dir: &Path, reading: &mut Reading<'_>) -> Result<Dry, super::KbError> {
    Ok(check(markdown::list(dir)?, reading))
}

/// Writes the articles, in their order, as one file; Markdown as a zip.
///
/// # Errors
/// [`ExchangeError`] where there are more than a file may have, or the spreadsheet or zip cannot
/// be put together.
pub fn write(format: Format, articles: &[Article]) -> Result<Vec<u8>, ExchangeError> {
    if articles.len() > MAX_ROWS {
        return Err(ExchangeError::TooManyRows { n: articles.len() });
    }
    match format {
        Format::Markdown => markdown::zip(articles),
        Format::Csv => csv::write(articles),
        Format::Xlsx => xlsx::write(articles),
        Format::Jsonl => jsonl::write(articles),
    }
}

/// Writes one Markdown file for each version into `dir`, which must be empty or absent.
///
/// # Errors
/// [`ExchangeError::Io`] as the file system says; [`ExchangeError::NotEmpty`].
pub fn write_dir(dir: &Path, articles: &[Article]) -> Result<(), ExchangeError> {
    markdown::write_dir(dir, articles)
}

/// The rows of a file before anybody looked at what they hold.
#[derive(Default)]
struct Rows {
    rows: Vec<Row>,
    /// Faults of the file or its header, and of rows that could not be taken apart.
    faults: Vec<Fault>,
    /// Keys that no row has, told once already.
    missing: Vec<&'static str>,
}

/// One version as it was written.
struct Row {
    place: Place,
    table: Table,
    /// Whether taking it apart found no fault.
    sound: bool,
}

/// A link from one row to an article that may be anywhere.
struct Link {
    row_idx: usize,
    place: Place,
    key: &'static str,
    id: String,
}

fn check(rows: Rows, reading: &mut Reading<'_>) -> Dry {
    let Rows { rows, mut faults, missing } = rows;
    let total = rows.len();
    let mut unsound = HashSet::new();
    let mut seen: HashMap<(String, Option<u32>), Place> = HashMap::new();
    let mut links = Vec::new();
    let mut read = Vec::new();
    for (row_idx, Row { place, mut table, sound }) in rows.into_iter().enumerate() {
        if faults.len() > MAX_FAULTS {
            break;
        }
        if row_idx % PROGRESS_ROWS == 0 {
            (reading.progress)(row_idx, total);
        }
        let version = fill_in(&mut table, place.row, reading.today);
        let id = text_of(&table, "id").unwrap_or_default().to_owned();
        links.extend(links_of(row_idx, &place, &table));
        let found = faults.len();
        match seen.get(&(id.clone(), version)) {
            Some(other) => faults.push(place.problem(&repeated(&id, version, other))),
            None if id.is_empty() => {}
            None => {
                seen.insert((id, version), place.clone());
            }
        }
        match read_article(table, place.row) {
            Ok(Read { article, .. }) if sound && found == faults.len() => {
                let Place { file, row, .. } = place;
                let incoming = Incoming { article, version, file: file.to_string(), row };
                read.push((row_idx, incoming));
            }
            Ok(_) => {}
            Err(problems) => {
                let untold = problems.iter().filter(|(_, problem)| match problem {
                    Problem::MissingKey(key) => !missing.contains(&key.as_str()),
                    _ => true,
                });
                faults.extend(untold.map(|(line, problem)| place.at(*line).problem(problem)));
            }
        }
    }
    let ids: HashSet<&str> = seen.keys().map(|(id, _)| id.as_str()).collect();
    for Link { row_idx, place, key, id } in links {
        if !ids.contains(id.as_str()) && !(reading.known)(&id) {
            faults.push(place.problem(&Problem::DanglingLink { key, id }));
            unsound.insert(row_idx);
        }
    }
    (reading.progress)(total, total);
    read.retain(|(row_idx, _)| !unsound.contains(row_idx));
    if faults.len() > MAX_FAULTS {
        faults.truncate(MAX_FAULTS);
        let file = Place::file(&faults[0].file);
        faults.push(file.told(&FileProblem::TooManyFaults));
    }
    faults.sort_by(|a, b| (&a.file, a.row).cmp(&(&b.file, b.row)));
    Dry { articles: read.into_iter().map(|(_, incoming)| incoming).collect(), faults }
}

/// The links of a row, which are told of even where the row has other faults.
fn links_of(row_idx: usize, place: &Place, table: &Table) -> Vec<Link> {
    let mut links = Vec::new();
    for key in ["links", "see_also", "replaces"] {
        let Some(Node { value: Value::List(items), .. }) = table.get(key) else { continue };
        for Node { line, value } in items {
            if let Value::Text(id) = value
                && !id.trim().is_empty()
            {
                let id = id.trim().to_owned();
                links.push(Link { row_idx, place: place.at(*line), key, id });
            }
        }
    }
    links
}

fn repeated(id: &str, version: Option<u32>, other: &Place) -> Problem {
    let (id, other) = (id.to_owned(), other.to_string());
    match version {
        Some(version) => Problem::DuplicateVersion { id, version, other },
        None => Problem::DuplicateNext { id, other },
    }
}

/// Puts in what may be left out; gives the version as it was named.
fn fill_in(table: &mut Table, row: usize, today: Date) -> Option<u32> {
    let version = match table.get("version") {
        Some(Node { value: Value::Count(version), .. }) => Some(*version),
        _ => None,
    };
    if let Some(question) = text_of(table, "question") {
        let id = derived_id(question);
        table.entry("id".into()).or_insert(Node { line: row, value: Value::Text(id) });
    }
    for (key, value) in [
        ("version", Value::Count(1)),
        ("status", Value::Text("draft".into())),
        ("valid_from", Value::Date(today)),
        ("updated", Value::Date(today)),
    ] {
        table.entry(key.into()).or_insert(Node { line: row, value });
    }
    version
}

/// The id of an article whose editor named none: the same question gets the same id again.
pub(crate) fn derived_id(question: &str) -> String {
    let hash = Sha256::digest(question.trim());
    let hex: String = hash.iter().take(5).map(|byte| format!("{byte:02x}")).collect();
    format!("kb-{hex}")
}

fn text_of<'a>(table: &'a Table, key: &str) -> Option<&'a str> {
    match table.get(key) {
        Some(Node { value: Value::Text(text), .. }) => {
            Some(text.trim()).filter(|text| !text.is_empty())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
