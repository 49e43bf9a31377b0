//! The plan in words.

use std::fmt::Write as _;

use super::{MaintenancePlan, Strategy};
use crate::parse::{Mode, Retain};

/// A few lines for people: what is stored, what is read-time, how each source table reaches the model.
#[must_use]
pub fn explain(plan: &MaintenancePlan) -> String {
    let mut text = String::new();
    let names: Vec<&str> = plan.key.columns.iter().map(|column| column.name.as_str()).collect();
    let key = if names.is_empty() { "none: one row".to_owned() } else { names.join(", ") };
    let _ = writeln!(text, "key      {key}  ({})", plan.key.reason);
    let width = plan.strategies.keys().map(|table| table.short().len()).max().unwrap_or(0);
    for (table, strategy) in &plan.strategies {
        let table = table.short();
        match strategy {
            Strategy::Delta(delta) => {
                for contribution in &delta.contributions {
                    let by: Vec<&str> = contribution.key.iter().map(crate::tree::Expr::text).collect();
                    let what: Vec<&str> = contribution.inputs.iter().map(|input| input.column.as_str()).collect();
                    let _ = writeln!(text, "delta    {table:width$}  {} by {}", what.join(", "), by.join(", "));
                }
            }
            Strategy::Keyed(paths) => {
                for path in paths {
                    let alias = &plan.analysis.occurrences[path.from].alias;
                    let hops: Vec<String> =
                        path.hops.iter().map(|hop| plan.analysis.occurrences[hop.to].table.short()).collect();
                    let key: Vec<&str> = path.key.iter().map(crate::tree::Expr::text).collect();
                    let locked = if plan.mode == Mode::Realtime { ", locked" } else { "" };
                    let through =
                        if hops.is_empty() { String::new() } else { format!(" through {}{locked}", hops.join(", ")) };
                    let _ = writeln!(text, "keyed    {table:width$}  {alias} → ({}){through}", key.join(", "));
                }
            }
            Strategy::Diff => {
                let _ = writeln!(text, "diff     {table:width$}  everything is computed, what differs is written");
            }
        }
    }
    for (table, source) in &plan.sides {
        // The digits of its version say nothing to people.
        let model = table.name.as_str().rsplit_once('_').map_or(table.name.as_str(), |(model, _)| model);
        let _ =
            writeln!(text, "side     {:width$}  computed once, in {model}: nothing ties it to the key", source.short());
    }
    if plan.key.is_constant() && plan.tier() == "keyed" {
        let _ = writeln!(text, "note     every change computes the whole model again: it is one row without a delta");
    }
    let moved: Vec<&str> = plan
        .finish
        .targets
        .iter()
        .filter(|(name, node)| crate::tree::build::column_parts(node).as_deref() != Some(&[name.as_str()]))
        .map(|(name, _)| name.as_str())
        .collect();
    if !moved.is_empty() {
        let _ = writeln!(text, "finish   {} at read time", moved.join(", "));
    }
    for (name, stored) in &plan.finish.ordered_by {
        let _ =
            writeln!(text, "finish   {name} is linear in now(): ordered and indexed by its time-free part {stored}");
    }
    if plan.due.is_some() {
        let _ = writeln!(text, "window   rows carry the moment at which they are due; the leader recomputes them then");
    }
    match &plan.retain {
        Some(Retain::Append { .. }) => {
            let _ = writeln!(text, "retain   rows stay as they were added{}", exceptions(plan));
        }
        Some(Retain::Live) => {
            let _ = writeln!(text, "retain   every change of a row is an entry of the log");
        }
        None => {}
    }
    if !plan.pinned.is_empty() {
        let settings: Vec<String> = plan.pinned.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        let _ = writeln!(text, "settings {}", settings.join(", "));
    }
    text
}

/// What of the rows of an event log does not stay.
fn exceptions(plan: &MaintenancePlan) -> String {
    let mut text = String::new();
    if let Some((column, interval)) = &plan.keep {
        let _ = write!(text, ", until {column} is older than {interval}");
    }
    if let Some(columns) = &plan.follow {
        let following: Vec<&str> = std::iter::once("deletes").chain(columns.iter().map(String::as_str)).collect();
        let _ = write!(text, "; but for {}, which follow the SELECT", following.join(", "));
    }
    text
}
