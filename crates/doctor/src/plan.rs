//! Which tables a query's plan reads from end to end, and the index that would help.
//!
//! `EXPLAIN (FORMAT JSON, VERBOSE)` tells what the planner would do; nothing is run. A sequential scan counts where it reads the whole table: one
//! whose rows are taken as they come, up to a LIMIT, stops early and does not.

use headwater_catalog::{Ident, QualifiedName};
use headwater_compile::condition::{Conditions, SortedBy, conditions, sorted_by};
use serde_json::Value;

/// A table that a plan reads from end to end.
#[derive(Debug, Clone, PartialEq)]
pub struct Scan {
    /// The table.
    pub table: QualifiedName,
    /// What the query demands of its columns.
    pub conditions: Conditions,
    /// The order in which its rows are wanted, where no other table stands between.
    pub sorted: Vec<SortedBy>,
    /// How many rows are left after the filter, as the planner guesses.
    pub kept: f64,
}

impl Scan {
    /// The columns of an index that would find these rows: those compared by `=`, then the order or one range. None where nothing is known.
    #[must_use]
    pub fn index_columns(&self) -> Option<String> {
        let written = |name: &String| Ident::new(name.clone()).ok().map(|name| name.to_string());
        let mut columns: Vec<String> = self.conditions.equal.iter().filter_map(written).collect();
        let sorted: Vec<&SortedBy> =
            self.sorted.iter().filter(|sorted| !self.conditions.equal.contains(&sorted.column)).collect();
        if sorted.is_empty() {
            columns.extend(self.conditions.range.iter().take(1).filter_map(written));
        }
        for column in sorted {
            let direction = if column.descending { " DESC" } else { "" };
            let nulls = match column.nulls_first {
                Some(true) => " NULLS FIRST",
                Some(false) => " NULLS LAST",
                None => "",
            };
            columns.push(format!("{}{direction}{nulls}", written(&column.column)?));
        }
        (!columns.is_empty()).then(|| columns.join(", "))
    }
}

/// The scans of a plan, as `EXPLAIN (FORMAT JSON, VERBOSE)` gives it.
#[must_use]
pub fn scans(explained: &Value) -> Vec<Scan> {
    let mut found = Vec::new();
    if let Some(plan) = explained.pointer("/0/Plan") {
        walk(plan, &Above::default(), &mut found);
    }
    found
}

/// What stands above a node.
#[derive(Debug, Clone, Default)]
struct Above {
    /// The rows are taken only up to a LIMIT.
    stops_early: bool,
    /// The keys of a sort with nothing but these rows below it.
    sorted: Vec<String>,
    /// Conditions of the joins.
    joined: Vec<String>,
}

/// Nodes that hand rows on as they come.
const PASSING: [&str; 9] =
    ["Limit", "Append", "Subquery Scan", "Result", "Gather", "Gather Merge", "LockRows", "ProjectSet", "CTE Scan"];

fn walk(node: &Value, above: &Above, found: &mut Vec<Scan>) {
    let kind = text(node, "Node Type");
    if kind == "Seq Scan" {
        found.extend(scan(node, above));
    }
    let mut below = above.clone();
    match kind {
        "Limit" => below.stops_early = true,
        "Sort" | "Incremental Sort" => {
            below.stops_early = false;
            below.sorted = strings(node, "Sort Key");
        }
        _ if PASSING.contains(&kind) => {}
        _ => {
            below.stops_early = false;
            below.sorted.clear();
        }
    }
    for condition in ["Hash Cond", "Merge Cond", "Join Filter"] {
        let condition = text(node, condition);
        if !condition.is_empty() {
            below.joined.push(condition.to_owned());
        }
    }
    for child in node.get("Plans").and_then(Value::as_array).into_iter().flatten() {
        // A sub-plan of its own has nothing to do with the order or the limit of the rows above it.
        let inner = match text(child, "Parent Relationship") {
            "InitPlan" | "SubPlan" => &Above::default(),
            _ => &below,
        };
        walk(child, inner, found);
    }
}

fn scan(node: &Value, above: &Above) -> Option<Scan> {
    let filter = text(node, "Filter");
    if above.stops_early && filter.is_empty() {
        return None;
    }
    let alias = text(node, "Alias");
    let mut wanted = conditions(filter, alias);
    for joined in &above.joined {
        let joined = conditions(joined, alias);
        for column in joined.equal {
            if !wanted.equal.contains(&column) {
                wanted.equal.push(column);
            }
        }
    }
    let sorted: Option<Vec<_>> = above.sorted.iter().map(|key| sorted_by(key, alias)).collect();
    Some(Scan {
        table: QualifiedName::parse(text(node, "Schema"), text(node, "Relation Name")).ok()?,
        conditions: wanted,
        sorted: sorted.unwrap_or_default(),
        kept: node.get("Plan Rows").and_then(Value::as_f64).unwrap_or_default(),
    })
}

fn text<'v>(node: &'v Value, key: &str) -> &'v str {
    node.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn strings(node: &Value, key: &str) -> Vec<String> {
    let list = node.get(key).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn seq_scan(filter: &str) -> Value {
        json!({ "Node Type": "Seq Scan", "Schema": "public", "Relation Name": "posts", "Alias": "p", "Filter": filter, "Plan Rows": 7 })
    }

    #[test]
    fn the_index_has_what_is_equal_and_then_the_order() {
        let plan = json!([{ "Plan": { "Node Type": "Limit", "Plans": [
            { "Node Type": "Sort", "Sort Key": ["p.at DESC", "p.id"], "Plans": [seq_scan("((p.world = 1) AND (p.n > 3))")] }] } }]);
        let found = scans(&plan);
        assert_eq!(found[0].index_columns().as_deref(), Some("\"world\", \"at\" DESC, \"id\""));
    }

    #[test]
    fn what_stops_early_is_no_scan() {
        let limited = |filter: &str| json!([{ "Plan": { "Node Type": "Limit", "Plans": [seq_scan(filter)] } }]);
        assert_eq!(scans(&limited("")).len(), 0);
        let found = scans(&limited("(p.n > 3)"));
        assert_eq!(found[0].index_columns().as_deref(), Some("\"n\""));
    }

    #[test]
    fn joins_say_what_is_equal() {
        let plan = json!([{ "Plan": { "Node Type": "Hash Join", "Hash Cond": "(r.id = p.user_id)", "Plans": [
            { "Node Type": "CTE Scan" }, { "Node Type": "Hash", "Plans": [seq_scan("(NOT p.deleted)")] }] } }]);
        assert_eq!(scans(&plan)[0].index_columns().as_deref(), Some("user_id"));
    }
}
