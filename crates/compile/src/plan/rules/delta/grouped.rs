//! GROUP BY over one table, or over a UNION ALL of plain SELECTs from tables: each source row belongs to one group per branch,
//! and the group's row is its states.
//!
//! ```sql
//! SELECT q.user_id, count(*), max(q.at) FROM (SELECT sender AS user_id, at FROM m UNION ALL SELECT recipient, at FROM m) q
//! GROUP BY q.user_id          -- INSERT INTO m …
//! UPDATE model SET count = count + 1, max = GREATEST(max, <at>) WHERE user_id = <sender>; likewise for <recipient>
//! ```

use std::collections::BTreeMap;

use headwater_catalog::{Catalog, QualifiedName, Table};
use pg_query::NodeEnum;
use pg_query::protobuf::{Node, RangeVar, SelectStmt, SetOperation};

use super::aggregate::{self, Aggregate, Function};
use super::{Contribution, Delta, State, add_dependents, alias_of, mentions_of, name_of};
use crate::analyze::time;
use crate::plan::finish::Split;
use crate::plan::key::Key;
use crate::tree::{Expr, build, visit};

/// One table that feeds the groups, with the grouped item's columns over its rows.
struct Branch {
    table: QualifiedName,
    alias: String,
    condition: Vec<Node>,
    /// The item's column → expression over the row; `None` where the item is the table itself.
    columns: Option<BTreeMap<String, Node>>,
}

/// Reads the core; `None` where it is not of this shape throughout.
pub(super) fn find(split: &mut Split, key: &Key, catalog: &Catalog) -> Option<BTreeMap<QualifiedName, Delta>> {
    let core = split.core.clone();
    let plain = core.having_clause.is_none()
        && core.distinct_clause.is_empty()
        && core.with_clause.is_none()
        && core.window_clause.is_empty();
    let ([from], true) = (core.from_clause.as_slice(), plain) else { return None };
    let (item, branches) = branches(from)?;
    let groups: Vec<Expr> = core.group_clause.iter().map(|group| Expr::new(group.clone())).collect();
    let keyed = key.columns.iter().all(|column| column.visible.as_ref().is_some_and(|expr| groups.contains(expr)));
    // Without GROUP BY there is one group, whose row stays when its last source row goes.
    if !groups.is_empty() && (!keyed || groups.len() != key.columns.len()) {
        return None;
    }
    let mut aggregates: Vec<Aggregate> = Vec::new();
    let fixed = |node: &Node| groups.contains(&Expr::new(node.clone()));
    for column in &split.columns {
        if !aggregate::read(column.expr.as_ref()?.node(), &fixed, &mut aggregates) {
            return None;
        }
    }
    let conditions: Vec<Node> = build::conjuncts(core.where_clause.as_deref()).into_iter().cloned().collect();
    let simple = |node: &Node| !visit::any(node, &|node| matches!(node, NodeEnum::SubLink(_)) || time::is_clock(node));
    if !conditions.iter().chain(aggregates.iter().map(|one| &one.call)).all(simple) {
        return None;
    }
    let tables: Vec<&Table> = branches.iter().map(|branch| catalog.tables.get(&branch.table)).collect::<Option<_>>()?;
    if !aggregates.iter().all(|one| has_state(one, &item, &branches, &tables)) {
        return None;
    }
    // From here on nothing fails: state columns are added.
    let lives_by = split.store(&build::parsed("count(*)"), "hw_s");
    let count = aggregate::Aggregate { call: build::parsed("count(*)"), function: Function::Count(None), filter: None };
    aggregates.retain(|one| Expr::new(one.call.clone()).text() != Expr::new(count.call.clone()).text());
    aggregates.insert(0, count);
    let mut states: Vec<State> = Vec::new();
    let mut values: BTreeMap<String, (Node, QualifiedName)> = BTreeMap::new();
    let mut of_aggregate: Vec<Vec<State>> = Vec::new();
    for one in &aggregates {
        let (sum_type, value_type) = types(one, &item, &branches, &tables);
        let mut store = |value: Node| split.store(&value, "hw_s");
        let (own, value) = aggregate::states(one, sum_type, value_type.as_deref(), &mut store)?;
        for state in &own {
            if !states.contains(state) {
                states.push(state.clone());
            }
        }
        of_aggregate.push(own);
        let text = Expr::new(one.call.clone()).text().to_owned();
        values.insert(text, (value, branches[0].table.clone()));
    }
    let mut found: BTreeMap<QualifiedName, Delta> = BTreeMap::new();
    for branch in &branches {
        let over_row = |node: &Node| over_row(node, &item, branch).map(Expr::new);
        let mut contribution = Contribution {
            alias: branch.alias.clone(),
            key: key.columns.iter().map(|column| over_row(column.visible.as_ref()?.node())).collect::<Option<_>>()?,
            condition: build::conjunction(
                branch
                    .condition
                    .iter()
                    .cloned()
                    .map(Some)
                    .chain(conditions.iter().map(|condition| over_row(condition).map(|expr| expr.node().clone())))
                    .collect::<Option<Vec<Node>>>()?,
            )
            .map(Expr::new),
            inputs: Vec::new(),
        };
        for (one, own) in aggregates.iter().zip(&of_aggregate) {
            for input in aggregate::inputs(one, own, &over_row)? {
                if !contribution.inputs.iter().any(|known| known.column == input.column) {
                    contribution.inputs.push(input);
                }
            }
        }
        let delta = found.entry(branch.table.clone()).or_default();
        delta.states.clone_from(&states);
        delta.lives_by = (!groups.is_empty()).then(|| lives_by.clone());
        delta.contributions.push(contribution);
    }
    for (table, delta) in &mut found {
        delta.occurrences = mentions_of(&core, table);
    }
    let first = branches[0].table.clone();
    add_dependents(split, &values, &mut found);
    let dependents = found[&first].dependents.clone();
    for delta in found.values_mut() {
        delta.dependents.clone_from(&dependents);
    }
    Some(found)
}

/// The FROM item's alias and the tables behind it.
fn branches(from: &Node) -> Option<(String, Vec<Branch>)> {
    match &from.node {
        Some(NodeEnum::RangeVar(range)) => {
            let alias = alias_of(range);
            let branch = Branch { table: name_of(range)?, alias: alias.clone(), condition: Vec::new(), columns: None };
            Some((alias, vec![branch]))
        }
        Some(NodeEnum::RangeSubselect(range)) => {
            let Some(NodeEnum::SelectStmt(select)) = &range.subquery.as_ref()?.node else { return None };
            let names: Vec<String> = first_side(select).target_list.iter().map(target_name).collect::<Option<_>>()?;
            let mut found = Vec::new();
            read_branches(select, &names, &mut found)?;
            Some((range.alias.as_ref()?.aliasname.clone(), found))
        }
        _ => None,
    }
}

fn first_side(select: &SelectStmt) -> &SelectStmt {
    select.larg.as_deref().map_or(select, first_side)
}

fn target_name(target: &Node) -> Option<String> {
    match &target.node {
        Some(NodeEnum::ResTarget(target)) => Some(crate::analyze::walk::output_name(target)),
        _ => None,
    }
}

fn read_branches(select: &SelectStmt, names: &[String], found: &mut Vec<Branch>) -> Option<()> {
    let plain = select.with_clause.is_none()
        && select.sort_clause.is_empty()
        && select.limit_count.is_none()
        && select.limit_offset.is_none();
    if !plain {
        return None;
    }
    if select.op != SetOperation::SetopNone as i32 {
        if select.op != SetOperation::SetopUnion as i32 || !select.all {
            return None;
        }
        read_branches(select.larg.as_deref()?, names, found)?;
        return read_branches(select.rarg.as_deref()?, names, found);
    }
    let ungrouped =
        select.group_clause.is_empty() && select.having_clause.is_none() && select.distinct_clause.is_empty();
    let ([from], true) = (select.from_clause.as_slice(), ungrouped) else { return None };
    let Some(NodeEnum::RangeVar(range)) = &from.node else { return None };
    let mut columns = BTreeMap::new();
    for (name, target) in names.iter().zip(&select.target_list) {
        let Some(NodeEnum::ResTarget(target)) = &target.node else { return None };
        columns.insert(name.clone(), qualified(target.val.as_deref()?, range)?);
    }
    let condition = build::conjuncts(select.where_clause.as_deref())
        .into_iter()
        .map(|condition| qualified(condition, range))
        .collect::<Option<_>>()?;
    found.push(Branch { table: name_of(range)?, alias: alias_of(range), condition, columns: Some(columns) });
    Some(())
}

/// The expression with its columns qualified; `None` where it is more than a function of one row.
fn qualified(node: &Node, range: &RangeVar) -> Option<Node> {
    let complex = visit::any(node, &|node| {
        time::is_clock(node)
            || matches!(node, NodeEnum::SubLink(_))
            || matches!(node, NodeEnum::FuncCall(call) if call.over.is_some() || call.agg_star || call.agg_filter.is_some())
    });
    if complex {
        return None;
    }
    let alias = alias_of(range);
    let mut node = node.clone();
    visit::rewrite(&mut node, &mut |node| {
        let parts = build::column_parts(node)?;
        Some(build::column(&[&alias, parts.last()?]))
    });
    Some(node)
}

/// An expression over the grouped item, put in terms of a branch's row.
fn over_row(node: &Node, item: &str, branch: &Branch) -> Option<Node> {
    let mut known = true;
    let mut node = node.clone();
    visit::rewrite(&mut node, &mut |node| {
        let parts = build::column_parts(node)?;
        let column = match parts.as_slice() {
            [column] => *column,
            [relation, column] if *relation == item => *column,
            _ => {
                known = false;
                return None;
            }
        };
        match &branch.columns {
            None => Some(build::column(&[&branch.alias, column])),
            Some(columns) => {
                let found = columns.get(column).cloned();
                known = known && found.is_some();
                found
            }
        }
    });
    known.then_some(node)
}

/// True where every branch gives the aggregate what its state needs.
fn has_state(one: &Aggregate, item: &str, branches: &[Branch], tables: &[&Table]) -> bool {
    let columns = |argument: &Node| -> Option<Vec<&headwater_catalog::Column>> {
        branches
            .iter()
            .zip(tables)
            .map(|(branch, table)| aggregate::column_of(&over_row(argument, item, branch)?, table))
            .collect()
    };
    match &one.function {
        Function::Count(_) => true,
        Function::Sum(_) | Function::Average(_) => types(one, item, branches, tables).0.is_some(),
        Function::Extreme(argument, _) => columns(argument).is_some_and(|all| {
            all.iter().all(|column| aggregate::keeps_order(column) && column.ty.sql == all[0].ty.sql)
        }),
        Function::First(value, order, _) => {
            let ordered = order.iter().all(|by| {
                columns(by)
                    .is_some_and(|all| all.iter().all(|column| aggregate::keeps_order(column) && column.not_null))
            });
            ordered && columns(value).is_some() && first_is_decided(value, order, item, branches, tables)
        }
    }
}

/// True where the order decides between any two rows whose values differ: it holds the key of the one table that all branches
/// read, and a row's order and value are the same in whichever branch it stands.
fn first_is_decided(value: &Node, order: &[Node], item: &str, branches: &[Branch], tables: &[&Table]) -> bool {
    let over = |node: &Node, branch: &Branch| over_row(node, item, branch).map(|node| last_part(&node));
    let alike = |node: &Node| {
        let all: Vec<Option<String>> = branches.iter().map(|branch| over(node, branch)).collect();
        all.iter().all(|one| one.is_some() && *one == all[0])
    };
    let same_table = branches.iter().all(|branch| branch.table == branches[0].table);
    let key = tables[0].keys.iter().any(|key| {
        key.iter().all(|name| order.iter().any(|by| over(by, &branches[0]).as_deref() == Some(name.as_str())))
    });
    same_table && key && alike(value) && order.iter().all(alike)
}

fn last_part(node: &Node) -> String {
    build::column_parts(node).and_then(|parts| parts.last().map(|name| (*name).to_owned())).unwrap_or_default()
}

/// The type in which the aggregate is summed, and the type of its value.
fn types(
    one: &Aggregate,
    item: &str,
    branches: &[Branch],
    tables: &[&Table],
) -> (Option<&'static str>, Option<String>) {
    let argument = match &one.function {
        Function::Sum(argument) | Function::Average(argument) | Function::Extreme(argument, _) => argument,
        Function::Count(_) | Function::First(..) => return (None, None),
    };
    let over: Option<Vec<Node>> = branches.iter().map(|branch| over_row(argument, item, branch)).collect();
    let Some(over) = over else { return (None, None) };
    let sums: Vec<Option<&'static str>> =
        over.iter().zip(tables).map(|(node, table)| aggregate::sum_type(node, table)).collect();
    let sum_type = sums.iter().all(|one| *one == sums[0]).then_some(sums[0]).flatten();
    let value_type = aggregate::column_of(&over[0], tables[0]).map(|column| column.ty.sql.clone());
    (sum_type, value_type)
}
