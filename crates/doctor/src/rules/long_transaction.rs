//! HW0855: a transaction is open for long.
//!
//! It keeps the dead rows of queues and models, lets `apply` wait before its swap, and a lock that it holds stops others.

use headwater_deploy::Error;
use headwater_deploy::error::During;

use crate::finding::Finding;
use crate::look::Look;

/// Looks for them.
///
/// # Errors
/// The server's.
pub async fn find(look: &Look) -> Result<Vec<Finding>, Error> {
    let limit = look.settings.doctor.long_transaction.as_secs_f64();
    let sql = include_str!("../../sql/long_transactions.sql");
    let rows = look.client.query(sql, &[&limit]).await.during("looking for long transactions")?;
    let mut found = Vec::new();
    for row in rows.iter().filter(|row| !row.get::<_, bool>("hidden")) {
        let (pid, seconds): (i32, f64) = (row.get("pid"), row.get("seconds"));
        let (role, state, query): (&str, &str, &str) = (row.get("role"), row.get("state"), row.get("query"));
        let words = query.split_whitespace().collect::<Vec<_>>().join(" ");
        let message = format!("a transaction of {role} is open for {seconds:.0} s ({state}): {words}");
        found.push(
            Finding::warning(855, format!("pid {pid}"), message)
                .why("dead rows of queues and models stay for as long as it is open, and apply waits for it before it swaps a model in")
                .sql(format!("SELECT pg_terminate_backend({pid})")),
        );
    }
    if rows.iter().any(|row| row.get::<_, bool>("hidden")) {
        found.push(
            Finding::warning(801, "long transactions", "the transactions of other roles cannot be seen")
                .why("a long one of theirs goes unseen")
                .sql(format!("GRANT pg_read_all_stats TO {}", look.role)),
        );
    }
    Ok(found)
}
