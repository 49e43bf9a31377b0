//! **delta**: arithmetic on the model row, whatever the size of the group.
//!
//! What a model row holds of a group is a *state* per aggregate, and a change of the group's rows changes the state without
//! looking at the group again:
//!
//! ```text
//! count, sum, avg   state + Σ sign · x       sign: +1 for new images, −1 for old ones; count(x) tells NULL from 0
//! min, max          the greater of both      unless the row that was the extreme goes: then the key is recomputed
//! first by order    the earlier of both      likewise: (array_agg(x ORDER BY a DESC))[1]
//! ```
//!
//! Columns that depend on states (`trending = 2 * comments + …`) are computed again from them in the same UPDATE, so nothing
//! else is read. Floats are not summed this way: adding and taking away leaves rounding behind.
//!
//! Two shapes have such states: correlated sub-selects ([`correlated`]) and GROUP BY over one table, or a UNION ALL of
//! several ([`grouped`]).
//!
//! ```sql
//! -- (SELECT count(*) FROM upvotes v WHERE v.project_id = p.id AND v.is_upvote) AS upvote_count; INSERT INTO upvotes …
//! UPDATE model SET upvote_count = upvote_count + 1 WHERE id = <project_id>
//! ```

pub mod aggregate;
pub mod correlated;
pub mod grouped;

use std::collections::{BTreeMap, BTreeSet};

use headwater_catalog::{Catalog, QualifiedName};
use pg_query::NodeEnum;
use pg_query::protobuf::{Node, RangeVar, SelectStmt};

use crate::plan::finish::Split;
use crate::plan::key::Key;
use crate::tree::{Expr, build, visit};

/// How changes of one table are folded into model rows.
#[derive(Debug, Clone, Default)]
pub struct Delta {
    /// The ways in which a changed row reaches a model row: one per mention of the table that leads to another key or
    /// through another branch.
    pub contributions: Vec<Contribution>,
    /// What is kept in the model row.
    pub states: Vec<State>,
    /// The columns computed from states: name, expression over the model's columns.
    pub dependents: Vec<(String, Expr)>,
    /// How many mentions of the table in the core this explains; others make the table keyed.
    pub occurrences: usize,
    /// The count of a group's rows, where the model row goes with the last of them.
    pub lives_by: Option<String>,
}

/// One way from a changed row to a model row.
#[derive(Debug, Clone)]
pub struct Contribution {
    /// What `key`, `condition` and the inputs call the changed row.
    pub alias: String,
    /// The model's key, over the changed row.
    pub key: Vec<Expr>,
    /// Which rows take part.
    pub condition: Option<Expr>,
    /// What the row gives to states; states without one are not touched.
    pub inputs: Vec<Input>,
}

/// What a row gives to one state.
#[derive(Debug, Clone)]
pub struct Input {
    /// The state's column.
    pub column: String,
    /// Which rows count for it.
    pub condition: Option<Expr>,
    /// The summand, candidate or value; nothing for a count.
    pub value: Option<Expr>,
    /// For a first-by-order: the order's expressions.
    pub order: Vec<Expr>,
}

/// One value kept in the model row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Its column in the model table.
    pub column: String,
    /// How changes are folded into it.
    pub kind: Kind,
}

/// How changes are folded into a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Added; the type in which it is added without overflow or rounding.
    Sum(&'static str),
    /// The greater or the lesser is kept.
    Extreme {
        /// max, not min.
        greatest: bool,
        /// The type, for rows that give nothing.
        ty: String,
    },
    /// The value of the first row by an order is kept.
    First {
        /// The columns of the model row that hold the order's values for the row kept.
        order: Vec<String>,
        /// All of it descending, not ascending.
        descending: bool,
    },
}

impl Delta {
    /// True where an old image may take away what is kept, so that unchanged rows must be told from changed ones.
    #[must_use]
    pub fn retracts(&self) -> bool {
        self.states.iter().any(|state| !matches!(state.kind, Kind::Sum(_)))
    }
}

/// Finds the tables whose changes are folded, adding state columns to the core.
#[must_use]
pub fn find(split: &mut Split, key: &Key, catalog: &Catalog) -> BTreeMap<QualifiedName, Delta> {
    if !key.unique || key.columns.is_empty() || key.columns.iter().any(|column| column.visible.is_none()) {
        return BTreeMap::new();
    }
    let one_row =
        key.columns.iter().all(|column| column.visible.as_ref().is_some_and(|expr| expr.relations().is_empty()));
    if !split.core.group_clause.is_empty() || one_row {
        return grouped::find(split, key, catalog).unwrap_or_default();
    }
    correlated::find(split, key, catalog)
}

/// How often the core mentions a table by name.
#[must_use]
pub fn mentions_of(select: &SelectStmt, table: &QualifiedName) -> usize {
    fn count(node: &Node, table: &QualifiedName) -> usize {
        let mut found = match &node.node {
            Some(NodeEnum::RangeVar(range)) => usize::from(name_of(range).as_ref() == Some(table)),
            _ => 0,
        };
        visit::children(node, &mut |child| found += count(child, table));
        found
    }
    let mut found = 0;
    visit::select_children(select, &mut |child| found += count(child, table));
    found
}

pub(super) fn name_of(range: &RangeVar) -> Option<QualifiedName> {
    QualifiedName::parse(&range.schemaname, &range.relname).ok()
}

pub(super) fn alias_of(range: &RangeVar) -> String {
    range.alias.as_ref().map_or(&range.relname, |alias| &alias.aliasname).clone()
}

/// Every stored column that holds a folded expression and is not its state is computed again from the model row. `values`
/// gives each folded expression's value over the model row, and the tables it depends on.
fn add_dependents(
    split: &mut Split,
    values: &BTreeMap<String, (Node, QualifiedName)>,
    found: &mut BTreeMap<QualifiedName, Delta>,
) {
    let states: BTreeSet<String> =
        found.values().flat_map(|delta| delta.states.iter().map(|state| state.column.clone())).collect();
    let columns: Vec<(String, Expr)> = split
        .columns
        .iter()
        .filter(|column| !states.contains(&column.name))
        .filter_map(|column| Some((column.name.clone(), column.expr.clone()?)))
        .collect();
    for (name, expr) in columns {
        let mut tables = BTreeSet::new();
        collect_tables(expr.node(), values, &mut tables);
        if tables.is_empty() {
            continue;
        }
        let over_model = Expr::new(over_model_row(expr.node(), values, split));
        for table in tables {
            if let Some(delta) = found.get_mut(&table) {
                delta.dependents.push((name.clone(), over_model.clone()));
            }
        }
    }
}

fn folded<'v>(node: &Node, values: &'v BTreeMap<String, (Node, QualifiedName)>) -> Option<&'v (Node, QualifiedName)> {
    matches!(&node.node, Some(NodeEnum::SubLink(_) | NodeEnum::FuncCall(_) | NodeEnum::AIndirection(_)))
        .then(|| values.get(Expr::new(node.clone()).text()))
        .flatten()
}

fn collect_tables(node: &Node, values: &BTreeMap<String, (Node, QualifiedName)>, tables: &mut BTreeSet<QualifiedName>) {
    if let Some((_, table)) = folded(node, values) {
        tables.insert(table.clone());
        return;
    }
    visit::children(node, &mut |child| collect_tables(child, values, tables));
}

/// The expression with folded parts replaced by their state, and everything else by stored columns.
fn over_model_row(node: &Node, values: &BTreeMap<String, (Node, QualifiedName)>, split: &mut Split) -> Node {
    if let Some((value, _)) = folded(node, values) {
        return value.clone();
    }
    let mut tables = BTreeSet::new();
    collect_tables(node, values, &mut tables);
    if tables.is_empty() {
        let constant = !visit::any(node, &|node| matches!(node, NodeEnum::ColumnRef(_) | NodeEnum::SubLink(_)));
        return if constant { node.clone() } else { build::column(&[&split.store(node, "hw_s")]) };
    }
    let mut node = node.clone();
    visit::children_mut(&mut node, &mut |child| *child = over_model_row(child, values, split));
    node
}
