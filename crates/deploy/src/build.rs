//! Building a version beside the one that serves: its objects and its row, together in one transaction.

use std::time::Duration;

use headwater_catalog::QualifiedName;
use headwater_compile::CompiledModel;
use tokio_postgres::{Client, GenericClient, Transaction};

use crate::error::{During, Error};
use crate::locks::set_lock_timeout;
use crate::wanted::Wanted;

/// How long creating a version's views waits for whoever holds its source tables exclusively.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// Creates the version's objects and records it as `building`.
pub async fn build(client: &mut Client, wanted: &Wanted, model: &CompiledModel) -> Result<(), Error> {
    let doing = |what: &str| format!("building {}: {what}", model.name.short());
    let transaction = client.transaction().await.during(doing("begin"))?;
    set_lock_timeout(&transaction, LOCK_TIMEOUT).await.during(doing("lock_timeout"))?;
    for statement in &model.build {
        transaction.batch_execute(&statement.sql).await.during(doing(&statement.comment))?;
    }
    transaction.batch_execute(CLOSE_TO_OTHERS).await.during(doing("closing it to others"))?;
    record(&transaction, wanted, model).await?;
    transaction.commit().await.during(doing("commit"))
}

/// Functions are open to everybody when they are created; nobody else calls these by name.
const CLOSE_TO_OTHERS: &str = "REVOKE ALL ON ALL TABLES IN SCHEMA headwater FROM PUBLIC; \
                               REVOKE ALL ON ALL ROUTINES IN SCHEMA headwater FROM PUBLIC";

async fn record(transaction: &Transaction<'_>, wanted: &Wanted, model: &CompiledModel) -> Result<(), Error> {
    let diff_sources: Vec<_> = model.diff_sources.iter().map(QualifiedName::to_string).collect();
    let changes = model.changes.as_ref().map(QualifiedName::to_string);
    let definition = wanted.definitions.get(&model.name).map_or("", String::as_str);
    let generation = wanted.generations.get(&model.name).copied().unwrap_or_default();
    let columns: Vec<_> = model.columns.iter().map(|column| column.name.as_str()).collect();
    let sources: Vec<_> = model.sources.iter().map(QualifiedName::to_string).collect();
    let discard: Vec<_> = model.discard.iter().map(|statement| statement.sql.as_str()).collect();
    let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 27] = [
        &model.name.schema.as_str(),
        &model.name.name.as_str(),
        &model.version,
        &model.table.name.as_str(),
        &model.mode.word(),
        &model.tier,
        &model.timed,
        &model.key,
        &columns,
        &sources,
        &definition,
        &model.file,
        &generation,
        &model.compare.summary,
        &model.compare.sample,
        &model.compare.repair,
        &discard,
        &model.rebuild.to_string(),
        &changes,
        &model.trim,
        &model.max_lag,
        &diff_sources,
        &model.access,
        &model.retain,
        &model.plain,
        &model.follow,
        &model.explanation,
    ];
    transaction
        .execute(include_str!("../sql/record_building.sql"), &parameters)
        .await
        .during(format!("recording {}", model.name.short()))?;
    Ok(())
}

/// Drops the objects of a version that nobody reads, and its row, in one transaction.
pub async fn discard(client: &mut Client, table_name: &str) -> Result<(), Error> {
    let doing = format!("dropping the version {table_name}");
    let transaction = client.transaction().await.during(&doing)?;
    set_lock_timeout(&transaction, LOCK_TIMEOUT).await.during(&doing)?;
    for statement in discard_statements(&transaction, table_name).await? {
        transaction.batch_execute(&statement).await.during(&doing)?;
    }
    transaction.execute("DELETE FROM headwater.model WHERE table_name = $1", &[&table_name]).await.during(&doing)?;
    transaction.commit().await.during(&doing)
}

async fn discard_statements(client: &impl GenericClient, table_name: &str) -> Result<Vec<String>, Error> {
    let row = client
        .query_opt("SELECT discard FROM headwater.model WHERE table_name = $1", &[&table_name])
        .await
        .during("reading how a version is dropped")?;
    Ok(row.map_or_else(Vec::new, |row| row.get(0)))
}

/// Begins a fill anew: for a version whose triggers were away for a while.
pub async fn start_over(client: &impl GenericClient, table_name: &str) -> Result<(), Error> {
    let sql = "UPDATE headwater.model SET boundaries = NULL, filled_ranges = 0, filled = false WHERE table_name = $1 AND state = 'building'";
    client.execute(sql, &[&table_name]).await.during("beginning a fill anew")?;
    Ok(())
}
