//! Runs one subject as often as asked for, so many at the same time, each run on a connection that it asks the pool for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use futures_util::{StreamExt as _, TryStreamExt as _};
use headwater_deploy::Progress;
use headwater_postgres::describe;
use headwater_serve::database::{Connection, Database};

use super::Options;
use super::subject::{Run, Subject};

/// What the runs of one subject took.
#[derive(Debug, Default)]
pub struct Times {
    /// The subject's name.
    pub name: String,
    /// Milliseconds of each run, from asking for a connection to the last row.
    pub times: Vec<f64>,
    /// Milliseconds of waiting for connections, all together.
    pub waited: f64,
    /// Milliseconds of all runs together.
    pub all: f64,
    /// How many failed.
    pub errors: u64,
    /// What the first of them said.
    pub error: Option<String>,
}

/// Runs it. The first runs on each connection prepare the statement and are not counted.
pub async fn run(database: &Arc<Database>, subject: Arc<Subject>, options: &Options, progress: &dyn Progress) -> Times {
    let mut total = Times { name: subject.name.clone(), ..Times::default() };
    if subject.runs.is_empty() {
        total.errors = 1;
        total.error.clone_from(&subject.refused);
        return total;
    }
    let next = Arc::new(AtomicU32::new(0));
    let queries = options.queries;
    let worker = |_| {
        let (database, subject, next) = (Arc::clone(database), Arc::clone(&subject), Arc::clone(&next));
        async move { tokio::spawn(work(database, subject, next, queries)).await.expect("a worker does not panic") }
    };
    let workers = futures_util::stream::iter(0..options.concurrency).map(worker);
    let mut workers = std::pin::pin!(workers.buffer_unordered(options.concurrency as usize));
    let mut watch = tokio::time::interval(std::time::Duration::from_millis(200));
    loop {
        tokio::select! {
            found = workers.next() => match found {
                Some(found) => total.add(found),
                None => return total,
            },
            _ = watch.tick() => progress.done(u64::from(next.load(Ordering::Relaxed).min(queries))),
        }
    }
}

impl Times {
    fn add(&mut self, other: Self) {
        self.times.extend(other.times);
        self.waited += other.waited;
        self.all += other.all;
        self.errors += other.errors;
        self.error = self.error.take().or(other.error);
    }
}

async fn work(database: Arc<Database>, subject: Arc<Subject>, next: Arc<AtomicU32>, queries: u32) -> Times {
    let mut found = Times::default();
    let warm = once(&database, &subject.runs[0]).await;
    if let Err(error) = warm {
        return Times { errors: 1, error: Some(error), ..found };
    }
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= queries {
            return found;
        }
        match once(&database, &subject.runs[number as usize % subject.runs.len()]).await {
            Ok((waited, all)) => {
                found.times.push(all);
                found.waited += waited;
                found.all += all;
            }
            Err(error) => {
                found.errors += 1;
                found.error.get_or_insert(error);
            }
        }
    }
}

/// Milliseconds of waiting, and of all.
async fn once(database: &Database, run: &Run) -> Result<(f64, f64), String> {
    let began = Instant::now();
    let connection = database.primary().connection().await.map_err(|problem| problem.message)?;
    let waited = began.elapsed();
    rows(&connection, run).await.map_err(|error| describe(&error))?;
    Ok((waited.as_secs_f64() * 1000.0, began.elapsed().as_secs_f64() * 1000.0))
}

/// Reads every row and keeps none.
async fn rows(connection: &Connection, run: &Run) -> Result<usize, tokio_postgres::Error> {
    let rows = if run.texts {
        let parameters: Vec<Option<String>> = run.parameters.iter().map(|parameter| parameter.0.clone()).collect();
        connection.stream(&run.sql, &parameters).await?
    } else {
        let statement = connection.prepared(&run.sql).await?;
        connection.client().query_raw(&statement, &run.parameters).await?
    };
    rows.try_fold(0, |count, _| async move { Ok(count + 1) }).await
}
