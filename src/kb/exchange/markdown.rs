//! A folder of Markdown files, or a zip of it.

use super::fault::{ExchangeError, FileProblem, Place};
use super::{MAX_ROWS, MAX_UNPACKED_BYTES, Row, Rows};
use crate::kb::KbError;
use crate::kb::article::{Article, Problem, list_markdown, parse_table, to_markdown};
use encoding_rs::GB18030;
use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::Path;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

/// All `.md` files below `dir`, ordered by path.
pub(super) fn list(dir: &Path) -> Result<Rows, KbError> {
    let mut paths = Vec::new();
    list_markdown(dir, &mut paths)?;
    paths.sort();
    let mut rows = Rows::default();
    for path in paths {
        let name = path.strip_prefix(dir).unwrap_or(&path).display().to_string();
        push(&mut rows, &name, fs::read(&path).map_err(|error| error.to_string()));
    }
    Ok(rows)
}

fn push(rows: &mut Rows, name: &str, content: Result<Vec<u8>, String>) {
    let file = Place::file(name);
    let content = content.and_then(|bytes| String::from_utf8(bytes).map_err(|e| e.to_string()));
    let table = content
        .map_err(|error| vec![(1, Problem::Unreadable(error))])
        .and_then(|content| parse_table(&content));
    match table {
        Ok(table) => rows.rows.push(Row { place: file.at(1), table, sound: true }),
        Err(problems) => {
            rows.faults.extend(problems.iter().map(|(line, p)| file.at(*line).problem(p)));
        }
    }
}

/// All `.md` files of a zip, ordered by path; what else lies in it is let pass.
pub(super) fn unzip(bytes: &[u8]) -> Result<Rows, FileProblem> {
    let mut files = Vec::new();
    unpack(bytes, |name, content| {
        // Programs for macOS add a hidden copy of each file.
        if name.ends_with(".md") && !name.starts_with("__MACOSX/") {
            files.push((name, content));
        }
    })?;
    files.sort();
    let mut rows = Rows::default();
    for (name, content) in files {
        push(&mut rows, &name, Ok(content));
    }
    Ok(rows)
}

/// Hands out the files of a zip one by one.
///
/// # Errors
/// Where it is damaged, names a file outside its folder, or unpacks to too much: what it says of
/// its sizes is not believed.
pub(super) fn unpack(
    bytes: &[u8],
    mut take: impl FnMut(String, Vec<u8>),
) -> Result<(), FileProblem> {
    let unreadable = |error: String| FileProblem::Unreadable(error);
    let mut archive =
        ZipArchive::new(Cursor::new(bytes)).map_err(|error| unreadable(error.to_string()))?;
    if archive.len() > MAX_ROWS {
        return Err(FileProblem::TooManyRows);
    }
    let mut left = MAX_UNPACKED_BYTES;
    for idx in 0..archive.len() {
        let file = archive.by_index(idx).map_err(|error| unreadable(error.to_string()))?;
        // Windows writes names in GBK.
        let name = match std::str::from_utf8(file.name_raw()) {
            Ok(name) => name.to_owned(),
            Err(_) => GB18030.decode(file.name_raw()).0.into_owned(),
        };
        if file.enclosed_name().is_none() || name.contains("..") || name.starts_with(['/', '\\']) {
            return Err(FileProblem::UnsafeName(name));
        }
        let mut content = Vec::new();
        let read = file.take(left + 1).read_to_end(&mut content);
        let n = read.map_err(|error| unreadable(error.to_string()))?;
        left = left.checked_sub(n as u64).ok_or(FileProblem::UnpacksTooLarge)?;
        take(name, content);
    }
    Ok(())
}

/// The name of a version's file; unique, since the last number is the version.
fn file_name(article: &Article) -> String {
    format!("{}-v{}.md", article.id, article.version)
}

pub(super) fn zip(articles: &[Article]) -> Result<Vec<u8>, ExchangeError> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for article in articles {
        let name = file_name(article);
        zip.start_file(&name, SimpleFileOptions::default())?;
        zip.write_all(to_markdown(article).as_bytes())
            .map_err(|source| ExchangeError::Io { path: name.into(), source })?;
    }
    Ok(zip.finish()?.into_inner())
}

pub(super) fn write_dir(dir: &Path, articles: &[Article]) -> Result<(), ExchangeError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        |source| ExchangeError::Io { path, source }
    };
    fs::create_dir_all(dir).map_err(failed(dir))?;
    if fs::read_dir(dir).map_err(failed(dir))?.next().is_some() {
        return Err(ExchangeError::NotEmpty { path: dir.to_owned() });
    }
    for article in articles {
        let path = dir.join(file_name(article));
        fs::write(&path, to_markdown(article)).map_err(failed(&path))?;
    }
    Ok(())
}
