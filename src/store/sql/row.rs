//! Between columns and values.

use crate::kb::editorial::Actor;
use crate::store::StoreError;
use crate::store::articles::PublicationReason;
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use sqlx::Row;
use sqlx::any::AnyRow;

/// What a publication is, before it has its number.
pub(super) struct NewPublication<'a> {
    pub(super) reason: PublicationReason,
    pub(super) article_id: Option<&'a str>,
    pub(super) actor: &'a Actor,
    pub(super) at: Timestamp,
}

/// A number as the databases keep it; ours do not get that high.
pub(super) fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A free text as PostgreSQL takes it, which refuses U+0000.
pub(super) fn stored_text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

pub(super) fn number<T: TryFrom<i64>>(row: &AnyRow, column: &'static str) -> Result<T, StoreError>
where
    T::Error: std::error::Error + Send + Sync + 'static,
{
    T::try_from(row.try_get::<i64, _>(column)?).map_err(|error| bad_row(column, error))
}

pub(super) fn optional_number<T: TryFrom<i64>>(
    row: &AnyRow,
    column: &'static str,
) -> Result<Option<T>, StoreError>
where
    T::Error: std::error::Error + Send + Sync + 'static,
{
    let number = row.try_get::<Option<i64>, _>(column)?;
    number.map(T::try_from).transpose().map_err(|error| bad_row(column, error))
}

pub(super) fn time(row: &AnyRow, column: &'static str) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(row.try_get(column)?).map_err(|error| bad_row(column, error))
}

pub(super) fn json<T: DeserializeOwned>(
    row: &AnyRow,
    column: &'static str,
) -> Result<T, StoreError> {
    serde_json::from_str(row.try_get(column)?).map_err(|error| bad_row(column, error))
}

/// A value that is a text in JSON, such as a status, a day or an actor.
pub(super) fn word<T: DeserializeOwned>(
    row: &AnyRow,
    column: &'static str,
) -> Result<T, StoreError> {
    from_word(row.try_get(column)?, column)
}

pub(super) fn optional_word<T: DeserializeOwned>(
    row: &AnyRow,
    column: &'static str,
) -> Result<Option<T>, StoreError> {
    let word = row.try_get::<Option<String>, _>(column)?;
    word.map(|word| from_word(word, column)).transpose()
}

fn from_word<T: DeserializeOwned>(word: String, column: &'static str) -> Result<T, StoreError> {
    serde_json::from_value(Value::String(word)).map_err(|error| bad_row(column, error))
}

/// The text that [`word`] reads.
pub(super) fn word_of<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        other => unreachable!("statuses, kinds and names serialise to texts, not {other:?}"),
    }
}

pub(super) fn to_json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("plain structs without maps of odd keys serialise")
}

pub(super) fn bad_row(
    what: &'static str,
    source: impl std::error::Error + Send + Sync + 'static,
) -> StoreError {
    StoreError::BadRow { what, source: Box::new(source) }
}
