//! Expressions that are never NULL, so that a key made of them is compared by `=` alone: a join on `=` can hash, and one on
//! `= OR both NULL` compares every row with every row.
//!
//! ```sql
//! md5('approved' || p.id::text)::uuid   -- never NULL where p.id is NOT NULL
//! ```
//!
//! The server prints names without a schema where they are `pg_catalog`'s, so nobody's own function or operator is meant; and
//! between built-in types there are no casts but the built-in ones.

use pg_query::NodeEnum;
use pg_query::protobuf::Node;

use crate::tree::build;

/// Functions of `pg_catalog` that give a value where all their arguments are values.
const GIVES_A_VALUE: &[&str] = &["md5"];

/// True where the expression is never NULL; `column` tells whether a column of a relation is NOT NULL and of a built-in type.
pub(super) fn never_null(node: &Node, column: &dyn Fn(&str, &str) -> bool) -> bool {
    let all = |nodes: &[Node]| nodes.iter().all(|node| never_null(node, column));
    let one = |node: &Option<Box<Node>>| node.as_deref().is_some_and(|node| never_null(node, column));
    match &node.node {
        Some(NodeEnum::AConst(constant)) => !constant.isnull,
        Some(NodeEnum::TypeCast(cast)) => one(&cast.arg),
        Some(NodeEnum::AExpr(e)) => build::strings(&e.name) == Some(vec!["||"]) && one(&e.lexpr) && one(&e.rexpr),
        Some(NodeEnum::FuncCall(call)) => {
            let known = build::strings(&call.funcname)
                .is_some_and(|name| matches!(name[..], [name] if GIVES_A_VALUE.contains(&name)));
            known && all(&call.args)
        }
        _ => build::column_parts(node)
            .is_some_and(|parts| matches!(parts[..], [relation, name] if column(relation, name))),
    }
}
