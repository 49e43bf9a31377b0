//! Core and finish: which part of a SELECT is stored, and which is evaluated when somebody reads.
//!
//! The finish takes what changes without any write (`now()` in the output), what would renumber a thousand rows for one
//! change (`row_number()` over everything) and what belongs to the reader (the final ORDER BY, LIMIT). An expression is cut
//! at its largest parts that stand still: those become stored columns, the rest is printed into the public view over them.
//!
//! ```sql
//! SELECT p.id, p.score * 2 - EXTRACT(epoch FROM now() - p.created_at) / 3600 AS trending FROM projects p ORDER BY trending DESC
//! -- core:   SELECT p.id, p.score * 2 AS hw_s1, p.created_at AS hw_s2, <trending at a fixed moment> AS hw_o1 FROM projects p
//! -- finish: SELECT id, hw_s1 - EXTRACT(epoch FROM now() - hw_s2) / 3600 AS trending FROM … ORDER BY hw_o1 DESC
//! ```

use std::collections::BTreeSet;

use pg_query::NodeEnum;
use pg_query::protobuf::{Node, SelectStmt, SetOperation};

use super::{Refusal, sides};
use crate::analyze::time;
use crate::analyze::walk::{output_name, windowed};
use crate::tree::{Expr, build, print, visit};

/// A column of the model table that the core SELECT gives.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Its name in the model table: the output's own, or `hw_` and a number.
    pub name: String,
    /// Its expression, in the terms of the top block; empty for the columns of a set operation.
    pub expr: Option<Expr>,
}

/// What the public view adds over the model table.
#[derive(Debug, Clone, Default)]
pub struct Finish {
    /// The output columns: name and expression over the model table.
    pub targets: Vec<(String, Node)>,
    /// Conditions.
    pub conditions: Vec<Node>,
    /// ORDER BY.
    pub order: Vec<Node>,
    /// WINDOW definitions.
    pub windows: Vec<Node>,
    /// LIMIT.
    pub limit: Option<Node>,
    /// OFFSET.
    pub offset: Option<Node>,
    /// Finish columns that are ordered by a stored column: output name → stored name.
    pub ordered_by: Vec<(String, String)>,
}

impl Finish {
    /// True where readers see stored columns just as they are, in an order at most.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let stored = |(name, value): &(String, Node)| build::column_parts(value).as_deref() == Some(&[name.as_str()]);
        self.conditions.is_empty() && self.limit.is_none() && self.offset.is_none() && self.targets.iter().all(stored)
    }
}

/// A SELECT cut in two.
#[derive(Debug, Clone)]
pub struct Split {
    /// What is stored.
    pub core: SelectStmt,
    /// The model table's columns, in the core's order.
    pub columns: Vec<Stored>,
    /// What is evaluated at read time.
    pub finish: Finish,
    /// Moments at which a row of the core changes by itself: expressions in the terms of the top block.
    pub due: Vec<Node>,
}

impl Split {
    /// The stored column with this expression, added where there is none.
    pub fn store(&mut self, node: &Node, prefix: &str) -> String {
        let expr = Expr::new(node.clone());
        if let Some(column) = self.columns.iter().find(|column| column.expr.as_ref() == Some(&expr)) {
            return column.name.clone();
        }
        let number = self.columns.iter().filter(|column| column.name.starts_with(prefix)).count() + 1;
        let name = format!("{prefix}{number}");
        self.core.target_list.push(build::target(node.clone(), &name));
        self.columns.push(Stored { name: name.clone(), expr: Some(expr) });
        name
    }
}

/// Cuts a SELECT.
pub fn split(select: &SelectStmt, aggregates: &BTreeSet<String>) -> Result<Split, Refusal> {
    let mut core = select.clone();
    let order = std::mem::take(&mut core.sort_clause);
    let windows = std::mem::take(&mut core.window_clause);
    let mut finish = Finish { limit: core.limit_count.take().map(|node| *node), ..Finish::default() };
    finish.offset = core.limit_offset.take().map(|node| *node);
    core.limit_option = pg_query::protobuf::LimitOption::Default as i32;
    if select.limit_option == pg_query::protobuf::LimitOption::WithTies as i32 {
        return Err(Refusal::new(
            401,
            "FETCH FIRST … WITH TIES is not maintained yet",
            "use LIMIT, or rank() <= n",
            "ties",
        ));
    }
    if select.op != SetOperation::SetopNone as i32 {
        let mut first = select;
        while let Some(left) = &first.larg {
            first = left;
        }
        let names = target_names(first);
        finish.targets = names.iter().map(|name| (name.clone(), build::column(&[name]))).collect();
        finish.order = order.iter().map(|sort| ordered(sort, &names)).collect();
        let columns = names.into_iter().map(|name| Stored { name, expr: None }).collect();
        return Ok(Split { core, columns, finish, due: Vec::new() });
    }
    let distinct_on = core.distinct_clause.iter().any(|node| node.node.is_some());
    if distinct_on {
        // DISTINCT ON takes its row by the block's own ORDER BY.
        core.sort_clause.clone_from(&order);
    }
    let targets = std::mem::take(&mut core.target_list);
    let aggregated = targets.iter().any(|target| crate::analyze::walk::is_aggregated(target, aggregates));
    let plain = core.distinct_clause.is_empty() && core.group_clause.is_empty() && !aggregated;
    let mut split = Split { core, columns: Vec::new(), finish, due: Vec::new() };
    for target in &targets {
        let Some(NodeEnum::ResTarget(target)) = &target.node else { continue };
        let (name, Some(value)) = (output_name(target), target.val.as_deref()) else { continue };
        if aggregates_clock(value, aggregates) {
            return Err(super::rules::window::not_simple());
        }
        if !moves(value) {
            split.core.target_list.push(build::target(value.clone(), &name));
            split.columns.push(Stored { name, expr: Some(Expr::new(value.clone())) });
        }
    }
    for target in &targets {
        let Some(NodeEnum::ResTarget(target)) = &target.node else { continue };
        let (name, Some(value)) = (output_name(target), target.val.as_deref()) else { continue };
        let finished = if moves(value) { lift(value, &mut split) } else { build::column(&[&name]) };
        split.finish.targets.push((name, finished));
    }
    if plain {
        cut_conditions(&mut split)?;
    }
    split.finish.windows = windows
        .iter()
        .map(|window| {
            let mut window = window.clone();
            visit::children_mut(&mut window, &mut |child| *child = lift(child, &mut split));
            window
        })
        .collect();
    for sort in &order {
        let sort = finish_order(sort, &targets, &mut split);
        split.finish.order.push(sort);
    }
    Ok(split)
}

/// Moves every condition that reads the clock to where it stays true by itself.
fn cut_conditions(split: &mut Split) -> Result<(), Refusal> {
    let conditions: Vec<Node> = build::conjuncts(split.core.where_clause.as_deref()).into_iter().cloned().collect();
    let mut kept = Vec::new();
    for condition in conditions {
        if !time::reads_clock(&condition) {
            kept.push(condition);
            continue;
        }
        let window = time::window(&condition).filter(|_| time::reads_clock_here(&condition));
        match window {
            Some(window) if window.leaves => {
                split.due.push(window.flips_at);
                let finished = lift(&condition, split);
                split.finish.conditions.push(finished);
                kept.push(condition);
            }
            _ => {
                let finished = lift(&condition, split);
                split.finish.conditions.push(finished);
            }
        }
    }
    split.core.where_clause = build::conjunction(kept).map(Box::new);
    Ok(())
}

/// The expression over the model table: its largest parts that stand still become stored columns.
fn lift(node: &Node, split: &mut Split) -> Node {
    if !moves(node) {
        if let Some(NodeEnum::SortBy(_) | NodeEnum::List(_)) = &node.node {
            let mut node = node.clone();
            visit::children_mut(&mut node, &mut |child| *child = lift(child, split));
            return node;
        }
        let constant = !visit::any(node, &|node| {
            matches!(node, NodeEnum::ColumnRef(_) | NodeEnum::SubLink(_) | NodeEnum::FuncCall(_))
        });
        if constant {
            return node.clone();
        }
        return build::column(&[&split.store(node, "hw_s")]);
    }
    if node.node.as_ref().is_some_and(|node| time::is_clock(node) || sides::is_stored(node)) {
        return node.clone();
    }
    let mut node = node.clone();
    visit::children_mut(&mut node, &mut |child| *child = lift(child, split));
    node
}

/// True for what no stored column can hold: a reading of the clock outside of sub-selects and of aggregates' FILTERs (which
/// the window rule keeps), a window function, what is read of a side.
fn moves(node: &Node) -> bool {
    windowed(node) || reads_clock_outside_filters(node) || visit::any_here(node, &sides::is_stored)
}

/// True for an aggregate over the clock, such as `max(now() - created_at)`: neither stored nor computed at read time.
fn aggregates_clock(node: &Node, aggregates: &BTreeSet<String>) -> bool {
    if let Some(NodeEnum::FuncCall(call)) = &node.node
        && call.over.is_none()
        && aggregates.contains(build::last_name(&call.funcname))
    {
        return call.args.iter().chain(&call.agg_order).any(reads_clock_outside_filters);
    }
    if matches!(&node.node, Some(NodeEnum::SubLink(_))) {
        return false;
    }
    let mut found = false;
    visit::children(node, &mut |child| found = found || aggregates_clock(child, aggregates));
    found
}

fn reads_clock_outside_filters(node: &Node) -> bool {
    match &node.node {
        Some(inner) if time::is_clock(inner) => true,
        Some(NodeEnum::SubLink(link)) => link.testexpr.as_deref().is_some_and(reads_clock_outside_filters),
        Some(NodeEnum::FuncCall(call)) if call.agg_filter.is_some() && call.over.is_none() => false,
        _ => {
            let mut found = false;
            visit::children(node, &mut |child| found = found || reads_clock_outside_filters(child));
            found
        }
    }
}

fn finish_order(sort: &Node, targets: &[Node], split: &mut Split) -> Node {
    let Some(NodeEnum::SortBy(by)) = &sort.node else { return sort.clone() };
    let Some(expression) = by.node.as_deref() else { return sort.clone() };
    let (name, value) = named_target(expression, targets).unwrap_or((None, expression.clone()));
    let column = if time::reads_clock_here(&value) && !windowed(&value) && time::is_linear_in_clock(&value) {
        let stored = split.store(&time::at_fixed_moment(&value), "hw_o");
        if let Some(name) = name {
            split.finish.ordered_by.push((name, stored.clone()));
        }
        build::column(&[&stored])
    } else {
        lift(&value, split)
    };
    let mut by = by.clone();
    by.node = Some(Box::new(column));
    build::node(NodeEnum::SortBy(by))
}

/// ORDER BY 2, ORDER BY name, or an expression that is a target's.
fn named_target(expression: &Node, targets: &[Node]) -> Option<(Option<String>, Node)> {
    let find = |found: &dyn Fn(usize, &str, &Node) -> bool| {
        targets.iter().enumerate().find_map(|(position, target)| match &target.node {
            Some(NodeEnum::ResTarget(target)) => {
                let (name, value) = (output_name(target), target.val.as_deref()?);
                found(position, &name, value).then(|| (Some(name), value.clone()))
            }
            _ => None,
        })
    };
    let text = print::expression(expression);
    let parts = build::column_parts(expression);
    find(&|position, _, _| text == (position + 1).to_string())
        .or_else(|| find(&|_, name, _| parts.as_deref() == Some(&[name])))
        .or_else(|| find(&|_, _, value| print::expression(value) == text))
}

/// A member of a set operation's ORDER BY, by name.
fn ordered(sort: &Node, names: &[String]) -> Node {
    let mut sort = sort.clone();
    if let Some(NodeEnum::SortBy(by)) = &mut sort.node
        && let Some(node) = &mut by.node
        && let Ok(position) = print::expression(node).parse::<usize>()
        && let Some(name) = names.get(position.wrapping_sub(1))
    {
        **node = build::column(&[name]);
    }
    sort
}

fn target_names(select: &SelectStmt) -> Vec<String> {
    select
        .target_list
        .iter()
        .filter_map(|target| match &target.node {
            Some(NodeEnum::ResTarget(target)) => Some(output_name(target)),
            _ => None,
        })
        .collect()
}
