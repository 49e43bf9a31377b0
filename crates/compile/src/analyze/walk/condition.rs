//! Conditions and expressions: equalities, columns that are used, sub-selects.

use headwater_catalog::Ident;
use pg_query::NodeEnum;
use pg_query::protobuf::{AExprKind, BoolExprType, Node, SubLink, SubLinkType};

use super::{Item, Scope, UNTRACED, Walker, is_aggregated, windowed};
use crate::analyze::{Derived, Equality, RegionId};
use crate::tree::{Expr, build, visit};

impl Walker<'_> {
    /// A term that must hold: remembers equalities, and walks what is under it.
    pub(super) fn condition(&mut self, node: &Node, scope: &Scope<'_>, region: RegionId) {
        match &node.node {
            Some(NodeEnum::AExpr(expr))
                if expr.kind == AExprKind::AexprOp as i32 && build::last_name(&expr.name) == "=" =>
            {
                self.expression(node, scope, region);
                if let (Some(left), Some(right)) = (&expr.lexpr, &expr.rexpr)
                    && let (Some(left), Some(right)) = (self.plain(left, scope), self.plain(right, scope))
                {
                    self.analysis.equalities.push(Equality { left, right, region });
                }
            }
            Some(NodeEnum::SubLink(link)) => self.sublink(link, scope, region, Nulls::Harmless),
            Some(NodeEnum::BoolExpr(expr)) if expr.boolop == BoolExprType::AndExpr as i32 => {
                for arg in &expr.args {
                    self.condition(arg, scope, region);
                }
            }
            _ => self.expression(node, scope, region),
        }
    }

    /// Walks an expression for the columns it uses and the sub-selects in it.
    pub(super) fn expression(&mut self, node: &Node, scope: &Scope<'_>, region: RegionId) {
        match &node.node {
            Some(NodeEnum::ColumnRef(reference)) => self.column_reference(&reference.fields, scope),
            Some(NodeEnum::SubLink(link)) => self.sublink(link, scope, region, Nulls::Matter),
            Some(_) => {
                let mut children = Vec::new();
                if !visit::children(node, &mut |child| children.push(child.clone())) {
                    let kind = visit::first_unknown(node).unwrap_or_default();
                    self.refuse(
                        310,
                        format!("this construct is not maintained yet ({kind})"),
                        "write it with ordinary functions and operators",
                        "",
                    );
                }
                for child in &children {
                    self.expression(child, scope, region);
                }
            }
            None => {}
        }
    }

    fn column_reference(&mut self, fields: &[Node], scope: &Scope<'_>) {
        let star = matches!(fields.last().and_then(|field| field.node.as_ref()), Some(NodeEnum::AStar(_)));
        let names: Vec<&str> = fields
            .iter()
            .filter_map(|field| match &field.node {
                Some(NodeEnum::String(name)) => Some(name.sval.as_str()),
                _ => None,
            })
            .collect();
        if let Some((item, column)) = (!star).then(|| scope.column(&names)).flatten() {
            let item = item.clone();
            self.mark_used(&item, &column);
            return;
        }
        // A whole row: `alias.*`, or the alias alone.
        if let Some(relation) = names.last()
            && let Some(item) = scope.item(&|item| item.visible == *relation).cloned()
        {
            for column in item.columns.clone() {
                self.mark_used(&item, &column);
            }
            return;
        }
        if !star {
            self.refuse(
                UNTRACED,
                format!("the column {} cannot be traced to a table", names.join(".")),
                "qualify it with its table's alias",
                names.last().copied().unwrap_or_default(),
            );
        }
    }

    pub(super) fn mark_used(&mut self, item: &Item, column: &str) {
        if let Some(id) = self.analysis.occurrence(&item.unique)
            && let Ok(column) = Ident::new(column)
        {
            self.analysis.occurrences[id].columns.insert(column);
        }
    }

    fn sublink(&mut self, link: &SubLink, scope: &Scope<'_>, region: RegionId, nulls: Nulls) {
        if let Some(test) = &link.testexpr {
            self.expression(test, scope, region);
        }
        let Some(NodeEnum::SelectStmt(query)) = link.subselect.as_ref().and_then(|node| node.node.as_ref()) else {
            return;
        };
        let inner = self.region(Some(region), false);
        let (shape, _) = self.query(query, scope, inner);
        let kind = SubLinkType::try_from(link.sub_link_type).unwrap_or(SubLinkType::Undefined);
        let equals = link.oper_name.is_empty() || build::strings(&link.oper_name) == Some(vec!["="]);
        if kind != SubLinkType::AnySublink || !equals {
            return;
        }
        // A NULL among the values makes `x NOT IN (…)` unknown for every x, so such a row would affect every key.
        let tests: Vec<&Node> = match link.testexpr.as_ref().and_then(|test| test.node.as_ref()) {
            Some(NodeEnum::RowExpr(row)) => row.args.iter().collect(),
            Some(_) => link.testexpr.iter().map(|test| &**test).collect(),
            None => return,
        };
        let unique = self.unique_alias("in");
        for (test, output) in tests.iter().zip(&shape.outputs) {
            let safe = nulls == Nulls::Harmless || output.origins.iter().all(|origin| origin.not_null);
            if !safe {
                let name = output.name.clone();
                self.refuse(
                    312,
                    format!("IN (SELECT {name} …) is negated or shown, and {name} may be NULL: one NULL would change every row"),
                    format!("write NOT EXISTS (… WHERE {name} = …), declare the column NOT NULL, or add WHERE {name} IS NOT NULL and a cast to a NOT NULL expression"),
                    "in",
                );
                continue;
            }
            if let Some(left) = self.plain(test, scope) {
                let right = Expr::column(&unique, &output.name);
                self.analysis.equalities.push(Equality { left, right, region: inner });
            }
        }
        self.analysis.derived.insert(unique, Derived { outputs: shape.outputs });
    }

    /// The expression over unique aliases, where it holds no sub-select, aggregate or window function.
    pub(super) fn plain(&self, node: &Node, scope: &Scope<'_>) -> Option<Expr> {
        if visit::any(node, &|node| matches!(node, NodeEnum::SubLink(_))) || self.aggregated(node) || windowed(node) {
            return None;
        }
        let mut node = node.clone();
        let mut resolved = true;
        visit::rewrite(&mut node, &mut |node| {
            let Some(NodeEnum::ColumnRef(_)) = &node.node else { return None };
            match build::column_parts(node).and_then(|parts| scope.column(&parts)) {
                Some((item, column)) => Some(build::column(&[&item.unique, &column])),
                None => {
                    resolved = false;
                    None
                }
            }
        });
        resolved.then(|| Expr::new(node))
    }

    pub(super) fn aggregated(&self, node: &Node) -> bool {
        is_aggregated(node, self.aggregates)
    }

    /// True where the expression calls a set-returning function.
    pub(super) fn multiplies(&self, node: &Node) -> bool {
        visit::any_here(
            node,
            &|node| matches!(node, NodeEnum::FuncCall(call) if self.sets.contains(build::last_name(&call.funcname))),
        )
    }
}

/// Whether a NULL among the values of `IN` can be told from an absent one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nulls {
    Harmless,
    Matter,
}
