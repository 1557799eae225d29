//! The knowledge base: articles in Markdown, a search index over them, answers with a score.
//!
//! Reading order: [`article`] (what editors write, and its checks), [`editorial`] (how a version
//! gets from draft to readers), [`tokenizer`] (texts to terms, the same for index and query),
//! [`index`] (immutable generations on disk, swapped atomically), [`search`] (query, score, hits). The triage asks [`KnowledgeBase::search`] once a turn.
//!
//! Invariants: only this module knows tantivy. Only published versions on their valid days are
//! served, and of several versions the highest. A search sees exactly one generation. Building
//! never touches the generation in use: whatever fails, the old one goes on serving.

pub mod article;
mod concepts;
pub mod editorial;
pub mod embed;
mod error;
pub mod index;
pub mod search;
pub mod tokenizer;

pub use embed::{Embed, Vector};
pub use error::KbError;
pub use index::{GenerationInfo, RebuildReason, ReindexReport};
pub use search::{Content, Found, Hit, KnowledgeBase, Query};

use std::path::PathBuf;

/// Where the knowledge base lies.
#[derive(Debug, Clone)]
pub struct KbSettings {
    /// Folder of article files, searched with its sub-folders.
    pub articles_dir: PathBuf,
    /// Folder of index generations; created where absent. One folder serves one host.
    pub index_dir: PathBuf,
}

#[cfg(test)]
mod testing {
    //! Shared by the tests of this module.

    use super::tokenizer::Analyzer;
    use super::{KbSettings, KnowledgeBase};
    use crate::text::normalize::Normalizer;
    use crate::text::segment::Dictionary;
    use std::path::{Path, PathBuf};
    use std::sync::{Arc, LazyLock};

    static TABLES: LazyLock<(Arc<Dictionary>, Arc<Normalizer>)> = LazyLock::new(|| {
        let words = include_str!("../config/dictionary.txt");
        (Arc::new(Dictionary::new(words).unwrap()), Arc::new(Normalizer::new()))
    });

    /// The shop's dictionary and the normaliser, loaded once for all tests.
    pub(crate) fn tables() -> (Arc<Dictionary>, Arc<Normalizer>) {
        TABLES.clone()
    }

    pub(crate) fn analyzer() -> Analyzer {
        static ANALYZER: LazyLock<Analyzer> = LazyLock::new(|| {
            let (dictionary, normalizer) = tables();
            Analyzer::new(normalizer, dictionary)
        });
        ANALYZER.clone()
    }

    /// A folder below the package.
    pub(crate) fn package(path: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
    }

    /// A knowledge base over `articles_dir` whose index lies in a folder of its own.
    pub(crate) fn open(articles_dir: PathBuf) -> (KnowledgeBase, tempfile::TempDir) {
        let temp = tempfile::tempdir().unwrap();
        let settings = KbSettings { articles_dir, index_dir: temp.path().join("index") };
        (KnowledgeBase::open_or_build(&settings, analyzer(), None).unwrap(), temp)
    }

    /// Copies the articles of one fixture to a folder that a test may change.
    pub(crate) fn copy_of(fixture: &str) -> tempfile::TempDir {
        let temp = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(package("tests/fixtures/kb").join(fixture)).unwrap() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, temp.path().join(path.file_name().unwrap())).unwrap();
        }
        temp
    }
}
