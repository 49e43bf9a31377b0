//! The swap: one short transaction after which every wanted model is served by its new version and maintained by the
//! serving triggers, and every other is gone from sight.
//!
//! Writers must never meet half of it. The trigger functions are replaced and the views changed first, which nobody
//! sees yet; then the source tables whose triggers change are locked, which waits for the writers under way; the
//! commit shows everything at once, and the writers that waited find the new triggers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use headwater_catalog::ident::short_hash;
use headwater_catalog::quote_literal;
use headwater_compile::{CompiledModel, Queue, SourceTriggers};
use tokio_postgres::{Client, GenericClient};

use crate::apply::Plan;
use crate::batch;
use crate::diff::{Action, Diff};
use crate::error::{During, Error};
use crate::installed::InstalledModel;
use crate::locks::{Locking, Patience, lock_tables, lockable};
use crate::progress::Progress;
use crate::queues::{self, InstalledQueue};
use crate::triggers::{self, Gap, Orphans, Recorded};
use crate::view;
use crate::wanted::Wanted;

/// How long transactions that began before the fill ended are waited for.
const OLD_SNAPSHOTS: Duration = Duration::from_secs(30);

/// What changes, decided before the transaction begins.
pub struct Swap {
    statements: Vec<String>,
    tables: Vec<String>,
    exclusive: bool,
}

impl Swap {
    /// Writes down the statements.
    pub async fn prepare(client: &impl GenericClient, plan: &Plan) -> Result<Self, Error> {
        let Plan { wanted, installed, diff, gaps, access } = plan;
        let serving = wanted.serving_triggers();
        let recorded = triggers::recorded(client).await?;
        let outdated = outdated(&serving, &recorded, gaps);
        let orphans = Orphans::find(client, &triggers::function_names(&serving)).await?;
        let tables = locked_tables(wanted, diff, installed, &outdated, &orphans);

        // Batches lock themselves first and sources after; so does whoever keeps them out.
        let mut statements = vec![batch::keep_out()];
        statements.extend(outdated.iter().flat_map(|source| &source.functions).map(|statement| statement.sql.clone()));
        statements.extend(views(client, wanted, diff).await?);
        statements.extend(lock_tables(&lockable(client, &tables).await?));
        statements.extend(outdated.iter().flat_map(|source| &source.triggers).map(|statement| statement.sql.clone()));
        statements.extend(orphans.drop_statements());
        statements.extend(records(&serving, &recorded));
        statements.extend(states(wanted, diff, installed));
        statements.extend(access.iter().map(|change| change.statement().to_owned()));
        statements.extend(batches(client, wanted, diff).await?);
        if statements.len() == 1 {
            statements.clear();
        }
        Ok(Self { statements, tables, exclusive: true })
    }

    /// The statements, in order.
    #[must_use]
    pub fn statements(&self) -> &[String] {
        &self.statements
    }

    /// Runs them. One message carries them all, so the locks are held for no round trip.
    pub async fn run(self, client: &mut Client, patience: Patience, progress: &dyn Progress) -> Result<(), Error> {
        if self.statements.is_empty() {
            return Ok(());
        }
        let all = [self.statements.join(";\n")];
        let doing = "swapping in what was built";
        Locking { doing, tables: &self.tables, exclusive: self.exclusive, patience }.run(client, &all, progress).await
    }
}

/// The sources whose triggers differ from what is recorded, or have gaps.
fn outdated<'a>(serving: &'a [SourceTriggers], recorded: &Recorded, gaps: &[Gap]) -> Vec<&'a SourceTriggers> {
    let current = |source: &&SourceTriggers| {
        let table = source.table.to_string();
        let same = recorded.get(&table).is_some_and(|(version, _)| *version == triggers::version(source));
        same && gaps.iter().all(|gap| gap.source != table)
    };
    serving.iter().filter(|source| !current(source)).collect()
}

/// Every table whose writers must pause: those that change triggers, and the sources of models that come or go.
fn locked_tables(
    wanted: &Wanted,
    diff: &Diff,
    installed: &[InstalledModel],
    outdated: &[&SourceTriggers],
    orphans: &Orphans,
) -> Vec<String> {
    let mut tables: BTreeSet<String> = orphans.tables.iter().cloned().collect();
    tables.extend(outdated.iter().flat_map(|source| triggers::carriers(source, &wanted.catalog)));
    for change in diff.changes.iter().filter(|change| change.action != Action::Unchanged) {
        let old = installed.iter().filter(|model| model.serves() && model.name == change.name);
        tables.extend(old.flat_map(|model| model.sources.iter().cloned()));
        let new = wanted.models.iter().filter(|model| model.name == change.name);
        tables.extend(new.flat_map(|model| model.sources.iter().map(ToString::to_string)));
    }
    tables.into_iter().collect()
}

async fn views(client: &impl GenericClient, wanted: &Wanted, diff: &Diff) -> Result<Vec<String>, Error> {
    let mut statements = Vec::new();
    let removed: Vec<_> = diff
        .changes
        .iter()
        .filter(|change| change.action == Action::Removed)
        .map(|change| change.name.to_string())
        .collect();
    if !removed.is_empty() {
        statements.push(format!("DROP VIEW IF EXISTS {}", removed.join(", ")));
    }
    for model in built(wanted, diff) {
        statements.extend(view::statements(client, model).await?);
    }
    Ok(statements)
}

/// What `headwater.source` must say, where it says otherwise.
fn records(serving: &[SourceTriggers], recorded: &Recorded) -> Vec<String> {
    let wanted: BTreeMap<_, _> = serving.iter().map(|source| (source.table.to_string(), source)).collect();
    let gone = recorded.keys().filter(|table| !wanted.contains_key(*table));
    let mut statements: Vec<_> =
        gone.map(|table| format!("DELETE FROM headwater.source WHERE table_name = {}", quote_literal(table))).collect();
    for (table, source) in wanted {
        let version = triggers::version(source);
        if recorded.get(&table).is_some_and(|(recorded, _)| *recorded == version) {
            continue;
        }
        let functions: Vec<_> = source.function_names.iter().map(|name| quote_literal(name.as_str())).collect();
        statements.push(format!(
            "INSERT INTO headwater.source (table_name, version, functions, queue) VALUES ({}, {}, ARRAY[{}]::text[], {})\n\
             ON CONFLICT (table_name) DO UPDATE SET version = excluded.version, functions = excluded.functions, queue = excluded.queue",
            quote_literal(&table),
            quote_literal(&version),
            functions.join(", "),
            source.queue.as_ref().map_or_else(|| "NULL".to_owned(), |queue| quote_literal(&queue.to_string()))
        ));
    }
    statements
}

/// What batches call and read from now on. A model that stays may read another queue than before: the triggers have fed both
/// since the building began, and a batch has run since, so both hold the same.
async fn batches(client: &impl GenericClient, wanted: &Wanted, diff: &Diff) -> Result<Vec<String>, Error> {
    let functions = wanted.serving_batches();
    let version = batches_version(wanted);
    let installed = queues::load(client).await?;
    let stays = |installed: &InstalledQueue| wanted.queues.iter().any(|queue| queue.name == installed.queue.name);
    let unneeded: Vec<_> = installed.iter().filter(|installed| !stays(installed)).collect();
    let recorded_as_wanted = |queue: &&Queue| installed.iter().any(|installed| installed.queue == **queue);
    let narrower: Vec<_> = wanted.queues.iter().filter(|queue| !recorded_as_wanted(queue)).collect();
    let sql = "SELECT (SELECT value FROM headwater.meta WHERE key = 'batches')";
    let recorded: Option<String> =
        client.query_one(sql, &[]).await.during("reading the version of the batches")?.get(0);
    let mut statements: Vec<String> =
        built(wanted, diff).flat_map(|model| &model.serve).map(|statement| statement.sql.clone()).collect();
    if recorded.as_deref() == Some(version.as_str()) && unneeded.is_empty() && narrower.is_empty() && diff.is_empty() {
        return Ok(statements);
    }
    statements.extend(functions.into_iter().map(|statement| statement.sql));
    statements.extend(narrower.into_iter().map(queues::record));
    statements.extend(unneeded.into_iter().flat_map(|installed| queues::drop(&installed.queue)));
    statements.push(format!(
        "INSERT INTO headwater.meta (key, value) VALUES ('batches', {}) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        quote_literal(&version)
    ));
    statements.push(batch::next_generation());
    Ok(statements)
}

/// Changes with anything that changes the functions of batches.
#[must_use]
pub fn batches_version(wanted: &Wanted) -> String {
    short_hash(&wanted.serving_batches().iter().map(|statement| statement.sql.as_str()).collect::<Vec<_>>())
}

/// The new versions serve, the old ones are retired. A version that broke while it waited for the swap stops it.
fn states(wanted: &Wanted, diff: &Diff, installed: &[InstalledModel]) -> Vec<String> {
    let old: Vec<_> = installed
        .iter()
        .filter(|model| {
            model.serves()
                && diff.changes.iter().any(|change| change.name == model.name && change.action != Action::Unchanged)
        })
        .map(|model| quote_literal(&model.table_name))
        .collect();
    let new: Vec<_> = built(wanted, diff).map(|model| quote_literal(model.table.name.as_str())).collect();
    let mut statements = Vec::new();
    if !old.is_empty() {
        statements
            .push(format!("UPDATE headwater.model SET state = 'retired' WHERE table_name IN ({})", old.join(", ")));
    }
    if !new.is_empty() {
        statements.push(format!(
            "DO $swap$\nBEGIN\n  UPDATE headwater.model SET state = 'serving', installed_at = clock_timestamp()\n   \
             WHERE table_name IN ({0}) AND state = 'building';\n  IF (SELECT count(*) FROM headwater.model WHERE table_name IN ({0}) AND state = 'serving') < {1} THEN\n    \
             RAISE EXCEPTION 'a version broke while it waited to be swapped in; apply again builds it anew';\n  END IF;\nEND\n$swap$",
            new.join(", "),
            new.len()
        ));
    }
    statements
}

fn built<'a>(wanted: &'a Wanted, diff: &'a Diff) -> impl Iterator<Item = &'a CompiledModel> {
    wanted.models.iter().filter(|model| diff.to_build().any(|change| change.name == model.name))
}

/// Waits for transactions that hold a snapshot from before now: under REPEATABLE READ they would read the new version
/// as it was in the middle of its fill. What they are is visible only to a role that may read statistics of others.
pub async fn wait_for_old_snapshots(client: &Client, progress: &dyn Progress) -> Result<(), Error> {
    let doing = "waiting for transactions older than the fill";
    let horizon: String =
        client.query_one("SELECT pg_snapshot_xmax(pg_current_snapshot())::text", &[]).await.during(doing)?.get(0);
    let sql = "SELECT pid, coalesce(extract(epoch FROM clock_timestamp() - xact_start), 0)::float8 FROM pg_stat_activity \
               WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid() \
               AND backend_xmin IS NOT NULL AND xact_start IS NOT NULL \
               AND age(backend_xmin) > age(($1::text::numeric % 4294967296)::text::xid) ORDER BY xact_start LIMIT 1";
    let (started, mut told) = (Instant::now(), false);
    while let Some(row) = client.query_opt(sql, &[&horizon]).await.during(doing)? {
        let (pid, age): (i32, f64) = (row.get(0), row.get(1));
        if started.elapsed() > OLD_SNAPSHOTS {
            progress.say(&format!("pid {pid} has been in one transaction for {age:.0} s; if it is REPEATABLE READ it may see the new models incomplete until it ends"));
            return Ok(());
        }
        if !told && started.elapsed() > Duration::from_secs(1) {
            progress.say(&format!("waiting for pid {pid}, in a transaction for {age:.0} s, before the swap"));
            told = true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
