//! **append**: an event log. A row is added when the SELECT yields a key that the model does not have, and stays as it was.
//!
//! ```text
//! M' = M ∪ { r ∈ SELECT : key(r) ∉ M, time(r) > now − keep }
//! ```
//!
//! With `keep`, rows leave once the time in one of their columns is older, and are not added again: what a row says of its own
//! time decides, so the model follows from the SELECT and the clock alone, whenever it was looked at.
//!
//! ```sql
//! -- headwater: retain append keep 180 days by created_at
//! CREATE MATERIALIZED VIEW events AS SELECT id, 'vote' AS kind, created_at FROM votes UNION ALL …
//! ```

use headwater_catalog::Resolution;

use crate::parse::{ParsedModel, Retain};
use crate::plan::{MaintenancePlan, Refusal};

/// The types that `keep` can go by.
const TIMES: [&str; 3] = ["timestamptz", "timestamp", "date"];

/// Fills in the column that `keep` goes by; refuses a log whose rows nothing tells apart.
pub fn check(
    mut plan: MaintenancePlan,
    model: &ParsedModel,
    resolution: &Resolution,
) -> Result<MaintenancePlan, Refusal> {
    let Some(Retain::Append { keep }) = &model.options.retain else { return Ok(plan) };
    if !plan.key.unique {
        return Err(Refusal::new(
            408,
            "retain append needs a key: which rows are new cannot be told without one",
            "put the keys of the source tables into the SELECT list, and for UNION ALL a constant that tells the branches apart",
            "",
        ));
    }
    let Some(keep) = keep else { return Ok(plan) };
    let stored = |name: &str| plan.columns.iter().any(|column| column == name);
    let times: Vec<&str> = resolution
        .columns
        .iter()
        .filter(|column| TIMES.contains(&column.ty.base.as_str()) && stored(column.name.as_str()))
        .map(|column| column.name.as_str())
        .collect();
    let column = match (&keep.by, times.as_slice()) {
        (Some(by), _) if times.contains(&by.as_str()) => by.clone(),
        (None, [only]) => (*only).to_owned(),
        (None, []) => {
            return Err(Refusal::new(
                408,
                "keep needs a column with the time of a row, and the model has none",
                "add one to the SELECT, such as created_at",
                "",
            ));
        }
        (by, _) => {
            let wrong = by.as_ref().map_or_else(
                || "keep does not say by which column".to_owned(),
                |by| format!("keep goes by {by}, which is no column with a time"),
            );
            let hint = format!("write: retain append keep {} by {}", keep.interval, times.join(" | "));
            return Err(Refusal::new(408, wrong, hint, ""));
        }
    };
    plan.keep = Some((column, keep.interval.clone()));
    Ok(plan)
}
