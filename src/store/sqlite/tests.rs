use crate::store::{SqlStore, Store, StoreError, contract, sqlite};
use std::path::Path;

async fn open(folder: &Path) -> SqlStore {
    sqlite::open(&folder.join("fenzhen.db")).await.unwrap()
}

#[tokio::test]
async fn keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    contract::check(&open(folder.path()).await).await;
}

#[tokio::test]
async fn what_was_committed_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let id = contract::id("c1");
    {
        let store = open(folder.path()).await;
        store.commit(contract::first_turn(&id)).await.unwrap();
    }
    let store = open(folder.path()).await;
    assert_eq!(store.turns(&id).await.unwrap().len(), 1);
    assert_eq!(store.conversation(&id).await.unwrap().unwrap().version, 1);
}

#[tokio::test]
async fn refuses_what_is_no_database_and_what_is_newer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fenzhen.db");
    std::fs::write(&path, "no database at all, only a text of some length".repeat(50)).unwrap();
    let error = sqlite::open(&path).await.err().unwrap();
    assert!(matches!(error, StoreError::Unusable { .. }), "{error:?}");
    let store = sqlite::open(&folder.path().join("new.db")).await.unwrap();
    sqlx::raw_sql("PRAGMA user_version = 99").execute(store.writer()).await.unwrap();
    let error = sqlite::open(&folder.path().join("new.db")).await.err().unwrap();
    assert!(error.to_string().contains("99"), "{error}");
}

#[tokio::test]
async fn says_when_the_disk_is_full() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await;
    let pages: i64 =
        sqlx::query_scalar("PRAGMA page_count").fetch_one(store.writer()).await.unwrap();
    let limit = format!("PRAGMA max_page_count = {pages}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(limit)).execute(store.writer()).await.unwrap();
    let mut change = contract::first_turn(&contract::id("c1"));
    if let Some(turn) = &mut change.turn {
        turn.reply = "满".repeat(100_000);
    }
    let error = store.commit(change).await.err().unwrap();
    assert!(matches!(error, StoreError::NotWritable { .. }), "{error:?}");
    assert!(store.conversation(&contract::id("c1")).await.unwrap().is_none());
}
