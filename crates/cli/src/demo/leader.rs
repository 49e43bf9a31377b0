//! The leader beside the writers: what it did, added up.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use headwater_deploy::Error;
use headwater_maintain::{Event, Observer, Settings, lead};
use headwater_postgres::Config;
use tokio::sync::watch;

/// What the leader did.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Work {
    /// Batches that had something to do.
    pub batches: u64,
    /// Rows taken from the change queues.
    pub taken: i64,
    /// Keys recomputed and rows written by rebuilds.
    pub keys: i64,
    /// The longest batch, in milliseconds.
    pub longest_ms: f64,
    /// What went wrong, and was overcome.
    pub troubles: Vec<String>,
}

struct Sum(Mutex<Work>);

impl Observer for Sum {
    fn event(&self, event: &Event<'_>) {
        let mut work = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Batch(batch, took) => {
                work.batches += 1;
                work.taken += batch.taken;
                work.keys += batch.keys;
                work.longest_ms = work.longest_ms.max((took.as_secs_f64() * 10_000.0).round() / 10.0);
            }
            Event::Trouble(text) => work.troubles.push(text.clone()),
            Event::Verified(name, Some(found)) => work.troubles.push(format!("{name}: {found}")),
            Event::StandsBy | Event::Leads | Event::Verified(_, None) => {}
        }
    }
}

/// Leads until `stop` says true.
pub async fn run(config: Config, stop: watch::Receiver<bool>) -> Result<Work, Error> {
    let sum = Arc::new(Sum(Mutex::new(Work::default())));
    let settings = Settings { verify_every: Duration::ZERO, ..Settings::default() };
    lead(&config, &settings, stop, &*sum).await?;
    let work = sum.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(work)
}
