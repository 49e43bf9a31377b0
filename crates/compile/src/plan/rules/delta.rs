//! **delta**: arithmetic on the model row, whatever the size of the group.
//!
//! A correlated sub-select `(SELECT agg(x) FROM t WHERE t.k = <key> AND f(t))` over one table changes with Δt by
//!
//! ```text
//! count: Σ sign over the rows of Δt with that key and f        sum: Σ sign · x, with count(x) to tell NULL from 0
//! avg:   sum / count                                           sign: +1 for new images, −1 for old ones
//! ```
//!
//! The state of each aggregate is a column of the model row. Columns that depend on it (`trending = 2 * comments + …`) are
//! computed again from the state in the same UPDATE, so nothing else is read. Floats are not summed this way: adding and
//! taking away leaves rounding behind.
//!
//! ```sql
//! -- (SELECT count(*) FROM upvotes v WHERE v.project_id = p.id AND v.is_upvote) AS upvote_count; INSERT INTO upvotes …
//! UPDATE model SET upvote_count = upvote_count + 1 WHERE id = <project_id>
//! ```

use std::collections::{BTreeMap, BTreeSet};

use headwater_catalog::{Catalog, Ident, QualifiedName};
use pg_query::NodeEnum;
use pg_query::protobuf::{AExprKind, FuncCall, Node, RangeVar, SelectStmt, SubLink, SubLinkType};

use crate::analyze::Analysis;
use crate::plan::finish::Split;
use crate::plan::key::Key;
use crate::tree::{Expr, build, visit};

/// How changes of one table are added to model rows.
#[derive(Debug, Clone)]
pub struct Delta {
    /// The columns of the changed row that are the model's key, in the key's order.
    pub key: Vec<Ident>,
    /// What is added to each state column.
    pub states: Vec<State>,
    /// The columns computed from the state: name, expression over the model's columns.
    pub dependents: Vec<(String, Expr)>,
    /// How many mentions of the table in the core this explains; others make the table keyed.
    pub occurrences: usize,
}

/// One number kept in the model row.
#[derive(Debug, Clone)]
pub struct State {
    /// Its column in the model table.
    pub column: String,
    /// Which rows count: a condition over `alias`; `None` for all.
    pub condition: Option<Expr>,
    /// What is added per row; `None` for 1.
    pub value: Option<Value>,
    /// The alias of the changed row in `condition` and `value`.
    pub alias: String,
}

/// A summand.
#[derive(Debug, Clone)]
pub struct Value {
    /// Its expression over the changed row.
    pub expr: Expr,
    /// The type in which it is added without overflow or rounding.
    pub sum_type: &'static str,
}

/// Finds the tables whose every change is arithmetic, adding state columns to the core.
#[must_use]
pub fn find(split: &mut Split, key: &Key, catalog: &Catalog, _analysis: &Analysis) -> BTreeMap<QualifiedName, Delta> {
    if !key.unique || key.columns.is_empty() || key.columns.iter().any(|column| column.visible.is_none()) {
        return BTreeMap::new();
    }
    let mut links: Vec<Link> = Vec::new();
    let mut mentions: BTreeMap<String, usize> = BTreeMap::new();
    for target in &split.core.target_list {
        collect(target, key, catalog, &mut links, &mut mentions);
    }
    let mut found = BTreeMap::new();
    let tables: BTreeSet<QualifiedName> = links.iter().map(|link| link.table.clone()).collect();
    // A table that is also read in another way is keyed as a whole; its state columns would be dead weight.
    let tables: Vec<QualifiedName> = tables
        .into_iter()
        .filter(|table| {
            let explained: usize =
                links.iter().filter(|link| link.table == *table).map(|link| mentions[&link.text]).sum();
            let one_key = links.iter().filter(|link| link.table == *table).all(|link| {
                links.iter().find(|other| other.table == *table).is_some_and(|first| first.key == link.key)
            });
            one_key && explained == mentions_of(&split.core, table)
        })
        .collect();
    let mut replaced: BTreeMap<String, Node> = BTreeMap::new();
    for table in tables {
        let mut delta = Delta { key: Vec::new(), states: Vec::new(), dependents: Vec::new(), occurrences: 0 };
        for link in links.iter().filter(|link| link.table == table) {
            delta.key.clone_from(&link.key);
            let value = keep_state(link, split, &mut delta.states);
            replaced.insert(link.text.clone(), value);
        }
        delta.occurrences = mentions_of(&split.core, &table);
        found.insert(table, delta);
    }
    if !found.is_empty() {
        add_dependents(split, &replaced, &links, &mut found);
    }
    found
}

/// A sub-select that this rule maintains.
struct Link {
    text: String,
    table: QualifiedName,
    alias: String,
    key: Vec<Ident>,
    condition: Option<Expr>,
    select: SelectStmt,
    aggregates: Vec<(Expr, Aggregate)>,
    whole_is_count: bool,
}

enum Aggregate {
    Count { argument: Option<Node>, filter: Option<Node> },
    Sum { argument: Node, filter: Option<Node>, sum_type: &'static str },
    Average { argument: Node, filter: Option<Node>, sum_type: &'static str },
}

fn collect(node: &Node, key: &Key, catalog: &Catalog, links: &mut Vec<Link>, mentions: &mut BTreeMap<String, usize>) {
    if let Some(NodeEnum::SubLink(link)) = &node.node {
        let text = Expr::new(node.clone()).text().to_owned();
        if let Some(found) = read(link, &text, key, catalog) {
            *mentions.entry(text.clone()).or_default() += 1;
            if !links.iter().any(|link| link.text == text) {
                links.push(found);
            }
        }
        return;
    }
    visit::children(node, &mut |child| collect(child, key, catalog, links, mentions));
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
    let own = |node: &Node| own_row(node, &alias, declared);
    let mut key_columns: BTreeMap<usize, Ident> = BTreeMap::new();
    let mut conditions = Vec::new();
    for condition in build::conjuncts(select.where_clause.as_deref()) {
        if let Some((position, column)) = correlation(condition, key, &alias) {
            key_columns.insert(position, Ident::new(column).ok()?);
        } else if let Some(condition) = own(condition) {
            conditions.push(condition);
        } else {
            return None;
        }
    }
    if key_columns.len() != key.columns.len() {
        return None;
    }
    let Some(NodeEnum::ResTarget(target)) = &target.node else { return None };
    let value = target.val.as_deref()?;
    let mut aggregates = Vec::new();
    if !read_aggregates(value, &alias, declared, &mut aggregates) || aggregates.is_empty() {
        return None;
    }
    let whole_is_count = matches!(aggregates.as_slice(), [(expr, Aggregate::Count { .. })] if *expr == Expr::new(value.clone()));
    Some(Link {
        text: text.to_owned(),
        table,
        alias,
        key: key_columns.into_values().collect(),
        condition: build::conjunction(conditions).map(Expr::new),
        select: (**select).clone(),
        aggregates,
        whole_is_count,
    })
}

/// `alias.column = <key column>`, either way round: the position in the key and the column.
fn correlation<'n>(condition: &'n Node, key: &Key, alias: &str) -> Option<(usize, &'n str)> {
    let Some(NodeEnum::AExpr(expr)) = &condition.node else { return None };
    if expr.kind != AExprKind::AexprOp as i32 || build::strings(&expr.name) != Some(vec!["="]) {
        return None;
    }
    let (left, right) = (expr.lexpr.as_deref()?, expr.rexpr.as_deref()?);
    [(left, right), (right, left)].into_iter().find_map(|(own, outer)| {
        let parts = build::column_parts(own)?;
        let [relation, column] = parts.as_slice() else { return None };
        let outer = Expr::new(outer.clone());
        let position = key.columns.iter().position(|column| column.visible.as_ref() == Some(&outer))?;
        (*relation == alias).then_some((position, *column))
    })
}

/// The node, where it reads nothing but the row called `alias` and the constants.
fn own_row(node: &Node, alias: &str, table: &headwater_catalog::Table) -> Option<Node> {
    let foreign = visit::any(node, &|node| match node {
        NodeEnum::ColumnRef(reference) => match build::strings(&reference.fields).as_deref() {
            Some([relation, column]) => {
                *relation != alias || !table.columns.iter().any(|known| known.name.as_str() == *column)
            }
            _ => true,
        },
        NodeEnum::SubLink(_) => true,
        node => crate::analyze::time::is_clock(node),
    });
    (!foreign).then(|| node.clone())
}

/// Reads the aggregates of a sub-select's target; false where something else of the row is read.
fn read_aggregates(
    node: &Node,
    alias: &str,
    table: &headwater_catalog::Table,
    found: &mut Vec<(Expr, Aggregate)>,
) -> bool {
    if let Some(NodeEnum::FuncCall(call)) = &node.node
        && ["count", "sum", "avg"].contains(&build::last_name(&call.funcname))
    {
        let Some(aggregate) = aggregate(call, alias, table) else { return false };
        let expr = Expr::new(node.clone());
        if !found.iter().any(|(known, _)| *known == expr) {
            found.push((expr, aggregate));
        }
        return true;
    }
    if matches!(&node.node, Some(NodeEnum::ColumnRef(_) | NodeEnum::SubLink(_))) {
        return false;
    }
    if let Some(NodeEnum::FuncCall(call)) = &node.node
        && (call.agg_star || call.agg_filter.is_some() || call.over.is_some() || call.agg_within_group)
    {
        return false;
    }
    let mut all = true;
    visit::children(node, &mut |child| all = all && read_aggregates(child, alias, table, found));
    all
}

fn aggregate(call: &FuncCall, alias: &str, table: &headwater_catalog::Table) -> Option<Aggregate> {
    if call.agg_distinct || call.agg_within_group || call.over.is_some() || !call.agg_order.is_empty() {
        return None;
    }
    let filter = match &call.agg_filter {
        Some(filter) => Some(own_row(filter, alias, table)?),
        None => None,
    };
    let argument = match call.args.as_slice() {
        [] => None,
        [argument] => Some(own_row(argument, alias, table)?),
        _ => return None,
    };
    match (build::last_name(&call.funcname), argument) {
        ("count", argument) => Some(Aggregate::Count { argument, filter }),
        ("sum", Some(argument)) => {
            Some(Aggregate::Sum { sum_type: sum_type(&argument, table)?, argument, filter })
        }
        ("avg", Some(argument)) => {
            Some(Aggregate::Average { sum_type: sum_type(&argument, table)?, argument, filter })
        }
        _ => None,
    }
}

/// The type in which sums of this column are exact; `None` for floats, intervals and expressions of unknown type.
fn sum_type(argument: &Node, table: &headwater_catalog::Table) -> Option<&'static str> {
    let parts = build::column_parts(argument)?;
    let column = table.column(&Ident::new(*parts.last()?).ok()?)?;
    match column.ty.base.as_str() {
        "int2" | "int4" => Some("bigint"),
        "int8" | "numeric" => Some("numeric"),
        _ => None,
    }
}

/// Stores what the aggregates of a sub-select need, and gives the sub-select's value over the model row.
fn keep_state(link: &Link, split: &mut Split, states: &mut Vec<State>) -> Node {
    let mut values: Vec<(Expr, Node)> = Vec::new();
    for (expr, aggregate) in &link.aggregates {
        let state = |filter: &Option<Node>, argument: Option<&Node>, value: Option<Value>, column: String| State {
            column,
            condition: condition(link, filter.as_ref(), argument),
            value,
            alias: link.alias.clone(),
        };
        let value = match aggregate {
            Aggregate::Count { argument, filter } => {
                let column = if link.whole_is_count {
                    store(split, link, expr.node().clone())
                } else {
                    store(split, link, expr.node().clone())
                };
                push(states, state(filter, argument.as_ref(), None, column.clone()));
                build::column(&[&column])
            }
            Aggregate::Sum { argument, filter, sum_type } | Aggregate::Average { argument, filter, sum_type } => {
                let zero = build::parsed("0");
                let sum = as_function(expr.node(), "sum");
                let sum = store(split, link, build::node(NodeEnum::CoalesceExpr(Box::new(pg_query::protobuf::CoalesceExpr {
                    args: vec![sum, zero],
                    ..Default::default()
                }))));
                let count = store(split, link, as_function(expr.node(), "count"));
                let summand = Value { expr: Expr::new(argument.clone()), sum_type };
                push(states, state(filter, Some(argument), Some(summand), sum.clone()));
                push(states, state(filter, Some(argument), None, count.clone()));
                let average = matches!(aggregate, Aggregate::Average { .. });
                let quotient = if average { format!("{sum}::numeric / {count}") } else { sum.clone() };
                build::parsed(&format!("CASE WHEN {count} > 0 THEN {quotient} END"))
            }
        };
        values.push((expr.clone(), value));
    }
    let Some(NodeEnum::ResTarget(target)) = &link.select.target_list[0].node else { unreachable!("read() saw a target") };
    let value = target.val.as_deref().expect("read() saw its value");
    Expr::new(value.clone())
        .rewritten(&mut |node| {
            let expr = Expr::new(node.clone());
            values.iter().find(|(known, _)| *known == expr).map(|(_, value)| value.clone())
        })
        .node()
        .clone()
}

fn push(states: &mut Vec<State>, state: State) {
    if !states.iter().any(|known| known.column == state.column) {
        states.push(state);
    }
}

/// The same call with another function, cast away from nothing: `avg(x) FILTER (…)` → `sum(x) FILTER (…)`.
fn as_function(call: &Node, name: &str) -> Node {
    let mut call = call.clone();
    if let Some(NodeEnum::FuncCall(call)) = &mut call.node {
        call.funcname = vec![build::string(name)];
    }
    call
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

fn condition(link: &Link, filter: Option<&Node>, argument: Option<&Node>) -> Option<Expr> {
    let mut terms: Vec<Node> = link.condition.iter().map(|condition| condition.node().clone()).collect();
    terms.extend(filter.cloned());
    if let Some(argument) = argument {
        terms.push(build::parsed(&format!("({}) IS NOT NULL", crate::tree::print::expression(argument))));
    }
    build::conjunction(terms).map(Expr::new)
}

/// Every stored column that holds a maintained sub-select and is not its state is computed again from the model row.
fn add_dependents(
    split: &mut Split,
    replaced: &BTreeMap<String, Node>,
    links: &[Link],
    found: &mut BTreeMap<QualifiedName, Delta>,
) {
    let states: BTreeSet<String> =
        found.values().flat_map(|delta| delta.states.iter().map(|state| state.column.clone())).collect();
    let columns: Vec<(String, Expr)> = split
        .columns
        .iter()
        .filter(|column| !states.contains(&column.name))
        .filter_map(|column| Some((column.name.clone(), column.expr.clone()?)))
        .collect();
    for (name, expr) in columns {
        let mut tables = BTreeSet::new();
        reads(expr.node(), replaced, links, &mut tables);
        if tables.is_empty() {
            continue;
        }
        let over_model = Expr::new(over_model_row(expr.node(), replaced, split));
        for table in tables {
            if let Some(delta) = found.get_mut(&table) {
                delta.dependents.push((name.clone(), over_model.clone()));
            }
        }
    }
}

fn reads(node: &Node, replaced: &BTreeMap<String, Node>, links: &[Link], tables: &mut BTreeSet<QualifiedName>) {
    if let Some(NodeEnum::SubLink(_)) = &node.node {
        let text = Expr::new(node.clone()).text().to_owned();
        if replaced.contains_key(&text) {
            tables.extend(links.iter().filter(|link| link.text == text).map(|link| link.table.clone()));
        }
        return;
    }
    visit::children(node, &mut |child| reads(child, replaced, links, tables));
}

/// The expression with maintained sub-selects replaced by their state, and everything else by stored columns.
fn over_model_row(node: &Node, replaced: &BTreeMap<String, Node>, split: &mut Split) -> Node {
    if let Some(NodeEnum::SubLink(_)) = &node.node {
        let text = Expr::new(node.clone()).text().to_owned();
        if let Some(value) = replaced.get(&text) {
            return value.clone();
        }
    }
    let touches = visit::any(node, &|inner| {
        matches!(inner, NodeEnum::SubLink(_)) && {
            let text = Expr::new(build::node(inner.clone())).text().to_owned();
            replaced.contains_key(&text)
        }
    });
    if !touches {
        let constant = !visit::any(node, &|node| matches!(node, NodeEnum::ColumnRef(_) | NodeEnum::SubLink(_)));
        return if constant { node.clone() } else { build::column(&[&split.store(node, "hw_s")]) };
    }
    let mut node = node.clone();
    visit::children_mut(&mut node, &mut |child| *child = over_model_row(child, replaced, split));
    node
}

/// How often the core mentions a table by name.
fn mentions_of(select: &SelectStmt, table: &QualifiedName) -> usize {
    fn count(node: &Node, table: &QualifiedName) -> usize {
        let mut found = match &node.node {
            Some(NodeEnum::RangeVar(range)) => usize::from(name_of(range).as_ref() == Some(table)),
            _ => 0,
        };
        visit::children(node, &mut |child| found += count(child, table));
        found
    }
    let mut found = 0;
    visit::select_children(select, &mut |child| found += count(child, table));
    found
}

fn name_of(range: &RangeVar) -> Option<QualifiedName> {
    QualifiedName::parse(&range.schemaname, &range.relname).ok()
}

fn alias_of(range: &RangeVar) -> String {
    range.alias.as_ref().map_or(&range.relname, |alias| &alias.aliasname).clone()
}
