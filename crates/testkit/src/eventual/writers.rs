//! Random transactions in several sessions at once, until they are told to stop. Some take their time: before a statement, or
//! between the last one and COMMIT, so that their changes become visible after those of transactions that began later.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use headwater_postgres::Client;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::TestDatabase;
use crate::property::session::Session;
use crate::property::statements::Writer;
use crate::property::tables::Table;
use crate::property::{Failure, below, chance};
use crate::traffic::Random;

/// So many lines of what happened last are kept.
const KEPT: usize = 150;

/// The first writer brings back rows that have gone, after so many transactions of its own.
const POPULATE_EVERY: usize = 120;

/// Writers at work.
#[derive(Debug)]
pub struct Writers {
    tasks: Vec<JoinHandle<Result<(), Failure>>>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    stop: AtomicBool,
    started: Instant,
    recent: Mutex<VecDeque<String>>,
    statements: AtomicUsize,
    refused: AtomicUsize,
    conflicts: AtomicUsize,
}

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

impl Writers {
    /// Starts `sessions` of them.
    ///
    /// # Panics
    /// Where they cannot connect.
    pub async fn start(database: &TestDatabase, tables: &[Table], seed: u64, sessions: u64) -> Self {
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            started: Instant::now(),
            recent: Mutex::default(),
            statements: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            conflicts: AtomicUsize::new(0),
        });
        let mut tasks = Vec::new();
        for number in 0..sessions {
            let client = database.connect().await;
            client
                .batch_execute("SET deadlock_timeout = '50ms'; SET statement_timeout = '60s'")
                .await
                .expect("settings");
            let seed = seed * 31 + number;
            let writer = Writer::new(tables, seed, database.server().major());
            tasks.push(tokio::spawn(write(number, client, writer, Random::new(seed ^ 0x5eed), Arc::clone(&shared))));
        }
        Self { tasks, shared }
    }

    /// What happened last, in the order in which statements ended.
    pub async fn recent(&self) -> Vec<String> {
        self.shared.recent.lock().await.iter().cloned().collect()
    }

    /// Notes something beside what the writers do.
    pub async fn note(&self, what: &str) {
        self.shared.note(what).await;
    }

    /// Lets every writer end its transaction. An error is one that no application should get.
    pub async fn stop(self) -> Result<Count, Failure> {
        self.shared.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.expect("a writer")?;
        }
        let count = |of: &AtomicUsize| of.load(Ordering::Relaxed);
        let (refused, conflicts) = (count(&self.shared.refused), count(&self.shared.conflicts));
        Ok(Count { statements: count(&self.shared.statements), refused, conflicts })
    }
}

impl Shared {
    async fn note(&self, line: &str) {
        let mut recent = self.recent.lock().await;
        if recent.len() == KEPT {
            recent.pop_front();
        }
        recent.push_back(format!("/* {} ms */ {line}", self.started.elapsed().as_millis()));
    }

    fn count(&self, line: &str) {
        self.statements.fetch_add(1, Ordering::Relaxed);
        let kind = if line.contains("SQLSTATE 40") {
            &self.conflicts
        } else if line.contains("; -- ") {
            &self.refused
        } else {
            return;
        };
        kind.fetch_add(1, Ordering::Relaxed);
    }
}

async fn write(
    number: u64,
    client: Client,
    mut writer: Writer,
    mut random: Random,
    shared: Arc<Shared>,
) -> Result<(), Failure> {
    let population = writer.population();
    let mut transactions = 0;
    while !shared.stop.load(Ordering::Relaxed) {
        let script = if number == 0 && transactions % POPULATE_EVERY == 0 {
            population.clone()
        } else {
            writer.transaction(true)
        };
        transactions += 1;
        let mut session = Session::new(&client);
        for statement in &script {
            rest(&mut random, statement).await;
            let before = session.history.len();
            session.step(statement).await?;
            for line in &session.history[before..] {
                shared.count(line);
                shared.note(&format!("/* {number} */ {line};")).await;
            }
        }
    }
    Ok(())
}

/// Mostly none. Some transactions commit late: after several batches.
async fn rest(random: &mut Random, statement: &str) {
    let longest = match statement {
        "COMMIT" | "ROLLBACK" if chance(random, 7) => 600,
        _ if chance(random, 20) => 15,
        _ => return,
    };
    tokio::time::sleep(Duration::from_millis(below(random, longest) as u64)).await;
}
