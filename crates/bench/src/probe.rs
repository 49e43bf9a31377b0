//! Freshness: the time from a commit to the batch that has it, as a writer sees it. A probe casts a vote, waits until the snapshot
//! of the last batch has its transaction, rests a while that is never the same, lest it keep step with the leader, and does so again.
//!
//! It has a thread of its own and sleeps there to the tenth of a millisecond; tokio's timers only tell whole milliseconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use headwater_postgres::{Client, Config, connect};
use tokio_postgres::error::SqlState;

use crate::Failure;
use crate::load::{Feed, Value};

/// The first look comes so soon; the longer it waits, the less often it looks, so that looking costs little.
const LOOK: Duration = Duration::from_micros(400);

/// A vote and its transaction. A user or project that has just gone, or a vote that is there, gives none.
const VOTE: &str = "INSERT INTO upvotes (user_id, project_id) \
                    SELECT u.id, p.id FROM users AS u, projects AS p WHERE u.id = $1 AND p.id = $2 FOR KEY SHARE OF u, p \
                    ON CONFLICT DO NOTHING RETURNING pg_current_xact_id()::text";
const SEEN: &str = "SELECT pg_visible_in_snapshot($1::text::xid8, (SELECT snapshot FROM headwater.batch ORDER BY number DESC LIMIT 1))";

/// One commit that was followed.
#[derive(Debug, Clone, Copy)]
pub struct Sight {
    /// When it was committed.
    pub at: Instant,
    /// How long until the models had it.
    pub wait: Duration,
}

/// A probe at work.
pub struct Probe {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<Vec<Sight>, Failure>>,
}

impl Probe {
    /// Begins. A probe's last wait is given up after `patience`, and counts as that long.
    pub fn start(config: &Config, feed: &Feed, patience: Duration) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let (config, feed, stop) = (config.clone(), Arc::clone(feed), Arc::clone(&stop));
            move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                runtime.block_on(follow(&config, &feed, patience, &stop))
            }
        });
        Self { stop, thread }
    }

    /// What it saw; returns after its last commit was seen.
    pub async fn finish(self) -> Result<Vec<Sight>, Failure> {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread;
        tokio::task::spawn_blocking(move || thread.join().map_err(|_| Failure::from("the probe panicked"))).await??
    }
}

async fn follow(config: &Config, feed: &Feed, patience: Duration, stop: &AtomicBool) -> Result<Vec<Sight>, Failure> {
    let client = connect(config).await?;
    let (vote, seen) = (client.prepare(VOTE).await?, client.prepare(SEEN).await?);
    let mut feed = feed(0, 7);
    let mut sights = Vec::new();
    for number in 0_u64.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let values = feed();
        let parameters: Vec<_> = values.iter().map(Value::as_sql).collect();
        let row = client.query_opt(&vote, &parameters).await?;
        let at = Instant::now();
        if let Some(row) = row {
            let xid: String = row.get(0);
            while !client.query_one(&seen, &[&xid]).await?.get::<_, bool>(0) && at.elapsed() < patience {
                std::thread::sleep(LOOK.max(at.elapsed() / 20));
            }
            sights.push(Sight { at, wait: at.elapsed() });
        }
        std::thread::sleep(Duration::from_micros(3_000 + (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33) % 17_000));
    }
    Ok(sights)
}

/// Waits until the models have all that has committed by now; how long that took, or `None` after `patience`.
pub async fn until_visible(client: &Client, patience: Duration) -> Result<Option<Duration>, Failure> {
    let begun = Instant::now();
    let sql = "SELECT headwater.wait(make_interval(secs => $1))";
    match client.query_one(sql, &[&patience.as_secs_f64()]).await {
        Ok(_) => Ok(Some(begun.elapsed())),
        Err(error) if error.code() == Some(&SqlState::QUERY_CANCELED) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Waits until the models have this transaction, which must have written what they read; how long since `begun`, or `None` where that is more than `patience`.
pub async fn visible(
    client: &Client,
    xid: &str,
    begun: Instant,
    patience: Duration,
) -> Result<Option<Duration>, Failure> {
    while !client.query_one(SEEN, &[&xid]).await?.get::<_, bool>(0) {
        if begun.elapsed() > patience {
            return Ok(None);
        }
        tokio::time::sleep(Duration::from_millis(2).max(begun.elapsed() / 50)).await;
    }
    Ok(Some(begun.elapsed()))
}
