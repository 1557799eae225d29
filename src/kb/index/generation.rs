//! One generation: what it holds, writing it and opening it again.

use super::background::Background;
use super::entry::{Entry, Slot};
use super::folder::write_synced;
use super::schema::{SCHEMA_VERSION, SLOT, passages, schema};
use super::{Fields, RebuildReason};
use crate::kb::KbError;
use crate::kb::article::{Article, served_version};
use crate::kb::embed::Embed;
use crate::kb::tokenizer::Analyzer;
use jiff::Timestamp;
use jiff::civil::Date;
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tantivy::columnar::Column;
use tantivy::directory::MmapDirectory;
use tantivy::{Index, IndexWriter, ReloadPolicy, Searcher, TantivyDocument, TantivyError, Term};
use utoipa::ToSchema;

/// Name of the file with [`GenerationInfo`].
const INFO: &str = "generation.toml";
/// Name of the folder with tantivy's files.
const TANTIVY: &str = "tantivy";
/// Memory for building, in bytes; some thousand articles fit, more spill to disk.
const BUILD_BUDGET: usize = 100_000_000;
/// Memory for adding a few articles; the least that tantivy takes.
const CHANGE_BUDGET: usize = 15_000_000;
/// Articles analysed between two reports of progress.
const BATCH: usize = 512;
/// Files of entries after which a change writes all into one: opening reads each of them.
const MAX_CHUNKS: usize = 32;

/// What a generation was built from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GenerationInfo {
    /// The publication whose content it holds.
    #[schema(example = 4)]
    pub number: u64,
    /// When it was built.
    #[schema(value_type = String, format = DateTime)]
    pub created: Timestamp,
    /// Version of fields and term rules.
    pub schema_version: u32,
    /// Hash of the dictionary and the synonyms that cut the words.
    pub dictionary_hash: String,
    /// What made the vectors; absent where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embedder: Option<String>,
    /// Published versions it holds.
    pub n_versions: usize,
    /// Articles they belong to.
    pub n_articles: usize,
    /// Places of entries that are in its files and no longer served.
    #[schema(value_type = Vec<u32>)]
    removed: Vec<Slot>,
    chunks: Vec<Chunk>,
}

/// A file of entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
struct Chunk {
    file: String,
    sha256: String,
}

/// An open generation with everything a search needs; immutable.
pub(crate) struct Generation {
    pub(crate) info: GenerationInfo,
    /// By slot; a gap where an entry was removed.
    entries: Vec<Option<Arc<Entry>>>,
    /// The places of an article's versions, the lowest version first.
    by_id: BTreeMap<Arc<str>, Vec<Slot>>,
    by_intent: FxHashMap<Arc<str>, Vec<Slot>>,
    pub(crate) background: Background,
    pub(crate) n_vectors: usize,
    pub(crate) searcher: Searcher,
    pub(crate) fields: Fields,
    /// For each segment the entry of each passage.
    pub(crate) slot_of: Vec<Column<u64>>,
    dir: PathBuf,
}

/// What every build needs beside the articles.
#[derive(Clone, Copy)]
pub(crate) struct Tools<'a> {
    pub(crate) analyzer: &'a Analyzer,
    pub(crate) embed: Option<&'a dyn Embed>,
    /// Told how many articles are done, after every few; answers whether to go on.
    pub(crate) progress: &'a (dyn Fn(usize) -> bool + Sync),
}

impl Tools<'_> {
    fn embedder_id(&self) -> Option<String> {
        self.embed.map(|embed| embed.id().to_owned())
    }

    fn analyse(&self, slot: Slot, article: Article, fields: &Fields) -> Result<Analysed, KbError> {
        let passages = passages(&article, slot, fields, self.analyzer);
        let entry = Entry::new(slot, article, self.analyzer, self.embed)?;
        Ok(Analysed { entry: Arc::new(entry), passages })
    }

    /// Analyses a few articles on all cores, in their order.
    fn analyse_all(&self, first: Slot, articles: Vec<Article>) -> Result<Vec<Analysed>, KbError> {
        let (_, fields) = schema();
        let numbered = articles.into_par_iter().enumerate();
        numbered.map(|(idx, article)| self.analyse(first + idx as Slot, article, &fields)).collect()
    }
}

struct Analysed {
    entry: Arc<Entry>,
    passages: Vec<TantivyDocument>,
}

/// Writes a generation of `articles`, published versions only, into the empty folder `dir`.
///
/// # Errors
/// [`KbError::DiskFull`], [`KbError::NotWritable`], [`KbError::Cancelled`] or what else the file
/// system or the encoder says.
pub(crate) fn write(
    dir: &Path,
    number: u64,
    articles: &mut dyn Iterator<Item = Result<Article, KbError>>,
    tools: Tools<'_>,
) -> Result<(), KbError> {
    let tantivy_dir = dir.join(TANTIVY);
    fs::create_dir(&tantivy_dir).map_err(|error| KbError::io(&tantivy_dir, error))?;
    let failed = |error| KbError::index(&tantivy_dir, error);
    let (schema, _) = schema();
    let mmap = MmapDirectory::open(&tantivy_dir).map_err(|error| failed(error.into()))?;
    // One segment, written by this thread: no merge runs later, and errors come back here instead
    // of out of a writer thread.
    let writer = Index::builder().schema(schema).single_segment_index_writer(mmap, BUILD_BUDGET);
    let mut writer = writer.map_err(failed)?;
    let (mut chunk, mut n_articles, mut done) = (Vec::new(), 0, 0);
    let mut last_id = String::new();
    loop {
        let batch = (&mut *articles).take(BATCH).collect::<Result<Vec<_>, _>>()?;
        if batch.is_empty() {
            break;
        }
        for Analysed { entry, passages } in tools.analyse_all(done as Slot, batch)? {
            for passage in passages {
                writer.add_document(passage).map_err(failed)?;
            }
            if entry.article.id != last_id {
                last_id.clone_from(&entry.article.id);
                n_articles += 1;
            }
            append(&mut chunk, &entry);
            done += 1;
        }
        if !(tools.progress)(done) {
            return Err(KbError::Cancelled);
        }
    }
    writer.finalize().map_err(failed)?;
    let chunks = vec![write_chunk(dir, "entries-0.bin", &chunk)?];
    let info = GenerationInfo {
        number,
        created: Timestamp::now(),
        schema_version: SCHEMA_VERSION,
        dictionary_hash: tools.analyzer.dictionary_hash(),
        embedder: tools.embedder_id(),
        n_versions: done,
        n_articles,
        removed: Vec::new(),
        chunks,
    };
    write_info(dir, &info)
}

fn append(chunk: &mut Vec<u8>, entry: &Entry) {
    let bytes = rmp_serde::to_vec_named(entry).expect("plain structs with text keys serialise");
    chunk.extend_from_slice(&bytes);
}

fn write_chunk(dir: &Path, file: &str, content: &[u8]) -> Result<Chunk, KbError> {
    write_synced(&dir.join(file), content)?;
    Ok(Chunk { file: file.to_owned(), sha256: sha256(content) })
}

fn sha256(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn write_info(dir: &Path, info: &GenerationInfo) -> Result<(), KbError> {
    let path = dir.join(INFO);
    let toml =
        toml::to_string(info).map_err(|error| KbError::io(&path, io::Error::other(error)))?;
    write_synced(&path, toml.as_bytes())
}

impl Generation {
    /// A generation without articles, number 0, that needs no files: what serves before the first
    /// build.
    ///
    /// # Errors
    /// [`KbError::Index`], most likely for want of memory.
    pub(crate) fn empty() -> Result<Self, KbError> {
        let (schema, _) = schema();
        let index = Index::create_in_ram(schema);
        let info = GenerationInfo {
            number: 0,
            created: Timestamp::UNIX_EPOCH,
            schema_version: SCHEMA_VERSION,
            dictionary_hash: String::new(),
            embedder: None,
            n_versions: 0,
            n_articles: 0,
            removed: Vec::new(),
            chunks: Vec::new(),
        };
        Self::join(info, Vec::new(), &index, PathBuf::new())
            .map_err(|error| KbError::index(Path::new("memory"), error))
    }

    /// Opens a generation.
    ///
    /// # Errors
    /// [`KbError::Index`] and [`KbError::Io`] where it is damaged.
    pub(crate) fn open(dir: &Path) -> Result<Self, KbError> {
        let info = read_info(dir)?;
        let mut entries = Vec::new();
        for chunk in &info.chunks {
            let path = dir.join(&chunk.file);
            let content = fs::read(&path).map_err(|error| KbError::io(&path, error))?;
            if sha256(&content) != chunk.sha256 {
                return Err(KbError::io(&path, io::ErrorKind::InvalidData.into()));
            }
            read_entries(&content, &mut entries)
                .map_err(|error| KbError::io(&path, io::Error::other(error)))?;
        }
        for &slot in &info.removed {
            if let Some(entry) = entries.get_mut(slot as usize) {
                *entry = None;
            }
        }
        let tantivy_dir = dir.join(TANTIVY);
        open_checked(&tantivy_dir)
            .and_then(|index| Self::join(info, entries, &index, dir.to_owned()))
            .map_err(|error| KbError::index(&tantivy_dir, error))
    }

    fn join(
        info: GenerationInfo,
        entries: Vec<Option<Arc<Entry>>>,
        index: &Index,
        dir: PathBuf,
    ) -> tantivy::Result<Self> {
        let (_, fields) = schema();
        let (searcher, slot_of) = open_searcher(index)?;
        let mut by_id: BTreeMap<Arc<str>, Vec<Slot>> = BTreeMap::new();
        let mut by_intent: FxHashMap<Arc<str>, Vec<Slot>> = FxHashMap::default();
        let mut n_vectors = 0;
        for entry in entries.iter().flatten() {
            by_id.entry(entry.article.id.as_str().into()).or_default().push(entry.slot);
            for intent in &entry.article.intents {
                by_intent.entry(intent.as_str().into()).or_default().push(entry.slot);
            }
            n_vectors += entry.vectors.len();
        }
        let version = |slot: &Slot| entries[*slot as usize].as_ref().map(|e| e.article.version);
        let mut background = Background::default();
        for slots in by_id.values_mut() {
            slots.sort_by_key(version);
            if let Some(head) = slots.last().and_then(|slot| entries[*slot as usize].as_ref()) {
                background.add(head);
            }
        }
        Ok(Self {
            info,
            entries,
            by_id,
            by_intent,
            background,
            n_vectors,
            searcher,
            fields,
            slot_of,
            dir,
        })
    }

    /// Opens the generation in `dir` if it fits dictionary, encoder and schema.
    ///
    /// # Errors
    /// The reason why it has to be built anew.
    pub(crate) fn open_fitting(
        dir: &Path,
        analyzer: &Analyzer,
        embed: Option<&dyn Embed>,
    ) -> Result<Self, RebuildReason> {
        let damaged = |error: KbError| RebuildReason::Damaged {
            path: dir.to_owned(),
            what: error.to_string(),
        };
        let info = read_info(dir).map_err(damaged)?;
        if info.schema_version != SCHEMA_VERSION {
            let (built, now) = (info.schema_version, SCHEMA_VERSION);
            return Err(RebuildReason::OtherSchema { built, now });
        }
        if info.dictionary_hash != analyzer.dictionary_hash() {
            let now = analyzer.dictionary_hash();
            return Err(RebuildReason::OtherDictionary { built: info.dictionary_hash, now });
        }
        let now = embed.map(|embed| embed.id().to_owned());
        if info.embedder != now {
            return Err(RebuildReason::OtherEncoder { built: info.embedder, now });
        }
        Self::open(dir).map_err(damaged)
    }

    /// Writes into the empty folder `dir` what this generation becomes when the versions of the
    /// articles `ids` are replaced by `articles`. Files are shared with this one as hard links;
    /// nothing ever changes a file in place.
    ///
    /// # Errors
    /// As [`write()`].
    pub(crate) fn write_changed(
        &self,
        dir: &Path,
        number: u64,
        ids: &[String],
        articles: Vec<Article>,
        tools: Tools<'_>,
    ) -> Result<(), KbError> {
        let tantivy_dir = dir.join(TANTIVY);
        link_files(&self.dir.join(TANTIVY), &tantivy_dir)?;
        let gone: Vec<Slot> = ids.iter().flat_map(|id| self.slots(id)).copied().collect();
        let added = tools.analyse_all(self.entries.len() as Slot, articles)?;
        write_change(&tantivy_dir, &gone, &added)
            .map_err(|error| KbError::index(&tantivy_dir, error))?;

        let mut info = GenerationInfo {
            number,
            created: Timestamp::now(),
            n_versions: self.info.n_versions - gone.len() + added.len(),
            ..self.info.clone()
        };
        let has = |id: &&String| added.iter().any(|new| new.entry.article.id == **id);
        info.n_articles -= ids.iter().filter(|id| !self.slots(id).is_empty()).count();
        info.n_articles += ids.iter().filter(has).count();
        info.removed.extend(&gone);
        let mut chunk = Vec::new();
        if info.chunks.len() < MAX_CHUNKS {
            for old in &info.chunks {
                link(&self.dir.join(&old.file), &dir.join(&old.file))?;
            }
        } else {
            info.chunks.clear();
            let kept = self.entries.iter().flatten().filter(|entry| !gone.contains(&entry.slot));
            kept.for_each(|entry| append(&mut chunk, entry));
        }
        added.iter().for_each(|new| append(&mut chunk, &new.entry));
        let file = format!("entries-{number}.bin");
        info.chunks.push(write_chunk(dir, &file, &chunk)?);
        write_info(dir, &info)
    }

    /// Whether it was opened from this folder.
    pub(crate) fn is_in(&self, dir: &Path) -> bool {
        self.dir == dir
    }

    /// Questions, variants and bodies in it.
    pub(crate) fn n_passages(&self) -> usize {
        self.searcher.num_docs() as usize
    }

    /// All entries.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.entries.iter().flatten()
    }

    /// The entry in a place, if it is still served.
    pub(crate) fn entry(&self, slot: Slot) -> Option<&Arc<Entry>> {
        self.entries.get(slot as usize)?.as_ref()
    }

    /// Entries that name an intent.
    pub(crate) fn with_intent(&self, intent: &str) -> &[Slot] {
        self.by_intent.get(intent).map_or(&[], Vec::as_slice)
    }

    /// The version of an article served on `as_of`.
    pub(crate) fn article(&self, id: &str, as_of: Date) -> Option<&Article> {
        let versions = self.slots(id).iter().filter_map(|slot| self.entry(*slot));
        served_version(versions.map(|entry| &entry.article), as_of)
    }

    /// Places of all versions of an article.
    pub(crate) fn slots(&self, id: &str) -> &[Slot] {
        self.by_id.get(id).map_or(&[], Vec::as_slice)
    }
}

fn read_info(dir: &Path) -> Result<GenerationInfo, KbError> {
    let path = dir.join(INFO);
    let text = fs::read_to_string(&path).map_err(|error| KbError::io(&path, error))?;
    toml::from_str(&text).map_err(|error| KbError::io(&path, io::Error::other(error)))
}

/// Puts the entries of a file into their places.
fn read_entries(
    content: &[u8],
    entries: &mut Vec<Option<Arc<Entry>>>,
) -> Result<(), rmp_serde::decode::Error> {
    let mut rest = content;
    while !rest.is_empty() {
        let entry: Entry = rmp_serde::from_read(&mut rest)?;
        let place = entry.slot as usize;
        if entries.len() <= place {
            entries.resize(place + 1, None);
        }
        entries[place] = Some(Arc::new(entry));
    }
    Ok(())
}

/// Removes and adds passages and waits until no thread writes any more.
fn write_change(dir: &Path, gone: &[Slot], added: &[Analysed]) -> tantivy::Result<()> {
    let (_, fields) = schema();
    let index = Index::open_in_dir(dir)?;
    let mut writer: IndexWriter = index.writer_with_num_threads(1, CHANGE_BUDGET)?;
    for &slot in gone {
        writer.delete_term(Term::from_field_u64(fields.slot, slot.into()));
    }
    for passage in added.iter().flat_map(|new| &new.passages) {
        writer.add_document(passage.clone())?;
    }
    writer.commit()?;
    writer.wait_merging_threads()
}

/// Shares all files of a folder with a new one.
fn link_files(from: &Path, to: &Path) -> Result<(), KbError> {
    fs::create_dir(to).map_err(|error| KbError::io(to, error))?;
    let entries = fs::read_dir(from).map_err(|error| KbError::io(from, error))?;
    for entry in entries {
        let entry = entry.map_err(|error| KbError::io(from, error))?;
        // Left by the last writer; its lock is no part of the index.
        if entry.path().extension().is_none_or(|extension| extension != "lock") {
            link(&entry.path(), &to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn link(from: &Path, to: &Path) -> Result<(), KbError> {
    // Some file systems have no links.
    fs::hard_link(from, to)
        .or_else(|_| fs::copy(from, to).map(|_| ()))
        .map_err(|error| KbError::io(to, error))
}

fn open_checked(dir: &Path) -> tantivy::Result<Index> {
    let index = Index::open_in_dir(dir)?;
    let damaged = index.validate_checksum()?;
    if let Some(file) = damaged.into_iter().next() {
        let comment = "the check sum differs".to_owned();
        return Err(TantivyError::DataCorruption(tantivy::error::DataCorruption::new(
            file, comment,
        )));
    }
    Ok(index)
}

fn open_searcher(index: &Index) -> tantivy::Result<(Searcher, Vec<Column<u64>>)> {
    let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
    let searcher = reader.searcher();
    let columns = searcher.segment_readers().iter();
    let slot_of =
        columns.map(|segment| segment.fast_fields().u64(SLOT)).collect::<tantivy::Result<_>>()?;
    Ok((searcher, slot_of))
}
