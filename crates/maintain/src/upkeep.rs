//! Housekeeping: the log's age, event logs that are trimmed, the refresh log's summary of batches, broken realtime models.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use headwater_deploy::batch::Batch;
use headwater_deploy::error::During;
use headwater_deploy::{Error, Silent, verify};
use headwater_postgres::Client;

use crate::leader::{Event, Observer};

/// How many rows of an event log go in one step.
const TRIM_ROWS: i64 = 1000;
/// How often the summary of a minute is written.
const SUMMARY: Duration = Duration::from_secs(10);
/// How often the log's partitions are looked through.
const LOG: Duration = Duration::from_secs(60);
/// How long dropping a partition of the log waits for its readers.
const LOCK_TIMEOUT_MS: u32 = 200;
/// The first pause before a broken realtime model is repaired again; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What a leader keeps in mind of its house.
#[derive(Debug)]
pub struct Upkeep {
    log_keep: Duration,
    log_looked: Option<Instant>,
    minute: Minute,
    repairs: BTreeMap<String, (Instant, Duration)>,
}

/// The batches of one minute.
#[derive(Debug)]
struct Minute {
    began: Instant,
    written: Instant,
    id: Option<i64>,
    batches: i64,
    keys: i64,
    taken: i64,
    longest: Duration,
    unwritten: bool,
}

impl Minute {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            began: now,
            written: now,
            id: None,
            batches: 0,
            keys: 0,
            taken: 0,
            longest: Duration::ZERO,
            unwritten: false,
        }
    }
}

impl Upkeep {
    /// Begins.
    #[must_use]
    pub fn new(log_keep: Duration) -> Self {
        Self { log_keep, log_looked: None, minute: Minute::new(), repairs: BTreeMap::new() }
    }

    /// Counts a batch for the summary.
    pub fn count(&mut self, batch: &Batch, took: Duration) {
        let minute = &mut self.minute;
        minute.batches += 1;
        minute.keys += batch.keys;
        minute.taken += batch.taken;
        minute.longest = minute.longest.max(took);
        minute.unwritten = true;
    }

    /// One round.
    pub async fn run(&mut self, client: &mut Client, observer: &dyn Observer) -> Result<(), Error> {
        if self.minute.unwritten && self.minute.written.elapsed() >= SUMMARY {
            self.write_summary(client).await?;
        }
        if self.minute.began.elapsed() >= Duration::from_secs(60) {
            self.write_summary(client).await?;
            self.minute = Minute::new();
        }
        if self.log_looked.is_none_or(|looked| looked.elapsed() >= LOG) {
            self.log_looked = Some(Instant::now());
            drop_old_log(client, self.log_keep).await?;
        }
        trim(client).await?;
        self.repair(client, observer).await
    }

    /// Before the leader goes.
    pub async fn finish(&mut self, client: &Client) -> Result<(), Error> {
        self.write_summary(client).await
    }

    /// One row a minute, written again as the minute goes on.
    async fn write_summary(&mut self, client: &Client) -> Result<(), Error> {
        let minute = &mut self.minute;
        if !minute.unwritten {
            return Ok(());
        }
        let doing = "writing the refresh log";
        let seconds = minute.began.elapsed().as_secs_f64();
        let by = format!(
            "{} batches, {} changes taken, longest {:.1} ms",
            minute.batches,
            minute.taken,
            minute.longest.as_secs_f64() * 1000.0
        );
        let sql = "INSERT INTO headwater.mv_refresh_log (id, view_name, refresh_started_at, refresh_completed_at, duration_ms, row_count, triggered_by, status) \
                   VALUES (coalesce($1, nextval('headwater.mv_refresh_log_id_seq')), 'batches', clock_timestamp() - make_interval(secs => $2), clock_timestamp(), ($2 * 1000)::int, $3, $4, 'completed') \
                   ON CONFLICT (id) DO UPDATE SET refresh_completed_at = excluded.refresh_completed_at, duration_ms = excluded.duration_ms, row_count = excluded.row_count, triggered_by = excluded.triggered_by RETURNING id";
        let row = client.query_one(sql, &[&minute.id, &seconds, &minute.keys, &by]).await.during(doing)?;
        minute.id = Some(row.get(0));
        minute.written = Instant::now();
        minute.unwritten = false;
        Ok(())
    }

    /// Broken eventual models are rebuilt by batches; realtime ones are repaired here, as a writer would.
    async fn repair(&mut self, client: &mut Client, observer: &dyn Observer) -> Result<(), Error> {
        let sql = "SELECT CASE WHEN m.schema_name = 'public' THEN m.name ELSE m.schema_name || '.' || m.name END FROM headwater.model AS m \
                   WHERE m.mode = 'realtime' AND m.installed_at IS NOT NULL AND (m.state = 'broken' \
                   OR m.state = 'serving' AND EXISTS (SELECT FROM headwater.missed AS q WHERE q.model = m.table_name))";
        let broken = client.query(sql, &[]).await.during("looking for broken models")?;
        let broken: Vec<String> = broken.iter().map(|row| row.get(0)).collect();
        self.repairs.retain(|name, _| broken.contains(name));
        for name in broken {
            let pause = match self.repairs.get(&name) {
                Some((last, pause)) if last.elapsed() < *pause => continue,
                Some((_, pause)) => (*pause * 2).min(LONGEST_PAUSE),
                None => FIRST_PAUSE,
            };
            self.repairs.insert(name.clone(), (Instant::now(), pause));
            let options = verify::Options { models: vec![name.clone()], repair: true };
            match verify::verify(client, &options, &Silent).await {
                Ok(found) if found.iter().all(|model| model.exact && model.broken.is_none()) => {
                    log(client, &name, "repair", "completed", None).await?;
                }
                Ok(_) => log(client, &name, "repair", "failed", Some("still not exact")).await?,
                Err(error) if error.is_unreachable() => return Err(error),
                Err(error) => {
                    log(client, &name, "repair", "failed", Some(&error.to_string())).await?;
                    observer.event(&Event::Trouble(format!("repairing {name}: {error}")));
                }
            }
        }
        Ok(())
    }
}

/// A row of the refresh log.
pub(crate) async fn log(
    client: &Client,
    model: &str,
    by: &str,
    status: &str,
    message: Option<&str>,
) -> Result<(), Error> {
    let sql = "INSERT INTO headwater.mv_refresh_log (view_name, refresh_completed_at, triggered_by, status, message) VALUES ($1, clock_timestamp(), $2, $3, $4)";
    client.execute(sql, &[&model, &by, &status, &message]).await.during("writing the refresh log")?;
    Ok(())
}

/// Drops the partitions whose hour ended longer ago than the log is kept. One that is being read is dropped later.
async fn drop_old_log(client: &Client, keep: Duration) -> Result<(), Error> {
    let doing = "dropping old parts of the log";
    let sql = "SELECT c.relname::text FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid \
               WHERE i.inhparent = 'headwater.log'::regclass AND c.relname ~ '^log_[0-9]{10}$' \
               AND to_timestamp(substr(c.relname, 5) || '+00', 'YYYYMMDDHH24TZH') + interval '1 hour' + make_interval(secs => $1) < now()";
    for row in client.query(sql, &[&keep.as_secs_f64()]).await.during(doing)? {
        let partition: &str = row.get(0);
        let drop =
            format!("BEGIN; SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}; DROP TABLE headwater.\"{partition}\"; COMMIT");
        if client.batch_execute(&drop).await.is_err() {
            client.batch_execute("ROLLBACK").await.during(doing)?;
        }
    }
    client
        .execute("DELETE FROM headwater.mv_refresh_log WHERE refresh_started_at < now() - interval '90 days'", &[])
        .await
        .during("trimming the refresh log")?;
    Ok(())
}

/// Event logs lose their oldest rows in small steps.
async fn trim(client: &Client) -> Result<(), Error> {
    let doing = "trimming an event log";
    let sql = "SELECT m.trim FROM headwater.model AS m WHERE m.trim IS NOT NULL AND m.installed_at IS NOT NULL AND m.state = 'serving'";
    for row in client.query(sql, &[]).await.during(doing)? {
        client.execute(row.get::<_, &str>(0), &[&TRIM_ROWS]).await.during(doing)?;
    }
    Ok(())
}
