//! HW0862: everybody has rights that nobody granted on purpose.
//!
//! Nobody but their owner needs a right on anything in the schema `headwater`: trigger functions run with their owner's rights, and readers read
//! the public views. Where everybody may create things in a schema, anybody may take the name of a table or model that is to come.

use headwater_catalog::{Ident, QualifiedName};
use headwater_deploy::Error;

use crate::finding::Finding;
use crate::look::Look;

/// Looks at what PUBLIC may do.
///
/// # Errors
/// The server's.
pub async fn find(look: &Look) -> Result<Vec<Finding>, Error> {
    let rows = look.query(include_str!("../../sql/public_rights.sql"), "reading the rights of everybody").await?;
    let mut found = Vec::new();
    for row in rows {
        let (kind, schema): (&str, String) = (row.get("kind"), row.get("schema_name"));
        let (name, arguments): (String, &str) = (row.get("name"), row.get("arguments"));
        let schema_name = Ident::new(schema.clone()).map_err(|_| Error::ForeignSchema)?;
        found.push(match kind {
            "SCHEMA" if schema != "headwater" => {
                Finding::warning(862, &schema, format!("everybody may create things in the schema {schema}"))
                    .why("anybody may put a table, function or operator there that others then use by its bare name")
                    .sql(format!("REVOKE CREATE ON SCHEMA {schema_name} FROM PUBLIC"))
            }
            "SCHEMA" => Finding::error(862, &schema, "everybody has rights on the schema headwater")
                .why("rows of models that are not public may be read there, past every access rule")
                .sql(format!("REVOKE ALL ON SCHEMA {schema_name} FROM PUBLIC")),
            _ => {
                let qualified = QualifiedName::parse(&schema, &name).map_err(|_| Error::ForeignSchema)?;
                let arguments = if kind == "FUNCTION" { format!("({arguments})") } else { String::new() };
                Finding::error(862, qualified.short(), format!("everybody has rights on {}", qualified.short()))
                    .why("nobody but its owner needs them; readers read the public views")
                    .sql(format!("REVOKE ALL ON {kind} {qualified}{arguments} FROM PUBLIC"))
            }
        });
    }
    Ok(found)
}
