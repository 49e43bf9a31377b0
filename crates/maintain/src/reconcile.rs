//! The scheduled verify: every model once in a while, one after the other, within a share of the leader's time. What differs is
//! told and repaired.

use std::time::{Duration, Instant};

use headwater_deploy::error::During;
use headwater_deploy::{Error, Silent, verify};
use headwater_postgres::Client;

use crate::leader::{Event, Observer, Settings};
use crate::upkeep::log;

/// When the next model has its turn.
#[derive(Debug)]
pub struct Reconciliation {
    every: Duration,
    budget: f64,
    next: Instant,
}

impl Reconciliation {
    /// Begins a while after the leader, so that a restart is not slowed down.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let wait = Duration::from_secs(60).min(settings.verify_every / 10);
        Self {
            every: settings.verify_every,
            budget: settings.verify_budget.clamp(0.000_1, 1.0),
            next: Instant::now() + wait,
        }
    }

    /// Verifies the model that has waited longest, where one has waited long enough and the budget allows.
    pub async fn run(&mut self, client: &mut Client, observer: &dyn Observer) -> Result<(), Error> {
        if self.every.is_zero() || Instant::now() < self.next {
            return Ok(());
        }
        let sql = "SELECT CASE WHEN m.schema_name = 'public' THEN m.name ELSE m.schema_name || '.' || m.name END \
                   FROM headwater.model AS m WHERE m.state = 'serving' AND m.installed_at IS NOT NULL \
                   AND coalesce(m.verified_at, m.installed_at) <= now() - make_interval(secs => $1) ORDER BY coalesce(m.verified_at, m.installed_at) LIMIT 1";
        let doing = "choosing a model to verify";
        let Some(row) = client.query_opt(sql, &[&self.every.as_secs_f64()]).await.during(doing)? else {
            self.next = Instant::now() + Duration::from_secs(1);
            return Ok(());
        };
        let name: String = row.get(0);
        let began = Instant::now();
        self.verify(client, &name, observer).await?;
        self.next = Instant::now() + began.elapsed().mul_f64(1.0 / self.budget - 1.0);
        Ok(())
    }

    async fn verify(&self, client: &mut Client, name: &str, observer: &dyn Observer) -> Result<(), Error> {
        let options = |repair| verify::Options { models: vec![name.to_owned()], repair };
        let found = verify::verify(client, &options(false), &Silent).await?;
        let differing = found.iter().find(|model| !model.exact);
        let Some(model) = differing else {
            observer.event(&Event::Verified(name, None));
            return Ok(());
        };
        let told = model.broken.clone().unwrap_or_else(|| model.comparison.to_string());
        observer.event(&Event::Verified(name, Some(told.clone())));
        log(client, name, "reconciliation", "failed", Some(&told)).await?;
        verify::verify(client, &options(true), &Silent).await?;
        Ok(())
    }
}
