//! A plan into SQL.
//!
//! | module | prints |
//! | --- | --- |
//! | [`names`] | the names of everything that is installed |
//! | [`sql`] | the few phrases that all generated SQL shares: qualified operators, key matches, lock ids |
//! | [`storage`] | a version's views, table, key type and indexes |
//! | [`maintain`] | a version's functions: recompute, rebuild, tick |
//! | [`check`] | a version's functions: fill, compare, sample, repair |
//! | [`overwrite`] | an eventual version's rebuild |
//! | [`live`] | what notes the changes of a version whose changes are kept as a list |
//! | [`trigger`] | the trigger functions of a source table, for all its models together |
//! | [`queue`] | the change queue of a source table: what triggers append and what a batch takes |
//! | [`step`] | an eventual model's part of a batch |
//! | [`delta`] | the step of a model that folds changes into its rows |
//! | [`locks`] | which join locks a change takes |
//! | [`lookup`] | what keeping a model asks of the database, to be explained |
//!
//! Generated functions run with their owner's rights under whatever `search_path` the writer has, so everything in them is
//! qualified, operators included.

pub mod check;
pub mod delta;
pub mod live;
pub mod locks;
pub mod lookup;
pub mod maintain;
pub mod names;
pub mod overwrite;
pub mod queue;
pub mod sql;
pub mod step;
pub mod storage;
pub mod trigger;

use std::sync::Arc;

use headwater_catalog::{Catalog, Resolution, TableKind};

use crate::output::{Compare, CompiledModel, Fill, Statement};
use crate::parse::{Mode, ParsedModel, Retain};
use crate::plan::{MaintenancePlan, Strategy, explain};
use names::Names;

/// Prints one model.
#[must_use]
pub fn model(parsed: &ParsedModel, resolution: &Resolution, plan: MaintenancePlan, catalog: &Catalog) -> CompiledModel {
    let names = Names::new(&parsed.name, &storage::version(parsed, &plan, catalog));
    let plan = Arc::new(plan);
    let (mut build, index_notes) = storage::statements(parsed, &plan, &names, catalog);
    build.extend(maintain::functions(&plan, &names));
    build.extend(check::functions(&plan, &names));
    let mut explanation = explain::explain(&plan);
    for note in index_notes {
        explanation.push_str(&format!("index    {note}\n"));
    }
    for table in plan.strategies.keys() {
        if catalog.tables.get(table).is_some_and(|table| table.kind == TableKind::Partitioned) {
            explanation.push_str(&format!(
                "note     {} is partitioned: PostgreSQL does not tell triggers of rows that a MERGE moves to another partition; move them by UPDATE\n",
                table.short()
            ));
        }
    }
    if let Some(note) = cost_of_diff(&plan, parsed.options.max_lag.as_deref(), catalog) {
        explanation.push_str(&note);
    }
    CompiledModel {
        name: parsed.name.clone(),
        file: parsed.file.clone(),
        version: names.version.clone(),
        table: names.table.clone(),
        columns: resolution.columns.clone(),
        key: plan.key.columns.iter().map(|column| column.name.clone()).collect(),
        tier: plan.tier(),
        explanation,
        sources: plan.strategies.keys().cloned().collect(),
        sides: plan.sides.iter().map(|(table, _)| table.clone()).collect(),
        fill: Fill {
            boundaries: check::boundaries(&plan),
            step: vec![format!("SELECT {}($1::text, $2::text)", names.fill)],
        },
        finish: storage::finish(&plan, &names),
        compare: Compare {
            summary: format!("SELECT missing, extra, altered, rows FROM {}()", names.compare),
            sample: format!("SELECT side, \"row\" FROM {}($1::bigint)", names.sample),
            repair: format!("SELECT {}()", if plan.mode == Mode::Realtime { &names.repair } else { &names.rebuild }),
        },
        discard: discard(&names),
        timed: plan.due.is_some(),
        mode: plan.mode,
        max_lag: parsed.options.max_lag.clone(),
        step: (plan.mode == Mode::Eventual).then(|| names.step.clone()),
        rebuild: names.rebuild.clone(),
        diff_sources: plan
            .strategies
            .iter()
            .filter(|(_, strategy)| matches!(strategy, Strategy::Diff))
            .map(|(table, _)| table.clone())
            .collect(),
        access: parsed.options.access.as_ref().map(|access| access.words.clone()),
        retain: plan.retain.as_ref().map(Retain::word),
        follow: plan.follow.clone(),
        plain: plan.finish.is_plain(),
        changes: plan.retain.is_some().then(|| names.changes.clone()),
        trim: plan.keep.as_ref().map(|(column, interval)| trim(&names, column, interval)),
        serve: live::serve(&plan, &names),
        build,
        maintenance: plan,
    }
}

/// Rows that a second of PostgreSQL's time reads and joins, as a rough guess.
const ROWS_A_SECOND: f64 = 1_000_000.0;

/// A warning about a model that is computed anew after changes, with what that costs.
fn cost_of_diff(plan: &MaintenancePlan, max_lag: Option<&str>, catalog: &Catalog) -> Option<String> {
    let changed = plan.strategies.iter().filter(|(_, strategy)| matches!(strategy, Strategy::Diff));
    let tables: Vec<String> = changed.map(|(table, _)| table.short()).collect();
    if tables.is_empty() {
        return None;
    }
    let read: f64 = plan
        .analysis
        .occurrences
        .iter()
        .filter_map(|occurrence| catalog.tables.get(&occurrence.table))
        .map(|table| table.estimated_rows)
        .sum();
    // The pause without one is headwater.pause()'s.
    let lag = max_lag.map_or_else(|| "5 seconds (no max_lag is given)".to_owned(), |lag| format!("{lag} (max_lag)"));
    Some(format!(
        "warning  every change of {} computes the whole model again, at most once in {lag}: it reads some {read:.0} rows, about {:.1} s each time\n",
        tables.join(", "),
        (read / ROWS_A_SECOND).max(0.1)
    ))
}

/// Deletes at most `$1::bigint` rows that an event log no longer keeps.
fn trim(names: &Names, column: &str, interval: &str) -> String {
    let column = sql::quoted(column);
    format!(
        "DELETE FROM {table} WHERE ctid = ANY (ARRAY(SELECT m.ctid FROM {table} AS m WHERE m.{column} <= now() - {}::interval ORDER BY m.{column} LIMIT $1::bigint))",
        headwater_catalog::quote_literal(interval),
        table = names.table,
    )
}

fn discard(names: &Names) -> Vec<Statement> {
    let functions = [
        (&names.step, "(text[], text[], xid8, xid8, xid8[])"),
        (&names.changes, "(xid8, xid8, xid8[])"),
        (&names.repair, "()"),
        (&names.sample, "(bigint)"),
        (&names.compare, "()"),
        (&names.fill, "(text, text)"),
        (&names.tick, "(integer)"),
        (&names.rebuild, "()"),
    ];
    let mut statements: Vec<Statement> = functions
        .into_iter()
        .map(|(name, arguments)| {
            Statement::new(format!("DROP FUNCTION IF EXISTS {name}{arguments}"), "a function of the version")
        })
        .collect();
    // Its argument's type may be gone already, and then so is the function.
    statements.push(Statement::new(
        format!("DROP TYPE IF EXISTS {} CASCADE", names.key_type),
        "the key type, and with it the recompute function",
    ));
    statements.push(Statement::new(format!("DROP TABLE IF EXISTS {}", names.table), "the model table"));
    statements.push(Statement::new(format!("DROP FUNCTION IF EXISTS {}()", names.note), "its trigger function"));
    statements.push(Statement::new(format!("DROP VIEW IF EXISTS {}", names.core), "the stored part of the SELECT"));
    statements.push(Statement::new(format!("DROP VIEW IF EXISTS {}", names.full), "the whole SELECT"));
    statements
}
