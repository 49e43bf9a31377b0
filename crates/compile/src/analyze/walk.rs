//! One pass over the normalised tree.

use std::collections::{BTreeMap, BTreeSet};

use headwater_catalog::{Catalog, Ident, QualifiedName, TableKind};
use pg_query::NodeEnum;
use pg_query::protobuf::{
    AExprKind, BoolExprType, JoinType, Node, RangeVar, SelectStmt, SetOperation, SubLink, SubLinkType,
};

use super::{Analysis, Derived, Equality, Occurrence, Origin, Output, Problem, Region, RegionId, Shape, nulls, rowkey};
use crate::tree::{self, Expr, build, visit};

/// Analyzes a SELECT as `pg_get_viewdef` prints it. `aggregates` and `sets` are the bare names of the aggregates and of the
/// set-returning functions in it.
#[must_use]
pub fn analyze(
    select: &SelectStmt,
    catalog: &Catalog,
    aggregates: &BTreeSet<String>,
    sets: &BTreeSet<String>,
) -> Analysis {
    let mut walker = Walker { catalog, aggregates, sets, analysis: Analysis::default() };
    let root = walker.region(None, false);
    let scope = Scope::default();
    let (shape, aliases) = walker.query(select, &scope, root);
    // A column that cannot be traced is often only the echo of an item that was refused.
    if walker.analysis.problems.iter().any(|problem| problem.code != UNTRACED) {
        walker.analysis.problems.retain(|problem| problem.code != UNTRACED);
    }
    walker.analysis.shape = shape;
    walker.analysis.top_aliases = aliases;
    walker.analysis
}

/// The code of a column that leads to no table.
const UNTRACED: u16 = 311;

struct Walker<'a> {
    catalog: &'a Catalog,
    aggregates: &'a BTreeSet<String>,
    sets: &'a BTreeSet<String>,
    analysis: Analysis,
}

/// The names visible at one point.
#[derive(Default)]
struct Scope<'p> {
    items: Vec<Item>,
    ctes: BTreeMap<String, (SelectStmt, Vec<String>)>,
    parent: Option<&'p Scope<'p>>,
}

/// One item of FROM.
#[derive(Debug, Clone)]
pub(super) struct Item {
    visible: String,
    /// Its unique alias: of an occurrence or of a derived table.
    pub(super) unique: String,
    columns: Vec<String>,
    /// Sets of columns that are unique in it.
    pub(super) keys: Vec<Vec<String>>,
    /// Its region: a nullable one where it stands on the nullable side of an outer join.
    pub(super) region: RegionId,
}

impl Scope<'_> {
    fn cte(&self, name: &str) -> Option<&(SelectStmt, Vec<String>)> {
        self.ctes.get(name).or_else(|| self.parent?.cte(name))
    }

    fn item(&self, found: &dyn Fn(&Item) -> bool) -> Option<&Item> {
        self.items.iter().find(|item| found(item)).or_else(|| self.parent?.item(found))
    }

    fn column(&self, parts: &[&str]) -> Option<(&Item, String)> {
        match parts {
            [column] => {
                let item = self.item(&|item| item.columns.iter().any(|name| name == column))?;
                Some((item, (*column).to_owned()))
            }
            [.., relation, column] => {
                let item =
                    self.item(&|item| item.visible == *relation && item.columns.iter().any(|name| name == column))?;
                Some((item, (*column).to_owned()))
            }
            [] => None,
        }
    }
}

impl Walker<'_> {
    fn region(&mut self, parent: Option<RegionId>, nullable: bool) -> RegionId {
        self.analysis.regions.push(Region { parent, nullable });
        self.analysis.regions.len() - 1
    }

    fn refuse(&mut self, code: u16, message: impl Into<String>, hint: impl Into<String>, needle: impl Into<String>) {
        let problem = Problem { code, message: message.into(), hint: hint.into(), needle: needle.into() };
        if !self.analysis.problems.contains(&problem) {
            self.analysis.problems.push(problem);
        }
    }

    /// A whole query: WITH, then a set operation or a block.
    fn query(&mut self, select: &SelectStmt, outer: &Scope<'_>, region: RegionId) -> (Shape, BTreeMap<String, String>) {
        let mut scope = Scope { parent: Some(outer), ..Scope::default() };
        if let Some(with) = &select.with_clause {
            if with.recursive {
                self.refuse(
                    301,
                    "WITH RECURSIVE is not maintained yet",
                    "keep the closure in a table of its own, or wait for the issue on SQL breadth",
                    "recursive",
                );
                return (Shape::default(), BTreeMap::new());
            }
            for cte in &with.ctes {
                if let Some(NodeEnum::CommonTableExpr(cte)) = &cte.node
                    && let Some(NodeEnum::SelectStmt(query)) = cte.ctequery.as_ref().and_then(|node| node.node.as_ref())
                {
                    let names = names_of(&cte.aliascolnames);
                    scope.ctes.insert(cte.ctename.clone(), ((**query).clone(), names));
                }
            }
        }
        if select.op != SetOperation::SetopNone as i32 {
            return (self.set_operation(select, &scope, region), BTreeMap::new());
        }
        self.block(select, &mut scope, region)
    }

    fn set_operation(&mut self, select: &SelectStmt, scope: &Scope<'_>, region: RegionId) -> Shape {
        let (Some(left), Some(right)) = (&select.larg, &select.rarg) else { return Shape::default() };
        let left_region = self.region(Some(region), false);
        let (left_shape, _) = self.query(left, scope, left_region);
        let right_region = self.region(Some(region), false);
        let (right_shape, _) = self.query(right, scope, right_region);
        let limited = select.limit_count.is_some() || select.limit_offset.is_some();
        let mut outputs = left_shape.outputs;
        for (output, other) in outputs.iter_mut().zip(right_shape.outputs) {
            output.origins.extend(other.origins);
        }
        let everything: BTreeSet<usize> = (0..outputs.len()).collect();
        let unique = if select.all && select.op == SetOperation::SetopUnion as i32 {
            rowkey::of_union_all(&outputs, &left_shape.unique, &right_shape.unique)
        } else {
            vec![everything]
        };
        if limited {
            hide(&mut outputs);
        }
        Shape { outputs, unique, key: None, grouped: false, set_operation: true }
    }

    fn block(
        &mut self,
        select: &SelectStmt,
        scope: &mut Scope<'_>,
        region: RegionId,
    ) -> (Shape, BTreeMap<String, String>) {
        for item in &select.from_clause {
            self.item_of_from(item, scope, region);
        }
        for condition in build::conjuncts(select.where_clause.as_deref()) {
            self.condition(condition, scope, region);
        }
        for target in &select.target_list {
            self.expression(target, scope, region);
        }
        for group in &select.group_clause {
            self.expression(group, scope, region);
        }
        for other in select.having_clause.iter().map(|node| &**node).chain(&select.window_clause) {
            self.expression(other, scope, region);
        }
        for other in select.distinct_clause.iter().chain(&select.values_lists) {
            if other.node.is_some() {
                self.expression(other, scope, region);
            }
        }
        for sort in &select.sort_clause {
            self.sort_expression(sort, select, scope, region);
        }
        let aliases = scope.items.iter().map(|item| (item.visible.clone(), item.unique.clone())).collect();
        (self.shape(select, scope, region), aliases)
    }

    /// ORDER BY may name an output column, which is walked already.
    fn sort_expression(&mut self, sort: &Node, select: &SelectStmt, scope: &Scope<'_>, region: RegionId) {
        if let Some(NodeEnum::SortBy(by)) = &sort.node
            && let Some(parts) = by.node.as_ref().and_then(|node| build::column_parts(node))
            && parts.len() == 1
            && select.target_list.iter().any(|target| target_name(target) == Some(parts[0]))
        {
            return;
        }
        self.expression(sort, scope, region);
    }

    fn item_of_from(&mut self, node: &Node, scope: &mut Scope<'_>, region: RegionId) {
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
        if ["headwater", "headwater_resolve"].contains(&schema) {
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

    fn unique_alias(&self, alias: &str) -> String {
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

    /// A term that must hold: remembers equalities, and walks what is under it.
    fn condition(&mut self, node: &Node, scope: &Scope<'_>, region: RegionId) {
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
    fn expression(&mut self, node: &Node, scope: &Scope<'_>, region: RegionId) {
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

    fn mark_used(&mut self, item: &Item, column: &str) {
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
    fn plain(&self, node: &Node, scope: &Scope<'_>) -> Option<Expr> {
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

    fn aggregated(&self, node: &Node) -> bool {
        is_aggregated(node, self.aggregates)
    }

    /// True where the expression calls a set-returning function.
    fn multiplies(&self, node: &Node) -> bool {
        visit::any_here(
            node,
            &|node| matches!(node, NodeEnum::FuncCall(call) if self.sets.contains(build::last_name(&call.funcname))),
        )
    }

    /// What the block yields.
    fn shape(&mut self, select: &SelectStmt, scope: &Scope<'_>, region: RegionId) -> Shape {
        let targets: Vec<(String, &Node)> = select
            .target_list
            .iter()
            .filter_map(|target| match &target.node {
                Some(NodeEnum::ResTarget(target)) => Some((output_name(target), target.val.as_deref()?)),
                _ => None,
            })
            .collect();
        if !select.values_lists.is_empty() {
            let width = match select.values_lists.first().and_then(|row| row.node.as_ref()) {
                Some(NodeEnum::List(row)) => row.items.len(),
                _ => 0,
            };
            let outputs = (1..=width).map(|n| opaque_output(&format!("column{n}"), region)).collect();
            return Shape { outputs, ..Shape::default() };
        }
        let grouped_by: Vec<Expr> =
            select.group_clause.iter().filter_map(|group| self.plain(&ordinal(group, &targets), scope)).collect();
        let grouped = !select.group_clause.is_empty()
            || select.having_clause.is_some()
            || targets.iter().any(|(_, value)| self.aggregated(value));
        let partitions = partitions(select, &targets);
        let limited = select.limit_count.is_some() || select.limit_offset.is_some();
        let distinct_on: Vec<Expr> = select
            .distinct_clause
            .iter()
            .filter(|node| node.node.is_some())
            .filter_map(|node| self.plain(&ordinal(node, &targets), scope))
            .collect();
        let distinct = !select.distinct_clause.is_empty();
        let determined = grouped.then(|| self.with_determined(&grouped_by, scope));
        let outputs: Vec<Output> = targets
            .iter()
            .map(|(name, value)| {
                let expr = self.plain(value, scope).filter(|expr| {
                    !limited
                        && (distinct || !self.multiplies(value))
                        && determined.as_ref().is_none_or(|known| known.composes(expr.node()))
                        && (distinct_on.is_empty() || Known::of(&distinct_on).composes(expr.node()))
                        && partitions.as_ref().is_none_or(|sets| {
                            sets.iter().all(|set| {
                                let exprs: Vec<Expr> = set.iter().filter_map(|node| self.plain(node, scope)).collect();
                                Known::of(&exprs).composes(expr.node())
                            })
                        })
                });
                let not_null = expr.as_ref().is_some_and(|expr| self.never_null(expr));
                Output { name: name.clone(), origins: vec![Origin { region, expr, not_null }] }
            })
            .collect();
        let key = if !distinct_on.is_empty() {
            Some(distinct_on)
        } else if distinct {
            outputs.iter().map(|output| output.origins[0].expr.clone()).collect()
        } else if grouped {
            (grouped_by.len() == select.group_clause.len()).then_some(grouped_by)
        } else {
            rowkey::of_items(&scope.items, &self.analysis)
        };
        let mut unique: Vec<BTreeSet<usize>> = Vec::new();
        if let Some(key) = &key {
            let positions: Option<BTreeSet<usize>> = key
                .iter()
                .map(|expr| targets.iter().position(|(_, value)| self.plain(value, scope).as_ref() == Some(expr)))
                .collect();
            unique.extend(positions);
        }
        // One source row may give several result rows: nothing that identifies the one identifies the other.
        let multiplied = !distinct && targets.iter().any(|(_, value)| self.multiplies(value));
        let key = key.filter(|_| !multiplied);
        if multiplied {
            unique.clear();
        }
        if limit_is_one(select) {
            unique.push(BTreeSet::new());
        }
        Shape { outputs, unique, key, grouped: grouped || distinct, set_operation: false }
    }

    /// The grouping expressions, and the tables whose key is among them: their other columns are fixed as well.
    fn with_determined(&self, grouped_by: &[Expr], scope: &Scope<'_>) -> Known {
        let mut known = Known::of(grouped_by);
        for item in &scope.items {
            let fixed = item.keys.iter().any(|key| {
                !key.is_empty() && key.iter().all(|column| grouped_by.contains(&Expr::column(&item.unique, column)))
            });
            if fixed && self.analysis.occurrence(&item.unique).is_some() {
                known.relations.insert(item.unique.clone());
            }
        }
        known
    }

    fn never_null(&self, expr: &Expr) -> bool {
        if let Some((relation, column)) = expr.as_column()
            && let Some(derived) = self.analysis.derived.get(relation)
        {
            let output = derived.outputs.iter().find(|output| output.name == column);
            return output.is_some_and(|output| output.origins.iter().all(|origin| origin.not_null));
        }
        let composed = expr.as_column().is_none();
        nulls::never_null(expr.node(), &|relation, column| {
            let Some(id) = self.analysis.occurrence(relation) else { return false };
            let occurrence = &self.analysis.occurrences[id];
            let declared =
                Ident::new(column).ok().and_then(|column| self.catalog.tables.get(&occurrence.table)?.column(&column));
            declared.is_some_and(|column| column.not_null && !(composed && column.ty.sql.contains('.')))
                && self.analysis.nullable_around(occurrence.region).is_empty()
        })
    }
}

/// True for the view over a model table.
fn is_model(definition: &str) -> bool {
    let Ok(select) = tree::parse_select(definition) else { return false };
    matches!(select.from_clause.as_slice(), [Node { node: Some(NodeEnum::RangeVar(range)) }] if range.schemaname == "headwater")
}

/// Whether a NULL among the values of `IN` can be told from an absent one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nulls {
    Harmless,
    Matter,
}

/// Expressions whose values are fixed within a group.
struct Known {
    exprs: BTreeSet<Expr>,
    relations: BTreeSet<String>,
}

impl Known {
    fn of(exprs: &[Expr]) -> Self {
        Self { exprs: exprs.iter().cloned().collect(), relations: BTreeSet::new() }
    }

    /// True where the node is made of known expressions and constants only.
    fn composes(&self, node: &Node) -> bool {
        if self.exprs.contains(&Expr::new(node.clone())) {
            return true;
        }
        if let Some(parts) = build::column_parts(node) {
            return parts.len() == 2 && self.relations.contains(parts[0]);
        }
        let mut all = true;
        visit::children(node, &mut |child| all = all && self.composes(child));
        all
    }
}

/// True where the expression calls an aggregate of this very block.
#[must_use]
pub fn is_aggregated(node: &Node, aggregates: &BTreeSet<String>) -> bool {
    visit::any_here(node, &|node| match node {
        NodeEnum::FuncCall(call) => {
            call.over.is_none()
                && (call.agg_star
                    || call.agg_within_group
                    || call.agg_filter.is_some()
                    || !call.agg_order.is_empty()
                    || call.agg_distinct
                    || aggregates.contains(build::last_name(&call.funcname)))
        }
        NodeEnum::JsonObjectAgg(_) | NodeEnum::JsonArrayAgg(_) => true,
        _ => false,
    })
}

/// True where the expression calls a window function of this very block.
#[must_use]
pub fn windowed(node: &Node) -> bool {
    visit::any_here(node, &|node| matches!(node, NodeEnum::FuncCall(call) if call.over.is_some()))
}

/// A target's name: its alias, or the column it is.
#[must_use]
pub fn output_name(target: &pg_query::protobuf::ResTarget) -> String {
    if !target.name.is_empty() {
        return target.name.clone();
    }
    let value = target.val.as_deref();
    value
        .and_then(build::column_parts)
        .and_then(|parts| parts.last().map(|name| (*name).to_owned()))
        .or_else(|| match value.and_then(|value| value.node.as_ref()) {
            Some(NodeEnum::FuncCall(call)) => Some(build::last_name(&call.funcname).to_owned()),
            _ => None,
        })
        .unwrap_or_else(|| "?column?".to_owned())
}

fn target_name(target: &Node) -> Option<&str> {
    match &target.node {
        Some(NodeEnum::ResTarget(target)) if !target.name.is_empty() => Some(&target.name),
        _ => None,
    }
}

fn opaque_output(name: &str, region: RegionId) -> Output {
    Output { name: name.to_owned(), origins: vec![Origin { region, expr: None, not_null: false }] }
}

fn hide(outputs: &mut [Output]) {
    for origin in outputs.iter_mut().flat_map(|output| &mut output.origins) {
        origin.expr = None;
    }
}

fn names_of(nodes: &[Node]) -> Vec<String> {
    build::strings(nodes).unwrap_or_default().into_iter().map(str::to_owned).collect()
}

/// `GROUP BY 2` means the second target, and so does `GROUP BY name`.
fn ordinal(node: &Node, targets: &[(String, &Node)]) -> Node {
    if let Some(NodeEnum::AConst(constant)) = &node.node
        && let Some(pg_query::protobuf::a_const::Val::Ival(number)) = &constant.val
        && let Some((_, value)) = usize::try_from(number.ival).ok().and_then(|n| targets.get(n.wrapping_sub(1)))
    {
        return (*value).clone();
    }
    node.clone()
}

/// The PARTITION BY lists of the block's window functions; `None` where it has none.
fn partitions(select: &SelectStmt, targets: &[(String, &Node)]) -> Option<Vec<Vec<Node>>> {
    let mut found = Vec::new();
    for (_, value) in targets {
        collect_partitions(value, select, &mut found);
    }
    (!found.is_empty()).then_some(found)
}

fn collect_partitions(node: &Node, select: &SelectStmt, found: &mut Vec<Vec<Node>>) {
    if let Some(NodeEnum::FuncCall(call)) = &node.node
        && let Some(over) = &call.over
    {
        let named = [&over.name, &over.refname].into_iter().find(|name| !name.is_empty());
        let definition = named.and_then(|name| {
            select.window_clause.iter().find_map(|window| match &window.node {
                Some(NodeEnum::WindowDef(window)) if window.name == *name => Some(&**window),
                _ => None,
            })
        });
        found.push(definition.unwrap_or(over).partition_clause.clone());
    }
    if !matches!(&node.node, Some(NodeEnum::SubLink(_))) {
        visit::children(node, &mut |child| collect_partitions(child, select, found));
    }
}

fn limit_is_one(select: &SelectStmt) -> bool {
    select.limit_count.as_deref().is_some_and(|count| Expr::new(count.clone()).text() == "1")
}
