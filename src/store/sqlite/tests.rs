use crate::kb::article::Status;
use crate::store::contract::{self, articles, backup, learning, model};
use crate::store::{ArticleStore, SqlStore, Store, StoreError, sqlite};
use proptest::prelude::*;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use std::path::Path;
use std::sync::Arc;

async fn open(folder: &Path) -> SqlStore {
    sqlite::open(&folder.join("fenzhen.db")).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(folder.path()).await);
    contract::check(store.clone()).await;
    articles::check(store.clone()).await;
    learning::check(store).await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn a_backup_reads_as_the_original(ops in model::ops()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
            let [from, to] = [open(folders[0].path()).await, open(folders[1].path()).await];
            sqlx::raw_sql("PRAGMA synchronous = OFF").execute(from.writer()).await.unwrap();
            model::run(&from, ops).await;
            backup::learn(&from).await;
            backup::check(&from, &to).await;
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn old_publications_never_change(ops in model::ops()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let store = open(folder.path()).await;
            // Hundreds of commits, none of which has to outlive the process.
            sqlx::raw_sql("PRAGMA synchronous = OFF").execute(store.writer()).await.unwrap();
            model::run(&store, ops).await;
        });
    }
}

#[tokio::test]
async fn what_was_committed_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let id = contract::id("c1");
    {
        let store = open(folder.path()).await;
        store.commit(contract::first_turn(&id)).await.unwrap();
        articles::edit(&store, "a", articles::save("在吗？")).await;
    }
    let store = open(folder.path()).await;
    assert_eq!(store.turns(&id).await.unwrap().len(), 1);
    assert_eq!(store.conversation(&id).await.unwrap().unwrap().version, 1);
    assert_eq!(store.article("a").await.unwrap().unwrap().versions[0].status, Status::Draft);
}

#[tokio::test]
async fn a_database_of_schema_1_keeps_its_conversations() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fenzhen.db");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql(sqlite::DIALECT.migrations[0]).execute(&mut connection).await.unwrap();
    let insert = "INSERT INTO turns (conversation_id, seq, turn_id, episode, at_ms, text, reply) \
                  VALUES ('c1', 0, 't1', 1, 0, '在吗', '{}')";
    let conversation = "INSERT INTO conversations VALUES ('c1', 1, '{}', '{}', 'app', 1, 5, 0, 0)";
    for statement in [conversation, insert] {
        sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
    for _ in 0..2 {
        let store = open(folder.path()).await;
        let version: i64 =
            sqlx::query_scalar("PRAGMA user_version").fetch_one(store.writer()).await.unwrap();
        assert_eq!(version, 3);
        assert_eq!(store.turns(&contract::id("c1")).await.unwrap()[0].text, "在吗");
        assert_eq!(store.publications().await.unwrap().latest, 0);
    }
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
async fn opens_where_paths_have_other_characters() {
    let folder = tempfile::tempdir().unwrap();
    let odd = folder.path().join("数据 库?#%41");
    open(&odd.join("absent/..")).await;
    assert!(odd.join("fenzhen.db").exists());
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
