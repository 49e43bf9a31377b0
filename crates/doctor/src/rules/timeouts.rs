//! HW0846: sessions may stay idle in a transaction for ever. HW0847: statements of Headwater's role are cut off early.
//!
//! One forgotten transaction keeps the dead rows of queues and models, and lets an `apply` wait for its table. A statement timeout of the
//! role, on the other hand, ends the fill of a large model, and `verify`, in the middle.

use super::server_settings::Server;
use crate::finding::Finding;
use crate::look::Look;

/// A fill's range takes seconds, a large model's comparison minutes.
const ENOUGH_MS: i64 = 600_000;

/// Looks at both.
#[must_use]
pub fn find(server: &Server, look: &Look) -> Vec<Finding> {
    let mut found = Vec::new();
    if server.number("idle_in_transaction_session_timeout") == Some(0) {
        found.push(
            Finding::note(846, "idle_in_transaction_session_timeout", "a session may stay idle in a transaction for ever")
                .why("one that does keeps dead rows of queues and models alive, and apply waits for the tables that it has locked")
                .sql(format!("ALTER DATABASE {} SET idle_in_transaction_session_timeout = '5min'", look.database)),
        );
    }
    if let Some(limit) = server.number("statement_timeout").filter(|limit| (1..ENOUGH_MS).contains(limit)) {
        let message = format!("statements of the role {} end after {limit} ms", look.role.as_str());
        found.push(
            Finding::warning(847, "statement_timeout", message)
                .why("apply, refresh and verify of a large model need longer; the leader and the server set limits of their own")
                .sql(format!("ALTER ROLE {} IN DATABASE {} SET statement_timeout = 0", look.role, look.database)),
        );
    }
    found
}
