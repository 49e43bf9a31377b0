//! The clock of timed models: a tick each, several times a second, for as long as the writers write.

use std::time::Duration;

use headwater_deploy::Error;
use headwater_deploy::status::Status;
use headwater_deploy::verify::tick;
use headwater_postgres::{Config, connect};
use tokio::sync::watch;

/// Between two ticks.
const INTERVAL: Duration = Duration::from_millis(200);

/// The model tables whose rows change as time passes.
pub fn timed_tables(status: &Status) -> Vec<String> {
    status.models.iter().filter(|model| model.timed).map(|model| model.table.clone()).collect()
}

/// Ticks every table until `stop` says true.
pub async fn run(config: Config, tables: Vec<String>, mut stop: watch::Receiver<bool>) -> Result<(), Error> {
    if tables.is_empty() {
        return Ok(());
    }
    let client = connect(&config).await?;
    loop {
        for table in &tables {
            tick(&client, table).await?;
        }
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            _ = stop.wait_for(|stop| *stop) => return Ok(()),
        }
    }
}
