//! A query's plan, and which scans in it an index would spare. Nothing is run.

use headwater_deploy::Error;
use headwater_deploy::error::During;
use serde_json::Value;
use tokio_postgres::types::{FromSql, ToSql, Type};

use super::Written;
use crate::finding::{Finding, Fix};
use crate::look::Look;
use crate::plan::{Scan, scans};

/// A query to be explained.
#[derive(Debug, Clone)]
pub struct Query {
    /// Its text.
    pub sql: String,
    /// Its parameters.
    pub parameters: Vec<Written>,
    /// All parameters are of type text, as the server's own statements have them; else the server infers their types.
    pub texts: bool,
}

/// A large table that a query reads from end to end.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The scan.
    pub scan: Scan,
    /// About how many rows the table has.
    pub rows: i64,
    /// An index is there that could find the rows; the planner thinks that reading the table is cheaper.
    pub has_index: bool,
}

/// The scans of tables with more rows than the project wants to be read so.
///
/// # Errors
/// Where the query cannot be planned.
pub async fn judge(look: &Look, query: &Query, doing: &str) -> Result<Vec<Judged>, Error> {
    let large = |scan: &Scan| look.rows_of(scan.table.schema.as_str(), scan.table.name.as_str());
    let mut found = scans(&explained(look, query, true).await.during(doing)?);
    found.retain(|scan| large(scan) > look.settings.doctor.scan_rows);
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let other = explained(look, query, false).await.during(doing)?;
    let judged = |scan: Scan| Judged { rows: large(&scan), has_index: finds(&other, &scan), scan };
    Ok(found.into_iter().map(judged).collect())
}

async fn explained(look: &Look, query: &Query, seqscan: bool) -> Result<Value, tokio_postgres::Error> {
    let client = &look.client;
    let types = if query.texts { vec![Type::TEXT; query.parameters.len()] } else { Vec::new() };
    if !seqscan {
        client.batch_execute("SET enable_seqscan = off").await?;
    }
    let row = async {
        let explain = format!("EXPLAIN (FORMAT JSON, VERBOSE) {}", query.sql);
        let statement = client.prepare_typed(&explain, &types).await?;
        let parameters: Vec<&(dyn ToSql + Sync)> = query.parameters.iter().map(|parameter| parameter as _).collect();
        client.query_one(&statement, &parameters).await
    }
    .await;
    if !seqscan {
        client.batch_execute("SET enable_seqscan = on").await?;
    }
    row.map(|row| row.get::<_, Json>(0).0)
}

/// What EXPLAIN answers.
struct Json(Value);

impl<'a> FromSql<'a> for Json {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(serde_json::from_slice(raw)?))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::JSON
    }
}

/// True where the plan finds the rows of the scan's table by an index: by a condition, or because it has their order.
fn finds(plan: &Value, scan: &Scan) -> bool {
    fn any(node: &Value, wanted: &dyn Fn(&Value) -> bool) -> bool {
        let children = node.get("Plans").and_then(Value::as_array).into_iter().flatten();
        wanted(node) || children.into_iter().any(|child| any(child, wanted))
    }
    let Some(root) = plan.pointer("/0/Plan") else { return false };
    let is = |node: &Value, key: &str, value: &str| node.get(key).and_then(Value::as_str) == Some(value);
    let on_table = |node: &Value| {
        is(node, "Relation Name", scan.table.name.as_str()) && is(node, "Schema", scan.table.schema.as_str())
    };
    let by_condition =
        any(root, &|node| on_table(node) && (node.get("Index Cond").is_some() || node.get("Recheck Cond").is_some()));
    // With a condition, walking in the order passes over the rows that do not meet it: that finds nothing.
    let by_order = !scan.sorted.is_empty()
        && scan.conditions.equal.is_empty()
        && !any(root, &|node| is(node, "Node Type", "Sort"))
        && any(root, &|node| on_table(node) && node.get("Index Name").is_some());
    by_condition || by_order
}

/// What a scan is told as: `what` reads a table, in the words of the caller; a warning where an index would help.
#[must_use]
pub fn finding(look: &Look, code: u16, object: &str, what: &str, judged: &Judged) -> Finding {
    let Judged { scan, rows, has_index } = judged;
    let model = look
        .models
        .iter()
        .find(|model| scan.table.schema.as_str() == "headwater" && model.table_name == scan.table.name.as_str());
    let shown = model.map_or_else(|| scan.table.short(), |model| model.name.short());
    let message = format!("{what} reads all of {shown}, about {rows} rows, for about {:.0}", scan.kept);
    if *has_index {
        return Finding::note(code, object, format!("{message}, although an index could find them"))
            .why("for the values that were tried the planner takes reading the table for cheaper")
            .advice(format!("if that is wrong, its statistics are old: ANALYZE {}", scan.table));
    }
    let finding = Finding::warning(code, object, message).why("it takes longer with every row that the table gets");
    match (scan.index_columns(), model) {
        (Some(columns), Some(model)) => finding
            .fixed_by(Fix::Model(format!("CREATE INDEX ON {} ({columns});", model.name)))
            .command("headwater apply"),
        (Some(columns), None) => finding.sql(format!("CREATE INDEX CONCURRENTLY ON {} ({columns})", scan.table)),
        (None, _) => finding.advice("no condition names a column that an index could be searched by; rewrite it as column = value, or index the expression"),
    }
}

/// One finding for each statement that helps, whatever else says the same of the same object.
pub fn add(found: &mut Vec<Finding>, finding: Finding) {
    let known = found
        .iter()
        .any(|other| other.code == finding.code && other.object == finding.object && other.fix == finding.fix);
    if !known {
        found.push(finding);
    }
}
