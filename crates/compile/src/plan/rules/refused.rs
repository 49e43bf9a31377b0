//! What is refused for good: results that depend on more than the rows of source tables and the clock.

use headwater_catalog::{FunctionUse, Resolution, Volatility};
use pg_query::NodeEnum;
use pg_query::protobuf::SelectStmt;

use crate::analyze::time;
use crate::plan::{MaintenancePlan, Refusal};
use crate::tree::visit;

/// Stable functions of `pg_catalog` whose result is a table's content.
const TABLE_READERS: &[&str] = &[
    "query_to_xml",
    "table_to_xml",
    "schema_to_xml",
    "database_to_xml",
    "cursor_to_xml",
    "query_to_xml_and_xmlschema",
    "table_to_xml_and_xmlschema",
    "pg_relation_size",
    "pg_total_relation_size",
    "pg_table_size",
    "obj_description",
    "col_description",
    "shobj_description",
    "pg_get_viewdef",
    "pg_current_snapshot",
    "txid_current_snapshot",
    "pg_last_xact_replay_timestamp",
    "has_table_privilege",
    "pg_has_role",
];

/// Stable functions that read the clock alone.
const CLOCK: &[&str] = &["now", "transaction_timestamp", "statement_timestamp", "current_timestamp"];

/// `||` of a text and something else: STABLE and written in SQL, but all they do is to print their argument.
const CONCATENATION: &[&str] = &["textanycat", "anytextcat"];

/// Functions that no model can call.
#[must_use]
pub fn functions(resolution: &Resolution) -> Vec<Refusal> {
    resolution.functions.iter().filter_map(function).collect()
}

fn function(function: &FunctionUse) -> Option<Refusal> {
    let name = if function.schema == "pg_catalog" {
        function.name.clone()
    } else {
        format!("{}.{}", function.schema, function.name)
    };
    if function.volatility == Volatility::Volatile {
        return Some(Refusal::new(
            320,
            format!(
                "{name} is VOLATILE: it may give another result at every call, so no stored row could equal its SELECT"
            ),
            "store the value in a column of a source table, or declare the function STABLE or IMMUTABLE if that is what it is",
            function.name.clone(),
        ));
    }
    let concatenates = function.schema == "pg_catalog" && CONCATENATION.contains(&function.name.as_str());
    if function.volatility == Volatility::Immutable || concatenates {
        return None;
    }
    let native = ["internal", "c"].contains(&function.language.as_str());
    let reads = if native { TABLE_READERS.contains(&function.name.as_str()) } else { may_read_tables(function) };
    reads.then(|| {
        Refusal::new(
            321,
            format!("{name} is STABLE and written in {}: tables that it may read are hidden, and their changes would be missed", function.language),
            "write what it reads into the SELECT, or declare it IMMUTABLE if it reads no table",
            function.name.clone(),
        )
    })
}

fn may_read_tables(function: &FunctionUse) -> bool {
    if function.language != "sql" {
        return true;
    }
    let Ok(parsed) = pg_query::parse(&function.source, 0) else { return true };
    parsed.protobuf.stmts.iter().filter_map(|raw| raw.stmt.as_deref()).any(|statement| {
        visit::any(statement, &|node| matches!(node, NodeEnum::RangeVar(_) | NodeEnum::FuncCall(_)))
            || visit::first_unknown(statement).is_some()
    })
}

/// Constructs that no model can hold.
#[must_use]
pub fn expressions(select: &SelectStmt) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    visit::select_children(select, &mut |child| {
        if visit::any(child, &time::is_session) {
            refusals.push(Refusal::new(
                322,
                "the SELECT reads who is asking (current_user, current_setting, …), so it has no one result to keep",
                "keep a column with the owner, and filter when reading",
                "",
            ));
        }
    });
    let mut grouping_sets = false;
    visit::select_children(select, &mut |child| {
        grouping_sets = grouping_sets || visit::any(child, &|node| matches!(node, NodeEnum::GroupingSet(_)));
    });
    if grouping_sets {
        refusals.push(Refusal::new(
            302,
            "GROUPING SETS, ROLLUP and CUBE are not maintained yet",
            "write one model per grouping, or a UNION ALL of them",
            "group by",
        ));
    }
    if !select.locking_clause.is_empty() {
        refusals.push(Refusal::new(
            323,
            "FOR UPDATE and FOR SHARE have no meaning in a model",
            "leave them out",
            "for",
        ));
    }
    refusals.dedup();
    refusals
}

/// Source columns whose names generated SQL may use for its own.
pub fn reserved_columns(plan: &MaintenancePlan) -> Result<(), Refusal> {
    let columns = plan.analysis.occurrences.iter().flat_map(|occurrence| &occurrence.columns);
    match columns.into_iter().find(|name| name.as_str().starts_with("hw_")) {
        Some(name) => Err(Refusal::new(
            409,
            format!("a source table's column is called {name}; names that begin with hw_ are Headwater's own"),
            "rename the column, or leave it out of the model",
            name.as_str(),
        )),
        None => Ok(()),
    }
}

/// Settings on which the result depends, with the values that the model's functions pin.
#[must_use]
pub fn pinned_settings(resolution: &Resolution) -> Vec<(String, String)> {
    let depends = resolution
        .functions
        .iter()
        .any(|function| function.volatility == Volatility::Stable && !CLOCK.contains(&function.name.as_str()));
    if depends { text_settings() } else { Vec::new() }
}

/// The settings on which the text of a value depends, with the values that functions pin.
#[must_use]
pub fn text_settings() -> Vec<(String, String)> {
    [("timezone", "UTC"), ("datestyle", "ISO, MDY"), ("intervalstyle", "postgres"), ("extra_float_digits", "1")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
}
