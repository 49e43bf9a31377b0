//! HW0843: `autovacuum` is off. HW0844: `track_counts` is off, without which autovacuum does not know where to go.
//!
//! Queues, lock rows and counters are updated and deleted all the time. Without vacuum they grow without end, and every look into them gets slower.

use super::server_settings::{Server, alter};
use crate::finding::Finding;

/// Looks at both.
#[must_use]
pub fn find(server: &Server) -> Vec<Finding> {
    let off = |code, name: &str, why: &str| {
        let finding = Finding::error(code, name, format!("{name} is off")).why(why);
        server.is_off(name).then(|| alter(name, "on").into_iter().fold(finding, Finding::sql))
    };
    let why = "change queues, lock rows and counters leave dead rows with every write; nothing removes them";
    [off(843, "autovacuum", why), off(844, "track_counts", "autovacuum sees no table that needs it; so does doctor")]
        .into_iter()
        .flatten()
        .collect()
}
