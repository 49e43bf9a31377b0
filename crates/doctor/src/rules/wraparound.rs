//! HW0851: a table's oldest transaction id is older than autovacuum lets it become.
//!
//! Autovacuum should have frozen it: a long transaction, a prepared one or a slot keeps it from that, or it cannot keep up. At two thousand
//! million the server takes no more writes. The twenty oldest tables are named.

use headwater_deploy::Error;

use crate::finding::Finding;
use crate::look::{Look, named};

/// The age at which vacuum drops everything else (vacuum_failsafe_age).
const FAILSAFE: i32 = 1_600_000_000;

/// Looks at every table.
///
/// # Errors
/// The server's.
pub async fn find(look: &Look) -> Result<Vec<Finding>, Error> {
    let rows = look.query(include_str!("../../sql/wraparound.sql"), "reading the ages of tables").await?;
    let mut found = Vec::new();
    for row in rows {
        let table = named(&row, "schema_name", "table_name")?;
        let (age, allowed): (i32, i32) = (row.get("age"), row.get("allowed"));
        let message =
            format!("the oldest transaction id in {} is {age} old; autovacuum acts at {allowed}", table.short());
        let finding = match age > FAILSAFE {
            true => Finding::error(851, table.short(), message),
            false => Finding::warning(851, table.short(), message),
        };
        found.push(
            finding
                .why("at an age of two thousand million the server takes no more writes; something keeps vacuum from freezing the table")
                .sql(format!("VACUUM (FREEZE) {table}")),
        );
    }
    Ok(found)
}
