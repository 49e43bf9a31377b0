//! A tree back to SQL.

use pg_query::NodeEnum;
use pg_query::protobuf::{AExprKind, Node, ParseResult, RawStmt, SelectStmt};

use super::{build, visit};

/// One expression.
#[must_use]
pub fn expression(node: &Node) -> String {
    let select = build::select(vec![build::target(node.clone(), "")]);
    let text = select_on_one_line(&select);
    text.strip_prefix("SELECT ").unwrap_or(&text).to_owned()
}

/// One expression in which every operator and function of `pg_catalog` says so: it then means the same under any
/// `search_path`, which matters where a trigger function runs with its owner's rights.
#[must_use]
pub fn qualified_expression(node: &Node) -> String {
    let mut node = node.clone();
    qualify(&mut node);
    expression(&node)
}

/// A SELECT, indented for reading.
#[must_use]
pub fn select(select: &SelectStmt) -> String {
    deparse(
        NodeEnum::SelectStmt(Box::new(select.clone())),
        pg_query::DeparseOptions { pretty_print: true, indent_size: 2, max_line_length: 110, ..Default::default() },
    )
}

/// A SELECT on one line.
#[must_use]
pub fn select_on_one_line(select: &SelectStmt) -> String {
    deparse(NodeEnum::SelectStmt(Box::new(select.clone())), pg_query::DeparseOptions::default())
}

/// Any statement on one line.
#[must_use]
pub fn statement(node: NodeEnum) -> String {
    deparse(node, pg_query::DeparseOptions::default())
}

/// A member of ORDER BY.
#[must_use]
pub fn sort(node: &Node) -> String {
    let mut select = build::select(vec![build::target(build::parsed("1"), "")]);
    select.sort_clause = vec![node.clone()];
    let text = select_on_one_line(&select);
    text.strip_prefix("SELECT 1 ORDER BY ").unwrap_or(&text).to_owned()
}

fn deparse(node: NodeEnum, options: pg_query::DeparseOptions) -> String {
    let statement = RawStmt { stmt: Some(Box::new(build::node(node))), stmt_location: 0, stmt_len: 0 };
    let result = ParseResult { version: 180_000, stmts: vec![statement] };
    pg_query::deparse(&result, options).expect("a tree that was parsed or built here prints")
}

fn qualify(node: &mut Node) {
    match &mut node.node {
        Some(NodeEnum::AExpr(expr)) if expr.kind == AExprKind::AexprOp as i32 => qualify_name(&mut expr.name),
        Some(NodeEnum::AExpr(expr))
            if expr.kind == AExprKind::AexprOpAny as i32 || expr.kind == AExprKind::AexprOpAll as i32 =>
        {
            qualify_name(&mut expr.name);
        }
        Some(NodeEnum::FuncCall(call)) => qualify_name(&mut call.funcname),
        Some(NodeEnum::TypeCast(cast)) => {
            if let Some(ty) = &mut cast.type_name {
                qualify_name(&mut ty.names);
            }
        }
        _ => {}
    }
    visit::children_mut(node, &mut qualify);
}

fn qualify_name(name: &mut Vec<Node>) {
    if name.len() == 1 {
        name.insert(0, build::string("pg_catalog"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qualifies_operators_functions_and_types() {
        let node = build::parsed("lower(a.b) || 'x'::text = ANY (ARRAY['y'::text]) AND a.c > 1");
        assert_eq!(
            qualified_expression(&node),
            "pg_catalog.lower(a.b) OPERATOR(pg_catalog.||) 'x'::pg_catalog.text OPERATOR(pg_catalog.=) \
             ANY(ARRAY['y'::pg_catalog.text]) AND a.c OPERATOR(pg_catalog.>) 1"
        );
    }

    /// `OPERATOR(…)` binds alike for all operators, to the left: what is on the right of another must stand in parentheses.
    #[test]
    fn qualified_operators_keep_their_operands() {
        for sql in [
            "a.x = b.y || 'z'",
            "a.x * (b.y + 2)",
            "(a.x + b.y) * 2",
            "a.x - (b.y - c.z)",
            "- (a.x * b.y)",
            "(- a.x) * b.y",
            "a.x + b.y * c.z = d.w - 1",
            "(a.x = b.y) IS NULL",
            "NOT a.x = b.y",
            "(a.x > 1) = (b.y > 2)",
            "a.x::text || (b.y + 1)::text LIKE 'q' || c.z",
            "CASE WHEN a.x = b.y + 1 THEN a.x + 1 ELSE 2 * (a.x + 1) END",
            "a.x IN (1, 2) AND (a.y OR b.z)",
            "a.x ->> 'k' = b.y ->> 'k'",
            "(a.x + 1) BETWEEN b.y - 1 AND b.y + 1",
            "a.x = ANY (b.y || c.z)",
            "(a.x || b.y) COLLATE \"C\" < c.z",
        ] {
            let node = build::parsed(sql);
            let mut wanted = node.clone();
            qualify(&mut wanted);
            let printed = qualified_expression(&node);
            let read = build::parsed(&printed);
            assert_eq!(shape(&read), shape(&wanted), "{sql} was printed as {printed}");
        }
    }

    /// The tree without the places in the text.
    fn shape(node: &Node) -> String {
        let debug = format!("{node:?}");
        let mut text = String::new();
        let mut rest = debug.as_str();
        while let Some(at) = rest.find("location: ") {
            text.push_str(&rest[..at]);
            rest = rest[at + 10..].trim_start_matches(|c: char| c.is_ascii_digit() || c == '-');
        }
        text + rest
    }
}
