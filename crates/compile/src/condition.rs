//! What the conditions of a query plan say of one table's columns. EXPLAIN writes them as SQL, so PostgreSQL's own parser reads them.

use pg_query::protobuf::{AExprKind, SortByDir, SortByNulls};

use crate::tree::build::{column_parts, conjuncts, last_name};
use crate::tree::{Node, NodeEnum, parse_select, with_deep_stack};

/// The columns by which an index could find rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions {
    /// Compared by `=` with something else.
    pub equal: Vec<String>,
    /// Compared by `<`, `>`, `<=` or `>=`.
    pub range: Vec<String>,
}

/// A column of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortedBy {
    /// Its name.
    pub column: String,
    /// From the greatest to the least.
    pub descending: bool,
    /// NULLS FIRST or NULLS LAST, where that is not what PostgreSQL does by itself.
    pub nulls_first: Option<bool>,
}

/// What `condition` (a Filter, a Hash Cond, a Join Filter, …) demands of the columns of `alias`. Alternatives and what cannot be read
/// demand nothing.
#[must_use]
pub fn conditions(condition: &str, alias: &str) -> Conditions {
    with_deep_stack(|| {
        let mut found = Conditions::default();
        let Ok(select) = parse_select(&format!("SELECT FROM hw_none WHERE {condition}")) else { return found };
        for term in conjuncts(select.where_clause.as_deref()) {
            let Some(NodeEnum::AExpr(comparison)) = &term.node else { continue };
            if !matches!(comparison.kind(), AExprKind::AexprOp | AExprKind::AexprOpAny) {
                continue;
            }
            let sides = (comparison.lexpr.as_deref(), comparison.rexpr.as_deref());
            let column = match sides {
                (Some(left), Some(right)) => compared(left, right, alias).or_else(|| compared(right, left, alias)),
                _ => None,
            };
            let list = match last_name(&comparison.name) {
                "=" => &mut found.equal,
                "<" | ">" | "<=" | ">=" => &mut found.range,
                _ => continue,
            };
            list.extend(column.filter(|column| !list.contains(column)));
        }
        found
    })
}

/// The column of `alias` that is one side, where the other side is about something else.
fn compared(one: &Node, other: &Node, alias: &str) -> Option<String> {
    let column = own_column(one, alias)?;
    let about_itself = crate::tree::visit::any(other, &|node| match node {
        NodeEnum::ColumnRef(reference) => {
            crate::tree::build::strings(&reference.fields).is_some_and(|names| names.first() == Some(&alias))
        }
        _ => false,
    });
    (!about_itself).then_some(column)
}

/// A column of `alias`, a cast of it included: `varchar` is compared as `text`, and its index serves that.
fn own_column(node: &Node, alias: &str) -> Option<String> {
    if let Some(NodeEnum::TypeCast(cast)) = &node.node {
        return own_column(cast.arg.as_deref()?, alias);
    }
    match column_parts(node)?.as_slice() {
        [relation, column] if *relation == alias => Some((*column).to_owned()),
        _ => None,
    }
}

/// A Sort Key of a plan, where it is a column of `alias`.
#[must_use]
pub fn sorted_by(key: &str, alias: &str) -> Option<SortedBy> {
    with_deep_stack(|| {
        let select = parse_select(&format!("SELECT FROM hw_none ORDER BY {key}")).ok()?;
        let [Node { node: Some(NodeEnum::SortBy(sort)) }] = select.sort_clause.as_slice() else { return None };
        let nulls_first = match sort.sortby_nulls() {
            SortByNulls::SortbyNullsFirst => Some(true),
            SortByNulls::SortbyNullsLast => Some(false),
            _ => None,
        };
        Some(SortedBy {
            column: own_column(sort.node.as_deref()?, alias)?,
            descending: sort.sortby_dir() == SortByDir::SortbyDesc,
            nulls_first,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_what_they_are_compared_with() {
        let text = "((v.up) AND ((v.kind)::text = 'x'::text) AND (v.project_id = $1) AND (v.at > now()) AND (v.a = v.b) AND (p.id = v.user_id))";
        let found = conditions(text, "v");
        assert_eq!(found.equal, ["kind", "project_id", "user_id"]);
        assert_eq!(found.range, ["at"]);
        assert_eq!(conditions("((v.a = 1) OR (v.b = 2))", "v"), Conditions::default());
        assert_eq!(conditions("(hashed SubPlan 1)", "v"), Conditions::default());
    }

    #[test]
    fn orders_keep_their_direction() {
        let sorted = sorted_by("item.at DESC NULLS LAST", "item").unwrap();
        assert_eq!((sorted.column.as_str(), sorted.descending, sorted.nulls_first), ("at", true, Some(false)));
        assert_eq!(sorted_by("(lower(item.name))", "item"), None);
        assert_eq!(sorted_by("other.at", "item"), None);
    }
}
