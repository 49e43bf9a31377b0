//! An eventual model's rebuild: everything is computed once, and only what differs is written. For the diff tier, after TRUNCATE,
//! when a model is healed, and where a large part of the keys is affected.

use super::maintain::{GONE_FIRST, add, kept, one_row_a_key};
use super::names::Names;
use super::sql::{function, indent, matches_row, quoted};
use crate::output::Statement;
use crate::plan::MaintenancePlan;

/// `rebuild()`, which gives how many rows it wrote, and its signature.
#[must_use]
pub fn function_of(plan: &MaintenancePlan, names: &Names) -> (Statement, String) {
    let Write { with, rows } = match (plan.only_adds(), plan.key.unique) {
        (true, _) => {
            let added = add(plan, names, &format!("SELECT * FROM {}", names.core));
            Write {
                with: format!("added AS (\n{}\n  RETURNING 1\n)", indent(&added, 2)),
                rows: "(SELECT count(*) FROM added)".to_owned(),
            }
        }
        (false, true) => rows(plan, names),
        (false, false) => bags(plan, names),
    };
    let body = format!(
        "#variable_conflict use_column\n-- Headwater, {table}: computes everything and writes what differs; gives how many rows.\nDECLARE\n  hw_written bigint;\nBEGIN\n  WITH {with}\n  SELECT {rows} INTO hw_written;\n  RETURN hw_written;\nEND",
        table = names.table,
        with = indent(&with, 2).trim_start(),
    );
    let head = format!("{}() RETURNS bigint LANGUAGE plpgsql", names.rebuild);
    let mut settings = plan.pinned.clone();
    settings.push(("search_path".to_owned(), "pg_catalog".to_owned()));
    settings.extend(
        ["enable_seqscan", "enable_hashjoin", "enable_mergejoin"].map(|name| (name.to_owned(), "on".to_owned())),
    );
    settings.push(("plan_cache_mode".to_owned(), "force_custom_plan".to_owned()));
    settings.push(("jit".to_owned(), "off".to_owned()));
    (function(&head, &settings, &body, "computes everything and writes what differs"), format!("{}()", names.rebuild))
}

/// The CTEs that write, and how many rows they wrote.
struct Write {
    with: String,
    rows: String,
}

/// Rows with a unique key. Of an event log only the columns that follow are updated.
fn rows(plan: &MaintenancePlan, names: &Names) -> Write {
    let all: Vec<String> = plan.columns.iter().map(|name| quoted(name)).collect();
    let following: Vec<String> = plan.following().into_iter().map(quoted).collect();
    let of = |columns: &[String], alias: &str| {
        columns.iter().map(|name| format!("{alias}.{name}")).collect::<Vec<_>>().join(", ")
    };
    let (f_m, m_f) = (same_key(plan, "f", "m"), same_key(plan, "m", "f"));
    let (core, table) = (&names.core, &names.table);
    let mut steps = vec![
        ("fresh", format!("SELECT * FROM {core}")),
        ("gone", format!("DELETE FROM {table} AS m WHERE NOT EXISTS (SELECT FROM fresh AS f WHERE {f_m}) RETURNING 1")),
    ];
    if !following.is_empty() {
        let set = following.iter().map(|name| format!("{name} = f.{name}")).collect::<Vec<_>>().join(", ");
        steps.push((
            "altered",
            format!(
                "UPDATE {table} AS m SET {set}\nFROM fresh AS f\nWHERE {m_f}\n  AND ROW({old})::record OPERATOR(pg_catalog.*<>) ROW({new})::record\n  AND {GONE_FIRST}\nRETURNING 1",
                old = of(&following, "m"),
                new = of(&following, "f"),
            ),
        ));
    }
    let altered_first = if following.is_empty() { "" } else { "\n  AND (SELECT count(*) FROM altered) >= 0" };
    steps.push((
        "added",
        format!(
            "INSERT INTO {table} ({list})\nSELECT {new} FROM fresh AS f\nWHERE NOT EXISTS (SELECT FROM {table} AS m WHERE {m_f}){kept}\n  AND {GONE_FIRST}{altered_first}{one_row_a_key}\nRETURNING 1",
            list = all.join(", "),
            new = of(&all, "f"),
            kept = kept(plan, "f").map(|kept| format!("\n  AND {kept}")).unwrap_or_default(),
            one_row_a_key = one_row_a_key(plan, names),
        ),
    ));
    let with: Vec<String> = steps
        .iter()
        .map(|(name, query)| {
            let materialized = if *name == "fresh" { " MATERIALIZED" } else { "" };
            format!("{name} AS{materialized} (\n{}\n)", indent(query, 2))
        })
        .collect();
    let written: Vec<String> = steps.iter().skip(1).map(|(name, _)| format!("(SELECT count(*) FROM {name})")).collect();
    Write { with: with.join(", "), rows: written.join(" + ") }
}

/// Rows that share a key: all of a key's rows are replaced where they differ as a multiset.
fn bags(plan: &MaintenancePlan, names: &Names) -> Write {
    let stored: Vec<String> = plan.columns.iter().map(|name| quoted(name)).collect();
    let row = |alias: &str| {
        let list = stored.iter().map(|name| format!("{alias}.{name}")).collect::<Vec<_>>().join(", ");
        format!("ROW({list})::text")
    };
    let side = |from: &str| {
        format!(
            "SELECT {key} AS k, array_agg({row} ORDER BY {row}) AS r FROM {from} AS x GROUP BY 1",
            key = key_text(plan, "x"),
            row = row("x")
        )
    };
    let with = format!(
        "fresh AS MATERIALIZED (\n  SELECT * FROM {core}\n), differing AS MATERIALIZED (\n  SELECT k FROM ({new}) AS n FULL JOIN ({old}) AS o USING (k)\n  WHERE n.r IS DISTINCT FROM o.r\n), gone AS (\n  DELETE FROM {table} AS m USING differing AS d WHERE {m_key} = d.k RETURNING 1\n), added AS (\n  INSERT INTO {table} ({list})\n  SELECT {chosen} FROM fresh AS f JOIN differing AS d ON {f_key} = d.k\n  WHERE {GONE_FIRST}\n  RETURNING 1\n)",
        core = names.core,
        new = side("fresh"),
        old = side(&names.table.to_string()),
        table = names.table,
        m_key = key_text(plan, "m"),
        f_key = key_text(plan, "f"),
        list = stored.join(", "),
        chosen = stored.iter().map(|name| format!("f.{name}")).collect::<Vec<_>>().join(", "),
    );
    Write { with, rows: "(SELECT count(*) FROM gone) + (SELECT count(*) FROM added)".to_owned() }
}

/// A condition that the server can hash: equality, or where a key may be NULL, the text of the whole key.
fn same_key(plan: &MaintenancePlan, one: &str, other: &str) -> String {
    if plan.key.columns.iter().all(|column| column.not_null) {
        matches_row(&plan.key.columns, one, other)
    } else {
        format!("{} = {}", key_text(plan, one), key_text(plan, other))
    }
}

fn key_text(plan: &MaintenancePlan, alias: &str) -> String {
    let list: Vec<String> = plan.key.columns.iter().map(|column| format!("{alias}.{}", quoted(&column.name))).collect();
    format!("ROW({})::text", list.join(", "))
}
