//! HW0845: the server takes fewer connections than the pools of `[serve]` may open.
//!
//! Beside the pool, a server listens to the log with one connection, a leader has one and a command another; the application has its own.

use super::server_settings::{Server, alter};
use crate::finding::Finding;
use crate::look::Look;

/// A leader, one that stands by, a command, and one that listens.
const BESIDE: i64 = 5;

/// Looks at it, where something is served.
#[must_use]
pub fn find(server: &Server, look: &Look) -> Vec<Finding> {
    let serve = &look.settings.serve;
    let served = !serve.route.is_empty() || look.models.iter().any(|model| model.access.is_some());
    let pool = i64::try_from(serve.pool.size + serve.pool.overflow).unwrap_or(i64::MAX);
    if !served || serve.pool.pooler { Vec::new() } else { check(server, pool).into_iter().collect() }
}

fn check(server: &Server, pool: i64) -> Option<Finding> {
    let reserved = server.number("superuser_reserved_connections").unwrap_or_default()
        + server.number("reserved_connections").unwrap_or_default();
    let free = server.number("max_connections")? - reserved;
    let needed = pool + BESIDE;
    let message = format!(
        "the server takes {free} connections, and one headwater serve may open {pool}, and {BESIDE} are needed beside them"
    );
    (free < needed).then(|| {
        Finding::warning(845, "max_connections", message)
            .why("under load pages fail with HW0752, and so do the application's connections")
            .sql(alter("max_connections", &(needed + reserved).to_string())[0].clone())
            .advice("then restart the server; or make [serve.pool] size and overflow smaller")
    })
}

#[cfg(test)]
mod tests {
    use super::super::server_settings::sample;
    use super::*;

    #[test]
    fn the_reserved_ones_do_not_count() {
        let server = sample(&[
            ("max_connections", "60"),
            ("superuser_reserved_connections", "3"),
            ("reserved_connections", "2"),
        ]);
        assert!(check(&server, 50).is_none());
        let found = check(&server, 51).unwrap();
        assert_eq!(found.fix[0], crate::Fix::Sql("ALTER SYSTEM SET max_connections = '61'".into()));
    }
}
