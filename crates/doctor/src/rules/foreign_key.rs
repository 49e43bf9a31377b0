//! HW0825: a foreign key whose columns no index begins with.
//!
//! Deleting a user looks for the posts of that user: without an index in all posts, once for each deleted user, while the writer and all who
//! wait for its locks wait. Headwater's triggers fire in the same statement. On a small table it is a note.

use headwater_catalog::Ident;
use headwater_deploy::Error;

use crate::finding::Finding;
use crate::look::{Look, named};

/// Looks for them.
///
/// # Errors
/// The server's.
pub async fn find(look: &Look) -> Result<Vec<Finding>, Error> {
    let rows = look.query(include_str!("../../sql/foreign_keys.sql"), "reading the foreign keys").await?;
    let mut found = Vec::new();
    for row in rows {
        let (table, target) = (named(&row, "schema_name", "table_name")?, named(&row, "target_schema", "target_name")?);
        let columns: Vec<String> = row.get("columns");
        let written: Result<Vec<String>, _> =
            columns.iter().map(|column| Ident::new(column.clone()).map(|name| name.to_string())).collect();
        let written = written.map_err(|_| Error::ForeignSchema)?;
        let object = format!("{}({})", table.short(), columns.join(", "));
        let message = format!("{object} refers to {} and no index begins with it", target.short());
        let large = look.rows_of(table.schema.as_str(), table.name.as_str()) > look.settings.doctor.scan_rows;
        let finding = match large {
            true => Finding::warning(825, object, message),
            false => Finding::note(825, object, message),
        };
        let concurrently = if row.get("is_partitioned") { "" } else { "CONCURRENTLY " };
        found.push(
            finding
                .why(format!(
                    "deleting a row of {}, or changing its key, reads all of {} while the writer waits",
                    target.short(),
                    table.short()
                ))
                .sql(format!("CREATE INDEX {concurrently}ON {table} ({})", written.join(", "))),
        );
    }
    Ok(found)
}
