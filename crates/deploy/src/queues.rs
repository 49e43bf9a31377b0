//! The change queues: which are installed, and the statements that bring others.

use headwater_catalog::{Ident, QualifiedName, quote_literal};
use headwater_compile::{Queue, Statement};
use tokio_postgres::GenericClient;

use crate::error::{During, Error};
use crate::installed;

/// A queue that is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledQueue {
    /// What it holds.
    pub queue: Queue,
    /// The serving triggers append to it.
    pub serving: bool,
}

/// The installed queues; none where nothing is installed.
pub async fn load(client: &impl GenericClient) -> Result<Vec<InstalledQueue>, Error> {
    let doing = "reading the installed change queues";
    if !installed::is_present(client).await? {
        return Ok(Vec::new());
    }
    let known = client.query_one("SELECT to_regclass('headwater.queue') IS NOT NULL", &[]).await.during(doing)?;
    if !known.get::<_, bool>(0) {
        return Ok(Vec::new());
    }
    let sql = "SELECT q.name, q.source, q.columns, q.types, EXISTS (SELECT FROM headwater.source AS s WHERE s.queue = q.name) AS serving, \
               n.parts, t.parts AS source_parts FROM headwater.queue AS q, parse_ident(q.name) AS n(parts), parse_ident(q.source) AS t(parts) ORDER BY q.name";
    let rows = client.query(sql, &[]).await.during(doing)?;
    let name = |parts: Vec<String>| match parts.as_slice() {
        [schema, name] => QualifiedName::parse(schema, name).ok(),
        _ => None,
    };
    Ok(rows
        .iter()
        .filter_map(|row| {
            let columns = row.get::<_, Vec<String>>("columns").into_iter().zip(row.get::<_, Vec<String>>("types"));
            let columns = columns.filter_map(|(name, ty)| Some((Ident::new(name).ok()?, ty))).collect();
            let queue = Queue { name: name(row.get("parts"))?, source: name(row.get("source_parts"))?, columns };
            Some(InstalledQueue { queue, serving: row.get("serving") })
        })
        .collect())
}

/// Creates a queue and records it.
#[must_use]
pub fn create(queue: &Queue) -> Vec<String> {
    let mut statements: Vec<String> = queue.create().into_iter().map(|Statement { sql, .. }| sql).collect();
    statements.push(format!("{} ON CONFLICT (name) DO NOTHING", insert(queue)));
    statements
}

/// Records the columns that triggers append from now on.
#[must_use]
pub fn record(queue: &Queue) -> String {
    format!("{} ON CONFLICT (name) DO UPDATE SET columns = excluded.columns, types = excluded.types", insert(queue))
}

fn insert(queue: &Queue) -> String {
    let list = |texts: Vec<&str>| {
        let literals: Vec<String> = texts.into_iter().map(quote_literal).collect();
        format!("ARRAY[{}]::text[]", literals.join(", "))
    };
    format!(
        "INSERT INTO headwater.queue (name, source, columns, types) VALUES ({}, {}, {}, {})",
        quote_literal(&queue.name.to_string()),
        quote_literal(&queue.source.to_string()),
        list(queue.columns.iter().map(|(name, _)| name.as_str()).collect()),
        list(queue.columns.iter().map(|(_, ty)| ty.as_str()).collect()),
    )
}

/// Drops a queue that nobody reads any more.
#[must_use]
pub fn drop(queue: &Queue) -> Vec<String> {
    vec![
        format!("DROP TABLE IF EXISTS {}", queue.name),
        format!("DELETE FROM headwater.queue WHERE name = {}", quote_literal(&queue.name.to_string())),
    ]
}

/// Deletes what the last batch has seen without knowing of the queue: its triggers were there a moment earlier.
#[must_use]
pub fn forget_seen(queue: &Queue) -> String {
    format!(
        "DELETE FROM {} AS q WHERE pg_visible_in_snapshot(q.hw_xid, (SELECT b.snapshot FROM headwater.batch AS b ORDER BY b.number DESC LIMIT 1))",
        queue.name
    )
}
