//! Freshness: the time from a commit to the batch that has it. A probe commits an update that changes nothing but makes a
//! transaction, waits until the last batch's snapshot has it, and does so again.

use std::time::{Duration, Instant};

use headwater_deploy::Error;
use headwater_deploy::error::During;
use headwater_postgres::{Client, Config, connect};
use tokio::sync::watch;

/// Between two looks at the last batch.
const LOOK: Duration = Duration::from_micros(300);
/// Between two probes.
const PAUSE: Duration = Duration::from_millis(20);
/// A probe that waits longer is given up: no leader.
const GIVE_UP: Duration = Duration::from_secs(30);

/// What the probe measured.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Freshness {
    /// How many commits were followed.
    pub probes: usize,
    /// Half of them were in the models within so many milliseconds.
    pub p50_ms: f64,
    /// 99 of 100.
    pub p99_ms: f64,
    /// All of them.
    pub max_ms: f64,
}

/// Probes until `stop` says true. Nothing where there are no change queues.
pub async fn probe(config: Config, stop: watch::Receiver<bool>) -> Result<Option<Freshness>, Error> {
    let client = connect(&config).await?;
    let doing = "measuring freshness";
    let sql = "SELECT name FROM headwater.queue ORDER BY name LIMIT 1";
    let Some(queue) = client.query_opt(sql, &[]).await.during(doing)? else { return Ok(None) };
    // A queue row without sign counts for nothing and is taken like any other.
    let write = format!("INSERT INTO {} (hw_sign) VALUES (0) RETURNING hw_xid::text", queue.get::<_, &str>(0));
    let mut waits = Vec::new();
    while !*stop.borrow() {
        if let Some(wait) = one(&client, &write).await.during(doing)? {
            waits.push(wait);
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(Some(summary(waits)))
}

async fn one(client: &Client, write: &str) -> Result<Option<Duration>, tokio_postgres::Error> {
    let xid: String = client.query_one(write, &[]).await?.get(0);
    let committed = Instant::now();
    let look = client
        .prepare("SELECT pg_visible_in_snapshot($1::text::xid8, (SELECT snapshot FROM headwater.batch ORDER BY number DESC LIMIT 1))")
        .await?;
    while committed.elapsed() < GIVE_UP {
        if client.query_one(&look, &[&xid]).await?.get(0) {
            return Ok(Some(committed.elapsed()));
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(None)
}

fn summary(mut waits: Vec<Duration>) -> Freshness {
    waits.sort();
    let at = |share: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a position in a list"
        )]
        let position = ((waits.len() as f64 * share) as usize).min(waits.len().saturating_sub(1));
        waits.get(position).map_or(0.0, |wait| (wait.as_secs_f64() * 10_000.0).round() / 10.0)
    };
    Freshness { probes: waits.len(), p50_ms: at(0.5), p99_ms: at(0.99), max_ms: at(1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_sorted_waits() {
        let found = summary((1..=200).rev().map(Duration::from_millis).collect());
        assert_eq!((found.probes, found.p50_ms, found.p99_ms, found.max_ms), (200, 101.0, 199.0, 200.0));
        assert_eq!(summary(Vec::new()).probes, 0);
    }
}
