//! Open-loop load: so many transactions a second, whether the server keeps up or not. Each has its moment; where no client is free
//! then, it waits for one and the wait counts as latency. (Clients that begin the next transaction when the last one has ended would
//! hide a second's standstill in a single slow statement.)

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use headwater_postgres::{Client, Config, connect};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_postgres::Statement;

use crate::Failure;
use crate::load::{Feed, Value};

/// So long a statement may take, where nothing else is said.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What is written.
#[derive(Clone)]
pub enum Writes {
    /// One statement with parameters.
    One(String, Feed),
    /// Transactions without, drawn by weight.
    Mixed(Arc<[Transaction]>),
}

/// One of the transactions of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// Its name.
    pub name: String,
    /// How often it is drawn against the others.
    pub weight: u64,
    /// Its statements.
    pub statements: Vec<String>,
}

/// Transactions at a pace.
#[derive(Clone)]
pub struct Pace {
    /// Where.
    pub config: Config,
    /// What.
    pub writes: Writes,
    /// At most so many at a time.
    pub clients: usize,
    /// So many.
    pub per_second: f64,
    /// A statement that takes longer has failed.
    pub patience: Duration,
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// From the first moment to the last commit.
    pub seconds: f64,
    /// The moment of each transaction that committed, in seconds after the first one's, and its latency in milliseconds.
    pub samples: Vec<(f64, f64)>,
    /// SQLSTATE → transactions that failed with it.
    pub failed: BTreeMap<String, u64>,
}

impl Found {
    /// Commits per second.
    pub fn per_second(&self) -> f64 {
        self.samples.len() as f64 / self.seconds
    }
}

/// A load under way.
pub struct Running {
    /// The moment of the first transaction.
    pub start: Instant,
    stop: watch::Sender<bool>,
    thread: std::thread::JoinHandle<Result<Found, Failure>>,
}

impl Running {
    /// Ends it after the transactions that are due.
    pub async fn finish(self) -> Result<Found, Failure> {
        let _ = self.stop.send(true);
        let thread = self.thread;
        tokio::task::spawn_blocking(move || thread.join().map_err(|_| Failure::from("the load panicked"))).await??
    }
}

/// Connects and begins. All clients share a thread.
pub async fn start(pace: Pace) -> Result<Running, Failure> {
    let (stop, stopped) = watch::channel(false);
    let (tell, told) = tokio::sync::oneshot::channel();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(drive(pace, stopped, tell))
    });
    match told.await {
        Ok(start) => Ok(Running { start, stop, thread }),
        Err(_) => Err(match tokio::task::spawn_blocking(move || thread.join()).await? {
            Ok(Err(failure)) => failure,
            Ok(Ok(_)) => "the load did not begin".into(),
            Err(_) => "the load panicked".into(),
        }),
    }
}

async fn drive(
    pace: Pace,
    stopped: watch::Receiver<bool>,
    tell: tokio::sync::oneshot::Sender<Instant>,
) -> Result<Found, Failure> {
    let mut writers = Vec::new();
    for number in 0..pace.clients {
        writers.push(Writer::new(&pace, number).await?);
    }
    let start = Instant::now() + Duration::from_millis(20);
    let next = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for writer in writers {
        tasks.spawn(writer.write(start, 1.0 / pace.per_second, Arc::clone(&next), stopped.clone()));
    }
    let _ = tell.send(start);
    let mut all = Found::default();
    while let Some(one) = tasks.join_next().await {
        let one = one??;
        all.samples.extend(one.samples);
        for (code, times) in one.failed {
            *all.failed.entry(code).or_default() += times;
        }
    }
    all.seconds = start.elapsed().as_secs_f64();
    all.samples.sort_by(|one, other| one.0.total_cmp(&other.0));
    Ok(all)
}

/// One client.
struct Writer {
    client: Client,
    does: Does,
}

enum Does {
    One(Statement, Box<dyn FnMut() -> Vec<Value> + Send>),
    Mixed { transactions: Vec<(u64, Vec<Statement>)>, total: u64, state: u64 },
}

impl Writer {
    async fn new(pace: &Pace, number: usize) -> Result<Self, Failure> {
        let client = connect(&pace.config).await?;
        client.batch_execute(&format!("SET statement_timeout = {}", pace.patience.as_millis())).await?;
        let does = match &pace.writes {
            Writes::One(sql, feed) => Does::One(client.prepare(sql).await?, feed(number, pace.clients)),
            Writes::Mixed(transactions) => {
                let mut prepared = Vec::new();
                for transaction in transactions.iter() {
                    let mut statements = Vec::new();
                    for sql in &transaction.statements {
                        statements
                            .push(client.prepare(sql).await.map_err(|error| format!("{}: {error}", transaction.name))?);
                    }
                    prepared.push((transaction.weight, statements));
                }
                let total = prepared.iter().map(|(weight, _)| weight).sum::<u64>().max(1);
                Does::Mixed { transactions: prepared, total, state: number as u64 + 1 }
            }
        };
        Ok(Self { client, does })
    }

    async fn write(
        mut self,
        start: Instant,
        apart: f64,
        next: Arc<AtomicU64>,
        stopped: watch::Receiver<bool>,
    ) -> Result<Found, Failure> {
        let mut found = Found::default();
        loop {
            let due = start + Duration::from_secs_f64(next.fetch_add(1, Ordering::Relaxed) as f64 * apart);
            let mut since = due;
            if due > Instant::now() {
                tokio::time::sleep_until(due.into()).await;
                // The timer wakes it a little late; that is not the server's doing.
                since = Instant::now();
            }
            if *stopped.borrow() {
                return Ok(found);
            }
            match self.once().await {
                Ok(()) => found.samples.push(((due - start).as_secs_f64(), since.elapsed().as_secs_f64() * 1000.0)),
                Err(error) => {
                    let Some(code) = error.code() else { return Err(error.into()) };
                    *found.failed.entry(code.code().to_owned()).or_default() += 1;
                    if matches!(self.does, Does::Mixed { .. }) {
                        self.client.batch_execute("ROLLBACK").await?;
                    }
                }
            }
        }
    }

    async fn once(&mut self) -> Result<(), tokio_postgres::Error> {
        match &mut self.does {
            Does::One(statement, feed) => {
                let values = feed();
                let parameters: Vec<_> = values.iter().map(Value::as_sql).collect();
                self.client.execute(&*statement, &parameters).await?;
            }
            Does::Mixed { transactions, total, state } => {
                let chosen = draw(transactions, *total, state);
                match &transactions[chosen].1[..] {
                    [statement] => drop(self.client.execute(statement, &[]).await?),
                    several => {
                        self.client.batch_execute("BEGIN").await?;
                        for statement in several {
                            self.client.execute(statement, &[]).await?;
                        }
                        self.client.batch_execute("COMMIT").await?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// By weight, from a sequence that each writer has for itself (splitmix64).
fn draw<T>(weighted: &[(u64, T)], total: u64, state: &mut u64) -> usize {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut random = *state;
    random = (random ^ (random >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    random = (random ^ (random >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    let mut left = (random ^ (random >> 31)) % total;
    for (position, (weight, _)) in weighted.iter().enumerate() {
        if left < *weight {
            return position;
        }
        left -= weight;
    }
    0
}

/// Reads an example's `traffic/writes.sql`: `-- name: X weight: N`, and the statements below it. No text and no comment in it has
/// a semicolon.
pub fn transactions(text: &str) -> Vec<Transaction> {
    let mut all = Vec::new();
    for part in text.split("-- name: ").skip(1) {
        let (head, body) = part.split_once('\n').unwrap_or((part, ""));
        let (name, weight) = head.split_once(" weight: ").unwrap_or((head, "1"));
        let says =
            |statement: &&str| statement.lines().any(|line| !line.trim().is_empty() && !line.trim().starts_with("--"));
        let statements = body.split(';').filter(says).map(str::to_owned).collect();
        all.push(Transaction { name: name.trim().to_owned(), weight: weight.trim().parse().unwrap_or(1), statements });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_have_names_weights_and_statements() {
        let text = "-- preface; so\n-- name: a weight: 3\n-- why\nINSERT INTO t VALUES (1);\n\n-- Others ----\n-- name: b weight: 1\nUPDATE t SET x = 1;\nDELETE FROM t;\n-- The end\n";
        let found = transactions(text);
        let shapes: Vec<_> = found.iter().map(|t| (t.name.as_str(), t.weight, t.statements.len())).collect();
        assert_eq!(shapes, [("a", 3, 1), ("b", 1, 2)]);
    }

    #[test]
    fn weights_are_kept() {
        let mut state = 7;
        let first = (0..4000).filter(|_| draw(&[(3, ()), (1, ())], 4, &mut state) == 0).count();
        assert!((2800..3200).contains(&first), "{first} of 4000, about 3000 expected");
    }
}
