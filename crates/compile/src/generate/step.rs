//! An eventual model's part of a batch, a function over one window of the change queues.
//!
//! ```text
//! truncated?                     → rebuild
//! keys  := affected by changes of keyed tables (old and new images, through the joins of this snapshot)
//!        ∪ due
//!        ∪ those that the fold of delta tables could not bring up to date
//! recompute(keys), last
//! ```
//!
//! A recomputed row is computed from this snapshot alone, so whatever was folded into it before does no harm: no change can count
//! twice, in whatever order it came. Where a large part of the model is affected, everything is computed at once instead.

use std::collections::BTreeSet;

use headwater_catalog::{Catalog, Ident, QualifiedName, quote_literal};

use super::delta;
use super::names::Names;
use super::queue::{self, Queue};
use super::sql::{function, indent, quoted};
use super::trigger::{Event, affected_keys};
use crate::analyze::provenance::Path;
use crate::output::{CompiledModel, Statement};
use crate::plan::{MaintenancePlan, Strategy};

/// From so many keys on it is asked whether computing everything is cheaper.
const MANY_KEYS: u32 = 1000;

/// The step function of an eventual model that reads these queues.
#[must_use]
pub fn function_of(model: &CompiledModel, queues: &[Queue], catalog: &Catalog) -> Vec<Statement> {
    let plan = &*model.maintenance;
    let names = Names::new(&model.name, &model.version);
    let mut steps = vec![truncated(plan, &names)];
    let queue = |table: &QualifiedName| queues.iter().find(|queue| queue.source == *table);
    let (mut keyed, mut folded) = (Vec::new(), Vec::new());
    for (table, strategy) in &plan.strategies {
        let Some(queue) = queue(table) else { continue };
        match strategy {
            Strategy::Keyed(paths) => {
                let mentions = Mentions::of(plan, paths);
                let keys = affected_keys(plan, &names, paths, Event::Batch, &|path| mentions.rows(plan, path), catalog);
                keyed.push(when_changed(
                    table,
                    &format!(
                        "WITH {}{}\nSELECT array_agg(q.key) INTO hw_more FROM (\n{}\n) AS q",
                        queue::taken(queue),
                        mentions.net_rows(table, catalog),
                        indent(&keys, 2)
                    ),
                ));
            }
            Strategy::Delta(delta) => {
                folded.push(when_changed(table, &delta::batch(plan, &names, delta, table, queue, catalog)));
            }
            // The batch itself sees that one of these has changed, and rebuilds.
            Strategy::Diff => {}
        }
    }
    steps.extend(keyed);
    steps.extend(due(plan, &names));
    steps.extend(folded);
    let body = format!(
        "#variable_conflict use_column\n-- Headwater, {table}: brings it from one snapshot to the next; gives how many keys were recomputed.\nDECLARE\n  hw_keys {key_type}[];\n  hw_more {key_type}[];\nBEGIN\n{steps}\n{recompute}\n  RETURN coalesce(cardinality(hw_keys), 0);\nEND",
        table = names.table,
        key_type = names.key_type,
        steps = indent(&steps.join("\n"), 2),
        recompute = indent(&recompute(&names), 2),
    );
    let signature = "text[], text[], xid8, xid8, xid8[]";
    let head = format!(
        "{}(hw_changed text[], hw_truncated text[], hw_since xid8, hw_until xid8, hw_also xid8[]) RETURNS bigint LANGUAGE plpgsql",
        names.step
    );
    let mut settings = plan.pinned.clone();
    // The search path is pinned, so that generated phrases may name pg_catalog's functions plainly; the queues are read by their
    // index however small they were when the plan was made.
    settings.push(("search_path".to_owned(), "pg_catalog".to_owned()));
    // So are the model's rows: a plan that joins all of them serves no small batch.
    settings.extend(
        ["enable_seqscan", "enable_hashjoin", "enable_mergejoin"].map(|name| (name.to_owned(), "off".to_owned())),
    );
    settings.push(("plan_cache_mode".to_owned(), "force_generic_plan".to_owned()));
    vec![
        function(&head, &settings, &body, &format!("{}: its part of a batch", model.name.short())),
        Statement::new(
            format!("REVOKE ALL ON FUNCTION {}({signature}) FROM PUBLIC", names.step),
            "only batches call it",
        ),
    ]
}

/// The sets of columns that the mentions of a table use. A mention is affected by the changes of its own columns alone: where the
/// follower count is shown in one place and the name in a thousand, one more follower affects one key.
struct Mentions<'a>(Vec<&'a BTreeSet<Ident>>);

impl<'a> Mentions<'a> {
    fn of(plan: &'a MaintenancePlan, paths: &[Path]) -> Self {
        let sets: BTreeSet<&BTreeSet<Ident>> = paths.iter().map(|path| columns(plan, path)).collect();
        Self(sets.into_iter().collect())
    }

    /// The name of the rows that have changed in the columns of the mention that the path starts from.
    fn rows(&self, plan: &MaintenancePlan, path: &Path) -> String {
        let position = self.0.iter().position(|set| *set == columns(plan, path)).unwrap_or_default();
        self.name(position)
    }

    fn name(&self, position: usize) -> String {
        if self.0.len() == 1 { "hw_rows".to_owned() } else { format!("hw_rows_{}", position + 1) }
    }

    fn net_rows(&self, table: &QualifiedName, catalog: &Catalog) -> String {
        let rows = self.0.iter().enumerate().map(|(position, columns)| {
            let rows = queue::net_rows(table, columns, catalog);
            format!(", {} AS MATERIALIZED (\n  {rows}\n)", self.name(position))
        });
        rows.collect()
    }
}

fn columns<'a>(plan: &'a MaintenancePlan, path: &Path) -> &'a BTreeSet<Ident> {
    &plan.analysis.occurrences[path.from].columns
}

fn truncated(plan: &MaintenancePlan, names: &Names) -> String {
    let sources: Vec<String> = plan.strategies.keys().map(|table| quote_literal(&table.to_string())).collect();
    format!("IF hw_truncated && ARRAY[{}]::text[] THEN\n  RETURN {}();\nEND IF;", sources.join(", "), names.rebuild)
}

/// Adds the keys that a query puts into `hw_more`, where the table has changed.
fn when_changed(table: &QualifiedName, query: &str) -> String {
    format!(
        "IF {} = ANY (hw_changed) THEN\n{};\n  hw_keys := hw_keys || hw_more;\nEND IF;",
        quote_literal(&table.to_string()),
        indent(query, 2)
    )
}

fn due(plan: &MaintenancePlan, names: &Names) -> Option<String> {
    let due = plan.due.as_ref()?;
    let key: Vec<String> = plan.key.columns.iter().map(|column| format!("m.{}", quoted(&column.name))).collect();
    Some(format!(
        "hw_more := (\n  SELECT array_agg(ROW({key})::{key_type}) FROM {table} AS m WHERE m.{due} <= now()\n);\nhw_keys := hw_keys || hw_more;",
        key = key.join(", "),
        key_type = names.key_type,
        table = names.table,
    ))
}

fn recompute(names: &Names) -> String {
    format!(
        "IF cardinality(hw_keys) >= {MANY_KEYS} AND cardinality(hw_keys) * 4 > (\n  SELECT c.reltuples FROM pg_class AS c WHERE c.oid = {table}::regclass\n) THEN\n  PERFORM {rebuild}();\nELSIF hw_keys IS NOT NULL THEN\n  PERFORM {recompute}(hw_keys);\nEND IF;",
        table = quote_literal(&names.table.to_string()),
        rebuild = names.rebuild,
        recompute = names.recompute,
    )
}
