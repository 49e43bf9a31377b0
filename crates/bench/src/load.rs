//! The load generator: clients that run one prepared statement again and again, each on a connection of its own.
//!
//! All clients of a run share one thread, as `pgbench -j 1` does: nothing is handed from thread to thread, and the server
//! keeps as much of a small machine as possible. Such a thread drives some ten thousand statements a second.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use headwater_postgres::{Client, Config, connect};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::{Failure, cpu};

/// PL/pgSQL plans a statement anew for its first five runs; then the cached plan is there.
const WARM_UP: usize = 12;

/// Where statements wait for each other, the warm-up ends earlier.
const LONGEST_WARM_UP: Duration = Duration::from_secs(2);

/// A statement that waits longer than this has failed: hand-written triggers can lock each other up for good.
const STATEMENT_TIMEOUT: &str = "SET statement_timeout = '10s'";

/// Makes the parameters of one client's statements: called once per client with its number and the number of clients.
pub type Feed = Arc<dyn Fn(usize, usize) -> Box<dyn FnMut() -> Vec<Value> + Send> + Send + Sync>;

/// What is run.
#[derive(Clone)]
pub struct Load {
    /// Where.
    pub config: Config,
    /// How many connections.
    pub clients: usize,
    /// Run once per connection before anything else.
    pub setup: String,
    /// The statement.
    pub sql: String,
    /// Its parameters.
    pub feed: Feed,
}

/// A parameter.
#[derive(Debug, Clone)]
pub enum Value {
    /// One uuid.
    Uuid(Uuid),
    /// An array of them.
    Uuids(Vec<Uuid>),
    /// An int4.
    Int(i32),
    /// A text.
    Text(&'static str),
}

/// The sixteen bytes of a uuid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uuid(pub [u8; 16]);

impl<'a> FromSql<'a> for Uuid {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Failure> {
        Ok(Self(raw.try_into()?))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::UUID
    }
}

impl ToSql for Uuid {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
        out.extend_from_slice(&self.0);
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::UUID
    }

    to_sql_checked!();
}

impl Value {
    /// For tokio-postgres.
    pub fn as_sql(&self) -> &(dyn ToSql + Sync) {
        match self {
            Self::Uuid(value) => value,
            Self::Uuids(values) => values,
            Self::Int(value) => value,
            Self::Text(value) => value,
        }
    }
}

/// What one run found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Statements that succeeded.
    pub done: u64,
    /// SQLSTATE → statements that failed with it.
    pub failed: BTreeMap<String, u64>,
    /// From the first statement's start to the last one's end.
    pub seconds: f64,
    /// Sorted latencies of the statements that succeeded, in microseconds.
    pub latencies: Vec<u32>,
    /// CPU time of all backends, in microseconds.
    pub cpu_us: Option<f64>,
}

impl Found {
    /// Statements that succeeded, per second.
    pub fn per_second(&self) -> f64 {
        self.done as f64 / self.seconds
    }

    /// A latency in microseconds: the median is at 0.5. Not a number where nothing succeeded.
    pub fn latency(&self, at: f64) -> f64 {
        match self.latencies.len() {
            0 => f64::NAN,
            count => f64::from(self.latencies[((count as f64 * at) as usize).min(count - 1)]),
        }
    }

    /// Backend CPU microseconds per successful statement.
    pub fn cpu_each(&self) -> f64 {
        self.cpu_us.map_or(f64::NAN, |all| all / self.done as f64)
    }
}

/// Runs `load` for `time`.
pub async fn run(load: Load, time: Duration) -> Result<Found, Failure> {
    let on_a_thread = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(drive(load, time))
    };
    tokio::task::spawn_blocking(on_a_thread).await?
}

async fn drive(load: Load, time: Duration) -> Result<Found, Failure> {
    let mut connections = Vec::new();
    for number in 0..load.clients {
        let client = connect(&load.config).await?;
        client.batch_execute(STATEMENT_TIMEOUT).await?;
        client.batch_execute(&load.setup).await?;
        let process: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await?.get(0);
        connections.push((client, process, (load.feed)(number, load.clients)));
    }
    let processes: Vec<i32> = connections.iter().map(|(_, process, _)| *process).collect();
    let total_cpu = || processes.iter().map(|process| cpu::nanoseconds(*process)).sum::<Option<u64>>();

    let (warm, start) = (Arc::new(Barrier::new(load.clients + 1)), Arc::new(Barrier::new(load.clients + 1)));
    let mut tasks = JoinSet::new();
    for (client, _, feed) in connections {
        let barriers = (Arc::clone(&warm), Arc::clone(&start));
        tasks.spawn(write(client, load.sql.clone(), feed, time, barriers));
    }
    warm.wait().await;
    let before = total_cpu();
    start.wait().await;
    let started = Instant::now();
    let mut found = Found::default();
    let mut clients = Vec::new();
    while let Some(one) = tasks.join_next().await {
        let (client, one) = one??;
        clients.push(client);
        found.done += one.done;
        found.latencies.extend(one.latencies);
        for (code, times) in one.failed {
            *found.failed.entry(code).or_default() += times;
        }
    }
    found.seconds = started.elapsed().as_secs_f64();
    // The backends are still there: their clients are.
    found.cpu_us = before.zip(total_cpu()).map(|(before, after)| (after - before) as f64 / 1000.0);
    found.latencies.sort_unstable();
    Ok(found)
}

async fn write(
    client: Client,
    sql: String,
    mut feed: Box<dyn FnMut() -> Vec<Value> + Send>,
    time: Duration,
    (warm, start): (Arc<Barrier>, Arc<Barrier>),
) -> Result<(Client, Found), Failure> {
    let mut found = Found::default();
    let statement = client.prepare(&sql).await;
    if let Ok(statement) = &statement {
        let begun = Instant::now();
        for _ in 0..WARM_UP {
            if begun.elapsed() > LONGEST_WARM_UP {
                break;
            }
            let values = feed();
            let parameters: Vec<_> = values.iter().map(Value::as_sql).collect();
            // What fails here fails again below, where it is counted.
            let _ = client.execute(statement, &parameters).await;
        }
    }
    warm.wait().await;
    start.wait().await;
    let statement = statement?;
    let started = Instant::now();
    let mut now = started;
    while now - started < time {
        let values = feed();
        let parameters: Vec<_> = values.iter().map(Value::as_sql).collect();
        let outcome = client.execute(&statement, &parameters).await;
        let end = Instant::now();
        match outcome {
            Ok(_) => {
                found.done += 1;
                found.latencies.push(u32::try_from((end - now).as_micros()).unwrap_or(u32::MAX));
            }
            Err(error) => {
                let Some(code) = error.code() else { return Err(error.into()) };
                *found.failed.entry(code.code().to_owned()).or_default() += 1;
            }
        }
        now = end;
    }
    Ok((client, found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles() {
        let found = Found { latencies: (1..=100).collect(), ..Found::default() };
        assert_eq!((found.latency(0.5), found.latency(0.99), found.latency(1.0)), (51.0, 100.0, 100.0));
        assert!(Found::default().latency(0.5).is_nan());
    }
}
