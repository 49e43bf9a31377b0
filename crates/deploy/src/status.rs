//! `status`: every model and whether it is healthy, from Headwater's own tables; compiles nothing, writes nothing.

use headwater_catalog::QualifiedName;
use tokio_postgres::{GenericClient, Row};

use crate::batch::LEADER_KEY;
use crate::error::{During, Error};
use crate::install::{SCHEMA_VERSION, installed_version};
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
    /// How far the batches are, where some model needs them.
    pub batches: Option<Batches>,
}

/// How far the batches are.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Batches {
    /// The last batch's number.
    pub number: i64,
    /// The moment that `now()` meant in it: eventual models are exact as of then, and later where nothing waits.
    pub at: String,
    /// Seconds since then.
    pub age: f64,
    /// Its snapshot.
    pub snapshot: String,
    /// The log's last position, `epoch.pos`.
    pub position: String,
    /// The backend of the leader; none where nobody leads.
    pub leader: Option<i32>,
    /// Changes wait for the next batch.
    pub waiting: bool,
}

/// One version of one model.
#[derive(Debug, Clone, Default, serde::Serialize)]
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
    /// For how many seconds an eventual model has waited to be computed anew.
    pub dirty_for: Option<f64>,
    /// How often in a row its batch or rebuild failed.
    pub failures: i32,
    /// Seconds until it is tried again.
    pub retry_in: Option<f64>,
    /// When the scheduled verify last looked at it.
    pub verified_at: Option<String>,
    /// Whether it was exact then, before any repair.
    pub verified_exact: Option<bool>,
    /// What differed then.
    pub verified_found: Option<String>,
    /// What differed then has been put right since.
    pub healed: bool,
    /// The source tables, as quoted qualified names.
    pub sources: Vec<String>,
    /// How many seconds an eventual model may be behind, where it says so.
    pub max_lag: Option<f64>,
    /// For how many seconds it has been broken.
    pub broken_for: Option<f64>,
    /// Changes of its sources wait for the next batch.
    pub waiting: bool,
}

impl Status {
    /// True where every model serves and every trigger is there.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.missing_triggers.is_empty()
            && self.models.iter().all(|model| model.state != "broken" && !model.is_diverged())
            && self.batches.as_ref().is_none_or(|batches| batches.leader.is_some() || !batches.waiting)
    }
}

impl ModelStatus {
    /// True where the last verify found a difference that nothing has put right since.
    #[must_use]
    pub fn is_diverged(&self) -> bool {
        self.verified_exact == Some(false) && !self.healed
    }
}

/// Reads it; empty where nothing is installed.
pub async fn status(client: &impl GenericClient) -> Result<Status, Error> {
    if !installed::is_present(client).await? {
        return Ok(Status::default());
    }
    match installed_version(client).await? {
        Some(found) if found < SCHEMA_VERSION => return Err(Error::OlderSchema { found, known: SCHEMA_VERSION }),
        _ => {}
    }
    let rows = client.query(include_str!("../sql/status.sql"), &[]).await.during("reading the status")?;
    Ok(Status {
        models: rows.iter().map(model).collect(),
        missing_triggers: triggers::installed_gaps(client).await?,
        batches: batches(client).await?,
    })
}

async fn batches(client: &impl GenericClient) -> Result<Option<Batches>, Error> {
    let doing = "reading how far the batches are";
    let row = client.query_one(include_str!("../sql/batches.sql"), &[&LEADER_KEY]).await.during(doing)?;
    let (epoch, pos): (i32, i64) = (row.get("epoch"), row.get("pos"));
    Ok(row.get::<_, bool>("needed").then(|| Batches {
        number: row.get("number"),
        at: row.get("at"),
        age: row.get("age"),
        snapshot: row.get("snapshot"),
        position: format!("{epoch}.{pos}"),
        leader: row.get("leader"),
        waiting: row.get("waiting"),
    }))
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
        dirty_for: row.get("dirty_for"),
        failures: row.get("failures"),
        retry_in: row.get("retry_in"),
        verified_at: row.get("verified_at"),
        verified_exact: row.get("verified_exact"),
        verified_found: row.get("verified_found"),
        healed: row.get("healed"),
        sources: row.get("sources"),
        max_lag: row.get("max_lag"),
        broken_for: row.get("broken_for"),
        waiting: row.get("waiting"),
    }
}

fn tick(schema: &str, name: &str, version: &str) -> Option<String> {
    QualifiedName::parse(schema, name).ok().map(|name| tick_function(&name, version))
}
