//! What keeping a model asks of the database, as queries that can be explained: nobody runs them.
//!
//! A trigger function and a batch hold these queries with the changed rows, or the keys, in an array or a transition table. Here one row
//! whose values the planner cannot know stands for them, so that its plan is the generic one that the functions use:
//!
//! ```sql
//! WITH hw_rows AS MATERIALIZED (SELECT (NULL::public.users).*) SELECT … FROM hw_rows AS r CROSS JOIN LATERAL (…) AS h1
//! ```

use headwater_catalog::Catalog;

use super::names::Names;
use super::sql::{attribute, matches_key};
use super::trigger::{Event, affected_keys};
use crate::output::{CompiledModel, Lookup};
use crate::parse::Mode;
use crate::plan::Strategy;

/// The recompute of one key, and the way from a changed row of each keyed source table to the keys. Empty where nothing is looked up: a
/// model that is computed as a whole has no keys, and one of a single row reads all there is.
#[must_use]
pub fn lookups(model: &CompiledModel, catalog: &Catalog) -> Vec<Lookup> {
    let plan = &*model.maintenance;
    let names = Names::new(&model.name, &model.version);
    let no_keys = plan.strategies.values().all(|strategy| matches!(strategy, Strategy::Diff));
    if no_keys || plan.key.is_constant() {
        return Vec::new();
    }
    let event = if plan.mode == Mode::Eventual { Event::Batch } else { Event::Update };
    let mut found = vec![recompute(model, &names)];
    for (table, strategy) in &plan.strategies {
        if let Strategy::Keyed(paths) = strategy {
            let keys = affected_keys(plan, &names, paths, event, &|_| "hw_rows".to_owned(), catalog);
            let sql = format!("WITH hw_rows AS MATERIALIZED (\n  SELECT (NULL::{table}).*\n)\n{keys}");
            found.push(Lookup { what: format!("finding the rows that a change of {} reaches", table.short()), sql });
        }
    }
    found
}

fn recompute(model: &CompiledModel, names: &Names) -> Lookup {
    let columns = &model.maintenance.key.columns;
    let key: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(position, column)| format!("NULL::{} AS {}", column.ty.sql, attribute(position)))
        .collect();
    let sql = format!(
        "WITH hw_keys AS MATERIALIZED (\n  SELECT {}\n)\nSELECT c.*\nFROM hw_keys AS k\nCROSS JOIN LATERAL (\n  SELECT c.* FROM {} AS c WHERE {} OFFSET 0\n) AS c",
        key.join(", "),
        names.core,
        matches_key(columns, "c", "k"),
    );
    Lookup { what: "recomputing a row".to_owned(), sql }
}
