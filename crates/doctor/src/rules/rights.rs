//! HW0861: the role that looks lacks a right that Headwater's role needs.
//!
//! `doctor` is meant to be run as the role that runs `apply`: it says what that role lacks before a deployment fails over it.

use std::collections::BTreeSet;

use headwater_catalog::Ident;
use headwater_deploy::Error;
use headwater_deploy::error::During;
use headwater_deploy::precheck::{Lacking, lacking};

use crate::finding::Finding;
use crate::look::Look;

/// Asks for the rights on the sources and schemas of the installed models.
///
/// # Errors
/// The server's.
pub async fn find(look: &Look) -> Result<Vec<Finding>, Error> {
    let sources: BTreeSet<&String> = look.models.iter().flat_map(|model| &model.sources).collect();
    let sources: Vec<String> = sources.into_iter().cloned().collect();
    let schemas: BTreeSet<&str> = look.models.iter().map(|model| model.name.schema.as_str()).collect();
    let schemas: Vec<&str> = schemas.into_iter().collect();
    let missing = lacking(&look.client, &sources, &schemas, look.installed).await?;
    let owner = owner(look).await?;
    Ok(missing.iter().filter_map(|right| finding(right, look, owner.as_ref())).collect())
}

/// Who owns Headwater's schema.
async fn owner(look: &Look) -> Result<Option<Ident>, Error> {
    let sql =
        "SELECT pg_catalog.pg_get_userbyid(nspowner)::text FROM pg_catalog.pg_namespace WHERE nspname = 'headwater'";
    let row = look.client.query_opt(sql, &[]).await.during("asking who owns the schema headwater")?;
    Ok(row.and_then(|row| Ident::new(row.get::<_, String>(0)).ok()))
}

fn finding(right: &Lacking, look: &Look, owner: Option<&Ident>) -> Option<Finding> {
    let Lacking { kind, object, privilege, .. } = right;
    let role = &look.role;
    let found = |message: String| Finding::error(861, object.clone(), message);
    Some(match kind.as_str() {
        "table" => found(format!("the role {} may not read {object}", role.as_str()))
            .why("the models that read it can neither be filled nor compared nor built anew")
            .sql(format!("GRANT {privilege} ON TABLE {object} TO {role}")),
        "table owner" => found(format!("the role {} is no member of {privilege}, who owns {object}", role.as_str()))
            .why("only the owner of a table can make triggers that always fire")
            .sql(format!("GRANT {} TO {role}", Ident::new(privilege.clone()).ok()?)),
        "schema" => found(format!("the role {} may not create views in the schema {object}", role.as_str()))
            .why("apply cannot put a model's view there")
            .sql(format!("GRANT CREATE ON SCHEMA {} TO {role}", Ident::new(object.clone()).ok()?)),
        "database" => found(format!("the role {} may not create schemas in {object}", role.as_str()))
            .why("apply cannot create its schema, and models cannot be resolved in one that is rolled back")
            .sql(format!("GRANT CREATE ON DATABASE {} TO {role}", look.database)),
        "owner" => found(format!("the role {} may not change Headwater's schema", role.as_str()))
            .why("apply, maintain, verify and refresh write there")
            .sql(format!("GRANT {} TO {role}", owner?)),
        _ => return None,
    })
}
