//! What can go wrong with the knowledge base.

use super::article::ArticleFault;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tantivy::TantivyError;
use tantivy::directory::error::{OpenDirectoryError, OpenReadError, OpenWriteError};

/// Failure of loading, indexing or searching.
#[derive(Debug, thiserror::Error)]
pub enum KbError {
    /// Articles have faults; the index was left as it is. The editor has to mend the files.
    #[error("{}", list(faults))]
    Faulty {
        /// Every fault of every file, ordered by file and line.
        faults: Vec<ArticleFault>,
    },
    /// Another process or thread is building the index; try again later.
    #[error(
        "the index is being built by another process (lock file {path}); \
         try again when it has finished"
    )]
    Locked {
        /// The lock file that is held.
        path: PathBuf,
    },
    /// The disk is full or the quota used up; free space and build again.
    #[error("no space left on the disk of {path}; an index already in use is unharmed")]
    DiskFull {
        /// What was being written.
        path: PathBuf,
        /// The system's own words.
        source: io::Error,
    },
    /// The folder may not be written by this user, or lies on a read-only file system.
    #[error("{path} cannot be written: check owner, permissions and mount options")]
    NotWritable {
        /// What was being written.
        path: PathBuf,
        /// The system's own words.
        source: io::Error,
    },
    /// Reading or writing failed otherwise.
    #[error("{path}: {source}")]
    Io {
        /// What was being read or written.
        path: PathBuf,
        /// The system's own words.
        source: io::Error,
    },
    /// The encoder of dense retrieval failed; the index was left as it is.
    #[error("the texts cannot be turned into vectors: {0}")]
    Embedding(#[source] super::embed::EmbedError),
    /// The articles cannot be read where they come from; the index was left as it is.
    #[error("the articles cannot be read: {0}")]
    Source(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Building was called off; the index was left as it is.
    #[error("indexing was cancelled")]
    Cancelled,
    /// The search library failed: most likely a damaged index; building it anew helps.
    #[error("index {path}: {source}")]
    Index {
        /// The index folder.
        path: PathBuf,
        /// The library's own words.
        source: Box<TantivyError>,
    },
}

impl KbError {
    /// Sorts a failure by what the operator has to do.
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::DiskFull { path, source }
            }
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                Self::NotWritable { path, source }
            }
            _ => Self::Io { path, source },
        }
    }

    /// The same for failures that come through the search library.
    pub(super) fn index(path: &Path, source: TantivyError) -> Self {
        let kind = io_error(&source)
            .map(|inner| inner.kind())
            .filter(|kind| *kind != io::ErrorKind::Other)
            .or_else(|| kind_in(&source.to_string()));
        match kind {
            // The library shares its errors; kind and words are all a copy needs.
            Some(kind) => Self::io(path, io::Error::new(kind, source.to_string())),
            None => Self::Index { path: path.to_owned(), source: Box::new(source) },
        }
    }
}

/// What failed at the bottom, by the system's number in a message. Tantivy's term dictionary and
/// store wrap failures of writing as "other" or "internal" without naming their source.
fn kind_in(message: &str) -> Option<io::ErrorKind> {
    let (_, rest) = message.rsplit_once("(os error ")?;
    let (number, _) = rest.split_once(')')?;
    Some(io::Error::from_raw_os_error(number.parse().ok()?).kind())
}

fn io_error(error: &TantivyError) -> Option<&Arc<io::Error>> {
    match error {
        TantivyError::IoError(inner)
        | TantivyError::OpenWriteError(OpenWriteError::IoError { io_error: inner, .. })
        | TantivyError::OpenReadError(OpenReadError::IoError { io_error: inner, .. })
        | TantivyError::OpenDirectoryError(OpenDirectoryError::IoError {
            io_error: inner, ..
        }) => Some(inner),
        _ => None,
    }
}

fn list(faults: &[ArticleFault]) -> String {
    let mut text = format!("{} faults in the articles", faults.len());
    for fault in faults {
        // Writing to a String does not fail.
        let _ = write!(text, "\n  {fault}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: io::ErrorKind, expected: &str) {
        let direct = KbError::io(Path::new("data/kb"), io::Error::from(kind));
        assert!(direct.to_string().contains(expected), "{direct}");
        let inner = Arc::new(io::Error::from(kind));
        let through = KbError::index(Path::new("data/kb"), TantivyError::IoError(inner));
        assert!(through.to_string().contains(expected), "{through}");
    }

    #[test]
    fn says_what_the_operator_has_to_do() {
        check(io::ErrorKind::StorageFull, "no space left on the disk of data/kb");
        check(io::ErrorKind::QuotaExceeded, "no space left on the disk of data/kb");
        check(io::ErrorKind::ReadOnlyFilesystem, "data/kb cannot be written");
        check(io::ErrorKind::PermissionDenied, "data/kb cannot be written");
        check(io::ErrorKind::NotFound, "data/kb: ");
    }

    /// The device that is always full gives the system's own error.
    #[cfg(target_os = "linux")]
    #[test]
    fn knows_a_full_disk_when_it_meets_one() {
        let path = Path::new("/dev/full");
        let error = std::fs::write(path, "分诊").map_err(|error| KbError::io(path, error));
        assert!(matches!(error, Err(KbError::DiskFull { .. })), "{error:?}");
        let message = std::fs::write(path, "分诊").unwrap_err().to_string();
        let wrapped = TantivyError::IoError(Arc::new(io::Error::other(message.clone())));
        for source in [wrapped, TantivyError::InternalError(message)] {
            let error = KbError::index(path, source);
            assert!(matches!(error, KbError::DiskFull { .. }), "{error:?}");
        }
    }
}
