//! HW0856: a prepared transaction waits for its end.
//!
//! It outlives sessions and restarts, holds its locks and keeps dead rows; whoever should have ended it has probably forgotten it.

use headwater_catalog::quote_literal;
use headwater_deploy::Error;
use headwater_deploy::error::During;

use crate::finding::Finding;
use crate::look::Look;

const SQL: &str = "SELECT gid, extract(epoch FROM clock_timestamp() - prepared)::float8 FROM pg_catalog.pg_prepared_xacts \
     WHERE database = pg_catalog.current_database() AND prepared < clock_timestamp() - pg_catalog.make_interval(secs => $1) ORDER BY 1";

/// Looks for them.
///
/// # Errors
/// The server's.
pub async fn find(look: &Look) -> Result<Vec<Finding>, Error> {
    let limit = look.settings.doctor.long_transaction.as_secs_f64();
    let rows = look.client.query(SQL, &[&limit]).await.during("looking for prepared transactions")?;
    let finding = |row: &tokio_postgres::Row| {
        let (gid, seconds): (&str, f64) = (row.get(0), row.get(1));
        Finding::warning(856, gid, format!("a transaction was prepared {seconds:.0} s ago and waits for its end"))
            .why("its locks stay, and so do the dead rows of queues and models, even over a restart")
            .sql(format!("ROLLBACK PREPARED {}", quote_literal(gid)))
            .advice("COMMIT PREPARED instead, where its coordinator has committed the other parts")
    };
    Ok(rows.iter().map(finding).collect())
}
