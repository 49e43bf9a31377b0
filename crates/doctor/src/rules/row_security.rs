//! HW0863: row security hides rows of a source table from Headwater's role.
//!
//! A model would hold only the rows that this role sees. An owner is exempt unless the table says FORCE; others need BYPASSRLS.

use std::collections::BTreeSet;

use headwater_deploy::Error;
use headwater_deploy::error::During;

use crate::finding::Finding;
use crate::look::{Look, named};

const SQL: &str = "SELECT n.nspname::text AS schema_name, c.relname::text AS table_name, \
       c.relforcerowsecurity AND pg_catalog.pg_has_role(c.relowner, 'USAGE') AS is_forced \
  FROM pg_catalog.unnest($1::text[]) AS t \
  JOIN pg_catalog.pg_class AS c ON c.oid = pg_catalog.to_regclass(t)::oid \
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
 WHERE c.relrowsecurity AND pg_catalog.row_security_active(c.oid) ORDER BY 1, 2";

/// Looks at the source tables of the installed models.
///
/// # Errors
/// The server's.
pub async fn find(look: &Look) -> Result<Vec<Finding>, Error> {
    let sources: BTreeSet<&String> = look.models.iter().flat_map(|model| &model.sources).collect();
    let sources: Vec<&String> = sources.into_iter().collect();
    let rows = look.client.query(SQL, &[&sources]).await.during("looking at row security")?;
    let mut found = Vec::new();
    for row in rows {
        let table = named(&row, "schema_name", "table_name")?;
        let message = format!("row security of {} applies to the role {}", table.short(), look.role.as_str());
        let finding = Finding::error(863, table.short(), message)
            .why("its models hold only the rows that this role sees, and are compared with only those");
        found.push(match row.get("is_forced") {
            true => finding.sql(format!("ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")),
            false => finding.sql(format!("ALTER ROLE {} BYPASSRLS", look.role)),
        });
    }
    Ok(found)
}
