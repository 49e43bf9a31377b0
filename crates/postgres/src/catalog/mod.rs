//! Letting the server resolve models, and reading what the compiler must know of everything they read.
//!
//! [`resolve`] works in one transaction that is rolled back:
//!
//! 1. `scratch` creates each SELECT as a view, under the session's own `search_path`, so that the user's names mean
//!    what they mean to the user. The server's refusals become [`ResolutionError`]s.
//! 2. `rules` reads the views back, and the views under them, under `search_path = pg_catalog`: their normalised
//!    text, and from the stored tree (`node_tree`) the relations and functions in it.
//! 3. `relations` and `types` read tables, columns and keys; `functions` the functions.
//!
//! The queries are in `queries/*.sql`.

mod functions;
mod node_tree;
mod relations;
mod rules;
mod scratch;
mod types;

use std::collections::{BTreeMap, BTreeSet};

use headwater_catalog::{Catalog, Ident, QualifiedName, Resolution, ResolutionError, View};
use tokio_postgres::{Client, Transaction};

use crate::error::Error;
use relations::RelationKind;
use rules::{Oid, Rules};
use scratch::Created;

/// A model's SELECT, to be resolved by the server.
#[derive(Debug, Clone)]
pub struct SelectToResolve {
    /// The model's name.
    pub name: QualifiedName,
    /// The SELECT as the user wrote it.
    pub select: String,
    /// Column names declared for the view; empty where the SELECT's own are used.
    pub column_names: Vec<Ident>,
}

/// For every model, what the server made of it, or its refusal.
pub type Resolutions = BTreeMap<QualifiedName, Result<Resolution, ResolutionError>>;

/// Lets the server resolve every model and reads the catalog of all that they read. Nothing stays in the database.
///
/// A model may read another one, whether that one is installed or not: [`Catalog::views`] then holds the other model
/// with its own SELECT, under the name by which the definitions call it. `missing` is SQL that creates what models may
/// read and what is not there yet; where it fails, the models that need it do. Fails only where the connection or the
/// transaction does; what is wrong with a model is in its own result.
pub async fn resolve(
    client: &mut Client,
    models: &[SelectToResolve],
    missing: Option<&str>,
) -> Result<(Catalog, Resolutions), Error> {
    let mut transaction = client.build_transaction().read_only(false).start().await?;
    if let Some(sql) = missing {
        let savepoint = transaction.transaction().await?;
        match savepoint.batch_execute(sql).await {
            Ok(()) => savepoint.commit().await?,
            Err(_) => savepoint.rollback().await?,
        }
    }
    let created = scratch::create_views(&mut transaction, models).await?;
    transaction.batch_execute("SET LOCAL search_path = pg_catalog").await?;
    let read = read(&transaction, created).await;
    transaction.rollback().await?;
    read
}

async fn read(transaction: &Transaction<'_>, created: Created) -> Result<(Catalog, Resolutions), Error> {
    let Created { views, refused } = created;
    let mut resolutions: Resolutions = refused.into_iter().map(|(name, error)| (name, Err(error))).collect();

    let rules = Rules::read(transaction, &views).await?;
    let functions = functions::read(transaction, &rules).await?;
    let columns = relations::columns(transaction, &rules.relations()).await?;

    let mut read_by_models = BTreeSet::new();
    for (name, view) in &views {
        let reached = rules.reached_from(*view);
        if reached.contains(view) {
            resolutions.insert(name.clone(), Err(reads_itself(name)));
            continue;
        }
        let through = reached.iter().copied().chain([*view]).filter_map(|relation| rules.rule(relation));
        let resolution = Resolution {
            definition: rules.rule(*view).map(|rule| rule.definition.clone()).unwrap_or_default(),
            columns: columns.get(view).cloned().unwrap_or_default(),
            functions: functions.used_by(through),
        };
        resolutions.insert(name.clone(), Ok(resolution));
        read_by_models.extend(reached);
    }

    let mut catalog = Catalog { server_version: server_version(transaction).await?, ..Catalog::default() };
    let mut tables = Vec::new();
    for relation in read_by_models {
        let info = rules.relation(relation);
        match (rules.rule(relation), info.kind) {
            (Some(rule), _) => {
                let columns = columns.get(&relation).cloned().unwrap_or_default();
                let view = View { name: info.name.clone(), definition: rule.definition.clone(), columns };
                catalog.views.insert(info.name.clone(), view);
            }
            (None, RelationKind::Table(kind)) => tables.push((relation, info.name.clone(), kind)),
            (None, RelationKind::View) => {}
        }
    }
    catalog.tables = relations::tables(transaction, tables, &columns).await?;
    Ok((catalog, resolutions))
}

async fn server_version(transaction: &Transaction<'_>) -> Result<u32, Error> {
    let sql = "SELECT current_setting('server_version_num')::int4";
    let rows = transaction.query_typed(sql, &[]).await?;
    Ok(u32::try_from(rows[0].get::<_, i32>(0)).expect("a version is positive"))
}

fn reads_itself(name: &QualifiedName) -> ResolutionError {
    ResolutionError {
        sqlstate: "42P17".to_owned(),
        message: format!("the model {} reads itself, directly or through other models", name.short()),
        detail: None,
        hint: Some("let it read the tables that it is made from".to_owned()),
        offset: None,
    }
}

/// Names from the server's own catalog are identifiers already.
fn name(schema: &str, name: &str) -> QualifiedName {
    QualifiedName::parse(schema, name).expect("the server's names fit")
}

/// A name from the server's own catalog.
fn ident(name: &str) -> Ident {
    Ident::new(name).expect("the server's names fit")
}

/// A parameter for a list of object ids.
fn oids(relations: &BTreeSet<Oid>) -> Vec<Oid> {
    relations.iter().copied().collect()
}
