//! The children of a node. One list of fields serves reading and rewriting.

use pg_query::NodeEnum;
use pg_query::protobuf::{JsonValueExpr, Node, SelectStmt, WindowDef};

macro_rules! visitor {
    ($children:ident, $select:ident, $window:ident, $json:ident $(, $mutable:tt)?) => {
        /// Calls `f` for each direct child. False where the node is of a kind that no SELECT of a view prints, whose
        /// children are therefore unknown.
        pub fn $children(node: &$($mutable)? Node, f: &mut dyn FnMut(&$($mutable)? Node)) -> bool {
            let Some(node) = &$($mutable)? node.node else { return true };
            macro_rules! one { ($field:expr) => { if let Some(child) = &$($mutable)? $field { f(child) } } }
            macro_rules! many { ($field:expr) => { for child in &$($mutable)? $field { f(child) } } }
            match node {
                NodeEnum::SelectStmt(n) => $select(n, f),
                NodeEnum::AExpr(n) => { one!(n.lexpr); one!(n.rexpr) }
                NodeEnum::BoolExpr(n) => many!(n.args),
                NodeEnum::FuncCall(n) => {
                    many!(n.args);
                    many!(n.agg_order);
                    one!(n.agg_filter);
                    if let Some(window) = &$($mutable)? n.over { $window(window, f) }
                }
                NodeEnum::TypeCast(n) => one!(n.arg),
                NodeEnum::CaseExpr(n) => { one!(n.arg); many!(n.args); one!(n.defresult) }
                NodeEnum::CaseWhen(n) => { one!(n.expr); one!(n.result) }
                NodeEnum::SubLink(n) => { one!(n.testexpr); one!(n.subselect) }
                NodeEnum::NullTest(n) => one!(n.arg),
                NodeEnum::BooleanTest(n) => one!(n.arg),
                NodeEnum::CoalesceExpr(n) => many!(n.args),
                NodeEnum::MinMaxExpr(n) => many!(n.args),
                NodeEnum::RowExpr(n) => many!(n.args),
                NodeEnum::AArrayExpr(n) => many!(n.elements),
                NodeEnum::AIndirection(n) => { one!(n.arg); many!(n.indirection) }
                NodeEnum::AIndices(n) => { one!(n.lidx); one!(n.uidx) }
                NodeEnum::CollateClause(n) => one!(n.arg),
                NodeEnum::NamedArgExpr(n) => one!(n.arg),
                NodeEnum::GroupingFunc(n) => many!(n.args),
                NodeEnum::GroupingSet(n) => many!(n.content),
                NodeEnum::List(n) => many!(n.items),
                NodeEnum::ResTarget(n) => one!(n.val),
                NodeEnum::SortBy(n) => one!(n.node),
                NodeEnum::WindowDef(n) => $window(n, f),
                NodeEnum::JoinExpr(n) => { one!(n.larg); one!(n.rarg); one!(n.quals) }
                NodeEnum::RangeSubselect(n) => one!(n.subquery),
                NodeEnum::RangeFunction(n) => many!(n.functions),
                NodeEnum::CommonTableExpr(n) => one!(n.ctequery),
                NodeEnum::XmlExpr(n) => { many!(n.named_args); many!(n.args) }
                NodeEnum::XmlSerialize(n) => one!(n.expr),
                NodeEnum::JsonObjectConstructor(n) => many!(n.exprs),
                NodeEnum::JsonArrayConstructor(n) => many!(n.exprs),
                NodeEnum::JsonArrayQueryConstructor(n) => one!(n.query),
                NodeEnum::JsonKeyValue(n) => {
                    one!(n.key);
                    if let Some(value) = &$($mutable)? n.value { $json(value, f) }
                }
                NodeEnum::JsonValueExpr(n) => $json(n, f),
                NodeEnum::JsonIsPredicate(n) => one!(n.expr),
                NodeEnum::JsonScalarExpr(n) => one!(n.expr),
                NodeEnum::ColumnRef(_)
                | NodeEnum::AConst(_)
                | NodeEnum::String(_)
                | NodeEnum::Integer(_)
                | NodeEnum::AStar(_)
                | NodeEnum::SqlvalueFunction(_)
                | NodeEnum::RangeVar(_)
                | NodeEnum::ColumnDef(_)
                | NodeEnum::SetToDefault(_) => {}
                _ => return false,
            }
            true
        }

        /// Calls `f` for each direct child of a SELECT, WITH queries and both sides of a set operation included
        /// (those sides by their own children).
        pub fn $select(select: &$($mutable)? SelectStmt, f: &mut dyn FnMut(&$($mutable)? Node)) {
            macro_rules! one { ($field:expr) => { if let Some(child) = &$($mutable)? $field { f(child) } } }
            macro_rules! many { ($field:expr) => { for child in &$($mutable)? $field { f(child) } } }
            if let Some(with) = &$($mutable)? select.with_clause { many!(with.ctes) }
            many!(select.distinct_clause);
            many!(select.target_list);
            many!(select.from_clause);
            one!(select.where_clause);
            many!(select.group_clause);
            one!(select.having_clause);
            many!(select.window_clause);
            many!(select.values_lists);
            many!(select.sort_clause);
            one!(select.limit_offset);
            one!(select.limit_count);
            if let Some(side) = &$($mutable)? select.larg { $select(side, f) }
            if let Some(side) = &$($mutable)? select.rarg { $select(side, f) }
        }

        fn $window(window: &$($mutable)? WindowDef, f: &mut dyn FnMut(&$($mutable)? Node)) {
            macro_rules! one { ($field:expr) => { if let Some(child) = &$($mutable)? $field { f(child) } } }
            macro_rules! many { ($field:expr) => { for child in &$($mutable)? $field { f(child) } } }
            many!(window.partition_clause);
            many!(window.order_clause);
            one!(window.start_offset);
            one!(window.end_offset);
        }

        fn $json(value: &$($mutable)? JsonValueExpr, f: &mut dyn FnMut(&$($mutable)? Node)) {
            macro_rules! one { ($field:expr) => { if let Some(child) = &$($mutable)? $field { f(child) } } }
            one!(value.raw_expr);
            one!(value.formatted_expr);
        }
    };
}

visitor!(children, select_children, window_children, json_children);
visitor!(children_mut, select_children_mut, window_children_mut, json_children_mut, mut);

/// True where `wanted` holds for the node or anything under it, sub-selects included.
pub fn any(node: &Node, wanted: &dyn Fn(&NodeEnum) -> bool) -> bool {
    if node.node.as_ref().is_some_and(wanted) {
        return true;
    }
    let mut found = false;
    children(node, &mut |child| found = found || any(child, wanted));
    found
}

/// True where `wanted` holds for the node or anything under it, sub-selects left out.
pub fn any_here(node: &Node, wanted: &dyn Fn(&NodeEnum) -> bool) -> bool {
    if node.node.as_ref().is_some_and(wanted) {
        return true;
    }
    if let Some(NodeEnum::SubLink(link)) = &node.node {
        return link.testexpr.as_ref().is_some_and(|test| any_here(test, wanted));
    }
    let mut found = false;
    children(node, &mut |child| found = found || any_here(child, wanted));
    found
}

/// The first node, depth first, whose children are unknown to [`children`].
pub fn first_unknown(node: &Node) -> Option<String> {
    let mut found = None;
    let known = children(node, &mut |child| {
        if found.is_none() {
            found = first_unknown(child);
        }
    });
    if known { found } else { node.node.as_ref().map(kind_name) }
}

/// Replaces nodes top-down: where `replace` gives a node, it takes the place and is not visited again.
pub fn rewrite(node: &mut Node, replace: &mut dyn FnMut(&Node) -> Option<Node>) {
    if let Some(replacement) = replace(node) {
        *node = replacement;
        return;
    }
    children_mut(node, &mut |child| rewrite(child, replace));
}

fn kind_name(node: &NodeEnum) -> String {
    let debug = format!("{node:?}");
    debug.split(['(', ' ', '{']).next().unwrap_or_default().to_owned()
}
