//! A streaming replica: how far it is, and whether pages may be read from it just now.
//!
//! It is left out where it does not answer, where it is of another epoch than the log (it still follows the primary that was), and where it
//! lacks what the primary had `max_lag` ago. A page that is under way when it is left out is read from the primary.

use std::sync::Arc;
use std::time::{Duration, Instant};

use headwater_deploy::project::serve::{Pool as PoolSettings, Replica as Settings, Serve};
use headwater_postgres::parse_url;
use tokio::sync::watch;

use super::{Connection, Pool};
use crate::error::Error;
use crate::position::Position;

/// How often it is asked how far it is.
const ROUND: Duration = Duration::from_millis(100);

/// One that has not answered for so long is left out.
const SILENCE: Duration = Duration::from_secs(2);

/// A replica.
#[derive(Debug)]
pub struct Replica {
    pool: Pool,
    /// Asks how far it is: a connection of its own, so that a rush of pages does not make it seem dead.
    asking: Pool,
    max_lag: Duration,
    /// Up to here it has replayed the log; `None` while it is left out.
    replayed: watch::Sender<Option<Position>>,
}

/// Why one is left out.
enum LeftOut {
    Silent,
    Behind(Duration),
    OtherEpoch,
}

impl Replica {
    /// As it is declared. Nothing is connected yet.
    pub(super) fn new(declared: &Settings, serve: &Serve) -> Result<Self, Error> {
        let config = parse_url(&declared.database)?;
        let pool = |size, overflow| {
            let settings = PoolSettings { size, overflow, ..serve.pool.clone() };
            Pool::new(&config, &settings, serve.timeout)
        };
        Ok(Self {
            pool: pool(declared.size, declared.overflow)?,
            asking: pool(1, 0)?,
            max_lag: declared.max_lag,
            replayed: watch::Sender::new(None),
        })
    }

    /// A connection, where it has what was there at `wanted`, and one is free.
    pub(super) async fn connection(&self, wanted: Option<Position>) -> Option<Connection> {
        let has = self
            .replayed
            .borrow()
            .is_some_and(|replayed| wanted.is_none_or(|wanted| wanted.epoch == replayed.epoch && wanted <= replayed));
        if !has {
            return None;
        }
        let mut connection = self.pool.at_once(SILENCE).await?;
        connection.to_replica = true;
        Some(connection)
    }

    /// Leaves it out until it has answered again.
    pub fn leave_out(&self) {
        self.replayed.send_replace(None);
    }

    /// Returns when it is left out.
    pub async fn left_out(&self) {
        let _ = self.replayed.subscribe().wait_for(Option::is_none).await;
    }

    pub(super) fn shrink(&self) {
        self.pool.shrink();
    }

    /// Keeps note of how far it is; `newest` is where the log of the primary is.
    pub(super) async fn follow(self: Arc<Self>, newest: watch::Receiver<Position>, mut stop: watch::Receiver<bool>) {
        let mut lag = Lag { wanted: *newest.borrow(), since: Instant::now() };
        let mut was = None;
        while !*stop.borrow() {
            let newest = *newest.borrow();
            let found = match tokio::time::timeout(SILENCE, self.asking.newest()).await {
                Ok(Ok(found)) => self.judge(found, newest, &mut lag),
                _ => Err(LeftOut::Silent),
            };
            tell(&found, &mut was);
            self.replayed.send_replace(found.ok());
            tokio::select! {
                () = tokio::time::sleep(ROUND) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    /// Where it is, if it may be read from there; `newest` is where the log was before it was asked.
    fn judge(&self, found: Position, newest: Position, lag: &mut Lag) -> Result<Position, LeftOut> {
        let behind = lag.of(found, newest);
        if found.epoch < newest.epoch {
            return Err(LeftOut::OtherEpoch);
        }
        if behind > self.max_lag { Err(LeftOut::Behind(behind)) } else { Ok(found) }
    }
}

/// How far one is behind, by this machine's clock.
struct Lag {
    /// A position that it has not been seen at.
    wanted: Position,
    /// The log was there then.
    since: Instant,
}

impl Lag {
    fn of(&mut self, found: Position, newest: Position) -> Duration {
        // Another epoch may have begun where the earlier one had come farther.
        if found >= self.wanted {
            *self = Self { wanted: newest, since: Instant::now() };
        }
        self.since.elapsed()
    }
}

/// Says when it is left out, and when it is used again.
fn tell(found: &Result<Position, LeftOut>, was: &mut Option<bool>) {
    let used = found.is_ok();
    if was.replace(used) == Some(used) {
        return;
    }
    match found {
        Ok(position) => tracing::info!(%position, "pages are read from the replica"),
        Err(LeftOut::Silent) => tracing::warn!("the replica is left out: it does not answer"),
        Err(LeftOut::Behind(lag)) => {
            tracing::warn!(seconds = lag.as_secs_f64(), "the replica is left out: it is behind");
        }
        Err(LeftOut::OtherEpoch) => {
            tracing::warn!("the replica is left out: it follows another server than the primary of now");
        }
    }
}
