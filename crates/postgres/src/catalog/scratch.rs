//! Creating the models' SELECTs as views for a moment.
//!
//! They go into a schema of their own, which takes the privilege CREATE on the database, as `apply` does too; without
//! it they become temporary views. In the schema of their own they carry the models' names where that makes a model
//! readable by others before it is installed and hides no relation that is not the model itself.

use std::collections::BTreeMap;

use headwater_catalog::{Ident, QualifiedName, ResolutionError};
use tokio_postgres::Transaction;
use tokio_postgres::error::{DbError, ErrorPosition, SqlState};
use tokio_postgres::types::Type;

use super::rules::Oid;
use super::{SelectToResolve, ident};
use crate::error::Error;

/// The schema that lives as long as the transaction.
const SCHEMA: &str = "headwater_resolve";

/// What became of the SELECTs.
pub(super) struct Created {
    /// The views that the server accepted.
    pub(super) views: BTreeMap<QualifiedName, Oid>,
    /// Its refusals.
    pub(super) refused: BTreeMap<QualifiedName, ResolutionError>,
}

/// Creates a view for each model. One failure does not hide others: each has its savepoint.
pub(super) async fn create_views(
    transaction: &mut Transaction<'_>,
    models: &[SelectToResolve],
) -> Result<Created, Error> {
    let names = scratch_names(transaction, models).await?;
    let mut created = Created { views: BTreeMap::new(), refused: BTreeMap::new() };
    let mut waiting: Vec<_> = models.iter().zip(&names).collect();
    // A model may read one that is created later, so those that miss a relation are tried again while others succeed.
    loop {
        let before = waiting.len();
        let mut again = Vec::new();
        for (model, view) in waiting {
            match create_anywhere(transaction, model, view).await? {
                Ok(oid) => {
                    created.refused.remove(&model.name);
                    created.views.insert(model.name.clone(), oid);
                }
                Err(refusal) => {
                    if refusal.sqlstate == SqlState::UNDEFINED_TABLE.code() {
                        again.push((model, view));
                    }
                    created.refused.insert(model.name.clone(), refusal);
                }
            }
        }
        if again.is_empty() || again.len() == before {
            return Ok(created);
        }
        waiting = again;
    }
}

/// Makes the schema, if allowed, and chooses a name for each model's view.
async fn scratch_names(
    transaction: &mut Transaction<'_>,
    models: &[SelectToResolve],
) -> Result<Vec<QualifiedName>, Error> {
    let sql = include_str!("../queries/scratch_names.sql");
    let schemas: Vec<&str> = models.iter().map(|model| model.name.schema.as_str()).collect();
    let names: Vec<&str> = models.iter().map(|model| model.name.name.as_str()).collect();
    let rows = transaction.query_typed(sql, &[(&schemas, Type::TEXT_ARRAY), (&names, Type::TEXT_ARRAY)]).await?;
    let may_create = rows.first().is_some_and(|row| row.get("may_create_schema"));
    let schema = ident(if may_create { SCHEMA } else { "pg_temp" });
    if may_create {
        transaction.batch_execute(&format!("CREATE SCHEMA {SCHEMA}")).await?;
        transaction.query_typed(include_str!("../queries/scratch_path.sql"), &[(&SCHEMA, Type::TEXT)]).await?;
    }
    let views = models.iter().zip(&rows).enumerate().map(|(number, (model, row))| {
        let own_name = may_create && row.get("found_by_its_name");
        let neutral = || Ident::generated("headwater model ", &number.to_string());
        QualifiedName::new(schema.clone(), if own_name { model.name.name.clone() } else { neutral() })
    });
    Ok(views.collect())
}

/// A SELECT that reads a temporary table can only be a temporary view. The compiler refuses such a model, with better
/// words than the server has for a temporary view in a lasting schema.
async fn create_anywhere(
    transaction: &mut Transaction<'_>,
    model: &SelectToResolve,
    view: &QualifiedName,
) -> Result<Result<Oid, ResolutionError>, Error> {
    let outcome = create_view(transaction, model, view).await?;
    match &outcome {
        Err(refusal) if refusal.sqlstate == SqlState::INVALID_TABLE_DEFINITION.code() => {
            let temporary = QualifiedName::new(ident("pg_temp"), Ident::generated("headwater ", view.name.as_str()));
            create_view(transaction, model, &temporary).await
        }
        _ => Ok(outcome),
    }
}

/// The new view's object id, or the server's refusal.
async fn create_view(
    transaction: &mut Transaction<'_>,
    model: &SelectToResolve,
    view: &QualifiedName,
) -> Result<Result<Oid, ResolutionError>, Error> {
    let head = create_head(view, &model.column_names);
    let savepoint = transaction.transaction().await?;
    // As a prepared statement: the server takes one statement only, so a second one in the SELECT is refused.
    match savepoint.query_typed(&format!("{head}{}", model.select), &[]).await {
        Ok(_) => {
            savepoint.commit().await?;
            let oid = "SELECT pg_catalog.to_regclass($1)::oid";
            let rows = transaction.query_typed(oid, &[(&view.to_string(), Type::TEXT)]).await?;
            Ok(Ok(rows[0].get(0)))
        }
        Err(error) => match error.as_db_error() {
            Some(db) if !error.is_closed() => {
                let refusal = refusal(db, &head, &model.select);
                savepoint.rollback().await?;
                Ok(Err(refusal))
            }
            _ => Err(error.into()),
        },
    }
}

fn create_head(view: &QualifiedName, column_names: &[Ident]) -> String {
    let columns: Vec<String> = column_names.iter().map(ToString::to_string).collect();
    let columns = if columns.is_empty() { String::new() } else { format!(" ({})", columns.join(", ")) };
    format!("CREATE VIEW {view}{columns} AS\n")
}

/// The server's position counts characters of the whole statement from one; ours counts bytes of the SELECT.
fn refusal(db: &DbError, head: &str, select: &str) -> ResolutionError {
    let offset = match db.position() {
        Some(ErrorPosition::Original(position)) => {
            let character = (*position as usize).checked_sub(1 + head.chars().count());
            character.map(|character| select.char_indices().nth(character).map_or(select.len(), |(offset, _)| offset))
        }
        _ => None,
    };
    ResolutionError {
        sqlstate: db.code().code().to_owned(),
        message: db.message().to_owned(),
        detail: db.detail().map(str::to_owned),
        hint: db.hint().map(str::to_owned),
        offset,
    }
}
