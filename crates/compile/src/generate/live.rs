//! A model whose changes are kept as a list (`retain live`, `retain append`): a trigger on the model table notes the keys that
//! change, whoever changes them, and the rows as they were; the next batch turns each key into one entry of the log, with the row
//! as it then is and the other images that it has had since the batch before.
//!
//! A follower who keeps only some rows needs the earlier images: that a row has left his filter shows in them alone. Whoever has
//! never had the row learns nothing from an entry none of whose images passes.

use headwater_catalog::quote_literal;

use super::names::Names;
use super::queue::in_window;
use super::sql::{function, indent, matches_key, quoted};
use crate::output::Statement;
use crate::plan::MaintenancePlan;
use crate::plan::rules::refused::text_settings;

/// The trigger that notes keys, asleep until the model serves.
#[must_use]
pub fn statements(plan: &MaintenancePlan, names: &Names) -> Vec<Statement> {
    if plan.retain.is_none() {
        return Vec::new();
    }
    let (new, old) = (key(plan, names, "n"), key(plan, names, "o"));
    let body = format!(
        "#variable_conflict use_column\n-- Headwater, {table}: notes the keys that change, and the rows as they were.\nBEGIN\n  IF TG_OP OPERATOR(pg_catalog.=) 'INSERT' THEN\n    INSERT INTO headwater.changed (model, key) SELECT {model}, {new} FROM hw_new AS n;\n  ELSIF TG_OP OPERATOR(pg_catalog.=) 'DELETE' THEN\n    INSERT INTO headwater.changed (model, key, old) SELECT {model}, {old}, {image} FROM hw_old AS o;\n  ELSE\n    INSERT INTO headwater.changed (model, key, old)\n    SELECT {model}, {old}, {image} FROM hw_old AS o\n    UNION ALL (\n      SELECT {model}, {new}, NULL::pg_catalog.jsonb FROM hw_new AS n\n      EXCEPT SELECT {model}, {old}, NULL FROM hw_old AS o\n    );\n  END IF;\n  RETURN NULL;\nEND",
        table = names.table,
        model = quote_literal(names.table.name.as_str()),
        image = image(plan, "o"),
    );
    let mut statements = vec![function(
        &format!("{}() RETURNS trigger LANGUAGE plpgsql", names.note),
        // Keys are told apart by their text, whatever the settings of the session that writes.
        &text_settings(),
        &body,
        "notes what changes",
    )];
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

/// The key of a row as the log shows it.
fn key(plan: &MaintenancePlan, names: &Names, alias: &str) -> String {
    let list: Vec<String> = plan.key.columns.iter().map(|column| format!("{alias}.{}", quoted(&column.name))).collect();
    format!("pg_catalog.to_jsonb(ROW({})::{})", list.join(", "), names.key_type)
}

/// A row as the log shows it: without the columns that are Headwater's own.
fn image(plan: &MaintenancePlan, alias: &str) -> String {
    let hidden: Vec<String> = plan
        .columns
        .iter()
        .map(String::as_str)
        .chain(["hw_mark"])
        .filter(|name| name.starts_with("hw_"))
        .map(quote_literal)
        .collect();
    format!("pg_catalog.to_jsonb({alias}) OPERATOR(pg_catalog.-) ARRAY[{}]::pg_catalog.text[]", hidden.join(", "))
}

/// `changes(…)`: the log entries of one batch, without their positions.
fn changes(plan: &MaintenancePlan, names: &Names) -> Statement {
    // Rows that share a key are one entry, an array.
    let row = if plan.key.unique { "r.rows[1]" } else { "to_jsonb(r.rows)" };
    let select = "SELECT q.key, q.old, q.model FROM headwater.changed AS q";
    let noted = format!(
        "SELECT n.key, n.old FROM (\n  {}\n  UNION ALL\n  {select} WHERE q.hw_xid = pg_current_xact_id()\n) AS n WHERE n.model = {}",
        in_window(select),
        quote_literal(names.table.name.as_str()),
    );
    let body = format!(
        "-- Headwater, {table}: what has become of the keys that were noted, and what was there before.\nBEGIN\n  RETURN QUERY\n  SELECT CASE WHEN c.key IS NULL THEN 'reset' WHEN r.rows IS NULL THEN 'gone' ELSE 'put' END, c.key, {row},\n    CASE WHEN c.images IS NOT NULL THEN (\n      SELECT coalesce(jsonb_agg(i), '[]') FROM unnest(c.images) AS i WHERE i <> ALL (coalesce(r.rows, '{{}}'))\n    ) END\n  FROM (\n    SELECT k.key, array_agg(DISTINCT k.old) FILTER (WHERE k.old IS NOT NULL) AS images FROM (\n{noted}\n    ) AS k GROUP BY k.key\n  ) AS c\n  LEFT JOIN LATERAL (\n    SELECT array_agg({image}) AS rows FROM {table} AS hw_m, jsonb_populate_record(NULL::{key_type}, c.key) AS k\n    -- Equal keys may have two spellings (citext); the row has one of them.\n    WHERE {same} AND {key} = to_jsonb(k)\n  ) AS r ON c.key IS NOT NULL\n  ORDER BY c.key NULLS FIRST;\nEND",
        table = names.table,
        noted = indent(&noted, 6),
        image = image(plan, "hw_m"),
        key_type = names.key_type,
        same = matches_key(&plan.key.columns, "hw_m", "k"),
        key = key(plan, names, "hw_m"),
    );
    let mut settings = text_settings();
    settings.push(("search_path".to_owned(), "pg_catalog".to_owned()));
    // Rows are looked up by their key, however small the model was when the leader's session made its plan.
    settings.push(("enable_seqscan".to_owned(), "off".to_owned()));
    function(
        &format!(
            "{}(hw_since xid8, hw_until xid8, hw_also xid8[]) RETURNS TABLE (op text, key jsonb, \"row\" jsonb, old jsonb) LANGUAGE plpgsql",
            names.changes
        ),
        &settings,
        &format!("#variable_conflict use_column\n{body}"),
        "the log entries of a batch",
    )
}
