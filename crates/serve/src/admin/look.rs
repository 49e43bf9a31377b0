//! How everything is, read at one time.

use std::collections::BTreeMap;

use headwater_catalog::Ident;
use headwater_deploy::counters::{self, Counters};
use headwater_deploy::health::{Health, Moment, Versions, judge};
use headwater_deploy::status::{ModelStatus, Status, status};
use headwater_postgres::{Client, SCHEMA_LOCK_KEY};
use serde_json::{Value, json};

use crate::http::problem::Problem;

/// A look.
#[derive(Debug)]
pub struct Look {
    /// What Headwater says of itself.
    pub status: Status,
    /// What the server has counted of model tables and functions.
    pub counters: Counters,
    /// The moment, in milliseconds since 1970.
    pub now: f64,
    /// An `apply` or a `refresh` is at work.
    pub applying: bool,
    /// PostgreSQL's version.
    pub version: String,
    /// The database's name.
    pub database: String,
    /// Whether time in functions is counted: `none`, `pl` or `all`.
    pub track_functions: String,
    /// The number of the last batch.
    pub batch: i64,
    /// The source tables, by quoted qualified name.
    pub sources: BTreeMap<String, Counted>,
    /// The model tables.
    pub tables: BTreeMap<String, Counted>,
    /// For how many seconds rows of realtime models have been due, by model table.
    pub due: BTreeMap<String, f64>,
}

/// What PostgreSQL has counted of a table.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counted {
    /// Rows inserted, updated and deleted.
    pub changes: i64,
    /// Rows, as the planner estimates them; none where the table was never looked at.
    pub rows: Option<i64>,
}

impl Look {
    /// Looks.
    ///
    /// # Errors
    /// Where the database does not answer, or does not let this role look.
    pub async fn take(client: &Client) -> Result<Self, Problem> {
        // In this order: what does not wait now has not waited at this moment.
        let moment = moment(client).await?;
        let status = status(client).await.map_err(of_deploy)?;
        let is_building = status.models.iter().any(|model| model.fill.is_some());
        let mut applying: bool = moment.get("applying");
        if is_building && !applying {
            applying = self::moment(client).await?.get("applying");
        }
        let mut due = BTreeMap::new();
        for model in status.models.iter().filter(|model| model.tick.is_some()) {
            due.insert(model.table.clone(), due_for(client, &model.table).await?);
        }
        let sources = status.models.iter().flat_map(|model| model.sources.iter().cloned());
        let tables =
            status.models.iter().filter_map(|model| Some(format!("headwater.{}", Ident::new(&model.table).ok()?)));
        let mut counted = tables_counted(client, sources.chain(tables).collect()).await?;
        let tables = status.models.iter().filter_map(|model| {
            let name = format!("headwater.{}", Ident::new(&model.table).ok()?);
            Some((model.table.clone(), counted.remove(&name)?))
        });
        Ok(Self {
            tables: tables.collect(),
            sources: counted,
            due,
            counters: counters::read(client).await.map_err(of_deploy)?,
            now: moment.get("now"),
            applying,
            version: moment.get("version"),
            database: moment.get("database"),
            track_functions: moment.get("track_functions"),
            batch: moment.get("batch"),
            status,
        })
    }

    /// Every model with its versions.
    #[must_use]
    pub fn models(&self) -> BTreeMap<&str, Versions<'_>> {
        Versions::of(&self.status)
    }

    /// How a model is. `clean` says when nothing waited for it last, in milliseconds since 1970.
    #[must_use]
    pub fn health(&self, model: &Versions<'_>, clean: Option<f64>) -> Health {
        let waits_for = model.main().and_then(|main| self.waits_for(main, clean));
        judge(model, &self.status, Moment { applying: self.applying, waits_for })
    }

    /// For how many seconds the oldest change waits, at most: since the last batch, or since a look that saw none.
    fn waits_for(&self, model: &ModelStatus, clean: Option<f64>) -> Option<f64> {
        if !model.waiting {
            return self.due.get(&model.table).copied().filter(|seconds| *seconds > 0.0);
        }
        let batch = self.status.batches.as_ref()?.age;
        Some(clean.map_or(batch, |clean| batch.min((self.now - clean) / 1000.0)))
    }
}

async fn moment(client: &Client) -> Result<tokio_postgres::Row, Problem> {
    let row = client.query_one(include_str!("../../sql/moment.sql"), &[&SCHEMA_LOCK_KEY]).await;
    row.map_err(|error| of_database(&error))
}

async fn tables_counted(client: &Client, names: Vec<String>) -> Result<BTreeMap<String, Counted>, Problem> {
    let rows =
        client.query(include_str!("../../sql/tables.sql"), &[&names]).await.map_err(|error| of_database(&error))?;
    let counted =
        |row: &tokio_postgres::Row| (row.get("name"), Counted { changes: row.get("changes"), rows: row.get("rows") });
    Ok(rows.iter().map(counted).collect())
}

/// Rows of a realtime model whose time has come and that nobody has computed anew yet.
async fn due_for(client: &Client, table: &str) -> Result<f64, Problem> {
    let Ok(table) = Ident::new(table) else { return Ok(0.0) };
    let sql = format!(
        "SELECT coalesce(extract(epoch FROM clock_timestamp() - min(m.hw_due)), 0)::float8 FROM headwater.{table} AS m WHERE m.hw_due <= clock_timestamp()"
    );
    let row = client.query_one(&sql, &[]).await.map_err(|error| of_database(&error))?;
    Ok(row.get(0))
}

/// The newest rows of the refresh log: of one view or of all, of one status or of all.
///
/// # Errors
/// Where the database does not answer.
pub async fn refreshes(
    client: &Client,
    view: Option<&str>,
    status: Option<&str>,
    most: i64,
) -> Result<Vec<Value>, Problem> {
    let rows = client
        .query(include_str!("../../sql/refresh_log.sql"), &[&view, &status, &most])
        .await
        .map_err(|error| of_database(&error))?;
    let shown = |row: &tokio_postgres::Row| {
        json!({
            "view": row.get::<_, &str>("view_name"),
            "completed_at": row.get::<_, &str>("completed_at"),
            "duration_ms": row.get::<_, Option<i32>>("duration_ms"),
            "row_count": row.get::<_, Option<i64>>("row_count"),
            "triggered_by": row.get::<_, Option<&str>>("triggered_by"),
            "status": row.get::<_, &str>("status"),
            "message": row.get::<_, Option<&str>>("message"),
        })
    };
    Ok(rows.iter().map(shown).collect())
}

/// A time as the database writes it in UTC, as RFC 3339 writes it.
#[must_use]
pub fn iso(at: &str) -> String {
    let text = at.replacen(' ', "T", 1);
    match text.strip_suffix("+00") {
        Some(bare) => format!("{bare}Z"),
        None => text,
    }
}

/// What the database said, to an administrator: in its own words.
#[must_use]
pub fn of_database(error: &tokio_postgres::Error) -> Problem {
    Problem::unavailable(format!("looking at the database failed: {}", headwater_postgres::describe(error)))
}

/// What Headwater said.
#[must_use]
pub fn of_deploy(error: headwater_deploy::Error) -> Problem {
    let problem = Problem::unavailable(error.to_string());
    match error.hint() {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn times_are_written_for_everybody() {
        assert_eq!(super::iso("2026-01-02 03:04:05.678+00"), "2026-01-02T03:04:05.678Z");
        assert_eq!(super::iso("2026-01-02 03:04:05+05:30"), "2026-01-02T03:04:05+05:30");
    }
}
