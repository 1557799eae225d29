//! Word lists that editors change at run time: synonyms and the shop's own words.
//!
//! A list is checked before it is saved, all faults with their lines: a list that cannot be read
//! would stop every node from building its next index.

use super::{Library, LibraryError};
use crate::kb::editorial::{Actor, By};
use crate::store::StoreError;
use crate::store::learning::{Lexicon, LexiconDraft, LexiconName};
use crate::text::normalize::Normalizer;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::HashMap;
use utoipa::ToSchema;

/// The synonyms as long as no editor has saved others.
const SHIPPED_SYNONYMS: &str = include_str!("../../kb-index/concepts.txt");

/// A word list with where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LexiconText {
    /// Which list.
    pub name: LexiconName,
    /// Counts from 1; 0 is the shipped list. The next one is based on it.
    #[schema(example = 3)]
    pub version: u64,
    /// The whole list.
    #[schema(example = "运费: 运费,邮费,邮钱,快递费\n退款: 退款,退钱")]
    pub text: String,
    /// Who saved it; null for the shipped list.
    #[schema(value_type = Option<String>, example = "林晓")]
    pub actor: Option<Actor>,
    /// When.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
}

/// A line of a word list that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LineFault {
    /// Line, counted from 1.
    #[schema(example = 12)]
    pub line: usize,
    /// A stable word that programs match on.
    pub code: LineFaultCode,
    /// What it is about: the phrase as it should be, or the one that is twice.
    #[schema(example = "快递费")]
    pub text: String,
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LineFaultCode {
    /// Synonyms: no colon between name and phrases.
    NoColon,
    /// Synonyms: nothing before the colon.
    NoName,
    /// Synonyms: nothing between two commas, or after the colon.
    EmptyPhrase,
    /// Synonyms: the phrase would never be found; `text` is how it has to be written.
    NotNormalized,
    /// The name, phrase of a name, or word stands in an earlier line already.
    Repeated,
    /// Dictionary: what follows the word is no whole number.
    BadFrequency,
    /// Dictionary: more than a word and a frequency.
    TooManyFields,
}

impl LineFaultCode {
    /// What is wrong, for people.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::NoColon => "write a name, a colon and the phrases that mean it",
            Self::NoName => "write a name before the colon",
            Self::EmptyPhrase => "write a phrase between commas, or drop the comma",
            Self::NotNormalized => "the phrase is never found as written: write it as in `text`",
            Self::Repeated => "it stands in an earlier line already: drop one of the two",
            Self::BadFrequency => "the frequency after the word must be a whole number",
            Self::TooManyFields => "write one word a line, and at most a frequency after it",
        }
    }
}

impl Library {
    /// The latest text of a word list.
    ///
    /// # Errors
    /// [`LibraryError::Store`].
    pub async fn lexicon(&self, name: LexiconName) -> Result<LexiconText, LibraryError> {
        Ok(match self.store.lexicon(name).await? {
            Some(lexicon) => lexicon.into(),
            None => self.shipped(name),
        })
    }

    /// All texts of a word list, latest first, the shipped one last.
    ///
    /// # Errors
    /// [`LibraryError::Store`].
    pub async fn lexicon_history(
        &self,
        name: LexiconName,
    ) -> Result<Vec<LexiconText>, LibraryError> {
        let saved = self.store.lexicon_history(name).await?.into_iter().map(LexiconText::from);
        Ok(saved.chain([self.shipped(name)]).collect())
    }

    /// Saves a word list made from version `by.revision`; indexes are built anew with it.
    ///
    /// # Errors
    /// [`LibraryError::LexiconFaulty`], [`LibraryError::LexiconConflict`], [`LibraryError::Store`].
    pub async fn save_lexicon(
        &self,
        name: LexiconName,
        text: String,
        by: By,
    ) -> Result<LexiconText, LibraryError> {
        let faults = self.lexicon_faults(name, &text);
        if !faults.is_empty() {
            return Err(LibraryError::LexiconFaulty { name, faults });
        }
        let draft = LexiconDraft { name, text, actor: by.actor, at: by.at };
        match self.store.save_lexicon(by.revision, draft).await {
            Ok(saved) => {
                self.signal();
                Ok(saved.into())
            }
            Err(StoreError::Conflict) => {
                let current = Box::new(self.lexicon(name).await?);
                Err(LibraryError::LexiconConflict { current })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What is wrong with a text of a word list, in the order of lines.
    #[must_use]
    pub fn lexicon_faults(&self, name: LexiconName, text: &str) -> Vec<LineFault> {
        let mut check = Check { normalizer: &self.settings.normalizer, faults: Vec::new() };
        match name {
            LexiconName::Synonyms => check.synonyms(text),
            LexiconName::Dictionary => check.dictionary(text),
        }
        check.faults
    }

    fn shipped(&self, name: LexiconName) -> LexiconText {
        let text = match name {
            LexiconName::Synonyms => SHIPPED_SYNONYMS,
            LexiconName::Dictionary => &self.settings.dictionary,
        };
        LexiconText { name, version: 0, text: text.to_owned(), actor: None, at: None }
    }
}

impl From<Lexicon> for LexiconText {
    fn from(Lexicon { name, version, text, actor, at, .. }: Lexicon) -> Self {
        Self { name, version, text, actor: Some(actor), at: Some(at) }
    }
}

struct Check<'a> {
    normalizer: &'a Normalizer,
    faults: Vec<LineFault>,
}

impl Check<'_> {
    /// Lines `name: phrase, phrase`.
    fn synonyms(&mut self, text: &str) {
        let mut names = HashMap::new();
        for (line, content) in lines(text) {
            if content.starts_with('#') {
                continue;
            }
            let Some((name, phrases)) = content.split_once(':') else {
                self.fault(line, LineFaultCode::NoColon, content);
                continue;
            };
            if name.trim().is_empty() {
                self.fault(line, LineFaultCode::NoName, content);
            }
            self.once(&mut names, line, name.trim());
            let mut seen = HashMap::new();
            for phrase in phrases.split(',').map(str::trim) {
                let normalized = self.normalizer.normalize(phrase).text().to_owned();
                if normalized.is_empty() {
                    self.fault(line, LineFaultCode::EmptyPhrase, phrase);
                } else if normalized != phrase {
                    self.fault(line, LineFaultCode::NotNormalized, &normalized);
                } else {
                    self.once(&mut seen, line, phrase);
                }
            }
        }
    }

    /// Lines `word` or `word frequency`, comments after `#`.
    fn dictionary(&mut self, text: &str) {
        let mut words = HashMap::new();
        for (line, content) in lines(text) {
            let content = content.split('#').next().unwrap_or_default();
            let mut fields = content.split_whitespace();
            let Some(word) = fields.next() else { continue };
            self.once(&mut words, line, word);
            if let Some(frequency) = fields.next()
                && frequency.parse::<usize>().is_err()
            {
                self.fault(line, LineFaultCode::BadFrequency, frequency);
            }
            if fields.next().is_some() {
                self.fault(line, LineFaultCode::TooManyFields, content.trim());
            }
        }
    }

    fn once<'t>(&mut self, seen: &mut HashMap<&'t str, usize>, line: usize, text: &'t str) {
        if seen.insert(text, line).is_some() {
            self.fault(line, LineFaultCode::Repeated, text);
        }
    }

    fn fault(&mut self, line: usize, code: LineFaultCode, text: &str) {
        self.faults.push(LineFault { line, code, text: text.to_owned() });
    }
}

/// Lines that are not blank, with their numbers.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = text.lines().enumerate().map(|(line_idx, line)| (line_idx + 1, line.trim()));
    numbered.filter(|(_, line)| !line.is_empty())
}
