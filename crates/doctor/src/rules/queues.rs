//! HW0876: a change queue grows.
//!
//! A leader that works takes its rows within moments. Without one, or while batches fail, all of them are kept.

use headwater_deploy::Error;

use crate::finding::Finding;
use crate::look::Look;

const SQL: &str = "SELECT q.source, pg_catalog.pg_stat_get_live_tuples(pg_catalog.to_regclass(q.name)) AS rows \
  FROM headwater.queue AS q ORDER BY 1";

/// Looks at every queue.
///
/// # Errors
/// The server's.
pub async fn find(look: &Look) -> Result<Vec<Finding>, Error> {
    if !look.installed {
        return Ok(Vec::new());
    }
    let rows = look.query(SQL, "reading how long the change queues are").await?;
    let finding = |row: &tokio_postgres::Row| {
        let (source, waiting): (&str, Option<i64>) = (row.get("source"), row.get("rows"));
        let waiting = waiting.unwrap_or_default();
        (waiting > look.settings.doctor.queue_rows).then(|| {
            Finding::warning(876, source, format!("about {waiting} changes of {source} wait in its queue"))
                .why("the next batch takes all of them at once, and the queue takes room until then")
                .command("headwater maintain")
        })
    };
    Ok(rows.iter().filter_map(finding).collect())
}
