//! HW0848: `shared_buffers` is tiny.
//!
//! Pages of models, queues and the log are written and read again within seconds; below PostgreSQL's own default they are read from the
//! operating system each time, and batches and pages share what is left.

use super::server_settings::{Server, alter};
use crate::finding::Finding;

/// PostgreSQL's default, 128 MB, in pages of 8 kB.
const DEFAULT_PAGES: i64 = 16_384;

/// Looks at it.
#[must_use]
pub fn find(server: &Server) -> Vec<Finding> {
    let pages = server.number("shared_buffers").filter(|pages| *pages < DEFAULT_PAGES);
    pages
        .map(|pages| {
            Finding::warning(
                848,
                "shared_buffers",
                format!("shared_buffers is {} kB; the default is 128 MB", pages * 8),
            )
            .why("what a batch has written and a page reads again is not kept in memory")
            .sql(alter("shared_buffers", "128MB")[0].clone())
            .advice("then restart the server")
        })
        .into_iter()
        .collect()
}
