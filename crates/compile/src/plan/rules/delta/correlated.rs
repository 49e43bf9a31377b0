//! Correlated sub-selects over one table: `(SELECT agg(x) FROM t WHERE t.k = <key> AND f(t))`.

use std::collections::{BTreeMap, BTreeSet};

use headwater_catalog::{Catalog, Ident, QualifiedName, Table};
use pg_query::NodeEnum;
use pg_query::protobuf::{AExprKind, Node, SelectStmt, SubLink, SubLinkType};

use super::aggregate::{self, Aggregate, Function};
use super::{Contribution, Delta, add_dependents, alias_of, mentions_of, name_of};
use crate::analyze::time;
use crate::plan::finish::Split;
use crate::plan::key::Key;
use crate::tree::{Expr, build, visit};

/// A sub-select that is folded.
struct Link {
    text: String,
    mentions: usize,
    table: QualifiedName,
    alias: String,
    key: Vec<Expr>,
    condition: Option<Expr>,
    select: SelectStmt,
    aggregates: Vec<Aggregate>,
}

/// Finds them in the core's targets.
pub(super) fn find(split: &mut Split, key: &Key, catalog: &Catalog) -> BTreeMap<QualifiedName, Delta> {
    let mut links: Vec<Link> = Vec::new();
    for target in &split.core.target_list {
        collect(target, key, catalog, &mut links);
    }
    // A table that is also read in another way is keyed as a whole; its state columns would be dead weight.
    let explained = |table: &QualifiedName| -> usize {
        links.iter().filter(|link| link.table == *table).map(|link| link.mentions).sum()
    };
    let tables: BTreeSet<QualifiedName> = links
        .iter()
        .map(|link| &link.table)
        .filter(|table| explained(table) == mentions_of(&split.core, table))
        .cloned()
        .collect();
    let mut values: BTreeMap<String, (Node, QualifiedName)> = BTreeMap::new();
    let mut found: BTreeMap<QualifiedName, Delta> = BTreeMap::new();
    for link in links.iter().filter(|link| tables.contains(&link.table)) {
        let table = &catalog.tables[&link.table];
        let delta = found.entry(link.table.clone()).or_default();
        if let Some(value) = fold(link, table, split, delta) {
            values.insert(link.text.clone(), (value, link.table.clone()));
        }
    }
    for (table, delta) in &mut found {
        delta.occurrences = mentions_of(&split.core, table);
    }
    add_dependents(split, &values, &mut found);
    found
}

fn collect(node: &Node, key: &Key, catalog: &Catalog, links: &mut Vec<Link>) {
    if let Some(NodeEnum::SubLink(link)) = &node.node {
        let text = Expr::new(node.clone()).text().to_owned();
        if let Some(known) = links.iter_mut().find(|known| known.text == text) {
            known.mentions += 1;
        } else if let Some(found) = read(link, &text, key, catalog) {
            links.push(found);
        }
        return;
    }
    visit::children(node, &mut |child| collect(child, key, catalog, links));
}

fn read(link: &SubLink, text: &str, key: &Key, catalog: &Catalog) -> Option<Link> {
    if link.sub_link_type != SubLinkType::ExprSublink as i32 {
        return None;
    }
    let Some(NodeEnum::SelectStmt(select)) = link.subselect.as_ref()?.node.as_ref() else { return None };
    let plain = select.with_clause.is_none()
        && select.group_clause.is_empty()
        && select.having_clause.is_none()
        && select.sort_clause.is_empty()
        && select.limit_count.is_none()
        && select.limit_offset.is_none()
        && select.distinct_clause.is_empty()
        && select.window_clause.is_empty()
        && select.larg.is_none();
    let ([from], [target], true) = (select.from_clause.as_slice(), select.target_list.as_slice(), plain) else {
        return None;
    };
    let Some(NodeEnum::RangeVar(range)) = &from.node else { return None };
    let (table, alias) = (name_of(range)?, alias_of(range));
    let declared = catalog.tables.get(&table)?;
    let mut key_columns: BTreeMap<usize, Expr> = BTreeMap::new();
    let mut conditions = Vec::new();
    for condition in build::conjuncts(select.where_clause.as_deref()) {
        if let Some((position, column)) = correlation(condition, key, &alias) {
            key_columns.insert(position, column);
        } else if own_row(condition, &alias, declared) {
            conditions.push(condition.clone());
        } else {
            return None;
        }
    }
    if key_columns.len() != key.columns.len() {
        return None;
    }
    let Some(NodeEnum::ResTarget(target)) = &target.node else { return None };
    let mut aggregates = Vec::new();
    if !aggregate::read(target.val.as_deref()?, &|_| false, &mut aggregates) || aggregates.is_empty() {
        return None;
    }
    let foldable = aggregates.iter().all(|aggregate| {
        let own = |node: &Node| own_row(node, &alias, declared);
        aggregate.filter.as_ref().is_none_or(own)
            && match &aggregate.function {
                Function::Count(argument) => argument.as_ref().is_none_or(own),
                Function::Sum(argument) | Function::Average(argument) => {
                    own(argument) && aggregate::sum_type(argument, declared).is_some()
                }
                Function::Extreme(argument, _) => {
                    own(argument) && aggregate::column_of(argument, declared).is_some_and(aggregate::keeps_order)
                }
                Function::First(..) => false,
            }
    });
    foldable.then(|| Link {
        text: text.to_owned(),
        mentions: 1,
        table,
        alias,
        key: key_columns.into_values().collect(),
        condition: build::conjunction(conditions).map(Expr::new),
        select: (**select).clone(),
        aggregates,
    })
}

/// `alias.column = <key column>`, either way round: the position in the key and the column.
fn correlation(condition: &Node, key: &Key, alias: &str) -> Option<(usize, Expr)> {
    let Some(NodeEnum::AExpr(expr)) = &condition.node else { return None };
    if expr.kind != AExprKind::AexprOp as i32 || build::last_name(&expr.name) != "=" {
        return None;
    }
    let (left, right) = (expr.lexpr.as_deref()?, expr.rexpr.as_deref()?);
    [(left, right), (right, left)].into_iter().find_map(|(own, outer)| {
        let parts = build::column_parts(own)?;
        let [relation, _] = parts.as_slice() else { return None };
        let outer = Expr::new(outer.clone());
        let position = key.columns.iter().position(|column| column.visible.as_ref() == Some(&outer))?;
        (*relation == alias).then(|| (position, Expr::new(own.clone())))
    })
}

/// True where the node reads nothing but the row called `alias` and constants.
fn own_row(node: &Node, alias: &str, table: &Table) -> bool {
    !visit::any(node, &|node| match node {
        NodeEnum::ColumnRef(reference) => match build::strings(&reference.fields).as_deref() {
            Some([relation, column]) => {
                *relation != alias || Ident::new(*column).ok().is_none_or(|name| table.column(&name).is_none())
            }
            _ => true,
        },
        NodeEnum::SubLink(_) => true,
        node => time::is_clock(node),
    })
}

/// Stores what the aggregates of a sub-select need, and gives the sub-select's value over the model row.
fn fold(link: &Link, table: &Table, split: &mut Split, delta: &mut Delta) -> Option<Node> {
    let mut contribution =
        Contribution { alias: link.alias.clone(), key: link.key.clone(), condition: None, inputs: Vec::new() };
    let mut values: Vec<(Expr, Node)> = Vec::new();
    for one in &link.aggregates {
        let (sum_type, value_type) = match &one.function {
            Function::Sum(argument) | Function::Average(argument) => (aggregate::sum_type(argument, table), None),
            Function::Extreme(argument, _) => {
                (None, aggregate::column_of(argument, table).map(|column| column.ty.sql.as_str()))
            }
            Function::Count(_) | Function::First(..) => (None, None),
        };
        let mut store = |value: Node| store(split, link, value);
        let (states, value) = aggregate::states(one, sum_type, value_type, &mut store)?;
        let inputs = aggregate::inputs(one, &states, &|node| Some(Expr::new(node.clone())))?;
        for (state, mut input) in states.into_iter().zip(inputs) {
            // The sub-select's own WHERE filters each input: another sub-select over the same table has another.
            let terms = link.condition.iter().chain(&input.condition).map(|term| term.node().clone()).collect();
            input.condition = build::conjunction(terms).map(Expr::new);
            if delta.states.contains(&state) {
                continue;
            }
            delta.states.push(state);
            contribution.inputs.push(input);
        }
        values.push((Expr::new(one.call.clone()), value));
    }
    match delta
        .contributions
        .iter_mut()
        .find(|known| known.alias == contribution.alias && known.key == contribution.key)
    {
        Some(known) => known.inputs.extend(contribution.inputs),
        None if contribution.inputs.is_empty() => {}
        None => delta.contributions.push(contribution),
    }
    let Some(NodeEnum::ResTarget(target)) = &link.select.target_list[0].node else { return None };
    let value = Expr::new(target.val.as_deref()?.clone());
    let replaced = value.rewritten(&mut |node| {
        let expr = Expr::new(node.clone());
        values.iter().find(|(known, _)| *known == expr).map(|(_, value)| value.clone())
    });
    Some(replaced.node().clone())
}

/// The sub-select with another target, as a stored column.
fn store(split: &mut Split, link: &Link, value: Node) -> String {
    let mut select = link.select.clone();
    let name = match &link.select.target_list[0].node {
        Some(NodeEnum::ResTarget(target)) => target.name.clone(),
        _ => String::new(),
    };
    select.target_list = vec![build::target(value, &name)];
    split.store(&build::scalar(select), "hw_s")
}
