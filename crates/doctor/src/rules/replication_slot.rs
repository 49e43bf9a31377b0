//! HW0857: a replication slot that nobody reads holds WAL.
//!
//! The server keeps everything since the slot's position until the disk is full; a batch writes WAL all the time.

use headwater_catalog::quote_literal;
use headwater_deploy::Error;
use headwater_deploy::error::During;

use crate::finding::Finding;
use crate::look::Look;

const SQL: &str = "SELECT s.slot_name::text, \
       (pg_catalog.pg_wal_lsn_diff(CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn() ELSE pg_catalog.pg_current_wal_lsn() END, s.restart_lsn) / 1048576)::bigint, \
       coalesce(s.wal_status, '') \
  FROM pg_catalog.pg_replication_slots AS s \
 WHERE NOT s.active AND NOT s.temporary AND (s.database IS NULL OR s.database = pg_catalog.current_database()) ORDER BY 1";

/// Looks for them.
///
/// # Errors
/// The server's.
pub async fn find(look: &Look) -> Result<Vec<Finding>, Error> {
    let rows = look.client.query(SQL, &[]).await.during("looking at replication slots")?;
    let limit = look.settings.doctor.slot_megabytes;
    let finding = |row: &tokio_postgres::Row| {
        let (name, held, state): (&str, Option<i64>, &str) = (row.get(0), row.get(1), row.get(2));
        let lost = matches!(state, "lost" | "unreserved");
        let message = match held {
            Some(megabytes) if megabytes >= limit => {
                format!("nobody reads the slot {name}, which holds {megabytes} MB of WAL")
            }
            _ if lost => format!("the slot {name} has lost WAL that its reader needs, or is about to"),
            _ => return None,
        };
        let finding = Finding::warning(857, name, message)
            .why("the server keeps WAL for it until the disk is full, and dead rows where it has an xmin")
            .sql(format!("SELECT pg_drop_replication_slot({})", quote_literal(name)));
        Some(finding.advice("where its reader comes back, start that instead"))
    };
    Ok(rows.iter().filter_map(finding).collect())
}
