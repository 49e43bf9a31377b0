//! FROM: tables, views, sub-selects, functions and joins.

use std::collections::{BTreeMap, BTreeSet};

use headwater_catalog::{QualifiedName, TableKind};
use pg_query::NodeEnum;
use pg_query::protobuf::{JoinType, Node, RangeVar, SelectStmt};

use super::{Item, Scope, Walker, names_of, opaque_output};
use crate::analyze::{Derived, Equality, Occurrence, RegionId, Shape};
use crate::tree::{self, Expr, build, visit};

impl Walker<'_> {
    pub(super) fn item_of_from(&mut self, node: &Node, scope: &mut Scope<'_>, region: RegionId) {
        match &node.node {
            Some(NodeEnum::RangeVar(range)) => self.range_var(range, scope, region),
            Some(NodeEnum::RangeSubselect(range)) => {
                let Some(NodeEnum::SelectStmt(query)) = range.subquery.as_ref().and_then(|node| node.node.as_ref())
                else {
                    return;
                };
                let alias = range.alias.clone().unwrap_or_default();
                self.derived_item(&alias.aliasname, &names_of(&alias.colnames), query, scope, region);
            }
            Some(NodeEnum::JoinExpr(join)) => {
                if join.alias.is_some() {
                    self.refuse(303, "a join with an alias of its own is not maintained yet", "drop the alias", "join");
                }
                let (Some(left), Some(right)) = (&join.larg, &join.rarg) else { return };
                let (left_region, right_region, on_region) = self.join_regions(join.jointype, region);
                self.item_of_from(left, scope, left_region);
                self.item_of_from(right, scope, right_region);
                for condition in build::conjuncts(join.quals.as_deref()) {
                    match on_region {
                        Some(on_region) => self.condition(condition, scope, on_region),
                        None => self.expression(condition, scope, region),
                    }
                }
                if !join.using_clause.is_empty() {
                    self.using(&names_of(&join.using_clause), scope, on_region);
                }
            }
            Some(NodeEnum::RangeFunction(range)) => {
                visit::children(node, &mut |child| self.expression(child, scope, region));
                let alias = range.alias.clone().unwrap_or_default();
                let mut columns = names_of(&alias.colnames);
                if columns.is_empty() {
                    columns.push(alias.aliasname.clone());
                }
                if range.ordinality {
                    columns.push("ordinality".to_owned());
                }
                let unique = self.unique_alias(&alias.aliasname);
                let outputs = columns.iter().map(|name| opaque_output(name, region)).collect();
                self.analysis.derived.insert(unique.clone(), Derived { outputs });
                scope.items.push(Item { visible: alias.aliasname, unique, columns, keys: Vec::new(), region });
            }
            _ => {
                self.refuse(
                    304,
                    "this kind of FROM item is not maintained",
                    "TABLESAMPLE, XMLTABLE and JSON_TABLE have no place in a model; read a table, a sub-select or a function",
                    "from",
                );
            }
        }
    }

    fn join_regions(&mut self, kind: i32, region: RegionId) -> (RegionId, RegionId, Option<RegionId>) {
        match JoinType::try_from(kind).unwrap_or(JoinType::JoinInner) {
            JoinType::JoinLeft => {
                let nullable = self.region(Some(region), true);
                (region, nullable, Some(nullable))
            }
            JoinType::JoinRight => {
                let nullable = self.region(Some(region), true);
                (nullable, region, Some(nullable))
            }
            JoinType::JoinFull => {
                self.refuse(
                    305,
                    "FULL JOIN is not maintained yet",
                    "write it as a LEFT JOIN and a UNION ALL of the unmatched rows of the other side",
                    "full",
                );
                (self.region(Some(region), true), self.region(Some(region), true), None)
            }
            // What an inner join requires is required of everything beside it as well.
            _ => (region, region, Some(region)),
        }
    }

    /// `USING (a, b)`: each name is a column of an item on either side.
    fn using(&mut self, names: &[String], scope: &Scope<'_>, region: Option<RegionId>) {
        let Some(region) = region else { return };
        for name in names {
            let sides: Vec<Item> = scope.items.iter().filter(|item| item.columns.contains(name)).cloned().collect();
            for item in &sides {
                self.mark_used(item, name);
            }
            if let [first, .., last] = sides.as_slice() {
                let left = Expr::column(&first.unique, name);
                let right = Expr::column(&last.unique, name);
                self.analysis.equalities.push(Equality { left, right, region });
            }
        }
    }

    fn range_var(&mut self, range: &RangeVar, scope: &mut Scope<'_>, region: RegionId) {
        let alias = range.alias.as_ref().map_or(range.relname.as_str(), |alias| alias.aliasname.as_str()).to_owned();
        let columns = range.alias.as_ref().map(|alias| names_of(&alias.colnames)).unwrap_or_default();
        if range.schemaname.is_empty()
            && let Some((query, names)) = scope.cte(&range.relname).cloned()
        {
            let names = if columns.is_empty() { names } else { columns };
            self.derived_item(&alias, &names, &query, scope, region);
            return;
        }
        let schema = if range.schemaname.is_empty() { "pg_catalog" } else { &range.schemaname };
        let Ok(name) = QualifiedName::parse(schema, &range.relname) else { return };
        if ["headwater", "headwater_resolve"].contains(&schema) && !is_event(range) {
            self.refuse(
                314,
                "a model that reads another model is not maintained yet",
                "read the tables that the other model reads, or put its SELECT into a WITH query",
                range.relname.clone(),
            );
            return;
        }
        if let Some(view) = self.catalog.views.get(&name) {
            if is_model(&view.definition) {
                self.refuse(
                    314,
                    format!("{} is a model; a model that reads another model is not maintained yet", name.short()),
                    "read the tables that the other model reads, or put its SELECT into a WITH query",
                    range.relname.clone(),
                );
                return;
            }
            self.analysis.views.insert(name.clone());
            match tree::parse_select(&view.definition) {
                Ok(query) => {
                    let names: Vec<String> =
                        view.columns.iter().map(|column| column.name.as_str().to_owned()).collect();
                    let names = if columns.is_empty() { names } else { columns };
                    let outside = Scope::default();
                    self.derived_in(&alias, &names, &query, scope, &outside, region);
                }
                Err(error) => self.refuse(
                    306,
                    format!("the view {name} cannot be read: {error}"),
                    "read the tables under it",
                    range.relname.clone(),
                ),
            }
            return;
        }
        if !columns.is_empty() {
            self.refuse(
                307,
                "a table alias with column names is not maintained yet",
                "name the columns in the SELECT list",
                alias.clone(),
            );
        }
        self.table(&name, &alias, scope, region);
    }

    fn table(&mut self, name: &QualifiedName, alias: &str, scope: &mut Scope<'_>, region: RegionId) {
        let Some(table) = self.catalog.tables.get(name) else {
            self.refuse(
                308,
                format!("the relation {name} is not one that triggers can watch"),
                "read ordinary or partitioned tables",
                name.name.as_str(),
            );
            return;
        };
        let why = match table.kind {
            TableKind::Ordinary | TableKind::Partitioned => None,
            TableKind::Foreign => Some("a foreign table: changes made on the other side fire no trigger here"),
            TableKind::MaterializedView => Some("a materialized view: REFRESH fires no trigger"),
            TableKind::System => Some("a system catalog: it cannot carry triggers"),
            TableKind::Temporary => Some("a temporary table: it is gone with its session"),
        };
        if let Some(why) = why {
            self.refuse(
                309,
                format!("{} is {why}", name.short()),
                "read the tables behind it, or turn that view into a model's SELECT",
                name.name.as_str(),
            );
        }
        if let Some(root) = &table.part_of {
            self.refuse(
                313,
                format!(
                    "{} is a part of {}: statements that name {} change it without firing its triggers",
                    name.short(),
                    root.short(),
                    root.short()
                ),
                format!("read {} with a condition that selects the part", root.short()),
                name.name.as_str(),
            );
        }
        let columns: Vec<String> = table.columns.iter().map(|column| column.name.as_str().to_owned()).collect();
        let keys = table.keys.iter().map(|key| key.iter().map(|name| name.as_str().to_owned()).collect()).collect();
        let unique = self.unique_alias(alias);
        self.analysis.occurrences.push(Occurrence {
            alias: unique.clone(),
            table: name.clone(),
            region,
            columns: BTreeSet::new(),
        });
        scope.items.push(Item { visible: alias.to_owned(), unique, columns, keys, region });
    }

    fn derived_item(
        &mut self,
        alias: &str,
        names: &[String],
        query: &SelectStmt,
        scope: &mut Scope<'_>,
        region: RegionId,
    ) {
        // LATERAL may read the items before it; where it is absent the server has settled that no name does.
        let items = std::mem::take(&mut scope.items);
        let inner = Scope { items: items.clone(), ctes: BTreeMap::new(), parent: Some(scope) };
        let shape = self.derived_query(query, &inner, region);
        drop(inner);
        scope.items = items;
        self.add_derived(alias, names, shape, scope, region);
    }

    fn derived_in(
        &mut self,
        alias: &str,
        names: &[String],
        query: &SelectStmt,
        scope: &mut Scope<'_>,
        inside: &Scope<'_>,
        region: RegionId,
    ) {
        let shape = self.derived_query(query, inside, region);
        self.add_derived(alias, names, shape, scope, region);
    }

    fn derived_query(&mut self, query: &SelectStmt, scope: &Scope<'_>, region: RegionId) -> Shape {
        let inner = self.region(Some(region), false);
        self.query(query, scope, inner).0
    }

    fn add_derived(&mut self, alias: &str, names: &[String], shape: Shape, scope: &mut Scope<'_>, region: RegionId) {
        let mut outputs = shape.outputs;
        for (output, name) in outputs.iter_mut().zip(names) {
            output.name.clone_from(name);
        }
        let columns: Vec<String> = outputs.iter().map(|output| output.name.clone()).collect();
        let keys =
            shape.unique.iter().map(|set| set.iter().map(|position| columns[*position].clone()).collect()).collect();
        let unique = self.unique_alias(alias);
        self.analysis.derived.insert(unique.clone(), Derived { outputs });
        scope.items.push(Item { visible: alias.to_owned(), unique, columns, keys, region });
    }

    pub(super) fn unique_alias(&self, alias: &str) -> String {
        let taken = |name: &str| {
            name.starts_with("hw_")
                || self.analysis.derived.contains_key(name)
                || self.analysis.occurrence(name).is_some()
        };
        let mut unique = alias.to_owned();
        let mut number = 2;
        while taken(&unique) || unique.is_empty() {
            unique = format!("{alias}_{number}");
            number += 1;
        }
        unique
    }
}

/// True for the view over a model table.
fn is_model(definition: &str) -> bool {
    let Ok(select) = tree::parse_select(definition) else { return false };
    matches!(select.from_clause.as_slice(), [Node { node: Some(NodeEnum::RangeVar(range)) }] if range.schemaname == "headwater" && !is_event(range))
}

/// True for `headwater.event`, the one relation of Headwater's own that is a source.
fn is_event(range: &RangeVar) -> bool {
    range.schemaname == "headwater" && range.relname == "event"
}
