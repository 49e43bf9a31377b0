//! The schema lock: whoever installs, changes or removes Headwater's objects holds it, and only it hands out the
//! connection to do so with.

use std::ops::{Deref, DerefMut};
use std::time::{Duration, Instant};

use tokio_postgres::Client;
use tokio_postgres::types::Type;

use crate::error::Error;

/// The advisory lock's key. Advisory locks belong to one database, so one key serves all.
pub const SCHEMA_LOCK_KEY: i64 = i64::from_be_bytes(*b"headwatr");

/// The pause between two tries while another session holds the lock.
const PAUSE: Duration = Duration::from_millis(100);

/// A connection whose session holds the schema lock. It must be a session of the server's own: a pooler in
/// transaction mode would hand the session to others.
#[derive(Debug)]
pub struct SchemaLock {
    client: Client,
}

impl SchemaLock {
    /// Takes the lock, waiting for at most `wait`; then the failure names the session that holds it.
    pub async fn acquire(client: Client, wait: Duration) -> Result<Self, Error> {
        let deadline = Instant::now() + wait;
        loop {
            let row = client.query_typed("SELECT pg_try_advisory_lock($1)", &[(&SCHEMA_LOCK_KEY, Type::INT8)]).await?;
            if row[0].get(0) {
                return Ok(Self { client });
            }
            if Instant::now() >= deadline {
                return Err(holder(&client).await?);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Gives the lock up and the connection back.
    pub async fn release(self) -> Result<Client, Error> {
        self.client.query_typed("SELECT pg_advisory_unlock($1)", &[(&SCHEMA_LOCK_KEY, Type::INT8)]).await?;
        Ok(self.client)
    }
}

impl Deref for SchemaLock {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl DerefMut for SchemaLock {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.client
    }
}

/// Who holds it, as an error. It may have been given up a moment ago; then nobody is named.
async fn holder(client: &Client) -> Result<Error, Error> {
    let sql = include_str!("queries/lock_holder.sql");
    let rows = client.query_typed(sql, &[(&SCHEMA_LOCK_KEY, Type::INT8)]).await?;
    Ok(match rows.first() {
        None => Error::Busy { pid: None, holder: String::new(), held_for: None },
        Some(row) => Error::Busy {
            pid: Some(row.get("pid")),
            holder: row.get("application_name"),
            held_for: row.get::<_, Option<f64>>("seconds").and_then(|s| Duration::try_from_secs_f64(s).ok()),
        },
    })
}
