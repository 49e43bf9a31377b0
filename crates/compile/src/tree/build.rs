//! Constructors for the few nodes that stages make.

use pg_query::NodeEnum;
use pg_query::protobuf::{self, AExprKind, BoolExprType, Node, SelectStmt};

/// Wraps a node.
#[must_use]
pub fn node(node: NodeEnum) -> Node {
    Node { node: Some(node) }
}

/// A name in a list of names.
#[must_use]
pub fn string(text: &str) -> Node {
    node(NodeEnum::String(protobuf::String { sval: text.to_owned() }))
}

/// A column reference with its qualifiers.
#[must_use]
pub fn column(parts: &[&str]) -> Node {
    let fields = parts.iter().map(|part| string(part)).collect();
    node(NodeEnum::ColumnRef(protobuf::ColumnRef { fields, location: 0 }))
}

/// The names of a column reference, outermost first; `None` for anything else and for `*`.
#[must_use]
pub fn column_parts(node: &Node) -> Option<Vec<&str>> {
    let Some(NodeEnum::ColumnRef(reference)) = &node.node else { return None };
    strings(&reference.fields)
}

/// The texts of a list of names; `None` where one is no name.
#[must_use]
pub fn strings(nodes: &[Node]) -> Option<Vec<&str>> {
    nodes
        .iter()
        .map(|node| match &node.node {
            Some(NodeEnum::String(name)) => Some(name.sval.as_str()),
            _ => None,
        })
        .collect()
}

/// The last of a list of names: the bare name of a function or an operator.
#[must_use]
pub fn last_name(nodes: &[Node]) -> &str {
    strings(nodes).and_then(|names| names.last().copied()).unwrap_or_default()
}

/// `value AS name` in a target list.
#[must_use]
pub fn target(value: Node, name: &str) -> Node {
    node(NodeEnum::ResTarget(Box::new(protobuf::ResTarget {
        name: name.to_owned(),
        indirection: Vec::new(),
        val: Some(Box::new(value)),
        location: 0,
    })))
}

/// The conjunction of `terms`; `None` where there are none.
#[must_use]
pub fn conjunction(mut terms: Vec<Node>) -> Option<Node> {
    if terms.len() < 2 {
        return terms.pop();
    }
    Some(node(NodeEnum::BoolExpr(Box::new(protobuf::BoolExpr {
        xpr: None,
        boolop: BoolExprType::AndExpr as i32,
        args: terms,
        location: 0,
    }))))
}

/// `left op right` with an operator of `pg_catalog`.
#[must_use]
pub fn operator(left: Node, op: &str, right: Node) -> Node {
    node(NodeEnum::AExpr(Box::new(protobuf::AExpr {
        kind: AExprKind::AexprOp as i32,
        name: vec![string(op)],
        lexpr: Some(Box::new(left)),
        rexpr: Some(Box::new(right)),
        rexpr_list_start: 0,
        rexpr_list_end: 0,
        location: 0,
    })))
}

/// Parses one expression written by us.
#[must_use]
pub fn parsed(sql: &str) -> Node {
    let mut select = super::parse_select(&format!("SELECT {sql}")).expect("an expression of Headwater's own");
    match select.target_list.remove(0).node {
        Some(NodeEnum::ResTarget(target)) => *target.val.expect("a target has a value"),
        _ => unreachable!("a SELECT has targets"),
    }
}

/// A SELECT with targets and nothing else.
#[must_use]
pub fn select(target_list: Vec<Node>) -> SelectStmt {
    SelectStmt {
        target_list,
        op: protobuf::SetOperation::SetopNone as i32,
        limit_option: protobuf::LimitOption::Default as i32,
        ..Default::default()
    }
}

/// A call of a function in `pg_catalog`.
#[must_use]
pub fn call(function: &str, args: Vec<Node>) -> Node {
    node(NodeEnum::FuncCall(Box::new(protobuf::FuncCall {
        funcname: vec![string(function)],
        args,
        funcformat: protobuf::CoercionForm::CoerceExplicitCall as i32,
        ..Default::default()
    })))
}

/// The SELECT as an expression.
#[must_use]
pub fn scalar(select: SelectStmt) -> Node {
    node(NodeEnum::SubLink(Box::new(protobuf::SubLink {
        sub_link_type: protobuf::SubLinkType::ExprSublink as i32,
        subselect: Some(Box::new(node(NodeEnum::SelectStmt(Box::new(select))))),
        ..Default::default()
    })))
}

/// The terms of a conjunction, flattened.
#[must_use]
pub fn conjuncts(condition: Option<&Node>) -> Vec<&Node> {
    let Some(condition) = condition else { return Vec::new() };
    match &condition.node {
        Some(NodeEnum::BoolExpr(expr)) if expr.boolop == BoolExprType::AndExpr as i32 => {
            expr.args.iter().flat_map(|arg| conjuncts(Some(arg))).collect()
        }
        _ => vec![condition],
    }
}
