//! What this database would refuse, found before anything is written: names taken by something else, rights missing,
//! views that stand on a view whose columns change.

use std::collections::BTreeSet;

use headwater_catalog::QualifiedName;
use headwater_compile::{CompiledModel, Diagnostic};
use tokio_postgres::{GenericClient, Row};

use crate::diff::{Action, Change, Diff};
use crate::error::{During, Error};
use crate::installed;
use crate::view;
use crate::wanted::Wanted;

/// Every reason why `diff` cannot be carried out, as diagnostics in the files of the models concerned.
pub async fn check(client: &impl GenericClient, wanted: &Wanted, diff: &Diff) -> Result<Vec<Diagnostic>, Error> {
    let mut found = missing_rights(client, wanted).await?;
    for change in &diff.changes {
        match wanted.models.iter().find(|model| model.name == change.name) {
            Some(model) => {
                found.extend(name_taken(client, wanted, model).await?);
                found.extend(columns_in_use(client, wanted, model, change).await?);
            }
            None => found.extend(removed_in_use(client, change, diff).await?),
        }
    }
    Ok(found)
}

async fn name_taken(
    client: &impl GenericClient,
    wanted: &Wanted,
    model: &CompiledModel,
) -> Result<Option<Diagnostic>, Error> {
    let (schema, name) = (model.name.schema.as_str(), model.name.name.as_str());
    let Some(row) = client
        .query_opt(include_str!("../sql/name_taken.sql"), &[&schema, &name])
        .await
        .during("looking for taken names")?
    else {
        return Ok(None);
    };
    let owner: String = row.get("owner");
    if row.get("ours") {
        let message = format!(
            "the view {} belongs to {owner}, and the role that Headwater connects as is no member of it",
            model.name.short()
        );
        let hint = format!("connect as {owner}, or ALTER VIEW {} OWNER TO the role that runs apply", model.name);
        return Ok((!row.get::<_, bool>("mine")).then(|| at(wanted, &model.name, 561, message).hint(hint)));
    }
    let kind: String = row.get("kind");
    let message =
        format!("the name {} is taken by {kind} of {owner} that Headwater did not create", model.name.short());
    let hint = match kind.as_str() {
        "a materialized view" => format!(
            "rename it (ALTER MATERIALIZED VIEW {} RENAME TO …) or drop it; the model then takes its name, and its readers notice nothing",
            model.name
        ),
        _ => "give the model another name, or rename what has it".to_owned(),
    };
    Ok(Some(at(wanted, &model.name, 560, message).label("taken").hint(hint)))
}

/// The view must be dropped when its columns do not merely grow at the end; then nothing may stand on it.
async fn columns_in_use(
    client: &impl GenericClient,
    wanted: &Wanted,
    model: &CompiledModel,
    change: &Change,
) -> Result<Option<Diagnostic>, Error> {
    if change.action != Action::Changed || view::columns_fit(client, model).await? {
        return Ok(None);
    }
    let dependents = view::dependents(client, &model.name, &[]).await?;
    let message =
        format!("the columns of {} change, and {} read the old ones", model.name.short(), dependents.join(", "));
    let hint = "only new columns at the end keep a view's readers; drop what depends on it and create it again after apply, or give the model another name";
    Ok((!dependents.is_empty()).then(|| at(wanted, &model.name, 562, message).hint(hint)))
}

async fn removed_in_use(
    client: &impl GenericClient,
    change: &Change,
    diff: &Diff,
) -> Result<Option<Diagnostic>, Error> {
    let going: Vec<_> = diff
        .changes
        .iter()
        .filter(|other| other.action == Action::Removed)
        .map(|other| other.name.to_string())
        .collect();
    let dependents = view::dependents(client, &change.name, &going).await?;
    let message = format!("{} is no longer wanted, and {} read it", change.name.short(), dependents.join(", "));
    Ok((!dependents.is_empty()).then(|| {
        Diagnostic::error(562, "", 0..0, message).hint("drop what depends on it first, or keep the model's file")
    }))
}

async fn missing_rights(client: &impl GenericClient, wanted: &Wanted) -> Result<Vec<Diagnostic>, Error> {
    let present = installed::is_present(client).await?;
    let sources = source_tables(wanted);
    let schemas: BTreeSet<_> = wanted.models.iter().map(|model| model.name.schema.as_str()).collect();
    let schemas: Vec<_> = schemas.into_iter().collect();
    let lacking = lacking(client, &sources, &schemas, present).await?;
    Ok(lacking.iter().map(|right| missing_right(wanted, right)).collect())
}

/// A right that the connected role lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacking {
    /// What it is on: `table`, `table owner`, `schema`, `schema missing`, `database` or `owner`.
    pub kind: String,
    /// The object, as the caller or the catalog names it.
    pub object: String,
    /// The right; of a table's owner, the owner.
    pub privilege: String,
    /// The role that lacks it.
    pub role: String,
}

/// What the connected role lacks to keep models: `sources` are quoted names of source tables, `schemas` those of the models, and
/// `present` tells whether Headwater's schema is there.
pub async fn lacking(
    client: &impl GenericClient,
    sources: &[String],
    schemas: &[&str],
    present: bool,
) -> Result<Vec<Lacking>, Error> {
    let sql = include_str!("../sql/privileges.sql");
    let rows = client.query(sql, &[&sources, &schemas, &present]).await.during("asking for rights")?;
    let lacking = |row: &Row| Lacking {
        kind: row.get("kind"),
        object: row.get("object"),
        privilege: row.get("privilege"),
        role: row.get("role"),
    };
    Ok(rows.iter().map(lacking).collect())
}

fn missing_right(wanted: &Wanted, right: &Lacking) -> Diagnostic {
    let Lacking { kind, object, privilege, role } = right;
    let reader = wanted.models.iter().find(|model| match kind.as_str() {
        "table" | "table owner" => reads(wanted, model, object),
        "schema" | "schema missing" => model.name.schema.as_str() == object.as_str(),
        _ => false,
    });
    let table = plain_name(wanted, object);
    let (code, message, hint) = match kind.as_str() {
        "schema missing" => (563, format!("the schema {object} does not exist"), format!("CREATE SCHEMA \"{object}\"")),
        "owner" => (
            561,
            format!("the role {role} may not change Headwater's schema in this database"),
            "connect as the role that installed it, or as a member of it".to_owned(),
        ),
        "table owner" => (
            561,
            format!("the table {table} belongs to {privilege}, and the role {role} is no member of it"),
            format!(
                "connect as a member of {privilege}, or give the table to a role that {role} is a member of \
                 (ALTER TABLE … OWNER TO …): only a table's owner can make triggers that always fire"
            ),
        ),
        _ => (
            561,
            format!("the role {role} lacks {privilege} on the {kind} {table}"),
            format!("GRANT {privilege} ON {} {object} TO \"{role}\"", kind.to_uppercase()),
        ),
    };
    match reader {
        Some(model) => at(wanted, &model.name, code, message).hint(hint),
        None => Diagnostic::error(code, "", 0..0, message).hint(hint),
    }
}

/// A table's name for people; anything else as it is.
fn plain_name(wanted: &Wanted, object: &str) -> String {
    let tables = wanted.catalog.tables.values().flat_map(|table| std::iter::once(&table.name).chain(&table.members));
    tables.into_iter().find(|name| name.to_string() == object).map_or_else(|| object.to_owned(), QualifiedName::short)
}

/// Every source table and partition, as quoted qualified names.
fn source_tables(wanted: &Wanted) -> Vec<String> {
    let sources: BTreeSet<_> = wanted.models.iter().flat_map(|model| &model.sources).collect();
    let tables = sources.into_iter().filter_map(|source| wanted.catalog.tables.get(source));
    tables.flat_map(|table| std::iter::once(&table.name).chain(&table.members)).map(ToString::to_string).collect()
}

fn reads(wanted: &Wanted, model: &CompiledModel, object: &str) -> bool {
    let tables = model.sources.iter().filter_map(|source| wanted.catalog.tables.get(source));
    tables.flat_map(|table| std::iter::once(&table.name).chain(&table.members)).any(|name| name.to_string() == object)
}

/// An error under a model's name in its file.
fn at(wanted: &Wanted, name: &QualifiedName, code: u16, message: String) -> Diagnostic {
    match wanted.declared.get(name) {
        Some(declared) => Diagnostic::error(code, &declared.file, declared.name_span.clone(), message),
        None => Diagnostic::error(code, "", 0..0, message),
    }
}
