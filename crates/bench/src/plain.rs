//! A site as document 003 reads it: each page one prepared query on its view, by a pool as large as Headwater's, as JSON that PostgreSQL makes. Nothing is kept
//! between two requests, nobody's token is looked at, and no page is followed: the least that such a site must do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header::CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use tokio_postgres::types::Type;

use crate::Failure;
use crate::paced::transactions;

/// Set in a process that is to be such a site: the database's address.
pub const DATABASE_VARIABLE: &str = "HEADWATER_BENCH_PLAIN";

/// Set with it: the file of the pages' statements.
pub const PAGES_VARIABLE: &str = "HEADWATER_BENCH_PAGES";

/// What its sessions are called.
pub const APPLICATION: &str = "003";

/// Connections: the 20 and 30 that Headwater's pool has unless told otherwise.
const CONNECTIONS: usize = 50;

/// So long a request waits for one of them.
const PATIENCE: Duration = Duration::from_secs(30);

struct Site {
    pool: Pool,
    pages: BTreeMap<String, String>,
}

/// The statements of the pages, by name; each gives one text and takes two, who asks and what for.
pub fn pages(text: &str) -> BTreeMap<String, String> {
    let page =
        |statement: &String| format!("SELECT coalesce(json_agg(page), '[]')::text FROM ({}) AS page", statement.trim());
    let of = |transaction: crate::paced::Transaction| Some((transaction.name, page(transaction.statements.first()?)));
    transactions(text).into_iter().filter_map(of).collect()
}

/// Answers `GET /{page}/{who asks}/{what for}` until it is ended.
pub async fn serve(database: &str, pages_file: &str) -> Result<(), Failure> {
    let pages = pages(&std::fs::read_to_string(pages_file)?);
    let mut database: tokio_postgres::Config = database.parse()?;
    database.application_name(APPLICATION);
    let manager = Manager::from_config(
        database,
        tokio_postgres::NoTls,
        ManagerConfig { recycling_method: RecyclingMethod::Fast },
    );
    let pool =
        Pool::builder(manager).max_size(CONNECTIONS).wait_timeout(Some(PATIENCE)).runtime(Runtime::Tokio1).build()?;
    let site = Arc::new(Site { pool, pages });
    let router = Router::new().route("/{page}/{viewer}/{of}", get(page)).with_state(site);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", serde_json::json!({ "address": listener.local_addr()?.to_string() }));
    Ok(axum::serve(listener, router).await?)
}

async fn page(State(site): State<Arc<Site>>, Path((page, viewer, of)): Path<(String, String, String)>) -> Response {
    let Some(sql) = site.pages.get(&page) else { return StatusCode::NOT_FOUND.into_response() };
    match read(&site.pool, sql, &viewer, &of).await {
        Ok(body) => ([(CONTENT_TYPE, "application/json")], body).into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response(),
    }
}

async fn read(pool: &Pool, sql: &str, viewer: &str, of: &str) -> Result<String, Failure> {
    let client = pool.get().await?;
    let statement = client.prepare_typed_cached(sql, &[Type::TEXT, Type::TEXT]).await?;
    Ok(client.query_one(&statement, &[&viewer, &of]).await?.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_one_json_text() {
        let found = pages("-- preface\n\n-- name: unread\nSELECT 1 AS a;\n\n-- name: inbox\nSELECT 2 AS b;\n");
        assert_eq!(found.keys().collect::<Vec<_>>(), ["inbox", "unread"]);
        assert_eq!(found["unread"], "SELECT coalesce(json_agg(page), '[]')::text FROM (SELECT 1 AS a) AS page");
    }
}
