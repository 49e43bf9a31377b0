//! Looks every second, and remembers what the database does not: since when changes wait, and how much has changed from look to look.
//! All of it is in this process's memory, begins anew with it, and says nothing of the time before.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use headwater_deploy::health::Versions;
use headwater_deploy::status::ModelStatus;
use serde_json::{Map, Value, json};

use super::Admin;
use super::look::Look;
use crate::http::problem::Problem;
use crate::server::Server;

/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(1);

/// Every how many looks one is kept, and how many are: five minutes.
const KEPT_EVERY: u64 = 2;
/// See [`KEPT_EVERY`].
const KEPT: usize = 150;

/// Over how many kept looks the present rate is taken: ten seconds, for PostgreSQL's counters move by the second.
const RATE: usize = 5;

/// How many changes tell what one costs.
const ENOUGH: i64 = 10;

/// What is remembered.
#[derive(Debug, Default)]
pub struct Watch(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    last: Option<Arc<Look>>,
    problem: Option<String>,
    /// When nothing waited for a model table, in milliseconds since 1970.
    clean: BTreeMap<String, f64>,
    kept: VecDeque<Kept>,
    looks: u64,
}

/// A look that is kept, with what this server was doing.
#[derive(Debug)]
struct Kept {
    number: u64,
    look: Arc<Look>,
    lags: BTreeMap<String, Option<i64>>,
    streams: usize,
}

/// What a model changes and costs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rate {
    /// Rows written to its table a second.
    pub changes_per_second: Option<f64>,
    /// Microseconds that one of them takes.
    pub us_per_change: Option<f64>,
}

impl Watch {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest look, and what has kept later ones from being taken.
    #[must_use]
    pub fn last(&self) -> (Option<Arc<Look>>, Option<String>) {
        let memory = self.memory();
        (memory.last.clone(), memory.problem.clone())
    }

    /// When nothing waited for a model table.
    #[must_use]
    pub fn clean(&self, table: &str) -> Option<f64> {
        self.memory().clean.get(table).copied()
    }

    fn note(&self, look: &Arc<Look>) {
        let mut memory = self.memory();
        memory.problem = None;
        if memory.last.as_ref().is_some_and(|last| last.now > look.now) {
            return;
        }
        for model in look.status.models.iter().filter(|model| !model.waiting) {
            memory.clean.insert(model.table.clone(), look.now);
        }
        memory.clean.retain(|table, _| look.status.models.iter().any(|model| model.table == *table));
        memory.last = Some(Arc::clone(look));
    }

    fn fail(&self, problem: &Problem) {
        self.memory().problem = Some(problem.message.clone());
    }

    fn keep(&self, look: &Arc<Look>, streams: usize) {
        let mut memory = self.memory();
        let number = memory.looks;
        memory.looks += 1;
        if !number.is_multiple_of(KEPT_EVERY) {
            return;
        }
        let health = |(name, model): (&str, Versions<'_>)| {
            let clean = model.main().and_then(|main| memory.clean.get(&main.table).copied());
            (name.to_owned(), look.health(&model, clean).lag_ms)
        };
        let lags = look.models().into_iter().map(health).collect();
        memory.kept.push_back(Kept { number: number / KEPT_EVERY + 1, look: Arc::clone(look), lags, streams });
        while memory.kept.len() > KEPT {
            memory.kept.pop_front();
        }
    }

    /// The present rates, by model table.
    #[must_use]
    pub fn rates(&self) -> BTreeMap<String, Rate> {
        let memory = self.memory();
        let Some(last) = memory.kept.back() else { return BTreeMap::new() };
        let before = memory.kept.iter().rev().nth(RATE.min(memory.kept.len().saturating_sub(1)));
        let models = &last.look.status.models;
        let costs = memory
            .kept
            .front()
            .map_or_else(BTreeMap::new, |first| last.look.counters.since(&first.look.counters).us_per_change(models));
        let each = |model: &ModelStatus| {
            let table = &model.table;
            let changes_per_second = before.and_then(|before| per_second(before, last, |look| changes(look, table)));
            let changed =
                memory.kept.front().map(|first| last.look.counters.changes(table) - first.look.counters.changes(table));
            let us_per_change = costs.get(table).copied().flatten().filter(|_| changed >= Some(ENOUGH));
            (table.clone(), Rate { changes_per_second, us_per_change })
        };
        models.iter().map(each).collect()
    }

    /// Rows that a source table has had written a second.
    #[must_use]
    pub fn source_rate(&self, source: &str) -> Option<f64> {
        let memory = self.memory();
        let (last, before) = (memory.kept.back()?, memory.kept.iter().rev().nth(RATE.min(memory.kept.len() - 1))?);
        per_second(before, last, |look| Some(look.sources.get(source)?.changes))
    }

    /// What was kept after a sample, each as rates since the one before it.
    #[must_use]
    pub fn series(&self, since: u64) -> Value {
        let memory = self.memory();
        let pairs = memory.kept.iter().zip(memory.kept.iter().skip(1)).filter(|(_, sample)| sample.number > since);
        let samples: Vec<Value> = pairs.map(|(before, sample)| shown(before, sample)).collect();
        let newest = memory.kept.back().map_or(0, |sample| sample.number);
        json!({ "newest": newest, "interval_ms": INTERVAL.as_millis() as u64 * KEPT_EVERY, "kept": KEPT, "samples": samples })
    }
}

/// A sample.
fn shown(before: &Kept, sample: &Kept) -> Value {
    let model = |(name, model): (&str, Versions<'_>)| {
        let table = &model.main()?.table;
        let written = per_second(before, sample, |look| changes(look, table));
        Some((name.to_owned(), json!({ "written": written, "lag_ms": sample.lags.get(name).copied().flatten() })))
    };
    let models: Map<String, Value> = sample.look.models().into_iter().filter_map(model).collect();
    json!({
        "n": sample.number,
        "at": sample.look.now.round(),
        "batches": per_second(before, sample, |look| Some(look.batch)),
        "streams": sample.streams,
        "models": models,
    })
}

/// Changes of a model's table; none where it is not counted yet.
fn changes(look: &Look, table: &str) -> Option<i64> {
    look.counters.knows(table).then(|| look.counters.changes(table))
}

/// How fast a counter grew; none where it is not in both looks, or was set back.
#[expect(clippy::cast_precision_loss, reason = "counters stay far below 2^52")]
fn per_second(before: &Kept, after: &Kept, counter: impl Fn(&Look) -> Option<i64>) -> Option<f64> {
    let grown = counter(&after.look)? - counter(&before.look)?;
    let seconds = (after.look.now - before.look.now) / 1000.0;
    (grown >= 0 && seconds > 0.0).then(|| grown as f64 / seconds)
}

/// Looks now.
///
/// # Errors
/// Where the database does not answer, or does not let this role look.
pub async fn look(server: &Server, admin: &Admin) -> Result<Arc<Look>, Problem> {
    let taking = async { Look::take(admin.connection().await?.client()).await };
    let taken = tokio::time::timeout(server.settings.timeout, taking).await.unwrap_or_else(|_| Err(Problem::timeout()));
    match taken {
        Ok(look) => {
            let look = Arc::new(look);
            admin.watch.note(&look);
            Ok(look)
        }
        Err(problem) => {
            admin.watch.fail(&problem);
            Err(problem)
        }
    }
}

/// Looks again and again, until the server stops.
pub async fn keep(server: Arc<Server>, admin: Arc<Admin>) {
    let mut stop = server.stop.clone();
    while !*stop.borrow() {
        if let Ok(look) = look(&server, &admin).await {
            admin.watch.keep(&look, server.gate.limits.open());
        }
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}
