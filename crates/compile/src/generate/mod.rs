//! A plan into SQL.
//!
//! | module | prints |
//! | --- | --- |
//! | [`names`] | the names of everything that is installed |
//! | [`sql`] | the few phrases that all generated SQL shares: qualified operators, key matches, lock ids |
//! | [`storage`] | a version's views, table, key type and indexes |
//! | [`maintain`] | a version's functions: recompute, rebuild, tick |
//! | [`check`] | a version's functions: fill, compare, sample, repair |
//! | [`trigger`] | the trigger functions of a source table, for all its models together |
//! | [`delta`] | the step of a model that folds changes into its rows |
//! | [`locks`] | which join locks a change takes |
//!
//! Generated functions run with their owner's rights under whatever `search_path` the writer has, so everything in them is
//! qualified, operators included.

pub mod check;
pub mod delta;
pub mod locks;
pub mod maintain;
pub mod names;
pub mod sql;
pub mod storage;
pub mod trigger;

use std::sync::Arc;

use headwater_catalog::{Catalog, Resolution, TableKind};

use crate::output::{Compare, CompiledModel, Fill, Statement};
use crate::parse::ParsedModel;
use crate::plan::{MaintenancePlan, explain};
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
        fill: Fill {
            boundaries: check::boundaries(&plan),
            step: vec![format!("SELECT {}($1::text, $2::text)", names.fill)],
        },
        finish: storage::finish(&plan, &names),
        compare: Compare {
            summary: format!("SELECT missing, extra, altered, rows FROM {}()", names.compare),
            sample: format!("SELECT side, \"row\" FROM {}($1::bigint)", names.sample),
            repair: format!("SELECT {}()", names.repair),
        },
        discard: discard(&names),
        timed: plan.due.is_some(),
        build,
        maintenance: plan,
    }
}

fn discard(names: &Names) -> Vec<Statement> {
    let functions = [
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
    statements.push(Statement::new(format!("DROP VIEW IF EXISTS {}", names.core), "the stored part of the SELECT"));
    statements.push(Statement::new(format!("DROP VIEW IF EXISTS {}", names.full), "the whole SELECT"));
    statements
}
