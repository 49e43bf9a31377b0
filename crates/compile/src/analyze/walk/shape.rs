//! What a block gives: its outputs, its grouping, what is unique in it.

use std::collections::BTreeSet;

use headwater_catalog::Ident;
use pg_query::NodeEnum;
use pg_query::protobuf::{Node, SelectStmt};

use super::{Scope, Walker, opaque_output, output_name};
use crate::analyze::{Origin, Output, RegionId, Shape, nulls, rowkey};
use crate::tree::{Expr, build, visit};

impl Walker<'_> {
    /// What the block yields.
    pub(super) fn shape(&mut self, select: &SelectStmt, scope: &Scope<'_>, region: RegionId) -> Shape {
        let targets: Vec<(String, &Node)> = select
            .target_list
            .iter()
            .filter_map(|target| match &target.node {
                Some(NodeEnum::ResTarget(target)) => Some((output_name(target), target.val.as_deref()?)),
                _ => None,
            })
            .collect();
        if !select.values_lists.is_empty() {
            let width = match select.values_lists.first().and_then(|row| row.node.as_ref()) {
                Some(NodeEnum::List(row)) => row.items.len(),
                _ => 0,
            };
            let outputs = (1..=width).map(|n| opaque_output(&format!("column{n}"), region)).collect();
            return Shape { outputs, ..Shape::default() };
        }
        let grouped_by: Vec<Expr> =
            select.group_clause.iter().filter_map(|group| self.plain(&ordinal(group, &targets), scope)).collect();
        let grouped = !select.group_clause.is_empty()
            || select.having_clause.is_some()
            || targets.iter().any(|(_, value)| self.aggregated(value));
        let partitions = partitions(select, &targets);
        let limited = select.limit_count.is_some() || select.limit_offset.is_some();
        let distinct_on: Vec<Expr> = select
            .distinct_clause
            .iter()
            .filter(|node| node.node.is_some())
            .filter_map(|node| self.plain(&ordinal(node, &targets), scope))
            .collect();
        let distinct = !select.distinct_clause.is_empty();
        let determined = grouped.then(|| self.with_determined(&grouped_by, scope));
        let outputs: Vec<Output> = targets
            .iter()
            .map(|(name, value)| {
                let expr = self.plain(value, scope).filter(|expr| {
                    !limited
                        && (distinct || !self.multiplies(value))
                        && determined.as_ref().is_none_or(|known| known.composes(expr.node()))
                        && (distinct_on.is_empty() || Known::of(&distinct_on).composes(expr.node()))
                        && partitions.as_ref().is_none_or(|sets| {
                            sets.iter().all(|set| {
                                let exprs: Vec<Expr> = set.iter().filter_map(|node| self.plain(node, scope)).collect();
                                Known::of(&exprs).composes(expr.node())
                            })
                        })
                });
                let not_null = expr.as_ref().is_some_and(|expr| self.never_null(expr));
                Output { name: name.clone(), origins: vec![Origin { region, expr, not_null }] }
            })
            .collect();
        let key = if !distinct_on.is_empty() {
            Some(distinct_on)
        } else if distinct {
            outputs.iter().map(|output| output.origins[0].expr.clone()).collect()
        } else if grouped {
            (grouped_by.len() == select.group_clause.len()).then_some(grouped_by)
        } else {
            rowkey::of_items(&scope.items, &self.analysis)
        };
        let mut unique: Vec<BTreeSet<usize>> = Vec::new();
        if let Some(key) = &key {
            let positions: Option<BTreeSet<usize>> = key
                .iter()
                .map(|expr| targets.iter().position(|(_, value)| self.plain(value, scope).as_ref() == Some(expr)))
                .collect();
            unique.extend(positions);
        }
        // One source row may give several result rows: nothing that identifies the one identifies the other.
        let multiplied = !distinct && targets.iter().any(|(_, value)| self.multiplies(value));
        let key = key.filter(|_| !multiplied);
        if multiplied {
            unique.clear();
        }
        if limit_is_one(select) {
            unique.push(BTreeSet::new());
        }
        Shape { outputs, unique, key, grouped: grouped || distinct, set_operation: false }
    }

    /// The grouping expressions, and the tables whose key is among them: their other columns are fixed as well.
    fn with_determined(&self, grouped_by: &[Expr], scope: &Scope<'_>) -> Known {
        let mut known = Known::of(grouped_by);
        for item in &scope.items {
            let fixed = item.keys.iter().any(|key| {
                !key.is_empty() && key.iter().all(|column| grouped_by.contains(&Expr::column(&item.unique, column)))
            });
            if fixed && self.analysis.occurrence(&item.unique).is_some() {
                known.relations.insert(item.unique.clone());
            }
        }
        known
    }

    fn never_null(&self, expr: &Expr) -> bool {
        if let Some((relation, column)) = expr.as_column()
            && let Some(derived) = self.analysis.derived.get(relation)
        {
            let output = derived.outputs.iter().find(|output| output.name == column);
            return output.is_some_and(|output| output.origins.iter().all(|origin| origin.not_null));
        }
        let composed = expr.as_column().is_none();
        nulls::never_null(expr.node(), &|relation, column| {
            let Some(id) = self.analysis.occurrence(relation) else { return false };
            let occurrence = &self.analysis.occurrences[id];
            let declared =
                Ident::new(column).ok().and_then(|column| self.catalog.tables.get(&occurrence.table)?.column(&column));
            declared.is_some_and(|column| column.not_null && !(composed && column.ty.sql.contains('.')))
                && self.analysis.nullable_around(occurrence.region).is_empty()
        })
    }
}

/// Expressions whose values are fixed within a group.
struct Known {
    exprs: BTreeSet<Expr>,
    relations: BTreeSet<String>,
}

impl Known {
    fn of(exprs: &[Expr]) -> Self {
        Self { exprs: exprs.iter().cloned().collect(), relations: BTreeSet::new() }
    }

    /// True where the node is made of known expressions and constants only.
    fn composes(&self, node: &Node) -> bool {
        if self.exprs.contains(&Expr::new(node.clone())) {
            return true;
        }
        if let Some(parts) = build::column_parts(node) {
            return parts.len() == 2 && self.relations.contains(parts[0]);
        }
        let mut all = true;
        visit::children(node, &mut |child| all = all && self.composes(child));
        all
    }
}

/// `GROUP BY 2` means the second target, and so does `GROUP BY name`.
fn ordinal(node: &Node, targets: &[(String, &Node)]) -> Node {
    if let Some(NodeEnum::AConst(constant)) = &node.node
        && let Some(pg_query::protobuf::a_const::Val::Ival(number)) = &constant.val
        && let Some((_, value)) = usize::try_from(number.ival).ok().and_then(|n| targets.get(n.wrapping_sub(1)))
    {
        return (*value).clone();
    }
    node.clone()
}

/// The PARTITION BY lists of the block's window functions; `None` where it has none.
fn partitions(select: &SelectStmt, targets: &[(String, &Node)]) -> Option<Vec<Vec<Node>>> {
    let mut found = Vec::new();
    for (_, value) in targets {
        collect_partitions(value, select, &mut found);
    }
    (!found.is_empty()).then_some(found)
}

fn collect_partitions(node: &Node, select: &SelectStmt, found: &mut Vec<Vec<Node>>) {
    if let Some(NodeEnum::FuncCall(call)) = &node.node
        && let Some(over) = &call.over
    {
        let named = [&over.name, &over.refname].into_iter().find(|name| !name.is_empty());
        let definition = named.and_then(|name| {
            select.window_clause.iter().find_map(|window| match &window.node {
                Some(NodeEnum::WindowDef(window)) if window.name == *name => Some(&**window),
                _ => None,
            })
        });
        found.push(definition.unwrap_or(over).partition_clause.clone());
    }
    if !matches!(&node.node, Some(NodeEnum::SubLink(_))) {
        visit::children(node, &mut |child| collect_partitions(child, select, found));
    }
}

fn limit_is_one(select: &SelectStmt) -> bool {
    select.limit_count.as_deref().is_some_and(|count| Expr::new(count.clone()).text() == "1")
}
