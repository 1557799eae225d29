//! What is wrong with a file of articles, told to the editor who wants it imported.

use super::{MAX_FAULTS, MAX_FILE_BYTES, MAX_ROWS, MAX_UNPACKED_BYTES};
use crate::kb::article::Problem;
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use utoipa::ToSchema;

/// One fault of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Fault {
    /// The file, or the file in the folder or zip.
    #[schema(example = "售后知识.xlsx")]
    pub file: String,
    /// The sheet of a spreadsheet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "知识库")]
    pub sheet: Option<String>,
    /// Row as the editor sees it, the header being row 1; the line in Markdown and JSON lines.
    /// Absent where the whole file is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 17)]
    pub row: Option<usize>,
    /// The field, by its English name; a column nobody knows as it is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "valid_until")]
    pub column: Option<String>,
    /// A stable word that programs match on.
    #[schema(value_type = String, example = "dates_reversed")]
    pub code: &'static str,
    /// What is wrong, in English.
    #[schema(example = "`valid_until` 2025-12-31 lies before `valid_from` 2026-01-01")]
    pub message: String,
    /// The same in Chinese, for editors.
    #[schema(example = "失效日期 2025-12-31 早于生效日期 2026-01-01")]
    pub message_zh: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(sheet) = &self.sheet {
            write!(f, "[{sheet}]")?;
        }
        if let Some(row) = self.row {
            write!(f, ":{row}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// What is wrong with a file as a whole or with its table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileProblem {
    /// More bytes than [`MAX_FILE_BYTES`].
    #[error("the file has {bytes} bytes, at most {MAX_FILE_BYTES} are read: split it")]
    TooLarge {
        /// Its bytes.
        bytes: usize,
    },
    /// More rows than [`MAX_ROWS`].
    #[error("the file has more than {MAX_ROWS} rows: split it")]
    TooManyRows,
    /// More faults than [`MAX_FAULTS`]; the others are left out.
    #[error("there are more than {MAX_FAULTS} faults: the table as a whole may be meant otherwise")]
    TooManyFaults,
    /// A zip or spreadsheet unpacks to more than [`MAX_UNPACKED_BYTES`].
    #[error("the file unpacks to more than {MAX_UNPACKED_BYTES} bytes and is refused")]
    UnpacksTooLarge,
    /// A zip names a file outside its folder.
    #[error("the zip holds the unsafe name \"{0}\" and is refused")]
    UnsafeName(String),
    /// Not in the format its name says, or damaged.
    #[error("the file cannot be read: {0}")]
    Unreadable(String),
    /// Neither UTF-8, UTF-16 nor GBK.
    #[error("the file is neither UTF-8 nor GBK: save it as CSV UTF-8")]
    Encoding,
    /// Nothing in it.
    #[error("the file holds no rows")]
    Empty,
    /// Two columns mean the same field.
    #[error("the columns \"{first}\" and \"{second}\" mean the same field: remove one")]
    DuplicateColumn {
        /// The left one.
        first: String,
        /// The right one.
        second: String,
    },
    /// A row has more cells than the header.
    #[error("the row has more cells than the header: a quote or separator may be wrong")]
    ExtraCells,
    /// A line of JSON lines is no JSON object.
    #[error("the line is no JSON object: {0}")]
    NotAnObject(String),
}

impl FileProblem {
    /// A stable word that programs match on.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "file_too_large",
            Self::TooManyRows => "too_many_rows",
            Self::TooManyFaults => "too_many_faults",
            Self::UnpacksTooLarge => "unpacks_too_large",
            Self::UnsafeName(_) => "unsafe_name",
            Self::Unreadable(_) => "unreadable",
            Self::Encoding => "encoding",
            Self::Empty => "no_rows",
            Self::DuplicateColumn { .. } => "duplicate_column",
            Self::ExtraCells => "extra_cells",
            Self::NotAnObject(_) => "not_an_object",
        }
    }

    /// The sentence in Chinese, for editors.
    #[must_use]
    pub fn message_zh(&self) -> String {
        match self {
            Self::TooLarge { .. } => {
                format!("文件超过 {} MB，请拆成几个文件", MAX_FILE_BYTES / 1_000_000)
            }
            Self::TooManyRows => format!("文件超过 {MAX_ROWS} 行，请拆成几个文件"),
            Self::TooManyFaults => {
                format!("错误超过 {MAX_FAULTS} 处，其余不再列出，请检查整张表的格式")
            }
            Self::UnpacksTooLarge => "文件解压后过大，已拒绝".into(),
            Self::UnsafeName(name) => format!("压缩包里有不安全的文件名“{name}”，已拒绝"),
            Self::Unreadable(_) => "文件无法读取，请确认格式正确、没有损坏、没有加密".into(),
            Self::Encoding => "文件编码既不是 UTF-8 也不是 GBK，请另存为 CSV UTF-8".into(),
            Self::Empty => "文件里没有内容".into(),
            Self::DuplicateColumn { first, second } => {
                format!("“{first}”和“{second}”两列是同一个字段，请删去一列")
            }
            Self::ExtraCells => "这一行的单元格比表头多，请检查引号和分隔符".into(),
            Self::NotAnObject(_) => "这一行不是有效的 JSON 对象".into(),
        }
    }
}

/// Where something stands.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) file: Arc<str>,
    pub(super) sheet: Option<Arc<str>>,
    /// Counted from 1; 0 for the whole file.
    pub(super) row: usize,
}

impl Place {
    pub(super) fn file(file: &str) -> Self {
        Self { file: file.into(), sheet: None, row: 0 }
    }

    pub(super) fn at(&self, row: usize) -> Self {
        Self { row, ..self.clone() }
    }

    pub(super) fn problem(&self, problem: &Problem) -> Fault {
        // The column of `answers.body` is `answers`.
        let column = problem.key().and_then(|key| key.split('.').next()).map(str::to_owned);
        self.fault(column, problem.code(), problem.to_string(), problem.message_zh())
    }

    pub(super) fn told(&self, problem: &FileProblem) -> Fault {
        self.fault(None, problem.code(), problem.to_string(), problem.message_zh())
    }

    fn fault(
        &self,
        column: Option<String>,
        code: &'static str,
        message: String,
        message_zh: String,
    ) -> Fault {
        Fault {
            file: self.file.to_string(),
            sheet: self.sheet.as_ref().map(ToString::to_string),
            row: (self.row > 0).then_some(self.row),
            column,
            code,
            message,
            message_zh,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.row)
    }
}

/// Why articles could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// More versions than a file may have rows.
    #[error("{n} versions are more than the {MAX_ROWS} that one file may hold: export a part")]
    TooManyRows {
        /// The versions.
        n: usize,
    },
    /// The folder holds files already, which would mix with the new ones.
    #[error("{path} is not empty: choose a new folder")]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The file system failed.
    #[error("{path}: {source}")]
    Io {
        /// What was being written.
        path: PathBuf,
        /// The system's own words.
        source: std::io::Error,
    },
    /// The table could not be put together.
    #[error("the CSV table cannot be written: {0}")]
    Csv(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The spreadsheet could not be put together.
    #[error("the spreadsheet cannot be written: {0}")]
    Xlsx(#[from] rust_xlsxwriter::XlsxError),
    /// The zip could not be put together.
    #[error("the zip cannot be written: {0}")]
    Zip(#[from] zip::result::ZipError),
    /// An article could not be written as JSON.
    #[error("an article cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}
