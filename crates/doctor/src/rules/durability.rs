//! HW0841: `fsync` is off. HW0842: `full_page_writes` is off.
//!
//! Headwater's models, queues and log are tables: they are as durable as the server, and a position that was shown to a client must not come
//! again with other content.

use super::server_settings::{Server, alter};
use crate::finding::Finding;

/// Looks at both.
#[must_use]
pub fn find(server: &Server) -> Vec<Finding> {
    let off = |code, name: &str, why: &str| {
        let finding = Finding::error(code, name, format!("{name} is off")).why(why);
        server.is_off(name).then(|| alter(name, "on").into_iter().fold(finding, Finding::sql))
    };
    [
        off(
            841,
            "fsync",
            "a crash of the machine may leave tables, models and log in any state; positions may be given out twice",
        ),
        off(
            842,
            "full_page_writes",
            "a page that a crash of the machine cut in half is not restored, in models as in tables",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}
