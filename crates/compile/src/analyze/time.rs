//! Which expressions read the clock, and when a condition on it flips.

use pg_query::NodeEnum;
use pg_query::protobuf::{AExprKind, Node, SqlValueFunctionOp};

use crate::tree::{build, visit};

/// Functions whose value is the start of the transaction.
const CLOCK_FUNCTIONS: &[&str] = &["now", "transaction_timestamp"];

/// True for `now()`, `CURRENT_TIMESTAMP` and their like; sub-selects are searched too.
#[must_use]
pub fn reads_clock(node: &Node) -> bool {
    visit::any(node, &is_clock)
}

/// True where the clock is read outside of any sub-select.
#[must_use]
pub fn reads_clock_here(node: &Node) -> bool {
    visit::any_here(node, &is_clock)
}

/// True for a node that is itself a reading of the clock.
#[must_use]
pub fn is_clock(node: &NodeEnum) -> bool {
    match node {
        NodeEnum::SqlvalueFunction(function) => (SqlValueFunctionOp::SvfopCurrentDate as i32
            ..=SqlValueFunctionOp::SvfopLocaltimestampN as i32)
            .contains(&function.op),
        NodeEnum::FuncCall(call) => {
            call.args.is_empty() && CLOCK_FUNCTIONS.contains(&build::last_name(&call.funcname))
                || build::last_name(&call.funcname) == "statement_timestamp"
        }
        _ => false,
    }
}

/// True for `current_user` and its like: the result would depend on who asks.
#[must_use]
pub fn is_session(node: &NodeEnum) -> bool {
    match node {
        NodeEnum::SqlvalueFunction(function) => function.op >= SqlValueFunctionOp::SvfopCurrentRole as i32,
        NodeEnum::FuncCall(call) => {
            ["current_setting", "pg_backend_pid", "inet_client_addr", "inet_client_port", "current_schemas"]
                .contains(&build::last_name(&call.funcname))
        }
        _ => false,
    }
}

/// A condition that compares the clock with something that stands still.
#[derive(Debug, Clone)]
pub struct Window {
    /// The moment at which the condition changes, an expression without the clock.
    pub flips_at: Node,
    /// True where it holds before that moment and not after: rows leave, none enters.
    pub leaves: bool,
}

/// Reads a condition as a window. `None` where it is not one comparison that is linear in the clock.
#[must_use]
pub fn window(condition: &Node) -> Option<Window> {
    let Some(NodeEnum::AExpr(expr)) = &condition.node else { return None };
    if expr.kind != AExprKind::AexprOp as i32 {
        return None;
    }
    let operator = build::last_name(&expr.name).to_owned();
    let (left, right) = (expr.lexpr.as_deref()?, expr.rexpr.as_deref()?);
    let (timed, still, clock_is_left) = match (reads_clock(left), reads_clock(right)) {
        (true, false) => (left, right, true),
        (false, true) => (right, left, false),
        _ => return None,
    };
    let (flips_at, clock_grows) = solve(timed, still.clone())?;
    // `still > clock` holds until the clock has grown past it.
    let clock_must_be_small = match (operator.as_str(), clock_is_left) {
        (">" | ">=", false) | ("<" | "<=", true) => true,
        ("<" | "<=", false) | (">" | ">=", true) => false,
        _ => return None,
    };
    Some(Window { flips_at, leaves: clock_must_be_small == clock_grows })
}

/// Solves `timed = still` for the clock. True where `timed` grows with the clock.
fn solve(timed: &Node, still: Node) -> Option<(Node, bool)> {
    match timed.node.as_ref()? {
        node if is_clock(node) && is_instant(node) => Some((still, true)),
        NodeEnum::TypeCast(cast) => solve(cast.arg.as_deref()?, still),
        NodeEnum::AExpr(expr) if expr.kind == AExprKind::AexprOp as i32 => {
            let (left, right) = (expr.lexpr.as_deref()?, expr.rexpr.as_deref()?);
            match (build::last_name(&expr.name), reads_clock(left), reads_clock(right)) {
                ("-", true, false) if is_instant_expression(left) => {
                    if !has_fixed_length(right) {
                        return None;
                    }
                    solve(left, build::operator(still, "+", right.clone()))
                }
                ("+", true, false) if is_instant_expression(left) => {
                    if !has_fixed_length(right) {
                        return None;
                    }
                    solve(left, build::operator(still, "-", right.clone()))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// True for readings that are an instant, not a date or a time of day.
fn is_instant(node: &NodeEnum) -> bool {
    match node {
        NodeEnum::SqlvalueFunction(function) => {
            function.op == SqlValueFunctionOp::SvfopCurrentTimestamp as i32
                || function.op == SqlValueFunctionOp::SvfopCurrentTimestampN as i32
        }
        _ => true,
    }
}

fn is_instant_expression(node: &Node) -> bool {
    node.node.as_ref().is_some_and(|node| is_clock(node) && is_instant(node))
}

/// Months have no fixed length, so `x + '1 month'` is not the moment at which `x > now() - '1 month'` ends. Only a literal
/// interval can be seen to have none.
fn has_fixed_length(interval: &Node) -> bool {
    let text = crate::tree::print::expression(interval).to_lowercase();
    let literal = !visit::any(interval, &|node| matches!(node, NodeEnum::ColumnRef(_) | NodeEnum::SubLink(_)));
    literal && !["mon", "year", "decade", "centur", "millenn"].iter().any(|unit| text.contains(unit))
}

/// True where the expression is `a * clock + b` with `a` the same for every row, so that ordering by it at one moment
/// is ordering by it at any other.
#[must_use]
pub fn is_linear_in_clock(node: &Node) -> bool {
    if !reads_clock(node) {
        return true;
    }
    let Some(inner) = &node.node else { return false };
    match inner {
        inner if is_clock(inner) => is_instant(inner),
        NodeEnum::TypeCast(cast) => {
            let ty = cast.type_name.as_ref().map(|ty| build::last_name(&ty.names)).unwrap_or_default();
            ["numeric", "float8"].contains(&ty) && cast.arg.as_deref().is_some_and(is_linear_in_clock)
        }
        NodeEnum::FuncCall(call) => {
            let name = build::last_name(&call.funcname);
            let epoch = call.args.first().is_some_and(|unit| crate::tree::print::expression(unit).contains("epoch"));
            ["extract", "date_part"].contains(&name) && epoch && call.args.get(1).is_some_and(is_linear_in_clock)
        }
        NodeEnum::AExpr(expr) if expr.kind == AExprKind::AexprOp as i32 => {
            let operator = build::last_name(&expr.name);
            let (left, right) = (expr.lexpr.as_deref(), expr.rexpr.as_deref());
            match (operator, left, right) {
                ("+" | "-", Some(left), Some(right)) => is_linear_in_clock(left) && is_linear_in_clock(right),
                ("-", None, Some(right)) => is_linear_in_clock(right),
                ("*", Some(left), Some(right)) => {
                    is_linear_in_clock(left) && is_constant(right) || is_constant(left) && is_linear_in_clock(right)
                }
                ("/", Some(left), Some(right)) => is_linear_in_clock(left) && is_constant(right),
                _ => false,
            }
        }
        _ => false,
    }
}

/// True where nothing of a row is read.
fn is_constant(node: &Node) -> bool {
    !visit::any(node, &|node| {
        matches!(node, NodeEnum::ColumnRef(_) | NodeEnum::SubLink(_) | NodeEnum::FuncCall(_)) || is_clock(node)
    })
}

/// The node with every reading of the clock replaced by a fixed moment.
#[must_use]
pub fn at_fixed_moment(node: &Node) -> Node {
    let mut node = node.clone();
    visit::rewrite(&mut node, &mut |node| {
        node.node.as_ref().is_some_and(is_clock).then(|| build::parsed("'2000-01-01 00:00:00+00'::timestamptz"))
    });
    node
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::print;

    fn read(condition: &str) -> Option<(String, bool)> {
        window(&build::parsed(condition)).map(|window| (print::expression(&window.flips_at), window.leaves))
    }

    #[test]
    fn windows_flip_where_their_sides_meet() {
        let leaves = |text: &str| Some((text.to_owned(), true));
        assert_eq!(read("t.at > now() - '7 days'::interval"), leaves("t.at + '7 days'::interval"));
        assert_eq!(read("now() - '1 hour'::interval < t.at"), leaves("t.at + '1 hour'::interval"));
        assert_eq!(read("t.expires >= CURRENT_TIMESTAMP"), leaves("t.expires"));
        assert_eq!(read("t.publish <= now()"), Some(("t.publish".to_owned(), false)));
        assert_eq!(read("t.at > now() - '1 mon'::interval"), None);
        assert_eq!(read("t.at > CURRENT_DATE"), None);
    }

    #[test]
    fn linear_decay_is_recognised() {
        let linear = |text: &str| is_linear_in_clock(&build::parsed(text));
        assert!(linear("a.x * 0.5 + EXTRACT(epoch FROM CURRENT_TIMESTAMP - a.at) / 3600 * '-0.1'::numeric"));
        assert!(!linear("a.x * EXTRACT(epoch FROM now() - a.at)"));
        assert!(!linear("power(EXTRACT(epoch FROM now() - a.at), 2)"));
    }
}
