//! Which aggregates have a state, and what a row gives to it.

use headwater_catalog::{Ident, Table};
use pg_query::NodeEnum;
use pg_query::protobuf::{FuncCall, Node, SortByDir};

use super::{Input, Kind, State};
use crate::tree::{Expr, build, print, visit};

/// An aggregate as it stands in a target, its arguments over one row.
#[derive(Debug, Clone)]
pub struct Aggregate {
    /// The whole call, as written.
    pub call: Node,
    /// What kind it is.
    pub function: Function,
    /// Its FILTER.
    pub filter: Option<Node>,
}

/// The aggregates that have a state.
#[derive(Debug, Clone)]
pub enum Function {
    /// `count(*)`, `count(x)`.
    Count(Option<Node>),
    /// `sum(x)`.
    Sum(Node),
    /// `avg(x)`.
    Average(Node),
    /// `min(x)`, `max(x)`.
    Extreme(Node, bool),
    /// `(array_agg(x ORDER BY o, …))[1]`: the value, the order, descending.
    First(Node, Vec<Node>, bool),
}

/// Reads every aggregate in an expression. False where one has no state, or where the expression reads anything of a row
/// outside of aggregates other than what `fixed` allows.
pub fn read(node: &Node, fixed: &dyn Fn(&Node) -> bool, found: &mut Vec<Aggregate>) -> bool {
    if fixed(node) {
        return true;
    }
    if let Some(aggregate) = one(node) {
        let Some(aggregate) = aggregate else { return false };
        let expr = Expr::new(aggregate.call.clone());
        if !found.iter().any(|known| Expr::new(known.call.clone()) == expr) {
            found.push(aggregate);
        }
        return true;
    }
    if matches!(&node.node, Some(NodeEnum::ColumnRef(_) | NodeEnum::SubLink(_))) {
        return false;
    }
    let mut all = true;
    visit::children(node, &mut |child| all = all && read(child, fixed, found));
    all
}

/// `None`: no aggregate. `Some(None)`: an aggregate without a state.
fn one(node: &Node) -> Option<Option<Aggregate>> {
    if let Some(NodeEnum::AIndirection(indirection)) = &node.node
        && let Some(NodeEnum::FuncCall(call)) = indirection.arg.as_ref().and_then(|arg| arg.node.as_ref())
        && build::last_name(&call.funcname) == "array_agg"
    {
        return Some(first(node, call, &indirection.indirection));
    }
    let Some(NodeEnum::FuncCall(call)) = &node.node else { return None };
    let name = build::last_name(&call.funcname);
    let known = ["count", "sum", "avg", "min", "max"].contains(&name);
    let looks_like_one =
        call.agg_star || call.agg_filter.is_some() || call.agg_within_group || !call.agg_order.is_empty();
    if !known {
        return looks_like_one.then_some(None);
    }
    if call.agg_distinct
        || call.agg_within_group
        || call.over.is_some()
        || !call.agg_order.is_empty()
        || call.args.len() > 1
    {
        return Some(None);
    }
    let function = match (name, call.args.first()) {
        ("count", argument) => Function::Count(argument.cloned()),
        ("sum", Some(argument)) => Function::Sum(argument.clone()),
        ("avg", Some(argument)) => Function::Average(argument.clone()),
        ("min", Some(argument)) => Function::Extreme(argument.clone(), false),
        ("max", Some(argument)) => Function::Extreme(argument.clone(), true),
        _ => return Some(None),
    };
    Some(Some(Aggregate { call: node.clone(), function, filter: call.agg_filter.as_deref().cloned() }))
}

fn first(node: &Node, call: &FuncCall, subscript: &[Node]) -> Option<Aggregate> {
    let [argument] = call.args.as_slice() else { return None };
    let [one] = subscript else { return None };
    let Some(NodeEnum::AIndices(index)) = &one.node else { return None };
    if index.is_slice || print::expression(index.uidx.as_deref()?) != "1" || call.agg_distinct {
        return None;
    }
    let mut order = Vec::new();
    let mut directions = Vec::new();
    for sort in &call.agg_order {
        let Some(NodeEnum::SortBy(by)) = &sort.node else { return None };
        order.push(by.node.as_deref()?.clone());
        directions.push(by.sortby_dir == SortByDir::SortbyDesc as i32);
    }
    let descending = *directions.first()?;
    // The order's own columns come first; what follows in the other direction only decides ties.
    let plain = |node: &Node| build::column_parts(node).is_some();
    let same =
        directions.iter().zip(&order).take_while(|(direction, by)| **direction == descending && plain(by)).count();
    order.truncate(same);
    Some(Aggregate {
        call: node.clone(),
        function: Function::First(argument.clone(), order, descending),
        filter: call.agg_filter.as_deref().cloned(),
    })
}

/// The type in which sums of this column are exact; `None` for floats, intervals and expressions of unknown type.
#[must_use]
pub fn sum_type(argument: &Node, table: &Table) -> Option<&'static str> {
    match column_of(argument, table)?.ty.base.as_str() {
        "int2" | "int4" => Some("int8"),
        "int8" | "numeric" => Some("numeric"),
        _ => None,
    }
}

/// The table's column that an expression is nothing but.
#[must_use]
pub fn column_of<'t>(argument: &Node, table: &'t Table) -> Option<&'t headwater_catalog::Column> {
    let parts = build::column_parts(argument)?;
    table.column(&Ident::new(*parts.last()?).ok()?)
}

/// Base types whose order is PostgreSQL's own and whose equal values are identical, so that an extreme can be kept.
#[must_use]
pub fn keeps_order(column: &headwater_catalog::Column) -> bool {
    column.ty.comparable && column.ty.equal_is_identical
}

/// `call` with another function, and without an order: `avg(x) FILTER (…)` → `sum(x) FILTER (…)`.
#[must_use]
pub fn with_function(call: &Node, name: &str) -> Node {
    let mut call = call.clone();
    if let Some(NodeEnum::FuncCall(call)) = &mut call.node {
        call.funcname = vec![build::string(name)];
    }
    call
}

/// `(array_agg(value ORDER BY …))[1]` with another value.
#[must_use]
pub fn with_value(first: &Node, value: &Node) -> Node {
    let mut first = first.clone();
    if let Some(NodeEnum::AIndirection(indirection)) = &mut first.node
        && let Some(NodeEnum::FuncCall(call)) = indirection.arg.as_mut().and_then(|arg| arg.node.as_mut())
    {
        call.args = vec![value.clone()];
    }
    first
}

/// The states of an aggregate, their columns given by `store`, and the aggregate's value over the model row. A state's input
/// is what [`input`] makes of the same aggregate.
pub fn states(
    aggregate: &Aggregate,
    sum_type: Option<&'static str>,
    value_type: Option<&str>,
    store: &mut dyn FnMut(Node) -> String,
) -> Option<(Vec<State>, Node)> {
    let column = |name: &str| build::column(&[name]);
    Some(match &aggregate.function {
        Function::Count(_) => {
            let name = store(aggregate.call.clone());
            (vec![State { column: name.clone(), kind: Kind::Sum("int8") }], column(&name))
        }
        Function::Sum(_) | Function::Average(_) => {
            let sum_type = sum_type?;
            let sum = print::expression(&with_function(&aggregate.call, "sum"));
            let sum = store(build::parsed(&format!("COALESCE({sum}, 0)")));
            let count = store(with_function(&aggregate.call, "count"));
            let average = matches!(aggregate.function, Function::Average(_));
            let (sum_name, count_name) = (print::expression(&column(&sum)), print::expression(&column(&count)));
            let value = if average { format!("{sum_name}::numeric / {count_name}") } else { sum_name };
            let value = build::parsed(&format!("CASE WHEN {count_name} > 0 THEN {value} END"));
            let states = vec![
                State { column: sum, kind: Kind::Sum(sum_type) },
                State { column: count, kind: Kind::Sum("int8") },
            ];
            (states, value)
        }
        Function::Extreme(_, greatest) => {
            let name = store(aggregate.call.clone());
            let kind = Kind::Extreme { greatest: *greatest, ty: value_type?.to_owned() };
            (vec![State { column: name.clone(), kind }], column(&name))
        }
        Function::First(value, order, descending) => {
            let order_columns: Vec<String> = order.iter().map(|by| store(with_value(&aggregate.call, by))).collect();
            let name = store(with_value(&aggregate.call, value));
            let kind = |column: String| State {
                column,
                kind: Kind::First { order: order_columns.clone(), descending: *descending },
            };
            let states = order_columns.iter().cloned().chain([name.clone()]).map(kind).collect();
            (states, column(&name))
        }
    })
}

/// What a row gives to the states of an aggregate, in the order in which [`states`] lists them; `over_row` puts the
/// aggregate's expressions in terms of the changed row.
pub fn inputs(aggregate: &Aggregate, states: &[State], over_row: &dyn Fn(&Node) -> Option<Expr>) -> Option<Vec<Input>> {
    let filter = match &aggregate.filter {
        Some(filter) => Some(over_row(filter)?),
        None => None,
    };
    let not_null = |argument: &Expr| {
        let terms = filter
            .iter()
            .map(|filter| filter.node().clone())
            .chain([build::parsed(&format!("({argument}) IS NOT NULL"))]);
        build::conjunction(terms.collect()).map(Expr::new)
    };
    let plain = |state: &State, condition: Option<Expr>, value: Option<Expr>| Input {
        column: state.column.clone(),
        condition,
        value,
        order: Vec::new(),
    };
    Some(match &aggregate.function {
        Function::Count(None) => vec![plain(&states[0], filter.clone(), None)],
        Function::Count(Some(argument)) => vec![plain(&states[0], not_null(&over_row(argument)?), None)],
        Function::Sum(argument) | Function::Average(argument) => {
            let argument = over_row(argument)?;
            vec![
                plain(&states[0], not_null(&argument), Some(argument.clone())),
                plain(&states[1], not_null(&argument), None),
            ]
        }
        Function::Extreme(argument, _) => {
            let argument = over_row(argument)?;
            vec![plain(&states[0], not_null(&argument), Some(argument))]
        }
        Function::First(value, order, _) => {
            let order: Vec<Expr> = order.iter().map(over_row).collect::<Option<_>>()?;
            let values = order.iter().cloned().chain([over_row(value)?]);
            states
                .iter()
                .zip(values)
                .map(|(state, value)| Input {
                    column: state.column.clone(),
                    condition: filter.clone(),
                    value: Some(value),
                    order: order.clone(),
                })
                .collect()
        }
    })
}
