//! Reads the log, rendered as a route shows its rows.

use std::fmt::Write as _;
use std::sync::Arc;

use tokio_postgres::Row;

use super::entry::{Entry, Op, Slice};
use crate::database::Connection;
use crate::http::problem::Problem;
use crate::page::read::Values;
use crate::page::sql;
use crate::position::Position;
use crate::route::Route;

/// Entries that are read at once.
pub const CHUNK: usize = 1000;

/// How far back the log goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// The newest position.
    pub newest: Position,
    /// The position before the oldest entry that is kept.
    pub oldest: Position,
}

/// Asks how far the log reaches.
///
/// # Errors
/// The database's.
pub async fn reach(connection: &Connection) -> Result<Reach, Problem> {
    let sql = "SELECT b.epoch, b.pos, coalesce((SELECT min(l.pos) - 1 FROM headwater.log AS l WHERE l.epoch = b.epoch), b.pos) \
               FROM headwater.batch AS b ORDER BY b.number DESC LIMIT 1";
    let rows = connection.query(sql, &[]).await.map_err(|error| Problem::of_database(&error))?;
    let row = rows.first().ok_or_else(|| Problem::unavailable("the database has no batches"))?;
    let epoch = row.get(0);
    Ok(Reach { newest: Position { epoch, pos: row.get(1) }, oldest: Position { epoch, pos: row.get(2) } })
}

/// The statement that reads a route's entries after `$1` of epoch `$2` up to `$3`; with a slice, only what concerns it.
#[must_use]
pub fn statement(route: &Route, slice: Option<&Slice>) -> String {
    let row = format!("pg_catalog.jsonb_populate_record(NULL::{}, l.\"row\") AS item", route.model.name);
    let name = |column: &usize| format!("item.{}", route.model.columns[*column].name);
    let tracked: Vec<_> = route.tracked.iter().map(|column| format!("{}::text", name(column))).collect();
    let mut sql = format!(
        "SELECT l.pos, l.op, {}, CASE WHEN l.op = 'put' THEN (SELECT {} FROM {row}) END",
        key(route),
        sql::item(route)
    );
    for value in &tracked {
        let _ = write!(sql, ", {value}");
    }
    let _ = write!(
        sql,
        ",\n  (SELECT pg_catalog.json_agg(pg_catalog.json_build_array({}))\n     FROM pg_catalog.jsonb_array_elements(l.old) AS e, \
         pg_catalog.jsonb_populate_record(NULL::{}, e) AS item)::text",
        tracked.join(", "),
        route.model.name
    );
    let _ = write!(
        sql,
        "\n FROM headwater.log AS l LEFT JOIN LATERAL {row} ON l.op = 'put'\nWHERE l.epoch = $2::text::int AND l.pos > $1::text::bigint AND l.pos <= $3::text::bigint AND l.model = {}",
        headwater_catalog::quote_literal(&route.model.name.short())
    );
    if let Some(slice) = slice {
        let mut parts = Vec::new();
        for (place, column) in slice.columns.iter().enumerate() {
            let column = &route.model.columns[route.tracked[*column]];
            parts.push(format!("item.{}::text IS NOT DISTINCT FROM ${}::text", column.name, place + 4));
        }
        if !parts.is_empty() {
            let inside = parts.join(" AND ");
            let _ = write!(
                sql,
                "\n  AND (l.op = 'reset' OR ({inside}) OR EXISTS (SELECT FROM pg_catalog.jsonb_array_elements(l.old) AS e, \
                 pg_catalog.jsonb_populate_record(NULL::{}, e) AS item WHERE {inside}))",
                route.model.name
            );
        }
    }
    let _ = write!(sql, "\nORDER BY l.pos LIMIT {CHUNK}");
    sql
}

/// The key as pages write it. In the log its columns are called `k1`, `k2` and so on.
fn key(route: &Route) -> String {
    let pair = |(number, column): (usize, &usize)| {
        let name = headwater_catalog::quote_literal(route.model.columns[*column].name.as_str());
        format!("{name}, l.key -> 'k{}'", number + 1)
    };
    let pairs: Vec<_> = route.model.key.iter().flatten().enumerate().map(pair).collect();
    format!("pg_catalog.jsonb_build_object({})::text", pairs.join(", "))
}

/// Up to [`CHUNK`] entries after one position up to another of the same epoch.
///
/// # Errors
/// The database's.
pub async fn read(
    connection: &Connection,
    route: &Route,
    slice: Option<&Slice>,
    after: Position,
    until: Position,
) -> Result<Vec<Arc<Entry>>, Problem> {
    let number = |number: i64| Some(number.to_string());
    let mut parameters = vec![number(after.pos), number(after.epoch.into()), number(until.pos)];
    parameters
        .extend(slice.into_iter().flat_map(|slice| &slice.values).map(|value| value.as_deref().map(ToOwned::to_owned)));
    let rows = connection.query(&statement(route, slice), &parameters).await;
    let rows = rows.map_err(|error| Problem::of_database(&error))?;
    Ok(rows.iter().map(|row| Arc::new(entry(row, until.epoch))).collect())
}

fn entry(row: &Row, epoch: i32) -> Entry {
    let op = match row.get(1) {
        "put" => Op::Put,
        "gone" => Op::Gone,
        _ => Op::Reset,
    };
    let last = row.len() - 1;
    let new: Values = (4..last).map(|place| row.get::<_, Option<&str>>(place).map(Into::into)).collect();
    let old: Option<&str> = row.get(last);
    Entry {
        position: Position { epoch, pos: row.get(0) },
        op,
        key: row.get::<_, Option<&str>>(2).unwrap_or("null").into(),
        item: row.get::<_, Option<&str>>(3).map(Into::into),
        new: (op == Op::Put).then_some(new),
        old: old.map(|text| serde_json::from_str(text).unwrap_or_default()).unwrap_or_default(),
    }
}
