//! HW0852: autovacuum is switched off for a table. HW0853: a table has many dead rows. HW0854: a table was never analyzed.
//!
//! Dead rows are read and skipped by every scan and swell indexes. Without statistics the planner guesses, and so does doctor.

use headwater_deploy::Error;

use crate::finding::Finding;
use crate::look::{Look, named};

/// Looks at every table.
///
/// # Errors
/// The server's.
pub async fn find(look: &Look) -> Result<Vec<Finding>, Error> {
    let rows = look.query(include_str!("../../sql/vacuum.sql"), "reading what vacuum has done").await?;
    let mut found = Vec::new();
    for row in rows {
        let table = named(&row, "schema_name", "table_name")?;
        let (live, dead): (i64, i64) = (row.get("live"), row.get("dead"));
        if !row.get::<_, bool>("enabled") {
            found.push(
                Finding::warning(852, table.short(), format!("autovacuum is switched off for {}", table.short()))
                    .why("nothing removes its dead rows, and nothing keeps its statistics, until wraparound is near")
                    .sql(format!("ALTER TABLE {table} RESET (autovacuum_enabled)")),
            );
        }
        if dead > look.settings.doctor.dead_rows && dead > live / 2 {
            let message = format!("{} has about {dead} dead rows beside {live} live ones", table.short());
            found.push(
                Finding::warning(853, table.short(), message)
                    .why("every scan reads them and every index points at them; a long transaction, a slot or a slow autovacuum keeps them")
                    .sql(format!("VACUUM (ANALYZE) {table}")),
            );
        }
        // Lock rows and queues are found by their keys alone, whatever statistics say.
        let is_housekeeping = table.schema.as_str() == "headwater"
            && look.models.iter().all(|model| model.table_name != table.name.as_str());
        if row.get("never_analyzed") && live > look.settings.doctor.scan_rows && !is_housekeeping {
            let message = format!("{} has about {live} rows and was never analyzed", table.short());
            found.push(
                Finding::warning(854, table.short(), message)
                    .why("the planner guesses how many rows it has and what they hold, and so does doctor")
                    .sql(format!("ANALYZE {table}")),
            );
        }
    }
    Ok(found)
}
