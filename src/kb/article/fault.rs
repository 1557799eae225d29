//! What can be wrong with an article file, told to its editor.

use std::fmt;
use std::path::PathBuf;

/// One fault of one article file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ArticleFault {
    /// The file, relative to the folder of articles.
    pub file: PathBuf,
    /// Line in the file, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with an article; its `Display` is a sentence for the editor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The file is not UTF-8 or cannot be opened.
    #[error("the file cannot be read: {0}")]
    Unreadable(String),
    /// The `+++` lines are missing.
    #[error("the file must start with a line `+++`, and the front matter end with another")]
    NoFrontMatter,
    /// The front matter is not TOML.
    #[error("the front matter is not valid TOML: {0}")]
    Syntax(String),
    /// A key nobody reads: most likely a typing error.
    #[error("unknown key `{0}`")]
    UnknownKey(String),
    /// A required key is missing.
    #[error("the key `{0}` is missing")]
    MissingKey(&'static str),
    /// A key holds a value of another type.
    #[error("`{key}` must be {expected}")]
    WrongType {
        /// The key.
        key: String,
        /// What it must be, with an article.
        expected: &'static str,
    },
    /// A key holds a word outside its list.
    #[error("`{key}` is \"{value}\", but must be one of {allowed}")]
    UnknownValue {
        /// The key.
        key: String,
        /// What it holds.
        value: String,
        /// The list, joined.
        allowed: String,
    },
    /// A text is empty or blank.
    #[error("`{0}` is empty")]
    Empty(String),
    /// The id has other characters than the ones that are safe in paths.
    #[error("the id \"{0}\" may hold lower-case letters, digits and hyphens only")]
    BadId(String),
    /// The category is no path under the three top names.
    #[error("the category \"{0}\" must be 产品, 服务 or 售后 followed by one to three levels")]
    BadCategory(String),
    /// `valid_until` lies before `valid_from`.
    #[error("`valid_until` {until} lies before `valid_from` {from}")]
    DatesReversed {
        /// First valid day.
        from: jiff::civil::Date,
        /// Last valid day.
        until: jiff::civil::Date,
    },
    /// Two files hold the same version of one article.
    #[error("version {version} of \"{id}\" is already in {other}")]
    DuplicateVersion {
        /// The article.
        id: String,
        /// The version both files hold.
        version: u32,
        /// The file read first.
        other: String,
    },
    /// A link names an article that does not exist.
    #[error("the link \"{0}\" names no article")]
    DanglingLink(String),
    /// Two served articles ask the same thing; a warning, since one of them may be meant narrower.
    #[error("the question \"{question}\" also stands in \"{other}\"")]
    DuplicateQuestion {
        /// The question as written here.
        question: String,
        /// The id of the other article.
        other: String,
    },
}

impl fmt::Display for ArticleFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.problem)
    }
}
