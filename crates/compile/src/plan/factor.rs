//! Sub-selects that the core repeats are evaluated once.
//!
//! Columns that depend on states repeat the states' sub-selects: a score over a count holds the count, and so does the count's own
//! column. PostgreSQL evaluates each of them. An aggregate without GROUP BY has exactly one row, so it can as well stand in FROM, once.
//!
//! ```sql
//! SELECT (SELECT count(*) FROM votes v WHERE v.project_id = p.id) AS votes, 2 * (SELECT count(*) FROM votes v WHERE …) AS score
//! -- SELECT hw_f1.v AS votes, 2 * hw_f1.v AS score FROM projects p, LATERAL (SELECT count(*) AS v FROM votes v WHERE …) hw_f1
//! ```

use std::collections::{BTreeMap, BTreeSet};

use pg_query::NodeEnum;
use pg_query::protobuf::{Alias, Node, RangeSubselect, SelectStmt, SetOperation, SubLinkType};

use crate::analyze::walk::is_aggregated;
use crate::tree::{Expr, build, visit};

/// The same SELECT with repeated one-row sub-selects of its output in FROM.
#[must_use]
pub fn factor(core: &SelectStmt, aggregates: &BTreeSet<String>) -> SelectStmt {
    let mut core = core.clone();
    let grouped =
        !core.group_clause.is_empty() || core.target_list.iter().any(|target| is_aggregated(target, aggregates));
    let set_operation = core.op != SetOperation::SetopNone as i32;
    if grouped || set_operation || !core.distinct_clause.is_empty() {
        return core;
    }
    let mut found: BTreeMap<String, (usize, Node)> = BTreeMap::new();
    for target in &core.target_list {
        count(target, aggregates, &mut found);
    }
    let repeated: Vec<(String, Node)> =
        found.into_iter().filter(|(_, (times, _))| *times > 1).map(|(text, (_, select))| (text, select)).collect();
    for target in &mut core.target_list {
        visit::rewrite(target, &mut |node| {
            let text = one_row(node, aggregates).map(|_| Expr::new(node.clone()).text().to_owned())?;
            let position = repeated.iter().position(|(repeated, _)| *repeated == text)?;
            Some(build::column(&[&alias(position), VALUE]))
        });
    }
    for (position, (_, select)) in repeated.into_iter().enumerate() {
        core.from_clause.push(in_from(select, &alias(position)));
    }
    core
}

const VALUE: &str = "v";

fn alias(position: usize) -> String {
    format!("hw_f{}", position + 1)
}

fn count(node: &Node, aggregates: &BTreeSet<String>, found: &mut BTreeMap<String, (usize, Node)>) {
    if let Some(select) = one_row(node, aggregates) {
        let text = Expr::new(node.clone()).text().to_owned();
        found.entry(text).or_insert_with(|| (0, select.clone())).0 += 1;
        return;
    }
    if !matches!(node.node, Some(NodeEnum::SelectStmt(_))) {
        visit::children(node, &mut |child| count(child, aggregates, found));
    }
}

/// The SELECT of a scalar sub-select that has exactly one row: it aggregates and does not group.
fn one_row<'n>(node: &'n Node, aggregates: &BTreeSet<String>) -> Option<&'n Node> {
    let Some(NodeEnum::SubLink(link)) = &node.node else { return None };
    let select = link.subselect.as_deref().filter(|_| link.sub_link_type == SubLinkType::ExprSublink as i32)?;
    let Some(NodeEnum::SelectStmt(inner)) = &select.node else { return None };
    let plain = inner.group_clause.is_empty()
        && inner.having_clause.is_none()
        && inner.op == SetOperation::SetopNone as i32
        && inner.limit_count.is_none()
        && inner.limit_offset.is_none()
        && inner.distinct_clause.is_empty();
    let [target] = inner.target_list.as_slice() else { return None };
    (plain && is_aggregated(target, aggregates)).then_some(select)
}

fn in_from(mut select: Node, alias: &str) -> Node {
    if let Some(NodeEnum::SelectStmt(inner)) = &mut select.node
        && let [target] = inner.target_list.as_mut_slice()
        && let Some(NodeEnum::ResTarget(target)) = &mut target.node
    {
        target.name = VALUE.to_owned();
    }
    build::node(NodeEnum::RangeSubselect(Box::new(RangeSubselect {
        lateral: true,
        subquery: Some(Box::new(select)),
        alias: Some(Alias { aliasname: alias.to_owned(), colnames: Vec::new() }),
    })))
}
