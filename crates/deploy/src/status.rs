//! `status`: every model and whether it is healthy, from Headwater's own tables; compiles nothing, writes nothing.

use headwater_catalog::QualifiedName;
use tokio_postgres::{GenericClient, Row};

use crate::error::{During, Error};
use crate::installed;
use crate::triggers::{self, Gap};
use crate::verify::tick_function;

/// The health of a database's models.
#[derive(Debug, Default, serde::Serialize)]
pub struct Status {
    /// Every version of every model.
    pub models: Vec<ModelStatus>,
    /// Triggers that are missing or disabled: the models that read these tables may have missed changes.
    pub missing_triggers: Vec<Gap>,
}

/// One version of one model.
#[derive(Debug, serde::Serialize)]
pub struct ModelStatus {
    /// The model, `schema.name` outside `public`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its table in the schema `headwater`.
    pub table: String,
    /// `building`, `serving` or `broken`.
    pub state: String,
    /// Why it is broken.
    pub reason: Option<String>,
    /// Since when.
    pub broken_at: Option<String>,
    /// `realtime` or `eventual`.
    pub mode: String,
    /// `delta`, `keyed` or `diff`.
    pub tier: String,
    /// The function to call as time passes, where its rows change with it.
    pub tick: Option<String>,
    /// The columns that identify a row.
    pub key: Vec<String>,
    /// Rows as PostgreSQL estimates them.
    pub estimated_rows: i64,
    /// Table and indexes.
    pub bytes: i64,
    /// Ranges filled, and ranges in all; while it is built.
    pub fill: Option<(i32, i32)>,
    /// How long its fill took, in milliseconds.
    pub backfill_ms: i64,
    /// When it began to serve.
    pub installed_at: Option<String>,
    /// Where it is declared.
    pub file: String,
}

impl Status {
    /// True where every model serves and every trigger is there.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.missing_triggers.is_empty() && self.models.iter().all(|model| model.state != "broken")
    }
}

/// Reads it; empty where nothing is installed.
pub async fn status(client: &impl GenericClient) -> Result<Status, Error> {
    if !installed::is_present(client).await? {
        return Ok(Status::default());
    }
    let rows = client.query(include_str!("../sql/status.sql"), &[]).await.during("reading the status")?;
    Ok(Status { models: rows.iter().map(model).collect(), missing_triggers: triggers::installed_gaps(client).await? })
}

fn model(row: &Row) -> ModelStatus {
    let (schema, name): (&str, &str) = (row.get("schema_name"), row.get("name"));
    let installed_at: Option<String> = row.get("installed_at");
    ModelStatus {
        name: if schema == "public" { name.to_owned() } else { format!("{schema}.{name}") },
        version: row.get("version"),
        table: row.get("table_name"),
        state: row.get("state"),
        reason: row.get("reason"),
        broken_at: row.get("broken_at"),
        mode: row.get("mode"),
        tier: row.get("tier"),
        tick: (row.get::<_, bool>("timed") && row.get::<_, &str>("mode") == "realtime")
            .then(|| tick(schema, name, row.get("version")))
            .flatten(),
        key: row.get("key_columns"),
        estimated_rows: row.get("estimated_rows"),
        bytes: row.get("bytes"),
        fill: installed_at.is_none().then(|| (row.get("filled_ranges"), row.get("ranges"))),
        backfill_ms: row.get("backfill_ms"),
        installed_at,
        file: row.get("file"),
    }
}

fn tick(schema: &str, name: &str, version: &str) -> Option<String> {
    QualifiedName::parse(schema, name).ok().map(|name| tick_function(&name, version))
}
