//! The oracle: a model compared with its SELECT, both ways as multisets, in one snapshot. `verify`, the check before a
//! swap and every test run this code.

use headwater_catalog::{Ident, QualifiedName};
use headwater_compile::{Compare, Diagnostic};
use headwater_postgres::retry::Attempts;
use tokio_postgres::{Client, GenericClient, IsolationLevel, Transaction};

use crate::batch;
use crate::error::{During, Error, Problems};
use crate::installed::{self, InstalledModel, State};
use crate::progress::Progress;

/// How many differing rows are shown.
const SAMPLE_ROWS: i64 = 10;

/// How many keys one call of a tick brings up to date.
pub const TICK_KEYS: i32 = 1000;

/// How often a timed model is looked at again when it differs: a clock loop beside us may have let a row go between
/// the moment that our transaction calls now and its snapshot.
const TIMED_ATTEMPTS: u32 = 3;

/// A model against its SELECT at one snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Comparison {
    /// Rows that the SELECT has and the model lacks.
    pub missing: i64,
    /// Rows that the model has and the SELECT lacks.
    pub extra: i64,
    /// Keys whose rows differ.
    pub altered: i64,
    /// The model's rows.
    pub rows: i64,
    /// Some of the rows that differ.
    pub sample: Vec<DifferingRow>,
}

impl Comparison {
    /// True where nothing differs.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        (self.missing, self.extra, self.altered) == (0, 0, 0)
    }
}

impl std::fmt::Display for Comparison {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} rows missing, {} extra, {} altered", self.missing, self.extra, self.altered)
    }
}

/// One row that differs.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct DifferingRow {
    /// `missing`: the SELECT has it. `extra`: the model has it.
    pub side: String,
    /// The row as JSON.
    pub row: String,
}

/// What `verify` found of one model.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Verified {
    /// The model.
    pub name: String,
    /// Nothing differs (any more).
    pub exact: bool,
    /// The last comparison.
    #[serde(flatten)]
    pub comparison: Comparison,
    /// How many keys were recomputed, where a repair was asked for and needed.
    pub repaired_keys: Option<i64>,
    /// What differed before any repair, in words; nothing where it was exact.
    pub found: Option<String>,
    /// Why it is marked broken, if it still is.
    pub broken: Option<String>,
}

/// What `verify` is to do.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Only these models, by name or schema.name; all where empty.
    pub models: Vec<String>,
    /// Recompute what differs, and let broken models that are exact serve again.
    pub repair: bool,
}

/// Verifies the serving models, one after the other.
pub async fn verify(client: &mut Client, options: &Options, progress: &dyn Progress) -> Result<Vec<Verified>, Error> {
    let installed = installed::load(client).await?;
    let models = choose(&installed, &options.models)?;
    progress.begin("verifying", models.len() as u64);
    let mut found = Vec::new();
    for model in models {
        let verified = match verify_model(client, model, options.repair).await {
            // A SELECT that fails says nothing of the other models.
            Err(error) if !error.is_unreachable() => failed(model, &error),
            outcome => outcome?,
        };
        record(client, model, &verified).await?;
        found.push(verified);
        progress.done(found.len() as u64);
    }
    progress.end();
    Ok(found)
}

/// The serving models with these names; all of them where none is given.
pub fn choose<'a>(installed: &'a [InstalledModel], names: &[String]) -> Result<Vec<&'a InstalledModel>, Error> {
    let serving: Vec<_> = installed.iter().filter(|model| model.serves()).collect();
    if names.is_empty() {
        return if serving.is_empty() { Err(Error::NotInstalled) } else { Ok(serving) };
    }
    let find = |name: &String| {
        let answers = |model: &&InstalledModel| {
            model.name.short() == *name
                || format!("{}.{}", model.name.schema.as_str(), model.name.name.as_str()) == *name
        };
        let known = || serving.iter().map(|model| model.name.short()).collect();
        serving.iter().copied().find(answers).ok_or_else(|| Error::UnknownModel { name: name.clone(), known: known() })
    };
    names.iter().map(find).collect()
}

/// As [`choose`], for what is done to a declaration: a side has none of its own.
pub(crate) fn choose_declared<'a>(
    installed: &'a [InstalledModel],
    names: &[String],
) -> Result<Vec<&'a InstalledModel>, Error> {
    let chosen = choose(installed, names)?;
    let sides = chosen.iter().filter(|model| model.is_side() && !names.is_empty());
    let diagnostics: Vec<Diagnostic> = sides
        .map(|side| {
            let message = format!("{} is a side of another model, and comes and goes with it", side.name.short());
            Diagnostic::error(565, "", 0..0, message)
                .hint("name that model instead: it is called the same, without _side")
        })
        .collect();
    if diagnostics.is_empty() { Ok(chosen) } else { Err(Error::Problems(Problems { diagnostics, files: Vec::new() })) }
}

/// A model whose SELECT, or whose repair, the server refuses.
fn failed(model: &InstalledModel, error: &Error) -> Verified {
    let comparison = Comparison { missing: 0, extra: 0, altered: 0, rows: 0, sample: Vec::new() };
    let (name, told) = (model.name.short(), error.to_string());
    Verified { name, exact: false, comparison, repaired_keys: None, found: Some(told.clone()), broken: Some(told) }
}

/// Keeps what was found, for `status`. Where nothing can be written, on a standby or for a role that only reads, it is told and not kept.
async fn record(client: &Client, model: &InstalledModel, verified: &Verified) -> Result<(), Error> {
    let sql = "UPDATE headwater.model SET verified_at = now(), verified_exact = $2::text IS NULL, verified_found = $2, \
               repaired_at = CASE WHEN $3 THEN now() ELSE repaired_at END WHERE table_name = $1";
    let repaired = verified.exact && verified.repaired_keys.is_some();
    let mut attempts = Attempts::default();
    loop {
        let written = client.execute(sql, &[&model.table_name, &verified.found, &repaired]).await;
        match written.during("recording what was verified") {
            Err(failure) if attempts.again_after(&failure).await => {}
            Err(Error::Statement { source, .. }) if is_read_only(&source) => return Ok(()),
            outcome => return outcome.map(drop),
        }
    }
}

fn is_read_only(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|code| matches!(code.code(), "25006" | "42501"))
}

async fn verify_model(client: &mut Client, model: &InstalledModel, repaired: bool) -> Result<Verified, Error> {
    if repaired && !model.eventual {
        // What failed up to here is repaired below; what commits later leaves its note.
        let sql = "WITH seen AS (DELETE FROM headwater.missed WHERE model = $1 RETURNING 1) \
                   UPDATE headwater.model SET state = 'broken', reason = coalesce(reason, 'a write failed to maintain it') \
                   WHERE table_name = $1 AND state = 'serving' AND EXISTS (SELECT FROM seen)";
        client.execute(sql, &[&model.table_name]).await.during("looking for writes that failed")?;
    }
    let broken = repaired && is_broken(client, &model.table_name).await?;
    let mut comparison = compare_model(client, model).await?;
    let found = (!comparison.is_exact()).then(|| comparison.to_string());
    let mut repaired_keys = None;
    if repaired && !comparison.is_exact() {
        repaired_keys = Some(repair(client, model).await?);
        comparison = compare_model(client, model).await?;
    }
    let heals = broken && comparison.is_exact();
    if heals && !model.eventual {
        set_serving(client, &model.table_name).await?;
    }
    let broken = (model.state == State::Broken && !heals).then(|| model.reason.clone().unwrap_or_default());
    Ok(Verified { name: model.name.short(), exact: comparison.is_exact(), comparison, repaired_keys, found, broken })
}

async fn is_broken(client: &Client, table: &str) -> Result<bool, Error> {
    let sql = "SELECT state = 'broken' FROM headwater.model WHERE table_name = $1";
    let row = client.query_opt(sql, &[&table]).await.during("reading a model's state")?;
    Ok(row.is_some_and(|row| row.get(0)))
}

/// Compares an installed model with its SELECT.
pub async fn compare_model(client: &mut Client, model: &InstalledModel) -> Result<Comparison, Error> {
    if model.eventual {
        return compare_eventual(client, &model.compare).await;
    }
    compare(client, &model.compare, model.tick().as_deref()).await
}

/// Runs a batch and compares an eventual model with its SELECT at the batch's snapshot, in the batch's transaction.
pub async fn compare_eventual(client: &mut Client, how: &Compare) -> Result<Comparison, Error> {
    let mut attempts = Attempts::default();
    loop {
        match compare_in_batch(client, how).await {
            Err(failure) if attempts.again_after(&failure).await => {}
            outcome => return outcome,
        }
    }
}

async fn compare_in_batch(client: &mut Client, how: &Compare) -> Result<Comparison, Error> {
    let (transaction, _) = batch::begin(client, batch::How { careful: true, force: true }).await?;
    let found = compare_in(&transaction, how).await?;
    transaction.commit().await.during("comparing a model with its SELECT")?;
    Ok(found)
}

/// Puts right what differs in an installed model; returns how many keys or rows. A broken eventual model serves again with it.
pub async fn repair(client: &mut Client, model: &InstalledModel) -> Result<i64, Error> {
    if !model.eventual {
        return repair_model(client, &model.compare).await;
    }
    let mut attempts = Attempts::default();
    loop {
        match rebuild_in_batch(client, model).await {
            Err(failure) if attempts.again_after(&failure).await => {}
            outcome => return outcome,
        }
    }
}

async fn rebuild_in_batch(client: &mut Client, model: &InstalledModel) -> Result<i64, Error> {
    let doing = "repairing a model";
    let (transaction, _) = batch::begin(client, batch::How { careful: true, force: false }).await?;
    let sql = "SELECT headwater.rebuild_model(m, 'verify --repair') FROM headwater.model AS m WHERE m.table_name = $1";
    let rows = transaction.query_one(sql, &[&model.table_name]).await.during(doing)?.get(0);
    transaction.commit().await.during(doing)?;
    Ok(rows)
}

/// Compares a model with its SELECT in one REPEATABLE READ snapshot; brings a timed one (`clock` is its tick function) up to
/// the snapshot's moment first.
pub async fn compare(client: &mut Client, how: &Compare, clock: Option<&str>) -> Result<Comparison, Error> {
    if let Some(function) = clock {
        tick(client, function).await?;
    }
    for _ in 1..TIMED_ATTEMPTS {
        let found = compare_repeatedly(client, how, clock).await?;
        if found.is_exact() || clock.is_none() {
            return Ok(found);
        }
    }
    compare_repeatedly(client, how, clock).await
}

async fn compare_repeatedly(client: &mut Client, how: &Compare, clock: Option<&str>) -> Result<Comparison, Error> {
    let mut attempts = Attempts::default();
    loop {
        match compare_once(client, how, clock).await {
            Err(failure) if attempts.again_after(&failure).await => {}
            outcome => return outcome,
        }
    }
}

async fn compare_once(client: &mut Client, how: &Compare, clock: Option<&str>) -> Result<Comparison, Error> {
    let doing = "comparing a model with its SELECT";
    let transaction =
        client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).start().await.during(doing)?;
    if let Some(function) = clock {
        while tick_once(&transaction, function).await? > 0 {}
    }
    let found = compare_in(&transaction, how).await?;
    transaction.commit().await.during(doing)?;
    Ok(found)
}

/// Compares inside an open transaction, as it sees things there. Tests use it in the middle of writers' transactions.
pub async fn compare_in(transaction: &Transaction<'_>, how: &Compare) -> Result<Comparison, Error> {
    let doing = "comparing a model with its SELECT";
    let row = transaction.query_one(&how.summary, &[]).await.during(doing)?;
    let mut found = Comparison {
        missing: row.get("missing"),
        extra: row.get("extra"),
        altered: row.get("altered"),
        rows: row.get("rows"),
        sample: Vec::new(),
    };
    if !found.is_exact() {
        let rows = transaction.query(&how.sample, &[&SAMPLE_ROWS]).await.during(doing)?;
        found.sample = rows.iter().map(|row| DifferingRow { side: row.get("side"), row: row.get("row") }).collect();
    }
    Ok(found)
}

/// Recomputes every key that differs, as a writer would; returns how many.
pub async fn repair_model(client: &mut Client, how: &Compare) -> Result<i64, Error> {
    let mut attempts = Attempts::default();
    loop {
        match client.query_one(&how.repair, &[]).await.during("repairing a model") {
            Err(failure) if attempts.again_after(&failure).await => {}
            outcome => return outcome.map(|row| row.get(0)),
        }
    }
}

/// The function that lets time pass in a version of a model: `headwater.<name>_<version>_tick`.
#[must_use]
pub fn tick_function(model: &QualifiedName, version: &str) -> String {
    format!("headwater.{}", Ident::generated(model.name.as_str(), &format!("_{version}_tick")))
}

/// Brings every due key of a timed model up to date.
pub async fn tick(client: &Client, function: &str) -> Result<(), Error> {
    let mut attempts = Attempts::default();
    loop {
        match tick_once(client, function).await {
            Ok(0) => return Ok(()),
            Ok(_) => attempts = Attempts::default(),
            Err(failure) if attempts.again_after(&failure).await => {}
            Err(failure) => return Err(failure),
        }
    }
}

/// Brings at most [`TICK_KEYS`] due keys up to date; returns how many.
pub async fn tick_once(client: &impl GenericClient, function: &str) -> Result<i64, Error> {
    let sql = format!("SELECT {function}({TICK_KEYS})");
    let row = client.query_one(&sql, &[]).await.during("letting time pass in a model")?;
    Ok(row.get(0))
}

async fn set_serving(client: &Client, table: &str) -> Result<(), Error> {
    let sql = "UPDATE headwater.model SET state = 'serving', reason = NULL, broken_at = NULL WHERE table_name = $1 AND state = 'broken'";
    client.execute(sql, &[&table]).await.during("letting a repaired model serve again")?;
    Ok(())
}
