//! All rows of the knowledge base, out and in.

use super::row::bad_row;
use super::{SqlStore, settle};
use crate::store::backup::{BackupStore, DumpRow, Rows, TABLES, TakeRow};
use crate::store::{StoreError, StoreFuture};
use serde_json::{Map, Value};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Column, Connection, Row, TypeInfo, ValueRef};

/// What a database numbers by itself, in the order of the rows.
const OWN_NUMBER: &str = "seq";

impl BackupStore for SqlStore {
    fn dump<'a>(&'a self, take: &'a mut TakeRow<'a>) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut connection = self.readers.acquire().await?;
            // One transaction sees one moment.
            let mut transaction = connection.begin_with(self.dialect.snapshot).await?;
            for table in TABLES {
                let select = format!("SELECT * FROM {table} ORDER BY {}", order_of(table));
                let rows = sqlx::query(AssertSqlSafe(select)).fetch_all(&mut *transaction).await?;
                for row in rows {
                    let columns = columns_of(table, &row)?;
                    take(DumpRow { table, columns }).map_err(StoreError::Transfer)?;
                }
            }
            Ok(transaction.rollback().await?)
        })
    }

    fn load<'a>(&'a self, rows: &'a mut Rows<'a>) -> StoreFuture<'a, ()> {
        Box::pin(async move {
            let mut connection = self.writer.acquire().await?;
            let loaded = load(&mut connection, self.dialect.begin, rows).await;
            settle(connection, loaded).await
        })
    }
}

/// How the rows of a table are ordered, by columns whose order is the same in both databases.
fn order_of(table: &str) -> &'static str {
    match table {
        "publications" => "number",
        "articles" => "id",
        "article_versions" => "article_id, version",
        "article_events" => "article_id, seq",
        "lexicons" => "name, version",
        _ => OWN_NUMBER,
    }
}

/// Whether the database numbers the rows of a table by itself.
fn numbers_itself(table: &str) -> bool {
    order_of(table) == OWN_NUMBER
}

fn columns_of(table: &'static str, row: &AnyRow) -> Result<Map<String, Value>, StoreError> {
    let mut columns = Map::new();
    for (idx, column) in row.columns().iter().enumerate() {
        if column.name() == OWN_NUMBER && numbers_itself(table) {
            continue;
        }
        let raw = row.try_get_raw(idx)?;
        if raw.is_null() {
            continue;
        }
        let value = match raw.type_info().name() {
            "TEXT" => Value::from(row.try_get::<String, _>(idx)?),
            "REAL" | "DOUBLE" => Value::from(row.try_get::<f64, _>(idx)?),
            _ => Value::from(row.try_get::<i64, _>(idx)?),
        };
        columns.insert(column.name().to_owned(), value);
    }
    Ok(columns)
}

async fn load(
    connection: &mut AnyConnection,
    begin: &'static str,
    rows: &mut Rows<'_>,
) -> Result<(), StoreError> {
    let mut transaction = connection.begin_with(begin).await?;
    // The counter's lock keeps publications of others away until all is there.
    let counter = "UPDATE publication_counter SET latest = latest WHERE latest = 0";
    let counter = sqlx::query(counter).execute(&mut *transaction).await?;
    if counter.rows_affected() == 0 {
        return Err(StoreError::NotEmpty);
    }
    for table in TABLES {
        let any = AssertSqlSafe(format!("SELECT 1 AS one FROM {table} LIMIT 1"));
        if sqlx::query(any).fetch_optional(&mut *transaction).await?.is_some() {
            return Err(StoreError::NotEmpty);
        }
    }
    for row in rows {
        insert(&mut transaction, row.map_err(StoreError::Transfer)?).await?;
    }
    let count = "UPDATE publication_counter SET latest = \
                 (SELECT COALESCE(MAX(number), 0) FROM publications)";
    sqlx::query(count).execute(&mut *transaction).await?;
    Ok(transaction.commit().await?)
}

async fn insert(
    connection: &mut AnyConnection,
    DumpRow { table, columns }: DumpRow,
) -> Result<(), StoreError> {
    // Names come out of a file: nothing but a name may get into the statement.
    let is_name = |name: &String| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    if !columns.keys().all(is_name) {
        return Err(bad_row(table, std::io::Error::other("a column has an impossible name")));
    }
    let names: Vec<&str> = columns.keys().map(String::as_str).collect();
    let places: Vec<String> = (1..=names.len()).map(|n| format!("${n}")).collect();
    let (names, places) = (names.join(", "), places.join(", "));
    let statement = format!("INSERT INTO {table} ({names}) VALUES ({places})");
    let mut query = sqlx::query(AssertSqlSafe(statement));
    for value in columns.into_iter().map(|(_, value)| value) {
        query = match value {
            Value::String(text) => query.bind(text),
            Value::Number(number) => match number.as_i64() {
                Some(number) => query.bind(number),
                None => query.bind(number.as_f64()),
            },
            other => {
                let error = format!("{other} is neither a number nor a text");
                return Err(bad_row(table, std::io::Error::other(error)));
            }
        };
    }
    query.execute(connection).await?;
    Ok(())
}
