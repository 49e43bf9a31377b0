//! What the models cost while the writers wrote, from the server's own statistics.

use std::time::Duration;

use headwater_deploy::Error;
use headwater_deploy::counters::{self, Counters};
use headwater_postgres::{Config, connect};

/// Statistics of a backend are certain to be visible this long after it ended (PostgreSQL 14 gathers them half-secondly).
const SETTLE: Duration = Duration::from_millis(1200);

/// Reads the counters, once all writers' are in them.
pub async fn read(config: &Config) -> Result<Counters, Error> {
    tokio::time::sleep(SETTLE).await;
    counters::read(&connect(config).await?).await
}
