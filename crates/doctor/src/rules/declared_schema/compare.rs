//! What is declared and not there, or other than declared; and what is there beside it.

use headwater_catalog::{Ident, QualifiedName};
use headwater_compile::declaration::Declared;

use super::shape::{Column, Constraint, Index, Shape, Table};
use crate::finding::Finding;

const REASON: &str = "the application and the models were written for the declared schema";

/// Compares the tables that are declared; `statements` are those that declare them.
#[must_use]
pub fn compare(wanted: &Shape, installed: &Shape, statements: &[Declared]) -> Vec<Finding> {
    let mut found = Vec::new();
    for (name, table) in &wanted.0 {
        match installed.0.get(name) {
            Some(there) => {
                let Ok(qualified) = QualifiedName::parse("public", name) else { continue };
                columns(&qualified, table, there, &mut found);
                constraints(&qualified, table, there, &mut found);
                indexes(&qualified, table, there, &mut found);
            }
            None => found.push(missing_table(name, statements)),
        }
    }
    found
}

fn missing_table(name: &str, statements: &[Declared]) -> Finding {
    let finding = Finding::error(811, name, format!("the table {name} is declared and not there")).why(REASON);
    let own = statements.iter().filter(|statement| statement.table.as_deref() == Some(name));
    own.fold(finding, |finding, statement| finding.sql(statement.sql.clone()))
}

fn columns(table: &QualifiedName, wanted: &Table, there: &Table, found: &mut Vec<Finding>) {
    for column in &wanted.columns {
        match there.columns.iter().find(|other| other.name == column.name) {
            Some(other) => found.extend(differences(table, column, other)),
            None => found.push(
                Finding::error(
                    812,
                    object(table, &column.name),
                    format!("the column {} is declared and not there", object(table, &column.name)),
                )
                .why(REASON)
                .sql(format!("ALTER TABLE {table} ADD COLUMN {}", written(column))),
            ),
        }
    }
    for column in there.columns.iter().filter(|column| wanted.columns.iter().all(|other| other.name != column.name)) {
        let message = format!("the column {} is there and not declared", object(table, &column.name));
        found.push(
            undeclared(table, &column.name, message).sql(format!("ALTER TABLE {table} DROP COLUMN {}", column.name)),
        );
    }
}

fn object(table: &QualifiedName, name: &Ident) -> String {
    format!("{}.{}", table.short(), name.as_str())
}

fn written(column: &Column) -> String {
    let value = column.value.as_ref().map(|value| format!(" {value}")).unwrap_or_default();
    let not_null = if column.not_null { " NOT NULL" } else { "" };
    format!("{} {}{value}{not_null}", column.name, column.ty)
}

fn undeclared(table: &QualifiedName, name: &Ident, message: String) -> Finding {
    Finding::note(818, object(table, name), message)
        .why("the declaration does not tell all; whoever builds a database from it gets another one")
        .advice("declare it; or, where it is not wanted:")
}

fn differences(table: &QualifiedName, wanted: &Column, there: &Column) -> Vec<Finding> {
    let mut found = Vec::new();
    let (name, of) = (&wanted.name, object(table, &wanted.name));
    if wanted.ty != there.ty {
        found.push(
            Finding::error(813, &of, format!("{of} has the type {}; declared is {}", there.ty, wanted.ty))
                .why(REASON)
                .sql(format!("ALTER TABLE {table} ALTER COLUMN {name} TYPE {ty} USING {name}::{ty}", ty = wanted.ty))
                .advice("this may rewrite the table while nobody can read it; a model that reads the column must be removed first"),
        );
    }
    if wanted.not_null != there.not_null {
        let (is, verb) = if wanted.not_null {
            ("may be NULL; declared is NOT NULL", "SET")
        } else {
            ("is NOT NULL; declared is that it may be NULL", "DROP")
        };
        found.push(
            Finding::error(814, &of, format!("{of} {is}"))
                .why(REASON)
                .sql(format!("ALTER TABLE {table} ALTER COLUMN {name} {verb} NOT NULL")),
        );
    }
    if wanted.value != there.value {
        let words = |value: &Option<String>| value.clone().unwrap_or_else(|| "no default".to_owned());
        let message = format!("{of} has {}; declared is {}", words(&there.value), words(&wanted.value));
        found.push(change_value(table, wanted, there, Finding::error(815, &of, message).why(REASON)));
    }
    found
}

/// From one default, identity or generation to another.
fn change_value(table: &QualifiedName, wanted: &Column, there: &Column, finding: Finding) -> Finding {
    let alter = |what: &str| format!("ALTER TABLE {table} ALTER COLUMN {} {what}", wanted.name);
    let is_computed =
        |value: &Option<String>| value.as_ref().is_some_and(|value| value.starts_with("GENERATED ALWAYS AS ("));
    let is_identity = |value: &Option<String>| value.as_ref().is_some_and(|value| value.ends_with("AS IDENTITY"));
    if is_computed(&wanted.value) || is_computed(&there.value) {
        return finding
            .advice("PostgreSQL makes no column generated, or not generated, that is there: drop it and add it anew");
    }
    let mut finding = finding;
    if is_identity(&there.value) {
        finding = finding.sql(alter("DROP IDENTITY"));
    }
    match &wanted.value {
        Some(value) if is_identity(&wanted.value) => {
            if !is_identity(&there.value) && there.value.is_some() {
                finding = finding.sql(alter("DROP DEFAULT"));
            }
            finding.sql(alter(&format!("ADD {value}")))
        }
        Some(value) => finding.sql(alter(&format!("SET {value}"))),
        None if is_identity(&there.value) => finding,
        None => finding.sql(alter("DROP DEFAULT")),
    }
}

fn constraints(table: &QualifiedName, wanted: &Table, there: &Table, found: &mut Vec<Finding>) {
    let has = |list: &[Constraint], one: &Constraint| list.iter().any(|other| other.definition == one.definition);
    for constraint in wanted.constraints.iter().filter(|constraint| !has(&there.constraints, constraint)) {
        let Constraint { name, definition, can_wait } = constraint;
        let other = there.constraints.iter().find(|other| other.name == *name);
        let message = match other {
            Some(other) => format!("{} is {}; declared is {definition}", object(table, name), other.definition),
            None => format!("{} is declared and not there: {definition}", object(table, name)),
        };
        let mut finding = Finding::error(816, object(table, name), message)
            .why("rows that the application does not expect can be written, or those that it writes are refused");
        if other.is_some() {
            finding = finding.sql(format!("ALTER TABLE {table} DROP CONSTRAINT {name}"));
        }
        found.push(match can_wait {
            true if !definition.ends_with("NOT VALID") => finding
                .sql(format!("ALTER TABLE {table} ADD CONSTRAINT {name} {definition} NOT VALID"))
                .sql(format!("ALTER TABLE {table} VALIDATE CONSTRAINT {name}")),
            _ => finding.sql(format!("ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")),
        });
    }
    for constraint in there.constraints.iter().filter(|constraint| !has(&wanted.constraints, constraint)) {
        // One of this name is declared and was named above.
        if wanted.constraints.iter().any(|other| other.name == constraint.name) {
            continue;
        }
        let message =
            format!("{} is there and not declared: {}", object(table, &constraint.name), constraint.definition);
        found.push(
            undeclared(table, &constraint.name, message)
                .sql(format!("ALTER TABLE {table} DROP CONSTRAINT {}", constraint.name)),
        );
    }
}

fn indexes(table: &QualifiedName, wanted: &Table, there: &Table, found: &mut Vec<Finding>) {
    let named = |list: &[Index], name: &Ident| list.iter().position(|index| index.name == *name);
    let same = |a: &Index, b: &Index| a.definition == b.definition && a.is_unique == b.is_unique;
    let schema = &table.schema;
    let mut known = vec![false; there.indexes.len()];
    for index in &wanted.indexes {
        let Index { name, .. } = index;
        let at = named(&there.indexes, name);
        if let Some(at) = at {
            known[at] = true;
            if same(index, &there.indexes[at]) {
                continue;
            }
        }
        let renamed =
            there.indexes.iter().position(|other| same(index, other) && named(&wanted.indexes, &other.name).is_none());
        let concurrently = if index.is_partitioned { "" } else { "CONCURRENTLY " };
        let finding = match (at, renamed) {
            (Some(at), _) => {
                let message =
                    format!("the index {} is {}; declared is {}", name.as_str(), said(&there.indexes[at]), said(index));
                Finding::error(817, object(table, name), message)
                    .sql(format!("DROP INDEX {concurrently}{schema}.{name}"))
            }
            (None, Some(other)) => {
                known[other] = true;
                let other = &there.indexes[other].name;
                let message = format!("the index {} is declared, and is there as {}", name.as_str(), other.as_str());
                found.push(
                    Finding::error(817, object(table, name), message)
                        .why("whoever looks for it by its name does not find it, and a migration makes it again")
                        .sql(format!("ALTER INDEX {schema}.{other} RENAME TO {name}")),
                );
                continue;
            }
            (None, None) => {
                let message = format!("the index {} is declared and not there: {}", name.as_str(), said(index));
                Finding::error(817, object(table, name), message)
            }
        };
        let unique = if index.is_unique { "UNIQUE " } else { "" };
        found.push(
            finding
                .why("queries that were written for it read whole tables instead")
                .sql(format!("CREATE {unique}INDEX {concurrently}{name} ON {table} {}", index.definition)),
        );
    }
    for index in there.indexes.iter().zip(known).filter(|(_, known)| !known).map(|(index, _)| index) {
        let concurrently = if index.is_partitioned { "" } else { "CONCURRENTLY " };
        let message = format!(
            "the index {} on {} is there and not declared: {}",
            index.name.as_str(),
            table.short(),
            said(index)
        );
        found.push(
            undeclared(table, &index.name, message).sql(format!("DROP INDEX {concurrently}{schema}.{}", index.name)),
        );
    }
}

fn said(index: &Index) -> String {
    format!("{}{}", if index.is_unique { "UNIQUE " } else { "" }, index.definition)
}
