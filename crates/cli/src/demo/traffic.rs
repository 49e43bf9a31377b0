//! The writers: each has a connection of its own and runs transactions of `traffic/writes.sql`, drawn by weight.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use headwater_deploy::error::{is_conflict, went_away};
use headwater_deploy::{Error, Progress};
use headwater_postgres::{Client, Config, connect, describe};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::bars::Bars;
use headwater_deploy::project::script;

/// One kind of transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// Its name.
    pub name: String,
    /// How often it is drawn against the others.
    pub weight: u64,
    /// Its statements, run between BEGIN and COMMIT.
    pub statements: Vec<String>,
}

/// What all writers did together.
#[derive(Debug, Default)]
pub struct Totals {
    /// Transactions that committed.
    pub committed: u64,
    /// Transactions that were repeated because of a serialization failure or a deadlock.
    pub repeated: u64,
    /// Other errors, with how often and where.
    pub failures: BTreeMap<String, u64>,
}

/// Reads `-- name: X weight: N` and the statements under it.
pub fn parse(text: &str) -> Vec<Transaction> {
    let mut transactions: Vec<(Transaction, String)> = Vec::new();
    for line in text.lines() {
        if let Some(head) = line.strip_prefix("-- name:") {
            let (name, weight) = head.split_once("weight:").unwrap_or((head, "1"));
            let weight = weight.trim().parse().unwrap_or(1);
            transactions
                .push((Transaction { name: name.trim().to_owned(), weight, statements: Vec::new() }, String::new()));
        } else if let Some((_, body)) = transactions.last_mut() {
            body.push_str(line);
            body.push('\n');
        }
    }
    let finish = |(transaction, body): (Transaction, String)| Transaction {
        statements: script::statements(&body).into_iter().map(str::to_owned).collect(),
        ..transaction
    };
    transactions.into_iter().map(finish).filter(|transaction| !transaction.statements.is_empty()).collect()
}

/// Writers at work.
pub struct Writers {
    tasks: JoinSet<Totals>,
    committed: Arc<AtomicU64>,
}

/// How many write, and how fast.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Connections.
    pub count: u32,
    /// Transactions a second, all together; as many as they can where not given.
    pub rate: Option<f64>,
}

/// Connects the writers, then lets them all begin.
pub async fn start(
    config: &Config,
    transactions: &[Transaction],
    Pace { count, rate }: Pace,
    stop: &watch::Receiver<bool>,
) -> Result<Writers, Error> {
    let transactions: Arc<[Transaction]> = transactions.into();
    let committed = Arc::new(AtomicU64::new(0));
    let mut config = config.clone();
    config.application_name("headwater demo writer");
    let mut clients = Vec::new();
    for _ in 0..count {
        clients.push(connect(&config).await?);
    }
    let pause = rate.map(|rate| Duration::from_secs_f64(f64::from(count) / rate));
    let mut tasks = JoinSet::new();
    for (number, client) in clients.into_iter().enumerate() {
        let draw = Draw::new(&transactions, number as u64);
        tasks.spawn(write(client, Arc::clone(&transactions), draw, stop.clone(), Arc::clone(&committed), pause));
    }
    Ok(Writers { tasks, committed })
}

/// Draws a bar while they write, until `duration` is over or the user interrupts.
pub async fn watch(bars: &Bars, writers: &Writers, duration: Option<Duration>, mut interrupted: watch::Receiver<bool>) {
    let started = Instant::now();
    bars.begin("writing", duration.map_or(0, |duration| duration.as_secs()));
    let draw = async {
        while duration.is_none_or(|duration| started.elapsed() < duration) {
            bars.done(started.elapsed().as_secs());
            bars.note(format!("{} transactions", writers.committed.load(Ordering::Relaxed)));
            let left = duration.map_or(Duration::MAX, |duration| duration.saturating_sub(started.elapsed()));
            tokio::time::sleep(Duration::from_millis(100).min(left)).await;
        }
    };
    tokio::select! {
        () = draw => {}
        _ = interrupted.wait_for(|interrupted| *interrupted) => bars.say("stopping the writers; the models are verified next"),
    }
    bars.end();
}

impl Writers {
    /// Waits until every writer has ended its transaction and its connection.
    pub async fn finish(mut self) -> Totals {
        let mut totals = Totals::default();
        while let Some(one) = self.tasks.join_next().await {
            let one = one.expect("writers do not panic");
            totals.committed += one.committed;
            totals.repeated += one.repeated;
            for (failure, times) in one.failures {
                *totals.failures.entry(failure).or_default() += times;
            }
        }
        totals
    }
}

async fn write(
    client: Client,
    transactions: Arc<[Transaction]>,
    mut draw: Draw,
    mut stop: watch::Receiver<bool>,
    committed: Arc<AtomicU64>,
    pause: Option<Duration>,
) -> Totals {
    let mut totals = Totals::default();
    if transactions.is_empty() {
        return totals;
    }
    while !*stop.borrow() {
        let began = Instant::now();
        let transaction = &transactions[draw.next()];
        match run(&client, transaction, &mut totals.repeated).await {
            Ok(()) => {
                totals.committed += 1;
                committed.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                *totals.failures.entry(format!("{}: {}", transaction.name, describe(&error))).or_default() += 1;
                if went_away(&error) {
                    break;
                }
            }
        }
        if let Some(pause) = pause {
            rest(pause.saturating_sub(began.elapsed()), &mut stop).await;
        }
    }
    totals
}

async fn rest(pause: Duration, stop: &mut watch::Receiver<bool>) {
    tokio::select! {
        () = tokio::time::sleep(pause) => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
}

/// Runs one transaction, again and again while it meets conflicts.
async fn run(client: &Client, transaction: &Transaction, repeated: &mut u64) -> Result<(), tokio_postgres::Error> {
    loop {
        let error = match attempt(client, transaction).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        client.batch_execute("ROLLBACK").await?;
        if !is_conflict(&error) {
            return Err(error);
        }
        *repeated += 1;
    }
}

/// A single statement goes as it is, as applications send it; several go one after the other.
async fn attempt(client: &Client, transaction: &Transaction) -> Result<(), tokio_postgres::Error> {
    if let [statement] = transaction.statements.as_slice() {
        return client.batch_execute(statement).await;
    }
    client.batch_execute("BEGIN").await?;
    for statement in &transaction.statements {
        client.batch_execute(statement).await?;
    }
    client.batch_execute("COMMIT").await
}

/// Draws by weight, from a sequence that each writer has for itself (splitmix64).
struct Draw {
    weights: Vec<u64>,
    total: u64,
    state: u64,
}

impl Draw {
    fn new(transactions: &[Transaction], seed: u64) -> Self {
        let weights: Vec<_> = transactions.iter().map(|transaction| transaction.weight).collect();
        Self { total: weights.iter().sum::<u64>().max(1), weights, state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) }
    }

    fn next(&mut self) -> usize {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut random = self.state;
        random = (random ^ (random >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        random = (random ^ (random >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let mut left = (random ^ (random >> 31)) % self.total;
        for (index, weight) in self.weights.iter().enumerate() {
            if left < *weight {
                return index;
            }
            left -= weight;
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "-- preface; with a semicolon\n\n-- name: a weight: 3\nINSERT INTO t VALUES (';');\n-- name: b weight: 1\n-- why\nUPDATE t SET x = 1;\nDELETE FROM t;\n";

    #[test]
    fn transactions_have_names_weights_and_statements() {
        let found = parse(TEXT);
        let shapes: Vec<_> = found.iter().map(|t| (t.name.as_str(), t.weight, t.statements.len())).collect();
        assert_eq!(shapes, [("a", 3, 1), ("b", 1, 2)]);
    }

    #[test]
    fn weights_are_kept() {
        let mut draw = Draw::new(&parse(TEXT), 7);
        let first = (0..4000).filter(|_| draw.next() == 0).count();
        assert!((2800..3200).contains(&first), "{first} of 4000, about 3000 expected");
    }
}
