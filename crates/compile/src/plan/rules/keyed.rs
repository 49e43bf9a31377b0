//! **keyed**: recompute only the affected keys.
//!
//! For a change Δ of an occurrence `o`, the affected keys are
//!
//! ```text
//! K(Δ) = π_key( Δ ⋈ the tables on the path from o to the key )
//! ```
//!
//! with both the old and the new images in Δ. Conditions that are not on the path are left out, so K is a superset of
//! what really changes: recomputing a key that did not change is wasted work, never a wrong row. Where a statement changes
//! several tables on one path at once, the change nearest to the key finds every row that the others cannot see any more.
//!
//! ```sql
//! -- FROM projects p JOIN users u ON u.id = p.user_id, key p.id; UPDATE users SET username = …
//! SELECT p.id FROM changed u JOIN projects p ON p.user_id = u.id
//! ```

use crate::analyze::provenance::{self, Path};
use crate::analyze::{Analysis, OccurrenceId, RegionId};
use crate::plan::Refusal;
use crate::plan::key::Key;
use crate::tree::Expr;

/// A path for each mention of one table.
pub fn paths(analysis: &Analysis, key: &Key, mentions: &[OccurrenceId]) -> Result<Vec<Path>, Refusal> {
    let wanted: Vec<Vec<(RegionId, Expr)>> = key.columns.iter().map(|column| column.origins.clone()).collect();
    let mut paths: Vec<Path> = Vec::new();
    for id in mentions {
        let occurrence = &analysis.occurrences[*id];
        let Some(path) = provenance::find(analysis, *id, &wanted) else {
            let table = occurrence.table.short();
            let names: Vec<&str> = key.columns.iter().map(|column| column.name.as_str()).collect();
            return Err(Refusal::new(
                404,
                format!(
                    "a change of {table} (as {}) cannot be traced to the model's key ({}): no equalities lead there, so every row would have to be recomputed",
                    occurrence.alias,
                    names.join(", ")
                ),
                format!(
                    "tie {table} to the rest by `=` on columns, keep what is read of it out of this model, or declare it eventual: it is then computed anew after changes of {table}"
                ),
                occurrence.table.name.as_str(),
            ));
        };
        paths.push(path);
    }
    Ok(paths)
}
