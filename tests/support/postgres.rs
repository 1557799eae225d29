//! A database of its own for one test: on the server that `FENZHEN_TEST_POSTGRES` names, or one on
//! this machine. Without a server the test says so and passes; where the variable is set it fails.

#![allow(clippy::print_stderr, reason = "what a test found is told to whoever runs it")]

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use std::str::FromStr;

const VARIABLE: &str = "FENZHEN_TEST_POSTGRES";
const LOCAL: &str = "postgres://root@127.0.0.1:5432/postgres";

/// Runs `test` on the address of a new database.
pub(crate) async fn with_postgres<F>(test: impl FnOnce(String) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let given = std::env::var(VARIABLE).ok();
    let server = given.as_deref().unwrap_or(LOCAL);
    let mut admin = match PgConnection::connect(server).await {
        Ok(admin) => admin,
        Err(error) if given.is_some() => panic!("{VARIABLE}: {error}"),
        Err(error) => {
            eprintln!("SKIPPED: no PostgreSQL at {LOCAL} ({error}); set {VARIABLE}");
            return;
        }
    };
    let name = format!("fenzhen_test_{}", uuid::Uuid::now_v7().simple());
    let create = AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::raw_sql(create).execute(&mut admin).await.unwrap();
    let url = PgConnectOptions::from_str(server).unwrap().database(&name).to_url_lossy();
    let outcome = tokio::spawn(test(url.to_string())).await;
    let drop = AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"));
    sqlx::raw_sql(drop).execute(&mut admin).await.unwrap();
    if let Err(error) = outcome {
        std::panic::resume_unwind(error.into_panic());
    }
}
