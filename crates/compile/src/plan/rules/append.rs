//! **append**: an event log. A row is added when the SELECT yields a key that the model does not have, and stays as it was.
//!
//! ```text
//! M' = M ∪ { r ∈ SELECT : key(r) ∉ M, time(r) > now − keep }
//! ```
//!
//! With `follow`, a row goes when the SELECT no longer yields its key, and the columns named take the values that the SELECT
//! gives; the others stay. That is what a feed table with foreign keys does by ON DELETE CASCADE and ON DELETE SET NULL.
//!
//! ```text
//! M' = { m with followed columns from r : m ∈ M, r ∈ SELECT, key(m) = key(r) } ∪ { r ∈ SELECT : key(r) ∉ M, … }
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

use crate::parse::{Follow, Keep, ParsedModel, Retain};
use crate::plan::{MaintenancePlan, Refusal};

/// The types that `keep` can go by.
const TIMES: [&str; 3] = ["timestamptz", "timestamp", "date"];

/// Fills in the column that `keep` goes by; refuses a log whose rows nothing tells apart.
pub fn check(
    mut plan: MaintenancePlan,
    model: &ParsedModel,
    resolution: &Resolution,
) -> Result<MaintenancePlan, Refusal> {
    let Some(Retain::Append { keep, follow }) = &model.options.retain else { return Ok(plan) };
    if !plan.key.unique {
        return Err(Refusal::new(
            408,
            "retain append needs a key: which rows are new cannot be told without one",
            "put the keys of the source tables into the SELECT list, and for UNION ALL a constant that tells the branches apart",
            "",
        ));
    }
    if let Some(keep) = keep {
        plan.keep = Some((time_column(&plan, keep, resolution)?, keep.interval.clone()));
    }
    if let Some(follow) = follow {
        plan.follow = Some(followed(&plan, follow)?);
    } else {
        // Time takes nothing from a row that stays as it was: it would be due for ever.
        plan.due = None;
    }
    Ok(plan)
}

/// The column that `keep` goes by.
fn time_column(plan: &MaintenancePlan, keep: &Keep, resolution: &Resolution) -> Result<String, Refusal> {
    let stored = |name: &str| plan.columns.iter().any(|column| column == name);
    let times: Vec<&str> = resolution
        .columns
        .iter()
        .filter(|column| TIMES.contains(&column.ty.base.as_str()) && stored(column.name.as_str()))
        .map(|column| column.name.as_str())
        .collect();
    match (&keep.by, times.as_slice()) {
        (Some(by), _) if times.contains(&by.as_str()) => Ok(by.clone()),
        (None, [only]) => Ok((*only).to_owned()),
        (None, []) => Err(Refusal::new(
            408,
            "keep needs a column with the time of a row, and the model has none",
            "add one to the SELECT, such as created_at",
            "",
        )),
        (by, _) => {
            let wrong = by.as_ref().map_or_else(
                || "keep does not say by which column".to_owned(),
                |by| format!("keep goes by {by}, which is no column with a time"),
            );
            let hint = format!("write: retain append keep {} by {}", keep.interval, times.join(" | "));
            Err(Refusal::new(408, wrong, hint, ""))
        }
    }
}

/// The columns that `follow` names, each a stored one beside the key.
fn followed(plan: &MaintenancePlan, follow: &Follow) -> Result<Vec<String>, Refusal> {
    let in_key = |name: &str| plan.key.columns.iter().any(|column| column.name == name);
    let stored: Vec<&str> = plan.columns.iter().map(String::as_str).filter(|name| !name.starts_with("hw_")).collect();
    let mut columns: Vec<String> = Vec::new();
    for column in &follow.columns {
        let name = column.as_str();
        let wrong = if in_key(name) {
            format!("follow names {name}, which is part of the key: with another value it is another row")
        } else if columns.iter().any(|before| before == name) {
            format!("follow names {name} twice")
        } else if stored.contains(&name) {
            columns.push(name.to_owned());
            continue;
        } else if plan.finish.targets.iter().any(|(target, _)| target == name) {
            format!("follow names {name}, which is computed at read time and always follows")
        } else {
            format!("follow names {name}, which is no column of the model")
        };
        let others: Vec<&str> = stored.iter().copied().filter(|name| !in_key(name)).collect();
        let hint = match others.as_slice() {
            [] => "write: retain append follow deletes".to_owned(),
            others => format!("the columns that can follow are {}", others.join(", ")),
        };
        return Err(Refusal::new(408, wrong, hint, ""));
    }
    Ok(columns)
}
