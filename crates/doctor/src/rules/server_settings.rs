//! The server's settings as a new session of this role has them; several rules look at them.

use std::collections::BTreeMap;

use headwater_deploy::Error;

use crate::look::Look;

const SQL: &str = "SELECT name::text, reset_val::text FROM pg_catalog.pg_settings WHERE name = ANY (ARRAY['fsync', 'full_page_writes', \
     'autovacuum', 'track_counts', 'max_connections', 'superuser_reserved_connections', 'reserved_connections', \
     'idle_in_transaction_session_timeout', 'statement_timeout', 'shared_buffers'])";

/// Their values by name, in PostgreSQL's units.
#[derive(Debug, Clone, Default)]
pub struct Server(pub BTreeMap<String, String>);

impl Server {
    /// True where a switch is off.
    #[must_use]
    pub fn is_off(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| value == "off")
    }

    /// A number; none where the server does not have the setting.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<i64> {
        self.0.get(name)?.parse().ok()
    }
}

/// Reads them.
///
/// # Errors
/// The server's.
pub async fn read(look: &Look) -> Result<Server, Error> {
    let rows = look.query(SQL, "reading the settings").await?;
    Ok(Server(rows.iter().map(|row| (row.get(0), row.get::<_, Option<String>>(1).unwrap_or_default())).collect()))
}

/// Statements that change a setting that a reload brings into force.
#[must_use]
pub fn alter(name: &str, value: &str) -> [String; 2] {
    [format!("ALTER SYSTEM SET {name} = '{value}'"), "SELECT pg_reload_conf()".to_owned()]
}

#[cfg(test)]
pub(crate) fn sample(values: &[(&str, &str)]) -> Server {
    Server(values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}
