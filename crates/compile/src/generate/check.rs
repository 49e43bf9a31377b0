//! A version's functions: fill, compare, sample, repair. They pin the same settings as recomputing does, so that both sides of
//! a comparison are computed alike.

use super::maintain::kept;
use super::names::Names;
use super::sql::{attribute, function, indent, key_lock_id, matches_row, quoted};
use crate::output::Statement;
use crate::parse::Mode;
use crate::plan::MaintenancePlan;
use crate::tree::print;

/// All of them.
#[must_use]
pub fn functions(plan: &MaintenancePlan, names: &Names) -> Vec<Statement> {
    let mut functions = vec![fill(plan, names), compare(plan, names), sample(plan, names)];
    if plan.mode == Mode::Realtime {
        functions.push(repair(plan, names));
    }
    functions
        .into_iter()
        .flat_map(|(statement, signature)| {
            let revoke =
                Statement::new(format!("REVOKE ALL ON FUNCTION {signature} FROM PUBLIC"), "only Headwater calls it");
            [statement, revoke]
        })
        .collect()
}

/// The boundaries between ranges of the first key column, where it is a plain column of a table.
#[must_use]
pub fn boundaries(plan: &MaintenancePlan) -> Option<String> {
    let first = plan.key.columns.first().filter(|column| !column.origins.is_empty())?;
    let sources: Option<Vec<String>> = first
        .origins
        .iter()
        .map(|(region, expr)| {
            let expr = crate::analyze::provenance::substitute(&plan.analysis, expr, *region)?;
            let (alias, column) = expr.as_column()?;
            let occurrence = &plan.analysis.occurrences[plan.analysis.occurrence(alias)?];
            Some(format!("SELECT {} AS k FROM {}", quoted(column), occurrence.table))
        })
        .collect();
    Some(format!(
        "SELECT q.k::text\nFROM (\n  SELECT d.k, row_number() OVER (ORDER BY d.k) AS n\n  FROM (SELECT DISTINCT s.k FROM ({}) AS s WHERE s.k IS NOT NULL) AS d\n) AS q\nWHERE q.n % $1::bigint = 0\nORDER BY q.k",
        sources?.join(" UNION ALL ")
    ))
}

/// One range in one REPEATABLE READ transaction. Keys that triggers have already maintained are left alone; then the filled
/// keys are locked: a writer who recomputed one of them since this transaction's snapshot has bumped its lock, and the bump
/// fails with 40001, so the range is done again. An eventual model's range is filled within a batch, which is alone with it.
fn fill(plan: &MaintenancePlan, names: &Names) -> (Statement, String) {
    let columns = &plan.key.columns;
    let list = plan.columns.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
    let chosen = plan.columns.iter().map(|name| format!("c.{}", quoted(name))).collect::<Vec<_>>().join(", ");
    let key_list: Vec<String> = columns.iter().map(|column| format!("f.{}", quoted(&column.name))).collect();
    let returning: Vec<String> = columns.iter().map(|column| format!("m.{}", quoted(&column.name))).collect();
    let ids = format!(
        "SELECT DISTINCT {} AS id FROM filled AS f",
        key_lock_id(plan, names, &|position, _| key_list[position].clone())
    );
    let kept = kept(plan, "c").map(|kept| format!("\n  AND {kept}")).unwrap_or_default();
    let add = format!(
        "INSERT INTO {table} AS m ({list})\nSELECT {chosen} FROM {core} AS c\nWHERE %s\n  AND NOT EXISTS (SELECT FROM {table} AS m WHERE {row}){kept}",
        table = names.table,
        core = names.core,
        row = matches_row(columns, "m", "c"),
    );
    let insert = match plan.mode {
        Mode::Realtime => format!(
            "WITH filled AS (\n{add}\n  RETURNING {returning}\n)\n{bump}",
            add = indent(&add, 2),
            returning = returning.join(", "),
            bump = super::sql::bump(&ids),
        ),
        Mode::Eventual => add,
    };
    let first = columns.first().expect("a key has a column");
    let column = format!("c.{}", quoted(&first.name));
    let ty = &first.ty.sql;
    let open_end = if first.not_null { "'true'".to_owned() } else { format!("'({column} IS NULL OR true)'") };
    let nulls = if first.not_null { String::new() } else { format!(" OR {column} IS NULL") };
    let body = format!(
        "-- Headwater, {table}: fills one range of keys.\n\
         DECLARE\n\
         \x20 lower text := CASE WHEN above IS NULL THEN 'true' ELSE pg_catalog.format('({column} > %L::{ty} /*null*/)', above) END;\n\
         \x20 upper text := CASE WHEN up_to IS NULL THEN {open_end} ELSE pg_catalog.format('{column} <= %L::{ty}', up_to) END;\n\
         BEGIN\n\
         \x20 IF up_to IS NULL AND above IS NOT NULL THEN\n\
         \x20   lower := pg_catalog.format('({column} > %L::{ty}{nulls})', above);\n\
         \x20 END IF;\n\
         \x20 EXECUTE pg_catalog.format($statement$\n{insert}\n$statement$, pg_catalog.concat(lower, ' AND ', upper));\n\
         END",
        table = names.table,
        insert = indent(&insert.replace('%', "%%").replace("%%s\n", "%s\n"), 4),
    );
    let head = format!("{}(above text, up_to text) RETURNS void LANGUAGE plpgsql", names.fill);
    let settings = search_path(plan);
    (function(&head, &settings, &body, "fills one range of keys"), format!("{}(text, text)", names.fill))
}

/// Of an event log the keys can be compared, and only in one direction: its rows stay as they were. Where it follows its SELECT, the
/// other direction holds as well, also for rows that have become too old and wait to be deleted; so do the columns that follow.
fn event_log(plan: &MaintenancePlan, names: &Names) -> String {
    let key = plan.key.columns.iter().map(|column| column.name.as_str());
    let compared: Vec<&str> = key.chain(plan.follow.iter().flatten().map(String::as_str)).collect();
    let (of_core, of_model) = (comparable(plan, &compared, "c"), comparable(plan, &compared, "m"));
    let (core, table) = (&names.core, &names.table);
    let (core_not_due, model_not_due) = not_due(plan, names);
    let missing = conditions([core_not_due, kept(plan, "c")]);
    let extra = match plan.only_adds() {
        true => "\n  WHERE false".to_owned(),
        false => format!("{}\n  EXCEPT ALL SELECT {of_core} FROM {core} AS c", conditions([model_not_due, None])),
    };
    format!(
        "missing AS MATERIALIZED (\n  SELECT {of_core} FROM {core} AS c{missing}\n  EXCEPT ALL SELECT {of_model} FROM {table} AS m\n), extra AS MATERIALIZED (\n  SELECT {of_model} FROM {table} AS m{extra}\n)",
    )
}

/// What leaves out rows that are due, of the core (`c`) and of the model (`m`): they are the clock's business, not a difference.
fn not_due(plan: &MaintenancePlan, names: &Names) -> (Option<String>, Option<String>) {
    let Some(due) = &plan.due else { return (None, None) };
    let of_core = format!(
        "NOT EXISTS (\n    SELECT FROM {} AS m WHERE {} AND m.{due} <= now()\n  )",
        names.table,
        matches_row(&plan.key.columns, "m", "c")
    );
    (Some(of_core), Some(format!("(m.{due} IS NULL OR m.{due} > now())")))
}

/// A WHERE clause, where there is a condition.
fn conditions(all: [Option<String>; 2]) -> String {
    let all: Vec<String> = all.into_iter().flatten().collect();
    if all.is_empty() { String::new() } else { format!("\n  WHERE {}", all.join(" AND ")) }
}

/// Columns as a list that EXCEPT can compare.
fn comparable(plan: &MaintenancePlan, columns: &[&str], alias: &str) -> String {
    let column = |name: &&str| {
        let quoted_name = quoted(name);
        match plan.compared_as_text.contains(*name) {
            true => format!("{alias}.{quoted_name}::pg_catalog.text AS {quoted_name}"),
            false => format!("{alias}.{quoted_name}"),
        }
    };
    columns.iter().map(column).collect::<Vec<_>>().join(", ")
}

/// The stored rows that differ, as CTEs `missing` and `extra`.
fn differences(plan: &MaintenancePlan, names: &Names) -> String {
    if plan.is_append() {
        return event_log(plan, names);
    }
    let stored: Vec<&str> = plan.columns.iter().map(String::as_str).collect();
    let (core_not_due, model_not_due) = not_due(plan, names);
    format!(
        "truth AS MATERIALIZED (\n  SELECT {core_columns} FROM {core} AS c{of_core}\n), model AS MATERIALIZED (\n  SELECT {model_columns} FROM {table} AS m{of_model}\n), missing AS MATERIALIZED (\n  SELECT * FROM truth EXCEPT ALL SELECT * FROM model\n), extra AS MATERIALIZED (\n  SELECT * FROM model EXCEPT ALL SELECT * FROM truth\n)",
        core_columns = comparable(plan, &stored, "c"),
        model_columns = comparable(plan, &stored, "m"),
        core = names.core,
        table = names.table,
        of_core = conditions([core_not_due, None]),
        of_model = conditions([model_not_due, None]),
    )
}

fn compare(plan: &MaintenancePlan, names: &Names) -> (Statement, String) {
    let key = plan.key.columns.iter().map(|column| quoted(&column.name)).collect::<Vec<_>>().join(", ");
    let shown = shown_difference(plan, names);
    let body = format!(
        "#variable_conflict use_column\n-- Headwater, {table}: compares the stored rows with the core, and what readers see with the whole SELECT.\n\
         BEGIN\n\
         \x20 WITH {differences}, both_sides AS (\n\
         \x20   SELECT {key} FROM missing INTERSECT SELECT {key} FROM extra\n\
         \x20 )\n\
         \x20 SELECT (SELECT count(*) FROM missing), (SELECT count(*) FROM extra), (SELECT count(*) FROM both_sides), (SELECT count(*) FROM {table})\n\
         \x20 INTO missing, extra, altered, rows;\n\
         \x20 missing := greatest(missing - altered, 0);\n\
         \x20 extra := greatest(extra - altered, 0);\n\
         {shown}\
         END",
        table = names.table,
        differences = differences(plan, names),
    );
    let head = format!(
        "{}(OUT missing bigint, OUT extra bigint, OUT altered bigint, OUT rows bigint) LANGUAGE plpgsql",
        names.compare
    );
    (function(&head, &search_path(plan), &body, "compares the model with its SELECT"), format!("{}()", names.compare))
}

/// What readers see against the whole SELECT; needed only where the finish does something.
fn shown_difference(plan: &MaintenancePlan, names: &Names) -> String {
    if plan.is_append() || plan.finish.is_plain() {
        return String::new();
    }
    let list = plan
        .finish
        .targets
        .iter()
        .map(|(name, _)| {
            let quoted_name = quoted(name);
            if plan.compared_as_text.contains(name) { format!("{quoted_name}::text") } else { quoted_name }
        })
        .collect::<Vec<_>>()
        .join(", ");
    let nothing_due = plan.due.as_ref().map_or_else(
        || "true".to_owned(),
        |due| format!("NOT EXISTS (SELECT FROM {} WHERE {due} <= now())", names.table),
    );
    let finish = super::storage::finish(plan, names);
    let full = match &plan.apart {
        Some(apart) => format!("(\n{}\n      )", indent(&print::select(apart), 8)),
        None => names.full.to_string(),
    };
    format!(
        "  IF missing + extra + altered = 0 AND {nothing_due} THEN\n    WITH shown AS MATERIALIZED (\n      SELECT {list} FROM (\n{finish}\n      ) AS s\n    ), truth AS MATERIALIZED (\n      SELECT {list} FROM {full} AS f\n    )\n    SELECT (SELECT count(*) FROM (SELECT * FROM truth EXCEPT ALL SELECT * FROM shown) AS d)\n         + (SELECT count(*) FROM (SELECT * FROM shown EXCEPT ALL SELECT * FROM truth) AS d)\n    INTO altered;\n  END IF;\n",
        finish = indent(&finish, 8),
    )
}

fn sample(plan: &MaintenancePlan, names: &Names) -> (Statement, String) {
    let body = format!(
        "#variable_conflict use_column\n-- Headwater, {table}: some rows that differ.\n\
         BEGIN\n\
         \x20 RETURN QUERY\n\
         \x20 WITH {differences}\n\
         \x20 (SELECT 'missing'::text, to_json(hw_d)::text FROM missing AS hw_d LIMIT at_most)\n\
         \x20 UNION ALL\n\
         \x20 (SELECT 'extra'::text, to_json(hw_d)::text FROM extra AS hw_d LIMIT at_most);\n\
         END",
        table = names.table,
        differences = differences(plan, names),
    );
    let head = format!("{}(at_most bigint) RETURNS TABLE (side text, \"row\" text) LANGUAGE plpgsql", names.sample);
    (function(&head, &search_path(plan), &body, "some rows that differ"), format!("{}(bigint)", names.sample))
}

fn repair(plan: &MaintenancePlan, names: &Names) -> (Statement, String) {
    let key = plan.key.columns.iter().map(|column| quoted(&column.name)).collect::<Vec<_>>().join(", ");
    let attributes =
        (0..plan.key.columns.len()).map(|position| format!("d.{}", attribute(position))).collect::<Vec<_>>().join(", ");
    let aliases = (0..plan.key.columns.len()).map(attribute).collect::<Vec<_>>().join(", ");
    let body = format!(
        "#variable_conflict use_column\n-- Headwater, {table}: recomputes every key that differs, with the locks of a writer.\n\
         DECLARE\n\
         \x20 keys {key_type}[];\n\
         BEGIN\n\
         \x20 WITH {differences}\n\
         \x20 SELECT array_agg(ROW({attributes})::{key_type}) INTO keys\n\
         \x20 FROM (SELECT {key} FROM missing UNION SELECT {key} FROM extra) AS d({aliases});\n\
         \x20 IF keys IS NULL THEN RETURN 0; END IF;\n\
         \x20 PERFORM {recompute}(keys);\n\
         \x20 RETURN cardinality(keys);\n\
         END",
        table = names.table,
        key_type = names.key_type,
        differences = differences(plan, names),
        recompute = names.recompute,
    );
    let head = format!("{}() RETURNS bigint LANGUAGE plpgsql", names.repair);
    (function(&head, &search_path(plan), &body, "recomputes every key that differs"), format!("{}()", names.repair))
}

/// These are Headwater's own to call, so a pinned search path is cheaper to read than qualifying every operator.
fn search_path(plan: &MaintenancePlan) -> Vec<(String, String)> {
    let mut settings = plan.pinned.clone();
    settings.push(("search_path".to_owned(), "pg_catalog".to_owned()));
    // Compiling a SELECT of many expressions takes longer than a range of it.
    settings.push(("jit".to_owned(), "off".to_owned()));
    settings
}
