//! A join side that nothing ties to the key is computed once, on its own.
//!
//! In a grouped SELECT, a table of FROM that no condition connects with the grouping columns joins *every* group with the same
//! rows. The join is a product, and so is each group:
//!
//! ```text
//! rows of the group k  =  M(k) × S        M: everything that is tied to the key, S: the side
//! ```
//!
//! S is what its own conditions leave of the table; under a LEFT JOIN an empty S stands for one row of NULLs, so its number of
//! rows is `GREATEST(n, 1)`; else a side without rows leaves no group. Therefore, with |S| that number:
//!
//! | aggregate | over M | over S |
//! | --- | --- | --- |
//! | min, max, bool_and, …, anything DISTINCT | as it is | as it is, over S alone |
//! | count | × \|S\| | over S × count(*) |
//! | sum of integers and numerics | × \|S\| | over S × count(*) |
//! | avg of the same | sum × \|S\| / (count × \|S\|) | likewise |
//!
//! Both sides of avg's fraction are scaled because PostgreSQL chooses the digits of a quotient by its operands. What depends on how
//! often or in which order a row comes (`string_agg`, `stddev`, sums of floats) cannot be had without multiplying: such a SELECT is
//! left as it is, and refused for that reason where no other way leads to its key.
//!
//! ```sql
//! SELECT g.id, count(DISTINCT u.id), count(p.id) FROM groups g
//! LEFT JOIN users u ON u.mode = 'community' LEFT JOIN posts p ON p.group_id = g.id GROUP BY g.id
//! -- SELECT g.id, (SELECT count(u.id) FROM users u WHERE u.mode = 'community'),
//! --        count(p.id) * GREATEST((SELECT count(*) FROM users u WHERE u.mode = 'community'), 1)
//! -- FROM groups g LEFT JOIN posts p ON p.group_id = g.id GROUP BY g.id
//! ```
//!
//! The sub-selects of a side together are a model of one row, kept beside the model and read by its public view. So a change
//! of the side's table costs what a model of one row costs, and no row of the model is touched by it.
//!
//! | module | does |
//! | --- | --- |
//! | [`product`] | finds the sides, and what is left of FROM without them |
//! | [`scale`] | rewrites the aggregates |

mod product;
mod scale;

use std::collections::BTreeMap;

use headwater_catalog::{Catalog, Column, FunctionUse, Ident, PgType, QualifiedName, Resolution, Volatility};
use pg_query::NodeEnum;
use pg_query::protobuf::{Alias, Node, RangeVar, SelectStmt};

use super::Refusal;
use crate::generate::names::SCHEMA;
use crate::parse::{Options, ParsedModel, Retain};
use crate::tree::{self, Expr, build, print, visit};

/// The code of a SELECT that would have to be multiplied.
const CODE: u16 = 412;

/// A SELECT whose sides stand in sub-selects of their own.
#[derive(Debug, Clone)]
pub struct Apart {
    /// It gives what the SELECT as written gives.
    pub select: SelectStmt,
    /// The sides, in the order of FROM.
    pub sides: Vec<Side>,
}

/// One side: a model of one row.
#[derive(Debug, Clone)]
pub struct Side {
    /// As if it were declared.
    pub parsed: ParsedModel,
    /// As if the server had resolved it.
    pub resolution: Resolution,
    /// The table that it reads.
    pub source: QualifiedName,
    /// The text of each sub-select that reads it → the column that holds its value.
    values: BTreeMap<String, String>,
}

/// The SELECT that is stored, reading the tables of its sides.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Without the sides; what is read of them stands in sub-selects over their model tables.
    pub select: SelectStmt,
    /// What must hold for any row to be there.
    pub conditions: Vec<Node>,
    /// The whole SELECT with each side in sub-selects over its source.
    pub apart: SelectStmt,
    /// The model tables of the sides, with what they stand for.
    pub tables: Vec<(QualifiedName, QualifiedName)>,
}

/// Takes the sides of a SELECT apart. `None` where it has none; a reason where it has, but they cannot be.
pub fn find(model: &ParsedModel, resolution: &Resolution, catalog: &Catalog) -> Result<Option<Apart>, Refusal> {
    // Rows of an event log stay as they were added, and so must all that is shown of them.
    if matches!(model.options.retain, Some(Retain::Append { .. })) {
        return Ok(None);
    }
    let Ok(select) = tree::parse_select(&resolution.definition) else { return Ok(None) };
    let aggregates = super::aggregate_names(resolution);
    let Some(product) = product::find(&select, catalog, &aggregates)? else { return Ok(None) };
    let scaled = scale::scale(&select, &product, catalog, &aggregates)?;
    let mut select = product.rest;
    select.target_list = scaled.targets;
    select.sort_clause = scaled.sorts;
    let mut conditions: Vec<Node> = build::conjuncts(select.where_clause.as_deref()).into_iter().cloned().collect();
    conditions.extend(scaled.conditions);
    select.where_clause = build::conjunction(conditions).map(Box::new);
    let used = product.sides.iter().zip(scaled.values).filter(|(_, values)| !values.is_empty());
    let sides = used.enumerate().map(|(number, (side, values))| of_one_row(model, resolution, number, side, values));
    Ok(Some(Apart { select, sides: sides.collect() }))
}

/// The model of a side: one row, a column for each value that is read of it.
fn of_one_row(
    model: &ParsedModel,
    resolution: &Resolution,
    number: usize,
    side: &product::Side,
    values: Vec<scale::Value>,
) -> Side {
    let column = |position: usize| format!("v{}", position + 1);
    let mut select = build::select(Vec::new());
    select.from_clause = vec![side.item.clone()];
    select.where_clause = build::conjunction(side.conditions.clone()).map(Box::new);
    let texts = values.iter().map(|value| Expr::new(side.value(&value.call)).text().to_owned());
    let by_text = texts.enumerate().map(|(position, text)| (text, column(position))).collect();
    select.target_list = values
        .iter()
        .enumerate()
        .map(|(position, value)| build::target(value.call.clone(), &column(position)))
        .collect();
    let columns = values.iter().enumerate().map(|(position, value)| Column {
        name: Ident::new(column(position)).expect("a letter and a number"),
        ty: value.ty.clone(),
        not_null: false,
    });
    let suffix = if number == 0 { "_side".to_owned() } else { format!("_side{}", number + 1) };
    let name = QualifiedName::new(model.name.schema.clone(), Ident::generated(model.name.name.as_str(), &suffix));
    let text = print::select(&select);
    let parsed = ParsedModel {
        select: text.clone(),
        column_names: Vec::new(),
        options: Options { mode: model.options.mode, max_lag: model.options.max_lag.clone(), ..Options::default() },
        indexes: Vec::new(),
        text: format!("CREATE MATERIALIZED VIEW {name} AS {text}"),
        access_line: String::new(),
        name,
        ..model.clone()
    };
    let mut functions = resolution.functions.clone();
    for needed in ["count", "sum"] {
        if !functions.iter().any(|function| function.name == needed) {
            functions.push(aggregate(needed));
        }
    }
    let resolution = Resolution { definition: text, columns: columns.collect(), functions };
    Side { parsed, resolution, source: side.table.clone(), values: by_text }
}

/// One of PostgreSQL's own aggregates, as the server would name it.
fn aggregate(name: &str) -> FunctionUse {
    FunctionUse {
        schema: "pg_catalog".to_owned(),
        name: name.to_owned(),
        volatility: Volatility::Immutable,
        language: "internal".to_owned(),
        aggregate: true,
        returns_set: false,
        source: String::new(),
    }
}

impl Apart {
    /// The SELECT over the sides' model tables, which come in the order of the sides.
    #[must_use]
    pub fn reading(&self, tables: &[QualifiedName]) -> Reading {
        let mut select = self.select.clone();
        visit::select_children_mut(&mut select, &mut |child| {
            visit::rewrite(child, &mut |node| self.stored(node, tables));
        });
        let (conditions, kept) = build::conjuncts(select.where_clause.as_deref())
            .into_iter()
            .cloned()
            .partition::<Vec<Node>, _>(|condition| visit::any(condition, &is_stored));
        select.where_clause = build::conjunction(kept).map(Box::new);
        let sources = self.sides.iter().map(|side| side.source.clone());
        let tables = tables.iter().cloned().zip(sources).collect();
        Reading { select, conditions, apart: self.select.clone(), tables }
    }

    /// What stands in the place of a sub-select of a side.
    fn stored(&self, node: &Node, tables: &[QualifiedName]) -> Option<Node> {
        if !matches!(&node.node, Some(NodeEnum::SubLink(_))) {
            return None;
        }
        let text = Expr::new(node.clone()).text().to_owned();
        self.sides.iter().zip(tables).find_map(|(side, table)| {
            let column = side.values.get(&text)?;
            let mut select = build::select(vec![build::target(build::column(&["s", column]), column)]);
            select.from_clause = vec![build::node(NodeEnum::RangeVar(RangeVar {
                schemaname: table.schema.as_str().to_owned(),
                relname: table.name.as_str().to_owned(),
                inh: true,
                relpersistence: "p".to_owned(),
                alias: Some(Alias { aliasname: "s".to_owned(), colnames: Vec::new() }),
                ..RangeVar::default()
            }))];
            Some(build::scalar(select))
        })
    }
}

/// True for a sub-select over the model table of a side: it is evaluated when somebody reads. Of the tables
/// there, a user's SELECT reads `headwater.event` alone.
#[must_use]
pub fn is_stored(node: &NodeEnum) -> bool {
    let NodeEnum::SubLink(link) = node else { return false };
    let Some(NodeEnum::SelectStmt(select)) = link.subselect.as_ref().and_then(|node| node.node.as_ref()) else {
        return false;
    };
    matches!(select.from_clause.as_slice(), [Node { node: Some(NodeEnum::RangeVar(range)) }]
        if range.schemaname == SCHEMA && range.relname != "event" && range.alias.as_ref().is_some_and(|alias| alias.aliasname == "s"))
}

/// The side's own sub-selects follow a model's rules; a window would make the model late in two steps.
fn refuse_clock(side: &product::Side) -> Option<Refusal> {
    let timed = side.conditions.iter().any(crate::analyze::time::reads_clock);
    timed.then(|| {
        refuse(
            &side.table,
            "its condition reads the clock",
            "keep what is counted of it in a model of its own, and join the two when reading",
        )
    })
}

/// Why a side stays where it is.
fn refuse(table: &QualifiedName, why: &str, hint: &str) -> Refusal {
    let message = format!(
        "nothing ties {} to the grouping columns, so each of its rows is joined with every group, and it cannot be computed on its own: {why}",
        table.short()
    );
    Refusal::new(CODE, message, hint, table.name.as_str())
}

/// `bigint`.
fn bigint() -> PgType {
    PgType {
        sql: "bigint".to_owned(),
        base: "int8".to_owned(),
        comparable: true,
        hashable: true,
        equal_is_identical: true,
    }
}

/// `boolean`.
fn boolean() -> PgType {
    PgType { sql: "boolean".to_owned(), base: "bool".to_owned(), ..bigint() }
}

/// `numeric`.
fn numeric() -> PgType {
    PgType {
        sql: "numeric".to_owned(),
        base: "numeric".to_owned(),
        comparable: true,
        hashable: true,
        equal_is_identical: false,
    }
}
