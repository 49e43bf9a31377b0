//! One model: its SELECT as its author wrote it, what `plan` said of it, and what is installed, as PostgreSQL itself writes it.

use headwater_catalog::{Ident, QualifiedName};
use headwater_postgres::Client;
use serde_json::{Value, json};

use super::look::{of_database, refreshes};
use super::operations::no_model;
use super::overview::plain;
use crate::http::problem::Problem;

/// How many rows of the refresh log are shown.
const RECENT: i64 = 20;

/// Reads it.
///
/// # Errors
/// HW0771 where there is no such model.
pub async fn read(client: &Client, name: &str) -> Result<Value, Problem> {
    let found = client.query_opt(include_str!("../../sql/model.sql"), &[&name]).await;
    let row = found.map_err(|error| of_database(&error))?.ok_or_else(no_model)?;
    let sources: Vec<String> = row.get("sources");
    let (schema, bare): (&str, &str) = (row.get("schema_name"), row.get("name"));
    let refreshed = refreshes(client, Some(if schema == "public" { bare } else { name }), None, RECENT).await?;
    Ok(json!({
        "name": name,
        "version": row.get::<_, &str>("version"),
        "table": row.get::<_, &str>("table_name"),
        "file": row.get::<_, &str>("file"),
        "definition": row.get::<_, &str>("definition"),
        "explanation": row.get::<_, Option<&str>>("explanation"),
        "key": row.get::<_, Vec<String>>("key_columns"),
        "sources": sources.iter().map(|source| plain(source)).collect::<Vec<_>>(),
        "objects": objects(client, &row, &sources).await?,
        "refreshes": refreshed,
    }))
}

async fn objects(client: &Client, row: &tokio_postgres::Row, sources: &[String]) -> Result<Vec<Value>, Problem> {
    let view = QualifiedName::parse(row.get("schema_name"), row.get("name")).map_err(|_| no_model())?;
    let table = Ident::new(row.get::<_, &str>("table_name")).map_err(|_| no_model())?;
    let (view, table) = (view.to_string(), format!("headwater.{table}"));
    let version: &str = row.get("version");
    let rows = client.query(include_str!("../../sql/objects.sql"), &[&version, &view, &table, &sources]).await;
    let shown = |row: &tokio_postgres::Row| {
        json!({
            "kind": row.get::<_, &str>("kind"),
            "name": row.get::<_, &str>("name"),
            "sql": row.get::<_, &str>("sql").trim_end(),
        })
    };
    Ok(rows.map_err(|error| of_database(&error))?.iter().map(shown).collect())
}
