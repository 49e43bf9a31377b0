//! Which items of FROM nothing ties to the grouping columns.
//!
//! Every condition ties together the items that it names; the ON of a LEFT JOIN ties them to its right side as well. What
//! the SELECT shows outside of aggregates, and what it groups by, is the key's. A table that is tied to nothing is a side.

use std::collections::{BTreeMap, BTreeSet};

use headwater_catalog::{Catalog, QualifiedName};
use pg_query::NodeEnum;
use pg_query::protobuf::{JoinType, Node, RangeVar, SelectStmt, SetOperation};

use super::{refuse, refuse_clock};
use crate::analyze::walk::is_aggregated;
use crate::plan::Refusal;
use crate::tree::{build, visit};

/// A SELECT as a product.
pub(super) struct Product {
    /// The SELECT without its sides; targets and order still name them.
    pub rest: SelectStmt,
    /// The sides, in the order of FROM.
    pub sides: Vec<Side>,
}

/// A table by itself.
pub(super) struct Side {
    /// Its alias.
    pub alias: String,
    /// The table.
    pub table: QualifiedName,
    /// Its mention in FROM.
    pub item: Node,
    /// What a row must satisfy.
    pub conditions: Vec<Node>,
    /// Under a LEFT JOIN: without rows it stands for one of NULLs.
    pub nullable: bool,
}

impl Side {
    /// A value over the side alone, as a sub-select.
    pub fn value(&self, call: &Node) -> Node {
        let mut select = build::select(vec![build::target(call.clone(), "")]);
        select.from_clause = vec![self.item.clone()];
        select.where_clause = build::conjunction(self.conditions.clone()).map(Box::new);
        build::scalar(select)
    }
}

/// How an item hangs in FROM.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hangs {
    /// In a product, or an inner join, of the outermost level.
    Crossed,
    /// The right side of a LEFT JOIN of the outermost level, alone.
    LeftJoined,
    /// Anywhere else.
    Inside,
}

struct Leaf {
    alias: String,
    table: Option<QualifiedName>,
    item: Node,
    hangs: Hangs,
}

/// A condition and what it ties together.
struct Term {
    names: BTreeSet<String>,
    condition: Node,
    /// It stands in the WHERE.
    of_where: bool,
}

#[derive(Default)]
struct Walk {
    leaves: Vec<Leaf>,
    terms: Vec<Term>,
    ties: Vec<BTreeSet<String>>,
    /// A form that is not looked into.
    unclear: bool,
}

/// Finds the sides of a grouped SELECT. `None` where it has none.
pub(super) fn find(
    select: &SelectStmt,
    catalog: &Catalog,
    aggregates: &BTreeSet<String>,
) -> Result<Option<Product>, Refusal> {
    let grouping_sets = select.group_clause.iter().any(|group| matches!(group.node, Some(NodeEnum::GroupingSet(_))));
    let plain = select.op == SetOperation::SetopNone as i32
        && select.with_clause.is_none()
        && select.distinct_clause.is_empty()
        && !grouping_sets;
    if select.group_clause.is_empty() || !plain {
        return Ok(None);
    }
    let mut walk = Walk::default();
    for item in &select.from_clause {
        walk.item(item, Hangs::Crossed, catalog);
    }
    for condition in build::conjuncts(select.where_clause.as_deref()) {
        walk.term(condition, &[], true);
    }
    let mut key = BTreeSet::new();
    for node in select.group_clause.iter().chain(&select.target_list).chain(&select.sort_clause) {
        walk.shown(node, aggregates, &mut key);
    }
    if walk.unclear || key.is_empty() {
        return Ok(None);
    }
    let tied = walk.tied_to(&key);
    let loose: Vec<&Leaf> = walk.leaves.iter().filter(|leaf| !tied.contains(&leaf.alias)).collect();
    if loose.is_empty() {
        return Ok(None);
    }
    let sides = loose.into_iter().map(|leaf| walk.side(leaf)).collect::<Result<Vec<Side>, Refusal>>()?;
    if let Some(refusal) = sides.iter().find_map(refuse_clock) {
        return Err(refusal);
    }
    if select.having_clause.is_some() {
        return Err(refuse(
            &sides[0].table,
            "the SELECT has a HAVING",
            "put the condition into the SELECT that reads the model",
        ));
    }
    let rest = without(select, &sides).ok_or_else(|| {
        refuse(&sides[0].table, "it is what the others are LEFT JOINed to", "name the grouped table first in FROM")
    })?;
    Ok(Some(Product { rest, sides }))
}

impl Walk {
    /// The aliases under an item.
    fn item(&mut self, node: &Node, hangs: Hangs, catalog: &Catalog) -> Vec<String> {
        match &node.node {
            Some(NodeEnum::RangeVar(range)) => {
                let alias = alias_of(range);
                let renamed = range.alias.as_ref().is_some_and(|alias| !alias.colnames.is_empty());
                let name = QualifiedName::parse(&range.schemaname, &range.relname).ok();
                let table = name.filter(|name| !renamed && catalog.tables.contains_key(name));
                self.leaves.push(Leaf { alias: alias.clone(), table, item: node.clone(), hangs });
                vec![alias]
            }
            Some(NodeEnum::JoinExpr(join)) => {
                self.unclear |= join.alias.is_some() || !join.using_clause.is_empty() || join.is_natural;
                let (Some(left), Some(right)) = (&join.larg, &join.rarg) else { return Vec::new() };
                let inner = join.jointype == JoinType::JoinInner as i32;
                let left_join = join.jointype == JoinType::JoinLeft as i32;
                let alone = matches!(right.node, Some(NodeEnum::RangeVar(_))) && hangs == Hangs::Crossed;
                let (of_left, of_right) = match (inner, left_join, alone) {
                    (true, ..) => (hangs, hangs),
                    (_, true, true) => (hangs, Hangs::LeftJoined),
                    (_, true, false) => (hangs, Hangs::Inside),
                    _ => (Hangs::Inside, Hangs::Inside),
                };
                let mut names = self.item(left, of_left, catalog);
                let right_names = self.item(right, of_right, catalog);
                for condition in build::conjuncts(join.quals.as_deref()) {
                    self.term(condition, if left_join { &right_names } else { &[] }, false);
                }
                if left_join {
                    self.ties.push(right_names.iter().cloned().collect());
                }
                names.extend(right_names);
                if !inner && !left_join {
                    self.ties.push(names.iter().cloned().collect());
                }
                names
            }
            Some(NodeEnum::RangeSubselect(_) | NodeEnum::RangeFunction(_)) => {
                let alias = match &node.node {
                    Some(NodeEnum::RangeSubselect(range)) => range.alias.as_ref(),
                    Some(NodeEnum::RangeFunction(range)) => range.alias.as_ref(),
                    _ => None,
                };
                let Some(alias) = alias.map(|alias| alias.aliasname.clone()) else {
                    self.unclear = true;
                    return Vec::new();
                };
                // A lateral one is tied to what it reads; its own names are no matter.
                let mut names = BTreeSet::from([alias.clone()]);
                names_in(node, &mut names);
                self.ties.push(names);
                self.leaves.push(Leaf { alias: alias.clone(), table: None, item: node.clone(), hangs });
                vec![alias]
            }
            _ => {
                self.unclear = true;
                Vec::new()
            }
        }
    }

    fn term(&mut self, condition: &Node, with: &[String], of_where: bool) {
        let mut names = with.iter().cloned().collect();
        self.unclear |= !names_in(condition, &mut names);
        self.ties.push(names.clone());
        self.terms.push(Term { names, condition: condition.clone(), of_where });
    }

    /// What is shown outside of aggregates is the key's.
    fn shown(&mut self, node: &Node, aggregates: &BTreeSet<String>, key: &mut BTreeSet<String>) {
        if is_call(node, aggregates) {
            return;
        }
        if matches!(&node.node, Some(NodeEnum::ColumnRef(_) | NodeEnum::SubLink(_))) {
            self.unclear |= !names_in(node, key);
            return;
        }
        visit::children(node, &mut |child| self.shown(child, aggregates, key));
    }

    /// Everything that the ties connect with the key.
    fn tied_to(&self, key: &BTreeSet<String>) -> BTreeSet<String> {
        let mut tied = key.clone();
        while let Some(more) =
            self.ties.iter().find(|names| names.iter().any(|name| tied.contains(name)) && !names.is_subset(&tied))
        {
            tied.extend(more.iter().cloned());
        }
        tied
    }

    fn side(&self, leaf: &Leaf) -> Result<Side, Refusal> {
        let unknown = QualifiedName::parse("public", &leaf.alias);
        let table = match (&leaf.table, unknown) {
            (Some(table), _) => table.clone(),
            (None, Ok(name)) => {
                return Err(refuse(&name, "it is no table", "read a table there, or put it into a model of its own"));
            }
            (None, Err(_)) => unreachable!("an alias is a name"),
        };
        let own = |term: &&Term| term.names.contains(&leaf.alias);
        if self.terms.iter().filter(own).any(|term| term.names.len() > 1) || leaf.hangs == Hangs::Inside {
            let hint = "put the tables that are joined with each other alone into a model of their own";
            return Err(refuse(&table, "it is joined with others that nothing ties to them either", hint));
        }
        let nullable = leaf.hangs == Hangs::LeftJoined;
        if nullable && self.terms.iter().filter(own).any(|term| term.of_where) {
            let hint = "put the condition into the ON, or write JOIN instead of LEFT JOIN";
            return Err(refuse(&table, "the WHERE has a condition on it, and it is LEFT JOINed", hint));
        }
        let conditions = self.terms.iter().filter(own).map(|term| term.condition.clone()).collect();
        Ok(Side { alias: leaf.alias.clone(), table, item: leaf.item.clone(), conditions, nullable })
    }
}

/// The name by which a table is mentioned.
fn alias_of(range: &RangeVar) -> String {
    range.alias.as_ref().map_or(&range.relname, |alias| &alias.aliasname).clone()
}

/// Adds the relations that an expression names, sub-selects included. False where a name has no relation.
pub(super) fn names_in(node: &Node, names: &mut BTreeSet<String>) -> bool {
    if let Some(NodeEnum::ColumnRef(reference)) = &node.node {
        return match reference.fields.as_slice() {
            [relation, _] => match &relation.node {
                Some(NodeEnum::String(relation)) => {
                    names.insert(relation.sval.clone());
                    true
                }
                _ => false,
            },
            _ => false,
        };
    }
    let mut all = true;
    visit::children(node, &mut |child| all &= names_in(child, names));
    all
}

/// True for a call of an aggregate.
pub(super) fn is_call(node: &Node, aggregates: &BTreeSet<String>) -> bool {
    matches!(&node.node, Some(NodeEnum::FuncCall(_) | NodeEnum::JsonObjectAgg(_) | NodeEnum::JsonArrayAgg(_)))
        && is_aggregated(node, aggregates)
        && !aggregated_below(node, aggregates)
}

/// True where not the node itself is the aggregate, but something in it.
fn aggregated_below(node: &Node, aggregates: &BTreeSet<String>) -> bool {
    let mut below = false;
    visit::children(node, &mut |child| below = below || is_aggregated(child, aggregates));
    below
}

/// The SELECT without the sides; `None` where what is left would be LEFT JOINed to nothing.
fn without(select: &SelectStmt, sides: &[Side]) -> Option<SelectStmt> {
    let gone: BTreeMap<&str, ()> = sides.iter().map(|side| (side.alias.as_str(), ())).collect();
    let of_side = |node: &Node| {
        let mut names = BTreeSet::new();
        names_in(node, &mut names);
        names.iter().any(|name| gone.contains_key(name.as_str()))
    };
    let mut moved = Vec::new();
    let mut rest = select.clone();
    rest.from_clause.clear();
    for item in &select.from_clause {
        rest.from_clause.extend(prune(item, &gone, &of_side, &mut moved)?);
    }
    let conditions =
        build::conjuncts(select.where_clause.as_deref()).into_iter().filter(|node| !of_side(node)).cloned();
    rest.where_clause = build::conjunction(conditions.chain(moved).collect()).map(Box::new);
    Some(rest)
}

/// The item without the sides: `Some(None)` where nothing of it is left. Conditions of inner joins that lose a side move to the WHERE.
#[allow(clippy::option_option)]
fn prune(
    node: &Node,
    gone: &BTreeMap<&str, ()>,
    of_side: &dyn Fn(&Node) -> bool,
    moved: &mut Vec<Node>,
) -> Option<Option<Node>> {
    let join = match &node.node {
        Some(NodeEnum::JoinExpr(join)) => join,
        Some(NodeEnum::RangeVar(range)) if gone.contains_key(alias_of(range).as_str()) => return Some(None),
        _ => return Some(Some(node.clone())),
    };
    let left = prune(join.larg.as_deref()?, gone, of_side, moved)?;
    let right = prune(join.rarg.as_deref()?, gone, of_side, moved)?;
    let inner = join.jointype == JoinType::JoinInner as i32;
    let conditions = build::conjuncts(join.quals.as_deref()).into_iter().filter(|node| !of_side(node)).cloned();
    match (left, right) {
        (Some(left), Some(right)) => {
            let mut join = join.clone();
            join.quals = build::conjunction(conditions.collect()).map(Box::new);
            (join.larg, join.rarg) = (Some(Box::new(left)), Some(Box::new(right)));
            Some(Some(build::node(NodeEnum::JoinExpr(join))))
        }
        (None, Some(_)) if !inner => None,
        (Some(one), None) if !inner => Some(Some(one)),
        (one, other) => {
            moved.extend(conditions);
            Some(one.or(other))
        }
    }
}
