//! Several sessions write at once, each a random script at mixed isolation levels; between bursts all models are compared.

use std::sync::Arc;
use std::time::{Duration, Instant};

use headwater_postgres::Client;
use tokio::sync::Mutex;

use super::session::{Failure, Judge, Session};
use super::stage::Stage;
use super::statements::Writer;

/// Transactions of each session between two comparisons.
const BURST: usize = 12;

/// What happened in a burst, in the order in which statements ended.
type Log = Arc<Mutex<Vec<String>>>;

/// What was run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Count {
    /// Statements, those of transactions' frames included.
    pub statements: usize,
    /// Statements that a constraint refused.
    pub refused: usize,
    /// Statements that another writer got in the way of.
    pub conflicts: usize,
}

/// Writes with `sessions` sessions until `until`.
pub async fn run(stage: &Stage, seed: u64, sessions: usize, until: Instant) -> Result<Count, Failure> {
    let database = stage.copy().await;
    let control = database.connect().await;
    let judge = Judge::load(&control, &[]).await;
    let mut writers: Vec<Writer> =
        (0..sessions as u64).map(|number| Writer::new(&stage.tables, seed * 31 + number, stage.major())).collect();
    let mut clients = Vec::new();
    for _ in 0..sessions {
        let client = database.connect().await;
        client.batch_execute("SET deadlock_timeout = '50ms'; SET statement_timeout = '30s'").await.expect("settings");
        clients.push(Arc::new(client));
    }
    let mut count = Count::default();
    let population = writers[0].population();
    while Instant::now() < until {
        // Rows that have gone since come back.
        Session::new(&control).populate(&population, &judge).await?;
        let log = Log::default();
        let mut running = Vec::new();
        for (number, (client, writer)) in clients.iter().zip(&mut writers).enumerate() {
            let scripts: Vec<Vec<String>> = (0..BURST).map(|_| writer.transaction(true)).collect();
            running.push(tokio::spawn(burst(number, Arc::clone(client), scripts, Arc::clone(&log))));
        }
        let mut failed = None;
        for one in running {
            failed = one.await.expect("a session").err().or(failed);
        }
        let history = log.lock().await.clone();
        let refused = history.iter().filter(|statement| statement.contains("; -- ")).count();
        let conflicts = history.iter().filter(|statement| statement.contains("SQLSTATE 40")).count();
        count.statements += history.len();
        count.refused += refused - conflicts;
        count.conflicts += conflicts;
        let found = Session::new(&control).check(&judge).await.err().or(failed);
        if let Some(failure) = found {
            return Err(Failure { history, ..failure });
        }
    }
    Ok(count)
}

async fn burst(number: usize, client: Arc<Client>, scripts: Vec<Vec<String>>, log: Log) -> Result<(), Failure> {
    let started = Instant::now();
    for script in scripts {
        let mut session = Session::new(&client);
        for statement in &script {
            let before = session.history.len();
            session.step(statement).await?;
            let mut log = log.lock().await;
            for line in &session.history[before..] {
                let at = Duration::as_millis(&started.elapsed());
                log.push(format!("/* session {number}, {at} ms */ {line}"));
            }
        }
    }
    Ok(())
}
