//! What the leader does again and again.
//!
//! ```text
//! look: has any transaction ended since the last look, is a row due?   no → rest
//! batch                                                                 failed → once more, carefully
//! tick realtime models whose rows change as time passes
//! keep house, reconcile
//! rest
//! ```

use std::time::{Duration, Instant};

use headwater_deploy::batch::{self, Batch, How, Outcome, Preparation};
use headwater_deploy::error::{During, is_conflict, is_lock_timeout};
use headwater_deploy::{Error, installed, verify};
use headwater_postgres::Client;
use tokio::sync::watch;
use tokio_postgres::Statement;

use crate::leader::{Event, Observer, Settings, rest};
use crate::pace::Pace;
use crate::reconcile::Reconciliation;
use crate::upkeep::Upkeep;

/// How long a batch waits for a table that is being truncated or rewritten, before it lets others have their turn.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);
/// Between two ticks of realtime models.
const TICK: Duration = Duration::from_millis(100);
/// Between two rounds of housekeeping.
const UPKEEP: Duration = Duration::from_secs(1);
/// A leader looks at least this often, or the server takes it for dead.
const LOOK: Duration = Duration::from_secs(1);
/// The pause after a batch that even carefully failed; it doubles up to a minute.
const TROUBLE: Duration = Duration::from_millis(500);

/// Leads until `stop` says true or the connection fails.
pub async fn run(
    client: &mut Client,
    settings: &Settings,
    stop: &mut watch::Receiver<bool>,
    observer: &dyn Observer,
) -> Result<(), Error> {
    if batch::check_cluster(client).await? {
        observer.event(&Event::Trouble("another server than before: eventual models are rebuilt".into()));
    }
    let mut cycle = Cycle::begin(client, settings).await?;
    loop {
        let pause = cycle.round(client, observer).await?;
        if rest(pause.min(LOOK), stop).await {
            cycle.upkeep.finish(client).await?;
            return Ok(());
        }
    }
}

/// What one leader keeps in mind.
struct Cycle {
    /// Asks for the server's snapshot; prepared, because it is asked so often.
    look: Statement,
    preparation: Preparation,
    pace: Pace,
    /// The functions that let time pass in realtime models.
    ticks: Vec<String>,
    seen: String,
    due: Option<Instant>,
    ticked: Instant,
    kept: Instant,
    failures: u32,
    upkeep: Upkeep,
    reconciliation: Reconciliation,
}

impl Cycle {
    async fn begin(client: &Client, settings: &Settings) -> Result<Self, Error> {
        let now = Instant::now();
        let look = client.prepare("SELECT pg_current_snapshot()::text").await.during("preparing to look")?;
        Ok(Self {
            look,
            preparation: Preparation::load(client).await?,
            pace: Pace::new(max_lag(client).await?),
            ticks: ticks(client).await?,
            seen: String::new(),
            due: None,
            ticked: now,
            kept: now,
            failures: 0,
            upkeep: Upkeep::new(settings.log_keep),
            reconciliation: Reconciliation::new(settings),
        })
    }

    /// Other models are installed than a moment ago.
    async fn look_anew(&mut self, client: &Client) -> Result<(), Error> {
        self.preparation = Preparation::load(client).await?;
        self.pace = Pace::new(max_lag(client).await?);
        self.ticks = ticks(client).await?;
        self.seen.clear();
        Ok(())
    }

    /// One round; gives how long to rest.
    async fn round(&mut self, client: &mut Client, observer: &dyn Observer) -> Result<Duration, Error> {
        if self.ticked.elapsed() >= TICK {
            self.ticked = Instant::now();
            for function in &self.ticks {
                if let Err(error) = verify::tick(client, function).await {
                    self.trouble(error, observer)?;
                }
            }
        }
        if self.kept.elapsed() >= UPKEEP {
            self.kept = Instant::now();
            self.upkeep.run(client, observer).await?;
            self.reconciliation.run(client, observer).await?;
        }
        // Ends of transactions move the snapshot; where it has not moved, no change can have become visible.
        let doing = "looking for changes";
        let seen: String = client.query_one(&self.look, &[]).await.during(doing)?.get(0);
        let is_due = self.due.is_some_and(|due| due <= Instant::now());
        if seen == self.seen && !is_due {
            let pause = self.pace.after_nothing();
            return Ok(self.until_due(pause));
        }
        let began = Instant::now();
        match self.batch(client, observer).await? {
            Some(done) => {
                self.seen = seen;
                let took = began.elapsed();
                self.due =
                    done.next_due.map(|seconds| Instant::now() + Duration::from_secs_f64(seconds.clamp(0.0, 3600.0)));
                let pause = if done.done { self.pace.after_work(took) } else { self.pace.after_nothing() };
                if done.done {
                    self.upkeep.count(&done, took);
                    observer.event(&Event::Batch(&done, took));
                }
                Ok(self.until_due(pause))
            }
            None => Ok(TROUBLE.saturating_mul(1 << self.failures.min(7)).min(Duration::from_secs(60))),
        }
    }

    /// Not longer than until something is due.
    fn until_due(&self, pause: Duration) -> Duration {
        self.due
            .map_or(pause, |due| pause.min(due.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))))
    }

    /// A batch; where it fails, the same with care. `None` where that failed too: it is tried again later.
    async fn batch(&mut self, client: &mut Client, observer: &dyn Observer) -> Result<Option<Batch>, Error> {
        for careful in [false, true] {
            match self.attempt(client, How { careful, force: false }).await {
                Ok(batch) => {
                    self.failures = 0;
                    for model in &batch.failed {
                        observer.event(&Event::Trouble(format!(
                            "{model} failed; it keeps its last exact rows and is retried"
                        )));
                    }
                    return Ok(Some(batch));
                }
                Err(error) if careful || passes(&error) => {
                    self.trouble(error, observer)?;
                    break;
                }
                Err(error) => self.trouble(error, observer)?,
            }
        }
        self.failures += 1;
        Ok(None)
    }

    /// One message carries the whole batch. Begins again while models change or the clock stands behind.
    async fn attempt(&mut self, client: &mut Client, how: How) -> Result<Batch, Error> {
        loop {
            let sql = format!("{}; COMMIT", self.preparation.begin(how, LOCK_TIMEOUT));
            let messages = match client.simple_query(&sql).await {
                Ok(messages) => messages,
                Err(source) => {
                    let _ = client.batch_execute("ROLLBACK").await;
                    return Err(source).during("running a batch");
                }
            };
            match batch::outcome(&messages) {
                Some(Outcome::Ran(batch)) => return Ok(batch),
                Some(Outcome::Stale) | None => self.look_anew(client).await?,
                Some(Outcome::Early) => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
    }

    /// Tells of a failure that this connection survives; passes on one that it does not.
    fn trouble(&self, error: Error, observer: &dyn Observer) -> Result<(), Error> {
        if error.is_unreachable() {
            return Err(error);
        }
        observer.event(&Event::Trouble(error.to_string()));
        Ok(())
    }
}

/// True for a lock that was not granted and for conflicts: nothing is wrong with any model.
fn passes(error: &Error) -> bool {
    matches!(error, Error::Statement { source, .. } if is_lock_timeout(source) || is_conflict(source))
}

/// The least lag that the models allow, where all of them allow one.
async fn max_lag(client: &Client) -> Result<Option<Duration>, Error> {
    let sql = "SELECT CASE WHEN bool_and(m.max_lag IS NOT NULL) THEN extract(epoch FROM min(m.max_lag))::float8 END \
               FROM headwater.model AS m WHERE m.step IS NOT NULL AND m.state <> 'retired'";
    let row = client.query_one(sql, &[]).await.during("reading how far behind models may be")?;
    Ok(row.get::<_, Option<f64>>(0).and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()))
}

async fn ticks(client: &Client) -> Result<Vec<String>, Error> {
    Ok(installed::load(client)
        .await?
        .iter()
        .filter(|model| model.serves())
        .filter_map(installed::InstalledModel::tick)
        .collect())
}
