//! The knowledge base: articles in Markdown, a search index over them, answers with a score.
//!
//! Reading order: [`article`] (what editors write, and its checks), [`editorial`] (how a version
//! gets from draft to readers), [`tokenizer`] (texts to terms, the same for index and query),
//! [`index`] (immutable generations on disk, swapped atomically), [`search`] (query, score, hits). The triage asks [`KnowledgeBase::search`] once a turn.
//!
//! Invariants: only this module knows tantivy. Only published versions on their valid days are
//! served, and of several versions the highest. A search sees exactly one generation. Building
//! never touches the generation in use: whatever fails, the old one goes on serving.

pub mod advice;
pub mod article;
mod concepts;
pub mod editorial;
mod error;
pub mod exchange;
pub mod index;
pub mod search;
pub mod tokenizer;

pub use error::KbError;
pub use index::{RebuildReason, ReindexReport};
pub use search::{Found, Hit, KnowledgeBase, Query};

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

    use super::article::{
        Action, Article, Attachment, Category, Kind, Media, MediaKind, Status, TargetedAnswer,
    };
    use super::tokenizer::Analyzer;
    use super::{KbSettings, KnowledgeBase};
    use crate::text::normalize::Normalizer;
    use crate::text::segment::Dictionary;
    use jiff::ToSpan;
    use jiff::civil::Date;
    use proptest::prelude::*;
    use std::path::{Path, PathBuf};
    use std::sync::{Arc, LazyLock};

    /// A text of one line with what formats trip over.
    fn any_line() -> impl Strategy<Value = String> {
        let line = "[\\PC]{1,20}|[=+@'\"\\\\,;-][a甲\u{1F600}'\"\\\\,; =+|#-]{0,12}|_x000[0-9A]_|\\+\\+\\+|true|1\\.0|NA|2026-01-02";
        line.prop_map(|line| line.trim().to_owned()).prop_filter("not blank", |line| {
            !line.is_empty() && !line.contains(['\u{fffe}', '\u{ffff}'])
        })
    }

    fn any_text() -> impl Strategy<Value = String> {
        let line =
            prop_oneof![3 => any_line(), 1 => Just(String::new()), 1 => Just("  缩进\t".into())];
        let lines = prop::collection::vec(line, 1..6);
        let text = lines.prop_map(|lines| lines.join("\n").trim().to_owned());
        text.prop_filter("not blank", |text| !text.is_empty())
    }

    fn any_lines() -> impl Strategy<Value = Vec<String>> {
        prop::collection::vec(any_line(), 0..3)
    }

    fn any_date() -> impl Strategy<Value = Date> {
        (1_i16..=9998, 1_i8..=12, 1_i8..=28)
            .prop_map(|(year, month, day)| Date::constant(year, month, day))
    }

    fn any_parts() -> impl Strategy<Value = Article> {
        let media = (prop::bool::ANY, any_line(), any_line()).prop_map(|(film, url, alt)| Media {
            kind: if film { MediaKind::Video } else { MediaKind::Image },
            url,
            alt,
        });
        let attachment = (any_line(), any_line()).prop_map(|(name, url)| Attachment { name, url });
        let params = prop::collection::btree_map(any_line(), any_line(), 0..3);
        let action = ("[a-z]{1,5}([._][a-z0-9]{1,3})?", any_line(), params)
            .prop_filter("an id", |(id, ..)| {
                !id.contains("._")
                    && !id
                        .rsplit(['.', '_'])
                        .next()
                        .unwrap()
                        .starts_with(|c: char| c.is_ascii_digit())
            })
            .prop_map(|(id, label, params)| Action { id, label, params });
        let answer = (any_lines(), prop::collection::vec(any_line(), 1..3), any_text())
            .prop_map(|(channels, tags, body)| TargetedAnswer { channels, tags, body });
        (
            prop::collection::vec(media, 0..2),
            prop::collection::vec(attachment, 0..2),
            prop::collection::vec(action, 0..2),
            prop::collection::vec(answer, 0..3),
        )
            .prop_map(|(media, attachments, actions, answers)| Article {
                media,
                attachments,
                actions,
                answers,
                ..Article::blank()
            })
    }

    /// Any sound article: every field, texts that look like syntax, numbers, formulas and dates.
    pub(crate) fn any_article() -> impl Strategy<Value = Article> {
        let words = ("[a-z0-9-]{1,8}", 1_u32..5, 0_usize..4, 0_usize..6);
        let texts = (any_line(), any_text(), prop::option::of(any_line()));
        let lists = (any_lines(), any_lines(), any_lines(), any_lines(), any_lines());
        let dates =
            (any_date(), prop::option::of(0_i32..400), any_date(), prop::option::of(any_date()));
        (words, texts, lists, dates, any_parts()).prop_map(|(words, texts, lists, dates, parts)| {
            let (id, version, status, kind) = words;
            let (question, body, owner) = texts;
            let (variants, intents, tags, links, see_also) = lists;
            let statuses = [Status::Draft, Status::Review, Status::Published, Status::Archived];
            let kinds = [
                Kind::ProductFact,
                Kind::TradeRule,
                Kind::ServicePolicy,
                Kind::Faq,
                Kind::Process,
                Kind::Case,
            ];
            Article {
                status: statuses[status],
                kind: kinds[kind],
                category: Category::parse("售后/退货/七天, 无\"理由").unwrap(),
                valid_from: dates.0,
                valid_until: dates.1.map(|days| dates.0.saturating_add(days.days())),
                updated: dates.2,
                review_by: dates.3,
                replaces: links.clone(),
                depends_on: vec!["policy:return-7d".into(), format!("product:{id}")],
                id,
                version,
                question,
                body,
                owner,
                variants,
                intents,
                tags,
                links,
                see_also,
                ..parts
            }
            .tidy()
        })
    }

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
        let (dictionary, normalizer) = tables();
        (KnowledgeBase::open_or_build(&settings, dictionary, normalizer).unwrap(), temp)
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
