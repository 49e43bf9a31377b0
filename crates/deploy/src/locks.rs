//! Short table locks. Creating a trigger stops the writers of a table for a moment, and while it waits for its lock
//! every later writer waits behind it. So it waits for at most [`Patience::timeout`], gives way, and tries again.

use std::time::Duration;

use tokio_postgres::{Client, GenericClient};

use crate::error::{During, Error, LockHolder, is_conflict, is_lock_timeout};
use crate::progress::Progress;

/// How long and how often a table lock is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// `lock_timeout` of one attempt. Writers of the table wait behind it for at most this long.
    pub timeout: Duration,
    /// How many attempts; between two of them writers have the table for as long as one attempt took.
    pub attempts: u32,
}

impl Default for Patience {
    /// Two seconds, ten times: what an application's own statement timeout usually outlives.
    fn default() -> Self {
        Self { timeout: Duration::from_secs(2), attempts: 10 }
    }
}

/// One transaction's worth of SQL that locks source tables, tried again when a lock is not granted in time.
#[derive(Debug)]
pub struct Locking<'a> {
    /// What it is for, in words that follow "while".
    pub doing: &'a str,
    /// The tables it locks, as quoted qualified names.
    pub tables: &'a [String],
    /// It drops triggers, which waits for readers too.
    pub exclusive: bool,
    /// How long it waits.
    pub patience: Patience,
}

impl Locking<'_> {
    /// Runs `statements` in one transaction.
    pub async fn run(&self, client: &mut Client, statements: &[String], progress: &dyn Progress) -> Result<(), Error> {
        let mut attempt = 1;
        loop {
            let error = match self.attempt(client, statements).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if !is_lock_timeout(&error) && !is_conflict(&error) {
                return Err(error).during(self.doing);
            }
            let holders = lock_holders(client, self.tables, self.exclusive).await?;
            if attempt == self.patience.attempts {
                return Err(self.gave_up(holders, error));
            }
            match holders.first() {
                Some(holder) => progress.say(&format!("{} waits: {holder}", self.doing)),
                None => progress.say(&format!("{} met a lock; trying again", self.doing)),
            }
            attempt += 1;
            tokio::time::sleep(self.patience.timeout).await;
        }
    }

    async fn attempt(&self, client: &mut Client, statements: &[String]) -> Result<(), tokio_postgres::Error> {
        let transaction = client.transaction().await?;
        set_lock_timeout(&transaction, self.patience.timeout).await?;
        for statement in statements {
            transaction.batch_execute(statement).await?;
        }
        transaction.commit().await
    }

    fn gave_up(&self, holders: Vec<LockHolder>, source: tokio_postgres::Error) -> Error {
        Error::LockTimeout { doing: self.doing.to_owned(), tables: self.tables.join(", "), holders, source }
    }
}

/// Bounds every lock wait of the transaction that is open.
pub async fn set_lock_timeout(client: &impl GenericClient, timeout: Duration) -> Result<(), tokio_postgres::Error> {
    client.batch_execute(&format!("SET LOCAL lock_timeout = {}", timeout.as_millis())).await
}

/// Who holds locks on `tables` now, oldest transaction first.
pub async fn lock_holders(
    client: &impl GenericClient,
    tables: &[String],
    readers_too: bool,
) -> Result<Vec<LockHolder>, Error> {
    let rows = client
        .query(include_str!("../sql/lock_holders.sql"), &[&tables, &readers_too])
        .await
        .during("looking for who holds a lock")?;
    let holders = rows.iter().map(|row| LockHolder {
        relation: row.get("relation"),
        pid: row.get("pid"),
        user: row.get("usename"),
        state: row.get("state"),
        age: row.get("age"),
        query: row.get("query"),
    });
    Ok(holders.collect())
}

/// Takes ACCESS EXCLUSIVE on those of `tables` that this role may lock. The DDL that follows takes the same locks on
/// the others (CREATE TRIGGER asks only for TRIGGER); locking all of them first and in one order keeps two such
/// transactions from deadlocking.
#[must_use]
pub fn lock_tables(tables: &[String]) -> Option<String> {
    if tables.is_empty() {
        return None;
    }
    let mut sorted = tables.to_vec();
    sorted.sort();
    sorted.dedup();
    Some(format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", sorted.join(", ")))
}

/// Those of `tables` that LOCK TABLE would grant to this role in any mode.
pub async fn lockable(client: &impl GenericClient, tables: &[String]) -> Result<Vec<String>, Error> {
    let sql = "SELECT t FROM unnest($1::text[]) AS t \
               WHERE to_regclass(t) IS NOT NULL AND has_table_privilege(to_regclass(t)::oid, 'UPDATE, DELETE, TRUNCATE')";
    let rows = client.query(sql, &[&tables]).await.during("asking which tables may be locked")?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
