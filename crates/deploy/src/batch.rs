//! One batch: all eventual models from one snapshot to the next, in one transaction.
//!
//! Whoever runs a batch first takes the lock on `headwater.batch`, so batches follow each other whoever runs them: the leader,
//! `apply` while it fills, `verify` while it compares. Then it locks every source table against TRUNCATE and rewriting, which do not
//! heed snapshots, and only then takes its snapshot. The rest is `headwater.run_batch` in `sql/install/batch.sql`.

use std::time::Duration;

use headwater_postgres::retry::Attempts;
use tokio_postgres::{Client, SimpleQueryMessage, SimpleQueryRow, Transaction};

use crate::error::{During, Error};

/// How long a batch waits for a lock: for another batch, or for a TRUNCATE under way.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a batch is begun anew because models changed under it, or because the server's clock stood behind.
const FALSE_STARTS: u32 = 1000;

/// The key of the leader's advisory lock; `headwater.wait` knows it too.
pub const LEADER_KEY: i64 = i64::from_be_bytes(*b"hwtrmain");

/// How a batch is run.
#[derive(Debug, Clone, Copy, Default)]
pub struct How {
    /// Each model in a subtransaction: what fails is marked broken, the others go on.
    pub careful: bool,
    /// Models that are computed anew after changes do not wait for their turn.
    pub force: bool,
}

/// What a batch did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// False where there was nothing to do: nothing was written.
    pub done: bool,
    /// Its number, or the last one's.
    pub number: i64,
    /// Keys that were recomputed and rows that rebuilds wrote.
    pub keys: i64,
    /// Rows taken from the change queues.
    pub taken: i64,
    /// The epoch of the log's positions.
    pub epoch: i32,
    /// The last position of the log.
    pub pos: i64,
    /// Seconds until a row is due or a model may be rebuilt, where one is waited for; below zero where it is time.
    pub next_due: Option<f64>,
    /// Models that failed and are marked broken.
    pub failed: Vec<String>,
}

/// What must be locked before a batch's snapshot, for one generation of models.
#[derive(Debug, Clone)]
pub struct Preparation {
    generation: i64,
    lock: String,
}

impl Preparation {
    /// Reads it.
    pub async fn load(client: &Client) -> Result<Self, Error> {
        let sql = "SELECT (SELECT value::bigint FROM headwater.meta WHERE key = 'generation'), \
                   ARRAY(SELECT DISTINCT s FROM headwater.model AS m, unnest(m.sources) AS s \
                   WHERE m.step IS NOT NULL AND m.state <> 'retired' AND to_regclass(s) IS NOT NULL ORDER BY s)";
        let row = client.query_one(sql, &[]).await.during("reading which tables batches read")?;
        let sources: Vec<String> = row.get(1);
        let mut lock = "LOCK TABLE headwater.batch IN SHARE ROW EXCLUSIVE MODE".to_owned();
        if !sources.is_empty() {
            lock.push_str(&format!("; LOCK TABLE {} IN ACCESS SHARE MODE", sources.join(", ")));
        }
        Ok(Self { generation: row.get(0), lock })
    }

    /// Begins a transaction, locks, and runs the batch. The transaction stays open.
    #[must_use]
    pub fn begin(&self, how: How, lock_timeout: Duration) -> String {
        format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ; SET LOCAL lock_timeout = {timeout}; {lock}; \
             SELECT b.outcome, b.number, b.keys, b.taken, b.epoch, b.pos, extract(epoch FROM b.next_due - clock_timestamp()) AS due, \
             array_to_json(b.failed) AS failed FROM headwater.run_batch({generation}, {careful}, {force}) AS b",
            timeout = lock_timeout.as_millis(),
            lock = self.lock,
            generation = self.generation,
            careful = how.careful,
            force = how.force,
        )
    }
}

/// How one attempt ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The batch is done, or there was nothing to do.
    Ran(Batch),
    /// Other models are installed than the preparation knew.
    Stale,
    /// The server's clock is behind the last batch's.
    Early,
}

/// Reads the answer of [`Preparation::begin`]'s SELECT among the messages.
pub fn outcome(messages: &[SimpleQueryMessage]) -> Option<Outcome> {
    let row = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) if row.len() == 8 => Some(row),
        _ => None,
    })?;
    Some(match row.get(0).unwrap_or_default() {
        "stale" => Outcome::Stale,
        "early" => Outcome::Early,
        outcome => Outcome::Ran(ran(outcome == "done", row)),
    })
}

fn ran(done: bool, row: &SimpleQueryRow) -> Batch {
    let number = |column| row.get(column).and_then(|text| text.parse().ok()).unwrap_or_default();
    Batch {
        done,
        number: number(1),
        keys: number(2),
        taken: number(3),
        epoch: i32::try_from(number(4)).unwrap_or_default(),
        pos: number(5),
        next_due: row.get(6).and_then(|text| text.parse().ok()),
        failed: row.get(7).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default(),
    }
}

/// Runs a batch and gives its transaction, still open, in which all eventual models that serve equal their SELECTs.
pub async fn begin<'c>(client: &'c mut Client, how: How) -> Result<(Transaction<'c>, Batch), Error> {
    let doing = "running a batch";
    check_cluster(client).await?;
    for _ in 0..FALSE_STARTS {
        let preparation = Preparation::load(client).await?;
        let found = client.simple_query(&preparation.begin(how, LOCK_TIMEOUT)).await;
        match found.map(|messages| outcome(&messages)) {
            Ok(Some(Outcome::Ran(batch))) => {
                // The transaction is open already; this only gives it to the caller, who commits or lets it roll back.
                let transaction = adopt(client).await.during(doing)?;
                return Ok((transaction, batch));
            }
            Ok(_) => {
                client.batch_execute("ROLLBACK").await.during(doing)?;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Err(source) => {
                let _ = client.batch_execute("ROLLBACK").await;
                return Err(source).during(doing);
            }
        }
    }
    Err(Error::NoBatch)
}

/// BEGIN inside a transaction block changes nothing (the server gives a warning), so the open transaction becomes the client's.
async fn adopt(client: &mut Client) -> Result<Transaction<'_>, tokio_postgres::Error> {
    client.transaction().await
}

/// Runs one batch and commits it; repeats it where it meets a conflict.
pub async fn run(client: &mut Client, how: How) -> Result<Batch, Error> {
    let mut attempts = Attempts::default();
    loop {
        match run_once(client, how).await {
            Err(failure) if attempts.again_after(&failure).await => {}
            outcome => return outcome,
        }
    }
}

async fn run_once(client: &mut Client, how: How) -> Result<Batch, Error> {
    let (transaction, batch) = begin(client, how).await?;
    transaction.commit().await.during("committing a batch")?;
    Ok(batch)
}

/// Where this is another server than the last batch's, what is stored of transaction ids means nothing: models are rebuilt. True
/// where that was so.
pub async fn check_cluster(client: &mut Client) -> Result<bool, Error> {
    let doing = "looking whether this is still the same server";
    let sql = "SELECT c.system <> b.system OR c.timeline <> b.timeline FROM headwater.cluster() AS c, \
               (SELECT * FROM headwater.batch ORDER BY number DESC LIMIT 1) AS b";
    let moved = client.query_opt(sql, &[]).await.during(doing)?.is_some_and(|row| row.get(0));
    if !moved {
        return Ok(false);
    }
    let transaction = client.transaction().await.during(doing)?;
    transaction.batch_execute("LOCK TABLE headwater.batch IN SHARE ROW EXCLUSIVE MODE").await.during(doing)?;
    let row = transaction.query_one("SELECT headwater.begin_anew()", &[]).await.during(doing)?;
    transaction.commit().await.during(doing)?;
    Ok(row.get(0))
}

/// Makes every runner of batches read anew what to lock: part of each transaction that changes models or queues.
#[must_use]
pub fn next_generation() -> String {
    "UPDATE headwater.meta SET value = (value::bigint + 1)::text WHERE key = 'generation'".to_owned()
}

/// Keeps batches out until the transaction ends. Taken before source tables, as batches do.
#[must_use]
pub fn keep_out() -> String {
    "LOCK TABLE headwater.batch IN SHARE ROW EXCLUSIVE MODE".to_owned()
}
