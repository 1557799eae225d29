//! A backup of the knowledge base: a zip with one file of JSON lines for each table, and a manifest.
//!
//! Either database takes in what the other gave. What lies in an index folder is no part of it: it
//! is built of this.

use crate::store::backup::{DumpRow, RowError, TABLES};
use crate::store::{Store, StoreError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

/// The form of backups that this program writes and reads.
pub const FORMAT: u32 = 1;
const MANIFEST: &str = "manifest.json";

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of the backup.
    pub format: u32,
    /// The program that wrote it.
    pub program: String,
    /// When.
    pub created_at: Timestamp,
    /// Its files; a table without rows has none.
    pub tables: Vec<TableFile>,
}

/// One file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableFile {
    /// The table; the file is `<table>.jsonl`.
    pub table: String,
    /// Its rows, one a line.
    pub rows: u64,
    /// Check sum of the file, in hex.
    pub sha256: String,
}

/// Why there is no backup, or why it was not restored; the store is as before.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The file cannot be written or read.
    #[error("{path} cannot be read or written")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's own words.
        source: io::Error,
    },
    /// The file is no zip, or a damaged one.
    #[error("{path} is no backup")]
    Zip {
        /// The file.
        path: PathBuf,
        /// What the reader says.
        source: zip::result::ZipError,
    },
    /// The manifest cannot be read.
    #[error("`manifest.json` of the backup cannot be read")]
    Manifest(#[from] serde_json::Error),
    /// A newer program wrote it.
    #[error("the backup has format {found}, this program reads {FORMAT}: run the newer program")]
    Format {
        /// Its format.
        found: u32,
    },
    /// A newer program wrote it.
    #[error(
        "the backup holds the table `{table}`, which this program does not know: run the newer program"
    )]
    UnknownTable {
        /// The table.
        table: String,
    },
    /// A file is not what the manifest says.
    #[error("`{table}.jsonl` of the backup is damaged: take another backup")]
    Damaged {
        /// The table.
        table: String,
    },
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Writes everything that `store` knows of the knowledge base to `path`; an old file there is
/// replaced once the new one is whole.
///
/// # Errors
/// [`BackupError::Io`], [`BackupError::Zip`] and what the store says.
pub async fn write(store: &dyn Store, path: &Path, at: Timestamp) -> Result<Manifest, BackupError> {
    let failed = |source| BackupError::Io { path: path.to_owned(), source };
    let unfinished = path.with_added_extension("part");
    let file = File::create(&unfinished).map_err(failed)?;
    let mut zip = ZipWriter::new(BufWriter::new(file));
    let options = SimpleFileOptions::default().large_file(true);
    let mut tables: Vec<Unfinished> = Vec::new();
    let mut take = |DumpRow { table, columns }: DumpRow| -> Result<(), RowError> {
        if tables.last().is_none_or(|last| last.table != table) {
            zip.start_file(format!("{table}.jsonl"), options)?;
            tables.push(Unfinished { table, rows: 0, hash: Sha256::new() });
        }
        let mut line = serde_json::to_vec(&columns)?;
        line.push(b'\n');
        if let Some(last) = tables.last_mut() {
            last.rows += 1;
            last.hash.update(&line);
        }
        Ok(zip.write_all(&line)?)
    };
    store.dump(&mut take).await?;
    let manifest = Manifest {
        format: FORMAT,
        program: format!("fenzhen {}", env!("CARGO_PKG_VERSION")),
        created_at: at,
        tables: tables.into_iter().map(Unfinished::finish).collect(),
    };
    let broken = |source| BackupError::Zip { path: path.to_owned(), source };
    zip.start_file(MANIFEST, options).map_err(broken)?;
    zip.write_all(&serde_json::to_vec_pretty(&manifest)?).map_err(failed)?;
    let file = zip.finish().map_err(broken)?.into_inner().map_err(|error| failed(error.into()))?;
    file.sync_all().and_then(|()| std::fs::rename(&unfinished, path)).map_err(failed)?;
    Ok(manifest)
}

/// A file being written.
struct Unfinished {
    table: &'static str,
    rows: u64,
    hash: Sha256,
}

impl Unfinished {
    fn finish(self) -> TableFile {
        let Self { table, rows, hash } = self;
        TableFile { table: table.to_owned(), rows, sha256: hex(hash) }
    }
}

/// Puts the backup at `path` into `store`, which must be empty. Each file is compared with its check
/// sum before the first row is stored.
///
/// # Errors
/// [`BackupError`]; the store is empty as before.
pub async fn restore(store: &dyn Store, path: &Path) -> Result<Manifest, BackupError> {
    let broken = |source| BackupError::Zip { path: path.to_owned(), source };
    let file = File::open(path);
    let file = file.map_err(|source| BackupError::Io { path: path.to_owned(), source })?;
    let mut zip = ZipArchive::new(BufReader::new(file)).map_err(broken)?;
    let manifest: Manifest = serde_json::from_reader(zip.by_name(MANIFEST).map_err(broken)?)?;
    if manifest.format != FORMAT {
        return Err(BackupError::Format { found: manifest.format });
    }
    for file in &manifest.tables {
        if !TABLES.contains(&file.table.as_str()) {
            return Err(BackupError::UnknownTable { table: file.table.clone() });
        }
        let mut hash = Sha256::new();
        let content = zip.by_name(&file.name()).map_err(broken)?;
        let copied = io::copy(&mut BufReader::new(content), &mut hash);
        if copied.is_err() || hex(hash) != file.sha256 {
            return Err(BackupError::Damaged { table: file.table.clone() });
        }
    }
    let find = |table| manifest.tables.iter().find(move |file| file.table == table);
    let mut rows = TABLES
        .into_iter()
        .filter_map(|table| Some((table, find(table)?)))
        .flat_map(|(table, file)| rows_of(&mut zip, table, file));
    store.load(&mut rows).await?;
    drop(rows);
    Ok(manifest)
}

impl TableFile {
    fn name(&self) -> String {
        format!("{}.jsonl", self.table)
    }
}

/// The rows of a table, or why there are none.
fn rows_of(
    zip: &mut ZipArchive<BufReader<File>>,
    table: &'static str,
    file: &TableFile,
) -> std::vec::IntoIter<Result<DumpRow, RowError>> {
    let mut text = String::new();
    let read = zip
        .by_name(&file.name())
        .map_err(RowError::from)
        .and_then(|mut content| Ok(content.read_to_string(&mut text)?));
    let rows: Vec<_> = match read {
        Err(error) => vec![Err(error)],
        Ok(_) => {
            let row = |line| Ok(DumpRow { table, columns: serde_json::from_str(line)? });
            text.lines().map(row).collect()
        }
    };
    rows.into_iter()
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::ArticleStore;
    use crate::store::articles::{ArticleFilter, Page};
    use crate::store::{SqlStore, sqlite};

    async fn open(folder: &Path, name: &str) -> SqlStore {
        sqlite::open(&folder.join(name)).await.unwrap()
    }

    #[tokio::test]
    async fn a_restored_store_gives_the_same_backup() {
        let folder = tempfile::tempdir().unwrap();
        let from = open(folder.path(), "from.db").await;
        let articles = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/kb/small");
        crate::app::index::seed(&from, &articles).await.unwrap();
        let (path, again) = (folder.path().join("a.zip"), folder.path().join("b.zip"));
        let manifest = write(&from, &path, Timestamp::UNIX_EPOCH).await.unwrap();
        let count = |table: &str| manifest.tables.iter().find(|t| t.table == table).unwrap().rows;
        assert_eq!((count("publications"), count("article_versions")), (1, 10));

        let to = open(folder.path(), "to.db").await;
        assert_eq!(restore(&to, &path).await.unwrap(), manifest);
        let (filter, page) = (ArticleFilter::default(), Page { after: None, limit: 100 });
        assert_eq!(
            to.list(&filter, &page).await.unwrap(),
            from.list(&filter, &page).await.unwrap()
        );
        assert_eq!(write(&to, &again, Timestamp::UNIX_EPOCH).await.unwrap(), manifest);
        let refused = restore(&to, &path).await;
        assert!(matches!(refused, Err(BackupError::Store(StoreError::NotEmpty))), "{refused:?}");
    }

    #[tokio::test]
    async fn refuses_what_is_damaged_or_newer() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path(), "fenzhen.db").await;
        let path = folder.path().join("a.zip");
        let check = async |manifest: &str, content: &str, told: &str| {
            let mut zip = ZipWriter::new(File::create(&path).unwrap());
            for (name, content) in [("manifest.json", manifest), ("articles.jsonl", content)] {
                zip.start_file(name, SimpleFileOptions::default()).unwrap();
                zip.write_all(content.as_bytes()).unwrap();
            }
            zip.finish().unwrap();
            let error = restore(&store, &path).await.unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
            assert_eq!(store.versions_after(None, 1).await.unwrap(), []);
        };
        let manifest = |format: u32, table: &str, content: &str| {
            let mut hash = Sha256::new();
            hash.update(content);
            let file = TableFile { table: table.into(), rows: 1, sha256: hex(hash) };
            let (program, created_at) = (String::new(), Timestamp::UNIX_EPOCH);
            let manifest = Manifest { format, program, created_at, tables: vec![file] };
            serde_json::to_string(&manifest).unwrap()
        };
        check("{}", "", "manifest.json").await;
        check(&manifest(2, "articles", ""), "", "run the newer program").await;
        check(&manifest(1, "secrets", ""), "", "`secrets`").await;
        check(&manifest(1, "articles", "{}"), "{} ", "`articles.jsonl` of the backup is damaged")
            .await;
        for content in ["no json", r#"{"id) --":1}"#, r#"{"id":["a"]}"#, r#"{"id":"a"}"#] {
            check(&manifest(1, "articles", content), content, "").await;
        }
        std::fs::write(&path, "no zip").unwrap();
        let error = restore(&store, &path).await.unwrap_err().to_string();
        assert!(error.contains("is no backup"), "{error}");
    }
}
