//! The leader beside the writers, on a thread of its own, so that its CPU time can be told from the load generator's; and what is
//! in the change queues.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use headwater_deploy::batch::{self, How};
use headwater_maintain::{Event, Observer, Settings, lead};
use headwater_postgres::{Client, Config, connect};
use tokio::sync::watch;

use crate::Failure;
use crate::cpu::{self, Thread};
use crate::curves::percentile;

/// So long it may take to take the lead, or to catch up.
const PATIENCE: Duration = Duration::from_secs(600);

/// A leader at work.
pub struct Leader {
    stop: watch::Sender<bool>,
    thread: JoinHandle<Result<(), Failure>>,
    seen: Arc<Seen>,
    backend: i32,
}

/// A batch that had something to do.
#[derive(Debug, Clone, Copy)]
pub struct Round {
    /// How long it took.
    pub took: Duration,
    /// Rows taken from the queues.
    pub taken: i64,
}

/// What a leader did between two moments.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Work {
    /// Batches that had something to do.
    pub batches: usize,
    /// Rows taken from the queues.
    pub taken: i64,
    /// Milliseconds that a batch took, of all such.
    pub batch_p50_ms: f64,
    /// The same.
    pub batch_p99_ms: f64,
    /// The same.
    pub batch_max_ms: f64,
    /// CPU time of its backend in percent of one core.
    pub backend_percent: f64,
    /// CPU time of its own thread in percent of one core.
    pub process_percent: f64,
    /// What went wrong.
    pub troubles: Vec<String>,
}

impl Work {
    /// CPU time of both in percent of one core.
    pub fn percent(&self) -> f64 {
        self.backend_percent + self.process_percent
    }
}

/// A moment in a leader's life, to begin counting at.
pub struct Mark {
    at: Instant,
    batches: usize,
    troubles: usize,
    backend: Option<u64>,
    process: Option<u64>,
}

#[derive(Default)]
struct Seen {
    leads: Mutex<Option<Thread>>,
    rounds: Mutex<Vec<Round>>,
    troubles: Mutex<Vec<String>>,
}

impl Observer for Seen {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Leads => *held(&self.leads) = Some(Thread::current()),
            Event::Batch(batch, took) => {
                held(&self.rounds).push(Round { took: *took, taken: batch.taken });
            }
            Event::Trouble(text) => held(&self.troubles).push(text.clone()),
            _ => {}
        }
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Leader {
    /// Begins to lead; returns when it does.
    pub async fn start(config: &Config) -> Result<Self, Failure> {
        let (stop, stopped) = watch::channel(false);
        let seen = Arc::new(Seen::default());
        let thread = std::thread::spawn({
            let (config, seen) = (config.clone(), Arc::clone(&seen));
            move || -> Result<(), Failure> {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                Ok(runtime.block_on(lead(&config, &Settings::default(), stopped, &*seen))?)
            }
        });
        let begun = Instant::now();
        while held(&seen.leads).is_none() {
            if thread.is_finished() || begun.elapsed() > PATIENCE {
                return Err(format!("no leader: {}", held(&seen.troubles).join("; ")).into());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let sql = "SELECT pid FROM pg_locks JOIN pg_stat_activity USING (pid) \
                   WHERE locktype = 'advisory' AND granted AND application_name = 'headwater maintain' AND datname = current_database()";
        let backend = connect(config).await?.query_one(sql, &[]).await?.get(0);
        Ok(Self { stop, thread, seen, backend })
    }

    /// Now.
    pub fn mark(&self) -> Mark {
        Mark {
            at: Instant::now(),
            batches: held(&self.seen.rounds).len(),
            troubles: held(&self.seen.troubles).len(),
            backend: cpu::nanoseconds(self.backend),
            process: self.used(),
        }
    }

    /// Nanoseconds of CPU time that its own thread has used.
    pub fn used(&self) -> Option<u64> {
        held(&self.seen.leads).as_ref().and_then(Thread::nanoseconds)
    }

    /// What it did since.
    pub fn since(&self, mark: &Mark) -> Work {
        let now = self.mark();
        let rounds: Vec<Round> = held(&self.seen.rounds)[mark.batches..now.batches].to_vec();
        let elapsed = now.at - mark.at;
        let percent = |before: Option<u64>, after: Option<u64>| {
            before.zip(after).map_or(f64::NAN, |(before, after)| {
                100.0 * after.saturating_sub(before) as f64 / elapsed.as_nanos() as f64
            })
        };
        let took = |share| percentile(rounds.iter().map(|round| round.took.as_secs_f64() * 1000.0).collect(), share);
        Work {
            batches: rounds.len(),
            taken: rounds.iter().map(|round| round.taken).sum(),
            batch_p50_ms: took(0.5),
            batch_p99_ms: took(0.99),
            batch_max_ms: took(1.0),
            backend_percent: percent(mark.backend, now.backend),
            process_percent: percent(mark.process, now.process),
            troubles: held(&self.seen.troubles)[mark.troubles..].to_vec(),
        }
    }

    /// All batches since then.
    pub fn rounds(&self, mark: &Mark) -> Vec<Round> {
        held(&self.seen.rounds)[mark.batches..].to_vec()
    }

    /// Ends it.
    pub async fn stop(self) -> Result<(), Failure> {
        let _ = self.stop.send(true);
        let thread = self.thread;
        tokio::task::spawn_blocking(move || thread.join().map_err(|_| Failure::from("the leader panicked"))).await??
    }
}

/// Runs batches until there is nothing to do, where no leader is; how long that took.
pub async fn catch_up(config: &Config) -> Result<Duration, Failure> {
    let mut client = connect(config).await?;
    let begun = Instant::now();
    while batch::run(&mut client, How { careful: false, force: true }).await?.done {
        if begun.elapsed() > PATIENCE {
            return Err("batches find more and more to do".into());
        }
    }
    Ok(begun.elapsed())
}

/// Rows in all change queues that a batch has yet to take, and the bytes of these tables with their indexes.
pub async fn backlog(client: &Client) -> Result<(i64, i64), Failure> {
    let names = client.query("SELECT name FROM headwater.queue ORDER BY name", &[]).await?;
    let (mut rows, mut bytes) = (0, 0);
    for row in names {
        let name: String = row.get(0);
        let sql = format!("SELECT (SELECT count(*) FROM {name}), pg_total_relation_size($1::text::regclass)");
        let row = client.query_one(&sql, &[&name]).await?;
        rows += row.get::<_, i64>(0);
        bytes += row.get::<_, i64>(1);
    }
    Ok((rows, bytes))
}

/// Models that are computed anew after changes, at intervals, and so may be older than the last batch.
pub async fn debounced(client: &Client) -> Result<Vec<String>, Failure> {
    let sql = "SELECT name FROM headwater.model WHERE diff_sources <> '{}' AND state <> 'retired' ORDER BY name";
    Ok(client.query(sql, &[]).await?.iter().map(|row| row.get(0)).collect())
}
