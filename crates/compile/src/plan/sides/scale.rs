//! The aggregates of a product, from the aggregates of its factors.

use std::collections::BTreeSet;

use headwater_catalog::{Catalog, Ident, PgType, QualifiedName};
use pg_query::NodeEnum;
use pg_query::protobuf::{FuncCall, Node, SelectStmt};

use super::product::{Product, is_call, names_in};
use super::{bigint, boolean, numeric, refuse};
use crate::plan::Refusal;
use crate::tree::{build, print, visit};

/// Aggregates that do not care how often a row comes.
const CARELESS: &[&str] = &["min", "max", "bool_and", "bool_or", "every", "bit_and", "bit_or"];

/// What can be asked of a side.
const OF_SIDES: &[&str] = &["count", "sum", "avg", "min", "max", "bool_and", "bool_or", "every"];

/// The rewritten parts.
pub(super) struct Scaled {
    pub targets: Vec<Node>,
    pub sorts: Vec<Node>,
    /// That the sides without which there are no groups have rows.
    pub conditions: Vec<Node>,
    /// What is read of each side.
    pub values: Vec<Vec<Value>>,
}

/// An aggregate over a side.
pub(super) struct Value {
    pub call: Node,
    pub ty: PgType,
}

struct Scaler<'a> {
    product: &'a Product,
    select: &'a SelectStmt,
    catalog: &'a Catalog,
    aggregates: &'a BTreeSet<String>,
    values: Vec<Vec<Value>>,
    refusal: Option<Refusal>,
}

/// Rewrites what is shown and what it is ordered by.
pub(super) fn scale(
    select: &SelectStmt,
    product: &Product,
    catalog: &Catalog,
    aggregates: &BTreeSet<String>,
) -> Result<Scaled, Refusal> {
    let values = product.sides.iter().map(|_| Vec::new()).collect();
    let mut scaler = Scaler { product, select, catalog, aggregates, values, refusal: None };
    let targets = scaler.all(&select.target_list);
    let sorts = scaler.all(&select.sort_clause);
    let inner: Vec<usize> = (0..product.sides.len()).filter(|side| !product.sides[*side].nullable).collect();
    let conditions =
        inner.into_iter().map(|side| build::operator(scaler.count_of(side), ">", build::parsed("0"))).collect();
    match scaler.refusal {
        Some(refusal) => Err(refusal),
        None => Ok(Scaled { targets, sorts, conditions, values: scaler.values }),
    }
}

impl Scaler<'_> {
    fn all(&mut self, nodes: &[Node]) -> Vec<Node> {
        nodes.iter().map(|node| self.node(node)).collect()
    }

    fn node(&mut self, node: &Node) -> Node {
        if is_call(node, self.aggregates) {
            return self.aggregate(node).unwrap_or_else(|refusal| {
                self.refusal = self.refusal.take().or(Some(refusal));
                node.clone()
            });
        }
        let mut node = node.clone();
        visit::children_mut(&mut node, &mut |child| *child = self.node(child));
        node
    }

    fn aggregate(&mut self, node: &Node) -> Result<Node, Refusal> {
        let mut names = BTreeSet::new();
        names_in(node, &mut names);
        let sides: Vec<usize> =
            (0..self.product.sides.len()).filter(|side| names.contains(&self.product.sides[*side].alias)).collect();
        let Some(NodeEnum::FuncCall(call)) = &node.node else { return Err(self.careful(node)) };
        // Somebody's own aggregate may be called as one of PostgreSQL's.
        if call.funcname.len() > 1 && !call.agg_distinct {
            return Err(self.careful(node));
        }
        match (sides.as_slice(), names.len()) {
            ([], _) => self.of_main(node, call),
            ([side], 1) => self.of_side(*side, node, call),
            _ => {
                let hint = "aggregate each table by itself";
                Err(refuse(&self.product.sides[sides[0]].table, "an aggregate reads it together with others", hint))
            }
        }
    }

    /// An aggregate that reads nothing of any side.
    fn of_main(&mut self, node: &Node, call: &FuncCall) -> Result<Node, Refusal> {
        let name = build::last_name(&call.funcname);
        if call.agg_distinct || CARELESS.contains(&name) {
            return Ok(node.clone());
        }
        let all: Vec<usize> = (0..self.product.sides.len()).collect();
        match name {
            "count" => Ok(self.times(node.clone(), &all, false)),
            "sum" if self.sum_type(call).is_some() => Ok(self.times(node.clone(), &all, false)),
            "avg" if self.sum_type(call).is_some() => {
                let sum = self.times(called(call, "sum"), &all, false);
                let count = self.times(called(call, "count"), &all, false);
                Ok(quotient(sum, count))
            }
            _ => Err(self.careful(node)),
        }
    }

    /// An aggregate over one side.
    fn of_side(&mut self, side: usize, node: &Node, call: &FuncCall) -> Result<Node, Refusal> {
        let name = build::last_name(&call.funcname).to_owned();
        let own = &self.product.sides[side];
        // A row of NULLs that stands for a side without rows must count for nothing.
        let column = call.args.first().filter(|_| call.args.len() == 1).and_then(|argument| self.column(argument));
        if !OF_SIDES.contains(&name.as_str())
            || call.args.len() > 1
            || !call.agg_order.is_empty()
            || call.agg_within_group
        {
            return Err(self.careful(node));
        }
        if own.nullable && column.is_none() {
            let hint = "aggregate one of its columns, or write JOIN instead of LEFT JOIN";
            return Err(refuse(
                &own.table,
                "an aggregate over it is not of a plain column, and it is LEFT JOINed",
                hint,
            ));
        }
        let others: Vec<usize> = (0..self.product.sides.len()).filter(|other| *other != side).collect();
        if call.agg_distinct || CARELESS.contains(&name.as_str()) {
            let ty = match name.as_str() {
                "count" => Some(bigint()),
                "sum" => self.sum_type(call),
                "avg" => self.sum_type(call).map(|_| numeric()),
                "bool_and" | "bool_or" | "every" => Some(boolean()),
                _ => column.as_ref().map(|(ty, _)| without_modifier(ty)),
            };
            let ty = ty.ok_or_else(|| self.careful(node))?;
            let unique = column.is_some_and(|(_, unique)| unique);
            return Ok(self.value(side, if unique { once(call) } else { node.clone() }, ty));
        }
        match name.as_str() {
            "count" => {
                let value = self.value(side, node.clone(), bigint());
                Ok(self.times(value, &others, true))
            }
            "sum" | "avg" => {
                let ty = self.sum_type(call).ok_or_else(|| self.careful(node))?;
                let sum = self.value(side, called(call, "sum"), ty);
                let sum = self.times(sum, &others, true);
                if name == "sum" {
                    return Ok(sum);
                }
                let count = self.value(side, called(call, "count"), bigint());
                Ok(quotient(sum, self.times(count, &others, true)))
            }
            _ => Err(self.careful(node)),
        }
    }

    /// The value, as often as the sides (and the rows of the group) have rows.
    fn times(&mut self, value: Node, sides: &[usize], rows_of_group: bool) -> Node {
        let mut value = value;
        if rows_of_group {
            value = build::operator(value, "*", build::parsed("count(*)"));
        }
        for side in sides {
            let mut rows = self.count_of(*side);
            if self.product.sides[*side].nullable {
                rows = build::parsed(&format!("GREATEST({}, 1)", print::expression(&rows)));
            }
            value = build::operator(value, "*", rows);
        }
        value
    }

    fn count_of(&mut self, side: usize) -> Node {
        self.value(side, build::parsed("count(*)"), bigint())
    }

    /// A value over the side, remembered as one that its model keeps.
    fn value(&mut self, side: usize, call: Node, ty: PgType) -> Node {
        let text = print::expression(&call);
        if !self.values[side].iter().any(|value| print::expression(&value.call) == text) {
            self.values[side].push(Value { call: call.clone(), ty });
        }
        self.product.sides[side].value(&call)
    }

    fn careful(&self, node: &Node) -> Refusal {
        let text = print::expression(node);
        refuse(
            &self.product.sides[0].table,
            &format!("{text} depends on how often each row comes, in a way that cannot be scaled"),
            "use count, sum or avg of integers and numerics, min, max or an aggregate with DISTINCT; or keep what is read of the table in a model of its own",
        )
    }

    /// The type of an exact sum.
    fn sum_type(&self, call: &FuncCall) -> Option<PgType> {
        let [argument] = call.args.as_slice() else { return None };
        match self.column(argument)?.0.base.as_str() {
            "int2" | "int4" => Some(bigint()),
            "int8" | "numeric" => Some(numeric()),
            _ => None,
        }
    }

    /// The type of a plain column of a table in FROM, and whether it alone is a key of that table.
    fn column(&self, node: &Node) -> Option<(PgType, bool)> {
        let parts = build::column_parts(node)?;
        let [relation, column] = parts.as_slice() else { return None };
        let name = mentioned(&self.select.from_clause, relation)?;
        let table = self.catalog.tables.get(&name)?;
        let column = table.column(&Ident::new(*column).ok()?)?;
        let unique = table.keys.iter().any(|key| key.as_slice() == std::slice::from_ref(&column.name));
        Some((column.ty.clone(), unique))
    }
}

/// The table that FROM mentions by this alias.
fn mentioned(items: &[Node], alias: &str) -> Option<QualifiedName> {
    items.iter().find_map(|item| match &item.node {
        Some(NodeEnum::RangeVar(range)) => {
            let own = range.alias.as_ref().map_or(&range.relname, |alias| &alias.aliasname);
            (own == alias).then(|| QualifiedName::parse(&range.schemaname, &range.relname).ok()).flatten()
        }
        Some(NodeEnum::JoinExpr(join)) => {
            let sides: Vec<Node> = join.larg.iter().chain(&join.rarg).map(|side| (**side).clone()).collect();
            mentioned(&sides, alias)
        }
        _ => None,
    })
}

/// The same call of another function.
fn called(call: &FuncCall, name: &str) -> Node {
    let mut call = Box::new(call.clone());
    call.funcname = vec![build::string(name)];
    build::node(NodeEnum::FuncCall(call))
}

/// `count(DISTINCT x)` where no two rows have the same x.
fn once(call: &FuncCall) -> Node {
    let mut call = Box::new(call.clone());
    call.agg_distinct = false;
    build::node(NodeEnum::FuncCall(call))
}

/// `avg` as PostgreSQL computes it: a quotient of numerics.
fn quotient(sum: Node, count: Node) -> Node {
    let (sum, count) = (print::expression(&sum), print::expression(&count));
    build::parsed(&format!("(({sum})::numeric / NULLIF(({count})::numeric, 0::numeric))"))
}

/// The type that an aggregate gives for values of a column's type.
fn without_modifier(ty: &PgType) -> PgType {
    let mut ty = ty.clone();
    if ty.base == "varchar" {
        (ty.sql, ty.base) = ("text".to_owned(), "text".to_owned());
    }
    if let (Some(start), Some(end)) = (ty.sql.find('('), ty.sql.find(')')) {
        ty.sql.replace_range(start..=end, "");
    }
    ty
}
