//! One generation: what it holds, writing it and opening it again.

use super::folder::write_synced;
use super::schema::{ARTICLE, SCHEMA_VERSION, passages, schema, tokenizers};
use super::{Fields, RebuildReason};
use crate::kb::KbError;
use crate::kb::article::Article;
use crate::kb::search::Lexicon;
use crate::kb::tokenizer::Analyzer;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;
use tantivy::columnar::Column;
use tantivy::directory::MmapDirectory;
use tantivy::{Index, ReloadPolicy, Searcher, TantivyError};

/// Name of the file with [`GenerationInfo`].
const INFO: &str = "generation.toml";
/// Name of the file with the articles, as they were when the generation was built.
const ARTICLES: &str = "articles.json";
/// Name of the folder with tantivy's files.
const TANTIVY: &str = "tantivy";
/// Memory for building, in bytes; some thousand articles fit, more spill to disk.
const BUILD_BUDGET: usize = 50_000_000;

/// What a generation was built from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenerationInfo {
    /// Counts from 1; grows with every rebuild.
    pub number: u64,
    /// When it was built.
    pub created: Timestamp,
    /// Version of fields and term rules.
    pub schema_version: u32,
    /// Hash of the dictionary that cut the words.
    pub dictionary_hash: String,
    /// Published versions it holds.
    pub n_versions: usize,
    /// Hash over these versions.
    pub article_set_hash: String,
}

/// An open generation with everything a search needs; immutable.
pub(crate) struct Generation {
    pub(crate) info: GenerationInfo,
    /// The published versions, ordered by id and version.
    pub(crate) articles: Vec<Article>,
    pub(crate) lexicon: Lexicon,
    pub(crate) searcher: Searcher,
    pub(crate) fields: Fields,
    /// For each segment the article of each passage.
    pub(crate) article_of: Vec<Column<u64>>,
}

/// First 16 hex digits of the SHA-256 over the articles in their order.
pub(crate) fn article_set_hash(articles: &[Article]) -> String {
    let json = serde_json::to_vec(articles).unwrap_or_default();
    Sha256::digest(&json).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Writes a generation of `articles` into the empty folder `dir`.
///
/// # Errors
/// [`KbError::DiskFull`], [`KbError::NotWritable`] or what else the file system says.
pub(crate) fn write(
    dir: &Path,
    number: u64,
    articles: &[Article],
    analyzer: &Analyzer,
) -> Result<(), KbError> {
    let tantivy_dir = dir.join(TANTIVY);
    fs::create_dir(&tantivy_dir).map_err(|error| KbError::io(&tantivy_dir, error))?;
    write_tantivy(&tantivy_dir, articles, analyzer)
        .map_err(|error| KbError::index(&tantivy_dir, error))?;
    let json = serde_json::to_vec(articles)
        .map_err(|error| KbError::io(&dir.join(ARTICLES), error.into()))?;
    write_synced(&dir.join(ARTICLES), &json)?;
    let info = GenerationInfo {
        number,
        created: Timestamp::now(),
        schema_version: SCHEMA_VERSION,
        dictionary_hash: analyzer.dictionary_hash(),
        n_versions: articles.len(),
        article_set_hash: article_set_hash(articles),
    };
    let toml = toml::to_string(&info)
        .map_err(|error| KbError::io(&dir.join(INFO), std::io::Error::other(error)))?;
    write_synced(&dir.join(INFO), toml.as_bytes())
}

/// One segment, written by this thread: the order of passages is the order of articles, no merge
/// runs later, and errors come back here instead of out of a writer thread.
fn write_tantivy(dir: &Path, articles: &[Article], analyzer: &Analyzer) -> tantivy::Result<()> {
    let (schema, fields) = schema();
    let mut writer = Index::builder()
        .schema(schema)
        .tokenizers(tokenizers(analyzer))
        .single_segment_index_writer(MmapDirectory::open(dir)?, BUILD_BUDGET)?;
    for (article_idx, article) in articles.iter().enumerate() {
        for passage in passages(article, article_idx, &fields, analyzer) {
            writer.add_document(passage)?;
        }
    }
    writer.finalize()?;
    Ok(())
}

impl Generation {
    /// Opens a generation.
    ///
    /// # Errors
    /// [`KbError::Index`] and [`KbError::Io`] where it is damaged.
    pub(crate) fn open(dir: &Path, number: u64, analyzer: &Analyzer) -> Result<Self, KbError> {
        let info = read_info(dir)?;
        let path = dir.join(ARTICLES);
        let json = fs::read(&path).map_err(|error| KbError::io(&path, error))?;
        let articles: Vec<Article> =
            serde_json::from_slice(&json).map_err(|error| KbError::io(&path, error.into()))?;
        if info.number != number || info.article_set_hash != article_set_hash(&articles) {
            return Err(KbError::io(&path, std::io::ErrorKind::InvalidData.into()));
        }
        let tantivy_dir = dir.join(TANTIVY);
        let (searcher, article_of) = open_tantivy(&tantivy_dir, analyzer)
            .map_err(|error| KbError::index(&tantivy_dir, error))?;
        let (_, fields) = schema();
        let lexicon = Lexicon::new(&articles, analyzer);
        Ok(Self { info, articles, lexicon, searcher, fields, article_of })
    }

    /// Opens the generation of that number if it fits dictionary and schema; articles are not
    /// compared.
    ///
    /// # Errors
    /// The reason why it has to be built anew.
    pub(crate) fn open_fitting(
        dir: &Path,
        number: u64,
        analyzer: &Analyzer,
    ) -> Result<Self, RebuildReason> {
        let damaged = |error: KbError| RebuildReason::Damaged { number, what: error.to_string() };
        let info = read_info(dir).map_err(damaged)?;
        if info.schema_version != SCHEMA_VERSION {
            let (built, now) = (info.schema_version, SCHEMA_VERSION);
            return Err(RebuildReason::OtherSchema { built, now });
        }
        if info.dictionary_hash != analyzer.dictionary_hash() {
            let now = analyzer.dictionary_hash();
            return Err(RebuildReason::OtherDictionary { built: info.dictionary_hash, now });
        }
        Self::open(dir, number, analyzer).map_err(damaged)
    }

    /// Questions, variants and bodies in it.
    pub(crate) fn n_passages(&self) -> usize {
        self.searcher.num_docs() as usize
    }
}

fn read_info(dir: &Path) -> Result<GenerationInfo, KbError> {
    let path = dir.join(INFO);
    let text = fs::read_to_string(&path).map_err(|error| KbError::io(&path, error))?;
    toml::from_str(&text).map_err(|error| KbError::io(&path, std::io::Error::other(error)))
}

fn open_tantivy(dir: &Path, analyzer: &Analyzer) -> tantivy::Result<(Searcher, Vec<Column<u64>>)> {
    let mut index = Index::open_in_dir(dir)?;
    let damaged = index.validate_checksum()?;
    if let Some(file) = damaged.into_iter().next() {
        let comment = "the check sum differs".to_owned();
        return Err(TantivyError::DataCorruption(tantivy::error::DataCorruption::new(
            file, comment,
        )));
    }
    index.set_tokenizers(tokenizers(analyzer));
    let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
    let searcher = reader.searcher();
    let columns = searcher.segment_readers().iter();
    let article_of = columns
        .map(|segment| segment.fast_fields().u64(ARTICLE))
        .collect::<tantivy::Result<_>>()?;
    Ok((searcher, article_of))
}
