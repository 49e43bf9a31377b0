//! A version's functions: recompute, rebuild, tick.

use headwater_catalog::quote_literal;

use super::names::Names;
use super::overwrite;
use super::sql::{attribute, bump, function, indent, key_lock_id, matches_key, matches_row, quoted};
use crate::output::Statement;
use crate::parse::Mode;
use crate::plan::MaintenancePlan;
use crate::plan::key::KeyColumn;

/// All of them. A batch lets time pass in its own way, so eventual models have no tick.
#[must_use]
pub fn functions(plan: &MaintenancePlan, names: &Names) -> Vec<Statement> {
    let functions = match plan.mode {
        Mode::Realtime => vec![recompute(plan, names), rebuild(plan, names), tick(plan, names)],
        Mode::Eventual => vec![recompute(plan, names), overwrite::function_of(plan, names)],
    };
    functions.into_iter().flat_map(|statement| [statement.0, revoke(&statement.1)]).collect()
}

/// Nobody but the owner calls these; trigger functions run with the owner's rights.
fn revoke(signature: &str) -> Statement {
    Statement::new(format!("REVOKE ALL ON FUNCTION {signature} FROM PUBLIC"), "only triggers and Headwater call it")
}

/// Rule 4 of the realtime protocol: lock, look afresh, write what differs. A batch is alone with the model and locks nothing.
fn recompute(plan: &MaintenancePlan, names: &Names) -> (Statement, String) {
    let columns = &plan.key.columns;
    let locks = bump(&format!(
        "SELECT DISTINCT {} AS id\nFROM pg_catalog.unnest(keys) AS k",
        key_lock_id(plan, names, &|position, _| format!("k.{}", attribute(position)))
    ));
    let order: Vec<String> = columns.iter().map(|column| format!("m.{}", quoted(&column.name))).collect();
    let fresh = format!(
        "SELECT c.*\nFROM (SELECT DISTINCT * FROM pg_catalog.unnest(keys)) AS k\nCROSS JOIN LATERAL (\n  SELECT c.* FROM {core} AS c WHERE {same} OFFSET 0\n) AS c",
        core = names.core,
        same = matches_key(columns, "c", "k"),
    );
    let write = match (plan.only_adds(), plan.key.unique) {
        (true, _) => add(plan, names, &fresh),
        (false, true) => upsert(plan, names, &fresh, Scope::Keys),
        (false, false) => replace_bags(plan, names, &fresh),
    };
    let mut steps = Vec::new();
    if plan.mode == Mode::Realtime {
        steps.push(format!(
            "-- A key lock is a write, so that a writer with an older snapshot cannot pass it unseen.\n{locks};"
        ));
        steps.push(format!(
            "-- Writers that only add to a row hold the row itself.\nPERFORM FROM {} AS m, pg_catalog.unnest(keys) AS k\nWHERE {}\nORDER BY {}\nFOR NO KEY UPDATE OF m;",
            names.table,
            matches_key(columns, "m", "k"),
            order.join(", ")
        ));
        steps.push(format!("-- A new statement: it sees what those that were waited for have committed.\n{write};"));
    } else {
        steps.push(format!("{write};"));
    }
    let body = format!(
        "#variable_conflict use_variable\n-- Headwater, {table}: recomputes the rows with these keys.\nBEGIN\n{steps}\nEND",
        table = names.table,
        steps = indent(&steps.join("\n"), 2),
    );
    let head = format!("{}(keys {}[]) RETURNS void LANGUAGE plpgsql", names.recompute, names.key_type);
    let signature = format!("{}({}[])", names.recompute, names.key_type);
    let mut settings = plan.pinned.clone();
    // Planning the core takes longer than running it for a few keys, and a plan for these keys would serve any others.
    settings.push(("plan_cache_mode".to_owned(), "force_generic_plan".to_owned()));
    if plan.mode == Mode::Eventual {
        // The step that calls it has switched these off. Keys are looked up by an index, however small the tables were when the
        // leader's session made its plan; what has no key to look up reads everything.
        settings.extend(["enable_hashjoin", "enable_mergejoin"].map(|name| (name.to_owned(), "on".to_owned())));
        let seqscan = if plan.key.is_constant() { "on" } else { "off" };
        settings.push(("enable_seqscan".to_owned(), seqscan.to_owned()));
    }
    (function(&head, &settings, &body, "recomputes the rows with the given keys"), signature)
}

/// An event log that follows nothing: what the model does not have is added, and nothing else happens.
pub fn add(plan: &MaintenancePlan, names: &Names, fresh: &str) -> String {
    let list = plan.columns.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
    let chosen = plan.columns.iter().map(|name| format!("f.{}", quoted(name))).collect::<Vec<_>>().join(", ");
    format!(
        "INSERT INTO {table} ({list})\nSELECT {chosen}\nFROM (\n{fresh}\n) AS f\nWHERE NOT EXISTS (SELECT FROM {table} AS m WHERE {row}){kept}",
        table = names.table,
        fresh = indent(fresh, 2),
        row = matches_row(&plan.key.columns, "m", "f"),
        kept = kept(plan, "f").map(|kept| format!("\n  AND {kept}")).unwrap_or_default(),
    )
}

/// Whether a row of an event log is young enough to be there.
#[must_use]
pub fn kept(plan: &MaintenancePlan, alias: &str) -> Option<String> {
    let (column, interval) = plan.keep.as_ref()?;
    Some(format!(
        "{alias}.{} OPERATOR(pg_catalog.>) (pg_catalog.now() OPERATOR(pg_catalog.-) {}::pg_catalog.interval)",
        quoted(column),
        quote_literal(interval)
    ))
}

/// A WITH query that nobody reads runs after the main one; read so, it runs first, and a value that moves from one row to
/// another does not meet itself in a unique index.
pub const GONE_FIRST: &str = "(SELECT pg_catalog.count(*) FROM gone) OPERATOR(pg_catalog.>=) 0";

/// Which rows of the model `fresh` is about.
#[derive(Clone, Copy, PartialEq)]
enum Scope {
    /// Those with the given keys.
    Keys,
    /// All.
    All,
}

/// Rows with a unique key: delete what is gone, insert or update what differs, leave alone what is equal. Of an event log only
/// the columns that follow are updated.
fn upsert(plan: &MaintenancePlan, names: &Names, fresh: &str, scope: Scope) -> String {
    let columns = &plan.key.columns;
    let stored: Vec<String> = plan.columns.iter().map(|name| quoted(name)).collect();
    let following: Vec<String> = plan.following().into_iter().map(quoted).collect();
    let mark = if plan.has_mark() { (", hw_mark", ", pg_catalog.statement_timestamp()") } else { ("", "") };
    let list = stored.join(", ");
    let chosen = stored.iter().map(|name| format!("f.{name}")).collect::<Vec<_>>().join(", ");
    let gone = gone(columns, names, scope);
    let old = following.iter().map(|name| format!("m.{name}")).collect::<Vec<_>>().join(", ");
    let new = following.iter().map(|name| format!("f.{name}")).collect::<Vec<_>>().join(", ");
    let set = following
        .iter()
        .map(|name| format!("{name} = f.{name}"))
        .chain(plan.has_mark().then(|| "hw_mark = pg_catalog.statement_timestamp()".to_owned()))
        .collect::<Vec<_>>()
        .join(", ");
    // A row that is as it was is left alone, but it must be marked: another trigger of this statement may be about to fold.
    let differs = format!("ROW({old})::pg_catalog.record OPERATOR(pg_catalog.*<>) ROW({new})::pg_catalog.record");
    let differs = match plan.has_mark() {
        true => format!("({differs} OR m.hw_mark IS DISTINCT FROM pg_catalog.statement_timestamp())"),
        false => differs,
    };
    let altered = format!(
        "UPDATE {table} AS m SET {set}\nFROM fresh AS f\nWHERE {row}\n  AND {differs}\n  AND {GONE_FIRST}\nRETURNING 1",
        table = names.table,
        row = matches_row(columns, "m", "f"),
    );
    let (altered, altered_first) = match following.is_empty() {
        true => (String::new(), ""),
        false => (
            format!(", altered AS (\n{}\n)", indent(&altered, 2)),
            "\n  AND (SELECT pg_catalog.count(*) FROM altered) OPERATOR(pg_catalog.>=) 0",
        ),
    };
    // Every key is locked, so nobody else can insert it meanwhile: an UPDATE and an INSERT of the rest need no arbiter,
    // which also serves keys with NULLs where no unique index covers them.
    format!(
        "WITH fresh AS MATERIALIZED (\n{fresh}\n), gone AS (\n{gone}\n){altered}\nINSERT INTO {table} ({list}{mark_column})\nSELECT {chosen}{mark_value}\nFROM fresh AS f\nWHERE NOT EXISTS (SELECT FROM {table} AS m WHERE {row}){kept}\n  AND {GONE_FIRST}{altered_first}{one_row_a_key}",
        one_row_a_key = one_row_a_key(plan, names),
        kept = kept(plan, "f").map(|kept| format!("\n  AND {kept}")).unwrap_or_default(),
        fresh = indent(fresh, 2),
        gone = indent(&gone, 2),
        table = names.table,
        mark_column = mark.0,
        mark_value = mark.1,
        row = matches_row(columns, "m", "f"),
    )
}

/// Deletes the rows of keys that the SELECT yields no more. With keys of one column that is never NULL, PostgreSQL hashes what is fresh; with
/// others it would compare each key with each fresh row, so the keys that are left are computed by EXCEPT, which hashes and takes NULLs for equal.
fn gone(columns: &[KeyColumn], names: &Names, scope: Scope) -> String {
    let table = &names.table;
    let hashable = matches!(columns, [column] if column.not_null);
    if scope == Scope::Keys && !hashable {
        let fresh: Vec<String> = columns.iter().map(|column| format!("f.{}", quoted(&column.name))).collect();
        return format!(
            "DELETE FROM {table} AS m USING (\n  SELECT k.* FROM pg_catalog.unnest(keys) AS k EXCEPT SELECT {} FROM fresh AS f\n) AS k\nWHERE {}\nRETURNING 1",
            fresh.join(", "),
            matches_key(columns, "m", "k"),
        );
    }
    let within = match scope {
        Scope::Keys => format!(" USING pg_catalog.unnest(keys) AS k\nWHERE {}\n  AND", matches_key(columns, "m", "k")),
        Scope::All => "\nWHERE".to_owned(),
    };
    format!(
        "DELETE FROM {table} AS m{within} NOT EXISTS (SELECT FROM fresh AS f WHERE {row})\nRETURNING 1",
        row = matches_row(columns, "f", "m"),
    )
}

/// Where only a declared index says that the key is unique, the SELECT is not taken at its word: an UPDATE FROM several rows for one
/// would take any of them in silence.
#[must_use]
pub fn one_row_a_key(plan: &MaintenancePlan, names: &Names) -> String {
    if plan.key.proven {
        return String::new();
    }
    let key: Vec<String> = plan.key.columns.iter().map(|column| format!("f.{}", quoted(&column.name))).collect();
    format!(
        "\n  AND (SELECT headwater.one_row_a_key(pg_catalog.count(*), pg_catalog.count(DISTINCT ROW({})), {}) FROM fresh AS f)",
        key.join(", "),
        quote_literal(names.table.name.as_str())
    )
}

/// Rows that share a key: all of a key's rows are replaced where they differ as a multiset.
fn replace_bags(plan: &MaintenancePlan, names: &Names, fresh: &str) -> String {
    let columns = &plan.key.columns;
    let stored: Vec<String> = plan.columns.iter().map(|name| quoted(name)).collect();
    let row = |alias: &str| {
        let list = stored.iter().map(|name| format!("{alias}.{name}")).collect::<Vec<_>>().join(", ");
        format!("ROW({list})::pg_catalog.text")
    };
    let multiset = |from: &str, alias: &str| {
        format!(
            "(SELECT pg_catalog.array_agg({row} ORDER BY {row}) FROM {from} AS {alias} WHERE {same})",
            row = row(alias),
            same = matches_key(columns, alias, "k"),
        )
    };
    format!(
        "WITH fresh AS MATERIALIZED (\n{fresh}\n), differing AS MATERIALIZED (\n  SELECT k.* FROM (SELECT DISTINCT * FROM pg_catalog.unnest(keys)) AS k\n  WHERE {new}\n    IS DISTINCT FROM {old}\n), gone AS (\n  DELETE FROM {table} AS m USING differing AS k WHERE {same} RETURNING 1\n)\nINSERT INTO {table} ({list})\nSELECT {chosen} FROM fresh AS f\nWHERE EXISTS (SELECT FROM differing AS k WHERE {match_fresh})\n  AND {GONE_FIRST}",
        fresh = indent(fresh, 2),
        new = multiset("fresh", "f"),
        old = multiset(&names.table.to_string(), "m"),
        table = names.table,
        same = matches_key(columns, "m", "k"),
        list = stored.join(", "),
        chosen = stored.iter().map(|name| format!("f.{name}")).collect::<Vec<_>>().join(", "),
        match_fresh = matches_key(columns, "f", "k"),
    )
}

/// After TRUNCATE, which has no transition tables: everything, alone with the model.
fn rebuild(plan: &MaintenancePlan, names: &Names) -> (Statement, String) {
    let list = plan.columns.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
    let mark = if plan.has_mark() { (", hw_mark", ", pg_catalog.statement_timestamp()") } else { ("", "") };
    let clear = format!(
        "DELETE FROM {table};\n  INSERT INTO {table} ({list}{mark_column})\n  SELECT {list}{mark_value} FROM {core};",
        table = names.table,
        core = names.core,
        mark_column = mark.0,
        mark_value = mark.1,
    );
    let all = format!("SELECT * FROM {}", names.core);
    let write = match (plan.only_adds(), plan.is_append()) {
        (true, _) => format!("{};", add(plan, names, &all)),
        (false, true) => format!("{};", upsert(plan, names, &all, Scope::All)),
        (false, false) => clear,
    };
    let body = format!(
        "-- Headwater, {table}: computes everything afresh. TRUNCATE holds its table exclusively; so does this.\n\
         BEGIN\n\
         \x20 -- An older snapshot cannot see what others have committed to the model since, and so could not take it away.\n\
         \x20 IF pg_catalog.current_setting('transaction_isolation') OPERATOR(pg_catalog.<>) 'read committed' THEN\n\
         \x20   RAISE EXCEPTION 'TRUNCATE of a table that the model {name} reads needs READ COMMITTED'\n\
         \x20     USING ERRCODE = 'serialization_failure', HINT = 'Run the TRUNCATE in a READ COMMITTED transaction, or use DELETE.';\n\
         \x20 END IF;\n\
         \x20 LOCK TABLE {table} IN EXCLUSIVE MODE;\n\
         \x20 {write}\n\
         END",
        table = names.table,
        name = names.table.name.as_str().replace('\'', "''").replace('%', "%%"),
    );
    let head = format!("{}() RETURNS void LANGUAGE plpgsql", names.rebuild);
    (function(&head, &plan.pinned, &body, "computes everything afresh"), format!("{}()", names.rebuild))
}

/// Recomputes up to so many keys that are due; gives how many.
fn tick(plan: &MaintenancePlan, names: &Names) -> (Statement, String) {
    let key: Vec<String> = plan.key.columns.iter().map(|column| format!("m.{}", quoted(&column.name))).collect();
    let due = plan.due.as_ref().map_or_else(
        || format!("SELECT NULL::{}[]", names.key_type),
        |due| {
            format!(
                "SELECT pg_catalog.array_agg(ROW({columns})::{key_type})\n    FROM (\n      SELECT {columns} FROM {table} AS m\n      WHERE m.{due} OPERATOR(pg_catalog.<=) pg_catalog.now()\n      ORDER BY m.{due} LIMIT at_most\n    ) AS m",
                columns = key.join(", "),
                key_type = names.key_type,
                table = names.table,
            )
        },
    );
    let body = format!(
        "#variable_conflict use_variable\n\
         -- Headwater, {table}: rows that time has changed.\n\
         DECLARE\n\
         \x20 due {key_type}[] := (\n    {due}\n  );\n\
         BEGIN\n\
         \x20 IF due IS NULL THEN RETURN 0; END IF;\n\
         \x20 PERFORM {recompute}(due);\n\
         \x20 RETURN pg_catalog.cardinality(due);\n\
         END",
        table = names.table,
        key_type = names.key_type,
        recompute = names.recompute,
    );
    let head = format!("{}(at_most integer) RETURNS bigint LANGUAGE plpgsql", names.tick);
    (function(&head, &[], &body, "recomputes keys that are due"), format!("{}(integer)", names.tick))
}
