//! One pass over the normalised tree.
//!
//! | module | walks |
//! | --- | --- |
//! | this one | queries: WITH, set operations, blocks |
//! | [`from`] | items of FROM |
//! | [`condition`] | conditions and expressions |
//! | [`shape`] | what a block gives |

mod condition;
mod from;
mod shape;

use std::collections::{BTreeMap, BTreeSet};

use headwater_catalog::Catalog;
use pg_query::NodeEnum;
use pg_query::protobuf::{Node, SelectStmt, SetOperation};

use super::{Analysis, Origin, Output, Problem, Region, RegionId, Shape, rowkey};
use crate::tree::{build, visit};

/// Analyzes a SELECT as `pg_get_viewdef` prints it. `aggregates` and `sets` are the bare names of the aggregates and of the
/// set-returning functions in it.
#[must_use]
pub fn analyze(
    select: &SelectStmt,
    catalog: &Catalog,
    aggregates: &BTreeSet<String>,
    sets: &BTreeSet<String>,
) -> Analysis {
    let mut walker = Walker { catalog, aggregates, sets, analysis: Analysis::default() };
    let root = walker.region(None, false);
    let scope = Scope::default();
    let (shape, aliases) = walker.query(select, &scope, root);
    // A column that cannot be traced is often only the echo of an item that was refused.
    if walker.analysis.problems.iter().any(|problem| problem.code != UNTRACED) {
        walker.analysis.problems.retain(|problem| problem.code != UNTRACED);
    }
    walker.analysis.shape = shape;
    walker.analysis.top_aliases = aliases;
    walker.analysis
}

/// The code of a column that leads to no table.
const UNTRACED: u16 = 311;

struct Walker<'a> {
    catalog: &'a Catalog,
    aggregates: &'a BTreeSet<String>,
    sets: &'a BTreeSet<String>,
    analysis: Analysis,
}

/// The names visible at one point.
#[derive(Default)]
struct Scope<'p> {
    items: Vec<Item>,
    ctes: BTreeMap<String, (SelectStmt, Vec<String>)>,
    parent: Option<&'p Scope<'p>>,
}

/// One item of FROM.
#[derive(Debug, Clone)]
pub(super) struct Item {
    visible: String,
    /// Its unique alias: of an occurrence or of a derived table.
    pub(super) unique: String,
    columns: Vec<String>,
    /// Sets of columns that are unique in it.
    pub(super) keys: Vec<Vec<String>>,
    /// Its region: a nullable one where it stands on the nullable side of an outer join.
    pub(super) region: RegionId,
}

impl Scope<'_> {
    fn cte(&self, name: &str) -> Option<&(SelectStmt, Vec<String>)> {
        self.ctes.get(name).or_else(|| self.parent?.cte(name))
    }

    fn item(&self, found: &dyn Fn(&Item) -> bool) -> Option<&Item> {
        self.items.iter().find(|item| found(item)).or_else(|| self.parent?.item(found))
    }

    fn column(&self, parts: &[&str]) -> Option<(&Item, String)> {
        match parts {
            [column] => {
                let item = self.item(&|item| item.columns.iter().any(|name| name == column))?;
                Some((item, (*column).to_owned()))
            }
            [.., relation, column] => {
                let item =
                    self.item(&|item| item.visible == *relation && item.columns.iter().any(|name| name == column))?;
                Some((item, (*column).to_owned()))
            }
            [] => None,
        }
    }
}

impl Walker<'_> {
    fn region(&mut self, parent: Option<RegionId>, nullable: bool) -> RegionId {
        self.analysis.regions.push(Region { parent, nullable });
        self.analysis.regions.len() - 1
    }

    fn refuse(&mut self, code: u16, message: impl Into<String>, hint: impl Into<String>, needle: impl Into<String>) {
        let problem = Problem { code, message: message.into(), hint: hint.into(), needle: needle.into() };
        if !self.analysis.problems.contains(&problem) {
            self.analysis.problems.push(problem);
        }
    }

    /// A whole query: WITH, then a set operation or a block.
    fn query(&mut self, select: &SelectStmt, outer: &Scope<'_>, region: RegionId) -> (Shape, BTreeMap<String, String>) {
        let mut scope = Scope { parent: Some(outer), ..Scope::default() };
        if let Some(with) = &select.with_clause {
            if with.recursive {
                self.refuse(
                    301,
                    "WITH RECURSIVE is not maintained yet",
                    "keep the closure in a table of its own, or wait for the issue on SQL breadth",
                    "recursive",
                );
                return (Shape::default(), BTreeMap::new());
            }
            for cte in &with.ctes {
                if let Some(NodeEnum::CommonTableExpr(cte)) = &cte.node
                    && let Some(NodeEnum::SelectStmt(query)) = cte.ctequery.as_ref().and_then(|node| node.node.as_ref())
                {
                    let names = names_of(&cte.aliascolnames);
                    scope.ctes.insert(cte.ctename.clone(), ((**query).clone(), names));
                }
            }
        }
        if select.op != SetOperation::SetopNone as i32 {
            return (self.set_operation(select, &scope, region), BTreeMap::new());
        }
        self.block(select, &mut scope, region)
    }

    fn set_operation(&mut self, select: &SelectStmt, scope: &Scope<'_>, region: RegionId) -> Shape {
        let (Some(left), Some(right)) = (&select.larg, &select.rarg) else { return Shape::default() };
        let left_region = self.region(Some(region), false);
        let (left_shape, _) = self.query(left, scope, left_region);
        let right_region = self.region(Some(region), false);
        let (right_shape, _) = self.query(right, scope, right_region);
        let limited = select.limit_count.is_some() || select.limit_offset.is_some();
        let mut outputs = left_shape.outputs;
        for (output, other) in outputs.iter_mut().zip(right_shape.outputs) {
            output.origins.extend(other.origins);
        }
        let everything: BTreeSet<usize> = (0..outputs.len()).collect();
        let unique = if select.all && select.op == SetOperation::SetopUnion as i32 {
            rowkey::of_union_all(&outputs, &left_shape.unique, &right_shape.unique)
        } else {
            vec![everything]
        };
        if limited {
            hide(&mut outputs);
        }
        Shape { outputs, unique, key: None, grouped: false, set_operation: true }
    }

    fn block(
        &mut self,
        select: &SelectStmt,
        scope: &mut Scope<'_>,
        region: RegionId,
    ) -> (Shape, BTreeMap<String, String>) {
        for item in &select.from_clause {
            self.item_of_from(item, scope, region);
        }
        for condition in build::conjuncts(select.where_clause.as_deref()) {
            self.condition(condition, scope, region);
        }
        for target in &select.target_list {
            self.expression(target, scope, region);
        }
        for group in &select.group_clause {
            self.expression(group, scope, region);
        }
        for other in select.having_clause.iter().map(|node| &**node).chain(&select.window_clause) {
            self.expression(other, scope, region);
        }
        for other in select.distinct_clause.iter().chain(&select.values_lists) {
            if other.node.is_some() {
                self.expression(other, scope, region);
            }
        }
        for sort in &select.sort_clause {
            self.sort_expression(sort, select, scope, region);
        }
        let aliases = scope.items.iter().map(|item| (item.visible.clone(), item.unique.clone())).collect();
        (self.shape(select, scope, region), aliases)
    }

    /// ORDER BY may name an output column, which is walked already.
    fn sort_expression(&mut self, sort: &Node, select: &SelectStmt, scope: &Scope<'_>, region: RegionId) {
        if let Some(NodeEnum::SortBy(by)) = &sort.node
            && let Some(parts) = by.node.as_ref().and_then(|node| build::column_parts(node))
            && parts.len() == 1
            && select.target_list.iter().any(|target| target_name(target) == Some(parts[0]))
        {
            return;
        }
        self.expression(sort, scope, region);
    }
}

/// True where the expression calls an aggregate of this very block.
#[must_use]
pub fn is_aggregated(node: &Node, aggregates: &BTreeSet<String>) -> bool {
    visit::any_here(node, &|node| match node {
        NodeEnum::FuncCall(call) => {
            call.over.is_none()
                && (call.agg_star
                    || call.agg_within_group
                    || call.agg_filter.is_some()
                    || !call.agg_order.is_empty()
                    || call.agg_distinct
                    || aggregates.contains(build::last_name(&call.funcname)))
        }
        NodeEnum::JsonObjectAgg(_) | NodeEnum::JsonArrayAgg(_) => true,
        _ => false,
    })
}

/// True where the expression calls a window function of this very block.
#[must_use]
pub fn windowed(node: &Node) -> bool {
    visit::any_here(node, &|node| matches!(node, NodeEnum::FuncCall(call) if call.over.is_some()))
}

/// A target's name: its alias, or the column it is.
#[must_use]
pub fn output_name(target: &pg_query::protobuf::ResTarget) -> String {
    if !target.name.is_empty() {
        return target.name.clone();
    }
    let value = target.val.as_deref();
    value
        .and_then(build::column_parts)
        .and_then(|parts| parts.last().map(|name| (*name).to_owned()))
        .or_else(|| match value.and_then(|value| value.node.as_ref()) {
            Some(NodeEnum::FuncCall(call)) => Some(build::last_name(&call.funcname).to_owned()),
            _ => None,
        })
        .unwrap_or_else(|| "?column?".to_owned())
}

fn target_name(target: &Node) -> Option<&str> {
    match &target.node {
        Some(NodeEnum::ResTarget(target)) if !target.name.is_empty() => Some(&target.name),
        _ => None,
    }
}

fn opaque_output(name: &str, region: RegionId) -> Output {
    Output { name: name.to_owned(), origins: vec![Origin { region, expr: None, not_null: false }] }
}

fn hide(outputs: &mut [Output]) {
    for origin in outputs.iter_mut().flat_map(|output| &mut output.origins) {
        origin.expr = None;
    }
}

fn names_of(nodes: &[Node]) -> Vec<String> {
    build::strings(nodes).unwrap_or_default().into_iter().map(str::to_owned).collect()
}
