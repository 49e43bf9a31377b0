//! Fixes what SQL leaves open, so that a SELECT has one result and "equal" means something.
//!
//! Ties under `ORDER BY … LIMIT`, under `DISTINCT ON`, under `row_number()` and inside `json_agg` may fall either way, from
//! one execution to the next. Headwater decides them by the primary keys of the tables in FROM, appended to the ORDER BY:
//! the result is one of those that PostgreSQL may give for the SELECT as written, and always the same one. The stored
//! rows, `verify` and the tests all use the SELECT after this step.

use headwater_catalog::{Catalog, QualifiedName};
use pg_query::NodeEnum;
use pg_query::protobuf::{self, FuncCall, Node, SelectStmt, SortByDir, SortByNulls};

use crate::tree::{build, print, visit};

/// Aggregates whose result depends on the order of their input.
const ORDERED_AGGREGATES: &[&str] = &[
    "array_agg",
    "string_agg",
    "json_agg",
    "jsonb_agg",
    "json_agg_strict",
    "jsonb_agg_strict",
    "json_object_agg",
    "jsonb_object_agg",
    "json_object_agg_strict",
    "jsonb_object_agg_strict",
    "json_object_agg_unique",
    "json_object_agg_unique_strict",
    "xmlagg",
];

/// Window functions whose result differs between peers.
const PEER_SENSITIVE: &[&str] = &["row_number", "ntile", "lag", "lead", "first_value", "last_value", "nth_value"];

/// The SELECT with every tie decided.
#[must_use]
pub fn determinize(select: &SelectStmt, catalog: &Catalog) -> SelectStmt {
    let mut select = select.clone();
    block(&mut select, catalog);
    select
}

fn block(select: &mut SelectStmt, catalog: &Catalog) {
    // A set operation's sides are blocks of their own; everything else is reached as a child.
    if let (Some(left), Some(right)) = (&mut select.larg, &mut select.rarg) {
        block(left, catalog);
        block(right, catalog);
        if select.limit_count.is_some() || select.limit_offset.is_some() {
            let width = first_targets(left).len();
            for position in 1..=width {
                add_tie(&mut select.sort_clause, build::parsed(&position.to_string()));
            }
        }
    }
    let ties = tie_breakers(select, catalog);
    let grouped = !select.group_clause.is_empty();
    visit::select_children_mut(select, &mut |child| inner(child, &ties, catalog));
    let limited = select.limit_count.is_some() || select.limit_offset.is_some();
    let distinct_on = select.distinct_clause.iter().any(|node| node.node.is_some());
    if select.larg.is_none() && (limited || distinct_on) {
        if distinct_on && select.sort_clause.is_empty() {
            select.sort_clause = select.distinct_clause.iter().map(|node| sort_by(node.clone())).collect();
        }
        let plain = |group: &&Node| !matches!(group.node, Some(NodeEnum::GroupingSet(_)));
        let ties = if grouped { select.group_clause.iter().filter(plain).cloned().collect() } else { ties };
        let distinct = !select.distinct_clause.is_empty() && !distinct_on;
        if distinct {
            // Every output column, so that equal sort keys are equal rows.
            for position in 1..=select.target_list.len() {
                add_tie(&mut select.sort_clause, build::parsed(&position.to_string()));
            }
        } else {
            for tie in ties {
                add_tie(&mut select.sort_clause, tie);
            }
        }
    }
}

/// Everything under a block: its own functions get its tie breakers, its sub-selects are blocks again.
fn inner(node: &mut Node, ties: &[Node], catalog: &Catalog) {
    match &mut node.node {
        Some(NodeEnum::SelectStmt(select)) => {
            block(select, catalog);
            return;
        }
        Some(NodeEnum::FuncCall(call)) => order_function(call, ties),
        _ => {}
    }
    visit::children_mut(node, &mut |child| inner(child, ties, catalog));
}

fn order_function(call: &mut FuncCall, ties: &[Node]) {
    let name = build::last_name(&call.funcname).to_owned();
    if let Some(over) = &mut call.over {
        if over.name.is_empty() && PEER_SENSITIVE.contains(&name.as_str()) {
            for tie in ties {
                add_tie(&mut over.order_clause, tie.clone());
            }
        }
    } else if ORDERED_AGGREGATES.contains(&name.as_str()) && !call.agg_distinct {
        for tie in ties {
            add_tie(&mut call.agg_order, tie.clone());
        }
    }
}

/// What tells any two rows of the block's FROM apart, in terms of its aliases.
fn tie_breakers(select: &SelectStmt, catalog: &Catalog) -> Vec<Node> {
    let mut ties = Vec::new();
    for item in &select.from_clause {
        collect_ties(item, catalog, &mut ties);
    }
    ties
}

fn collect_ties(item: &Node, catalog: &Catalog, ties: &mut Vec<Node>) {
    match &item.node {
        Some(NodeEnum::JoinExpr(join)) => {
            for side in join.larg.iter().chain(&join.rarg) {
                collect_ties(side, catalog, ties);
            }
        }
        Some(NodeEnum::RangeVar(range)) => {
            let alias = range.alias.as_ref().map_or(&range.relname, |alias| &alias.aliasname);
            let Ok(name) = QualifiedName::parse(&range.schemaname, &range.relname) else { return };
            let Some(table) = catalog.tables.get(&name) else { return };
            let all =
                || table.columns.iter().filter(|column| column.ty.comparable).map(|column| &column.name).collect();
            let columns: Vec<_> = table.keys.first().map_or_else(all, |key| key.iter().collect());
            ties.extend(columns.into_iter().map(|column| build::column(&[alias, column.as_str()])));
        }
        Some(NodeEnum::RangeSubselect(range)) => {
            let Some(NodeEnum::SelectStmt(query)) = range.subquery.as_ref().and_then(|node| node.node.as_ref()) else {
                return;
            };
            let alias = range.alias.clone().unwrap_or_default();
            for target in first_targets(query) {
                if let Some(NodeEnum::ResTarget(target)) = &target.node {
                    let name = crate::analyze::walk::output_name(target);
                    let column = build::column(&[&alias.aliasname, &name]);
                    ties.push(build::parsed(&format!("({})::text", print::expression(&column))));
                }
            }
        }
        _ => {}
    }
}

fn first_targets(select: &SelectStmt) -> &[Node] {
    match &select.larg {
        Some(left) => first_targets(left),
        None => &select.target_list,
    }
}

fn add_tie(sorts: &mut Vec<Node>, tie: Node) {
    let text = print::expression(&tie);
    let present = sorts.iter().any(|sort| {
        matches!(&sort.node, Some(NodeEnum::SortBy(by))
            if by.node.as_ref().is_some_and(|node| print::expression(node) == text))
    });
    if !present {
        sorts.push(sort_by(tie));
    }
}

/// `expression`, ascending, as a member of ORDER BY.
#[must_use]
pub fn sort_by(expression: Node) -> Node {
    build::node(NodeEnum::SortBy(Box::new(protobuf::SortBy {
        node: Some(Box::new(expression)),
        sortby_dir: SortByDir::SortbyDefault as i32,
        sortby_nulls: SortByNulls::SortbyNullsDefault as i32,
        use_op: Vec::new(),
        location: 0,
    })))
}
