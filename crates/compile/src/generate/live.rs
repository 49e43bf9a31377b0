//! A model whose changes are kept as a list (`retain live`, `retain append`): a trigger on the model table notes the keys that
//! change, whoever changes them; the next batch turns each into one entry of the log, with the row as it then is.

use headwater_catalog::quote_literal;

use super::names::Names;
use super::queue::in_window;
use super::sql::{function, indent, matches_key, quoted};
use crate::output::Statement;
use crate::plan::MaintenancePlan;

/// The trigger that notes keys, asleep until the model serves.
#[must_use]
pub fn statements(plan: &MaintenancePlan, names: &Names) -> Vec<Statement> {
    if plan.retain.is_none() {
        return Vec::new();
    }
    let key = |alias: &str| {
        let list: Vec<String> =
            plan.key.columns.iter().map(|column| format!("{alias}.{}", quoted(&column.name))).collect();
        format!("pg_catalog.to_jsonb(ROW({})::{})", list.join(", "), names.key_type)
    };
    let body = format!(
        "#variable_conflict use_column\n-- Headwater, {table}: notes the keys that change.\nBEGIN\n  IF TG_OP OPERATOR(pg_catalog.=) 'INSERT' THEN\n    INSERT INTO headwater.changed (model, key) SELECT {model}, {new} FROM hw_new AS n;\n  ELSIF TG_OP OPERATOR(pg_catalog.=) 'DELETE' THEN\n    INSERT INTO headwater.changed (model, key) SELECT {model}, {old} FROM hw_old AS o;\n  ELSE\n    INSERT INTO headwater.changed (model, key) SELECT {model}, {new} FROM hw_new AS n UNION SELECT {model}, {old} FROM hw_old AS o;\n  END IF;\n  RETURN NULL;\nEND",
        table = names.table,
        model = quote_literal(names.table.name.as_str()),
        new = key("n"),
        old = key("o"),
    );
    let mut statements =
        vec![function(&format!("{}() RETURNS trigger LANGUAGE plpgsql", names.note), &[], &body, "notes changed keys")];
    for (event, tables) in [
        ("insert", "NEW TABLE AS hw_new"),
        ("update", "OLD TABLE AS hw_old NEW TABLE AS hw_new"),
        ("delete", "OLD TABLE AS hw_old"),
    ] {
        statements.push(Statement::new(
            format!(
                "CREATE TRIGGER headwater_note_{event} AFTER {} ON {} REFERENCING {tables}\n  FOR EACH STATEMENT EXECUTE FUNCTION {}()",
                event.to_uppercase(),
                names.table,
                names.note
            ),
            "its changes are kept",
        ));
    }
    statements.push(Statement::new(
        format!("ALTER TABLE {} DISABLE TRIGGER USER", names.table),
        "until it serves, nobody follows its changes",
    ));
    statements.push(changes(plan, names));
    statements
}

/// Wakes the trigger when the model begins to serve; whoever follows it has to read it anew.
#[must_use]
pub fn serve(plan: &MaintenancePlan, names: &Names) -> Vec<Statement> {
    if plan.retain.is_none() {
        return Vec::new();
    }
    let mut statements: Vec<Statement> = ["insert", "update", "delete"]
        .iter()
        .map(|event| {
            Statement::new(
                format!("ALTER TABLE {} ENABLE ALWAYS TRIGGER headwater_note_{event}", names.table),
                "from now on its changes are kept",
            )
        })
        .collect();
    statements.push(Statement::new(
        format!("INSERT INTO headwater.changed (model) VALUES ({})", quote_literal(names.table.name.as_str())),
        "whoever follows the model reads it anew",
    ));
    statements
}

/// `changes(…)`: the log entries of one batch, without their positions.
fn changes(plan: &MaintenancePlan, names: &Names) -> Statement {
    let hidden: Vec<String> = plan
        .columns
        .iter()
        .map(String::as_str)
        .chain(["hw_mark"])
        .filter(|name| name.starts_with("hw_"))
        .map(quote_literal)
        .collect();
    let row = format!("to_jsonb(hw_m) - ARRAY[{}]::text[]", hidden.join(", "));
    let row = if plan.key.unique { row } else { format!("jsonb_agg({row})") };
    let select = "SELECT q.key, q.model FROM headwater.changed AS q";
    let noted = format!(
        "SELECT n.key FROM (\n  {}\n  UNION ALL\n  {select} WHERE q.hw_xid = pg_current_xact_id()\n) AS n WHERE n.model = {}",
        in_window(select),
        quote_literal(names.table.name.as_str()),
    );
    let body = format!(
        "-- Headwater, {table}: what has become of the keys that were noted.\nBEGIN\n  RETURN QUERY\n  SELECT CASE WHEN c.key IS NULL THEN 'reset' WHEN r.\"row\" IS NULL THEN 'gone' ELSE 'put' END, c.key, r.\"row\"\n  FROM (\n    SELECT DISTINCT k.key FROM (\n{noted}\n    ) AS k\n  ) AS c\n  LEFT JOIN LATERAL (\n    SELECT {row} AS \"row\" FROM {table} AS hw_m, jsonb_populate_record(NULL::{key_type}, c.key) AS k WHERE {same}\n  ) AS r ON c.key IS NOT NULL\n  ORDER BY c.key NULLS FIRST;\nEND",
        table = names.table,
        noted = indent(&noted, 6),
        key_type = names.key_type,
        same = matches_key(&plan.key.columns, "hw_m", "k"),
    );
    let settings = [
        ("search_path".to_owned(), "pg_catalog".to_owned()),
        ("timezone".to_owned(), "UTC".to_owned()),
        // Rows are looked up by their key, however small the model was when the leader's session made its plan.
        ("enable_seqscan".to_owned(), "off".to_owned()),
    ];
    function(
        &format!(
            "{}(hw_since xid8, hw_until xid8, hw_also xid8[]) RETURNS TABLE (op text, key jsonb, \"row\" jsonb) LANGUAGE plpgsql",
            names.changes
        ),
        &settings,
        &format!("#variable_conflict use_column\n{body}"),
        "the log entries of a batch",
    )
}
