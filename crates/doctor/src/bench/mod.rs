//! `bench`: how long the declared queries and the pages of the declared routes take.
//!
//! | module | does |
//! | --- | --- |
//! | [`subject`] | what is measured, with parameters drawn from the data |
//! | [`run`] | runs one subject, some at the same time, through the server's own pool |
//! | [`numbers`] | percentiles |
//!
//! Pages are measured at the level of SQL: the server's own statement, on a connection of the server's own pool with its settings, to the last
//! row. HTTP, JSON and the cache are left out; they need no database.

pub mod numbers;
pub mod run;
pub mod subject;

use std::time::Duration;

use headwater_deploy::project::Settings;
use headwater_deploy::{Error, Progress};
use headwater_postgres::{Config, connect};
use headwater_serve::database::Database;

pub use numbers::{By, Numbers};
pub use subject::Subject;

/// How it is measured.
#[derive(Debug, Clone)]
pub struct Options {
    /// How often each query is run.
    pub queries: u32,
    /// How many run at the same time.
    pub concurrency: u32,
    /// The longest that a query may take, unless it says so itself.
    pub max_time: Option<Duration>,
    /// Which number must not be longer.
    pub by: By,
    /// Only queries whose name contains one of these; all where there are none.
    pub only: Vec<String>,
}

/// What one query took.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Measured {
    /// Its name: that of a declared query, or a page as one asks for it.
    pub name: String,
    /// What it took.
    #[serde(flatten)]
    pub numbers: Numbers,
    /// How many runs failed.
    pub errors: u64,
    /// What the first of them said.
    pub error: Option<String>,
    /// How long it may take, in milliseconds.
    pub limit_ms: Option<f64>,
    /// It took longer, or failed.
    pub is_over: bool,
}

/// How the pool was used.
#[derive(Debug, Clone, Copy, Default, serde::Serialize)]
pub struct Pool {
    /// Connections that it may open.
    pub connections: usize,
    /// Milliseconds that runs spent waiting for a connection, all together.
    pub waited_ms: f64,
    /// Of the time from asking for a connection to the last row, the share in which there was one.
    pub efficiency: f64,
}

/// Everything that was measured.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Outcome {
    /// Query by query.
    pub measured: Vec<Measured>,
    /// The pool.
    pub pool: Pool,
}

impl Outcome {
    /// True where everything was as fast as it should be.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.measured.iter().all(|measured| !measured.is_over)
    }
}

/// Measures the project's queries and routes.
///
/// # Errors
/// Where the database cannot be reached, or the routes cannot be read.
pub async fn bench(
    config: &Config,
    settings: &Settings,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Outcome, headwater_serve::Error> {
    let client = connect(config).await?;
    progress.begin("drawing parameters", 1);
    let mut subjects = subject::all(&client, settings).await?;
    if !options.only.is_empty() {
        subjects.retain(|subject| options.only.iter().any(|only| subject.name.contains(only.as_str())));
    }
    drop(client);
    let database = std::sync::Arc::new(Database::new(config, &settings.serve)?);
    let connections = settings.serve.pool.size + settings.serve.pool.overflow;
    let mut outcome = Outcome { measured: Vec::new(), pool: Pool { connections, ..Pool::default() } };
    let (mut waited, mut all) = (0.0, 0.0);
    for subject in subjects {
        progress.begin(&subject.name, u64::from(options.queries));
        let limit = subject.max_time.or(options.max_time).map(|limit| limit.as_secs_f64() * 1000.0);
        let times = run::run(&database, std::sync::Arc::new(subject), options, progress).await;
        let numbers = Numbers::of(times.times);
        waited += times.waited;
        all += times.all;
        let is_slow = limit.is_some_and(|limit| options.by.of(&numbers) > limit);
        let is_over = times.errors > 0 || is_slow;
        let (name, errors, error) = (times.name, times.errors, times.error);
        outcome.measured.push(Measured { name, numbers, errors, error, limit_ms: limit, is_over });
    }
    progress.end();
    outcome.pool.waited_ms = waited;
    outcome.pool.efficiency = if all > 0.0 { 1.0 - waited / all } else { 1.0 };
    Ok(outcome)
}

/// What the deploying crate says, as what keeps a server from starting.
pub(crate) fn failed(error: Error) -> headwater_serve::Error {
    match error {
        Error::Postgres(error) => headwater_serve::Error::Postgres(error),
        error => headwater_serve::Error::Settings(vec![error.to_string()]),
    }
}
