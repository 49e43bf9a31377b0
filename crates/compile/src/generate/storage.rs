//! A version's views, table, key type and indexes.

use std::collections::{BTreeMap, BTreeSet};

use headwater_catalog::{Catalog, Ident, ident::short_hash};
use pg_query::NodeEnum;
use pg_query::protobuf::{IndexElem, Node, RangeVar};

use super::names::Names;
use super::sql::{attribute, quoted};
use crate::output::Statement;
use crate::parse::{ParsedIndex, ParsedModel};
use crate::plan::MaintenancePlan;
use crate::tree::{build, print, visit};

/// Changes whenever the generated objects change for the same model text.
const FORMAT: &str = "9";

/// Eight hexadecimal digits over everything that the version's objects depend on.
#[must_use]
pub fn version(parsed: &ParsedModel, plan: &MaintenancePlan, catalog: &Catalog) -> String {
    let key = format!("{:?}", plan.key);
    let views = plan.analysis.views.iter().filter_map(|name| Some(catalog.views.get(name)?.definition.clone()));
    let reads: Vec<String> = views.chain(plan.sides.iter().map(|(table, _)| table.to_string())).collect();
    short_hash(&[
        FORMAT,
        &parsed.name.to_string(),
        &parsed.text,
        &print::select_on_one_line(&plan.definition),
        &print::select_on_one_line(&plan.core_view),
        &key,
        &format!("{:?}", (&plan.pinned, plan.mode, &plan.retain, &plan.keep)),
        &reads.join(";"),
    ])
}

/// Creates the version's relations; with notes about declared indexes that are served in another way.
#[must_use]
pub fn statements(
    parsed: &ParsedModel,
    plan: &MaintenancePlan,
    names: &Names,
    catalog: &Catalog,
) -> (Vec<Statement>, Vec<String>) {
    let model = parsed.name.short();
    let mut statements = vec![
        Statement::new("SET LOCAL search_path = pg_catalog".to_owned(), "names below mean what the server settled"),
        Statement::new(
            format!("CREATE VIEW {} AS\n{}", names.full, print::select(&plan.definition)),
            &format!("{model}: the whole SELECT, ties decided; what verify compares with"),
        ),
        Statement::new(
            format!("CREATE VIEW {} AS\n{}", names.core, print::select(&plan.core_view)),
            &format!("{model}: the stored part of the SELECT"),
        ),
        Statement::new(
            format!(
                "CREATE TABLE {} WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05) AS\nSELECT * FROM {}\nWITH NO DATA",
                names.table, names.core
            ),
            &format!("{model}: the model table"),
        ),
    ];
    if plan.has_mark() {
        statements.push(Statement::new(
            format!("ALTER TABLE {} ADD COLUMN hw_mark timestamptz", names.table),
            "when a statement recomputed the row, so that the same statement's arithmetic leaves it alone",
        ));
    }
    let attributes: Vec<String> = plan
        .key
        .columns
        .iter()
        .enumerate()
        .map(|(position, column)| format!("{} {}", attribute(position), column.ty.sql))
        .collect();
    statements.push(Statement::new(
        format!("CREATE TYPE {} AS ({})", names.key_type, attributes.join(", ")),
        "the key's columns",
    ));
    statements.push(Statement::new(
        "SET LOCAL search_path TO DEFAULT".to_owned(),
        "operator classes of extensions are found as where the index was declared",
    ));
    let (indexes, notes) = indexes(parsed, plan, names, catalog);
    statements.extend(indexes);
    statements.extend(super::live::statements(plan, names));
    (statements, notes)
}

/// True where the database can keep the key unique by an index of its own.
#[must_use]
pub fn has_unique_index(plan: &MaintenancePlan, server_version: u32) -> bool {
    plan.key.unique && (server_version >= 150_000 || plan.key.columns.iter().all(|column| column.not_null))
}

fn indexes(
    parsed: &ParsedModel,
    plan: &MaintenancePlan,
    names: &Names,
    catalog: &Catalog,
) -> (Vec<Statement>, Vec<String>) {
    let mut statements = Vec::new();
    let mut notes = Vec::new();
    let key: Vec<&str> = plan.key.columns.iter().map(|column| column.name.as_str()).collect();
    let not_null = plan.key.columns.iter().all(|column| column.not_null);
    let declared = plan.key.unique
        && not_null
        && parsed.indexes.iter().any(|index| {
            let columns: Vec<&str> = index.columns.iter().flatten().map(Ident::as_str).collect();
            index.unique && !index.has_predicate && columns == key
        });
    if !declared {
        let columns: Vec<String> = key.iter().map(|name| quoted(name)).collect();
        let unique = has_unique_index(plan, catalog.server_version);
        let distinct = if unique && !not_null { " NULLS NOT DISTINCT" } else { "" };
        statements.push(Statement::new(
            format!(
                "CREATE {}INDEX {} ON {} ({}){distinct}",
                if unique { "UNIQUE " } else { "" },
                names.index(&format!("{}_key", parsed.name.name.as_str())),
                names.table,
                columns.join(", ")
            ),
            "finds a row by its key",
        ));
    }
    for (number, index) in parsed.indexes.iter().enumerate() {
        match declared_index(index, &index_stem(parsed, number), plan, names) {
            Ok(statement) => statements.push(statement),
            Err(note) => notes.push(note),
        }
    }
    if let Some(statement) = order_index(parsed, plan, names) {
        statements.push(statement);
    }
    if let Some((column, _)) = &plan.keep {
        statements.push(Statement::new(
            format!(
                "CREATE INDEX {} ON {} ({})",
                names.index(&format!("{}_keep", parsed.name.name.as_str())),
                names.table,
                quoted(column)
            ),
            "finds the rows that are too old",
        ));
    }
    if let Some(due) = &plan.due {
        statements.push(Statement::new(
            format!(
                "CREATE INDEX {} ON {} ({due}) WHERE {due} IS NOT NULL",
                names.index(&format!("{}_due", parsed.name.name.as_str())),
                names.table
            ),
            "finds the rows that are due",
        ));
    }
    (statements, notes)
}

/// What an index is called: as declared, else after the model, with a number from the second nameless one on.
fn index_stem(parsed: &ParsedModel, number: usize) -> String {
    if let Some(name) = &parsed.indexes[number].name {
        return name.as_str().to_owned();
    }
    let model = parsed.name.name.as_str();
    match parsed.indexes[..number].iter().filter(|index| index.name.is_none()).count() {
        0 => format!("{model}_index"),
        before => format!("{model}_index{}", before + 1),
    }
}

fn declared_index(index: &ParsedIndex, stem: &str, plan: &MaintenancePlan, names: &Names) -> Result<Statement, String> {
    let stored: BTreeSet<&str> = plan.columns.iter().map(String::as_str).collect();
    let ordered: BTreeMap<&str, &str> =
        plan.finish.ordered_by.iter().map(|(name, stored)| (name.as_str(), stored.as_str())).collect();
    let mut stmt = index.stmt.clone();
    let shown = index.name.as_ref().map_or_else(|| index.text.clone(), |name| name.as_str().to_owned());
    let unserved = |column: &str| {
        format!(
            "{shown}: {column} is computed at read time, so there is nothing to index; pages in that order use the order's own index"
        )
    };
    for param in &mut stmt.index_params {
        let Some(NodeEnum::IndexElem(element)) = &mut param.node else { continue };
        map_element(element, &stored, &ordered).map_err(|column| unserved(&column))?;
    }
    let mut missing = None;
    for node in stmt.where_clause.iter_mut().map(|node| &mut **node) {
        visit::rewrite(node, &mut |node| {
            let column = build::column_parts(node)?.last().map(|name| (*name).to_owned())?;
            if !stored.contains(column.as_str()) {
                missing = Some(column.clone());
            }
            Some(build::column(&[&column]))
        });
    }
    if let Some(column) = missing {
        return Err(unserved(&column));
    }
    stmt.idxname = names.index(stem).as_str().to_owned();
    stmt.relation = Some(RangeVar {
        schemaname: names.table.schema.as_str().to_owned(),
        relname: names.table.name.as_str().to_owned(),
        inh: true,
        relpersistence: "p".to_owned(),
        ..RangeVar::default()
    });
    stmt.concurrent = false;
    stmt.if_not_exists = false;
    let sql = print::statement(NodeEnum::IndexStmt(Box::new(stmt)));
    Ok(Statement::new(sql, &format!("declared as {shown}")))
}

fn map_element(element: &mut IndexElem, stored: &BTreeSet<&str>, ordered: &BTreeMap<&str, &str>) -> Result<(), String> {
    if !element.name.is_empty() {
        if let Some(column) = ordered.get(element.name.as_str()) {
            element.name = (*column).to_owned();
        } else if !stored.contains(element.name.as_str()) {
            return Err(element.name.clone());
        }
        // Extensions' operator classes live in schemas that the build's search_path leaves out.
        return Ok(());
    }
    let mut missing = None;
    if let Some(expr) = &mut element.expr {
        visit::rewrite(expr, &mut |node| {
            let column = build::column_parts(node)?.last().map(|name| (*name).to_owned())?;
            if !stored.contains(column.as_str()) {
                missing = Some(column.clone());
            }
            Some(build::column(&[&column]))
        });
    }
    missing.map_or(Ok(()), Err)
}

/// An index in the order that the finish needs, where it numbers or limits rows.
fn order_index(parsed: &ParsedModel, plan: &MaintenancePlan, names: &Names) -> Option<Statement> {
    let windows: Vec<Vec<Node>> = window_orders(plan);
    let order = windows.into_iter().find(|order| !order.is_empty()).or_else(|| {
        (plan.finish.limit.is_some() && !plan.finish.order.is_empty()).then(|| plan.finish.order.clone())
    })?;
    let stored: BTreeSet<&str> = plan.columns.iter().map(String::as_str).collect();
    let columns: Option<Vec<String>> = order
        .iter()
        .map(|sort| {
            let Some(NodeEnum::SortBy(by)) = &sort.node else { return None };
            let parts = build::column_parts(by.node.as_deref()?)?;
            let [column] = parts.as_slice() else { return None };
            let text = print::sort(sort);
            stored.contains(column).then_some(text)
        })
        .collect();
    Some(Statement::new(
        format!(
            "CREATE INDEX {} ON {} ({})",
            names.index(&format!("{}_order", parsed.name.name.as_str())),
            names.table,
            columns?.join(", ")
        ),
        "the order in which rows are numbered and cut off",
    ))
}

fn window_orders(plan: &MaintenancePlan) -> Vec<Vec<Node>> {
    fn collect(node: &Node, found: &mut Vec<Vec<Node>>) {
        if let Some(NodeEnum::FuncCall(call)) = &node.node
            && let Some(over) = &call.over
            && over.partition_clause.is_empty()
        {
            found.push(over.order_clause.clone());
        }
        visit::children(node, &mut |child| collect(child, found));
    }
    let mut found = Vec::new();
    for (_, target) in &plan.finish.targets {
        collect(target, &mut found);
    }
    found
}

/// The SELECT behind the public view.
#[must_use]
pub fn finish(plan: &MaintenancePlan, names: &Names) -> String {
    let targets = plan.finish.targets.iter().map(|(name, value)| build::target(value.clone(), name)).collect();
    let mut select = build::select(targets);
    select.from_clause = vec![build::node(NodeEnum::RangeVar(RangeVar {
        schemaname: names.table.schema.as_str().to_owned(),
        relname: names.table.name.as_str().to_owned(),
        inh: true,
        relpersistence: "p".to_owned(),
        ..RangeVar::default()
    }))];
    select.where_clause = build::conjunction(plan.finish.conditions.clone()).map(Box::new);
    select.sort_clause.clone_from(&plan.finish.order);
    select.window_clause.clone_from(&plan.finish.windows);
    select.limit_count = plan.finish.limit.clone().map(Box::new);
    select.limit_offset = plan.finish.offset.clone().map(Box::new);
    if select.limit_count.is_some() {
        select.limit_option = pg_query::protobuf::LimitOption::Count as i32;
    }
    print::select(&select)
}
