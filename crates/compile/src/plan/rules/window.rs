//! **window**: rows that change because time passes.
//!
//! A condition on the clock flips for a given row at one moment. A model row is *due* at the earliest such moment still to
//! come among the rows it is made of; until then, recomputing it would give what is stored. The moment is a column of the
//! model table (`hw_due`) with an index, and the clock's loop recomputes what is due.
//!
//! ```sql
//! (SELECT count(*) FROM posts WHERE chain_id = c.id AND created_at > now() - '7 days')
//! -- due: (SELECT min(created_at + '7 days') FROM posts WHERE chain_id = c.id AND created_at + '7 days' > now())
//! ```
//!
//! In a grouped SELECT the window may stand in its WHERE, in a FILTER, or in the ON of a join:
//!
//! ```sql
//! FROM groups g LEFT JOIN posts p ON p.group_id = g.id AND p.created_at > now() - '30 days' … GROUP BY g.id
//! -- due: min(p.created_at + '30 days')
//! ```
//!
//! A window on the model's own row (`WHERE p.created_at > now() - '7 days'` at the top) is also a condition of the finish, so
//! a reader never sees the row after its moment, whether it has been removed or not.

use std::collections::BTreeSet;

use pg_query::NodeEnum;
use pg_query::protobuf::{JoinType, Node, SelectStmt, SetOperation};

use crate::analyze::time;
use crate::analyze::walk::is_aggregated;
use crate::plan::Refusal;
use crate::plan::finish::Split;
use crate::tree::{Expr, build, print, visit};

const DUE: &str = "hw_due";

/// Adds the due column to the core where anything in it flips with time.
pub fn add_due(split: &mut Split, aggregates: &BTreeSet<String>) -> Result<(), Refusal> {
    let mut moments = std::mem::take(&mut split.due);
    let mut explained: usize = moments.len();
    let grouped = !split.core.group_clause.is_empty()
        || split.core.target_list.iter().any(|target| is_aggregated(target, aggregates));
    let set_operation = split.core.op != SetOperation::SetopNone as i32;
    if set_operation || !split.core.distinct_clause.is_empty() {
        return refuse_any(&split.core);
    }
    let mut seen = BTreeSet::new();
    if grouped {
        for condition in build::conjuncts(split.core.where_clause.as_deref()) {
            if !time::reads_clock_here(condition) {
                continue;
            }
            let window = time::window(condition).filter(|window| window.leaves).ok_or_else(not_simple)?;
            moments.push(build::call("min", vec![instant(window.flips_at)]));
            explained += 1;
        }
        for condition in split.core.from_clause.iter().flat_map(timed_joins).collect::<Result<Vec<Node>, Refusal>>()? {
            let window = time::window(&condition).filter(|window| window.leaves).ok_or_else(not_simple)?;
            moments.push(build::call("min", vec![instant(window.flips_at)]));
            explained += 1;
        }
        for condition in timed_filters(&split.core) {
            let moment = instant(time::window(&condition).ok_or_else(not_simple)?.flips_at);
            let text = print::expression(&moment);
            explained += 1;
            if seen.insert(text.clone()) {
                moments.push(build::parsed(&format!("min({text}) FILTER (WHERE {text} > now())")));
            }
        }
    }
    let mut blocks: Vec<SelectStmt> = Vec::new();
    for node in split.core.target_list.iter().chain(split.core.where_clause.as_deref()) {
        timed_blocks(node, &mut blocks);
    }
    for item in &split.core.from_clause {
        timed_blocks(item, &mut blocks);
    }
    for block in blocks {
        let (block_moments, conditions) = moments_of(&block)?;
        explained += conditions;
        if grouped {
            return Err(Refusal::new(
                405,
                "a time window in a sub-select of a grouped SELECT is not maintained yet",
                "put the window into the grouped SELECT's own WHERE, or group in a sub-select",
                "group by",
            ));
        }
        for moment in block_moments {
            if seen.insert(print::expression(&moment)) {
                moments.push(moment);
            }
        }
    }
    if count_clock(&split.core) != explained {
        return Err(not_simple());
    }
    let due = match moments.len() {
        0 => return Ok(()),
        1 => instant(moments.remove(0)),
        _ => {
            let texts: Vec<String> = moments.iter().map(|moment| print::expression(&instant(moment.clone()))).collect();
            build::parsed(&format!("LEAST({})", texts.join(", ")))
        }
    };
    split.store_as(&due, DUE);
    Ok(())
}

/// The conditions on the clock in the ON of a grouped SELECT's joins.
///
/// A row that such a condition joins is there until the condition flips, and the NULLs that stand for no row have no moment. So
/// the least moment of a group's rows is its next: provided that the condition is about the joined row itself, and that rows
/// which have left never come back.
fn timed_joins(item: &Node) -> Vec<Result<Node, Refusal>> {
    let Some(NodeEnum::JoinExpr(join)) = &item.node else { return Vec::new() };
    let (Some(left), Some(right)) = (join.larg.as_deref(), join.rarg.as_deref()) else { return Vec::new() };
    let mut found: Vec<Result<Node, Refusal>> = timed_joins(left).into_iter().chain(timed_joins(right)).collect();
    let joined = match JoinType::try_from(join.jointype) {
        Ok(JoinType::JoinInner) => aliases(left).into_iter().chain(aliases(right)).collect(),
        Ok(JoinType::JoinLeft) => aliases(right),
        _ => Vec::new(),
    };
    let own = |condition: &Node| {
        let relations = Expr::new(condition.clone()).relations();
        !relations.is_empty() && relations.iter().all(|relation| joined.contains(relation))
    };
    let timed = build::conjuncts(join.quals.as_deref()).into_iter().filter(|condition| time::reads_clock(condition));
    found.extend(timed.map(|condition| if own(condition) { Ok(condition.clone()) } else { Err(not_simple()) }));
    found
}

/// The tables of an item of FROM, as they are called.
fn aliases(item: &Node) -> Vec<String> {
    match &item.node {
        Some(NodeEnum::JoinExpr(join)) => join.larg.iter().chain(&join.rarg).flat_map(|side| aliases(side)).collect(),
        Some(NodeEnum::RangeVar(range)) => {
            vec![range.alias.as_ref().map_or(&range.relname, |alias| &alias.aliasname).clone()]
        }
        _ => Vec::new(),
    }
}

/// The due column's name, where there is one.
#[must_use]
pub fn due_column(split: &Split) -> Option<String> {
    split.columns.iter().any(|column| column.name == DUE).then(|| DUE.to_owned())
}

impl Split {
    fn store_as(&mut self, node: &Node, name: &str) {
        self.core.target_list.push(build::target(node.clone(), name));
        self.columns.push(crate::plan::finish::Stored {
            name: name.to_owned(),
            expr: Some(crate::tree::Expr::new(node.clone())),
        });
    }
}

/// Sub-selects that read the clock themselves, outermost first.
fn timed_blocks(node: &Node, found: &mut Vec<SelectStmt>) {
    if let Some(NodeEnum::SelectStmt(select)) = &node.node {
        if count_clock(select) > 0 {
            found.push((**select).clone());
        }
        return;
    }
    visit::children(node, &mut |child| timed_blocks(child, found));
}

/// The moments at which a sub-select's result may change, and how many of its conditions they explain.
fn moments_of(block: &SelectStmt) -> Result<(Vec<Node>, usize), Refusal> {
    if block.op != SetOperation::SetopNone as i32 || block.with_clause.is_some() {
        return Err(not_simple());
    }
    let (timed, still): (Vec<&Node>, Vec<&Node>) =
        build::conjuncts(block.where_clause.as_deref()).into_iter().partition(|condition| time::reads_clock(condition));
    let filters = timed_filters(block);
    let known = timed.iter().copied().chain(&filters).map(count_in).sum::<usize>();
    if count_clock(block) != known {
        return Err(not_simple());
    }
    let mut moments = Vec::new();
    for condition in timed.iter().copied().chain(&filters) {
        let window = time::window(condition).ok_or_else(not_simple)?;
        let flips_at = instant(window.flips_at);
        let mut conditions: Vec<Node> = still.iter().map(|condition| (*condition).clone()).collect();
        // Rows that have yet to leave are those inside, rows that have yet to enter those outside: said with the condition's
        // own words, so that an index for it serves here too.
        let text = print::expression(condition);
        conditions.push(if window.leaves { condition.clone() } else { build::parsed(&format!("NOT ({text})")) });
        let mut select = build::select(vec![build::target(build::call("min", vec![flips_at]), "")]);
        select.from_clause.clone_from(&block.from_clause);
        select.where_clause = build::conjunction(conditions).map(Box::new);
        moments.push(build::scalar(select));
    }
    Ok((moments, known))
}

fn instant(node: Node) -> Node {
    build::parsed(&format!("({})::timestamptz", print::expression(&node)))
}

fn count_in(node: &Node) -> usize {
    let mut count = usize::from(node.node.as_ref().is_some_and(time::is_clock));
    visit::children(node, &mut |child| count += count_in(child));
    count
}

fn count_clock(select: &SelectStmt) -> usize {
    let mut count = 0;
    visit::select_children(select, &mut |child| count += count_in(child));
    count
}

/// The conditions on the clock in the FILTERs of a block's own aggregates, once for each place.
fn timed_filters(block: &SelectStmt) -> Vec<Node> {
    fn collect(node: &Node, found: &mut Vec<Node>) {
        match &node.node {
            Some(NodeEnum::SubLink(_)) => return,
            Some(NodeEnum::FuncCall(call)) => {
                let conditions = build::conjuncts(call.agg_filter.as_deref());
                found.extend(conditions.into_iter().filter(|condition| time::reads_clock(condition)).cloned());
            }
            _ => {}
        }
        visit::children(node, &mut |child| collect(child, found));
    }
    let mut found = Vec::new();
    for target in &block.target_list {
        collect(target, &mut found);
    }
    found
}

fn refuse_any(core: &SelectStmt) -> Result<(), Refusal> {
    if count_clock(core) == 0 { Ok(()) } else { Err(not_simple()) }
}

/// What is said where no moment of change can be told.
#[must_use]
pub fn not_simple() -> Refusal {
    Refusal::new(
        406,
        "the clock is read at a place where the moment of change cannot be told",
        "compare a column with now() minus an interval without months (`created_at > now() - interval '7 days'`) in the WHERE of the outermost SELECT or of a plain sub-select, or put now() into an output column",
        "now",
    )
}
