//! The few phrases that all generated SQL shares.

use headwater_catalog::{Ident, PgType, ident::short_hash};

use super::names::Names;
use crate::output::Statement;
use crate::plan::MaintenancePlan;
use crate::plan::key::KeyColumn;

/// Lock ids are hashes into this many rows of `headwater.lock`, a power of two. Two keys that share a row only wait for each
/// other; the table never grows beyond it, so lock rows need no clean-up.
pub const LOCK_ROWS: u32 = 1 << 20;

/// Join locks come in this many stripes: a child bumps one of them, a parent all.
pub const STRIPES: u32 = 8;

/// A name quoted.
#[must_use]
pub fn quoted(name: &str) -> String {
    Ident::new(name).map_or_else(|_| format!("\"{}\"", name.replace('"', "\"\"")), |ident| ident.to_string())
}

/// Types whose equality lives beside them, not in `pg_catalog`.
const OWN_EQUALITY: &[&str] = &["citext", "ltree"];

/// The equality operator of a type, qualified.
#[must_use]
pub fn equals(ty: &PgType) -> String {
    if OWN_EQUALITY.contains(&ty.base.as_str())
        && let Some((schema, _)) = ty.sql.split_once('.')
    {
        return format!("OPERATOR({schema}.=)");
    }
    "OPERATOR(pg_catalog.=)".to_owned()
}

/// `left` and `right` (aliases) hold the same key; `right`'s columns are named by `name`.
#[must_use]
pub fn same_key(columns: &[KeyColumn], left: &str, right: &str, name: &dyn Fn(usize, &KeyColumn) -> String) -> String {
    let terms: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(position, column)| {
            let one = format!("{left}.{}", quoted(&column.name));
            let other = format!("{right}.{}", name(position, column));
            let equal = format!("{one} {} {other}", equals(&column.ty));
            if column.not_null { equal } else { format!("({equal} OR {one} IS NULL AND {other} IS NULL)") }
        })
        .collect();
    terms.join(" AND ")
}

/// The attribute of the key type at a position.
#[must_use]
pub fn attribute(position: usize) -> String {
    format!("k{}", position + 1)
}

/// `m.key = k.key`, with `k` of the key type.
#[must_use]
pub fn matches_key(columns: &[KeyColumn], table: &str, key: &str) -> String {
    same_key(columns, table, key, &|position, _| attribute(position))
}

/// `m.key = o.key`, both with the model's column names.
#[must_use]
pub fn matches_row(columns: &[KeyColumn], one: &str, other: &str) -> String {
    same_key(columns, one, other, &|_, column| quoted(&column.name))
}

/// A number that tells lock spaces apart.
#[must_use]
pub fn seed(of: &str) -> i64 {
    i64::from(u32::from_str_radix(&short_hash(&[of]), 16).unwrap_or_default()) << 8
}

/// The lock id of some values: equal values give equal ids, whatever their text looks like.
#[must_use]
pub fn lock_id(values: &[String], seed: i64, stripe: Option<&str>) -> String {
    let values = if values.is_empty() { "0".to_owned() } else { values.join(", ") };
    let seed = match stripe {
        Some(stripe) => format!("{seed}::pg_catalog.int8 OPERATOR(pg_catalog.+) {stripe}"),
        None => format!("{seed}::pg_catalog.int8"),
    };
    format!(
        "(pg_catalog.hash_record_extended(ROW({values}), {seed}) OPERATOR(pg_catalog.&) {}::pg_catalog.int8)::pg_catalog.int4",
        LOCK_ROWS - 1
    )
}

/// The lock id of a model's key, its columns named by `name`.
#[must_use]
pub fn key_lock_id(plan: &MaintenancePlan, names: &Names, name: &dyn Fn(usize, &KeyColumn) -> String) -> String {
    let values: Vec<String> = plan
        .key
        .columns
        .iter()
        .enumerate()
        .filter(|(_, column)| column.ty.hashable)
        .map(|(position, column)| name(position, column))
        .collect();
    lock_id(&values, seed(&names.table.to_string()), None)
}

/// Bumps the lock rows that `ids` (a query with one column `id`) names, in order.
#[must_use]
pub fn bump(ids: &str) -> String {
    format!(
        "INSERT INTO headwater.lock AS l (id)\n{ids}\nORDER BY 1\nON CONFLICT (id) DO UPDATE SET v = l.v OPERATOR(pg_catalog.+) 1"
    )
}

/// `CREATE FUNCTION` with a body that no quote in it can end.
#[must_use]
pub fn function(head: &str, settings: &[(String, String)], body: &str, comment: &str) -> Statement {
    let mut tag = "hw".to_owned();
    while body.contains(&format!("${tag}$")) {
        tag.push('w');
    }
    let settings: String = settings
        .iter()
        .map(|(name, value)| format!("\n  SET {name} TO {}", headwater_catalog::quote_literal(value)))
        .collect();
    Statement::new(format!("CREATE OR REPLACE FUNCTION {head}{settings}\nAS ${tag}$\n{body}\n${tag}$"), comment)
}

/// Indents every line.
#[must_use]
pub fn indent(text: &str, by: usize) -> String {
    let pad = " ".repeat(by);
    text.lines()
        .map(|line| if line.is_empty() { String::new() } else { format!("{pad}{line}") })
        .collect::<Vec<_>>()
        .join("\n")
}
